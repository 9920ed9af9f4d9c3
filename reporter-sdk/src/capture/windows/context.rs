//! The exception record and the registers of a thread at the moment of an error, as the crash slot has them.

use std::{cell::UnsafeCell, mem::MaybeUninit, ptr};

use windows_sys::Win32::System::Diagnostics::Debug::{
    CONTEXT, EXCEPTION_POINTERS, EXCEPTION_RECORD, RtlCaptureContext,
};

use crate::capture::claim::Claim;

/// What the crash slot holds of an error. The handler reads it as the hostile input it is.
#[repr(C)]
pub(crate) struct Context {
    /// Where `pointers` is in the product: what a writer of minidumps asks for.
    pub(crate) address: u64,
    pub(crate) pointers: EXCEPTION_POINTERS,
    pub(crate) record: EXCEPTION_RECORD,
    pub(crate) registers: Registers,
}

// SAFETY: plain data: its pointers are addresses in the product, which are compared and never followed.
#[cfg(feature = "handler")]
unsafe impl Send for Context {}

/// The system's structure asks for an alignment that windows-sys does not give it: RtlCaptureContext stores the vector registers by instructions that fault elsewhere.
#[repr(C, align(16))]
pub(crate) struct Registers(pub(crate) CONTEXT);

impl Context {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        let size = size_of::<Self>();
        // SAFETY: it was zeroed as bytes before it was filled, so that padding has a value too; borrowed as long as the result.
        unsafe { std::slice::from_raw_parts(ptr::from_ref(self).cast(), size) }
    }

    /// From the bytes of a crash slot; `None` for another size.
    #[cfg(any(feature = "handler", test))]
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Box<Self>> {
        if bytes.len() != size_of::<Self>() {
            return None;
        }
        let mut context = Box::<Self>::new_uninit();
        // SAFETY: there is room for so many bytes.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), context.as_mut_ptr().cast(), bytes.len()) };
        // SAFETY: integers, arrays of them and raw pointers, for which any bytes are a value.
        Some(unsafe { context.assume_init() })
    }
}

/// The one context that is being made. Not on the stack: a thread that handles its stack overflow has little of it.
struct Buffer(UnsafeCell<MaybeUninit<Context>>);

// SAFETY: used by whoever holds the claim, one thread at a time.
unsafe impl Sync for Buffer {}

static BUFFER: Buffer = Buffer(UnsafeCell::new(MaybeUninit::zeroed()));

/// Of `CONTEXT_XSTATE`: there is more than the structure.
const EXTENDED: u32 = if cfg!(any(target_arch = "x86_64", target_arch = "x86")) { 0x40 } else { 0 };

/// What the system handed to an exception handler.
///
/// # Safety
/// `pointers` is what a handler was called with and has not returned from, and no other context is in use.
pub(crate) unsafe fn of_exception(claim: &mut Claim, pointers: *const EXCEPTION_POINTERS) -> &Context {
    let out = empty(claim);
    // SAFETY: as the caller promises.
    let EXCEPTION_POINTERS { ExceptionRecord: record, ContextRecord: registers } = unsafe { *pointers };
    if !record.is_null() {
        // SAFETY: there for as long as the handler runs. As bytes: a copy of the structure may leave its padding out.
        unsafe {
            ptr::copy_nonoverlapping(record.cast::<u8>(), (&raw mut out.record).cast(), size_of_val(&out.record))
        };
    }
    if !registers.is_null() {
        let to = (&raw mut out.registers.0).cast::<u8>();
        // SAFETY: as above.
        unsafe { ptr::copy_nonoverlapping(registers.cast::<u8>(), to, size_of::<CONTEXT>()) };
        // The newer vector registers lie behind the structure there, and are not copied: the handler reads them where they are.
        out.registers.0.ContextFlags &= !EXTENDED;
    }
    out.pointers = EXCEPTION_POINTERS { ExceptionRecord: record, ContextRecord: registers };
    out.address = pointers as u64;
    out
}

/// The context of the caller, for errors without an exception: with this code, as if it had been one. The caller's frame must be there until the dump is taken.
///
/// Inlined always: the frame of a function of its own would be gone by then, its memory the next call's, and the dump's first frames a guess.
#[inline(always)]
pub(crate) fn here_as(claim: &mut Claim, code: i32) -> &Context {
    let out = empty(claim);
    // SAFETY: writes the registers of this point into a structure that is large enough and aligned.
    unsafe { RtlCaptureContext(&raw mut out.registers.0) };
    out.record.ExceptionCode = code;
    out.record.ExceptionAddress = instruction(&out.registers.0);
    let pointers = EXCEPTION_POINTERS { ExceptionRecord: &raw mut out.record, ContextRecord: &raw mut out.registers.0 };
    out.pointers = pointers;
    out.address = &raw const out.pointers as u64;
    out
}

/// As above, for what is no exception at all.
#[inline(always)]
pub(crate) fn here(claim: &mut Claim, _pid: u32, _tid: u32) -> &Context {
    /// A status of the system would be read as a fault. This is Crashpad's code for a dump without one, which debuggers' readers know.
    const SIMULATED: i32 = 0x0517_a7ed;
    here_as(claim, SIMULATED)
}

fn instruction(registers: &CONTEXT) -> *mut core::ffi::c_void {
    #[cfg(target_arch = "x86_64")]
    let at = registers.Rip;
    #[cfg(target_arch = "x86")]
    let at = registers.Eip;
    #[cfg(target_arch = "aarch64")]
    let at = registers.Pc;
    ptr::without_provenance_mut(at as usize)
}

fn empty(_: &mut Claim) -> &mut Context {
    let buffer = BUFFER.0.get();
    // SAFETY: the claim, borrowed as long as the result lives, makes this the only use. Zeroed as bytes, so that padding holds nothing either.
    unsafe { ptr::write_bytes(buffer, 0, 1) };
    // SAFETY: as above; integers, arrays of them, and raw pointers, for all of which zero is a value.
    unsafe { &mut *buffer.cast::<Context>() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::claim::Claimed;

    #[test]
    fn the_registers_are_of_a_frame_that_lives_on_and_come_back_from_bytes() {
        let Claimed::Yes(mut claim) = Claim::take(1, u64::MAX) else { panic!("not claimed") };
        let context = here(&mut claim, 1, 1);
        let read = Context::from_bytes(context.as_bytes()).unwrap();
        assert_eq!(read.record.ExceptionCode, context.record.ExceptionCode);
        assert!(Context::from_bytes(&context.as_bytes()[1..]).is_none());
        #[cfg(target_arch = "x86_64")]
        {
            let stack: u64;
            // SAFETY: reads a register and touches nothing.
            unsafe { std::arch::asm!("mov {}, rsp", out(reg) stack, options(nomem, nostack, preserves_flags)) };
            assert_eq!(read.registers.0.Rsp, stack);
        }
        assert_eq!(context.address, &raw const context.pointers as u64);
    }
}

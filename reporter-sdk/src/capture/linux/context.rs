//! The registers of a thread at the moment of an error, as `crash_context::CrashContext`, which the dump writer understands.

use std::{
    cell::UnsafeCell,
    mem::{self, MaybeUninit},
    ptr,
};

use crash_context::CrashContext;

use crate::capture::claim::Claim;

/// The one context that is being made. Not on the stack: a Rust thread that never called the SDK handles its fault on the standard library's alternate
/// stack, which has room for the kernel's frame and little more.
struct Buffer(UnsafeCell<MaybeUninit<CrashContext>>);

// SAFETY: used by whoever holds the claim, one thread at a time.
unsafe impl Sync for Buffer {}

static BUFFER: Buffer = Buffer(UnsafeCell::new(MaybeUninit::zeroed()));

/// What `siginfo_t` says, in the fields of the kernel's `signalfd_siginfo`.
///
/// The two are laid out differently: copying one over the other puts nonsense into all but the first three fields, and 0 into the
/// address.
fn fill_siginfo(out: &mut libc::signalfd_siginfo, info: &libc::siginfo_t) {
    out.ssi_signo = info.si_signo as u32;
    out.ssi_errno = info.si_errno;
    out.ssi_code = info.si_code;
    if let Some(address) = address(info) {
        out.ssi_addr = address;
    } else if info.si_code <= 0 {
        // SAFETY: a signal that was sent (code 0 or below) carries its sender, and any bit pattern is a number.
        out.ssi_pid = unsafe { info.si_pid() } as u32;
        // SAFETY: as above.
        out.ssi_uid = unsafe { info.si_uid() };
    }
}

/// What was accessed, for a fault that has such an address.
///
/// A general protection fault (SI_KERNEL; on x86 any non-canonical address) has none: the kernel says 0, which is not where it was.
pub(crate) fn address(info: &libc::siginfo_t) -> Option<u64> {
    const SI_KERNEL: i32 = 0x80;
    let has = matches!(info.si_signo, libc::SIGSEGV | libc::SIGBUS | libc::SIGILL | libc::SIGFPE)
        && info.si_code > 0
        && info.si_code != SI_KERNEL;
    // SAFETY: the kernel fills the address for these signals when they come from a fault.
    has.then(|| unsafe { info.si_addr() } as u64)
}

/// The instruction and the stack pointer of a thread in a signal handler. Async-signal-safe.
///
/// # Safety
/// `ucontext` is the third argument of a running `SA_SIGINFO` handler.
pub(crate) unsafe fn position(ucontext: *const libc::c_void) -> (usize, usize) {
    // By offset: the structure is not borrowed, since the kernel's ends where libc's goes on.
    #[cfg(target_arch = "x86_64")]
    {
        let registers = ucontext.wrapping_byte_add(mem::offset_of!(libc::ucontext_t, uc_mcontext.gregs));
        // SAFETY: this field lies in the part that the kernel has as well.
        let registers = unsafe { registers.cast::<[libc::greg_t; 23]>().read() };
        (registers[libc::REG_RIP as usize] as usize, registers[libc::REG_RSP as usize] as usize)
    }
    #[cfg(target_arch = "aarch64")]
    {
        let register = |offset: usize| ucontext.wrapping_byte_add(offset).cast::<u64>();
        // SAFETY: this field lies in the part that the kernel has as well.
        let instruction = unsafe { register(mem::offset_of!(libc::ucontext_t, uc_mcontext.pc)).read() };
        // SAFETY: as above.
        let stack = unsafe { register(mem::offset_of!(libc::ucontext_t, uc_mcontext.sp)).read() };
        (instruction as usize, stack as usize)
    }
}

/// The context that the kernel handed to a signal handler. Async-signal-safe: copies alone.
///
/// # Safety
/// `ucontext` is the third argument of a running `SA_SIGINFO` handler, and no other context is in use.
#[cfg(target_arch = "x86_64")]
pub(crate) unsafe fn of_signal<'a>(
    claim: &'a mut Claim,
    info: &libc::siginfo_t,
    ucontext: *const libc::c_void,
    pid: u32,
    tid: u32,
) -> &'a CrashContext {
    let out = empty(claim, pid, tid);
    fill_siginfo(&mut out.siginfo, info);
    // The kernel's structure ends after 8 bytes of signal mask, where libc's goes on for hundreds: reading libc's size would read past it.
    let size = mem::offset_of!(crash_context::ucontext_t, uc_sigmask) + 8;
    // SAFETY: the kernel's structure has at least `size` bytes and starts with the same fields; ours is larger.
    unsafe { ptr::copy_nonoverlapping(ucontext.cast::<u8>(), (&raw mut out.context).cast(), size) };
    let float = out.context.uc_mcontext.fpregs;
    if !float.is_null() {
        // SAFETY: the kernel points this at the saved floating point state (FXSAVE layout, 512 bytes) in the same signal frame.
        out.float_state = unsafe { ptr::read_unaligned(float) };
    }
    out
}

/// As above. Here the floating point state is part of the machine context, as a record that starts its reserved space.
///
/// # Safety
/// `ucontext` is the third argument of a running `SA_SIGINFO` handler, and no other context is in use.
#[cfg(target_arch = "aarch64")]
pub(crate) unsafe fn of_signal<'a>(
    claim: &'a mut Claim,
    info: &libc::siginfo_t,
    ucontext: *const libc::c_void,
    pid: u32,
    tid: u32,
) -> &'a CrashContext {
    let out = empty(claim, pid, tid);
    fill_siginfo(&mut out.siginfo, info);
    // SAFETY: on this architecture the kernel's structure has the full size, 4 KiB of reserved space included.
    unsafe { ptr::copy_nonoverlapping(ucontext.cast(), &raw mut out.context, 1) };
    // SAFETY: the kernel writes its FPSIMD record first into the reserved space, which follows the fixed fields of the machine context.
    unsafe {
        let mcontext = (*ucontext.cast::<libc::ucontext_t>()).uc_mcontext;
        ptr::copy_nonoverlapping((&raw const mcontext.__reserved).cast(), &raw mut out.float_state, 1);
    }
    out
}

/// The context of the caller, for errors without a signal. The caller's frame must be there until the dump is taken.
///
/// Inlined always: the frame of a function of its own would be gone by then, its memory the next call's, and the dump's first frames a guess.
#[inline(always)]
pub(crate) fn here(claim: &mut Claim, pid: u32, tid: u32) -> &CrashContext {
    let out = empty(claim, pid, tid);
    // SAFETY: writes the registers of this point into a structure that is large enough.
    unsafe { crash_context::crash_context_getcontext(&raw mut out.context) };
    #[cfg(target_arch = "x86_64")]
    {
        let float = out.context.uc_mcontext.fpregs;
        if !float.is_null() {
            // SAFETY: set by the call above to a place inside `out`, which has not moved since.
            out.float_state = unsafe { ptr::read_unaligned(float) };
        }
    }
    out
}

fn empty(_: &mut Claim, pid: u32, tid: u32) -> &mut CrashContext {
    let buffer = BUFFER.0.get();
    // SAFETY: the claim, borrowed as long as the result lives, makes this the only use. Zeroed as bytes, so that padding holds nothing either.
    unsafe { ptr::write_bytes(buffer, 0, 1) };
    // SAFETY: as above; integers, arrays of them, and raw pointers, for all of which zero is a value.
    let out = unsafe { &mut *buffer.cast::<CrashContext>() };
    out.pid = pid as i32;
    out.tid = tid as i32;
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::claim::Claimed;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_registers_are_of_a_frame_that_lives_on() {
        let Claimed::Yes(mut claim) = Claim::take(1, u64::MAX) else { panic!("not claimed") };
        let context = here(&mut claim, 1, 1);
        let stack: u64;
        // SAFETY: reads a register and touches nothing.
        unsafe { std::arch::asm!("mov {}, rsp", out(reg) stack, options(nomem, nostack, preserves_flags)) };
        assert_eq!(context.context.uc_mcontext.gregs[libc::REG_RSP as usize] as u64, stack);
    }
}

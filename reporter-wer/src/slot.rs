//! The crash slot of the memory that product and handler share, written from outside. Its layout is the SDK's (`shared/layout.rs`); a test of the SDK's reads what is
//! written here.

use std::{
    mem::{MaybeUninit, offset_of},
    ptr, slice,
};

use windows_sys::Win32::{
    Foundation::{EXCEPTION_ACCESS_VIOLATION, EXCEPTION_IN_PAGE_ERROR, FILETIME},
    System::{
        Diagnostics::Debug::{CONTEXT, EXCEPTION_POINTERS, EXCEPTION_RECORD},
        Performance::{QueryPerformanceCounter, QueryPerformanceFrequency},
        SystemInformation::GetSystemTimePreciseAsFileTime,
    },
};

use crate::product::{Fault, Process};

/// `report.v1.ErrorKind`: a fault.
const KIND_CRASH: u64 = 1;
/// Words before the context: sequence, number, kind, ids, two times, signal, whether there is an address, the address, bytes of the context.
const HEADER_WORDS: usize = 10;

/// Of `CONTEXT_XSTATE`: there is more than the structure.
const EXTENDED: u32 = if cfg!(any(target_arch = "x86_64", target_arch = "x86")) { 0x40 } else { 0 };

const SECOND: u64 = 1_000_000_000;

/// What the slot holds of the fault, after its words.
#[repr(C)]
struct Context {
    address: u64,
    pointers: EXCEPTION_POINTERS,
    record: EXCEPTION_RECORD,
    registers: Registers,
}

/// The system's structure asks for an alignment that windows-sys does not give it.
#[repr(C, align(16))]
struct Registers(CONTEXT);

/// Fills the slot at this address.
pub(crate) fn write(process: &Process, slot: u64, fault: &Fault) -> Option<()> {
    let context_at = slot.checked_add(HEADER_WORDS as u64 * 8)?;
    let old: [u8; 16] = process.read(slot)?;
    let [sequence, number] = [&old[..8], &old[8..]].map(|word| word.try_into().map_or(0, u64::from_le_bytes));
    let access = access(&fault.record);
    let address = access.map(|(_, address)| address as u64);
    let detail = access.map_or(fault.record.ExceptionFlags, |(how, _)| how as u32);
    let words = [
        // Odd: it is being written.
        sequence | 1,
        number.wrapping_add(1),
        KIND_CRASH,
        u64::from(process.id) | u64::from(fault.thread) << 32,
        monotonic(),
        realtime(),
        u64::from(fault.record.ExceptionCode.cast_unsigned()) | u64::from(detail) << 32,
        u64::from(address.is_some()),
        address.unwrap_or(0),
        size_of::<Context>() as u64,
    ];
    let context = context(fault, context_at)?;
    process.write(slot, &words[0].to_le_bytes())?;
    process.write(slot, words.map(u64::to_le_bytes).as_flattened())?;
    // SAFETY: it was zeroed as bytes before it was filled, so that padding has a value too; borrowed until the call returns.
    let bytes = unsafe { slice::from_raw_parts(ptr::from_ref(&*context).cast::<u8>(), size_of::<Context>()) };
    process.write(context_at, bytes)?;
    // Even: it is whole.
    process.write(slot, &words[0].wrapping_add(1).to_le_bytes())
}

/// The context, with pointers to where it is going to be in the product: a writer of minidumps looks for it there.
fn context(fault: &Fault, at: u64) -> Option<Box<Context>> {
    // SAFETY: integers, arrays of them and raw pointers, for all of which zero is a value.
    let mut context = unsafe { Box::<Context>::new(MaybeUninit::zeroed().assume_init()) };
    let within = |offset: usize| at.checked_add(offset as u64);
    context.address = within(offset_of!(Context, pointers))?;
    context.pointers.ExceptionRecord = within(offset_of!(Context, record))? as *mut EXCEPTION_RECORD;
    context.pointers.ContextRecord = within(offset_of!(Context, registers))? as *mut CONTEXT;
    context.record = fault.record;
    context.registers.0 = fault.registers;
    // What lies behind the structure there, the newer vector registers, is not copied.
    context.registers.0.ContextFlags &= !EXTENDED;
    Some(context)
}

/// How memory was accessed (0 to read, 1 to write, 8 to execute) and where, of an exception that says so.
fn access(record: &EXCEPTION_RECORD) -> Option<(usize, usize)> {
    let says = matches!(record.ExceptionCode, EXCEPTION_ACCESS_VIOLATION | EXCEPTION_IN_PAGE_ERROR);
    let [how, address, ..] = record.ExceptionInformation;
    (says && record.NumberParameters >= 2).then_some((how, address))
}

/// Nanoseconds by the clock of the product's actions.
fn monotonic() -> u64 {
    let (mut counts, mut frequency) = (0, 0);
    // SAFETY: fills a number that lives here.
    unsafe { QueryPerformanceCounter(&raw mut counts) };
    // SAFETY: as above.
    unsafe { QueryPerformanceFrequency(&raw mut frequency) };
    let (counts, frequency) = (counts.cast_unsigned(), frequency.cast_unsigned().max(1));
    (counts / frequency).wrapping_mul(SECOND).wrapping_add((counts % frequency).wrapping_mul(SECOND) / frequency)
}

/// Nanoseconds since 1970-01-01T00:00:00Z.
fn realtime() -> u64 {
    /// Between 1601 and 1970, in units of 100 ns.
    const EPOCH: u64 = 11_644_473_600 * (SECOND / 100);
    let mut time = FILETIME { dwLowDateTime: 0, dwHighDateTime: 0 };
    // SAFETY: fills a structure that lives here.
    unsafe { GetSystemTimePreciseAsFileTime(&raw mut time) };
    let hundreds = u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime);
    hundreds.saturating_sub(EPOCH).saturating_mul(100)
}

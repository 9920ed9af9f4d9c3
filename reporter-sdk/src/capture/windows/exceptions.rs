//! The hooks that tell of a fault.
//!
//! Of the system: the filter for exceptions that nobody handles, and a vectored handler for those that never get there. Of each C runtime in the process: what it
//! calls where it gives up ([`crt`]). Nothing in this process sees a fast-fail (`__fastfail`: a buffer overrun, `std::process::abort`, a panic under `panic =
//! "abort"`), nor what another process ends: the handler sees the end, and of the former is told by [`wer`] where an administrator has allowed that.

use std::{
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering},
    },
};

use report_format::schema::v1::ErrorKind;
use windows_sys::Win32::{
    Foundation::{
        GetLastError, HMODULE, STATUS_ACCESS_VIOLATION, STATUS_HEAP_CORRUPTION, STATUS_IN_PAGE_ERROR,
        STATUS_STACK_OVERFLOW, SetLastError,
    },
    System::{
        Diagnostics::Debug::{
            AddVectoredExceptionHandler, EXCEPTION_CONTINUE_SEARCH, EXCEPTION_POINTERS, EXCEPTION_RECORD,
            RemoveVectoredExceptionHandler,
        },
        LibraryLoader::{GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW},
        Threading::{GetCurrentProcess, TerminateProcess},
    },
};

use super::{chain, context, copies, cpp, crt, managed, stacks, waiter, wer};
use crate::{
    capture::{
        claim::{self, Claim, Claimed},
        handled,
    },
    reporter,
    shared::writer::{self, Crash, Exception},
};

/// Held while hooks are put in force or taken out. Never taken in one of them.
static ARMING: Mutex<()> = Mutex::new(());
/// What the system knows our vectored handler by; null while it is not in force.
static VECTORED: AtomicPtr<core::ffi::c_void> = AtomicPtr::new(std::ptr::null_mut());

/// Puts our hooks in force, on top of those that others have installed since.
///
/// Nothing is done once a fault was reported: those that were there before are in force to finish the process.
pub(crate) fn rearm() -> io::Result<()> {
    let _arming = ARMING.lock().unwrap_or_else(PoisonError::into_inner);
    if reporter::active().is_none() || claim::is_ending() {
        return Ok(());
    }
    keep_this_module()?;
    managed::watch();
    managed::look();
    stacks::look();
    chain::arm(on_unhandled);
    // A newer one first, so that there is none without. Before those of others: a managed runtime's does not return.
    // SAFETY: our handler lives as long as the program does.
    let newer = unsafe { AddVectoredExceptionHandler(1, Some(on_exception)) };
    remove(VECTORED.swap(newer, Ordering::AcqRel));
    crt::arm();
    waiter::start()?;
    if newer.is_null() { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Puts back what was there, once no reporter is active.
pub(crate) fn disarm() {
    let _arming = ARMING.lock().unwrap_or_else(PoisonError::into_inner);
    crt::disarm();
    remove(VECTORED.swap(std::ptr::null_mut(), Ordering::AcqRel));
    chain::disarm(on_unhandled);
    wer::unregister();
    copies::leave();
}

fn remove(vectored: *mut core::ffi::c_void) {
    if !vectored.is_null() {
        // SAFETY: given by the system, and given back once.
        unsafe { RemoveVectoredExceptionHandler(vectored) };
    }
}

/// Has the module that this code is in stay in the process: a host that unloads a plug-in would leave hooks and a thread behind that point at unmapped code.
pub fn keep_this_module() -> io::Result<()> {
    let mut module: HMODULE = std::ptr::null_mut();
    let flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN;
    // SAFETY: with these flags the name is an address that is only compared.
    let kept = unsafe { GetModuleHandleExW(flags, rearm as *const () as *const u16, &raw mut module) };
    if kept == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Exceptions by which runtimes unwind their own stacks: of .NET, of the .NET Framework before 4, and of GCC.
const OF_RUNTIMES: [i32; 3] = [0xe043_4352_u32.cast_signed(), 0xe043_4f4d_u32.cast_signed(), 0x2047_4343];

/// Reports what nobody handles, then lets it run its course. From here on everything is safe in an exception handler: no heap, no lock, no loader; memory that was made
/// before, and system calls.
///
/// # Safety
/// For the system, or for a filter that passes its own argument on.
unsafe extern "system" fn on_unhandled(pointers: *const EXCEPTION_POINTERS) -> i32 {
    // The calling thread's own, which the interrupted code may be about to read.
    // SAFETY: reads it.
    let error = unsafe { GetLastError() };
    // SAFETY: the caller's promise.
    let record = unsafe { &*(*pointers).ExceptionRecord };
    // SAFETY: the caller's promise.
    let pass_on = || unsafe { chain::pass_on(pointers) };
    // A runtime's own goes to that runtime first: MinGW's filter has its programs go on to `std::terminate`, and that of .NET tells the product's hook.
    let answer = OF_RUNTIMES.contains(&record.ExceptionCode).then(pass_on);
    if answer.is_none_or(|answer| answer == EXCEPTION_CONTINUE_SEARCH) && !FirstChance::was(record) {
        if record.ExceptionCode == STATUS_STACK_OVERFLOW {
            // SAFETY: the caller's promise.
            unsafe { waiter::report(pointers) };
        // SAFETY: the caller's promise.
        } else if let Some(claim) = unsafe { report(pointers, writer::thread_id()) } {
            claim.keep();
        }
    }
    let answer = answer.unwrap_or_else(pass_on);
    // SAFETY: writes what was read.
    unsafe { SetLastError(error) };
    answer
}

/// Looks at what is raised, before anybody handles it, and changes nothing of it: called for each exception of the process. As safe as the filter.
///
/// # Safety
/// For the system.
unsafe extern "system" fn on_exception(pointers: *mut EXCEPTION_POINTERS) -> i32 {
    // SAFETY: the caller's promise.
    let record = unsafe { &*(*pointers).ExceptionRecord };
    let code = record.ExceptionCode;
    // SAFETY: reads a value of this thread's own.
    let error = unsafe { GetLastError() };
    if code == STATUS_STACK_OVERFLOW {
        let is_last = stacks::are_not_kept();
        if is_last || managed::is_fatal(code, 0) {
            // SAFETY: the caller's promise.
            unsafe { waiter::report(pointers) };
        }
        if is_last && reporter::active().is_some() {
            // SAFETY: the end of this process, which the next handler would bring about by its first call.
            unsafe { TerminateProcess(GetCurrentProcess(), code.cast_unsigned()) };
        }
    } else if code == STATUS_HEAP_CORRUPTION {
        // The heap's own code takes what it raises to Windows Error Reporting, past the filter.
        // SAFETY: the caller's promise.
        unsafe { report(pointers.cast_const(), writer::thread_id()) }.into_iter().for_each(Claim::keep);
    } else if managed::is_fatal(code, record.ExceptionAddress.addr()) && FirstChance::take(record) {
        // What a host of .NET survives after all is not the last word: the claim is given back.
        // SAFETY: the caller's promise.
        drop(unsafe { report(pointers.cast_const(), writer::thread_id()) });
    }
    // SAFETY: writes what was read.
    unsafe { SetLastError(error) };
    EXCEPTION_CONTINUE_SEARCH
}

/// What was reported before it was clear whether somebody handles it.
struct FirstChance;

/// How many of them are reported. A product that survives its faults would have one report after the other.
const MOST_FIRST_CHANCES: u32 = 4;
static FIRST_CHANCES: AtomicU32 = AtomicU32::new(0);
/// The last one's thread and instruction.
static FIRST_CHANCE_THREAD: AtomicU32 = AtomicU32::new(0);
static FIRST_CHANCE_AT: AtomicUsize = AtomicUsize::new(0);

/// The thread of what was reported last before it was clear whether somebody handles it, for who reads this process's memory.
pub(super) fn first_chance_thread() -> &'static AtomicU32 {
    &FIRST_CHANCE_THREAD
}

impl FirstChance {
    /// Whether this one may be reported, and then it is noted.
    fn take(record: &EXCEPTION_RECORD) -> bool {
        if Self::was(record) || FIRST_CHANCES.fetch_add(1, Ordering::AcqRel) >= MOST_FIRST_CHANCES {
            return false;
        }
        FIRST_CHANCE_THREAD.store(writer::thread_id(), Ordering::Relaxed);
        FIRST_CHANCE_AT.store(record.ExceptionAddress.addr(), Ordering::Relaxed);
        true
    }

    fn was(record: &EXCEPTION_RECORD) -> bool {
        FIRST_CHANCES.load(Ordering::Acquire) > 0
            && FIRST_CHANCE_THREAD.load(Ordering::Relaxed) == writer::thread_id()
            && FIRST_CHANCE_AT.load(Ordering::Relaxed) == record.ExceptionAddress.addr()
    }
}

/// Reports an exception of a thread. Returns the claim where it was.
///
/// # Safety
/// What a handler was called with and has not returned from.
// Not inlined: what it has on its stack, there is no room for after an overflow.
#[inline(never)]
pub(super) unsafe fn report(pointers: *const EXCEPTION_POINTERS, tid: u32) -> Option<Claim> {
    let state = reporter::active()?;
    // SAFETY: the caller's promise.
    let record = unsafe { &*(*pointers).ExceptionRecord };
    let code = record.ExceptionCode;
    let thrown = cpp::Thrown::of(record);
    let is_exception = code == cpp::CODE || OF_RUNTIMES.contains(&code);
    let kind = match &thrown {
        Some(thrown) if thrown.is_bad_alloc => ErrorKind::OutOfMemory,
        _ if is_exception => ErrorKind::UnhandledException,
        _ => ErrorKind::Crash,
    };
    if !state.options.wants(kind) || is_exception && handled::is_ending(tid) {
        return None;
    }
    let Claimed::Yes(mut claim) = Claim::take(tid, state.crash.longest()) else {
        // A fault in our own work, or after a fault that was reported; or another thread's report that takes too long. No second word on it.
        return None;
    };
    if let Some(thrown) = &thrown {
        state.shared.exception(&Exception { type_name: thrown.name(), message: thrown.message(), thread_name: &[] });
    }
    // SAFETY: the caller's promise.
    let context = unsafe { context::of_exception(&mut claim, pointers) };
    let access = access(record);
    let detail = access.map_or(record.ExceptionFlags, |(how, _)| how as u32);
    state.shared.crashed(&Crash {
        number: state.crash.next_number(),
        kind: kind.into(),
        pid: state.pid,
        tid,
        // What was thrown tells more than the number by which it is.
        signal: thrown.is_none().then(|| (code, detail.cast_signed())),
        address: access.map(|(_, address)| address as u64),
        context: context.as_bytes(),
    });
    state.crash.report();
    Some(claim)
}

/// How memory was accessed (0 to read, 1 to write, 8 to execute) and where, of an exception that says so.
fn access(record: &EXCEPTION_RECORD) -> Option<(usize, usize)> {
    let says = matches!(record.ExceptionCode, STATUS_ACCESS_VIOLATION | STATUS_IN_PAGE_ERROR);
    let [how, address, ..] = record.ExceptionInformation;
    (says && record.NumberParameters >= 2).then_some((how, address))
}

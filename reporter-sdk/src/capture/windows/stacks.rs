//! Stack that is kept for the handling of a stack overflow.
//!
//! Situation: when a thread has used its stack up, the system leaves it some pages to deal with that: two, of which the exception alone takes most with the registers of newer
//! CPUs. Handling: each thread asks for more, which only it can do itself. The one that starts the reporter does; each that calls into the SDK; and each that is
//! made later, by what the loader calls in every new thread for every program and library. Those that were there before, and never call the SDK, have their two pages;
//! the rest of the work is done by [`super::waiter`].

use std::{
    cell::Cell,
    ffi::c_void,
    io,
    sync::atomic::{AtomicBool, Ordering},
    thread::JoinHandle,
};

use windows_sys::Win32::System::{
    SystemServices::{DLL_PROCESS_DETACH, DLL_THREAD_ATTACH},
    Threading::SetThreadStackGuarantee,
};

use crate::{capture::claim, reporter};

/// Of which the system's own part is 12 KB on the largest CPUs. Rust's standard library asks for 20 KiB in its threads.
const SIZE: u32 = 32 << 10;

thread_local! {
    static TRIED: Cell<bool> = const { Cell::new(false) };
}

/// Gives the calling thread what it needs to report its own stack overflow, once.
#[inline]
pub(crate) fn ensure() {
    if !TRIED.replace(true) {
        give();
    }
}

/// The other threads that are there cannot be given anything.
#[allow(clippy::unnecessary_wraps, reason = "as elsewhere")]
pub(crate) fn prepare_threads() -> io::Result<Option<JoinHandle<io::Result<()>>>> {
    Ok(None)
}

#[cold]
fn give() {
    let mut size = SIZE;
    // A thread whose whole stack is smaller keeps what it has; and less than it has is not taken.
    // SAFETY: changes the calling thread's own stack; the number lives here.
    unsafe { SetThreadStackGuarantee(&raw mut size) };
}

/// Nothing is kept, whatever a thread asks for.
static NOT_KEPT: AtomicBool = AtomicBool::new(false);

/// Looks at what system this is.
pub(super) fn look() {
    NOT_KEPT.store(crate::wine::is_wine(), Ordering::Relaxed);
}

/// Whether a thread that has used its stack up cannot be told of it by more than one handler. Safe in an exception handler.
///
/// Situation: Wine takes the promise and has four kilobytes left all the same; what comes after the first handler overflows again (Rust's own does), which ends the thread, and leaves
/// the process without it, hanging. Handling: there an overflow is reported as it is raised, and ends the process.
pub(super) fn are_not_kept() -> bool {
    NOT_KEPT.load(Ordering::Relaxed)
}

/// The loader calls what lies between `.CRT$XLA` and `.CRT$XLZ`. That it is looked at, the standard library sees to, which has one of its own.
#[used]
#[unsafe(link_section = ".CRT$XLB")]
static ON_THREAD: unsafe extern "system" fn(*mut c_void, u32, *mut c_void) = on_thread;

/// Called under the loader's lock, before any code of a new thread, and last in a process that exits: takes no other, and does not use the thread's variables.
unsafe extern "system" fn on_thread(_module: *mut c_void, reason: u32, _: *mut c_void) {
    let Some(state) = reporter::active() else { return };
    match reason {
        DLL_THREAD_ATTACH => give(),
        // ExitProcess, which is how a Rust program exits: `atexit` is for those that return to the C runtime. A process that is ended by a fault or by another does not come here;
        // one that aborts may.
        DLL_PROCESS_DETACH if !claim::is_ending() => state.shared.mark_clean_exit(),
        _ => {}
    }
}

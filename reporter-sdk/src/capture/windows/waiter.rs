//! A thread that has waited since the start, to report for one that has no stack left.
//!
//! It only reports stack overflows. All else the failing thread does itself: it needs nobody for it, and what locks it holds do not hold it up.

use std::{
    io,
    os::windows::io::{AsRawHandle, OwnedHandle},
    ptr,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicPtr, Ordering},
    },
    thread::{self, JoinHandle},
};

use windows_sys::Win32::{
    Foundation::{HANDLE, WAIT_OBJECT_0},
    System::Threading::{INFINITE, SetEvent, WaitForMultipleObjects, WaitForSingleObject},
};

use crate::{ipc::socket, reporter::State};

/// Of its stack. What it calls last, to leave a file where the handler is lost, takes most.
const STACK: usize = 256 << 10;
/// Beyond the longest wait for the handler, in milliseconds: to leave a file.
const GRACE: u64 = 10_000;

struct Waiter {
    wake: OwnedHandle,
    done: OwnedHandle,
    thread: JoinHandle<()>,
}

static WAITER: OnceLock<Waiter> = OnceLock::new();
/// It runs: a thread that is made while a library is being loaded does so when that is done.
static RUNS: AtomicBool = AtomicBool::new(false);
/// Whose crash slot is filled.
static REQUEST: AtomicPtr<State> = AtomicPtr::new(ptr::null_mut());

/// Starts the thread, once for the process.
pub(super) fn start() -> io::Result<()> {
    if WAITER.get().is_some() {
        return Ok(());
    }
    let (wake, done) = (socket::event()?, socket::event()?);
    let [wake_there, done_there] = [wake.try_clone()?, done.try_clone()?];
    let thread = thread::Builder::new().name("reporter".into()).stack_size(STACK);
    let thread = thread.spawn(move || wait(&wake_there, &done_there))?;
    // The caller sees to it that no other thread is here.
    let _ = WAITER.set(Waiter { wake, done, thread });
    Ok(())
}

fn wait(wake: &OwnedHandle, done: &OwnedHandle) {
    RUNS.store(true, Ordering::Release);
    // SAFETY: an event of ours.
    if unsafe { WaitForSingleObject(wake.as_raw_handle(), INFINITE) } != WAIT_OBJECT_0 {
        return;
    }
    let request = REQUEST.swap(ptr::null_mut(), Ordering::AcqRel);
    // SAFETY: null, or a state, which is leaked. Nobody writes through it.
    if let Some(state) = unsafe { request.as_ref() } {
        // The thread that has the claim waits for us.
        state.crash.report();
    }
    // Needed once: the process ends.
    // SAFETY: an event of ours.
    unsafe { SetEvent(done.as_raw_handle()) };
}

/// Has the other thread report, and waits for it; where there is none any more, this one does. Must hold the claim, and keep it. Safe in an exception handler.
pub(super) fn report(state: &'static State) {
    let Some(waiter) = WAITER.get().filter(|_| RUNS.load(Ordering::Acquire)) else {
        state.crash.report();
        return;
    };
    REQUEST.store(ptr::from_ref(state).cast_mut(), Ordering::Release);
    // SAFETY: an event of ours.
    unsafe { SetEvent(waiter.wake.as_raw_handle()) };
    let handles: [HANDLE; 2] = [waiter.done.as_raw_handle(), waiter.thread.as_raw_handle()];
    let millis = (state.crash.longest() / 1_000_000).saturating_add(GRACE).min(u64::from(INFINITE - 1)) as u32;
    // SAFETY: two handles, which are never closed.
    let ended = unsafe { WaitForMultipleObjects(2, handles.as_ptr(), 0, millis) };
    // Situation: a process that exits has ended all its other threads when its libraries have their last word. Handling: whoever fails then does it itself.
    if ended == WAIT_OBJECT_0 + 1 && !REQUEST.swap(ptr::null_mut(), Ordering::AcqRel).is_null() {
        state.crash.report();
    }
}

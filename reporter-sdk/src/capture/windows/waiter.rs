//! A thread that has waited since the start, to report for one that has no stack left.
//!
//! The failing thread says where its exception is, and waits: that takes a few hundred bytes. All else is done here. Only for stack overflows: any other failure a thread reports
//! itself, since it needs nobody for that, and what locks it holds do not hold it up.

use std::{
    io,
    os::windows::io::{AsRawHandle, OwnedHandle},
    ptr,
    sync::{
        OnceLock,
        atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering},
    },
    thread::{self, JoinHandle},
};

use windows_sys::Win32::{
    Foundation::{HANDLE, WAIT_OBJECT_0},
    System::{
        Diagnostics::Debug::EXCEPTION_POINTERS,
        Threading::{INFINITE, SetEvent, WaitForMultipleObjects, WaitForSingleObject},
    },
};

use super::exceptions;
use crate::{ipc::socket, reporter, shared::writer};

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
/// The thread that has failed; 0 for none. The first: the process ends with it.
static THREAD: AtomicU32 = AtomicU32::new(0);
/// What it was told of its exception, until it is reported.
static EXCEPTION: AtomicPtr<EXCEPTION_POINTERS> = AtomicPtr::new(ptr::null_mut());

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
    take();
    // Needed once: the process ends.
    // SAFETY: an event of ours.
    unsafe { SetEvent(done.as_raw_handle()) };
}

/// Reports what is to be reported, unless another thread does.
fn take() {
    let exception = EXCEPTION.swap(ptr::null_mut(), Ordering::AcqRel);
    if !exception.is_null() {
        // SAFETY: the thread that has left it there waits in its handler.
        let claim = unsafe { exceptions::report(exception, THREAD.load(Ordering::Acquire)) };
        claim.into_iter().for_each(crate::capture::claim::Claim::keep);
    }
}

/// Has the other thread report, and waits for it; where there is none any more, this one does. Safe in an exception handler.
///
/// # Safety
/// What a handler was called with and has not returned from.
#[inline(never)]
pub(super) unsafe fn report(exception: *const EXCEPTION_POINTERS) {
    let Some(state) = reporter::active() else { return };
    let thread = writer::thread_id();
    match THREAD.compare_exchange(0, thread, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => EXCEPTION.store(exception.cast_mut(), Ordering::Release),
        // Seen as it was raised, and again where nobody has handled it.
        Err(first) if first == thread => return,
        // Another thread's was first, with which the process ends.
        Err(_) => {}
    }
    if let Some(waiter) = WAITER.get().filter(|_| RUNS.load(Ordering::Acquire)) {
        // SAFETY: an event of ours.
        unsafe { SetEvent(waiter.wake.as_raw_handle()) };
        let handles: [HANDLE; 2] = [waiter.done.as_raw_handle(), waiter.thread.as_raw_handle()];
        let millis = (state.crash.longest() / 1_000_000).saturating_add(GRACE).min(u64::from(INFINITE - 1)) as u32;
        // SAFETY: two handles, which are never closed.
        unsafe { WaitForMultipleObjects(2, handles.as_ptr(), 0, millis) };
    }
    // Situation: a process that exits has ended all its other threads when its libraries have their last word. Handling: whoever fails then does it itself.
    take();
}

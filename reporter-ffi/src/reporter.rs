//! Reporting as a whole: a process has it once, so it has no handle.

use std::{
    cell::RefCell,
    ffi::{CString, c_char},
    ptr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use reporter_sdk::Reporter;

use crate::{
    ffi::{Failure, boundary, boundary_or, c_text, take},
    options::reporter_options_t,
    status::reporter_status_t::{self, *},
};

/// What a Rust product holds in `main`.
static REPORTER: Mutex<Option<Reporter>> = Mutex::new(None);

/// A panic while it was locked left a whole value: it is only ever replaced.
fn reporter() -> MutexGuard<'static, Option<Reporter>> {
    REPORTER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the handler and begins to catch crashes. Takes `options` in any case: the caller must not use or free them any more.
///
/// REPORTER_OK says that the product may go on, not that all works: ask reporter_is_active() and reporter_soft_error().
/// REPORTER_ERROR_STARTED if it was started before and not shut down since. REPORTER_ERROR_SECOND_COPY if another copy of the library, such as the
/// host's own of a plug-in, reports for the process: its reports tell of both; another start can succeed once that one is shut down.
///
/// Takes the time that a program takes to be started, and does not wait until it runs: a crash, and whatever else is reported from here on, finds the
/// handler when it does. reporter_is_active(), reporter_soft_error(), reporter_flush() and reporter_shutdown() wait for the handler's first answer, two
/// seconds from the start on at most. A handler that answers otherwise or not at all is ended, and nothing is reported from then on.
///
/// The handler is no child of the product: no SIGCHLD comes of it, and wait() does not know it.
///
/// Threads that are alive get an alternate stack each, so that their stack overflows can be reported: by a SIGURG, or a SIGWINCH where that one is
/// handled, which may end a call such as poll() early, with EINTR. A thread of this library does it while the product goes on, and ends within
/// milliseconds. Threads made later have theirs once they make any call of this library.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_start(options: *mut reporter_options_t) -> reporter_status_t {
    boundary(|| {
        // SAFETY: the caller gives up what it got from `reporter_options_new`.
        let options = unsafe { take("options", options) }?;
        let mut running = reporter();
        if running.is_some() {
            let text = "reporting was started before: reporter_shutdown() comes first";
            return Err(Failure::new(REPORTER_ERROR_STARTED, text));
        }
        let reporter = Reporter::start(options.into_sdk());
        if reporter.is_second_copy() {
            let text = "another copy of the library reports for this process already";
            return Err(Failure::new(REPORTER_ERROR_SECOND_COPY, text));
        }
        *running = Some(reporter);
        Ok(())
    })
}

/// Whether errors are caught and a handler takes them. Waits for the handler's first answer: see reporter_start().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_is_active() -> bool {
    boundary_or(false, || Ok(reporter().as_ref().is_some_and(Reporter::is_active)))
}

thread_local! {
    static SOFT_ERROR: RefCell<CString> = RefCell::default();
}

/// What does not work, now and since the start, one text for each index from 0 on: a missing handler, an unwritable spool ...
/// NULL behind the last one, and where reporting is off. Waits for the handler's first answer, which may tell of more: see reporter_start().
///
/// The text is the library's, and valid until the next call of this function on the same thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_soft_error(index: usize) -> *const c_char {
    boundary_or(ptr::null(), || {
        let errors = reporter().as_ref().map(Reporter::soft_errors).unwrap_or_default();
        let Some(error) = errors.get(index) else { return Ok(ptr::null()) };
        let text = c_text(&error.to_string());
        let kept = SOFT_ERROR.try_with(|kept| {
            *kept.borrow_mut() = text;
            kept.borrow().as_ptr()
        });
        // A thread that is ending has no place for the text any more.
        Ok(kept.unwrap_or(ptr::null()))
    })
}

/// Puts the library's signal handlers on top again, where others have replaced them since: after loading a plug-in, a driver, a managed runtime.
///
/// Those others stay in the chain: they are called as if the library had come later, which lets a managed runtime have its own faults first. Costs seven
/// system calls where nothing has changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_rearm() -> reporter_status_t {
    boundary(|| {
        reporter_sdk::rearm();
        Ok(())
    })
}

/// Waits up to `timeout` milliseconds until what was reported so far is stored and, as far as the time allows, delivered.
/// REPORTER_ERROR_TIMEOUT if it is not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_flush(timeout: u32) -> reporter_status_t {
    boundary(|| confirmed(reporter_sdk::flush(Duration::from_millis(timeout.into())), timeout))
}

/// Ends reporting: the product ends as it should. Where a terminal is there, the handler may ask the person about handled errors first.
/// A product that ends by exit() without this call ends cleanly, too, but nothing is asked then.
///
/// Waits up to `timeout` milliseconds. REPORTER_ERROR_TIMEOUT if the handler did not confirm; reporting has ended then, too.
///
/// Another start can follow. Each one keeps its two file descriptors and about 2 MiB of address space until the process ends, since a thread that is
/// in the middle of a call may hold them: a product starts once, or now and then, not for each document.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_shutdown(timeout: u32) -> reporter_status_t {
    boundary(|| {
        // Out of the lock before the wait: other threads may go on asking.
        let running = reporter().take();
        let Some(running) = running else { return Ok(()) };
        confirmed(running.shutdown(Duration::from_millis(timeout.into())), timeout)
    })
}

fn confirmed(confirmed: bool, timeout: u32) -> Result<(), Failure> {
    if confirmed {
        return Ok(());
    }
    Err(Failure::new(REPORTER_ERROR_TIMEOUT, format!("the handler did not confirm within {timeout} ms")))
}

/// Makes a report as a crash would, of the kind REPORTER_KIND_SIMULATED, and goes on: to try the way to support.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_simulate_crash() -> reporter_status_t {
    boundary(|| {
        reporter_sdk::simulate_crash();
        Ok(())
    })
}

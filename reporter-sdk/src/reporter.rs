//! The guard that a product holds while it wants its errors reported.

use std::{
    sync::atomic::{AtomicPtr, Ordering},
    time::Duration,
};

use crate::{Options, SoftError, shared::writer::Writer};

/// What the running reporter needs. Leaked: a signal handler or another thread may hold it at any time.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) shared: Writer,
}

static ACTIVE: AtomicPtr<State> = AtomicPtr::new(std::ptr::null_mut());

/// The running reporter's state. A single load: safe in a signal handler.
pub(crate) fn active() -> Option<&'static State> {
    // SAFETY: the pointer is null or comes from `Box::leak`, and nothing ever frees or writes through it.
    unsafe { ACTIVE.load(Ordering::Acquire).as_ref() }
}

/// Keeps error reporting on while it lives. Dropping it is a clean end of the product: see [`Reporter::shutdown`].
#[derive(Debug)]
#[must_use = "reporting ends when this is dropped"]
pub struct Reporter {
    active: bool,
    soft_errors: Vec<SoftError>,
}

impl Reporter {
    /// Starts the handler and begins to catch crashes and panics.
    ///
    /// Never fails and never panics: what does not work is in [`Reporter::soft_errors`], and the product runs without it. A process has one
    /// reporter at a time; a second start is inactive.
    pub fn start(options: Options) -> Self {
        let _ = options;
        Self { active: false, soft_errors: Vec::new() }
    }

    /// What does not work, now and since the start.
    pub fn soft_errors(&self) -> Vec<SoftError> {
        self.soft_errors.clone()
    }

    /// Whether errors are caught and a handler takes them.
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// Ends reporting, as dropping does, with another bound than the options' waits. Returns whether the handler confirmed.
    pub fn shutdown(self, timeout: Duration) -> bool {
        shutdown(timeout)
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {}
}

/// Waits until the handler has stored and, as far as the time allows, delivered what was reported so far. Returns whether it did.
pub fn flush(timeout: Duration) -> bool {
    let _ = timeout;
    active().is_none()
}

/// Ends reporting: a clean end of the product. The handler may ask the person about handled errors that are queued, where a terminal is there.
/// Waits up to `timeout`; returns whether the handler confirmed. For callers without the guard, such as other languages.
pub fn shutdown(timeout: Duration) -> bool {
    let _ = timeout;
    active().is_none()
}

/// Makes a report as a crash would, of kind *simulated*, and goes on: to try the way to support.
pub fn simulate_crash() {}

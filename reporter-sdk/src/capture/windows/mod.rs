//! Exceptions: what Windows tells this process of its own faults, and what a thread needs for it.

pub(crate) mod context;
pub(crate) mod copies;
pub(crate) mod exceptions;
pub(crate) mod lost;
mod wake;
#[cfg_attr(not(test), allow(dead_code))]
pub(crate) mod wer;

pub(crate) use exceptions::{disarm, prepare_thread, prepare_threads, rearm};
pub(crate) use wake::{Channel, pause};

use crate::reporter::State;

/// No process is made as a copy of another here: this one has its reporter, or none.
pub(crate) fn start_own() -> Option<&'static State> {
    None
}

/// As above.
pub(crate) fn forked(_parent: Option<&'static State>) {}

/// As above.
pub(crate) fn at_fork(_in_child: extern "C" fn()) {}

/// The handler was given what it needs of this process at its start.
pub(crate) fn let_read_memory(_handler: u32) {}

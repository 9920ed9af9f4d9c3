//! Exceptions: what Windows tells this process of its own faults, and what a thread needs for it.

mod chain;
pub(crate) mod context;
pub(crate) mod copies;
mod cpp;
mod crt;
mod exceptions;
pub(crate) mod lost;
mod managed;
mod memory;
mod stacks;
mod waiter;
mod wake;
mod walk;
mod wer;

pub use exceptions::keep_this_module;
pub(crate) use exceptions::{disarm, rearm};
pub(crate) use stacks::{ensure as prepare_thread, prepare_threads};
pub(crate) use wake::{Channel, pause};
pub(crate) use walk::walk;
pub(crate) use wer::{begin as let_system_tell, unregister as handler_is_lost};

#[cfg(test)]
mod tests;

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

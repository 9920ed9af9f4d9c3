//! Signals: our own chain, and what a thread and a forked child need for it.

mod altstack;
mod chain;
mod child;
pub(crate) mod context;
pub(crate) mod copies;
mod loaded;
pub(crate) mod lost;
mod place;
mod record;
mod runtime;
mod signals;
mod terminate;
mod threads;
mod wake;

pub(crate) use altstack::ensure as prepare_thread;
pub(crate) use child::{forked, start_own};
pub(crate) use signals::{disarm, rearm};
pub(crate) use threads::give_stacks as prepare_threads;
pub(crate) use wake::{Channel, pause};

#[cfg(test)]
mod tests;

use std::{io, path::Path};

use crate::reporter::State;

/// Calls `visit` for each frame of this thread, innermost first, with its instruction and whether it is one of the function `below`, until it returns `false`.
pub(crate) fn walk(below: *mut std::ffi::c_void, mut visit: impl FnMut(u64, bool) -> bool) {
    // SAFETY: what must be synchronised is the debug help library of Windows; here the process's own unwind tables are used.
    unsafe {
        backtrace::trace_unsynchronized(|frame| visit(frame.ip() as u64, frame.symbol_address() == below));
    }
}

/// Has every forked child run `in_child` first.
pub(crate) fn at_fork(in_child: extern "C" fn()) {
    // SAFETY: the function lives as long as the program does; it is async-signal-safe, which a child of a threaded process needs: atomics, cells of its thread
    // and system calls.
    unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
}

/// Lets the handler read this process's memory: where Yama restricts ptrace it is allowed by name; elsewhere this is an error that means nothing.
pub(crate) fn let_read_memory(handler: u32) {
    if let Some(handler) = i32::try_from(handler).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::set_ptracer(rustix::process::PTracer::ProcessID(handler));
    }
}

/// Every fault is a signal, of which this process hears itself.
#[allow(clippy::unnecessary_wraps, reason = "as elsewhere")]
pub(crate) fn let_system_tell(_state: &'static State, _handler: &Path) -> io::Result<()> {
    Ok(())
}

/// As above: nobody else is to be told.
pub(crate) fn handler_is_lost() {}

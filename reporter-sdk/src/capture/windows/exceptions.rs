//! The hooks that tell of a fault.

use std::{io, thread::JoinHandle};

/// Puts our hooks in force, on top of those that others have installed since.
pub(crate) fn rearm() -> io::Result<()> {
    Ok(())
}

/// Takes them out.
pub(crate) fn disarm() {}

/// What the calling thread needs to report its own faults.
pub(crate) fn prepare_thread() {}

/// What the other threads need.
#[allow(clippy::unnecessary_wraps, reason = "as elsewhere")]
pub(crate) fn prepare_threads() -> io::Result<Option<JoinHandle<io::Result<()>>>> {
    Ok(None)
}

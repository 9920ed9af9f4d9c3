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
mod wer;

pub(crate) use exceptions::{disarm, rearm};
pub(crate) use stacks::{ensure as prepare_thread, prepare_threads};
pub(crate) use wake::{Channel, pause};
pub(crate) use wer::{begin as let_system_tell, unregister as handler_is_lost};

#[cfg(test)]
mod tests;

use std::{ffi::c_void, ptr};

use crate::reporter::State;

/// Where the function of a frame begins; null where there are no tables that tell.
#[cfg(not(target_arch = "x86"))]
pub(crate) fn function_of(frame: &backtrace::Frame) -> *mut c_void {
    use windows_sys::Win32::System::Diagnostics::Debug::RtlLookupFunctionEntry;
    let mut base = 0;
    // SAFETY: looks an address up in the process's own tables; the base's place lives here.
    let entry = unsafe { RtlLookupFunctionEntry(frame.ip() as _, &raw mut base, ptr::null_mut()) };
    if entry.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: an entry of a module that is on the stack, hence loaded.
    let begin = unsafe { (*entry).BeginAddress };
    (base as usize + begin as usize) as *mut c_void
}

/// As above.
#[cfg(target_arch = "x86")]
pub(crate) fn function_of(_frame: &backtrace::Frame) -> *mut c_void {
    ptr::null_mut()
}

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

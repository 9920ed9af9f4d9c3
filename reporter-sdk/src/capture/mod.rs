//! How an error is noticed and handed to the handler.
//!
//! All kinds take one way: the crash slot of the shared memory is filled, one byte wakes the handler, and the thread waits, bounded, until the handler
//! says to go on. One thread at a time: it holds the *claim*.

pub(crate) mod before_send;
#[cfg_attr(
    not(any(target_os = "linux", windows)),
    expect(dead_code, reason = "nothing is caught, and nothing ends of it")
)]
pub(crate) mod claim;
pub(crate) mod handled;
#[cfg(target_os = "linux")]
pub(crate) mod linux;
pub(crate) mod panic;
#[cfg(windows)]
pub(crate) mod windows;

#[cfg(not(any(target_os = "linux", windows)))]
pub(crate) use crate::unsupported::capture as sys;
#[cfg(target_os = "linux")]
pub(crate) use linux as sys;
#[cfg(windows)]
pub(crate) use windows as sys;

//! The memory that product and handler share: what the product did and how it failed, readable after any death of it.
//!
//! The product writes without locks, allocation or system calls; the handler reads it as the hostile input it is. It is evidence, never authority:
//! no path, command, recipient or consent is ever taken from it.

#[cfg_attr(
    not(any(target_os = "linux", windows, feature = "handler")),
    expect(dead_code, reason = "no such memory is made")
)]
pub(crate) mod layout;
#[cfg(any(target_os = "linux", windows, feature = "handler"))]
pub(crate) mod left;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(feature = "handler", test))]
#[cfg_attr(not(any(target_os = "linux", windows)), expect(dead_code, reason = "for the handler alone"))]
pub(crate) mod record;
pub(crate) mod seat;
#[cfg(any(feature = "handler", test))]
#[cfg_attr(not(any(target_os = "linux", windows)), expect(dead_code, reason = "for the handler alone"))]
pub(crate) mod snapshot;
#[cfg(windows)]
mod windows;
pub(crate) mod writer;

#[cfg(not(any(target_os = "linux", windows)))]
pub(crate) use crate::unsupported::{clock, mapping};
#[cfg(target_os = "linux")]
pub(crate) use linux::{clock, mapping};
#[cfg(windows)]
pub(crate) use windows::{clock, mapping};

#[cfg(all(test, target_os = "linux"))]
mod tests;

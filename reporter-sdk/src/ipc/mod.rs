//! How product and handler talk: two channels that only they hold.
//!
//! *control* carries the messages of `proto/handler/v1/ipc.proto`, one a datagram. The *crash channel* carries single bytes, since one of its ends is
//! a signal handler or an exception handler.

#[cfg(target_os = "linux")]
pub(crate) mod child_crash;
pub(crate) mod framed;
#[cfg(target_os = "linux")]
pub(crate) mod linux;
#[cfg(windows)]
pub(crate) mod windows;

#[cfg(not(any(target_os = "linux", windows)))]
pub(crate) use crate::unsupported::{launch, socket, spawn};
#[cfg(all(target_os = "linux", any(feature = "handler", test)))]
pub(crate) use linux::wait;
#[cfg(target_os = "linux")]
pub(crate) use linux::{launch, socket, spawn};
#[cfg(all(windows, any(feature = "handler", test)))]
pub(crate) use windows::wait;
#[cfg(windows)]
pub(crate) use windows::{launch, socket, spawn};

/// Raised when a message changes its meaning. Both sides come from the same release, so nothing else is spoken.
pub(crate) const PROTOCOL_VERSION: u32 = 2;

/// Product to handler: the crash slot is filled. A longer datagram is the `child_crash` of a forked child, which Linux alone has.
#[cfg(any(target_os = "linux", windows))]
pub(crate) const CRASHED: u8 = b'C';
/// Handler to product: at work; the wait without progress starts again.
#[cfg(any(target_os = "linux", windows))]
#[cfg_attr(not(any(feature = "handler", test)), expect(dead_code, reason = "any byte but DONE counts as progress"))]
pub(crate) const PROGRESS: u8 = b'P';
/// Handler to product: your memory cannot be read from outside; write the record of the thread that waits. Products of Linux alone do.
#[cfg(any(target_os = "linux", all(windows, feature = "handler")))]
pub(crate) const RECORD: u8 = b'R';
/// Product to handler: the record is written.
#[cfg(target_os = "linux")]
pub(crate) const RECORDED: u8 = b'r';
/// Handler to product: go on.
#[cfg(any(target_os = "linux", windows))]
pub(crate) const DONE: u8 = b'D';

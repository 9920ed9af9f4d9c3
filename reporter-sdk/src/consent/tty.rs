//! The product's terminal, borrowed for a question and given back as it was.
//!
//! Situation: a program that drew on the whole screen crashes and leaves the terminal without echo, without line ends, on
//! the alternate screen. Handling: our own modes while we ask, and the modes that we found afterwards.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
use linux as sys;
#[cfg(windows)]
use windows as sys;

pub use sys::ProductId;
pub(super) use sys::{Borrowed, Lines, can_be_taken};

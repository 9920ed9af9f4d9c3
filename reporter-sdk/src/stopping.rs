//! The wish that this program ends, as `reporter-handler stop` and a machine that shuts down send it.
//!
//! It ends nothing by itself. What is at hand is finished, a question that is open is put off, and then the handler ends.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod windows;

use std::time::Duration;

#[cfg(target_os = "linux")]
use linux as sys;
#[cfg(windows)]
use windows as sys;

#[allow(unused_imports, reason = "names what `wish` gives")]
pub(crate) use sys::Waitable;
#[cfg(windows)]
pub(crate) use sys::ask;
pub(crate) use sys::{listen, rest, wish};

/// Whether this program is to end.
pub(crate) fn is_wished() -> bool {
    rest(Duration::ZERO)
}

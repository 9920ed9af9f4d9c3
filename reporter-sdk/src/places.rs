//! Where a product's reports lie on this machine. Known to the handler, and to a product that has lost it.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod windows;

use std::path::PathBuf;

#[cfg(not(any(target_os = "linux", windows)))]
use crate::unsupported::places as sys;
#[cfg(target_os = "linux")]
use linux as sys;
#[cfg(all(windows, feature = "handler"))]
pub(crate) use sys::profile;
#[cfg(windows)]
pub(crate) use sys::{user, wide_text};
#[cfg(windows)]
use windows as sys;

pub(crate) use sys::elevated;
#[cfg(any(target_os = "linux", feature = "handler", windows))]
pub(crate) use sys::fallback;

use crate::text::path_component;

/// The folder in a spool for what products have left themselves, having lost their handler.
pub(crate) const LOST: &str = "lost";

/// The spool of a product that names none. See `Spool::default_directory`.
pub(crate) fn spool(vendor: &str, product: &str) -> Option<PathBuf> {
    Some(sys::state()?.join(path_component(vendor)).join(path_component(product)).join(sys::REPORTS))
}

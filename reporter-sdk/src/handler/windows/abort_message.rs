//! The last words of the C library.
//!
//! It prints them to standard error, or into a window of its own, and keeps none: neither the Universal CRT nor `msvcrt.dll` has a place where they could be read, as glibc
//! has. What Rust and C++ say they say to our hooks.

use std::convert::Infallible;

/// Why the C library of process `pid` aborted: it does not tell.
#[expect(clippy::unnecessary_wraps, reason = "as elsewhere")]
pub(in crate::handler) fn read(_pid: u32) -> Result<Option<String>, Infallible> {
    Ok(None)
}

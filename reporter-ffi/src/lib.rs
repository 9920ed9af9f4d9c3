//! The C library `libreporter`: the SDK for every language that can call C. The API is documented in `include/reporter.h`,
//! which is made from the comments here; this file says what holds inside.
//!
//! - One file per noun of the API. [`ffi`] owns all that touches foreign pointers, and the boundary that no panic crosses.
//! - Names are C's, in Rust too, so that a search for one finds everything about it.
//! - Enum parameters are `MaybeUninit<enum>`, since C can pass any number: see `ffi::Choice`.
//! - There is no `# Safety` section at each function: what callers promise is the header's introduction, the same for all.

#![allow(non_camel_case_types, clippy::missing_safety_doc)]

// In the order of the header, which rustfmt leaves alone between comments.
pub mod version;
// What functions answer.
pub mod status;
// Why they failed, and all that is unsafe.
pub mod ffi;
// What a product says at start.
pub mod options;
// … about mail.
pub mod mail;
// … about what is collected.
pub mod policy;
// … about how often, and about what comes after a crash.
pub mod child;
pub mod limit;
pub mod restart;
// Start and end.
pub mod reporter;
// What happens in between.
pub mod action;
pub mod annotation;
pub mod attachment;
pub mod error;
pub mod heartbeat;
pub mod memory;
// The product's word on what is reported: before it is handed over, and by a dialog of its own.
pub mod before_send;
pub mod consent_request;
// Paths as Windows has them.
#[cfg(windows)]
pub mod wide;

//! Reports what went wrong in a product, with the user's consent.

#[cfg(feature = "handler")]
#[doc(hidden)]
pub mod handler;
#[cfg(feature = "handler")]
pub mod redact;
pub mod redact;

#[allow(dead_code)]
mod schema;

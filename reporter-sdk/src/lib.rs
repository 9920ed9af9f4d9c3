//! Reports what went wrong in a product, with the user's consent.

#[cfg(feature = "handler")]
pub mod inventory;
#[cfg(feature = "handler")]
pub mod redact;

#[allow(dead_code)]
mod schema;

#[cfg(feature = "handler")]
pub mod deliver;

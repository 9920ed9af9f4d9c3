//! Reports what went wrong in a product, with the user's consent.

#[allow(dead_code)]
mod schema;

#[cfg(feature = "handler")]
pub mod deliver;

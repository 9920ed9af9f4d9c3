//! Reports what went wrong in a product, with the user's consent.

#[cfg(feature = "handler")]
pub mod consent;
#[cfg(feature = "handler")]
pub mod encode;
#[allow(dead_code)]
mod schema;
#[cfg(feature = "handler")]
pub mod spool;
#[cfg(feature = "handler")]
mod text;

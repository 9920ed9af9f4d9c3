//! The memory that product and handler share: what the product did and how it failed, readable after any death of it.
//!
//! The product writes without locks, allocation or system calls; the handler reads it as the hostile input it is. It is evidence, never authority:
//! no path, command, recipient or consent is ever taken from it.

pub(crate) mod clock;
pub(crate) mod layout;
#[cfg(target_os = "linux")]
pub(crate) mod left;
pub(crate) mod mapping;
#[cfg(any(feature = "handler", test))]
pub(crate) mod record;
pub(crate) mod seat;
#[cfg(any(feature = "handler", test))]
pub(crate) mod snapshot;
pub(crate) mod writer;

#[cfg(test)]
mod tests;

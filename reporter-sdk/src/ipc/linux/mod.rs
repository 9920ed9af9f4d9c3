//! Sockets that the product makes and hands to the handler as it starts it.

pub(crate) mod launch;
pub(crate) mod socket;
pub(crate) mod spawn;
mod trust;
#[cfg(any(feature = "handler", test))]
pub(crate) mod wait;

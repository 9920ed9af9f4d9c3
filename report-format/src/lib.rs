//! An error report: what it says ([`schema`]), and the container that carries it.
#![forbid(unsafe_code)]

pub mod schema;

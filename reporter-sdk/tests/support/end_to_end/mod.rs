//! What the tests of the whole way share: a product as it is installed, a person at a terminal, a mail server, and the report that comes
//! out. Nothing here needs the inside of the SDK, so that products in C are tested by it as well.

#![allow(dead_code, reason = "each test program uses its share")]

pub(crate) mod disk;
pub(crate) mod mail_server;
pub(crate) mod product;
pub(crate) mod report;
pub(crate) mod terminal;

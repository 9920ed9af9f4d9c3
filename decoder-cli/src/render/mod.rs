//! Reports as text for people.

pub(crate) mod facts;
pub(crate) mod page;
pub(crate) mod report;
mod stack;
mod timeline;
pub(crate) mod value;

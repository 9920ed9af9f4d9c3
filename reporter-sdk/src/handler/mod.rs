//! The handler program's inside. Not for products: they start the program.

mod abort_message;
mod argument_block;
mod attachments;
mod children;
mod delivery;
mod detach;
mod dump;
mod dump_file;
mod elf;
mod evidence;
mod fault;
mod hang;
mod lost;
mod memory_map;
pub(crate) mod minidump_filter;
mod module_list;
mod modules;
mod pipeline;
mod proc_files;
mod recorded;
mod restart;
mod server;
mod settings;
mod signature;
mod stand_in;
mod suspend;
mod thread_list;
mod unwind;
mod watch;

pub use detach::detach;
pub use server::{ServeError, serve};

#[cfg(test)]
mod live_child;

use std::error::Error;
use std::fmt::Write as _;

use report_format::schema::v1;

/// Something that could not be had, in words for the report: `error` with its sources, joined by colons.
pub(crate) fn soft_error(subject: &str, error: &dyn Error) -> v1::SoftError {
    let mut message = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        // Writing to a String cannot fail.
        let _ = write!(message, ": {source}");
        next = source.source();
    }
    soft_note(subject, message)
}

/// Something that could not be had, where no error value says so.
pub(crate) fn soft_note(subject: &str, message: impl Into<String>) -> v1::SoftError {
    let message = message.into();
    v1::SoftError { subject: subject.to_owned(), message: crate::redact::user_paths(&message).into_owned() }
}

//! The handler program's inside. Not for products: they start the program.

mod attachments;
mod delivery;
mod dialog;
pub mod doctor;
mod evidence;
mod exclusions;
#[cfg(all(feature = "test-support", target_os = "linux"))]
pub(crate) mod forged;
mod full_memory;
mod hang;
mod hold;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(test)]
mod live_child;
mod lost;
mod memory_plan;
pub(crate) mod minidump_filter;
mod modules;
mod out_of_memory;
mod pipeline;
mod recorded;
mod restart;
pub(crate) mod sanitise;
mod server;
mod settings;
mod signature;
mod spool_state;
mod unwind;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
use linux as sys;
#[cfg(windows)]
use windows as sys;

pub use server::{ServeError, serve};
pub use sys::connection::Connection;
pub use sys::log::open_log;
pub use sys::stop::{Stopped, stop};

use std::error::Error;
use std::fmt::Write as _;

use report_format::schema::v1;

/// For the benchmarks: the memory of a process that is held for it, as the pipeline reads it.
#[cfg(feature = "bench")]
pub(crate) fn full_memory_of<W: std::io::Write>(
    pid: u32,
    threads: usize,
    out: W,
) -> Result<(W, report_format::memory::Stats), Box<dyn Error>> {
    use report_format::{Summary, Writer, memory};
    use sys::{argument_block, memory_reader, suspend};
    let mut soft_errors = Vec::new();
    let held = suspend::hold(pid, &mut soft_errors);
    let block = argument_block::ArgumentBlock::of_process(pid)?;
    let plan = memory_plan::MemoryPlan::default();
    let memory = memory_reader::ProcessMemory::open(pid, &block, &plan, &mut soft_errors)?;
    if let Some(soft) = soft_errors.into_iter().next() {
        return Err(soft.message.into());
    }
    let mut writer = Writer::new(out, &Summary { report_id: vec![7; 16], ..Default::default() })?;
    let erased = memory.erased();
    let options = memory::Options { threads, erased: &erased, progress: None };
    let stats = memory::encode(&mut writer, &memory, &options)?;
    drop(held);
    Ok((writer.finish()?.0, stats))
}

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
    v1::SoftError { subject: subject.to_owned(), message: crate::redact::prose(&message).into_owned() }
}

//! What a minidump tells without symbols.

use minidump::format::MINIDUMP_STREAM_TYPE;
use minidump::{Minidump, MinidumpException, MinidumpSystemInfo, MinidumpThreadList};
use num_traits::FromPrimitive;

/// The outline of a minidump.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outline {
    /// Names of the streams in their order, numbers of unknown ones.
    pub(crate) streams: Vec<String>,
    pub(crate) threads: Option<usize>,
    pub(crate) crash: Option<Crash>,
}

/// The exception stream of a minidump.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Crash {
    pub(crate) thread: u32,
    /// In the words of the operating system: `SIGSEGV / SEGV_MAPERR`.
    pub(crate) reason: String,
    pub(crate) address: u64,
}

/// Reads the outline of a minidump.
///
/// # Errors
/// Why the bytes are no minidump, in words.
pub(crate) fn outline(bytes: &[u8]) -> Result<Outline, String> {
    let dump = Minidump::read(bytes).map_err(|error| error.to_string())?;
    // The directory is a hash map: without an order of ours the output would differ from run to run.
    let mut types: Vec<u32> = dump.all_streams().map(|entry| entry.stream_type).collect();
    types.sort_unstable();
    let streams = types.into_iter().filter(|number| *number != 0).map(stream_name).collect();
    let system = dump.get_stream::<MinidumpSystemInfo>().ok();
    let exception = dump.get_stream::<MinidumpException<'_>>().ok();
    let crash = exception.zip(system).map(|(exception, system)| Crash {
        thread: exception.get_crashing_thread_id(),
        reason: exception.get_crash_reason(system.os, system.cpu).to_string(),
        address: exception.get_crash_address(system.os, system.cpu),
    });
    let threads = dump.get_stream::<MinidumpThreadList<'_>>().ok().map(|list| list.threads.len());
    Ok(Outline { streams, threads, crash })
}

/// The name of a stream type as the minidump format has it, `0x47670007` where it is unknown.
pub(crate) fn stream_name(number: u32) -> String {
    MINIDUMP_STREAM_TYPE::from_u32(number).map_or_else(|| format!("{number:#x}"), |name| format!("{name:?}"))
}

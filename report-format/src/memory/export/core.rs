//! A small minidump and a memory image → an ELF core file.

use std::io::Write;

use super::Exported;
use crate::Error;
use crate::memory::Source;

/// Writes an ELF core file of Linux on x86-64, as gdb reads it: the threads and registers of the minidump `dump`, the thread that crashed first, and the memory.
///
/// `gdb PROGRAM FILE` then shows threads, backtraces and variables. Pages that cannot be read are in no segment: gdb says so, or reads them from the mapped file if it has it.
///
/// # Errors
/// `Unsupported`, with its name, if `dump` is of another processor or operating system. `Format` if it is no minidump, or has no threads. `Limit` if the memory is in more pieces than 2^22. `Io` if `out` fails,
/// or `memory` fails to give what it said to be readable.
pub fn core(dump: &[u8], memory: &dyn Source, out: impl Write) -> Result<Exported, Error> {
    let _ = (dump, memory, out);
    Err(Error::Usage("not built yet"))
}

//! A small minidump and a memory image → a full minidump.

use std::io::Write;

use super::Exported;
use crate::Error;
use crate::memory::Source;

/// Writes the minidump `dump` once more, with the memory in it, as a full minidump (`MiniDumpWithFullMemory`).
///
/// The bytes of `dump` stay where they are, so all that its streams refer to stays right; a new directory and new streams follow,
/// and the memory last, after a [`Memory64ListStream`](https://learn.microsoft.com/en-us/windows/win32/api/minidumpapiset/ns-minidumpapiset-minidump_memory64_list).
/// A `MemoryInfoListStream` is made from the regions unless `dump` has one that covers them. A `MemoryListStream` is kept only where it
/// holds what the image does not. Pages that cannot be read are left out.
///
/// # Errors
/// `Format` if `dump` is no minidump, or a full one already. `Limit` if it is too large, or the memory is in more pieces than 2^22. `Io` if `out` fails, or `memory`
/// fails to give what it said to be readable.
pub fn minidump(dump: &[u8], memory: &dyn Source, out: impl Write) -> Result<Exported, Error> {
    let _ = (dump, memory, out);
    Err(Error::Usage("not built yet"))
}

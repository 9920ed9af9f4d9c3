//! The text of `/proc/PID/maps`. Read once for a dump: with hundreds of threads it has a thousand lines, each of which costs the kernel time.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use minidump_writer::mem_writer::{Buffer, MemoryArrayWriter, MemoryWriter, MemoryWriterError};
use minidump_writer::minidump_format::{MDMemoryInfo, MDMemoryInfoList, MDRawDirectory};

use super::dump_file::joined;
use super::procfs;
use crate::handler::minidump_filter::stream;

const LARGEST: u64 = 16 << 20;

/// Reads the map of a living process.
pub(in crate::handler) fn read(pid: u32) -> io::Result<Vec<u8>> {
    // Room for an ordinary one.
    let mut maps = Vec::with_capacity(64 << 10);
    File::open(procfs::path(pid, "maps")?)?.take(LARGEST).read_to_end(&mut maps)?;
    Ok(maps)
}

/// A line of it.
pub(in crate::handler) struct Mapping<'a> {
    pub(in crate::handler) range: Range<u64>,
    /// `rwxp`, with a dash for what is not allowed, and `s` for memory that is shared.
    pub(in crate::handler) permissions: &'a [u8],
    /// Where in the mapped file it begins.
    pub(in crate::handler) offset: u64,
    /// The file's path, a name in brackets, or nothing.
    pub(in crate::handler) name: &'a [u8],
}

impl<'a> Mapping<'a> {
    /// `7f…-7f… rw-p 00000000 00:00 0      [heap]`. `None` for what makes no sense.
    pub(in crate::handler) fn of_line(line: &'a [u8]) -> Option<Self> {
        // Not at the spaces of a path.
        let mut words = line.splitn(6, |&byte| byte == b' ');
        let mut word = || str::from_utf8(words.next()?).ok();
        let (start, end) = word()?.split_once('-')?;
        let range = u64::from_str_radix(start, 16).ok()?..u64::from_str_radix(end, 16).ok()?;
        let permissions = word()?.as_bytes();
        let offset = u64::from_str_radix(word()?, 16).ok()?;
        let [_device, _inode] = [word()?, word()?];
        Some(Self { range, permissions, offset, name: words.next().unwrap_or_default().trim_ascii_start() })
    }

    /// Of the file.
    pub(in crate::handler) fn path(&self) -> Option<&'a Path> {
        self.name.starts_with(b"/").then(|| Path::new(OsStr::from_bytes(self.name)))
    }
}

/// The mappings in the order of their addresses. Lines that make no sense are left out.
pub(in crate::handler) fn mappings(maps: &[u8]) -> impl Iterator<Item = Mapping<'_>> {
    maps.split(|&byte| byte == b'\n').filter_map(Mapping::of_line)
}

/// Writes a minidump's list of what is mapped, and how it may be used.
pub(in crate::handler) fn write(out: &mut Buffer, maps: &[u8]) -> Result<MDRawDirectory, MemoryWriterError> {
    const COMMITTED: u32 = 0x1000;
    const PRIVATE: u32 = 0x2_0000;
    const MAPPED: u32 = 0x4_0000;
    let entry = |mapping: Mapping<'_>| {
        let protection = protection(mapping.permissions);
        MDMemoryInfo {
            base_address: mapping.range.start,
            allocation_base: mapping.range.start,
            allocation_protection: protection,
            __alignment1: 0,
            region_size: mapping.range.end.saturating_sub(mapping.range.start),
            state: COMMITTED,
            protection,
            _type: if mapping.permissions.contains(&b's') { MAPPED } else { PRIVATE },
            __alignment2: 0,
        }
    };
    let entries: Vec<_> = mappings(maps).map(entry).collect();
    let head = MDMemoryInfoList {
        size_of_header: size_of::<MDMemoryInfoList>() as u32,
        size_of_entry: size_of::<MDMemoryInfo>() as u32,
        number_of_entries: entries.len() as u64,
    };
    let head = MemoryWriter::alloc_with_val(out, head)?.location();
    let list = MemoryArrayWriter::alloc_from_iter(out, entries)?.location();
    Ok(MDRawDirectory { stream_type: stream::MEMORY_INFO, location: joined(head, list) })
}

/// In Windows' words, which know no memory that can be written and not read.
fn protection(permissions: &[u8]) -> u32 {
    let [read, write, execute] = [b'r', b'w', b'x'].map(|letter| permissions.contains(&letter));
    match (read, write, execute) {
        (false, false, false) => 0x01,
        (true, false, false) => 0x02,
        (_, true, false) => 0x04,
        (false, false, true) => 0x10,
        (true, false, true) => 0x20,
        (_, true, true) => 0x40,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &[u8] = b"1000-2000 r-xp 00000000 08:01 12 /opt/a b/lib x.so\n2000-3000 rw-p 0 0:0 0 [heap]\nzz\n\
        4000-6000 r--s 0 08:01 9 /tmp/g (deleted)\n7000-8000 ---p 00000000 00:00 0 \n";

    #[test]
    fn lines_are_understood_with_or_without_a_file() {
        let found: Vec<_> =
            mappings(MAPS).map(|m| (m.range.clone(), m.path().map(|path| path.to_str().unwrap()))).collect();
        let expected = [
            (0x1000..0x2000, Some("/opt/a b/lib x.so")),
            (0x2000..0x3000, None),
            (0x4000..0x6000, Some("/tmp/g (deleted)")),
            (0x7000..0x8000, None),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_dump_says_how_memory_may_be_used() {
        let mut out = Buffer::with_capacity(0);
        let MDRawDirectory { stream_type, location } = write(&mut out, MAPS).unwrap();
        assert_eq!((stream_type, location.rva as usize, location.data_size as usize), (16, 0, out.len()));
        let word = |at: usize| u32::from_le_bytes(out[at..at + 4].try_into().unwrap());
        assert_eq!((word(0), word(4), word(8), out.len()), (16, 48, 4, 16 + 4 * 48));
        let entry = |number: usize| {
            let at = 16 + number * 48;
            (word(at), word(at + 24), word(at + 32), word(at + 36), word(at + 40))
        };
        assert_eq!(entry(0), (0x1000, 0x1000, 0x1000, 0x20, 0x2_0000));
        assert_eq!(entry(2), (0x4000, 0x2000, 0x1000, 0x02, 0x4_0000));
        assert_eq!(entry(3), (0x7000, 0x1000, 0x1000, 0x01, 0x2_0000));
    }
}

//! A minidump while it is put together: streams one after the other, the directory last.

use std::ops::Range;
use std::path::Path;

use minidump_writer::mem_writer::{
    Buffer, MemoryArrayWriter, MemoryWriter, MemoryWriterError, write_string_to_location,
};
use minidump_writer::minidump_format::{MDLocationDescriptor, MDMemoryDescriptor, MDRawDirectory, MDRawModule};

use crate::shared::clock;

const HEADER: usize = 32;
const DIRECTORY_ENTRY: usize = 12;
const MOST_STREAMS: usize = 16;
/// Room for the dump of an ordinary product, so that it does not move while it grows.
const ORDINARY: usize = 1 << 20;

pub(super) struct DumpFile {
    /// Where streams and what they refer to are written.
    pub(super) out: Buffer,
    directory: Vec<MDRawDirectory>,
}

impl DumpFile {
    pub(super) fn new() -> Self {
        let mut out = Buffer::with_capacity(ORDINARY);
        out.write_all(&[0; HEADER + MOST_STREAMS * DIRECTORY_ENTRY]);
        Self { out, directory: Vec::with_capacity(MOST_STREAMS) }
    }

    /// Enters a stream that has been written.
    pub(super) fn enter(&mut self, entry: MDRawDirectory) {
        self.directory.push(entry);
    }

    /// Writes a stream of these bytes.
    pub(super) fn bytes(&mut self, stream_type: u32, content: &[u8]) {
        let location = MemoryArrayWriter::write_bytes(&mut self.out, content).location();
        self.enter(MDRawDirectory { stream_type, location });
    }

    /// Writes the list of the pieces of memory, which have been written.
    pub(super) fn memory_list(
        &mut self,
        stream_type: u32,
        pieces: &[MDMemoryDescriptor],
    ) -> Result<(), MemoryWriterError> {
        let count = MemoryWriter::alloc_with_val(&mut self.out, pieces.len() as u32)?.location();
        let list = MemoryArrayWriter::alloc_from_array(&mut self.out, pieces)?.location();
        self.enter(MDRawDirectory { stream_type, location: joined(count, list) });
        Ok(())
    }

    /// The whole file.
    pub(super) fn finish(self) -> Vec<u8> {
        const VERSION: u32 = 0xa793;
        let now = clock::realtime() / 1_000_000_000;
        let mut head = b"MDMP".to_vec();
        // Where the directory is, no checksum, the time, no flags.
        for word in [VERSION, self.directory.len() as u32, HEADER as u32, 0, now as u32, 0, 0] {
            head.extend(word.to_le_bytes());
        }
        for MDRawDirectory { stream_type, location } in self.directory.into_iter().take(MOST_STREAMS) {
            for word in [stream_type, location.data_size, location.rva] {
                head.extend(word.to_le_bytes());
            }
        }
        let mut bytes = Vec::from(self.out);
        bytes[..head.len()].copy_from_slice(&head);
        bytes
    }
}

/// Writes what belongs to a module of a list: its path and, where it has one, its build id.
pub(super) fn module(
    out: &mut Buffer,
    range: Range<u64>,
    build_id: &[u8],
    path: &Path,
) -> Result<MDRawModule, MemoryWriterError> {
    let cv_record = match build_id {
        [] => MDLocationDescriptor::default(),
        build_id => MemoryArrayWriter::write_bytes(out, &[b"LEpB".as_slice(), build_id].concat()).location(),
    };
    Ok(MDRawModule {
        base_of_image: range.start,
        size_of_image: u32::try_from(range.end.saturating_sub(range.start)).unwrap_or(u32::MAX),
        cv_record,
        module_name_rva: write_string_to_location(out, &path.to_string_lossy())?.rva,
        ..Default::default()
    })
}

/// Two places, one right after the other.
pub(super) fn joined(first: MDLocationDescriptor, second: MDLocationDescriptor) -> MDLocationDescriptor {
    MDLocationDescriptor { data_size: first.data_size + second.data_size, rva: first.rva }
}

//! A minidump while it is put together: streams one after the other, the directory last.

use crate::shared::clock;

const HEADER: usize = 32;
const ENTRY: usize = 12;
/// Of a dump that says that it has more.
const MOST_STREAMS: usize = 256;

/// A stream's type, and its place: size and offset.
type Stream = (u32, u32, u32);

pub(super) struct DumpFile {
    bytes: Vec<u8>,
    directory: Vec<Stream>,
}

impl DumpFile {
    /// Without a stream yet.
    pub(super) fn new() -> Self {
        Self { bytes: header(0, 0), directory: Vec::new() }
    }

    /// One that is whole, to add to it. `None` where it is no dump.
    pub(super) fn of(bytes: Vec<u8>) -> Option<Self> {
        let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let (count, start) = (word(8)? as usize, word(12)? as usize);
        if !bytes.starts_with(b"MDMP") || count > MOST_STREAMS {
            return None;
        }
        let entry = |number: usize| {
            let at = start.checked_add(number * ENTRY)?;
            Some((word(at)?, word(at.checked_add(4)?)?, word(at.checked_add(8)?)?))
        };
        let directory = (0..count).map(entry).collect::<Option<_>>()?;
        Some(Self { bytes, directory })
    }

    /// Whether there is a stream of this type.
    pub(super) fn has(&self, kind: u32) -> bool {
        self.directory.iter().any(|(other, ..)| *other == kind)
    }

    /// Writes what a stream refers to. Returns its offset.
    pub(super) fn write(&mut self, content: &[u8]) -> u32 {
        let at = self.bytes.len().next_multiple_of(16);
        self.bytes.resize(at, 0);
        self.bytes.extend_from_slice(content);
        // What is too large for an offset is refused by who reads it.
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// Writes a text as dumps have it. Returns its offset.
    pub(super) fn text(&mut self, text: &str) -> u32 {
        let units: Vec<u16> = text.encode_utf16().collect();
        let mut content = ((units.len() * 2) as u32).to_le_bytes().to_vec();
        content.extend(units.iter().chain(&[0]).flat_map(|unit| unit.to_le_bytes()));
        self.write(&content)
    }

    /// Writes a stream.
    pub(super) fn stream(&mut self, kind: u32, content: &[u8]) {
        let at = self.write(content);
        self.directory.push((kind, content.len() as u32, at));
    }

    /// The whole file.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let words = self.directory.iter().flat_map(|(kind, size, at)| [*kind, *size, *at]);
        let directory: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
        let at = self.write(&directory);
        let head = header(self.directory.len() as u32, at);
        self.bytes[..HEADER].copy_from_slice(&head);
        self.bytes
    }
}

/// The number of streams, where the directory is, no checksum, the time, no flags.
fn header(streams: u32, directory: u32) -> Vec<u8> {
    const VERSION: u32 = 0xa793;
    let now = (clock::realtime() / 1_000_000_000) as u32;
    let words = [VERSION, streams, directory, 0, now, 0, 0];
    b"MDMP".iter().copied().chain(words.into_iter().flat_map(u32::to_le_bytes)).collect()
}

#[cfg(test)]
mod tests {
    use minidump::Minidump;

    use super::*;

    #[test]
    fn streams_can_be_added_to_a_dump_and_nonsense_is_none() {
        let mut file = DumpFile::new();
        file.stream(0x4767_0001, b"first");
        let mut file = DumpFile::of(file.finish()).unwrap();
        assert!(file.has(0x4767_0001) && !file.has(0x4767_0002));
        file.stream(0x4767_0002, b"second");
        let whole = file.finish();
        let dump = Minidump::read(&whole[..]).unwrap();
        assert_eq!(dump.get_raw_stream(0x4767_0001).unwrap(), b"first");
        assert_eq!(dump.get_raw_stream(0x4767_0002).unwrap(), b"second");
        for cut in 0..whole.len() {
            let _ = DumpFile::of(whole[..cut].to_vec());
        }
        assert!(DumpFile::of(b"MDMP".to_vec()).is_none() && DumpFile::of(vec![0xff; 64]).is_none());
    }
}

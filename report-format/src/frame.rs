//! Frames: the checksummed slices that a report is made of. `proto/FORMAT.md` is the norm, this its first implementation.

/// The major version of the container that this library writes, and the only one it reads.
pub const MAJOR_VERSION: u8 = 1;
/// Raw bytes in a chunk at most: 1 MiB.
pub const CHUNK: usize = 1 << 20;
/// Bytes of a frame's payload at most: what Zstandard makes of a chunk at worst.
pub const MAX_PAYLOAD: usize = CHUNK + CHUNK / 256;
/// Bytes of a summary at most.
pub(crate) const LARGEST_SUMMARY: usize = 4096;
/// Sections in a report at most, so that the index is one frame.
pub const MAX_SECTIONS: u32 = 1 << 16;
/// The first bytes of a report of any version, to tell one from other files. The version follows.
///
/// ```
/// let (bytes, ..) = report_format::Writer::new(Vec::new(), &Default::default())?.finish()?;
/// assert!(bytes.starts_with(&report_format::MAGIC));
/// # Ok::<(), report_format::Error>(())
/// ```
pub const MAGIC: [u8; 7] = *b"\x8fREPORT";

/// The first 16 bytes of a report: magic, version, line ends as PNG has them, CRC-32C of the 12 bytes before.
pub(crate) const PREAMBLE: usize = 16;
pub(crate) const LINE_ENDS: [u8; 4] = *b"\r\n\x1a\n";

/// Begins every frame. The first and last byte never occur in UTF-8; no suffix of it is a prefix.
pub(crate) const SYNC: [u8; 4] = *b"\xf5RF\xc1";
pub(crate) const HEADER: usize = 40;
pub(crate) const TRAILER: usize = 4;

pub(crate) const SUMMARY: u8 = 1;
pub(crate) const DATA: u8 = 2;
pub(crate) const SECTION_END: u8 = 3;
pub(crate) const INDEX: u8 = 4;
pub(crate) const END: u8 = 5;

/// Who does not know this frame's type or its section's kind must say so.
pub(crate) const CRITICAL: u8 = 0x01;
/// On the end frame: the writer knew that something was missing.
pub(crate) const INCOMPLETE: u8 = 0x02;
/// On data and section end: bytes of the section before this frame were lost before the report was written.
pub(crate) const GAP: u8 = 0x04;
/// Flags of a later version that change what the payload means.
pub(crate) const MUST_UNDERSTAND: u8 = 0xf0;

/// The preamble of a version.
pub(crate) fn preamble(version: u8) -> [u8; PREAMBLE] {
    let mut bytes = [0; PREAMBLE];
    bytes[..7].copy_from_slice(&MAGIC);
    bytes[7] = version;
    bytes[8..12].copy_from_slice(&LINE_ENDS);
    let crc = crc32c::crc32c(&bytes[..12]);
    bytes[12..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// The version that a valid preamble at the start of `bytes` names.
pub(crate) fn version(bytes: &[u8]) -> Option<u8> {
    let version = *bytes.get(7)?;
    bytes.starts_with(&preamble(version)).then_some(version)
}

/// The header of a frame. Fields that a type does not use are zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) frame_type: u8,
    pub(crate) flags: u8,
    pub(crate) codec: u16,
    pub(crate) kind: u16,
    pub(crate) category: u16,
    /// CRC-32C of the summary's bytes: keeps the frames of two reports apart.
    pub(crate) report: u32,
    /// Which section, from 1.
    pub(crate) section: u32,
    /// Which frame of the file, from 0.
    pub(crate) sequence: u32,
    /// Data: where its raw bytes stand in the section. Section end: the section's raw length. End: bytes before this frame.
    pub(crate) offset: u64,
    /// Bytes of the payload.
    pub(crate) length: u32,
}

impl Header {
    pub(crate) fn to_bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..4].copy_from_slice(&SYNC);
        bytes[4] = self.frame_type;
        bytes[5] = self.flags;
        bytes[6..8].copy_from_slice(&self.codec.to_le_bytes());
        bytes[8..10].copy_from_slice(&self.kind.to_le_bytes());
        bytes[10..12].copy_from_slice(&self.category.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.report.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.section.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.offset.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.length.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..36]);
        bytes[36..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The header at the start of `bytes`, if there is a whole one whose checksum is right.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..HEADER)?;
        if bytes[..4] != SYNC || crc32c::crc32c(&bytes[..36]) != u32_at(bytes, 36) {
            return None;
        }
        Some(Self {
            frame_type: bytes[4],
            flags: bytes[5],
            codec: u16_at(bytes, 6),
            kind: u16_at(bytes, 8),
            category: u16_at(bytes, 10),
            report: u32_at(bytes, 12),
            section: u32_at(bytes, 16),
            sequence: u32_at(bytes, 20),
            offset: u64_at(bytes, 24),
            length: u32_at(bytes, 32),
        })
    }

    /// Bytes of the whole frame in the file.
    pub(crate) fn frame_length(&self) -> usize {
        HEADER + self.length as usize + TRAILER
    }
}

/// How often, on average, a byte may be checksummed as part of a frame that then turns out damaged. Beyond it such frames
/// are passed over whole, so that nested false frames cannot make the work more than linear.
pub(crate) const PATIENCE: u64 = 8;

/// Counts what is checksummed in vain.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// In bytes.
    pub(crate) wasted: u64,
}

impl Patience {
    /// Takes a frame whose payload is damaged, behind which `consumed` bytes are. True: look for frames inside, since bytes may be missing;
    /// false: pass over it as a whole.
    pub(crate) fn look_inside(&mut self, header: &Header, consumed: u64) -> bool {
        self.wasted += u64::from(header.length) + TRAILER as u64;
        self.wasted <= consumed * PATIENCE
    }
}

/// One section's line in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    /// Where the section's first frame begins in the file.
    pub(crate) offset: u64,
    pub(crate) section: u32,
    pub(crate) kind: u16,
    pub(crate) category: u16,
}

impl IndexEntry {
    pub(crate) const SIZE: usize = 16;

    pub(crate) fn to_bytes(self) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        bytes[..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.section.to_le_bytes());
        bytes[12..14].copy_from_slice(&self.kind.to_le_bytes());
        bytes[14..].copy_from_slice(&self.category.to_le_bytes());
        bytes
    }

    /// Reads an entry of exactly [`Self::SIZE`] bytes.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        Self {
            offset: u64_at(bytes, 0),
            section: u32_at(bytes, 8),
            kind: u16_at(bytes, 12),
            category: u16_at(bytes, 14),
        }
    }
}

pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array(bytes, at))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(bytes, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back_and_no_flipped_bit_passes() {
        let header = Header {
            frame_type: DATA,
            flags: CRITICAL,
            codec: 1,
            kind: 0x8001,
            category: 3,
            report: 0xdead_beef,
            section: 7,
            sequence: 99,
            offset: 1 << 40,
            length: 12345,
        };
        let bytes = header.to_bytes();
        assert_eq!(Header::parse(&bytes), Some(header));
        assert_eq!(Header::parse(&bytes[..39]), None);
        for bit in 0..HEADER * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::parse(&flipped), None, "bit {bit}");
        }
    }

    #[test]
    fn a_preamble_names_its_version_and_no_flipped_bit_passes() {
        let bytes = preamble(3);
        assert_eq!(version(&bytes), Some(3));
        for bit in 0..PREAMBLE * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(version(&flipped), None, "bit {bit}");
        }
    }
}

//! Sections: typed blocks of a report.

use crate::schema::v1::{Category, SectionKind};

/// How the chunks of a section are encoded. Each chunk is encoded on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// As they are.
    Stored,
    /// One Zstandard frame per chunk. Without the crate's feature `zstd` the writer stores instead.
    Zstd,
    /// A codec of a later version: its chunks are passed on as they stand in the file. The writer refuses it.
    Other(u16),
}

impl Codec {
    /// The number in the file.
    pub fn number(self) -> u16 {
        match self {
            Self::Stored => 0,
            Self::Zstd => 1,
            Self::Other(number) => number,
        }
    }

    /// The codec of a number in the file.
    pub fn from_number(number: u16) -> Self {
        match number {
            0 => Self::Stored,
            1 => Self::Zstd,
            other => Self::Other(other),
        }
    }

    /// Whether this build of the library can encode and decode it.
    pub fn is_supported(self) -> bool {
        match self {
            Self::Stored => true,
            Self::Zstd => cfg!(feature = "zstd"),
            Self::Other(_) => false,
        }
    }
}

impl SectionKind {
    /// Whether sections of this kind hold one protobuf message, and not bytes of a format of their own.
    pub fn is_message(self) -> bool {
        !matches!(
            self,
            Self::Unspecified
                | Self::Minidump
                | Self::MemoryImage
                | Self::MemoryIndex
                | Self::SealedTriage
                | Self::SealedPrivate
                | Self::SealedFullMemory
        )
    }
}

/// What stands in clear about a section, in each of its frames.
///
/// ```
/// use report_format::SectionHeader;
/// use report_format::schema::v1::{Category, SectionKind};
/// let header = SectionHeader::new(SectionKind::Minidump, Category::Memory);
/// assert_eq!((header.kind, header.critical), (8, false));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SectionHeader {
    /// What the section holds: a [`SectionKind`], one of a later version, or a vendor's own from 0x8000.
    pub kind: u16,
    /// The switch of the consent dialog it falls under: a [`Category`] or one of a later version.
    pub category: u16,
    /// How its chunks are encoded.
    pub codec: Codec,
    /// Whether a program that does not know the kind must not take the report for understood.
    pub critical: bool,
}

impl SectionHeader {
    /// A compressed, ignorable section.
    pub fn new(kind: SectionKind, category: Category) -> Self {
        Self { kind: kind as u16, category: category as u16, codec: Codec::Zstd, critical: false }
    }

    /// The kind, if this version of the schema has it.
    pub fn known_kind(&self) -> Option<SectionKind> {
        SectionKind::try_from(i32::from(self.kind)).ok().filter(|&kind| kind != SectionKind::Unspecified)
    }
}

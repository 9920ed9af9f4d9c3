//! What is missing from a report, or wrong in it, by name.

use std::fmt;

use crate::schema::v1::SectionKind;

/// How much of a report is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Every byte is accounted for, the digest is right, the end was seen.
    Complete,
    /// Something is missing and its [`Loss`] named; what is there is right.
    Partial,
    /// Some bytes contradict their checksum or one another. What was recovered passed its own checks.
    Corrupt,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Corrupt => "corrupt",
        })
    }
}

/// One thing that keeps a report from being complete. Offsets are bytes from the start of the input.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Loss {
    /// The first 16 bytes are damaged or missing: the report was found by its first whole frame.
    Preamble {
        /// Where that frame begins.
        found_at: u64,
    },
    /// Bytes that do not belong to the report stand before it.
    Leading {
        /// How many.
        length: u64,
    },
    /// Bytes between frames that are no whole frame of this report: damaged, or not its own.
    Unreadable {
        /// Where they begin.
        offset: u64,
        /// How many.
        length: u64,
    },
    /// Frames with these sequence numbers never came.
    Missing {
        /// The first of them.
        first: u32,
        /// How many in a row.
        count: u32,
    },
    /// A whole frame came a second time or later than it should have, and was passed over.
    Misplaced {
        /// Where it stands.
        offset: u64,
        /// Its sequence number.
        sequence: u32,
    },
    /// The input ends inside a frame.
    Cut {
        /// Where that frame begins.
        offset: u64,
        /// How many bytes of it are there.
        length: u64,
    },
    /// The frame that ends every report never came.
    EndMissing,
    /// Bytes follow the end of the report.
    Trailing {
        /// Where they begin.
        offset: u64,
        /// How many.
        length: u64,
    },
    /// Not all of a section came, or not its end.
    SectionIncomplete {
        /// The section's number in this report, from 1.
        ordinal: u32,
        /// What it holds, as the number in the file ([`SectionKind`] or a later one).
        kind: u16,
    },
    /// A section was already incomplete when this report was written, as after a recovery, and no more of it is lost since.
    Gap {
        /// The section's number in this report, from 1.
        ordinal: u32,
        /// What it holds, as the number in the file.
        kind: u16,
    },
    /// Nothing at all came of some sections.
    SectionsMissing {
        /// The first one's number in this report.
        first: u32,
        /// How many in a row.
        count: u32,
        /// What it held, where the index still tells; then `count` is 1.
        kind: Option<u16>,
    },
    /// The rest of a section was left out: with it, all sections would be larger than [`Limits`](crate::Limits) allow.
    Limit {
        /// The section's number.
        ordinal: u32,
        /// What it holds, as the number in the file.
        kind: u16,
        /// From which of the section's raw bytes on.
        offset: u64,
        /// The limit of all sections, in bytes.
        limit: u64,
    },
    /// A chunk is whole, but its codec cannot make sense of it.
    Undecodable {
        /// The section's number.
        ordinal: u32,
        /// The chunk's place in the section's raw bytes.
        offset: u64,
    },
    /// A section says it is critical, and its kind is not known to this version.
    UnsupportedSection {
        /// The section's number.
        ordinal: u32,
        /// Its kind.
        kind: u16,
    },
    /// A section of a known or critical kind uses a codec that this version or build does not have.
    UnsupportedCodec {
        /// The section's number.
        ordinal: u32,
        /// The codec's number.
        codec: u16,
    },
    /// A frame says it must be understood, and its type or flags are not known to this version.
    UnsupportedFrame {
        /// Where it stands.
        offset: u64,
        /// Its type.
        frame_type: u8,
        /// Its flags.
        flags: u8,
    },
    /// Frames that are whole contradict one another.
    Contradiction {
        /// Where this was noticed.
        offset: u64,
        /// What does not fit.
        what: &'static str,
    },
    /// All frames look right, yet the digest over the file is another.
    Digest,
    /// A sealed section was not decrypted to its end, or not at all, though there is a key for it.
    Sealed {
        /// The section's number.
        ordinal: u32,
        /// Its kind: which class it holds.
        kind: u16,
        /// Bytes of the report inside that were decrypted.
        read: u64,
        /// Why no more.
        what: &'static str,
        /// Frames of it are lost, and what is there is right. Else bytes contradict one another.
        cut: bool,
    },
    /// Something is missing or wrong in the report inside a sealed section. Numbers and offsets are those of that report.
    InSealed {
        /// The sealed section's number.
        ordinal: u32,
        /// Its kind: which class it holds.
        kind: u16,
        /// What is missing or wrong there.
        loss: Box<Loss>,
    },
    /// Whoever wrote this report already knew that something was missing, as when it was recovered from a damaged one.
    Declared,
}

impl Loss {
    /// The best that a report with this loss can be.
    pub fn status(&self) -> Status {
        match self {
            Self::Preamble { .. }
            | Self::Unreadable { .. }
            | Self::Undecodable { .. }
            | Self::Contradiction { .. }
            | Self::Digest
            | Self::Sealed { cut: false, .. } => Status::Corrupt,
            Self::InSealed { loss, .. } => loss.status(),
            _ => Status::Partial,
        }
    }
}

/// The name of a kind for people: of the schema where it is there, else the number.
fn kind_name(kind: u16) -> String {
    match SectionKind::try_from(i32::from(kind)) {
        Ok(known) => known.as_str_name().trim_start_matches("SECTION_KIND_").to_lowercase().replace('_', " "),
        Err(_) => format!("kind {kind:#06x}"),
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Preamble { found_at } => {
                write!(f, "the first bytes of the report are damaged; it was found at byte {found_at}")
            }
            Self::Leading { length } => write!(f, "{length} bytes that do not belong to the report stand before it"),
            Self::Unreadable { offset, length } => write!(f, "{length} bytes from byte {offset} are unreadable"),
            Self::Missing { first, count: 1 } => write!(f, "frame {first} is missing"),
            Self::Missing { first, count } => write!(f, "{count} frames from frame {first} on are missing"),
            Self::Misplaced { offset, sequence } => {
                write!(f, "frame {sequence} at byte {offset} came again or too late and was passed over")
            }
            Self::Cut { offset, length } => {
                write!(f, "the input ends inside a frame: {length} bytes of it from byte {offset}")
            }
            Self::EndMissing => f.write_str("the end of the report is missing"),
            Self::Trailing { offset, length } => {
                write!(f, "{length} bytes follow the end of the report at byte {offset}")
            }
            Self::SectionIncomplete { ordinal, kind } => {
                write!(f, "section {ordinal} ({}) is incomplete", kind_name(kind))
            }
            Self::Gap { ordinal, kind } => {
                write!(f, "section {ordinal} ({}) was already incomplete when the report was written", kind_name(kind))
            }
            Self::SectionsMissing { first, kind: Some(kind), .. } => {
                write!(f, "section {first} ({}) is missing", kind_name(kind))
            }
            Self::SectionsMissing { first, count: 1, kind: None } => write!(f, "section {first} is missing"),
            Self::SectionsMissing { first, count, kind: None } => {
                write!(f, "{count} sections from section {first} on are missing")
            }
            Self::Limit { ordinal, kind, offset, limit } => write!(
                f,
                "section {ordinal} ({}) is left out from raw byte {offset} on: all sections together are over the limit of \
                 {limit} bytes",
                kind_name(kind)
            ),
            Self::Undecodable { ordinal, offset } => {
                write!(f, "a chunk of section {ordinal} at raw byte {offset} cannot be decompressed")
            }
            Self::UnsupportedSection { ordinal, kind } => {
                write!(f, "section {ordinal} (kind {kind:#06x}) must be understood and is not: update this program")
            }
            Self::UnsupportedCodec { ordinal, codec } => {
                write!(f, "section {ordinal} is compressed by codec {codec}, which this program does not have")
            }
            Self::UnsupportedFrame { offset, frame_type, flags } => write!(
                f,
                "the frame at byte {offset} (type {frame_type}, flags {flags:#04x}) must be understood and is not: \
                 update this program"
            ),
            Self::Contradiction { offset, what } => write!(f, "at byte {offset}: {what}"),
            Self::Sealed { ordinal, kind, read, what, .. } => {
                write!(f, "section {ordinal} ({}) is decrypted up to byte {read}: {what}", kind_name(kind))
            }
            Self::InSealed { ordinal, kind, ref loss } => {
                write!(f, "inside section {ordinal} ({}): {loss}", kind_name(kind))
            }
            Self::Digest => f.write_str("the digest over the whole report does not match"),
            Self::Declared => f.write_str("the report was already incomplete when it was written"),
        }
    }
}

//! How much of everything a reader is willing to take.

use crate::frame::{CHUNK, MAX_PAYLOAD, MAX_SECTIONS};

/// Bounds on what a report may make its reader do. All of them hold for hostile input.
///
/// ```
/// let strict = report_format::Limits { raw_total: 1 << 20, ..Default::default() };
/// assert!(strict.raw_total < report_format::Limits::default().raw_total);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one frame's payload as it stands in the file. More is [`Error::Limit`](crate::Error::Limit).
    pub payload: u32,
    /// Bytes of one frame's payload once decompressed. More is an error, before anything is decompressed.
    pub raw_chunk: u32,
    /// Bytes of all sections once decompressed, but for memory images; zeros in the place of lost ones are counted apart. What does not fit is
    /// not decompressed but left out, and told as [`Loss::Limit`](crate::Loss::Limit).
    pub raw_total: u64,
    /// Sections in a report. More is an error.
    pub sections: u32,
    /// Messages inside the message of one section. More is an error, before anything is reserved for them.
    pub messages: u32,
    /// Fields in the message of one section and in those inside it, numbers of a list counted one by one. More is an error as well.
    pub fields: u32,
    /// Losses that a [`Report`](crate::Report) remembers one by one; it only counts the others.
    pub losses: usize,
    /// Bytes of memory that an image covers: more is an error, before anything is done with it. And bytes of all images once
    /// decompressed: what does not fit is left out, as with [`raw_total`](Self::raw_total).
    pub memory_image: u64,
    /// Bytes searched for the beginning of a report where it does not begin at once, before the input is refused.
    pub leading: u64,
}

impl Default for Limits {
    /// For a reader that holds the whole report in memory: 256 MiB of raw bytes.
    fn default() -> Self {
        Self {
            payload: MAX_PAYLOAD as u32,
            raw_chunk: CHUNK as u32,
            raw_total: 256 << 20,
            sections: MAX_SECTIONS,
            messages: 1 << 20,
            fields: 1 << 23,
            losses: 1000,
            memory_image: 1 << 40,
            leading: 2 << 20,
        }
    }
}

impl Limits {
    /// For a reader that lets each piece go before it takes the next: 1 TiB of raw bytes, else the default.
    pub fn streaming() -> Self {
        Self { raw_total: 1 << 40, ..Self::default() }
    }
}

//! Reading parts of a report from a file, without reading the rest of it.

use std::{
    fmt,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
};

use prost::Message;

use crate::{
    codec::{Decompressor, Refused},
    error::Error,
    frame::{self, HEADER, Header, IndexEntry, MAJOR_VERSION, PREAMBLE, SYNC, TRAILER},
    limits::Limits,
    reader::{Section, SectionState, decode_message},
    schema::v1::{SectionKind, Summary},
    section::{Codec, SectionHeader},
    sniff,
};

/// Bytes from the end of the file that are looked at first: the index of 4,000 sections.
const TAIL: u64 = 64 << 10;
/// Bytes read at once where the file is searched.
const STEP: usize = 64 << 10;

/// Where a section lies in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileSection {
    /// Its number in the report, from 1.
    pub ordinal: u32,
    /// What it holds: a [`SectionKind`], or a later or private one.
    pub kind: u16,
    /// The [`Category`](crate::schema::v1::Category) it falls under, or a later one.
    pub category: u16,
    /// Where its first frame begins.
    pub offset: u64,
    /// Bytes from there to the next section or the closing summary: its size in the file.
    pub length: u64,
}

/// A report in a file, of any size, opened without reading more than its beginning and its end.
///
/// A quick look: frames are checked as they are read, but the digest over the whole file is not, and what nobody reads is not
/// checked at all. To know whether a report is complete, give all of it to a [`Decoder`](crate::Decoder).
///
/// ```
/// use std::io::Cursor;
/// use report_format::{Limits, ReportFile, Summary, Writer, schema::v1::{Category, Product, SectionKind}};
///
/// let mut writer = Writer::new(Vec::new(), &Summary::default())?;
/// writer.write_message(SectionKind::Product, Category::Essential, &Product { name: "Ledger".into(), ..Default::default() })?;
/// let (bytes, ..) = writer.finish()?;
///
/// let mut file = ReportFile::open(Cursor::new(bytes), &Limits::default())?;
/// assert_eq!(file.sections().len(), 1);
/// assert_eq!(file.message::<Product>(SectionKind::Product)?.unwrap().name, "Ledger");
/// # Ok::<(), report_format::Error>(())
/// ```
pub struct ReportFile<R> {
    pub(crate) frames: Frames<R>,
    pub(crate) limits: Limits,
    summary: Summary,
    sections: Vec<FileSection>,
    indexed: bool,
}

impl<R: Read + Seek> ReportFile<R> {
    /// Opens a report. Uses the index at its end; if that is damaged or cut off, goes through the file from frame to frame.
    ///
    /// # Errors
    /// [`Error::Format`] if the beginning is damaged or this is no report; [`Error::Unsupported`] for a newer major version;
    /// [`Error::Limit`] for too many sections; [`Error::Io`].
    pub fn open(input: R, limits: &Limits) -> Result<Self, Error> {
        let (frames, summary, behind) = Frames::open(input)?;
        let mut file = Self { frames, limits: limits.clone(), summary, sections: Vec::new(), indexed: true };
        if !file.use_index(behind, behind - PREAMBLE as u64)? {
            file.indexed = false;
            file.scan(behind)?;
        }
        Ok(file)
    }

    /// The summary at the report's beginning.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        self.frames.length
    }

    /// The sections in order: those that the index lists, or those of which something was found.
    pub fn sections(&self) -> &[FileSection] {
        &self.sections
    }

    /// Whether the report ends as a whole one does, with an index and an end. If not, it is cut or damaged.
    pub fn has_index(&self) -> bool {
        self.indexed
    }

    /// The first section of a kind.
    pub fn find(&self, kind: SectionKind) -> Option<FileSection> {
        self.sections.iter().find(|section| section.kind == kind as u16).copied()
    }

    /// Reads a section into memory.
    ///
    /// # Errors
    /// [`Error::Limit`] if its raw bytes are more than [`Limits::raw_total`]; [`Error::Io`]. Damage is no error: see
    /// [`Section::state`].
    pub fn section(&mut self, section: &FileSection) -> Result<Section, Error> {
        let limit = self.limits.raw_total;
        self.section_within(section, limit)
    }

    pub(crate) fn section_within(&mut self, section: &FileSection, limit: u64) -> Result<Section, Error> {
        let mut reading = Reading::new(section);
        let mut at = section.offset;
        let mut decompressor = Decompressor::default();
        while let Some((found, header)) = self.frames.next(at, section.end())? {
            at = found + header.frame_length() as u64;
            if header.section != section.ordinal {
                break;
            }
            let Some(payload) = self.frames.payload(found, &header)? else {
                at = found + SYNC.len() as u64;
                continue;
            };
            reading.frame(&header, payload, &mut decompressor, &self.limits, limit)?;
            if reading.ended {
                break;
            }
        }
        Ok(reading.section)
    }

    /// The first section of a kind, as a message: as [`Report::message`](crate::Report::message), errors included.
    ///
    /// # Errors
    /// Also those of [`section`](Self::section).
    pub fn message<M: Message + Default>(&mut self, kind: SectionKind) -> Result<Option<M>, Error> {
        let Some(section) = self.find(kind) else { return Ok(None) };
        decode_message(&self.section(&section)?, kind, &self.limits)
    }

    /// Takes the sections from the index. False if there is none that can be believed.
    fn use_index(&mut self, first: u64, summary_length: u64) -> Result<bool, Error> {
        const END: u64 = (HEADER + 32 + TRAILER) as u64;
        let Some(end_at) = self.frames.length.checked_sub(END) else { return Ok(false) };
        let Some(end) = self.frames.header(end_at)? else { return Ok(false) };
        let is_end = end.frame_type == frame::END && end.offset == end_at && end.length == 32;
        if !is_end || self.frames.payload(end_at, &end)?.is_none() {
            return Ok(false);
        }
        for reach in [TAIL, u64::from(self.limits.payload) + (HEADER + TRAILER) as u64] {
            let Some((at, header)) = self.frames.index_before(end_at, reach)? else { continue };
            let Some(payload) = self.frames.payload(at, &header)? else { continue };
            let entries: Vec<IndexEntry> = payload.chunks_exact(IndexEntry::SIZE).map(IndexEntry::parse).collect();
            let Some(closing) = at.checked_sub(summary_length) else { return Ok(false) };
            return self.take_entries(&entries, first, closing);
        }
        Ok(false)
    }

    fn take_entries(&mut self, entries: &[IndexEntry], first: u64, closing: u64) -> Result<bool, Error> {
        self.check_count(entries.len())?;
        let mut at = first;
        for (number, entry) in entries.iter().enumerate() {
            let next = entries.get(number + 1).map_or(closing, |next| next.offset);
            // Sections stand one behind the other, from the first summary to the second.
            if entry.section as usize != number + 1 || entry.offset != at || next <= at || next > closing {
                self.sections.clear();
                return Ok(false);
            }
            at = next;
            self.push(entry.section, entry.kind, entry.category, entry.offset..next);
        }
        Ok(true)
    }

    /// Goes from frame to frame, and past what is none.
    fn scan(&mut self, mut at: u64) -> Result<(), Error> {
        while let Some((found, header)) = self.frames.next(at, self.frames.length)? {
            at = found + header.frame_length() as u64;
            let last = self.sections.last().map_or(0, |section| section.ordinal);
            if !matches!(header.frame_type, frame::DATA | frame::SECTION_END) {
                if header.frame_type == frame::SUMMARY {
                    break;
                }
            } else if header.section > last {
                self.check_count(self.sections.len() + 1)?;
                self.push(header.section, header.kind, header.category, found..at);
            } else if let Some(section) = self.sections.last_mut().filter(|section| section.ordinal == header.section) {
                section.length = at.min(self.frames.length) - section.offset;
            }
        }
        Ok(())
    }

    fn push(&mut self, ordinal: u32, kind: u16, category: u16, place: Range<u64>) {
        let length = place.end.min(self.frames.length) - place.start;
        self.sections.push(FileSection { ordinal, kind, category, offset: place.start, length });
    }

    fn check_count(&self, count: usize) -> Result<(), Error> {
        let (limit, seen) = (u64::from(self.limits.sections), count as u64);
        if seen > limit { Err(Error::Limit { what: "sections in a report", limit, seen }) } else { Ok(()) }
    }
}

impl FileSection {
    /// Where it ends in the file.
    pub(crate) fn end(&self) -> u64 {
        self.offset + self.length
    }
}

impl<R> fmt::Debug for ReportFile<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportFile")
            .field("length", &self.frames.length)
            .field("sections", &self.sections.len())
            .finish_non_exhaustive()
    }
}

/// The frames of one report in a file.
pub(crate) struct Frames<R> {
    input: R,
    pub(crate) length: u64,
    pub(crate) report: u32,
    buffer: Vec<u8>,
}

impl<R: Read + Seek> Frames<R> {
    /// Reads the beginning of a report: its frames, its summary, and where the next frame stands.
    pub(crate) fn open(mut input: R) -> Result<(Self, Summary, u64), Error> {
        let length = input.seek(SeekFrom::End(0))?;
        input.seek(SeekFrom::Start(0))?;
        let mut head = Vec::new();
        (&mut input).take(sniff::ENOUGH as u64).read_to_end(&mut head)?;
        match frame::version(&head) {
            Some(MAJOR_VERSION) => {}
            Some(version) => {
                let (found, supported) = (u64::from(version), u64::from(MAJOR_VERSION));
                return Err(Error::Unsupported { what: "version of the report container", found, supported });
            }
            None => return Err(sniff::not_a_report(&head)),
        }
        let mut frames = Frames { input, length, report: 0, buffer: Vec::new() };
        let damaged = || Error::format("the beginning of the report is damaged", "recover what is whole of it first");
        let first = Header::parse(&head[PREAMBLE..]).filter(|header| {
            header.frame_type == frame::SUMMARY
                && header.sequence == 0
                && header.length as usize <= frame::LARGEST_SUMMARY
        });
        let first = first.ok_or_else(damaged)?;
        frames.report = first.report;
        let payload = frames.payload(PREAMBLE as u64, &first)?.ok_or_else(damaged)?;
        if crc32c::crc32c(payload) != first.report {
            return Err(damaged());
        }
        let summary = Summary::decode(payload).map_err(|_| damaged())?;
        Ok((frames, summary, PREAMBLE as u64 + first.frame_length() as u64))
    }

    pub(crate) fn into_input(self) -> R {
        self.input
    }

    /// Fills the buffer with `length` bytes from `at` on, or with what is left of the file.
    fn fill(&mut self, at: u64, length: usize) -> io::Result<()> {
        self.buffer.clear();
        self.input.seek(SeekFrom::Start(at))?;
        (&mut self.input).take(length as u64).read_to_end(&mut self.buffer).map(drop)
    }

    /// The header of this report that stands at `at`, if there is a whole one.
    pub(crate) fn header(&mut self, at: u64) -> Result<Option<Header>, Error> {
        self.fill(at, HEADER)?;
        Ok(Header::parse(&self.buffer).filter(|header| header.report == self.report))
    }

    /// The payload of a frame, if it is whole and its checksum right.
    pub(crate) fn payload(&mut self, at: u64, header: &Header) -> Result<Option<&[u8]>, Error> {
        let length = header.length as usize;
        if header.length as usize > frame::MAX_PAYLOAD {
            return Ok(None);
        }
        self.fill(at + HEADER as u64, length + TRAILER)?;
        let Some((payload, trailer)) =
            self.buffer.split_at_checked(length).filter(|(_, trailer)| trailer.len() == TRAILER)
        else {
            return Ok(None);
        };
        Ok((crc32c::crc32c(payload) == frame::u32_at(trailer, 0)).then_some(payload))
    }

    /// The next header of this report between `at` and `end`: where it stands, and what it says. Its payload may be damaged.
    pub(crate) fn next(&mut self, mut at: u64, end: u64) -> Result<Option<(u64, Header)>, Error> {
        if at >= end {
            return Ok(None);
        }
        if let Some(header) = self.header(at)? {
            return Ok(Some((at, header)));
        }
        while at < end {
            self.fill(at, STEP)?;
            let window = (end - at).min(self.buffer.len() as u64) as usize;
            if window < HEADER {
                return Ok(None);
            }
            for (found, _) in self.buffer[..window].windows(SYNC.len()).enumerate().filter(|(_, bytes)| *bytes == SYNC)
            {
                if let Some(header) = Header::parse(&self.buffer[found..]).filter(|header| header.report == self.report)
                {
                    return Ok(Some((at + found as u64, header)));
                }
            }
            // One less than a header: it may begin here and end in the next step.
            at += (window - HEADER + 1) as u64;
        }
        Ok(None)
    }

    /// The index frame that ends at `end`, looked for in the bytes before it.
    fn index_before(&mut self, end: u64, reach: u64) -> Result<Option<(u64, Header)>, Error> {
        let from = end.saturating_sub(reach);
        self.fill(from, (end - from) as usize)?;
        let fits = |at: usize, header: &Header| {
            header.frame_type == frame::INDEX
                && header.report == self.report
                && from + at as u64 + header.frame_length() as u64 == end
        };
        let starts = self.buffer.windows(SYNC.len()).enumerate().filter(|(_, bytes)| *bytes == SYNC).map(|(at, _)| at);
        let found = starts
            .filter_map(|at| Some((at, Header::parse(&self.buffer[at..])?)))
            .find(|(at, header)| fits(*at, header));
        Ok(found.map(|(at, header)| (from + at as u64, header)))
    }
}

/// A section being read.
struct Reading {
    section: Section,
    begun: bool,
    refused: bool,
    frames: u32,
    ended: bool,
}

impl Reading {
    fn new(section: &FileSection) -> Self {
        let header =
            SectionHeader { kind: section.kind, category: section.category, codec: Codec::Stored, critical: false };
        let section = Section {
            ordinal: section.ordinal,
            header,
            bytes: Vec::new(),
            state: SectionState::Incomplete,
            holes: Vec::new(),
        };
        Self { section, begun: false, refused: false, frames: 0, ended: false }
    }

    /// Takes a whole frame of the section. A section over `limit` raw bytes is an error.
    fn frame(
        &mut self,
        header: &Header,
        payload: &[u8],
        decompressor: &mut Decompressor,
        limits: &Limits,
        limit: u64,
    ) -> Result<(), Error> {
        let known = &mut self.section.header;
        let codec = Codec::from_number(header.codec);
        if !self.begun {
            (known.codec, known.critical) = (codec, header.flags & frame::CRITICAL != 0);
            self.begun = true;
        }
        let fits = header.kind == known.kind && header.category == known.category && codec == known.codec;
        if !fits || header.flags & frame::MUST_UNDERSTAND != 0 {
            self.refused = true;
            return Ok(());
        }
        match header.frame_type {
            frame::DATA if codec.is_supported() => {
                self.frames = self.frames.saturating_add(1);
                match decompressor.decode(codec, payload, limits.raw_chunk) {
                    Ok(chunk) => self.chunk(header.offset, &chunk, limit)?,
                    Err(Refused::TooLong(seen)) => {
                        let limit = u64::from(limits.raw_chunk);
                        return Err(Error::Limit { what: "raw bytes in one chunk of a section", limit, seen });
                    }
                    Err(Refused::Nonsense) => self.refused = true,
                }
            }
            frame::DATA => {
                self.section.state = SectionState::Undecoded;
                self.chunk(self.section.bytes.len() as u64, payload, limit)?;
            }
            frame::SECTION_END => {
                self.ended = true;
                let bytes = &self.section.bytes;
                let whole = payload.len() >= 8
                    && frame::u32_at(payload, 0) == self.frames
                    && header.offset == bytes.len() as u64
                    && frame::u32_at(payload, 4) == crc32c::crc32c(bytes);
                if whole && !self.refused && codec.is_supported() {
                    self.section.state = SectionState::Whole;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Appends the bytes of a chunk, with zeros in the place of those that are missing before it.
    fn chunk(&mut self, offset: u64, chunk: &[u8], limit: u64) -> Result<(), Error> {
        let bytes = &mut self.section.bytes;
        let from = bytes.len();
        if offset < from as u64 {
            self.refused = true;
            return Ok(());
        }
        let seen = offset.saturating_add(chunk.len() as u64);
        if seen > limit {
            return Err(Error::Limit { what: "raw bytes in a section", limit, seen });
        }
        if offset > from as u64 {
            self.refused = true;
            bytes.resize(offset as usize, 0);
            self.section.holes.push(from..offset as usize);
        }
        bytes.extend_from_slice(chunk);
        Ok(())
    }
}

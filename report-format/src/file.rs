//! Reading parts of a report from a file, without reading the rest of it.

use std::{
    collections::HashSet,
    fmt,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
};

use prost::Message;

use crate::{
    assembly::{Assembly, Events},
    decoder::Event,
    error::Error,
    frame::{self, HEADER, Header, IndexEntry, MAJOR_VERSION, PREAMBLE, Patience, SYNC, TRAILER},
    limits::Limits,
    loss::Loss,
    reader::{Section, SectionState, decode_message},
    schema::v1::{SectionKind, Summary},
    section::{Codec, SectionHeader},
    sniff,
};

/// Bytes from the end of the file in which the index is looked for: first one of 4,000 sections, then the largest there can be, with
/// frames of a later version around it.
const TAILS: [u64; 2] = [64 << 10, 4 << 20];
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
        let mut file = Self { frames, limits: limits.clone(), summary, sections: Vec::new(), indexed: false };
        file.indexed = file.use_index(behind)?;
        if !file.indexed {
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
        let limits = Limits { raw_total: limit, memory_image: limit, ..self.limits.clone() };
        let mut reading = Reading::new(section, limits);
        let mut walk = Walk::new(section.offset, section.end());
        while !reading.ended
            && let Some(frame) = self.frames.next_whole(&mut walk)?
        {
            reading.frame(&frame)?;
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
    fn use_index(&mut self, first: u64) -> Result<bool, Error> {
        for reach in TAILS {
            let tail = self.frames.tail(reach)?;
            let Some((end_at, end)) = tail.first().copied() else { return Ok(false) };
            let is_end = end.frame_type == frame::END && end.offset == end_at && end.length >= 32;
            if !is_end || self.frames.payload(end_at, &end)?.is_none() {
                return Ok(false);
            }
            let mut backwards = tail.iter().copied();
            let mut last = |wanted: u8| backwards.find(|(_, header)| header.frame_type == wanted);
            let (Some((at, index)), Some((closing, _))) = (last(frame::INDEX), last(frame::SUMMARY)) else { continue };
            let Some(payload) = self.frames.payload(at, &index)? else { return Ok(false) };
            let entries: Vec<IndexEntry> = payload.chunks_exact(IndexEntry::SIZE).map(IndexEntry::parse).collect();
            return self.take_entries(&entries, first, closing);
        }
        Ok(false)
    }

    fn take_entries(&mut self, entries: &[IndexEntry], first: u64, closing: u64) -> Result<bool, Error> {
        self.check_count(entries.len())?;
        let mut from = first;
        for (number, entry) in entries.iter().enumerate() {
            let next = entries.get(number + 1).map_or(closing, |next| next.offset);
            // Sections stand one behind the other, from the first summary to the second. Frames of a later version may stand between.
            if entry.section as usize != number + 1 || entry.offset < from || next <= entry.offset || next > closing {
                self.sections.clear();
                return Ok(false);
            }
            from = next;
            self.push(entry.section, entry.kind, entry.category, entry.offset..next);
        }
        Ok(true)
    }

    /// Goes from frame to frame, and past what is none.
    fn scan(&mut self, first: u64) -> Result<(), Error> {
        let mut walk = Walk::new(first, self.frames.length);
        let mut expected = 0;
        while let Some((found, header)) = self.frames.next(walk.at, walk.end)? {
            self.frames.pass(found, &header, &mut walk)?;
            // It came again, or stands where it should not.
            if header.sequence < expected {
                continue;
            }
            expected = header.sequence;
            let last = self.sections.last().map_or(0, |section| section.ordinal);
            if !matches!(header.frame_type, frame::DATA | frame::SECTION_END) {
                if header.frame_type == frame::SUMMARY && header.sequence > 0 {
                    break;
                }
            } else if header.section > last {
                self.check_count(self.sections.len() + 1)?;
                self.push(header.section, header.kind, header.category, found..walk.at);
            } else if let Some(section) = self.sections.last_mut().filter(|section| section.ordinal == header.section) {
                section.length = walk.at.min(self.frames.length) - section.offset;
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
    /// What was read last.
    buffer: Vec<u8>,
    /// What is searched, and where in the file it begins. Kept, since what is found in it is often followed by more.
    window: Vec<u8>,
    window_at: u64,
}

/// A walk from frame to frame, past what is none, from one place in the file to another.
#[derive(Debug)]
pub(crate) struct Walk {
    from: u64,
    /// Where to look next.
    at: u64,
    end: u64,
    patience: Patience,
}

impl Walk {
    pub(crate) fn new(from: u64, end: u64) -> Self {
        Self { from, at: from, end, patience: Patience::default() }
    }
}

/// A frame whose payload has the right checksum, and where it stands.
pub(crate) struct WholeFrame<'a> {
    pub(crate) at: u64,
    pub(crate) header: Header,
    pub(crate) payload: &'a [u8],
}

impl<R: Read + Seek> Frames<R> {
    /// The frames of this report in `input`, which may be a piece of it.
    pub(crate) fn new(input: R, length: u64, report: u32) -> Self {
        Self { input, length, report, buffer: Vec::new(), window: Vec::new(), window_at: 0 }
    }

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
        let damaged = || Error::format("the beginning of the report is damaged", "recover what is whole of it first");
        let first = Header::parse(&head[PREAMBLE..]).filter(|header| {
            header.frame_type == frame::SUMMARY
                && header.sequence == 0
                && header.length as usize <= frame::LARGEST_SUMMARY
        });
        let first = first.ok_or_else(damaged)?;
        let mut frames = Frames::new(input, length, first.report);
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

    /// What the window holds from `at` on, if that is a header at least.
    fn in_window(&self, at: u64) -> Option<&[u8]> {
        let from = usize::try_from(at.checked_sub(self.window_at)?).ok()?;
        self.window.get(from..).filter(|bytes| bytes.len() >= HEADER)
    }

    /// The header of this report that stands at `at`, if there is a whole one.
    pub(crate) fn header(&mut self, at: u64) -> Result<Option<Header>, Error> {
        let header = match self.in_window(at) {
            Some(bytes) => Header::parse(bytes),
            None => {
                self.fill(at, HEADER)?;
                Header::parse(&self.buffer)
            }
        };
        Ok(header.filter(|header| header.report == self.report))
    }

    /// The payload of a frame, if it is whole and its checksum right.
    pub(crate) fn payload(&mut self, at: u64, header: &Header) -> Result<Option<&[u8]>, Error> {
        let length = header.length as usize;
        let is_there = self.length.checked_sub(at).is_some_and(|left| left >= header.frame_length() as u64);
        if length > frame::MAX_PAYLOAD || !is_there {
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
            if self.in_window(at).is_none() {
                self.fill(at, STEP)?;
                std::mem::swap(&mut self.buffer, &mut self.window);
                self.window_at = at;
            }
            let Some(window) = self.in_window(at) else { return Ok(None) };
            let searched = (end - at).min(window.len() as u64) as usize;
            for (found, _) in window[..searched].windows(SYNC.len()).enumerate().filter(|(_, bytes)| *bytes == SYNC) {
                if let Some(header) = Header::parse(&window[found..]).filter(|header| header.report == self.report) {
                    return Ok(Some((at + found as u64, header)));
                }
            }
            // One less than a header: it may begin here and end in the next step.
            at += (window.len() - HEADER + 1) as u64;
        }
        Ok(None)
    }

    /// The next whole frame of a walk.
    pub(crate) fn next_whole(&mut self, walk: &mut Walk) -> Result<Option<WholeFrame<'_>>, Error> {
        while let Some((at, header)) = self.next(walk.at, walk.end)? {
            if self.check(at, &header, walk)? {
                return Ok(Some(WholeFrame { at, header, payload: &self.buffer[..header.length as usize] }));
            }
        }
        Ok(None)
    }

    /// Goes past a frame. If another one stands behind it, its length is right, and its payload is nobody's concern; else bytes of it may
    /// be missing, and frames stand inside what it takes for its own.
    fn pass(&mut self, found: u64, header: &Header, walk: &mut Walk) -> Result<(), Error> {
        let behind = found + header.frame_length() as u64;
        if header.length as usize <= frame::MAX_PAYLOAD && (behind == self.length || self.header(behind)?.is_some()) {
            walk.at = behind;
            return Ok(());
        }
        self.check(found, header, walk).map(drop)
    }

    /// Whether a frame is whole. Goes on behind it, or else where the next may begin. Its payload is then what the buffer begins with.
    fn check(&mut self, found: u64, header: &Header, walk: &mut Walk) -> Result<bool, Error> {
        let behind = found + header.frame_length() as u64;
        // No frame reaches beyond the section that it is in.
        let fits = behind <= walk.end && header.length as usize <= frame::MAX_PAYLOAD;
        let is_whole = fits && self.payload(found, header)?.is_some();
        let inside = !fits || (!is_whole && walk.patience.look_inside(header, behind - walk.from));
        walk.at = if inside { found + SYNC.len() as u64 } else { behind };
        Ok(is_whole)
    }

    /// The frames at the end of the file that follow one another up to its last byte, as far as `reach`: the last one first.
    fn tail(&mut self, reach: u64) -> Result<Vec<(u64, Header)>, Error> {
        let from = self.length.saturating_sub(reach);
        self.fill(from, (self.length - from) as usize)?;
        let (mut begins, mut tail) = (HashSet::from([self.length]), Vec::new());
        for (found, _) in self.buffer.windows(SYNC.len()).enumerate().rev().filter(|(_, bytes)| *bytes == SYNC) {
            let header = Header::parse(&self.buffer[found..]).filter(|header| header.report == self.report);
            let Some(header) = header else { continue };
            let at = from + found as u64;
            if begins.contains(&(at + header.frame_length() as u64)) {
                begins.insert(at);
                tail.push((at, header));
            }
        }
        Ok(tail)
    }
}

/// A section being read: by the rules by which a [`Decoder`](crate::Decoder) reads it.
struct Reading {
    section: Section,
    assembly: Assembly,
    limit: u64,
    begun: bool,
    ended: bool,
}

impl Reading {
    fn new(section: &FileSection, limits: Limits) -> Self {
        let header =
            SectionHeader { kind: section.kind, category: section.category, codec: Codec::Stored, critical: false };
        let section = Section {
            ordinal: section.ordinal,
            header,
            bytes: Vec::new(),
            state: SectionState::Incomplete,
            holes: Vec::new(),
        };
        let limit = limits.raw_total;
        Self { section, assembly: Assembly::new(limits, false), limit, begun: false, ended: false }
    }

    /// Takes a whole frame, which may be another section's. A section over the limit of its raw bytes is an error.
    fn frame(&mut self, frame: &WholeFrame<'_>) -> Result<(), Error> {
        let WholeFrame { at, header, payload } = frame;
        if !self.begun {
            if header.section != self.section.ordinal {
                return Ok(());
            }
            // Nothing of a section is missing before its first byte.
            if header.frame_type == frame::DATA && header.offset == 0 {
                self.assembly.expect(header.sequence);
            }
        }
        let mut events = Events::default();
        self.assembly.frame(header, payload, *at, None, &mut events)?;
        while let Some((event, _)) = events.pop() {
            self.take(event)?;
        }
        Ok(())
    }

    fn take(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::SectionBegin { header, .. } => {
                self.begun = true;
                let listed = &mut self.section.header;
                // Nothing is read of a section that is another than the index says.
                self.ended = (header.kind, header.category) != (listed.kind, listed.category);
                *listed = SectionHeader { kind: listed.kind, category: listed.category, ..header };
                if !header.codec.is_supported() && !self.ended {
                    self.section.state = SectionState::Undecoded;
                }
            }
            _ if self.ended => {}
            Event::SectionData { offset, bytes, .. } => self.chunk(offset, &bytes)?,
            Event::SectionEnd { whole, .. } => {
                self.ended = true;
                if whole {
                    self.section.state = SectionState::Whole;
                }
            }
            Event::Lost(Loss::Limit { offset, limit, .. }) => {
                let seen = offset.max(limit).saturating_add(1);
                return Err(Error::Limit { what: "raw bytes in a section", limit, seen });
            }
            _ => {}
        }
        Ok(())
    }

    /// Appends the bytes of a chunk, with zeros in the place of those that are missing before it.
    fn chunk(&mut self, offset: u64, chunk: &[u8]) -> Result<(), Error> {
        let (bytes, limit) = (&mut self.section.bytes, self.limit);
        let from = bytes.len();
        if self.section.state != SectionState::Undecoded && offset > from as u64 {
            let seen = offset.saturating_add(chunk.len() as u64);
            if seen > limit {
                return Err(Error::Limit { what: "raw bytes in a section", limit, seen });
            }
            bytes.resize(offset as usize, 0);
            self.section.holes.push(from..offset as usize);
        }
        bytes.extend_from_slice(chunk);
        Ok(())
    }
}

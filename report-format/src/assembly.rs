//! What whole frames mean together: order, sections, and every way in which they may not fit.

use std::{collections::VecDeque, mem};

use prost::Message;

use crate::{
    codec::{Decompressor, Refused},
    decoder::Event,
    error::Error,
    frame::{self, Header, IndexEntry},
    limits::Limits,
    loss::{Loss, Status},
    schema::v1::{SectionKind, Summary},
    section::{Codec, SectionHeader},
};

/// Where in a report the last frame stood. Frames of one stage may follow one another only in [`Stage::Sections`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Start,
    Sections,
    ClosingSummary,
    Index,
    End,
}

/// The section whose end has not come.
struct Open {
    ordinal: u32,
    header: SectionHeader,
    decodable: bool,
    /// Where its next raw byte belongs.
    next_offset: u64,
    frames: u32,
    crc: u32,
    /// Frames were lost that may have been its own. Its end tells.
    lacking: bool,
    /// A frame of it made no sense.
    refused: bool,
    /// A frame before the next one is not told, and the next one's offset cannot show it.
    owing: bool,
    /// A chunk of it was taken.
    begun: bool,
    /// One of its frames stands behind a gap, declared or found here.
    gapped: bool,
    /// A gap was found that nobody declared.
    damaged: bool,
    /// It went over the limit of all sections: nothing more of it is taken.
    left_out: bool,
}

/// What a frame of a section holds, as it stands in the file, for whoever copies it.
#[derive(Debug)]
pub(crate) struct Passed {
    /// As in the frame's header.
    pub(crate) offset: u64,
    /// Bytes of the section before this frame are lost, now or since an earlier recovery.
    pub(crate) gap: bool,
    pub(crate) payload: Vec<u8>,
}

/// Events that nobody took yet, each with its frame if frames are passed through.
#[derive(Default)]
pub(crate) struct Events(VecDeque<(Event, Option<Passed>)>);

impl Events {
    pub(crate) fn push(&mut self, event: Event) {
        self.0.push_back((event, None));
    }

    pub(crate) fn pop(&mut self) -> Option<(Event, Option<Passed>)> {
        self.0.pop_front()
    }
}

impl Open {
    /// Notes whether bytes are lost before a frame that is taken: its writer declared it, or it was found here.
    fn pass_gap(&mut self, declared: bool, found: bool) -> bool {
        let found = mem::take(&mut self.owing) || found;
        self.damaged |= found && !declared;
        self.gapped |= found || declared;
        found || declared
    }
}

pub(crate) struct Assembly {
    limits: Limits,
    /// Frames are given as they stand in the file, in the place of raw bytes. Everything is checked all the same.
    pass_through: bool,
    decompressor: Decompressor,
    stage: Stage,
    /// Whose frames these are.
    report: Option<u32>,
    summary: Option<Vec<u8>>,
    next_sequence: u64,
    /// Frames are missing between the last one that was understood and the next.
    missing: bool,
    /// Frames were passed over there, since they are not understood.
    passed_over: bool,
    /// Either came to pass anywhere.
    lacking: bool,
    open: Option<Open>,
    /// The sections seen, in order, as the index should list them.
    seen: Vec<IndexEntry>,
    /// An index was read and did not contradict: it named what is missing.
    index_seen: bool,
    raw_total: u64,
    /// The same of memory images.
    image_total: u64,
    /// Bytes of the report were lost or others put in: its digest cannot be right and offsets are moved.
    disturbed: bool,
    worst: Status,
}

impl Assembly {
    pub(crate) fn new(limits: Limits, pass_through: bool) -> Self {
        Self {
            limits,
            pass_through,
            decompressor: Decompressor::default(),
            stage: Stage::Start,
            report: None,
            summary: None,
            next_sequence: 0,
            missing: false,
            passed_over: false,
            lacking: false,
            open: None,
            seen: Vec::new(),
            index_seen: false,
            raw_total: 0,
            image_total: 0,
            disturbed: false,
            worst: Status::Complete,
        }
    }

    /// The next frame is the one with this sequence number, if none is missing. For who reads a report from its middle.
    pub(crate) fn expect(&mut self, sequence: u32) {
        self.next_sequence = sequence.into();
    }

    pub(crate) fn lose(&mut self, loss: Loss, events: &mut Events) {
        self.worst = self.worst.max(loss.status());
        self.disturbed |= matches!(
            loss,
            Loss::Preamble { .. }
                | Loss::Leading { .. }
                | Loss::Unreadable { .. }
                | Loss::Missing { .. }
                | Loss::Misplaced { .. }
        );
        events.push(Event::Lost(loss));
    }

    fn contradiction(&mut self, offset: u64, what: &'static str, events: &mut Events) {
        self.lose(Loss::Contradiction { offset, what }, events);
    }

    /// Decoding stopped with an error.
    pub(crate) fn failed(&mut self) {
        self.worst = Status::Corrupt;
    }

    /// The summary's bytes.
    pub(crate) fn summary(&self) -> Option<&[u8]> {
        self.summary.as_deref()
    }

    /// The checksum of the summary, as frames name it, if there was a frame.
    #[cfg(feature = "seal")]
    pub(crate) fn report(&self) -> Option<u32> {
        self.report
    }

    pub(crate) fn ended(&self) -> bool {
        self.stage == Stage::End
    }

    pub(crate) fn status(&self) -> Status {
        if self.ended() { self.worst } else { self.worst.max(Status::Partial) }
    }

    /// Whether a frame belongs to this report and not to one that is embedded in it or mixed into it.
    pub(crate) fn is_ours(&self, header: &Header) -> bool {
        self.report.is_none_or(|report| report == header.report)
    }

    /// Takes a whole frame that stands at `at`. `digest` is of all bytes before it, for an end frame.
    pub(crate) fn frame(
        &mut self,
        header: &Header,
        payload: &[u8],
        at: u64,
        digest: Option<[u8; 32]>,
        events: &mut Events,
    ) -> Result<(), Error> {
        self.report = Some(header.report);
        let sequence = u64::from(header.sequence);
        if sequence < self.next_sequence {
            self.lose(Loss::Misplaced { offset: at, sequence: header.sequence }, events);
            return Ok(());
        }
        if sequence > self.next_sequence {
            let first = self.next_sequence as u32;
            self.lose(Loss::Missing { first, count: header.sequence - first }, events);
            (self.missing, self.lacking) = (true, true);
        }
        self.next_sequence = sequence + 1;
        let known = matches!(header.frame_type, frame::SUMMARY..=frame::END);
        if header.flags & frame::MUST_UNDERSTAND != 0 || !known {
            self.pass_over(header, known, at, events);
            return Ok(());
        }
        let missing = mem::take(&mut self.missing);
        let gap = mem::take(&mut self.passed_over) || missing;
        if let Some(open) = &mut self.open {
            open.lacking |= gap;
            if missing && open.ordinal == header.section {
                // A frame lost between two of an open section was its own. Offsets show that only if lengths are known.
                open.owing |= !open.decodable;
                open.damaged |= header.flags & frame::GAP != 0;
            }
        }
        self.enter_stage(header.frame_type, gap, at, events);
        match header.frame_type {
            frame::SUMMARY => self.take_summary(header, payload, at, events),
            frame::DATA => self.data(header, payload, gap, at, events)?,
            frame::SECTION_END => self.section_end(header, payload, gap, at, events)?,
            frame::INDEX => self.index(payload, at, events),
            _ => self.end(header, payload, at, digest, events),
        }
        Ok(())
    }

    /// Passes over a frame that is not understood. One that may be ignored excuses nothing.
    fn pass_over(&mut self, header: &Header, known: bool, at: u64, events: &mut Events) {
        if !known && header.flags & (frame::MUST_UNDERSTAND | frame::CRITICAL) == 0 {
            return;
        }
        self.lose(Loss::UnsupportedFrame { offset: at, frame_type: header.frame_type, flags: header.flags }, events);
        (self.passed_over, self.lacking) = (true, true);
        if let Some(open) = self.open.as_mut().filter(|open| open.ordinal == header.section) {
            open.refused = true;
            open.owing |= !open.decodable;
        }
    }

    /// Checks that this type of frame may follow the one before, unless frames are missing or passed over in between. Its place says
    /// nothing against what it holds, so it is read all the same.
    fn enter_stage(&mut self, frame_type: u8, gap: bool, at: u64, events: &mut Events) {
        let (next, may_follow) = match frame_type {
            frame::SUMMARY if self.stage == Stage::Start && !gap => (Stage::Sections, true),
            frame::SUMMARY => (Stage::ClosingSummary, self.stage == Stage::Sections),
            frame::DATA | frame::SECTION_END => (Stage::Sections, self.stage == Stage::Sections),
            frame::INDEX => (Stage::Index, self.stage == Stage::ClosingSummary),
            _ => (Stage::End, self.stage == Stage::Index),
        };
        if !may_follow && !gap {
            self.contradiction(at, "a frame stands where its type may not", events);
        }
        self.stage = next;
        if next != Stage::Sections {
            self.close_open(!gap, at, events);
        }
    }

    fn take_summary(&mut self, header: &Header, payload: &[u8], at: u64, events: &mut Events) {
        if payload.len() > frame::LARGEST_SUMMARY {
            self.contradiction(at, "the summary is longer than 4 KiB", events);
            return;
        }
        if crc32c::crc32c(payload) != header.report {
            self.contradiction(at, "the summary is not the one that its report's frames name", events);
            return;
        }
        match &self.summary {
            Some(first) if first != payload => self.contradiction(at, "the two summaries differ", events),
            Some(_) => {}
            None => match Summary::decode(payload) {
                Ok(summary) => {
                    self.summary = Some(payload.to_vec());
                    events.push(Event::Summary(summary));
                }
                Err(_) => self.contradiction(at, "the summary is no summary message", events),
            },
        }
    }

    /// Opens the section of a frame if it is not open. `None` if the frame cannot belong to any.
    fn enter_section(
        &mut self,
        header: &Header,
        gap: bool,
        at: u64,
        events: &mut Events,
    ) -> Result<Option<&mut Open>, Error> {
        let section = SectionHeader {
            kind: header.kind,
            category: header.category,
            codec: Codec::from_number(header.codec),
            critical: header.flags & frame::CRITICAL != 0,
        };
        let ordinal = header.section;
        let last = self.seen.last().map_or(0, |entry| entry.section);
        match &mut self.open {
            Some(open) if open.ordinal == ordinal && open.header == section => {}
            Some(open) if open.ordinal == ordinal => {
                open.refused = true;
                self.contradiction(at, "frames of one section say different things about it", events);
                return Ok(None);
            }
            _ if ordinal <= last => {
                self.contradiction(at, "a frame of a section comes after that section", events);
                return Ok(None);
            }
            _ => {
                self.close_open(!gap, at, events);
                if ordinal != last + 1 && !gap {
                    self.contradiction(at, "the numbers of sections leave one out", events);
                }
                self.begin_section(ordinal, section, gap, at, events)?;
            }
        }
        Ok(self.open.as_mut())
    }

    fn begin_section(
        &mut self,
        ordinal: u32,
        header: SectionHeader,
        gap: bool,
        at: u64,
        events: &mut Events,
    ) -> Result<(), Error> {
        let seen = self.seen.len() as u64 + 1;
        if seen > u64::from(self.limits.sections) {
            let limit = u64::from(self.limits.sections);
            return Err(Error::Limit { what: "sections in a report", limit, seen });
        }
        let SectionHeader { kind, category, codec, critical } = header;
        self.seen.push(IndexEntry { offset: at, section: ordinal, kind, category });
        events.push(Event::SectionBegin { ordinal, header });
        let known = header.known_kind().is_some();
        if critical && !known {
            self.lose(Loss::UnsupportedSection { ordinal, kind }, events);
        }
        if !codec.is_supported() && (known || critical) {
            self.lose(Loss::UnsupportedCodec { ordinal, codec: codec.number() }, events);
        }
        self.open = Some(Open {
            ordinal,
            header,
            decodable: codec.is_supported(),
            next_offset: 0,
            frames: 0,
            crc: 0,
            lacking: gap,
            refused: false,
            owing: false,
            begun: false,
            gapped: false,
            damaged: false,
            left_out: false,
        });
        Ok(())
    }

    fn data(&mut self, header: &Header, payload: &[u8], gap: bool, at: u64, events: &mut Events) -> Result<(), Error> {
        let limit = self.limits.raw_chunk;
        // An image of memory is larger than all else, and nobody holds it in memory as a whole.
        let is_image = [SectionKind::MemoryImage as u16, SectionKind::SealedFullMemory as u16].contains(&header.kind);
        let (total, total_limit) = match is_image {
            true => (self.image_total, self.limits.memory_image),
            false => (self.raw_total, self.limits.raw_total),
        };
        let room = total_limit - total;
        let Some(open) = self.enter_section(header, gap, at, events)? else { return Ok(()) };
        if open.left_out {
            return Ok(());
        }
        let (ordinal, SectionHeader { kind, codec, .. }, offset) = (open.ordinal, open.header, header.offset);
        let declared = header.flags & frame::GAP != 0;
        open.lacking |= declared;
        // Behind a chunk that was refused the next one begins where that one ended, wherever that is.
        let may_skip = !open.decodable || open.lacking || open.refused;
        if offset < open.next_offset || (offset != open.next_offset && !may_skip) {
            open.refused = true;
            self.contradiction(at, "a chunk does not begin where the one before it ends", events);
            return Ok(());
        }
        open.frames = open.frames.saturating_add(1);
        let decoded = if open.decodable {
            self.decompressor.decode(codec, payload, room.min(u64::from(limit)) as u32)
        } else if payload.len() as u64 > room {
            Err(Refused::TooLong(payload.len() as u64))
        } else {
            Ok(payload.to_vec())
        };
        let bytes = match decoded {
            Ok(bytes) => bytes,
            // A dump of many megabytes need not cost what came before it, nor the small sections behind it.
            // But a chunk that no limit allows is a bomb, wherever it stands.
            Err(Refused::TooLong(seen)) if seen > room && (seen <= u64::from(limit) || !codec.is_supported()) => {
                let open = self.open.as_mut().expect("entered above");
                (open.refused, open.left_out) = (true, true);
                self.lose(Loss::Limit { ordinal, kind, offset, limit: total_limit }, events);
                return Ok(());
            }
            Err(Refused::TooLong(seen)) => {
                let limit = u64::from(limit);
                return Err(Error::Limit { what: "raw bytes in one chunk of a section", limit, seen });
            }
            Err(Refused::Nonsense) => {
                self.lose(Loss::Undecodable { ordinal, offset }, events);
                self.open.as_mut().expect("entered above").refused = true;
                return Ok(());
            }
        };
        *(if is_image { &mut self.image_total } else { &mut self.raw_total }) += bytes.len() as u64;
        let open = self.open.as_mut().expect("entered above");
        let Some(next_offset) = offset.checked_add(bytes.len() as u64) else {
            open.refused = true;
            self.contradiction(at, "a section is longer than 2^64 bytes", events);
            return Ok(());
        };
        let found = offset != open.next_offset && (open.decodable || !open.begun);
        open.begun = true;
        // How far an undecoded chunk reaches is not known: the next one may begin anywhere behind it.
        open.next_offset = if open.decodable { next_offset } else { offset };
        open.crc = crc32c::crc32c_append(open.crc, &bytes);
        let gap = open.pass_gap(declared, found);
        if self.pass_through {
            let passed = Passed { offset, gap, payload: payload.to_vec() };
            events.0.push_back((Event::SectionData { ordinal, offset, bytes: Vec::new() }, Some(passed)));
        } else {
            events.push(Event::SectionData { ordinal, offset, bytes });
        }
        Ok(())
    }

    fn section_end(
        &mut self,
        header: &Header,
        payload: &[u8],
        gap: bool,
        at: u64,
        events: &mut Events,
    ) -> Result<(), Error> {
        let Some(open) = self.enter_section(header, gap, at, events)? else { return Ok(()) };
        let declared = header.flags & frame::GAP != 0;
        // What the end says decides: lost frames may have been another section's. Behind a gap it cannot.
        let fits = payload.len() >= 8
            && frame::u32_at(payload, 0) == open.frames
            && (!open.decodable || (header.offset == open.next_offset && frame::u32_at(payload, 4) == open.crc));
        let whole = fits && !open.refused && !open.gapped && !declared;
        let found = if open.gapped { open.decodable && header.offset != open.next_offset } else { !whole };
        let gap = open.pass_gap(declared, found);
        if !fits && !open.lacking && !open.refused && !declared {
            self.contradiction(at, "a section is not what its end says: length, chunks or checksum differ", events);
        }
        let passed = Passed { offset: header.offset, gap, payload: payload.to_vec() };
        self.end_section(whole, self.pass_through.then_some(passed), events);
        Ok(())
    }

    /// Ends the open section although its end frame did not come. A contradiction if no frame was lost that could be it.
    fn close_open(&mut self, contradiction: bool, at: u64, events: &mut Events) {
        if let Some(open) = &mut self.open {
            open.damaged = true;
            self.end_section(false, None, events);
            if contradiction {
                self.contradiction(at, "a section has no end", events);
            }
        }
    }

    fn end_section(&mut self, whole: bool, passed: Option<Passed>, events: &mut Events) {
        if let Some(open) = self.open.take() {
            let (ordinal, kind) = (open.ordinal, open.header.kind);
            events.0.push_back((Event::SectionEnd { ordinal, whole: whole && open.decodable }, passed));
            if open.damaged || open.refused {
                self.lose(Loss::SectionIncomplete { ordinal, kind }, events);
            } else if !whole {
                self.lose(Loss::Gap { ordinal, kind }, events);
            }
        }
    }

    /// Compares the index with what was seen: it names the sections of which nothing came.
    fn index(&mut self, payload: &[u8], at: u64, events: &mut Events) {
        let mut expected = self.seen.iter().peekable();
        let mut missing = Vec::new();
        let mut fits = payload.len().is_multiple_of(IndexEntry::SIZE);
        for (number, listed) in payload.chunks_exact(IndexEntry::SIZE).map(IndexEntry::parse).enumerate() {
            fits &= listed.section as usize == number + 1;
            match expected.peek() {
                Some(found) if found.section == listed.section => {
                    fits &= (found.kind, found.category) == (listed.kind, listed.category);
                    // Behind lost or added bytes everything stands elsewhere, and a section's first frame may have been passed over.
                    let is_earlier = self.lacking && listed.offset < found.offset;
                    fits &= found.offset == listed.offset || self.disturbed || is_earlier;
                    expected.next();
                }
                _ => missing.push(Loss::SectionsMissing { first: listed.section, count: 1, kind: Some(listed.kind) }),
            }
        }
        fits &= expected.next().is_none() && (missing.is_empty() || self.lacking);
        if !fits {
            self.contradiction(at, "the index does not list the sections that are there", events);
            return;
        }
        self.index_seen = true;
        missing.into_iter().for_each(|loss| self.lose(loss, events));
    }

    fn end(&mut self, header: &Header, payload: &[u8], at: u64, digest: Option<[u8; 32]>, events: &mut Events) {
        self.missing_sections(events);
        if header.flags & frame::INCOMPLETE != 0 {
            self.lose(Loss::Declared, events);
        }
        if !self.disturbed {
            if payload.get(..32) != digest.as_ref().map(|digest| &digest[..]) {
                self.lose(Loss::Digest, events);
            } else if header.offset != at {
                self.contradiction(at, "the end says that another number of bytes is before it", events);
            }
        }
    }

    /// Names the sections left out where no index did, by their numbers.
    fn missing_sections(&mut self, events: &mut Events) {
        if self.index_seen || !self.lacking {
            return;
        }
        let mut next = 1;
        for section in self.seen.iter().map(|entry| entry.section).collect::<Vec<_>>() {
            if section > next {
                self.lose(Loss::SectionsMissing { first: next, count: section - next, kind: None }, events);
            }
            next = section.saturating_add(1);
        }
    }

    /// The input ended before the end frame.
    pub(crate) fn input_ended(&mut self, events: &mut Events) {
        self.close_open(false, 0, events);
        self.missing_sections(events);
        self.lose(Loss::EndMissing, events);
    }
}

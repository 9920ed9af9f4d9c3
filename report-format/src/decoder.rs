//! Reading a report from pieces of any size: finds the frames. What they mean together is [`Assembly`]'s to say.

use std::{fmt, mem};

use sha2::{Digest as _, Sha256};

use crate::{
    assembly::{Assembly, Events, Passed},
    error::Error,
    frame::{self, HEADER, Header, MAGIC, MAJOR_VERSION, PREAMBLE, Patience, SYNC},
    id::Digest,
    limits::Limits,
    loss::{Loss, Status},
    part::{self, PartHeader},
    schema::v1::Summary,
    section::SectionHeader,
    sniff,
};

/// What a [`Decoder`] found next.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The summary. Comes once: from the start of the report, or from its end if the first was lost.
    Summary(Summary),
    /// A section begins. Sections come one after the other.
    SectionBegin {
        /// Its number in this report, from 1.
        ordinal: u32,
        /// What stands in clear about it.
        header: SectionHeader,
    },
    /// Some bytes of the open section.
    SectionData {
        /// The section's number.
        ordinal: u32,
        /// Where in the section's raw bytes they stand. Greater than the end of the bytes before where some were lost.
        offset: u64,
        /// At most [`CHUNK`](crate::CHUNK) raw bytes; as they stand in the file if the codec is not supported.
        bytes: Vec<u8>,
    },
    /// The open section ends. Comes after every [`Event::SectionBegin`], even if its frame was lost.
    SectionEnd {
        /// The section's number.
        ordinal: u32,
        /// Whether all of it came, and its checksum is right. False as well if the codec is not supported.
        whole: bool,
    },
    /// Something is missing or wrong.
    Lost(Loss),
    /// The end of the report.
    End {
        /// SHA-256 of all bytes up to here, those that stand before the report among them.
        digest: Digest,
        /// How many bytes that are.
        bytes: u64,
    },
}

/// A push decoder: give it bytes as they come, take events until there are none. It does no I/O.
///
/// Memory is bounded by one frame and the largest piece pushed, if the events are taken after each push. The events
/// are the same however the input is split. After an error there are no more events.
///
/// ```
/// use report_format::{Decoder, Event, Limits, Status, Summary, Writer};
/// let (bytes, ..) = Writer::new(Vec::new(), &Summary::default())?.finish()?;
/// let mut decoder = Decoder::new(Limits::default());
/// let mut ended = false;
/// for piece in bytes.chunks(10) {
///     decoder.push(piece);
///     while let Some(event) = decoder.next()? {
///         ended |= matches!(event, Event::End { .. });
///     }
/// }
/// decoder.finish();
/// while let Some(event) = decoder.next()? {
///     panic!("nothing should be left of a whole report, but {event:?} came");
/// }
/// assert!(ended);
/// assert_eq!(decoder.status(), Status::Complete);
/// # Ok::<(), report_format::Error>(())
/// ```
pub struct Decoder {
    limits: Limits,
    /// Input that is not consumed yet, from `start` on.
    buffer: Vec<u8>,
    start: usize,
    /// Offset in the input of `buffer[0]`.
    base: u64,
    hasher: Sha256,
    /// The first bytes of the input, to tell what it is if it is no report.
    head: Vec<u8>,
    phase: Phase,
    /// Where a stretch of bytes that are no frame began.
    unreadable_from: Option<u64>,
    /// Where a frame began that the input's end cuts.
    cut_at: Option<u64>,
    patience: Patience,
    input_ended: bool,
    assembly: Assembly,
    events: Events,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Before the preamble.
    Opening,
    /// Where it does not begin as it should: looking for a preamble or a frame.
    Searching,
    Frames,
    /// Behind the end frame.
    Ended {
        at: u64,
    },
    /// All events were made.
    Done,
}

impl Decoder {
    /// A decoder that has seen nothing yet.
    pub fn new(limits: Limits) -> Self {
        Self::with_mode(limits, false)
    }

    /// A decoder for copying: checks all that the other one checks, and gives frames as they stand in the file
    /// ([`next_passed`](Self::next_passed)).
    pub(crate) fn passing_through(limits: Limits) -> Self {
        Self::with_mode(limits, true)
    }

    fn with_mode(limits: Limits, pass_through: bool) -> Self {
        Self {
            assembly: Assembly::new(limits.clone(), pass_through),
            limits,
            buffer: Vec::new(),
            start: 0,
            base: 0,
            hasher: Sha256::new(),
            head: Vec::new(),
            phase: Phase::Opening,
            unreadable_from: None,
            cut_at: None,
            patience: Patience::default(),
            input_ended: false,
            events: Events::default(),
        }
    }

    /// Takes the next bytes of the input. Bytes pushed after [`finish`](Self::finish) are ignored.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.input_ended || self.phase == Phase::Done {
            return;
        }
        let missing = sniff::ENOUGH - self.head.len();
        self.head.extend_from_slice(&bytes[..missing.min(bytes.len())]);
        // Moving the rest to the front costs no more than what was consumed since the last time.
        if self.start >= self.buffer.len() - self.start {
            self.buffer.drain(..self.start);
            self.base += mem::take(&mut self.start) as u64;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Says that the input has ended. Take the events that are left after this.
    pub fn finish(&mut self) {
        self.input_ended = true;
    }

    /// The next event, or `None` if more input is needed, or, after [`finish`](Self::finish), if that was all.
    ///
    /// # Errors
    /// [`Error::Format`] if the input is no report, [`Error::Unsupported`] for a newer major version, [`Error::Limit`].
    #[allow(clippy::should_implement_trait)] // An iterator cannot end and then go on.
    pub fn next(&mut self) -> Result<Option<Event>, Error> {
        Ok(self.next_passed()?.map(|(event, _)| event))
    }

    /// As [`next`](Self::next), with the frame of each chunk and each section end that came, for a decoder that passes through.
    pub(crate) fn next_passed(&mut self) -> Result<Option<(Event, Option<Passed>)>, Error> {
        loop {
            if let Some(event) = self.events.pop() {
                return Ok(Some(event));
            }
            let stepped = match self.phase {
                Phase::Opening => self.open(),
                Phase::Searching => self.search(),
                Phase::Frames => self.frame(),
                Phase::Ended { at } => self.after_end(at),
                Phase::Done => return Ok(None),
            };
            match stepped {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => {
                    self.phase = Phase::Done;
                    self.assembly.failed();
                    return Err(error);
                }
            }
        }
    }

    /// What the report is, as far as it was seen. Final after [`finish`](Self::finish) and the last event; before the end
    /// frame it is never [`Status::Complete`].
    pub fn status(&self) -> Status {
        self.assembly.status()
    }

    /// The bytes of the summary, once its event came.
    pub(crate) fn summary(&self) -> Option<&[u8]> {
        self.assembly.summary()
    }

    /// The checksum of the summary, as frames name it, if there was a frame so far.
    #[cfg(feature = "seal")]
    pub(crate) fn summary_crc(&self) -> Option<u32> {
        self.assembly.report()
    }

    /// Bytes of input consumed so far.
    fn position(&self) -> u64 {
        self.base + self.start as u64
    }

    fn rest(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    fn advance(&mut self, length: usize) {
        self.hasher.update(&self.buffer[self.start..self.start + length]);
        self.start += length;
    }

    /// Reads the preamble. True: call again; false: more input is needed. So for all steps.
    fn open(&mut self) -> Result<bool, Error> {
        if self.rest().len() < PREAMBLE && !self.input_ended {
            return Ok(false);
        }
        // The first part begins with the report's own beginning, and would pass for a report that is cut.
        if self.rest().starts_with(&part::MAGIC) {
            if self.rest().len() < part::HEADER && !self.input_ended {
                return Ok(false);
            }
            if PartHeader::parse(self.rest()).is_some() {
                return Err(sniff::not_a_report(&self.head));
            }
        }
        if self.preamble()? {
            return Ok(true);
        }
        self.phase = Phase::Searching;
        Ok(true)
    }

    /// Takes a preamble if one stands here.
    fn preamble(&mut self) -> Result<bool, Error> {
        let Some(version) = frame::version(self.rest()) else { return Ok(false) };
        if version != MAJOR_VERSION {
            let (found, supported) = (u64::from(version), u64::from(MAJOR_VERSION));
            return Err(Error::Unsupported { what: "version of the report container", found, supported });
        }
        if self.position() > 0 {
            self.assembly.lose(Loss::Leading { length: self.position() }, &mut self.events);
        }
        self.advance(PREAMBLE);
        self.phase = Phase::Frames;
        Ok(true)
    }

    /// Looks for a preamble or a frame in bytes that are something else.
    fn search(&mut self) -> Result<bool, Error> {
        if self.preamble()? {
            return Ok(true);
        }
        if Header::parse(self.rest()).is_some() {
            self.assembly.lose(Loss::Preamble { found_at: self.position() }, &mut self.events);
            self.phase = Phase::Frames;
            return Ok(true);
        }
        let rest = self.rest();
        let may_begin = |at: usize| {
            let tail = &rest[at..];
            let short = tail.len() < HEADER && !self.input_ended;
            short && (SYNC.starts_with(&tail[..tail.len().min(4)]) || MAGIC.starts_with(&tail[..tail.len().min(7)]))
        };
        if may_begin(0) && !rest.is_empty() {
            return Ok(false);
        }
        if rest.is_empty() {
            return if self.input_ended { Err(sniff::not_a_report(&self.head)) } else { Ok(false) };
        }
        let next = rest[1..].iter().position(|&byte| byte == SYNC[0] || byte == MAGIC[0]);
        let skip = next.map_or(rest.len(), |at| at + 1);
        self.advance(skip);
        if self.position() > self.limits.leading {
            return Err(sniff::not_a_report(&self.head));
        }
        Ok(true)
    }

    /// Takes the frame that stands here, or passes over what is none.
    fn frame(&mut self) -> Result<bool, Error> {
        let rest = self.rest();
        if rest.len() < HEADER {
            let begins = SYNC.starts_with(&rest[..rest.len().min(4)]) || rest.starts_with(&SYNC);
            if begins {
                return if self.input_ended { self.input_ends() } else { Ok(false) };
            }
        }
        let Some(header) = Header::parse(rest).filter(|header| self.assembly.is_ours(header)) else {
            self.pass_over(1);
            return Ok(true);
        };
        if header.length > self.limits.payload {
            let (limit, seen) = (u64::from(self.limits.payload), u64::from(header.length));
            return Err(Error::Limit { what: "bytes in the payload of a frame", limit, seen });
        }
        let length = header.frame_length();
        if rest.len() < length {
            if !self.input_ended {
                return Ok(false);
            }
            // Either the input is cut here, or bytes of this frame are missing and whole frames follow: go on and see.
            let at = self.position();
            self.cut_at.get_or_insert(at);
            self.pass_over(SYNC.len());
            return Ok(true);
        }
        let (payload, trailer) = rest[HEADER..length].split_at(header.length as usize);
        if crc32c::crc32c(payload) != frame::u32_at(trailer, 0) {
            // Look for frames inside: the length may be right and the bytes wrong, or bytes may be missing.
            let consumed = self.position() + length as u64;
            let inside = self.patience.look_inside(&header, consumed);
            self.pass_over(if inside { SYNC.len() } else { length });
            return Ok(true);
        }
        self.end_unreadable(self.position());
        self.cut_at = None;
        let at = self.position();
        let digest = (header.frame_type == frame::END).then(|| self.hasher.clone().finalize().into());
        let payload = &self.buffer[self.start + HEADER..][..header.length as usize];
        self.assembly.frame(&header, payload, at, digest, &mut self.events)?;
        self.advance(length);
        if self.assembly.ended() {
            self.phase = Phase::Ended { at: self.position() };
            let digest = Digest(self.hasher.clone().finalize().into());
            self.events.push(Event::End { digest, bytes: self.position() });
        }
        Ok(true)
    }

    /// Passes over `length` bytes at least, and all that follow up to the next that may begin a frame.
    fn pass_over(&mut self, length: usize) {
        let at = self.position();
        self.unreadable_from.get_or_insert(at);
        let rest = self.rest();
        let next = rest[length..].iter().position(|&byte| byte == SYNC[0]);
        self.advance(next.map_or(rest.len(), |next| length + next));
    }

    /// Tells the stretch of unreadable bytes that ends at `end`, if there is one.
    fn end_unreadable(&mut self, end: u64) {
        if let Some(offset) = self.unreadable_from.take().filter(|&offset| offset < end) {
            self.assembly.lose(Loss::Unreadable { offset, length: end - offset }, &mut self.events);
        }
    }

    /// The input ended before the end frame.
    fn input_ends(&mut self) -> Result<bool, Error> {
        let end = self.base + self.buffer.len() as u64;
        let cut = self.cut_at.or((!self.rest().is_empty()).then(|| self.position()));
        self.end_unreadable(cut.unwrap_or(end));
        if let Some(offset) = cut {
            self.assembly.lose(Loss::Cut { offset, length: end - offset }, &mut self.events);
        }
        self.assembly.input_ended(&mut self.events);
        self.phase = Phase::Done;
        Ok(true)
    }

    fn after_end(&mut self, at: u64) -> Result<bool, Error> {
        self.advance(self.rest().len());
        if !self.input_ended {
            return Ok(false);
        }
        if self.position() > at {
            let length = self.position() - at;
            self.assembly.lose(Loss::Trailing { offset: at, length }, &mut self.events);
        }
        self.phase = Phase::Done;
        Ok(true)
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("phase", &self.phase)
            .field("position", &self.position())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{DATA, MAX_PAYLOAD, PATIENCE, preamble};

    /// Decodes all of it in pieces; the answer is how many bytes were checksummed in vain, and the most that was held.
    fn work(input: &[u8]) -> (u64, usize) {
        let mut decoder = Decoder::new(Limits::default());
        let mut held = 0;
        for piece in input.chunks(64 << 10) {
            decoder.push(piece);
            while let Ok(Some(_)) = decoder.next() {}
            held = held.max(decoder.buffer.len());
        }
        decoder.finish();
        while let Ok(Some(_)) = decoder.next() {}
        assert_ne!(decoder.status(), Status::Complete);
        (decoder.patience.wasted, held)
    }

    /// A valid header every 40 bytes, each with the greatest payload and none with a right checksum over it: without a
    /// bound, each byte would be checksummed 26,000 times.
    #[test]
    fn nested_false_frames_cost_linear_work_and_bounded_memory() {
        let header = Header { frame_type: DATA, section: 1, length: MAX_PAYLOAD as u32, ..Header::default() };
        for megabytes in [4, 8] {
            let mut input = preamble(MAJOR_VERSION).to_vec();
            while input.len() < megabytes << 20 {
                input.extend(header.to_bytes());
            }
            let (wasted, held) = work(&input);
            let bound = (input.len() as u64) * (PATIENCE + 1);
            assert!(wasted <= bound, "{wasted} bytes checksummed in vain, {bound} allowed");
            assert!(held <= 3 * MAX_PAYLOAD, "{held} bytes held");
        }
    }

    #[test]
    fn syncs_without_a_header_cost_linear_work_and_bounded_memory() {
        let mut input = preamble(MAJOR_VERSION).to_vec();
        input.extend(SYNC.repeat(1 << 20));
        let (wasted, held) = work(&input);
        assert_eq!(wasted, 0);
        assert!(held <= 256 << 10, "{held} bytes held");
    }

    #[test]
    fn an_endless_file_of_another_kind_is_refused_early() {
        let mut decoder = Decoder::new(Limits::default());
        let mut pushed = 0;
        let error = loop {
            decoder.push(&[0x8f; 4096]);
            pushed += 4096;
            match decoder.next() {
                Ok(event) => assert_eq!(event, None),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::Format { .. }), "{error}");
        assert!(pushed <= Limits::default().leading + 8192, "{pushed}");
        assert_eq!(decoder.next().expect("no second error"), None);
    }
}

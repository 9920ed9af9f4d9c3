//! Reading a whole report into memory.

use std::{
    io::{ErrorKind, Read},
    ops::Range,
};

use prost::Message;

use crate::{
    decoder::{Decoder, Event},
    error::Error,
    id::{Digest, ReportId},
    limits::Limits,
    loss::{Loss, Status},
    schema::v1::{SectionKind, Summary},
    section::SectionHeader,
    width,
};

/// How much of a section is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SectionState {
    /// All of it, and its checksum is right.
    Whole,
    /// Some of it. Holes in [`Section::bytes`] are filled with zeros and listed in [`Section::holes`].
    Incomplete,
    /// Its codec is not supported: the bytes are as they stand in the file, one chunk after the other.
    Undecoded,
    /// All of it was there and its checksum is right, but it is too large to be kept, as a memory image is, also a sealed one.
    /// [`ReportFile::memory`](crate::ReportFile::memory) reads an image; one that is sealed has to be unsealed first.
    NotKept,
}

/// One section of a [`Report`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Section {
    /// Its number in the report, from 1.
    pub ordinal: u32,
    /// What stands in clear about it.
    pub header: SectionHeader,
    /// Its raw bytes; of a memory image, also a sealed one, none, whatever its state.
    pub bytes: Vec<u8>,
    /// How much of it is there.
    pub state: SectionState,
    /// Where bytes between others were lost, as ranges of [`bytes`](Self::bytes). What is missing at the end is not listed.
    pub holes: Vec<Range<usize>>,
}

impl Section {
    /// The kind, if this version of the schema has it.
    pub fn kind(&self) -> Option<SectionKind> {
        self.header.known_kind()
    }

    /// Whether its message may be decoded: for who does it on their own. [`Report::message`] asks before it decodes.
    ///
    /// # Errors
    /// [`Error::Limit`] if there are more messages or fields in it than [`Limits::messages`] and [`Limits::fields`] allow.
    pub fn check_message(&self, limits: &Limits) -> Result<(), Error> {
        width::check(self.header.kind, &self.bytes, limits)
    }
}

/// A whole report, in memory. For reports of any size use a [`Decoder`].
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    status: Status,
    summary: Option<Summary>,
    sections: Vec<Section>,
    losses: Vec<Loss>,
    loss_count: u64,
    digest: Option<Digest>,
    /// What it was read with.
    limits: Limits,
}

impl Report {
    /// Reads everything that can be had of a report. Reads to the end of `input`.
    ///
    /// A damaged or cut report is no error, nor is one larger than [`Limits::raw_total`], of which the rest is left out:
    /// see [`status`](Self::status) and [`losses`](Self::losses).
    ///
    /// # Errors
    /// Only where there is nothing to be had: [`Error::Io`], [`Error::Format`] if this is no report, [`Error::Unsupported`] for
    /// a newer major version, [`Error::Limit`] if a frame, a chunk or the number of sections is over its limit.
    pub fn read(input: impl Read, limits: &Limits) -> Result<Self, Error> {
        let mut events = Events::new(input, limits);
        let mut collector = Collector::new(limits.clone());
        while let Some(event) = events.next()? {
            collector.take(event);
        }
        Ok(collector.finish(events.status()))
    }

    /// Whether this is all of the report. Never [`Status::Complete`] unless every byte is accounted for.
    pub fn status(&self) -> Status {
        self.status
    }

    /// What is missing or wrong, in the order it was noticed: the first [`Limits::losses`] of them.
    pub fn losses(&self) -> &[Loss] {
        &self.losses
    }

    /// How many losses there are, those included that [`losses`](Self::losses) does not remember.
    pub fn loss_count(&self) -> u64 {
        self.loss_count
    }

    /// The summary, from the start of the report or else from its end.
    pub fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    /// The report's id, if there is a summary with one.
    pub fn id(&self) -> Option<ReportId> {
        self.summary.as_ref().and_then(|summary| ReportId::try_from(&summary.report_id[..]).ok())
    }

    /// SHA-256 of all bytes up to the report's end, if that was seen. Bytes that stand before the report are among them: then
    /// [`losses`](Self::losses) has [`Loss::Leading`], and it is not the digest of the report alone.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// All sections of which something was found, unknown ones as well, in order.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// The first section of a kind, as a message.
    ///
    /// `None` if there is no such section, or if so much of it is missing that it is no message any more. What is left of an
    /// incomplete one is given: [`status`](Self::status) says that the report is not whole.
    ///
    /// # Errors
    /// [`Error::Format`] if a whole section is no such message; [`Error::Limit`] if its messages or groups are nested more than 100 deep,
    /// or are more than [`Limits::messages`] and [`Limits::fields`] allow; [`Error::Unsupported`] if its codec is not supported.
    pub fn message<M: Message + Default>(&self, kind: SectionKind) -> Result<Option<M>, Error> {
        let Some(section) = self.sections.iter().find(|section| section.kind() == Some(kind)) else { return Ok(None) };
        decode_message(section, kind, &self.limits)
    }

    #[cfg(feature = "seal")]
    pub(crate) fn into_sections(self) -> Vec<Section> {
        self.sections
    }

    /// Adds sections that were sealed, numbered on from the last.
    #[cfg(feature = "seal")]
    pub(crate) fn append(&mut self, first: u32, sections: Vec<Section>) {
        let numbered = sections.into_iter().zip(0..).map(|(section, number)| Section {
            // A damaged report may have a section of any number.
            ordinal: first.saturating_add(number),
            ..section
        });
        self.sections.extend(numbered);
    }
}

/// The events of a report that is pulled out of a reader.
pub(crate) struct Events<R> {
    input: R,
    decoder: Decoder,
    buffer: Vec<u8>,
    ended: bool,
}

impl<R: Read> Events<R> {
    pub(crate) fn new(input: R, limits: &Limits) -> Self {
        Self { input, decoder: Decoder::new(limits.clone()), buffer: vec![0; 64 << 10], ended: false }
    }

    /// The next event; `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Event>, Error> {
        loop {
            match self.decoder.next()? {
                Some(event) => return Ok(Some(event)),
                None if self.ended => return Ok(None),
                None => match self.input.read(&mut self.buffer) {
                    Ok(0) => {
                        self.ended = true;
                        self.decoder.finish();
                    }
                    Ok(read) => self.decoder.push(&self.buffer[..read]),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error.into()),
                },
            }
        }
    }

    /// The report's status, once there are no more events.
    pub(crate) fn status(&self) -> Status {
        self.decoder.status()
    }

    /// The checksum of the summary, as frames name it, if there was a frame so far.
    #[cfg(feature = "seal")]
    pub(crate) fn summary_crc(&self) -> Option<u32> {
        self.decoder.summary_crc()
    }
}

/// A section as a message. `None` if so much is missing that it is none any more.
pub(crate) fn decode_message<M: Message + Default>(
    section: &Section,
    kind: SectionKind,
    limits: &Limits,
) -> Result<Option<M>, Error> {
    if section.state == SectionState::Undecoded {
        let found = u64::from(section.header.codec.number());
        let supported = u64::from(cfg!(feature = "zstd"));
        return Err(Error::Unsupported { what: "compression codec", found, supported });
    }
    section.check_message(limits)?;
    match M::decode(&section.bytes[..]) {
        Ok(message) => Ok(Some(message)),
        Err(_) if section.state == SectionState::Incomplete => Ok(None),
        Err(error) if is_too_deep(&error) => {
            Err(Error::Limit { what: "messages inside one another", limit: DEEPEST, seen: DEEPEST + 1 })
        }
        Err(error) => Err(Error::Format {
            what: format!("section {} is no valid {} message", section.ordinal, kind.as_str_name()),
            advice: "its writer is at fault; the other sections can be used",
            source: Some(error.into()),
        }),
    }
}

/// How deep a message may be nested in others: Protobuf's own decoders stop there, and the schema needs a tenth of it.
const DEEPEST: u64 = 100;

/// Whether decoding stopped at [`DEEPEST`]. The library's error says so in its text alone; a test holds it to that.
fn is_too_deep(error: &prost::DecodeError) -> bool {
    error.to_string().ends_with("recursion limit reached")
}

/// Whether a report in memory has the bytes of a section.
fn is_kept(section: &Section) -> bool {
    !matches!(section.kind(), Some(SectionKind::MemoryImage | SectionKind::SealedFullMemory))
}

/// Makes a report of events.
pub(crate) struct Collector {
    limits: Limits,
    report: Report,
    /// The worst of what is wrong inside sealed sections.
    inside: Status,
    /// Zeros put in for bytes that are missing.
    filled: u64,
    /// The last section of which the rest was left out, since it would have needed too many of them.
    left_out: u32,
}

impl Collector {
    pub(crate) fn new(limits: Limits) -> Self {
        let report = Report {
            status: Status::Partial,
            summary: None,
            sections: Vec::new(),
            losses: Vec::new(),
            loss_count: 0,
            digest: None,
            limits: limits.clone(),
        };
        Self { limits, report, inside: Status::Complete, filled: 0, left_out: 0 }
    }

    /// The report, with the status that its decoder tells.
    pub(crate) fn finish(self, status: Status) -> Report {
        Report { status: status.max(self.inside), ..self.report }
    }

    /// Takes what is wrong with a sealed section or inside it.
    #[cfg(feature = "seal")]
    pub(crate) fn lose_inside(&mut self, loss: Loss) {
        self.inside = self.inside.max(loss.status());
        self.lose(loss);
    }

    /// Takes what is wrong with the report inside a sealed section.
    #[cfg(feature = "seal")]
    pub(crate) fn lose_all_inside(&mut self, ordinal: u32, kind: u16, inner: &Report) {
        for loss in &inner.losses {
            self.lose_inside(Loss::InSealed { ordinal, kind, loss: Box::new(loss.clone()) });
        }
        let forgotten = inner.loss_count - inner.losses.len() as u64;
        if forgotten > 0 {
            self.inside = self.inside.max(inner.status);
            self.report.loss_count += forgotten;
        }
    }

    /// Raw bytes of all sections so far.
    #[cfg(feature = "seal")]
    pub(crate) fn raw_bytes(&self) -> u64 {
        self.report.sections.iter().map(|section| section.bytes.len() as u64).sum()
    }

    pub(crate) fn take(&mut self, event: Event) {
        let report = &mut self.report;
        match event {
            Event::Summary(summary) => report.summary = Some(summary),
            Event::SectionBegin { ordinal, header } => {
                let state =
                    if header.codec.is_supported() { SectionState::Incomplete } else { SectionState::Undecoded };
                report.sections.push(Section { ordinal, header, bytes: Vec::new(), state, holes: Vec::new() });
            }
            Event::SectionData { ordinal, .. } if ordinal == self.left_out => {}
            Event::SectionData { ordinal, offset, bytes } => {
                if let Some(section) = report.sections.last_mut().filter(|section| is_kept(section)) {
                    let from = section.bytes.len();
                    let hole = offset.saturating_sub(from as u64);
                    if hole > 0 && section.state != SectionState::Undecoded {
                        let limit = self.limits.raw_total;
                        if hole > limit - self.filled {
                            self.left_out = ordinal;
                            let kind = section.header.kind;
                            self.lose(Loss::Limit { ordinal, kind, offset: from as u64, limit });
                            return;
                        }
                        self.filled += hole;
                        section.bytes.resize(from + hole as usize, 0);
                        section.holes.push(from..section.bytes.len());
                    }
                    if section.bytes.is_empty() {
                        section.bytes = bytes;
                    } else {
                        section.bytes.extend_from_slice(&bytes);
                    }
                }
            }
            Event::SectionEnd { ordinal, whole: true } if ordinal != self.left_out => {
                if let Some(section) = report.sections.last_mut() {
                    section.state = if is_kept(section) { SectionState::Whole } else { SectionState::NotKept };
                }
            }
            Event::SectionEnd { .. } => {}
            Event::Lost(loss) => self.lose(loss),
            Event::End { digest, .. } => report.digest = Some(digest),
        }
    }

    fn lose(&mut self, loss: Loss) {
        self.report.loss_count += 1;
        if self.report.losses.len() < self.limits.losses {
            self.report.losses.push(loss);
        }
    }
}

//! Opening sealed sections, from file to file.

use std::{
    collections::BTreeSet,
    io::{Read, Seek, SeekFrom, Write},
};

use super::{
    Class, Outcome, SealedSection, SecretKey,
    unlock::{
        Chunks, Closed, HELD, Joined, NESTED, NO_ROOM, NOT_STORED, OTHER_REPORT, OVER_A_LIMIT, is_other, outcome,
        trouble, unlock,
    },
};
use crate::{
    error::Error,
    frame::{DATA, MAX_SECTIONS, SECTION_END},
    id::Digest,
    limits::Limits,
    loss::Loss,
    rewrite::{Frame, Losses, Source, find_summary, lost_end},
    schema::v1::{Category, Recovery, SectionKind},
    section::{Codec, SectionHeader},
    writer::Writer,
};

/// What [`unseal`] did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Unsealed {
    /// The sealed sections of the input, and what came of each. Those of which nothing was opened stand in the new report as they were,
    /// unless it is full.
    pub sections: Vec<SealedSection>,
    /// What was lost, as the new report's section of kind 26 says it. `None`: nothing was, and there is no new section.
    pub recovery: Option<Recovery>,
    /// Everything that was noticed: the first [`Limits::losses`] of them.
    pub losses: Vec<Loss>,
    /// How many there are, those included that are not in `losses`.
    pub loss_count: u64,
    /// Bytes of the new report.
    pub bytes: u64,
    /// SHA-256 of the new report.
    pub digest: Digest,
}

/// Writes a report anew with the sections in clear that `keys` open.
///
/// Chunks are copied as they stand inside. A sealed section for which there is no key, or whose beginning is damaged, is copied as it is.
/// Where frames of one are lost, what stands before them is opened, and the new report says that it is incomplete, as after
/// [`recover`](crate::rewrite::recover). So it does where the sections inside are more than one report can have: that class is opened as far
/// as there is room, and one behind it is left out. Memory: four frames; the input is read twice. Of `limits`,
/// [`raw_total`](Limits::raw_total) does not apply.
///
/// # Errors
/// [`Error::Format`] if `input` is no report; [`Error::Unsupported`] for a newer major version; [`Error::Limit`] for a decompression bomb
/// in clear or too many sections in clear; [`Error::Io`]. What was written by then is a cut report. What is wrong inside a seal is no error
/// but the section's [`Outcome`].
pub fn unseal<R: Read + Seek, W: Write>(
    mut input: R,
    output: W,
    keys: &[SecretKey],
    limits: &Limits,
) -> Result<Unsealed, Error> {
    let start = input.stream_position()?;
    let summary = find_summary(&mut input, limits)?;
    input.seek(SeekFrom::Start(start))?;

    let mut source = Source::new(&mut input, limits);
    let mut writer = Writer::with_summary_bytes(output, summary)?;
    let mut opening = Opening { keys, limits, inside: Vec::new() };
    let mut sections = Vec::new();
    let mut seen = BTreeSet::new();
    while let Some(header) = source.next_section()? {
        match Class::sealed_in(header.kind).filter(|class| seen.insert(*class)) {
            Some(class) => sections.push(opening.section(class, header, &mut source, &mut writer)?),
            None => source.copy_section(header, &mut writer)?,
        }
    }
    let mut losses = source.into_losses();
    for (ordinal, kind, inner) in opening.inside {
        losses.absorb(ordinal, kind, inner);
    }
    for loss in sections.iter().filter(|section| section.is_changed()).filter_map(SealedSection::loss) {
        losses.take(loss);
    }
    let lost = losses.first_real().is_some();
    let recovery = lost.then(|| losses.recovery());
    if lost || losses.declared() {
        writer.declare_incomplete();
    }
    if let Some(recovery) = recovery.as_ref().filter(|_| writer.sections() < MAX_SECTIONS) {
        writer.write_message(SectionKind::Recovery, Category::Essential, recovery)?;
    }
    let (_, digest, bytes) = writer.finish()?;
    let (losses, loss_count) = losses.into_first();
    Ok(Unsealed { sections, recovery, losses, loss_count, bytes, digest })
}

/// What the sections have in common.
struct Opening<'a> {
    keys: &'a [SecretKey],
    limits: &'a Limits,
    /// What is lost inside the sealed sections of these numbers and kinds.
    inside: Vec<(u32, u16, Losses)>,
}

impl Opening<'_> {
    /// Copies what is inside a sealed section, or the section as it is.
    fn section<R: Read, W: Write>(
        &mut self,
        class: Class,
        header: SectionHeader,
        source: &mut Source<R>,
        writer: &mut Writer<W>,
    ) -> Result<SealedSection, Error> {
        let (ordinal, report) = (source.ordinal(), source.summary_crc());
        if writer.sections() == MAX_SECTIONS {
            source.skip_section()?;
            let outcome = Outcome::Damaged { read: 0, what: NO_ROOM, cut: true, opened: false };
            return Ok(SealedSection { class, ordinal, keys: Vec::new(), outcome });
        }
        let mut bytes = Joined::new(Frames::new(source));
        let (keys, plain) = match header.codec {
            Codec::Stored => unlock(&mut bytes, self.keys),
            _ => (Vec::new(), Err(Closed::Damaged(NOT_STORED))),
        };
        let outcome = match plain {
            Err(closed) => {
                let frames = bytes.check()?;
                frames.copy_all(header, writer)?;
                closed.outcome(frames.lacking)
            }
            Ok(mut plain) => {
                let mut inner = Source::new(&mut plain, self.limits);
                let trouble = copy_inside(&mut inner, report, writer)?;
                self.inside.push((ordinal, header.kind, inner.into_losses()));
                let (read, stopped) = (plain.read, plain.stopped);
                drop(plain);
                let frames = bytes.check()?;
                frames.pass_over()?;
                outcome(read, stopped, frames.lacking, trouble)
            }
        };
        Ok(SealedSection { class, ordinal, keys, outcome })
    }
}

impl SealedSection {
    /// Whether it does not stand in the new report as it was: its seal was opened, though perhaps not to its end, or it found no room.
    fn is_changed(&self) -> bool {
        match self.outcome {
            Outcome::Opened => true,
            Outcome::NoKey => false,
            Outcome::Damaged { opened, what, .. } => opened || what == NO_ROOM,
        }
    }
}

/// Copies all sections of the report inside, if its frames name the summary that those around it name. An error is the writer's; what is
/// wrong inside is in the answer.
fn copy_inside(
    inner: &mut Source<impl Read>,
    report: Option<u32>,
    writer: &mut Writer<impl Write>,
) -> Result<Option<&'static str>, Error> {
    let mut nested = None;
    loop {
        let next = inner.next_section();
        if is_other(inner.summary_crc(), report) {
            return Ok(Some(OTHER_REPORT));
        }
        let header = match next {
            Ok(Some(header)) => header,
            Ok(None) => return Ok(nested),
            Err(error) => return Ok(Some(trouble(&error))),
        };
        if Class::sealed_in(header.kind).is_some() {
            nested = Some(NESTED);
            if let Err(error) = inner.skip_section() {
                return Ok(Some(trouble(&error)));
            }
            continue;
        }
        if writer.sections() == MAX_SECTIONS {
            return Ok(Some(OVER_A_LIMIT));
        }
        let section = writer.copy_section(header)?;
        loop {
            match inner.next_frame() {
                Ok(Frame::Data(passed)) => writer.copy_frame(&section, DATA, &passed)?,
                Ok(Frame::End(end)) => {
                    writer.copy_frame(&section, SECTION_END, &end.unwrap_or_else(lost_end))?;
                    break;
                }
                Err(error) => {
                    writer.copy_frame(&section, SECTION_END, &lost_end())?;
                    return Ok(Some(trouble(&error)));
                }
            }
        }
    }
}

/// The frames of a sealed section. The first ones are held, so that the section can be copied if it turns out that it cannot be opened.
struct Frames<'a, R> {
    source: &'a mut Source<R>,
    held: Vec<Frame>,
    held_bytes: usize,
    /// Where the next chunk should begin.
    next: u64,
    ended: bool,
    /// Something before this place is missing.
    lacking: bool,
}

impl<'a, R: Read> Frames<'a, R> {
    fn new(source: &'a mut Source<R>) -> Self {
        Self { source, held: Vec::new(), held_bytes: 0, next: 0, ended: false, lacking: false }
    }

    /// Copies the section: what is held, and the rest.
    fn copy_all<W: Write>(&mut self, header: SectionHeader, writer: &mut Writer<W>) -> Result<(), Error> {
        let section = writer.copy_section(header)?;
        let mut held = std::mem::take(&mut self.held).into_iter();
        loop {
            let frame = match held.next() {
                Some(frame) => frame,
                None => self.source.next_frame()?,
            };
            match frame {
                Frame::Data(passed) => writer.copy_frame(&section, DATA, &passed)?,
                Frame::End(end) => {
                    return writer.copy_frame(&section, SECTION_END, &end.unwrap_or_else(lost_end));
                }
            }
        }
    }

    /// Goes on to the section's end.
    fn pass_over(&mut self) -> Result<(), Error> {
        if self.ended { Ok(()) } else { self.source.skip_section() }
    }
}

impl<R: Read> Chunks for Frames<'_, R> {
    fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if self.ended || self.lacking {
            return Ok(None);
        }
        let frame = self.source.next_frame()?;
        let chunk = match &frame {
            Frame::Data(passed) if !passed.gap && passed.offset == self.next => Some(passed.payload.clone()),
            Frame::Data(_) => None,
            Frame::End(_) => {
                self.ended = true;
                None
            }
        };
        self.lacking = match (&frame, &chunk) {
            (Frame::Data(_), chunk) => chunk.is_none(),
            (Frame::End(end), _) => end.as_ref().is_none_or(|end| end.gap),
        };
        self.next += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        // Nobody needs them any more once so many bytes were read.
        if self.held_bytes < HELD {
            // Frames without a byte count as well, or there could be any number of them.
            self.held_bytes += chunk.as_ref().map_or(0, |chunk| chunk.len().max(1));
            self.held.push(frame);
        }
        Ok(chunk)
    }
}

//! Reading a report with what is sealed in it, into memory.

use std::{collections::BTreeSet, io::Read};

use super::{
    Class, SealedSection, SecretKey,
    unlock::{Chunks, Closed, HELD, Joined, NESTED, NOT_STORED, OTHER_REPORT, is_other, outcome, trouble, unlock},
};
use crate::{
    decoder::Event,
    error::Error,
    limits::Limits,
    loss::Loss,
    reader::{Collector, Events, Report, Section},
    section::{Codec, SectionHeader},
};

/// Reads a report as [`Report::read`] does, and opens what `keys` open.
///
/// The sections inside stand behind those of the report itself and are numbered on from there; the sealed section that held them is left
/// out. One that cannot be opened is a section like others. What is missing inside is among the report's losses and counts for its
/// status; that there is no key for a class is none.
///
/// # Errors
/// Those of [`Report::read`]. What is wrong inside a seal is no error but a loss, and the section's [`Outcome`](super::Outcome).
///
/// ```
/// use report_format::{Limits, Status, Summary, Writer, seal};
/// let (bytes, ..) = Writer::new(Vec::new(), &Summary::default())?.finish()?;
/// let (report, sealed) = seal::read(&bytes[..], &[], &Limits::default())?;
/// assert_eq!((report.status(), sealed.len()), (Status::Complete, 0));
/// # Ok::<(), report_format::Error>(())
/// ```
pub fn read(input: impl Read, keys: &[SecretKey], limits: &Limits) -> Result<(Report, Vec<SealedSection>), Error> {
    let mut events = Events::new(input, limits);
    let mut collector = Collector::new(limits.clone());
    let mut opening = Opening { keys, limits, sections: Vec::new() };
    let mut sealed = Vec::new();
    let mut seen = BTreeSet::new();
    let mut last = 0;
    while let Some(event) = events.next()? {
        match event {
            Event::SectionBegin { ordinal, header } => {
                last = ordinal;
                let class = Class::sealed_in(header.kind).filter(|class| seen.insert(*class));
                match class {
                    Some(class) => sealed.push(opening.section(class, ordinal, header, &mut events, &mut collector)?),
                    None => collector.take(event),
                }
            }
            event => collector.take(event),
        }
    }
    let losses: Vec<Loss> = sealed.iter().filter_map(SealedSection::loss).collect();
    losses.into_iter().for_each(|loss| collector.lose_inside(loss));
    let mut report = collector.finish(events.status());
    report.append(last.saturating_add(1), opening.sections);
    Ok((report, sealed))
}

struct Opening<'a> {
    keys: &'a [SecretKey],
    limits: &'a Limits,
    /// What was inside, in order.
    sections: Vec<Section>,
}

impl Opening<'_> {
    fn section<R: Read>(
        &mut self,
        class: Class,
        ordinal: u32,
        header: SectionHeader,
        events: &mut Events<R>,
        collector: &mut Collector,
    ) -> Result<SealedSection, Error> {
        let report_of_frames = events.summary_crc();
        let limits = self.left(collector);
        let mut bytes = Joined::new(Chunked::new(events, collector));
        let (keys, plain) = match header.codec {
            Codec::Stored => unlock(&mut bytes, self.keys),
            _ => (Vec::new(), Err(Closed::Damaged(NOT_STORED))),
        };
        let outcome = match plain {
            Err(closed) => {
                let chunks = bytes.check()?;
                chunks.collector.take(Event::SectionBegin { ordinal, header });
                chunks.collect()?;
                closed.outcome(chunks.lacking)
            }
            Ok(mut plain) => {
                let mut inner = Events::new(&mut plain, &limits);
                let mut inside = Collector::new(limits.clone());
                let mut trouble = read_inside(&mut inner, &mut inside);
                if is_other(inner.summary_crc(), report_of_frames) {
                    trouble = Some(OTHER_REPORT);
                    inside = Collector::new(limits.clone());
                }
                let report = inside.finish(inner.status());
                let (read, stopped) = (plain.read, plain.stopped);
                drop(plain);
                let chunks = bytes.check()?;
                chunks.pass_over()?;
                chunks.collector.lose_all_inside(ordinal, header.kind, &report);
                let (nested, sections): (Vec<_>, Vec<_>) = report
                    .into_sections()
                    .into_iter()
                    .partition(|section| Class::sealed_in(section.header.kind).is_some());
                self.sections.extend(sections);
                let nested = (!nested.is_empty()).then_some(NESTED);
                outcome(read, stopped, chunks.lacking, trouble.or(nested))
            }
        };
        Ok(SealedSection { class, ordinal, keys, outcome })
    }

    /// Limits for a report inside: what is left of those for all sections.
    fn left(&self, collector: &Collector) -> Limits {
        let used = collector.raw_bytes() + self.sections.iter().map(|section| section.bytes.len() as u64).sum::<u64>();
        Limits { raw_total: self.limits.raw_total.saturating_sub(used), ..self.limits.clone() }
    }
}

/// Reads a report to its end, or to where it cannot be read on.
fn read_inside(events: &mut Events<impl Read>, collector: &mut Collector) -> Option<&'static str> {
    loop {
        match events.next() {
            Ok(Some(event)) => collector.take(event),
            Ok(None) => return None,
            Err(error) => return Some(trouble(&error)),
        }
    }
}

/// The chunks of a sealed section. The first ones are held, so that the section can be taken as it is if it cannot be opened.
struct Chunked<'a, R> {
    events: &'a mut Events<R>,
    /// Takes what is lost meanwhile.
    collector: &'a mut Collector,
    held: Vec<Event>,
    held_bytes: usize,
    /// Where the next chunk should begin.
    next: u64,
    ended: bool,
    /// Something before this place is missing.
    lacking: bool,
}

impl<'a, R: Read> Chunked<'a, R> {
    fn new(events: &'a mut Events<R>, collector: &'a mut Collector) -> Self {
        Self { events, collector, held: Vec::new(), held_bytes: 0, next: 0, ended: false, lacking: false }
    }

    /// Gives the whole section to the collector.
    fn collect(&mut self) -> Result<(), Error> {
        for event in self.held.drain(..) {
            self.collector.take(event);
        }
        while !self.ended {
            let Some(event) = self.events.next()? else { break };
            self.ended = matches!(event, Event::SectionEnd { .. });
            self.collector.take(event);
        }
        Ok(())
    }

    /// Goes on to the section's end.
    fn pass_over(&mut self) -> Result<(), Error> {
        while !self.ended {
            match self.events.next()? {
                Some(Event::SectionData { .. }) => {}
                Some(Event::SectionEnd { .. }) | None => self.ended = true,
                Some(event) => self.collector.take(event),
            }
        }
        Ok(())
    }
}

impl<R: Read> Chunks for Chunked<'_, R> {
    fn next(&mut self) -> Result<Option<Vec<u8>>, Error> {
        while !self.ended && !self.lacking {
            let Some(event) = self.events.next()? else { break };
            let chunk = match &event {
                Event::SectionData { offset, bytes, .. } => {
                    self.lacking = *offset != self.next;
                    self.next += bytes.len() as u64;
                    self.held_bytes += bytes.len().max(1);
                    (!self.lacking).then(|| bytes.clone())
                }
                Event::SectionEnd { whole, .. } => {
                    (self.ended, self.lacking) = (true, !whole);
                    None
                }
                _ => {
                    self.collector.take(event);
                    continue;
                }
            };
            // Nobody needs them any more once so many bytes were read.
            if self.held_bytes <= HELD + crate::CHUNK {
                self.held.push(event);
            }
            return Ok(chunk);
        }
        Ok(None)
    }
}

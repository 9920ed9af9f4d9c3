//! Leaving sections, or fields of messages, out of a report.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Write},
};

use super::{
    Frame, Source,
    losses::Losses,
    wire::{Counts, Cuts, Malformed},
};
use crate::{
    class::Class,
    codec::{Decompressor, Refused},
    error::Error,
    id::Digest,
    limits::Limits,
    schema::v1::{Category, RedactedField, RedactedSections, Redaction, SectionKind},
    section::SectionHeader,
    writer::Writer,
};

/// What [`redact`] is to leave out of a report.
///
/// ```
/// use report_format::{rewrite::Redact, schema::v1::{Category, SectionKind}};
/// let what = Redact::default()
///     .category(Category::Screen as u16)
///     .kind(SectionKind::Minidump as u16)
///     // The address of the person, which is the third field of the message.
///     .field(SectionKind::Contact as u16, &[3]);
/// assert_ne!(what, Redact::default());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redact {
    categories: BTreeSet<u16>,
    kinds: BTreeSet<u16>,
    fields: BTreeMap<u16, Cuts>,
}

impl Redact {
    /// Leaves out all sections of a [`Category`], or of a later one.
    #[must_use]
    pub fn category(mut self, category: u16) -> Self {
        self.categories.insert(category);
        self
    }

    /// Leaves out all sections of a [`SectionKind`], or of a later or private one. With the kind of a sealed section, a whole class.
    #[must_use]
    pub fn kind(mut self, kind: u16) -> Self {
        self.kinds.insert(kind);
        self
    }

    /// Leaves out a field of the message in each section of a kind. `path` holds the numbers of fields, from the section's message
    /// inwards; where a field is repeated, it is left out of each of its messages. An empty path is no field and asks for nothing.
    #[must_use]
    pub fn field(mut self, kind: u16, path: &[u32]) -> Self {
        if !path.is_empty() {
            self.fields.entry(kind).or_default().add(path);
        }
        self
    }

    fn drops(&self, header: &SectionHeader) -> bool {
        self.categories.contains(&header.category) || self.kinds.contains(&header.kind)
    }

    /// Whether what is left out may be inside a sealed section of this class (`proto/FORMAT.md`, section 11).
    fn reaches_into(&self, class: Class) -> bool {
        let mut kinds = self.kinds.iter().chain(self.fields.keys()).filter(|&&kind| Class::sealed_in(kind).is_none());
        let mut categories = self.categories.iter();
        kinds.any(|&kind| Class::of(kind) == class)
            || match class {
                Class::FullMemory => categories.any(|&category| category == Category::FullMemory as u16),
                Class::Triage => categories.any(|&category| may_be_triage(category)),
                // Sections of vendors and of later versions are there, of whatever category.
                Class::Private => categories.any(|&category| category != Category::FullMemory as u16),
            }
    }
}

/// Whether sections of that class can have this category.
fn may_be_triage(category: u16) -> bool {
    const TRIAGE: [Category; 7] = [
        Category::Essential,
        Category::Actions,
        Category::Memory,
        Category::Processes,
        Category::System,
        Category::InstalledSoftware,
        Category::Devices,
    ];
    TRIAGE.iter().any(|&of_class| of_class as u16 == category)
}

/// What [`redact`] did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Redacted {
    /// What was left out, as the new report's section of kind 25 says it. `None`: nothing was, and there is no new section.
    pub redaction: Option<Redaction>,
    /// How many sections were left out whole because a field was to be left out and they could not be taken apart: they are no messages,
    /// incomplete since an earlier recovery, or of a codec that is not supported. `redaction` counts them among its sections.
    pub unreadable: u32,
    /// Bytes before and behind the report that are no part of it, and were left out.
    pub foreign_bytes: u64,
    /// Sections in the new report.
    pub sections: u32,
    /// Bytes of the new report.
    pub bytes: u64,
    /// SHA-256 of the new report.
    pub digest: Digest,
}

/// Copies a report without some of its sections, and without some fields of their messages. The new report records that they were left
/// out, and is [`Status::Complete`](crate::Status::Complete) if the old one was.
///
/// Sections that stay are copied chunk by chunk as they stand in the file, also unknown ones. A message that loses fields keeps all
/// its other bytes in their order, unknown fields among them. A section that has to lose a field and is not to be understood is left out
/// whole: what was asked for is never in the new report. Where nothing is left out, there is no record of it.
///
/// The summary stays as it was first written, since sealed sections hold to it: its
/// [`categories`](crate::Summary::categories) may name what was left out.
///
/// Memory: two frames, and a section that loses fields once for each step of the longest path; such a section has at most
/// [`Limits::raw_total`] bytes.
///
/// # Errors
/// [`Error::Format`] if `input` is no report, is damaged ([`recover`](super::recover) it first), or has a sealed section in which something
/// of what is to be left out may be; [`Error::Limit`]; [`Error::Unsupported`] for a newer major version; [`Error::Io`]. What was written
/// by then is no redacted report, and has to be thrown away.
///
/// ```
/// use report_format::{Limits, Report, Status, Summary, Writer, rewrite::{Redact, redact}};
/// use report_format::schema::v1::{Category, Product, Screen, SectionKind};
///
/// let mut writer = Writer::new(Vec::new(), &Summary::default())?;
/// writer.write_message(SectionKind::Product, Category::Essential, &Product { name: "Ledger".into(), ..Default::default() })?;
/// writer.write_message(SectionKind::Screen, Category::Screen, &Screen::default())?;
/// let (bytes, ..) = writer.finish()?;
///
/// let mut without = Vec::new();
/// let what = Redact::default().category(Category::Screen as u16);
/// let redacted = redact(&bytes[..], &mut without, &what, &Limits::default())?;
/// assert_eq!(redacted.redaction.unwrap().sections[0].kind, SectionKind::Screen as u32);
/// let report = Report::read(&without[..], &Limits::default())?;
/// assert_eq!(report.status(), Status::Complete);
/// assert!(report.message::<Screen>(SectionKind::Screen)?.is_none());
/// # Ok::<(), report_format::Error>(())
/// ```
pub fn redact<R: Read, W: Write>(input: R, output: W, what: &Redact, limits: &Limits) -> Result<Redacted, Error> {
    let mut source = Source::new(input, limits);
    let mut next = source.next_section()?;
    let Some(summary) = source.summary() else { return Err(damaged(source.losses())) };
    let mut writer = Writer::with_summary_bytes(output, summary.to_vec())?;
    let mut record = Record::default();
    while let Some(header) = next {
        if what.drops(&header) {
            record.section(header.kind);
            source.skip_section()?;
        } else if let Some(cuts) = what.fields.get(&header.kind) {
            cut_section(&mut source, header, cuts, &mut writer, &mut record, limits)?;
        } else {
            refuse_seal(header.kind, what)?;
            source.copy_section(header, &mut writer)?;
        }
        next = source.next_section()?;
    }
    let losses = source.into_losses();
    if losses.first_real().is_some() {
        return Err(damaged(&losses));
    }
    if losses.declared() {
        writer.declare_incomplete();
    }
    let unreadable = record.unreadable;
    let redaction = record.into_message();
    if let Some(redaction) = &redaction {
        writer.write_message(SectionKind::Redaction, Category::Essential, redaction)?;
    }
    let sections = writer.sections();
    let (_, digest, bytes) = writer.finish()?;
    Ok(Redacted { redaction, unreadable, foreign_bytes: losses.foreign_bytes(), sections, bytes, digest })
}

fn damaged(losses: &Losses) -> Error {
    let why = losses.first_real().map_or_else(|| "its beginning is lost".to_owned(), ToString::to_string);
    Error::format(
        format!("the report is damaged ({why}), and what is left of it may not be where it should"),
        "recover what is whole of it first, and leave things out of that",
    )
}

/// A sealed section that stays must not hold what is to be left out.
fn refuse_seal(kind: u16, what: &Redact) -> Result<(), Error> {
    let Some(class) = Class::sealed_in(kind) else { return Ok(()) };
    if !what.reaches_into(class) {
        return Ok(());
    }
    Err(Error::format(
        format!("the sections of the class “{class}” are sealed, and what is to be left out may be among them"),
        "open the report with the key of that class first, or leave out the sealed section as a whole",
    ))
}

/// Writes a section without some fields of its message, or leaves it out if it cannot be taken apart.
fn cut_section<R: Read, W: Write>(
    source: &mut Source<R>,
    header: SectionHeader,
    cuts: &Cuts,
    writer: &mut Writer<W>,
    record: &mut Record,
    limits: &Limits,
) -> Result<(), Error> {
    let (mut counts, mut left) = (Counts::new(), Vec::new());
    let message = read_section(source, header, limits)?;
    match message.ok_or(Malformed).and_then(|message| cuts.apply(&message, &mut counts, &mut left)) {
        Ok(()) => {
            record.fields(header.kind, &counts);
            let mut section = writer.section(header)?;
            section.write_all(&left)?;
            section.finish()
        }
        Err(Malformed) => {
            record.unreadable += 1;
            record.section(header.kind);
            Ok(())
        }
    }
}

/// All raw bytes of a section. `None` if some are missing, or its codec is not supported.
fn read_section<R: Read>(
    source: &mut Source<R>,
    header: SectionHeader,
    limits: &Limits,
) -> Result<Option<Vec<u8>>, Error> {
    if !header.codec.is_supported() {
        source.skip_section()?;
        return Ok(None);
    }
    let (mut raw, mut decompressor, mut whole) = (Vec::new(), Decompressor::default(), true);
    loop {
        let passed = match source.next_frame()? {
            Frame::Data(passed) => passed,
            Frame::End(end) => return Ok(Some(raw).filter(|_| whole && end.is_some_and(|end| !end.gap))),
        };
        whole &= !passed.gap;
        match decompressor.decode(header.codec, &passed.payload, limits.raw_chunk) {
            Ok(chunk) => raw.extend_from_slice(&chunk),
            // The source has decoded it before.
            Err(Refused::Nonsense | Refused::TooLong(_)) => whole = false,
        }
        if raw.len() as u64 > limits.raw_total {
            let (what, seen) = ("raw bytes of a section from which fields are left out", raw.len() as u64);
            return Err(Error::Limit { what, limit: limits.raw_total, seen });
        }
    }
}

/// What was left out so far.
#[derive(Default)]
struct Record {
    sections: BTreeMap<u16, u32>,
    fields: BTreeMap<(u16, Vec<u32>), u32>,
    unreadable: u32,
}

impl Record {
    fn section(&mut self, kind: u16) {
        *self.sections.entry(kind).or_default() += 1;
    }

    fn fields(&mut self, kind: u16, counts: &Counts) {
        for (path, count) in counts {
            let sum = self.fields.entry((kind, path.clone())).or_default();
            *sum = sum.saturating_add(*count);
        }
    }

    fn into_message(self) -> Option<Redaction> {
        let sections = self.sections.into_iter();
        let fields = self.fields.into_iter();
        let redaction = Redaction {
            sections: sections.map(|(kind, count)| RedactedSections { kind: kind.into(), count }).collect(),
            fields: fields.map(|((kind, path), count)| RedactedField { kind: kind.into(), path, count }).collect(),
        };
        (redaction != Redaction::default()).then_some(redaction)
    }
}

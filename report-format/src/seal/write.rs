//! Sealing a report.

use std::{
    collections::BTreeSet,
    io::{Read, Seek, SeekFrom, Write},
};

use super::{Class, KeyId, Recipients, unlock::prefix};
use crate::{
    error::Error,
    id::Digest,
    limits::Limits,
    rewrite::{Losses, Source},
    schema::v1::Category,
    section::{Codec, SectionHeader},
    writer::Writer,
};

const RECOVER_FIRST: &str = "recover what is whole of it, then seal that";

/// What [`seal`] does with sections of a class for which there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unkeyed {
    /// Refuses to seal the report.
    Refuse,
    /// Leaves them readable for everybody.
    LeaveClear,
}

/// What [`seal`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sealed {
    /// The classes that were sealed, and the keys that open each.
    pub sealed: Vec<(Class, Vec<KeyId>)>,
    /// Classes of which sections are in clear, as the caller allowed.
    pub clear: Vec<Class>,
    /// Bytes of the new report.
    pub bytes: u64,
    /// SHA-256 of the new report.
    pub digest: Digest,
}

/// Writes a report anew with its sections encrypted, by class.
///
/// Chunks are copied as they stand in the file. Sections that are sealed already stay as they are. What is left in clear comes first,
/// then each class. Memory: three frames; the input is read once to check it, and once more for each class. Of `limits`,
/// [`raw_total`](Limits::raw_total) does not apply.
///
/// # Errors
/// [`Error::Format`] if `input` is no report, or damaged: recover it first; or if a class is there both sealed and in clear: unseal it first.
/// [`Error::Usage`] if there is no key for a class and `unkeyed` does not allow it. Both before anything is written. [`Error::Unsupported`],
/// [`Error::Limit`], [`Error::Io`]: what was written by then is a cut report.
pub fn seal<R: Read + Seek, W: Write>(
    mut input: R,
    output: W,
    recipients: &Recipients,
    unkeyed: Unkeyed,
    limits: &Limits,
) -> Result<Sealed, Error> {
    let start = input.stream_position()?;
    let survey = Survey::of(&mut input, limits)?;
    let (to_seal, clear): (Vec<Class>, Vec<Class>) =
        survey.clear.iter().partition(|class| recipients.of(**class).next().is_some());
    if let Some(class) = clear.first().filter(|_| unkeyed == Unkeyed::Refuse) {
        return Err(Error::Usage(match class {
            Class::Triage => "the report has triage sections, and there is no public key for that class",
            Class::Private => "the report has private sections, and there is no public key for that class",
            Class::FullMemory => "the report has full-memory sections, and there is no public key for that class",
        }));
    }
    if to_seal.iter().any(|class| survey.sealed.contains(class)) {
        let what = "the report has sections of one class both sealed and in clear";
        return Err(Error::format(what, "unseal it first, with the key of that class"));
    }

    let mut writer = Writer::with_summary_bytes(output, survey.summary.clone())?;
    if survey.incomplete {
        writer.declare_incomplete();
    }
    if !clear.is_empty() || !survey.sealed.is_empty() {
        input.seek(SeekFrom::Start(start))?;
        let stays = |kind| Class::sealed_in(kind).is_some() || clear.contains(&Class::of(kind));
        copy(&mut input, &mut writer, &stays, limits)?;
    }
    let mut sealed = Vec::new();
    for class in to_seal {
        let keys: Vec<_> = recipients.of(class).map(|recipient| &recipient.key).collect();
        let ids: Vec<KeyId> = keys.iter().map(|key| key.id()).collect();
        let mut section = writer.section(header(class))?;
        section.write_all(&prefix(&ids))?;
        let age = age::Encryptor::with_recipients(keys.iter().map(|key| key.recipient() as &dyn age::Recipient))
            .map_err(|error| Error::Io(std::io::Error::other(error)))?;
        let mut inner = Writer::with_summary_bytes(age.wrap_output(section)?, survey.summary.clone())?;
        if survey.incomplete {
            inner.declare_incomplete();
        }
        input.seek(SeekFrom::Start(start))?;
        copy(&mut input, &mut inner, &|kind| Class::sealed_in(kind).is_none() && Class::of(kind) == class, limits)?;
        let (age, ..) = inner.finish()?;
        age.finish()?.finish()?;
        sealed.push((class, ids));
    }
    let (_, digest, bytes) = writer.finish()?;
    Ok(Sealed { sealed, clear, bytes, digest })
}

/// The header of a section that holds a class.
fn header(class: Class) -> SectionHeader {
    SectionHeader { codec: Codec::Stored, critical: true, ..SectionHeader::new(class.kind(), Category::Unspecified) }
}

/// What is in a report that is to be sealed.
struct Survey {
    summary: Vec<u8>,
    /// Classes of which there are sections in clear.
    clear: BTreeSet<Class>,
    /// Classes that are sealed already.
    sealed: BTreeSet<Class>,
    /// Its writer said that something is missing.
    incomplete: bool,
}

impl Survey {
    fn of(input: impl Read, limits: &Limits) -> Result<Self, Error> {
        let mut source = Source::new(input, limits);
        let (mut clear, mut sealed) = (BTreeSet::new(), BTreeSet::new());
        while let Some(SectionHeader { kind, .. }) = source.next_section()? {
            match Class::sealed_in(kind) {
                Some(class) => sealed.insert(class),
                None => clear.insert(Class::of(kind)),
            };
            source.skip_section()?;
        }
        let summary = source.summary().unwrap_or_default().to_vec();
        let losses = source.into_losses();
        check(&losses)?;
        Ok(Self { summary, clear, sealed, incomplete: losses.declared() })
    }
}

/// Copies the sections whose kinds are wanted.
fn copy(
    input: impl Read,
    writer: &mut Writer<impl Write>,
    wanted: &dyn Fn(u16) -> bool,
    limits: &Limits,
) -> Result<(), Error> {
    let mut source = Source::new(input, limits);
    while let Some(header) = source.next_section()? {
        if wanted(header.kind) {
            source.copy_section(header, writer)?;
        } else {
            source.skip_section()?;
        }
    }
    // It was whole when it was surveyed.
    check(&source.into_losses())
}

/// A key must not make damage look whole: what is lost is found where everybody can see it.
fn check(losses: &Losses) -> Result<(), Error> {
    if let Some(loss) = losses.first_real() {
        return Err(Error::format(format!("the report is damaged ({loss})"), RECOVER_FIRST));
    }
    if losses.foreign_bytes() > 0 {
        return Err(Error::format("there are bytes before or behind the report", RECOVER_FIRST));
    }
    Ok(())
}

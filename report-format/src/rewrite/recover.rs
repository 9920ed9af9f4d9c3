//! Writing what is whole of a damaged report.

use std::io::{Read, Seek, SeekFrom, Write};

use super::Source;
use crate::{
    error::Error,
    frame::MAX_SECTIONS,
    id::Digest,
    limits::Limits,
    loss::Loss,
    schema::v1::{Category, Recovery, SectionKind},
    writer::Writer,
};

/// What [`recover`] did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Recovered {
    /// What was lost, as the new report's section of kind 26 says it. `None`: nothing was, and there is no new section.
    pub recovery: Option<Recovery>,
    /// Bytes before and behind the report that are no part of it, and were left out.
    pub foreign_bytes: u64,
    /// Everything that was noticed, in order, also what costs nothing: the first [`Limits::losses`] of them.
    pub losses: Vec<Loss>,
    /// How many there are, those included that are not in `losses`.
    pub loss_count: u64,
    /// Sections in the new report.
    pub sections: u32,
    /// Bytes of the new report.
    pub bytes: u64,
    /// SHA-256 of the new report.
    pub digest: Digest,
}

/// Reads a damaged or cut report, and writes what is whole of it as a report that says what is missing.
///
/// Chunks are copied as they stand in the file; where some are lost, a section has a hole, and what follows keeps its place. The new
/// report is [`Status::Partial`](crate::Status::Partial), never corrupt. A report of which nothing is lost, one that was recovered
/// before among them, comes out as it was, byte for byte (but without frames of types that this version does not know).
///
/// Memory: two frames. The input is read once, or twice if its first summary is lost and has to be taken from its end. Of
/// `limits`, [`raw_total`](Limits::raw_total) and [`memory_image`](Limits::memory_image) do not apply.
///
/// # Errors
/// [`Error::Format`] if `input` is no report; [`Error::Unsupported`] for a newer major version; [`Error::Limit`] for a decompression bomb
/// or too many sections; [`Error::Io`]. What was written by then is a cut report.
///
/// ```
/// use std::io::Cursor;
/// use report_format::{Limits, Report, Status, Summary, Writer, rewrite::recover};
/// use report_format::schema::v1::{Category, Product, SectionKind};
///
/// let mut writer = Writer::new(Vec::new(), &Summary::default())?;
/// writer.write_message(SectionKind::Product, Category::Essential, &Product { name: "Ledger".into(), ..Default::default() })?;
/// let (bytes, ..) = writer.finish()?;
/// let cut = &bytes[..bytes.len() - 10];
///
/// let mut whole = Vec::new();
/// let recovered = recover(Cursor::new(cut), &mut whole, &Limits::default())?;
/// assert!(recovered.recovery.unwrap().end_missing);
/// let report = Report::read(&whole[..], &Limits::default())?;
/// assert_eq!(report.status(), Status::Partial);
/// assert_eq!(report.message::<Product>(SectionKind::Product)?.unwrap().name, "Ledger");
/// # Ok::<(), report_format::Error>(())
/// ```
pub fn recover<R: Read + Seek, W: Write>(mut input: R, output: W, limits: &Limits) -> Result<Recovered, Error> {
    let start = input.stream_position()?;
    let summary = find_summary(&mut input, limits)?;
    input.seek(SeekFrom::Start(start))?;

    let mut source = Source::new(&mut input, limits);
    let mut writer = Writer::with_summary_bytes(output, summary)?;
    while let Some(header) = source.next_section()? {
        source.copy_section(header, &mut writer)?;
    }
    let losses = source.into_losses();
    let lost = losses.first_real().is_some();
    let recovery = lost.then(|| losses.recovery());
    if lost || losses.declared() {
        writer.declare_incomplete();
    }
    // A report that is full of sections only says that it is incomplete.
    if let Some(recovery) = recovery.as_ref().filter(|_| writer.sections() < MAX_SECTIONS) {
        writer.write_message(SectionKind::Recovery, Category::Essential, recovery)?;
    }
    let sections = writer.sections();
    let (_, digest, bytes) = writer.finish()?;
    let foreign_bytes = losses.foreign_bytes();
    let (losses, loss_count) = losses.into_first();
    Ok(Recovered { recovery, foreign_bytes, losses, loss_count, sections, bytes, digest })
}

/// The summary's bytes, from wherever in the report there is one; an empty summary if there is none.
pub(crate) fn find_summary(input: impl Read, limits: &Limits) -> Result<Vec<u8>, Error> {
    let mut source = Source::new(input, limits);
    while source.summary().is_none() && source.next_section()?.is_some() {
        if source.summary().is_none() {
            source.skip_section()?;
        }
    }
    Ok(source.summary().unwrap_or_default().to_vec())
}

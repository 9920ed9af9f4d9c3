//! Copying sections of one report into another that is being written.

use std::io::{Read, Write};

use super::Source;
use crate::{error::Error, limits::Limits, loss::Loss, section::SectionHeader, writer::Writer};

/// What [`copy_sections`] did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Copied {
    /// Sections copied.
    pub sections: u32,
    /// Sections that were not wanted.
    pub skipped: u32,
    /// The first thing that was lost on the way, or never whole. `None`: the input is whole, to its last byte.
    pub lost: Option<Loss>,
    /// Whether the input's writer said that something is missing in it.
    pub declared_incomplete: bool,
}

impl Copied {
    /// Whether all of the input came through that was wanted.
    pub fn is_complete(&self) -> bool {
        self.lost.is_none() && !self.declared_incomplete
    }
}

/// Copies the sections of the report `input` that are `wanted` to the end of the report that `writer` writes, in their order: frame by frame, each
/// checked, none encoded again.
///
/// Reads `input` to its end. Where frames are lost, the copy has a hole in their place: ask [`Copied::is_complete`]. Memory: two frames. Of `limits`,
/// [`raw_total`](Limits::raw_total) and [`memory_image`](Limits::memory_image) do not apply.
///
/// # Errors
/// [`Error::Format`] if `input` is no report; [`Error::Unsupported`] for a newer major version; [`Error::Limit`] for a decompression bomb or too many
/// sections in either; [`Error::Io`] of both; [`Error::Usage`] after an earlier failure of `writer`. What was written by then is to be thrown away.
///
/// ```
/// use report_format::{Limits, Report, Summary, Writer, rewrite::copy_sections};
/// use report_format::schema::v1::{Category, Product, SectionKind};
///
/// let mut inner = Writer::new(Vec::new(), &Summary::default())?;
/// inner.write_message(SectionKind::Product, Category::Essential, &Product { name: "Ledger".into(), ..Default::default() })?;
/// let (inner, ..) = inner.finish()?;
///
/// let mut writer = Writer::new(Vec::new(), &Summary { time: 7, ..Default::default() })?;
/// let copied = copy_sections(&inner[..], &mut writer, &Limits::default(), |header| header.known_kind() == Some(SectionKind::Product))?;
/// assert!(copied.is_complete());
/// let (bytes, ..) = writer.finish()?;
/// let report = Report::read(&bytes[..], &Limits::default())?;
/// assert_eq!(report.message::<Product>(SectionKind::Product)?.unwrap().name, "Ledger");
/// # Ok::<(), report_format::Error>(())
/// ```
pub fn copy_sections<R: Read, W: Write>(
    input: R,
    writer: &mut Writer<W>,
    limits: &Limits,
    mut wanted: impl FnMut(&SectionHeader) -> bool,
) -> Result<Copied, Error> {
    let mut source = Source::new(input, limits);
    let (mut sections, mut skipped) = (0, 0);
    while let Some(header) = source.next_section()? {
        if wanted(&header) {
            source.copy_section(header, writer)?;
            sections += 1;
        } else {
            source.skip_section()?;
            skipped += 1;
        }
    }
    let losses = source.losses();
    Ok(Copied { sections, skipped, lost: losses.first_real().cloned(), declared_incomplete: losses.declared() })
}

//! `redact`: a report without some of what it holds.

use std::io::{self, Write};

use report_format::rewrite::{self, Redacted};
use report_format::{Limits, schema::v1::Redaction};

use crate::cli::{Dropped, Redact};
use crate::content::kind_name;
use crate::exit::Outcome;
use crate::files::{self, FileError};
use crate::reflect::names;
use crate::render::page::{Look, Page, Span};
use crate::render::value;

pub(crate) fn run(arguments: &Redact, out: &mut dyn Write) -> io::Result<Outcome> {
    let input = match files::open(&arguments.input) {
        Ok(input) => input,
        Err(error) => return Ok(super::failed(&arguments.input, &error)),
    };
    let what = wanted(&arguments.what);
    // A section that stays may be of any size, one that loses a field is held in memory.
    let done = files::make(&arguments.output, |output| {
        rewrite::redact(input, output, &what, &Limits::default()).map_err(FileError::from)
    });
    let redacted = match done {
        Ok(redacted) => redacted,
        Err(error @ FileError::Report(_)) => return Ok(super::failed(&arguments.input, &error)),
        Err(error) => return Ok(super::failed(&arguments.output, &error)),
    };
    let mut page = Page::new(out, super::wants_colour(&arguments.colour), None);
    let sections = value::count(redacted.sections as usize, "section");
    page.line(0, &[Span::plain(format!("{}: {sections}, {} bytes", arguments.output.display(), redacted.bytes))])?;
    tell(&mut page, &redacted)?;
    Ok(Outcome::Ok)
}

fn wanted(dropped: &Dropped) -> rewrite::Redact {
    let mut what = rewrite::Redact::default();
    for &category in &dropped.categories {
        what = what.category(category);
    }
    for &kind in &dropped.kinds {
        what = what.kind(kind);
    }
    for field in &dropped.fields {
        what = what.field(field.kind, &field.numbers);
    }
    what
}

fn tell(page: &mut Page<'_>, redacted: &Redacted) -> io::Result<()> {
    let Some(Redaction { sections, fields }) = &redacted.redaction else {
        return page.line(2, &[Span::new(Look::Warning, "nothing of this was in the report: nothing was left out")]);
    };
    let label = || Span::dim("left out  ");
    for section in sections {
        let name = kind_name(u16::try_from(section.kind).unwrap_or_default());
        let count = value::count(section.count as usize, "section");
        page.line(2, &[label(), Span::plain(format!("{name}, {count}"))])?;
    }
    for field in fields {
        let name = names::of_field(u16::try_from(field.kind).unwrap_or_default(), &field.path);
        page.line(2, &[label(), Span::plain(format!("{name}, {}", value::count(field.count as usize, "time")))])?;
    }
    if redacted.unreadable > 0 {
        let count = value::count(redacted.unreadable as usize, "section");
        let text = format!("{count} could not be taken apart and had to be left out whole");
        page.line(2, &[Span::new(Look::Warning, text)])?;
    }
    Ok(())
}

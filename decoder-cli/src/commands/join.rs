//! `join`: a report from its parts.

use std::io::{self, Write};

use report_format::part::{self, Joined};

use crate::cli::Join;
use crate::exit::Outcome;
use crate::files::{self, FileError};
use crate::render::page::{Look, Page, Span};
use crate::wildcards;

pub(crate) fn run(arguments: &Join, out: &mut dyn Write) -> io::Result<Outcome> {
    let mut parts = Vec::new();
    for path in &wildcards::expand(&arguments.inputs) {
        // One by one, so that a file that is no part is named.
        let opened = files::open(path).and_then(|mut input| {
            part::PartHeader::read(&mut input)?;
            Ok(input)
        });
        match opened {
            Ok(input) => parts.push(input),
            Err(error) => return Ok(super::failed(path, &error)),
        }
    }
    let done = files::make(&arguments.output, |output| part::join(parts, output).map_err(FileError::from));
    let joined = match done {
        Ok(joined) => joined,
        Err(error @ FileError::Report(_)) => {
            super::complain("the parts", &error);
            return Ok(Outcome::Failed);
        }
        Err(error) => return Ok(super::failed(&arguments.output, &error)),
    };
    let mut page = Page::new(out, super::wants_colour(&arguments.colour), None);
    page.line(0, &[Span::plain(format!("{}: {} bytes", arguments.output.display(), joined.bytes))])?;
    if joined.whole {
        page.line(2, &[Span::new(Look::Good, "the whole report, and its SHA-256 is right")])?;
        return Ok(Outcome::Ok);
    }
    for reason in reasons(&joined) {
        page.line(2, &[Span::new(Look::Warning, reason)])?;
    }
    page.line(2, &[Span::plain("this is what there is of it: `reportdecode recover` saves what is whole")])?;
    Ok(Outcome::Loss)
}

/// Why the report is not whole. People count from 1.
fn reasons(joined: &Joined) -> Vec<String> {
    let count = joined.count;
    let missing =
        joined.missing.iter().map(|range| match (u64::from(*range.start()) + 1, u64::from(*range.end()) + 1) {
            (first, last) if first == last => format!("part {first} of {count} is missing"),
            (first, last) => format!("parts {first} to {last} of {count} are missing"),
        });
    let cut = joined.cut.iter().map(|part| format!("part {} of {count} is cut", u64::from(*part) + 1));
    let mut reasons: Vec<String> = missing.chain(cut).collect();
    if reasons.is_empty() {
        reasons.push("its SHA-256 is not that of the report: a part was changed on its way".to_owned());
    }
    reasons
}

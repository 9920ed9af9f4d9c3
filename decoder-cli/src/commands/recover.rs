//! `recover`: what is whole of a damaged report, as a report.

use std::io::{self, Write};

use report_format::{Limits, rewrite};

use super::complain;
use crate::cli::Recover;
use crate::exit::Outcome;
use crate::files::{self, FileError};
use crate::render::page::{Look, Page, Span};
use crate::render::value;

pub(crate) fn run(arguments: &Recover, out: &mut dyn Write) -> io::Result<Outcome> {
    let input = match files::open(&arguments.input) {
        Ok(input) => input,
        Err(error) => return Ok(super::failed(&arguments.input, &error)),
    };
    let done = files::make(&arguments.output, |output| {
        rewrite::recover(input, output, &Limits::streaming()).map_err(FileError::from)
    });
    let recovered = match done {
        Ok(recovered) => recovered,
        // The report is to blame, and not the file that was to be made of it.
        Err(error @ FileError::Report(_)) => return Ok(super::failed(&arguments.input, &error)),
        Err(error) => return Ok(super::failed(&arguments.output, &error)),
    };
    let mut page = Page::new(out, super::wants_colour(&arguments.colour), None);
    let sections = value::count(recovered.sections as usize, "section");
    page.line(0, &[Span::plain(format!("{}: {sections}, {} bytes", arguments.output.display(), recovered.bytes))])?;
    if recovered.foreign_bytes > 0 {
        page.line(2, &[Span::plain(format!("left out  {} bytes around the report", recovered.foreign_bytes))])?;
    }
    if recovered.recovery.is_none() {
        page.line(2, &[Span::new(Look::Good, "nothing of it was lost")])?;
        return Ok(Outcome::Ok);
    }
    for loss in &recovered.losses {
        page.line(2, &[Span::dim("lost      "), Span::new(Look::Warning, loss)])?;
    }
    let untold = recovered.loss_count - recovered.losses.len() as u64;
    if untold > 0 {
        complain("losses", &io::Error::other(format!("{untold} more are not shown")));
    }
    Ok(Outcome::Loss)
}

//! `unseal`: a report with what is sealed in clear.

use std::io::{self, Write};

use report_format::Limits;
use report_format::seal::{self, Outcome as Opened, SealedSection};

use super::complain;
use crate::cli::Unseal;
use crate::exit::Outcome;
use crate::files::{self, FileError};
use crate::keys;
use crate::render::page::{Look, Page, Span};

/// Why no report was made.
#[derive(Debug, thiserror::Error)]
enum UnsealError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("nothing in it is sealed: it can be read as it is")]
    NotSealed,
    #[error("none of these keys opens anything in it ({0})")]
    NoKey(String),
}

pub(crate) fn run(arguments: &Unseal, out: &mut dyn Write) -> io::Result<Outcome> {
    let Some(keys) = keys::load(&arguments.keys) else { return Ok(Outcome::Failed) };
    let input = match files::open(&arguments.input) {
        Ok(input) => input,
        Err(error) => return Ok(super::failed(&arguments.input, &error)),
    };
    let done = files::make(&arguments.output, |output| {
        let unsealed = seal::unseal(input, output, &keys, &Limits::streaming()).map_err(FileError::from)?;
        check(&unsealed.sections)?;
        Ok(unsealed)
    });
    let unsealed = match done {
        Ok(unsealed) => unsealed,
        Err(UnsealError::File(error @ (FileError::Exists | FileError::Write(_)))) => {
            return Ok(super::failed(&arguments.output, &error));
        }
        Err(error) => return Ok(super::failed(&arguments.input, &error)),
    };
    let mut page = Page::new(out, super::wants_colour(&arguments.colour), None);
    page.line(0, &[Span::plain(format!("{}: {} bytes", arguments.output.display(), unsealed.bytes))])?;
    for section in &unsealed.sections {
        let look = if section.outcome == Opened::Opened { Look::Good } else { Look::Warning };
        page.line(2, &[Span::new(look, keys::told(section))])?;
    }
    for loss in &unsealed.losses {
        page.line(2, &[Span::dim("lost      "), Span::new(Look::Warning, loss)])?;
    }
    let untold = unsealed.loss_count - unsealed.losses.len() as u64;
    if untold > 0 {
        complain("losses", &io::Error::other(format!("{untold} more are not shown")));
    }
    let damaged = unsealed.sections.iter().any(|section| matches!(section.outcome, Opened::Damaged { .. }));
    Ok(if damaged || unsealed.loss_count > 0 { Outcome::Loss } else { Outcome::Ok })
}

/// A copy of which nothing was opened is not what was asked for.
fn check(sections: &[SealedSection]) -> Result<(), UnsealError> {
    if sections.is_empty() {
        return Err(UnsealError::NotSealed);
    }
    if sections.iter().all(|section| section.outcome == Opened::NoKey) {
        let all: Vec<String> = sections.iter().map(keys::told).collect();
        return Err(UnsealError::NoKey(all.join("; ")));
    }
    Ok(())
}

//! `json`: reports for programs.

use std::io::{self, Write};

use crate::cli::Json;
use crate::document;
use crate::exit::Outcome;
use crate::sanitize::json;

pub(crate) fn run(arguments: &Json, out: &mut dyn Write) -> io::Result<Outcome> {
    let mut several = false;
    let outcome = super::for_each(&arguments.inputs, |content, number| {
        match number {
            Some(1) if !arguments.lines => out.write_all(b"[\n")?,
            Some(_) if !arguments.lines => out.write_all(b",\n")?,
            _ => {}
        }
        several |= number.is_some();
        json::write(&mut *out, &document::of(content), !arguments.lines)?;
        if arguments.lines || number.is_none() {
            out.write_all(b"\n")?;
        }
        Ok(content.outcome())
    })?;
    if several && !arguments.lines {
        out.write_all(b"\n]\n")?;
    }
    Ok(outcome)
}

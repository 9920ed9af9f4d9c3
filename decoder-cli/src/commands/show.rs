//! `show`: reports as text for people.

use std::io::{self, Write};

use crate::cli::Show;
use crate::exit::Outcome;
use crate::render::page::{Page, Span};
use crate::render::report::{self, Detail};

pub(crate) fn run(arguments: &Show, out: &mut dyn Write) -> io::Result<Outcome> {
    let mut page = Page::new(out, super::wants_colour(&arguments.colour), super::width());
    let detail = Detail { all: arguments.all, all_threads: arguments.all_threads };
    super::for_each(&arguments.inputs, |content, number| {
        if let Some(number) = number {
            if number > 1 {
                page.blank()?;
            }
            page.line(0, &[Span::dim(format!("──── report {number} ────"))])?;
        }
        report::draw(&mut page, content, detail)?;
        Ok(content.outcome())
    })
}

//! `verify`: whether reports are complete.

use std::io::{self, Write};

use report_format::Status;

use crate::cli::Verify;
use crate::exit::Outcome;
use crate::keys;
use crate::render::page::{Look, Page, Span};
use crate::render::value;

pub(crate) fn run(arguments: &Verify, out: &mut dyn Write) -> io::Result<Outcome> {
    let mut page = Page::new(out, super::wants_colour(&arguments.colour), None);
    super::for_each(&arguments.inputs, |content, _| {
        let loaded = &content.loaded;
        let status = content.status();
        let look = match status {
            Status::Complete => Look::Good,
            Status::Partial => Look::Warning,
            Status::Corrupt => Look::Bad,
        };
        page.line(0, &[Span::plain(&loaded.origin), Span::plain(": "), Span::new(look, status)])?;
        page.fields(
            2,
            &[
                ("report", Span::plain(content.id().unwrap_or_else(|| "unknown".to_owned()))),
                ("sha256", Span::plain(&loaded.sha256)),
                ("size", Span::plain(value::count(usize::try_from(loaded.size).unwrap_or(usize::MAX), "byte"))),
                ("sections", Span::plain(content.parts.len())),
            ],
        )?;
        for section in &loaded.sealed {
            page.line(2, &[Span::dim("sealed    "), Span::plain(keys::told(section))])?;
        }
        for loss in content.losses() {
            page.line(2, &[Span::dim("lost      "), Span::new(Look::Warning, loss)])?;
        }
        Ok(content.outcome())
    })
}

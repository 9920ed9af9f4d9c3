//! `keygen`: a new key.

use std::io::{self, Write};

use jiff::{Timestamp, ToSpan, civil, tz::Offset};
use report_format::seal::{Date, SecretKey, StoredKey};

use crate::cli::Keygen;
use crate::exit::Outcome;
use crate::files::{self, FileError};
use crate::render::page::{Page, Span};

pub(crate) fn run(arguments: &Keygen, out: &mut dyn Write) -> io::Result<Outcome> {
    let today = today();
    let last = arguments.valid_for.and_then(|days| today.checked_add(i32::from(days).days()).ok()).and_then(date);
    let (label, expires) = (arguments.label.clone(), arguments.expires.or(last));
    let key = StoredKey { secret: SecretKey::generate(), label, created: date(today), expires };
    let made = files::make(&arguments.output, |file| file.write_all(key.text().as_bytes()).map_err(FileError::Write));
    if let Err(error) = made {
        return Ok(super::failed(&arguments.output, &error));
    }
    let mut page = Page::new(out, false, None);
    page.fields(
        0,
        &[
            ("secret key in", Span::plain(arguments.output.display())),
            ("key id", Span::plain(key.secret.id())),
            ("public key", Span::plain(key.secret.public())),
            ("expires", Span::plain(key.expires.map(|day| day.to_string()).unwrap_or_default())),
        ],
    )?;
    Ok(Outcome::Ok)
}

/// The day in UTC, the same for everybody who seals and everybody who makes keys.
pub(super) fn today() -> civil::Date {
    Offset::UTC.to_datetime(Timestamp::now()).date()
}

/// As files of keys have it.
pub(super) fn date(day: civil::Date) -> Option<Date> {
    Date::new(u16::try_from(day.year()).ok()?, u8::try_from(day.month()).ok()?, u8::try_from(day.day()).ok()?)
}

//! `seal`: a report's sections, encrypted to public keys.

use std::io::{self, Write};

use report_format::Limits;
use report_format::seal::{self, Recipients, Unkeyed};

use super::keygen::{date, today};
use crate::cli::Seal;
use crate::exit::Outcome;
use crate::files::{self, FileError};
use crate::keys::{self, KeyFileError};
use crate::render::page::{Look, Page, Span};

/// Why nothing is sealed to these keys.
#[derive(Debug, thiserror::Error)]
enum RecipientsError {
    #[error(transparent)]
    File(#[from] KeyFileError),
    #[error("the key {0} has expired: put the one that replaced it into the file, and remove this")]
    Expired(String),
}

pub(crate) fn run(arguments: &Seal, out: &mut dyn Write) -> io::Result<Outcome> {
    let recipients = match recipients(arguments) {
        Ok(recipients) => recipients,
        Err(error) => return Ok(super::failed(&arguments.recipients, &error)),
    };
    let input = match files::open(&arguments.input) {
        Ok(input) => input,
        Err(error) => return Ok(super::failed(&arguments.input, &error)),
    };
    let unkeyed = if arguments.leave_clear { Unkeyed::LeaveClear } else { Unkeyed::Refuse };
    let done = files::make(&arguments.output, |output| {
        seal::seal(input, output, &recipients, unkeyed, &Limits::streaming()).map_err(FileError::from)
    });
    let sealed = match done {
        Ok(sealed) => sealed,
        // The report is to blame, and not the file that was to be made of it.
        Err(error @ FileError::Report(_)) => return Ok(super::failed(&arguments.input, &error)),
        Err(error) => return Ok(super::failed(&arguments.output, &error)),
    };
    let mut page = Page::new(out, false, None);
    page.line(0, &[Span::plain(format!("{}: {} bytes", arguments.output.display(), sealed.bytes))])?;
    for (class, keys) in &sealed.sealed {
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        page.line(2, &[Span::plain(format!("{class}: sealed, opened by {}", keys.join(", ")))])?;
    }
    for class in &sealed.clear {
        page.line(2, &[Span::new(Look::Warning, format!("{class}: in clear"))])?;
    }
    Ok(Outcome::Ok)
}

fn recipients(arguments: &Seal) -> Result<Recipients, RecipientsError> {
    let text = keys::read(&arguments.recipients)?;
    let recipients = Recipients::parse(&text).map_err(KeyFileError::from)?;
    let expired = date(today()).and_then(|today| recipients.expired(today).next());
    match expired.and_then(|recipient| Some((recipient, recipient.expires?))) {
        None => Ok(recipients),
        Some((recipient, last)) => Err(RecipientsError::Expired(format!(
            "{} (class {}, last day {last})",
            recipient.key.id(),
            recipient.class
        ))),
    }
}

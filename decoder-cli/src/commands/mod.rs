//! The subcommands, and what they share: going through the inputs.

pub(crate) mod export;
pub(crate) mod extract;
pub(crate) mod join;
pub(crate) mod json;
pub(crate) mod keygen;
pub(crate) mod recover;
pub(crate) mod redact;
pub(crate) mod seal;
pub(crate) mod show;
pub(crate) mod split;
pub(crate) mod summary;
pub(crate) mod unseal;
pub(crate) mod verify;

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use crate::cli::{Colour, Inputs, When};
use crate::content::Content;
use crate::exit::Outcome;
use crate::sanitize::Safe;
use crate::{input, keys, wildcards};

/// Gives each report of the inputs to `each`, with its number from 1, or `None` if it is the only one. Complaints about
/// what could not be read go to standard error.
///
/// To know whether a report is the only one, the next is read before it is given: two are in memory at a time.
fn for_each(
    inputs: &Inputs,
    mut each: impl FnMut(&Content, Option<usize>) -> io::Result<Outcome>,
) -> io::Result<Outcome> {
    let mut outcome = Outcome::Ok;
    let mut held: Option<Content> = None;
    let mut number = 0;
    // Without its keys, nobody asked for a report.
    let Some(keys) = keys::load(&inputs.keys.files) else { return Ok(Outcome::Failed) };
    for input in &wildcards::expand(&inputs.inputs) {
        input::visit(input, &keys, &mut |found| {
            match found {
                Ok(loaded) => {
                    if let Some(before) = held.replace(Content::new(loaded)) {
                        number += 1;
                        outcome.include(each(&before, Some(number))?);
                    }
                }
                Err((name, error)) => {
                    complain(&name, &error);
                    outcome.include(Outcome::Failed);
                }
            }
            Ok(())
        })?;
    }
    if let Some(last) = held {
        outcome.include(each(&last, (number > 0).then_some(number + 1))?);
    }
    Ok(outcome)
}

/// Tells on standard error what went wrong with what, and why.
pub(crate) fn complain(name: &str, error: &dyn Error) {
    let mut text = format!("{name}: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    // Nothing is left to do where even this fails.
    _ = writeln!(io::stderr(), "reportdecode: {}", Safe(&text));
}

/// Tells what went wrong with a file, and that the run failed.
fn failed(path: &Path, error: &dyn Error) -> Outcome {
    complain(&path.display().to_string(), error);
    Outcome::Failed
}

/// Whether to write colours to standard output.
fn wants_colour(colour: &Colour) -> bool {
    match colour.when {
        When::Always => {
            // A console is switched on if there is one; a file or a pipe is what it is.
            understands_escapes();
            true
        }
        When::Never => false,
        When::Auto => {
            let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
            !refused && !dumb && io::stdout().is_terminal() && understands_escapes()
        }
    }
}

/// Whether the terminal takes escape sequences for colours. A console of Windows does so only once a program has asked it to, and one from before
/// Windows 10 never; a terminal that says in TERM what it is (Git Bash, MSYS2, over SSH) is no console, and does.
fn understands_escapes() -> bool {
    anstyle_query::windows::enable_ansi_colors().unwrap_or(true) || std::env::var_os("TERM").is_some()
}

/// Columns of the page: what COLUMNS says, else the terminal's, else without a limit.
fn width() -> Option<usize> {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|columns| *columns > 0);
    told.or_else(|| terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0)))
}

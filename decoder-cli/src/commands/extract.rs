//! `extract`: a report's parts as files.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use report_format::schema::v1::{Attachment, Screen, SectionKind};

use super::complain;
use crate::cli::Extract;
use crate::content::Content;
use crate::exit::Outcome;
use crate::render::page::{Look, Page, Span};
use crate::render::value;
use crate::sanitize::json;
use crate::{document, private};

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
enum ExtractError {
    #[error("the directory cannot be made")]
    Directory(#[source] io::Error),
    #[error("exists already, and nothing is overwritten: give another directory, or remove it")]
    Exists,
    #[error("cannot be written")]
    Write(#[source] io::Error),
}

pub(crate) fn run(arguments: &Extract, out: &mut dyn Write) -> io::Result<Outcome> {
    let mut page = Page::new(out, false, None);
    super::for_each(&arguments.inputs, |content, number| {
        let directory = match number {
            Some(number) => arguments.output.join(format!("report-{number:03}")),
            None => arguments.output.clone(),
        };
        let mut files = Files { directory, written: Vec::new() };
        let done = files.write(content);
        for (path, size, label) in &files.written {
            let mut spans = vec![Span::plain(path.display()), Span::dim(format!("  {}", value::size(*size)))];
            if !label.is_empty() {
                spans.push(Span::new(Look::Name, format!("  “{label}”")));
            }
            page.line(0, &spans)?;
        }
        match done {
            Ok(()) => Ok(content.outcome()),
            Err((path, error)) => {
                complain(&path.display().to_string(), &error);
                Ok(Outcome::Failed)
            }
        }
    })
}

/// Writes files of names that are ours alone into one directory.
struct Files {
    directory: PathBuf,
    /// Path, size, and what the report calls it.
    written: Vec<(PathBuf, u64, String)>,
}

type Done = Result<(), (PathBuf, ExtractError)>;

impl Files {
    /// Everything of a report. Ends at the first file that cannot be written.
    fn write(&mut self, content: &Content) -> Done {
        private::create_directory(&self.directory)
            .map_err(|error| (self.directory.clone(), ExtractError::Directory(error)))?;
        // First, so that a directory with an earlier extraction is refused before anything is mixed into it.
        let mut report = Vec::new();
        let written = json::write(&mut report, &document::of(content), true);
        written.map_err(|error| (self.directory.join("report.json"), ExtractError::Write(error)))?;
        report.push(b'\n');
        self.file("report.json", &report, "")?;
        if let Some(bytes) = &content.loaded.attached {
            self.file("report.report", bytes, "")?;
        }

        let (mut attachments, mut screens, mut dumps) = (0, 0, 0);
        for (section, part) in content.sections() {
            match part.kind {
                Some(SectionKind::Attachment) => {
                    attachments += 1;
                    let attachment: Attachment = part.typed().unwrap_or_default();
                    self.file(&format!("attachment-{attachments:03}.bin"), &attachment.content, &attachment.name)?;
                }
                Some(SectionKind::Screen) => {
                    screens += 1;
                    let screen: Screen = part.typed().unwrap_or_default();
                    self.file(&format!("screen-{screens:03}.png"), &screen.png, &screen.display)?;
                }
                Some(SectionKind::Minidump) => {
                    dumps += 1;
                    self.file(&numbered("minidump", dumps, "dmp"), &section.bytes, "")?;
                }
                _ => {}
            }
            // The raw bytes of what is unknown, and of messages of which the decoded form does not tell all.
            // An image of memory is not kept as the report is read: `export` writes it.
            let raw_is_written = matches!(part.kind, Some(SectionKind::Minidump | SectionKind::MemoryImage));
            let tells_all = part.kind.is_some() && part.unreadable.is_none() && !part.incomplete;
            if !tells_all && !raw_is_written {
                let name = format!("section-{:03}-kind-{:#06x}.bin", section.ordinal, section.header.kind);
                self.file(&name, &section.bytes, "")?;
            }
        }
        Ok(())
    }

    fn file(&mut self, name: &str, bytes: &[u8], label: impl Display) -> Done {
        let path = self.directory.join(name);
        match create(&path, bytes) {
            Ok(()) => {
                self.written.push((path, bytes.len() as u64, label.to_string()));
                Ok(())
            }
            Err(error) => Err((path, error)),
        }
    }
}

fn create(path: &Path, bytes: &[u8]) -> Result<(), ExtractError> {
    let mut file = private::create_file(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => ExtractError::Exists,
        _ => ExtractError::Write(error),
    })?;
    file.write_all(bytes).map_err(ExtractError::Write)
}

/// `minidump.dmp`, and `minidump-002.dmp` for one more that no writer of ours makes.
fn numbered(name: &str, number: usize, ending: &str) -> String {
    if number == 1 { format!("{name}.{ending}") } else { format!("{name}-{number:03}.{ending}") }
}

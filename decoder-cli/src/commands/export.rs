//! `export`: the memory of a report as a file for debuggers.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use report_format::memory::export::{self, Exported, Sparse};
use report_format::schema::v1::SectionKind;
use report_format::{Error, Limits, ReportFile, SectionState};

use super::complain;
use crate::cli::Export;
use crate::exit::Outcome;
use crate::private;
use crate::render::page::{Look, Page, Span};
use crate::render::value;

/// Why no file was written.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error("cannot be read")]
    Open(#[source] io::Error),
    #[error("has no minidump, without which no debugger finds threads in the memory")]
    NoMinidump,
    #[error("has a minidump that is damaged: `reportdecode extract` writes what is left of it")]
    DamagedMinidump,
    #[error("has no image of memory: `reportdecode extract` writes its minidump, which debuggers open as it is")]
    NoImage,
    #[error("has its memory sealed: it is to be opened with the vendor's key first")]
    Sealed,
    #[error("exists already, and nothing is overwritten: give another name, or remove it")]
    Exists,
    #[error("cannot be written")]
    Create(#[source] io::Error),
    #[error(transparent)]
    Report(#[from] Error),
}

/// What was written, and of how many bytes the report has lost since what they were.
struct Written {
    exported: Exported,
    lost: u64,
}

pub(crate) fn run(arguments: &Export, out: &mut dyn Write) -> io::Result<Outcome> {
    let (path, is_core) = match (&arguments.output.minidump, &arguments.output.core) {
        (Some(path), _) => (path, false),
        (None, Some(path)) => (path, true),
        (None, None) => unreachable!("clap asks for one of them"),
    };
    let Written { exported, lost } = match export(&arguments.report, path, is_core) {
        Ok(written) => written,
        Err(error) => {
            let at_fault = match error {
                ExportError::Exists | ExportError::Create(_) => path,
                _ => &arguments.report,
            };
            complain(&at_fault.display().to_string(), &error);
            return Ok(Outcome::Failed);
        }
    };
    let mut page = Page::new(out, false, None);
    page.line(0, &[Span::plain(path.display()), Span::dim(format!("  {}", value::size(exported.length)))])?;
    let size = |bytes| Span::plain(if bytes == 0 { String::new() } else { value::size(bytes) });
    let count = |count: u64| Span::plain(if count == 0 { String::new() } else { count.to_string() });
    page.fields(
        2,
        &[
            ("memory", size(exported.memory)),
            ("not readable then", size(exported.unreadable - lost)),
            ("lost since", Span::new(Look::Warning, if lost == 0 { String::new() } else { value::size(lost) })),
            ("threads", count(exported.threads)),
            ("threads left out, without registers", count(exported.threads_without_registers)),
        ],
    )?;
    Ok(if lost == 0 { Outcome::Ok } else { Outcome::Loss })
}

fn export(report: &Path, path: &Path, is_core: bool) -> Result<Written, ExportError> {
    let file = File::open(report).map_err(ExportError::Open)?;
    let mut report = ReportFile::open(file, &Limits::default())?;
    if report.find(SectionKind::MemoryImage).is_none() {
        let sealed = report.find(SectionKind::SealedFullMemory).is_some();
        return Err(if sealed { ExportError::Sealed } else { ExportError::NoImage });
    }
    let place = report.find(SectionKind::Minidump).ok_or(ExportError::NoMinidump)?;
    let dump = report.section(&place)?;
    if dump.state != SectionState::Whole {
        return Err(ExportError::DamagedMinidump);
    }
    let image = report.memory()?.ok_or(ExportError::NoImage)?;

    let file = private::create_file(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => ExportError::Exists,
        _ => ExportError::Create(error),
    })?;
    let mut file = Sparse::new(file);
    let written = match is_core {
        true => export::core(&dump.bytes, &image, &mut file),
        false => export::minidump(&dump.bytes, &image, &mut file),
    };
    let written = written.map_err(ExportError::Report);
    let done = written.and_then(|exported| file.finish().map_err(ExportError::Create).map(|_| exported));
    let exported = done.inspect_err(|_| {
        // Half a file would be taken for a whole one. It is ours, made a moment ago.
        _ = fs::remove_file(path);
    })?;
    // All blocks once more, but only where there is something to tell apart.
    let lost = if exported.unreadable == 0 { 0 } else { image.check()?.lost * report_format::memory::PAGE as u64 };
    Ok(Written { exported, lost })
}

//! `summary`: what is in a report, from its beginning, its end and its list of memory regions.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use report_format::schema::v1::{MemoryRegions, SectionKind};
use report_format::{Error, Limits, ReportFile};
use serde_json::{Value, json};

use super::complain;
use crate::cli::Summary;
use crate::content::kind_name;
use crate::exit::Outcome;
use crate::reflect::Schema;
use crate::render::page::{Look, Page, Span};
use crate::render::value;
use crate::sanitize::json as sanitized;

/// Bytes of an entry in the index of a memory image: one for each block.
const INDEX_ENTRY: usize = 24;

/// What is known of a memory image without looking into it.
struct Memory {
    regions: MemoryRegions,
    /// Bytes of the report.
    size: u64,
    /// `None` if the index is lost, without which they would have to be counted.
    blocks: Option<usize>,
}

pub(crate) fn run(arguments: &Summary, out: &mut dyn Write) -> io::Result<Outcome> {
    let name = arguments.report.display().to_string();
    let read = open(&arguments.report).and_then(|mut report| memory(&mut report).map(|memory| (report, memory)));
    let (report, memory) = match read {
        Ok(read) => read,
        Err(error) => {
            complain(&name, &error);
            return Ok(Outcome::Failed);
        }
    };
    if arguments.json {
        sanitized::write(&mut *out, &document(&report, memory.as_ref()), true)?;
        out.write_all(b"\n")?;
    } else {
        let mut page = Page::new(out, super::wants_colour(&arguments.colour), super::width());
        draw(&mut page, &name, &report, memory.as_ref())?;
    }
    Ok(if report.has_index() { Outcome::Ok } else { Outcome::Loss })
}

fn open(path: &Path) -> Result<ReportFile<File>, Error> {
    ReportFile::open(File::open(path)?, &Limits::default())
}

fn memory(report: &mut ReportFile<File>) -> Result<Option<Memory>, Error> {
    let Some(image) = report.find(SectionKind::MemoryImage) else { return Ok(None) };
    let regions = report.message(SectionKind::MemoryRegions)?.unwrap_or_default();
    let blocks = match report.find(SectionKind::MemoryIndex) {
        Some(index) => Some(report.section(&index)?.bytes.len() / INDEX_ENTRY),
        None => None,
    };
    Ok(Some(Memory { regions, size: image.length, blocks }))
}

fn draw(page: &mut Page<'_>, name: &str, report: &ReportFile<File>, memory: Option<&Memory>) -> io::Result<()> {
    let summary = report.summary();
    page.line(0, &[Span::new(Look::Strong, name)])?;
    let ends = match report.has_index() {
        true => Span::new(Look::Good, "ends as a whole report does; `reportdecode verify` checks all of it"),
        false => Span::new(Look::Warning, "CUT or damaged: its end is missing, and sections may be"),
    };
    page.fields(
        2,
        &[
            ("status", ends),
            ("report", Span::plain(value::uuid(&summary.report_id))),
            ("product", Span::plain(value::uuid(&summary.product_id))),
            ("when", Span::plain(if summary.time == 0 { String::new() } else { value::time(summary.time) })),
            ("kind", Span::plain(Schema::get().word("ErrorKind", summary.kind).replace('_', " "))),
            ("size", Span::plain(value::size(report.length()))),
        ],
    )?;
    page.heading("Sections", &report.sections().len().to_string())?;
    let row = |section: &report_format::FileSection| {
        vec![
            Span::dim(section.ordinal),
            Span::plain(kind_name(section.kind).replace('_', " ")),
            Span::dim(category(section.category)),
            Span::plain(value::size(section.length)),
        ]
    };
    page.columns(2, &report.sections().iter().map(row).collect::<Vec<_>>())?;
    let Some(memory) = memory else { return Ok(()) };
    page.heading("Memory image", "")?;
    page.fields(
        2,
        &[
            ("covers", Span::plain(value::covered(&memory.regions))),
            ("in the report", Span::plain(value::size(memory.size))),
            (
                "blocks",
                Span::plain(memory.blocks.map_or("unknown: the index is lost".to_owned(), |count| count.to_string())),
            ),
        ],
    )
}

fn document(report: &ReportFile<File>, memory: Option<&Memory>) -> Value {
    let summary = report.summary();
    let section = |section: &report_format::FileSection| {
        json!({
            "section": section.ordinal,
            "kind": kind_name(section.kind),
            "category": category(section.category),
            "offset": section.offset,
            "size": section.length,
        })
    };
    let mut document = json!({
        "report_id": value::uuid(&summary.report_id),
        "product_id": value::uuid(&summary.product_id),
        "kind": Schema::get().word("ErrorKind", summary.kind),
        "size": report.length(),
        "ends_whole": report.has_index(),
        "sections": report.sections().iter().map(section).collect::<Vec<_>>(),
    });
    if summary.time != 0 {
        document["time"] = json!(value::rfc3339(summary.time));
    }
    if let Some(memory) = memory {
        document["memory"] = json!({
            "covers": value::covered_bytes(&memory.regions),
            "regions": memory.regions.regions.len(),
            "size": memory.size,
            "blocks": memory.blocks,
        });
    }
    document
}

fn category(number: u16) -> String {
    Schema::get().word("Category", i32::from(number)).replace('_', " ")
}

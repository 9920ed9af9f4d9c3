//! The outcome of reading a report, in words, and its comparison with what is committed in `testkit/`.

use std::{env, fmt::Write, fs, io::Cursor, path::Path};

use report_format::{Limits, Report, ReportFile, memory::PAGE};

use super::read;

/// The outcome in words, one fact a line.
pub fn outcome(bytes: &[u8]) -> String {
    let report = match read(bytes) {
        Ok(report) => report,
        Err(error) => return format!("error: {error}\n"),
    };
    outcome_of(&report, memory(bytes))
}

/// The same of a report that was read already; `memory` says what is in its memory image.
pub fn outcome_of(report: &Report, memory: Option<String>) -> String {
    let mut text = format!("status: {}\n", report.status());
    if let Some(id) = report.id() {
        writeln!(text, "report id: {id}").expect("a string takes everything");
    }
    for section in report.sections() {
        writeln!(
            text,
            "section {}: kind {:#06x}, category {}, codec {}, {}, {} bytes, crc {:#010x}, {}",
            section.ordinal,
            section.header.kind,
            section.header.category,
            section.header.codec.number(),
            if section.header.critical { "critical" } else { "ignorable" },
            section.bytes.len(),
            crc32c::crc32c(&section.bytes),
            format!("{:?}", section.state).to_lowercase(),
        )
        .expect("a string takes everything");
    }
    if let Some(image) = memory {
        writeln!(text, "memory: {image}").expect("a string takes everything");
    }
    for loss in report.losses() {
        writeln!(text, "lost: {loss}").expect("a string takes everything");
    }
    text
}

/// `first_line` is the first line of the outcome, said here as well so that regenerating cannot bless a wrong one.
pub fn golden(folder: &str, name: &str, first_line: &str, bytes: &[u8]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testkit").join(folder);
    let outcome = outcome(bytes);
    assert!(outcome.starts_with(first_line), "{name}: {outcome}");
    let (file, manifest) = (folder.join(format!("{name}.report")), folder.join(format!("{name}.txt")));
    if env::var_os("REGENERATE").is_some() {
        fs::create_dir_all(&folder).expect("writable");
        fs::write(&file, bytes).expect("writable");
        fs::write(&manifest, &outcome).expect("writable");
    }
    assert!(fs::read(&file).ok().as_deref() == Some(bytes), "{name}.report is not what is written now");
    assert_eq!(fs::read_to_string(&manifest).ok(), Some(outcome), "{name}.txt is not the outcome");
}

/// What the pages of the memory image are, and the CRC of all that can be read.
fn memory(bytes: &[u8]) -> Option<String> {
    let mut file = ReportFile::open(Cursor::new(bytes), &Limits::default()).ok()?;
    let image = file.memory().ok()??;
    let found = image.check().expect("a vector can be read");
    let mut crc = 0;
    for region in image.regions() {
        for address in (region.address..region.address + region.size).step_by(PAGE) {
            let mut page = [0; PAGE];
            if image.read_at(address, &mut page).is_ok() {
                crc = crc32c::crc32c_append(crc, &page);
            }
        }
    }
    Some(format!(
        "{} pages, {} zero, {} stored, {} unreadable, {} lost, crc {crc:#010x}",
        found.pages, found.zero, found.held, found.unreadable, found.lost
    ))
}

//! The writer's promises.

mod common;

use std::io::{self, Write};

use common::{header, read, summary, write_section};
use report_format::schema::v1::{Category, Product, SectionKind};
use report_format::{Codec, Error, Loss, SectionHeader, SectionState, Status, Summary, Writer};
use sha2::{Digest, Sha256};

#[test]
fn an_unfinished_section_is_not_swallowed() {
    let mut writer = Writer::new(Vec::new(), &summary()).expect("a summary");
    let mut section = writer.section(header(8, Codec::Stored, false)).expect("a section");
    section.write_all(b"half of it").expect("a vector takes everything");
    drop(section);
    assert!(matches!(writer.section(header(9, Codec::Stored, false)), Err(Error::Usage(_))));
    let error = writer.finish().expect_err("the report is not whole").to_string();
    assert!(error.contains("dropped before it was finished"), "{error}");
}

#[test]
fn the_digest_and_length_are_those_of_all_bytes() {
    let mut writer = Writer::new(Vec::new(), &summary()).expect("a summary");
    write_section(&mut writer, header(8, Codec::Stored, false), b"bytes");
    let (bytes, digest, length) = writer.finish().expect("a report");
    assert_eq!(length, bytes.len() as u64);
    assert_eq!(digest.0[..], Sha256::digest(&bytes)[..]);
    assert_eq!(read(&bytes).expect("a report").digest(), Some(digest));
}

/// Takes some bytes and then none, as a full disk does.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error_wherever_it_happens() {
    let write = |room| -> Result<u64, Error> {
        let mut writer = Writer::new(Full(room), &summary())?;
        for kind in 1..4 {
            let mut section = writer.section(header(kind, Codec::Stored, false))?;
            section.write_all(&[1; 300])?;
            section.finish()?;
        }
        writer.finish().map(|(_, _, bytes)| bytes)
    };
    let whole = write(usize::MAX).expect("there is room");
    for room in 0..whole as usize {
        let error = write(room).expect_err("there is no room");
        assert!(matches!(&error, Error::Io(error) if error.kind() == io::ErrorKind::StorageFull), "{room}: {error}");
    }
}

#[test]
fn a_writer_that_failed_once_does_not_go_on() {
    let mut writer = Writer::new(Full(300), &summary()).expect("room for the summary");
    let mut section = writer.section(header(8, Codec::Stored, false)).expect("nothing is written yet");
    assert!(section.write_all(&vec![0; 1 << 20]).is_err());
    assert!(section.write_all(b"more").is_err());
    assert!(matches!(section.finish(), Err(Error::Usage(_))));
    assert!(matches!(writer.finish(), Err(Error::Usage(_))));
}

#[test]
fn text_cannot_pass_for_an_id_in_the_clear_summary() {
    let summary = Summary { report_id: b"a user's name".to_vec(), ..Default::default() };
    assert!(matches!(Writer::new(Vec::new(), &summary), Err(Error::Usage(_))));
}

#[test]
fn a_codec_of_a_later_version_cannot_be_written() {
    let mut writer = Writer::new(Vec::new(), &summary()).expect("a summary");
    assert!(matches!(writer.section(header(8, Codec::Other(9), false)), Err(Error::Usage(_))));
}

#[test]
fn a_report_declared_incomplete_is_partial() {
    let mut writer = Writer::new(Vec::new(), &summary()).expect("a summary");
    writer.declare_incomplete();
    let report = read(&writer.finish().expect("a report").0).expect("a report");
    assert_eq!(report.status(), Status::Partial);
    assert_eq!(report.losses(), [Loss::Declared]);
}

#[test]
fn nothing_readable_stands_outside_compressed_frames() {
    let mut writer = Writer::new(Vec::new(), &summary()).expect("a summary");
    let product = Product { name: "Ledger Ledger Ledger Ledger Ledger".into(), ..Default::default() };
    writer.write_message(SectionKind::Product, Category::Essential, &product).expect("a message");
    let (bytes, ..) = writer.finish().expect("a report");
    if cfg!(feature = "zstd") {
        let text = bytes.windows(13).any(|window| window == b"Ledger Ledger");
        assert!(!text, "the message stands in clear");
    }
    let report = read(&bytes).expect("a report");
    assert_eq!(report.message::<Product>(SectionKind::Product).expect("a message"), Some(product));
    assert_eq!(report.message::<Product>(SectionKind::Error).expect("none"), None);
}

#[test]
fn a_section_that_is_no_message_is_an_error_that_names_it() {
    let bytes = common::report(&[(header(SectionKind::Product as u16, Codec::Stored, false), vec![0xff; 20])]);
    let report = read(&bytes).expect("a report");
    assert_eq!(report.status(), Status::Complete);
    let error = report.message::<Product>(SectionKind::Product).expect_err("not a message");
    assert!(error.to_string().contains("section 1 is no valid SECTION_KIND_PRODUCT message"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn the_header_of_a_known_kind_is_ignorable_and_compressed() {
    let header = SectionHeader::new(SectionKind::Minidump, Category::Memory);
    let report = read(&common::report(&[(header, vec![1; 100])])).expect("a report");
    let section = &report.sections()[0];
    assert_eq!((section.kind(), section.state), (Some(SectionKind::Minidump), SectionState::Whole));
    assert_eq!(section.header.codec == Codec::Zstd, cfg!(feature = "zstd"));
}

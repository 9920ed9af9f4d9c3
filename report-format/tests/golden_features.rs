//! `testkit/good`: what a report can have, each in a file of its own and in both codecs; see `golden.rs`.
#![cfg(feature = "zstd")]

mod common;

use std::{fs, io, io::Write, path::Path};

use common::{
    Frame,
    golden::{golden, outcome},
    hand_made, header, read, report, stored, summary,
};
use prost::Message;
use report_format::{
    Codec, SectionHeader, Writer,
    memory::{self, PAGE, Source},
    schema::v1::{
        Attachment, Category, MemoryRegion, MemoryRegions, Product, RedactedField, RedactedSections, Redaction,
        SectionKind,
    },
};

fn product() -> Product {
    Product { name: "Ledger".into(), version: "1.2.3".into(), ..Default::default() }
}

/// The same sections stored and compressed, as `NAME-stored` and `NAME-zstd`.
fn in_both_codecs(names: [&str; 2], sections: &[(u16, Vec<u8>)]) {
    for (name, codec) in names.into_iter().zip([Codec::Stored, Codec::Zstd]) {
        let sections: Vec<_> = sections.iter().map(|(kind, raw)| (header(*kind, codec, false), raw.clone())).collect();
        golden("good", name, "status: complete", &report(&sections));
    }
}

#[test]
fn an_empty_section_and_its_neighbours() {
    in_both_codecs(
        ["empty-between-stored", "empty-between-zstd"],
        &[(0x8000, b"before".to_vec()), (0x8001, Vec::new()), (0x8002, b"behind".to_vec())],
    );
}

#[test]
fn a_section_of_each_kind_of_message() {
    let messages =
        (1..=26).filter(|kind| !matches!(kind, 8 | 19 | 21..=24)).map(|kind| (kind, Vec::new())).collect::<Vec<_>>();
    in_both_codecs(["each-kind-stored", "each-kind-zstd"], &messages);
}

#[test]
fn several_sections_of_a_kind() {
    let attachment = |name: &str| {
        let content = format!("the content of {name}").into_bytes();
        let attachment = Attachment { name: name.into(), media_type: "text/plain".into(), content, original_size: 100 };
        (18, attachment.encode_to_vec())
    };
    in_both_codecs(["attachments-stored", "attachments-zstd"], &[attachment("log"), attachment("settings")]);
}

#[test]
fn fields_that_a_later_version_added_are_kept() {
    // Field 900, of each wire type; and field 1000 inside.
    let mut raw = product().encode_to_vec();
    raw.extend([0xa0, 0x38, 0x2a]);
    raw.extend([0xa1, 0x38, 1, 2, 3, 4, 5, 6, 7, 8]);
    raw.extend([0xa2, 0x38, 3, 0xc0, 0x3e, 7]);
    raw.extend([0xa5, 0x38, 1, 2, 3, 4]);
    in_both_codecs(["unknown-fields-stored", "unknown-fields-zstd"], &[(1, raw.clone())]);
    assert_eq!(
        read(&report(&[(header(1, Codec::Zstd, false), raw.clone())])).expect("a report").sections()[0].bytes,
        raw
    );
}

#[test]
fn a_report_attached_to_a_report() {
    let inner = report(&[(header(0x8000, Codec::Stored, false), b"inside".to_vec())]);
    in_both_codecs(["report-in-report-stored", "report-in-report-zstd"], &[(0x8001, inner)]);
}

#[test]
fn chunks_may_be_of_any_size() {
    for (name, codec) in [("small-chunks-stored", Codec::Stored), ("small-chunks-zstd", Codec::Zstd)] {
        let mut writer = Writer::new(Vec::new(), &summary()).expect("a summary");
        let mut section = writer.section(header(8, codec, false)).expect("a section");
        for length in [1, 2, 300, 7] {
            section.write_all(&vec![length as u8; length]).expect("a vector takes everything");
            section.end_chunk().expect("a vector takes everything");
        }
        section.finish().expect("a vector takes everything");
        golden("good", name, "status: complete", &writer.finish().expect("a report").0);
    }
}

#[test]
fn payloads_may_grow_at_their_end() {
    let [data, mut end] = stored(1, 0x8000, b"hello");
    end.payload.extend(b"more");
    golden("good", "longer-section-end", "status: complete", &hand_made(&[data, end], &[(1, 0x8000)]));
}

#[test]
fn free_flags_are_ignored() {
    let [mut data, end] = stored(1, 0x8000, b"hello");
    data.flags = 0x08;
    golden("good", "free-flag", "status: complete", &hand_made(&[data, end], &[(1, 0x8000)]));
}

#[test]
fn a_redacted_report_is_complete_and_says_what_was_left_out() {
    let record = Redaction {
        sections: vec![RedactedSections { kind: 15, count: 2 }],
        fields: vec![RedactedField { kind: 16, path: vec![3], count: 1 }],
    };
    let mut writer = Writer::new(Vec::new(), &summary()).expect("a summary");
    writer.write_message(SectionKind::Product, Category::Essential, &product()).expect("a message");
    writer.write_message(SectionKind::Redaction, Category::Essential, &record).expect("a message");
    golden("good", "redacted", "status: complete", &writer.finish().expect("a report").0);
}

/// Pages by number: each has a pattern of its own, or nothing, or cannot be read.
struct Pages {
    regions: Vec<MemoryRegion>,
    page: fn(u64) -> Option<u64>,
}

impl Source for Pages {
    fn regions(&self) -> &[MemoryRegion] {
        &self.regions
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
        for (at, page) in buffer.chunks_mut(PAGE).enumerate() {
            let seed = (self.page)(address / PAGE as u64 + at as u64).ok_or(io::ErrorKind::InvalidInput)?;
            page.as_chunks_mut::<8>().0.fill(seed.to_le_bytes());
        }
        Ok(())
    }
}

fn region(first: u64, pages: u64) -> MemoryRegion {
    let (address, size) = (first * PAGE as u64, pages * PAGE as u64);
    MemoryRegion { address, size, protection: 3, mapping: "[heap]".into(), ..Default::default() }
}

fn image(source: &Pages) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &summary()).expect("a summary");
    let options = memory::Options { threads: 1, ..Default::default() };
    memory::encode(&mut writer, source, &options).expect("an image");
    writer.finish().expect("a report").0
}

#[test]
fn memory_images() {
    let five = Pages {
        regions: vec![region(16, 5)],
        page: |page| [Some(0), Some(42), Some(66), Some(42), None][page as usize - 16],
    };
    let many = Pages { regions: vec![region(16, 300), region(400, 400)], page: |page| Some(page % 350) };
    let nothing = Pages { regions: Vec::new(), page: |_| None };
    let zeros = Pages { regions: vec![region(0x7fff_0000_0000, 3), region(0x7fff_0000_0003, 1)], page: |_| Some(0) };
    let unreadable = Pages { regions: vec![region(1, 2)], page: |_| None };
    for (name, source) in [
        ("memory", five),
        ("memory-several-blocks", many),
        ("memory-without-regions", nothing),
        ("memory-zeros", zeros),
        ("memory-unreadable", unreadable),
    ] {
        golden("good", name, "status: complete", &image(&source));
    }
}

#[test]
fn a_memory_image_needs_no_index() {
    // One stored page, in a block as section 10 of the format has it.
    let block = [
        &[0; 8][..],
        &[1, 0, 0, 0, 1, 0, 0, 0],
        &0x10000_u64.to_le_bytes(),
        &[1, 0, 0, 0, 1, 0, 0, 0],
        &[0; 8],
        &[7; PAGE],
    ];
    let mut writer = Writer::new(Vec::new(), &summary()).expect("a summary");
    let regions = MemoryRegions { regions: vec![region(16, 1)], erased: Vec::new() };
    writer.write_message(SectionKind::MemoryRegions, Category::FullMemory, &regions).expect("a message");
    let header = SectionHeader::new(SectionKind::MemoryImage, Category::FullMemory);
    let mut section = writer.section(header).expect("a section");
    section.write_all(&block.concat()).expect("a vector takes everything");
    section.finish().expect("a vector takes everything");
    golden("good", "memory-without-index", "status: complete", &writer.finish().expect("a report").0);
}

/// No writer makes such a block, and yet all readers have to say the same of it.
#[test]
fn pages_outside_of_all_regions_are_nobodys() {
    // One run of six stored pages; regions are its second page, and its third and fourth.
    let block = [
        &[0; 8][..],
        &[1, 0, 0, 0, 6, 0, 0, 0],
        &0xf000_u64.to_le_bytes(),
        &[6, 0, 0, 0, 1, 0, 0, 0],
        &[0; 8],
        &[7; 6 * PAGE],
    ];
    let mut writer = Writer::new(Vec::new(), &summary()).expect("a summary");
    let regions = MemoryRegions { regions: vec![region(16, 1), region(17, 2)], erased: Vec::new() };
    writer.write_message(SectionKind::MemoryRegions, Category::FullMemory, &regions).expect("a message");
    let header = SectionHeader::new(SectionKind::MemoryImage, Category::FullMemory);
    let mut section = writer.section(header).expect("a section");
    section.write_all(&block.concat()).expect("a vector takes everything");
    section.finish().expect("a vector takes everything");
    golden("good", "memory-outside-regions", "status: complete", &writer.finish().expect("a report").0);
}

#[test]
fn memory_with_a_lost_block_has_the_other_pages() {
    let many = Pages { regions: vec![region(16, 700)], page: |page| Some(page % 650) };
    let mut bytes = image(&many);
    let blocks: Vec<_> = common::frames(&bytes)
        .into_iter()
        .filter(|frame| bytes[frame.start + 4] == 2 && bytes[frame.start + 8] == 19)
        .collect();
    assert!(blocks.len() >= 3, "only {} blocks", blocks.len());
    let middle = blocks[1].start + 50;
    bytes[middle] ^= 1;
    golden("must-fail", "memory-lost-block", "status: corrupt", &bytes);
    bytes[middle] ^= 1;
    golden("must-fail", "memory-cut", "status: partial", &bytes[..blocks[1].end]);
}

#[test]
fn unknown_ignorable_frames_stand_anywhere() {
    let unknown = || Frame { frame_type: 0xfe, payload: b"later".to_vec(), ..Frame::default() };
    let [data, end] = stored(1, 0x8000, b"hello");
    let frames = [unknown(), data, unknown(), end, unknown()];
    golden("good", "unknown-ignorable-frames", "status: complete", &hand_made(&frames, &[(1, 0x8000)]));
}

/// These files were made by version 1.0 and are never made again.
#[test]
fn reports_of_version_1_0_are_read_as_they_were() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testkit/good/v1.0");
    let mut count = 0;
    for file in fs::read_dir(folder).expect("the testkit is there") {
        let path = file.expect("readable").path();
        if path.extension().is_some_and(|extension| extension == "report") {
            let expected = fs::read_to_string(path.with_extension("txt")).expect("each has its outcome");
            assert_eq!(outcome(&fs::read(&path).expect("readable")), expected, "{}", path.display());
            count += 1;
        }
    }
    assert!(count >= 10, "only {count} files");
}

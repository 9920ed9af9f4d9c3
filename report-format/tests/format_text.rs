//! The examples in `proto/FORMAT.md` are what the library writes.
#![cfg(feature = "zstd")]

use std::{fs, io, path::Path};

use report_format::{
    Decoder, Event, Limits, Summary, Writer,
    memory::{self, PAGE, Source},
    schema::v1::{MemoryRegion, SectionKind},
};

fn text() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/FORMAT.md")).expect("readable")
}

/// The bytes of a section's hex blocks, in order.
fn examples(section: u32) -> Vec<Vec<u8>> {
    let text = text();
    let section = text.split("\n## ").find(|text| text.starts_with(&format!("{section}."))).expect("a section");
    let blocks = section.split("```hex\n").skip(1).map(|rest| rest.split("```").next().expect("the rest"));
    blocks.map(bytes_of).collect()
}

fn bytes_of(block: &str) -> Vec<u8> {
    let byte = |digits| u8::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("no hexadecimal byte: {digits}"));
    let lines = block.lines().map(|line| line.split('#').next().unwrap_or_default());
    lines
        .flat_map(|line| match line.split_once('*') {
            Some((digits, times)) => vec![byte(digits.trim()); times.trim().parse().expect("how often")],
            None => line.split_whitespace().map(byte).collect(),
        })
        .collect()
}

/// The memory of section 15.
struct FivePages([MemoryRegion; 1]);

impl Source for FivePages {
    fn regions(&self) -> &[MemoryRegion] {
        &self.0
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
        const PAGES: [Option<u8>; 5] = [Some(0), Some(0x2a), Some(0x42), Some(0x2a), None];
        let first = (address - self.0[0].address) as usize / PAGE;
        for (page, content) in buffer.chunks_mut(PAGE).zip(&PAGES[first..]) {
            page.fill(content.ok_or(io::ErrorKind::InvalidInput)?);
        }
        Ok(())
    }
}

/// The raw bytes of the first section of a kind.
fn section(report: &[u8], kind: SectionKind) -> Vec<u8> {
    let mut decoder = Decoder::new(Limits::default());
    decoder.push(report);
    decoder.finish();
    let (mut wanted, mut raw) = (None, Vec::new());
    while let Some(event) = decoder.next().expect("a report") {
        match event {
            Event::SectionBegin { ordinal, header } if header.kind == kind as u16 => wanted = Some(ordinal),
            Event::SectionData { ordinal, bytes, .. } if wanted == Some(ordinal) => raw.extend(bytes),
            _ => {}
        }
    }
    raw
}

#[test]
fn the_image_of_memory_is_what_the_encoder_writes() {
    let region = MemoryRegion { address: 0x10000, size: 5 * PAGE as u64, protection: 3, ..Default::default() };
    let mut writer = Writer::new(Vec::new(), &Summary::default()).expect("a summary");
    memory::encode(&mut writer, &FivePages([region]), &memory::Options::default()).expect("an image");
    let (report, ..) = writer.finish().expect("a report");
    let examples = examples(15);
    assert_eq!(examples.len(), 2);
    let image = section(&report, SectionKind::MemoryImage);
    // The extents are worth showing, the pages are not.
    assert_eq!(image[..image.len().min(112)], examples[0][..112]);
    assert!(image == examples[0], "the pages are others");
    assert_eq!(section(&report, SectionKind::MemoryIndex), examples[1]);
}

#[cfg(feature = "seal")]
#[test]
fn the_id_of_a_key_is_what_the_library_makes_of_it() {
    let text = text();
    // Between backquotes: the key, some words, its id.
    let mut quoted = text.split('`').skip_while(|text| !(text.starts_with("age1") && text.len() == 62));
    let key: report_format::seal::PublicKey = quoted.next().expect("an example").parse().expect("a public key");
    assert_eq!(quoted.nth(1), Some(key.id().to_string().as_str()));
}

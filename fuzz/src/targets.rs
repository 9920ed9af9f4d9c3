//! What each fuzz target does with an input. The test `fuzz_replay` of report-format runs the same functions over all
//! corpora and regressions, without a fuzzer.

use std::io::Write;

use report_format::{Codec, Decoder, Event, Limits, Report, SectionHeader, SectionState, Status, Summary, Writer};

fn limits() -> Limits {
    Limits { raw_total: 16 << 20, ..Limits::default() }
}

/// Any input: no panic, and complete only if reading it again as its own rewrite gives the same.
///
/// The input is also read with its checksums made right, or mutations would never come past them.
pub fn decode(input: &[u8]) {
    for input in [input, &mended(input)] {
        let Ok(report) = Report::read(input, &limits()) else { continue };
        assert_eq!(report.status() == Status::Complete, report.loss_count() == 0, "{:?}", report.losses());
        if report.status() == Status::Complete {
            let sections = report.sections();
            assert!(sections.iter().all(|section| section.state != SectionState::Incomplete));
            assert!(report.summary().is_some() && report.digest().is_some());
        }
    }
}

/// Any input, split anywhere: the same events.
pub fn split(input: &[u8]) {
    let Some((&seed, input)) = input.split_first() else { return };
    let input = mended(input);
    let at_once = events([&input[..]]);
    assert_eq!(events(input.chunks(usize::from(seed) + 1)), at_once);
    let (left, right) = input.split_at(input.len() * usize::from(seed) / 256);
    assert_eq!(events([left, right]), at_once);
}

fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, Option<String>, Status) {
    let mut decoder = Decoder::new(limits());
    let mut events = Vec::new();
    let mut pieces = pieces.into_iter();
    loop {
        let piece = pieces.next();
        match piece {
            Some(piece) => decoder.push(piece),
            None => decoder.finish(),
        }
        loop {
            match decoder.next() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return (events, Some(error.to_string()), decoder.status()),
            }
        }
        if piece.is_none() {
            return (events, None, decoder.status());
        }
    }
}

/// Sections taken from the input are written, read back, and read again with one bit flipped.
pub fn roundtrip(input: &[u8]) {
    let Some((flip, mut input)) = input.split_first_chunk::<4>() else { return };
    let mut sections = Vec::new();
    while let Some((&[kind, flags, low, high], rest)) = input.split_first_chunk::<4>() {
        let (bytes, rest) = rest.split_at(usize::from(u16::from_le_bytes([low, high])).min(rest.len()));
        input = rest;
        let codec = if flags & 2 == 0 { Codec::Stored } else { Codec::Zstd };
        let header = SectionHeader { kind: u16::from(kind), category: u16::from(flags >> 2), codec, critical: false };
        // Long sections from short inputs: few, or each run takes long, repeat their bytes past the size of a chunk.
        let repeat = if flags >= 0xfc && sections.len() < 2 { (1 << 20) / bytes.len().max(1) + 1 } else { 1 };
        sections.push((header, bytes.repeat(repeat)));
    }
    let mut writer = Writer::new(Vec::new(), &Summary::default()).expect("an empty summary is a summary");
    for (header, bytes) in &sections {
        let mut section = writer.section(*header).expect("few sections");
        section.write_all(bytes).expect("a vector takes everything");
        section.finish().expect("a vector takes everything");
    }
    let (mut bytes, ..) = writer.finish().expect("all sections are finished");
    let limits = Limits { raw_total: 1 << 40, ..limits() };
    let report = Report::read(&bytes[..], &limits).expect("a report");
    assert_eq!(report.status(), Status::Complete, "{:?}", report.losses());
    assert_eq!(report.sections().len(), sections.len());
    for (read, (header, raw)) in report.sections().iter().zip(&sections) {
        assert_eq!((read.header.kind, read.header.category), (header.kind, header.category));
        assert!(read.bytes == *raw && read.state == SectionState::Whole);
    }
    let bit = u32::from_le_bytes(*flip) as usize % (bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
    if let Ok(report) = Report::read(&bytes[..], &limits) {
        assert_ne!(report.status(), Status::Complete, "bit {bit}");
    }
}

/// The input with each checksum made right, and each frame's report id that of the first.
fn mended(input: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    if bytes.len() >= 16 && bytes[0] == 0x8f {
        let crc = crc32c::crc32c(&bytes[..12]);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    }
    let mut report = None;
    let mut at = 0;
    while at + 44 <= bytes.len() {
        if bytes[at..at + 4] != *b"\xf5RF\xc1" {
            at += 1;
            continue;
        }
        let length = u32::from_le_bytes([bytes[at + 32], bytes[at + 33], bytes[at + 34], bytes[at + 35]]) as usize;
        let payload_end = (at + 40).saturating_add(length);
        let whole = payload_end.saturating_add(4) <= bytes.len();
        if whole {
            let crc = crc32c::crc32c(&bytes[at + 40..payload_end]).to_le_bytes();
            bytes[payload_end..payload_end + 4].copy_from_slice(&crc);
            // The first frame is a summary, whose checksum is what all frames name.
            let report = *report.get_or_insert(crc);
            bytes[at + 12..at + 16].copy_from_slice(&report);
        }
        let crc = crc32c::crc32c(&bytes[at..at + 36]).to_le_bytes();
        bytes[at + 36..at + 40].copy_from_slice(&crc);
        at = if whole { payload_end + 4 } else { at + 4 };
    }
    bytes
}

//! A few bytes that ask for a lot of time or memory end at a limit. Those of them that are in the testkit are tested in `golden.rs`.
#![cfg(feature = "zstd")]

mod common;

use std::io::{self, Cursor, Read};
use std::time::{Duration, Instant};

use common::{Frame, hand_made, header, read, report, stored};
use report_format::{
    Codec, Error, Limits, Loss, Report, ReportFile, SectionState, Status,
    rewrite::{Redact, recover, redact},
    schema::v1::{Actions, Diagnostics, MemoryRegion, MemoryRegions, Product, SectionKind, Stacks},
};

/// Far more than any of these takes without optimisation on a slow machine, far less than what they ask for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A Zstandard frame of as many blocks as fit into a chunk, each of which says in 4 bytes: 128 KiB of zeros. 34 GB in all.
fn endless(declared: Option<u32>) -> Vec<u8> {
    let mut frame = 0xfd2f_b528_u32.to_le_bytes().to_vec();
    match declared {
        // A window of 128 KiB, and no content size.
        None => frame.extend([0x00, 0x38]),
        // Single segment, content size of 4 bytes.
        Some(declared) => {
            frame.push(0xa0);
            frame.extend(declared.to_le_bytes());
        }
    }
    let block = |last: u32| ((128 << 10) << 3 | 1 << 1 | last).to_le_bytes();
    while frame.len() < 1 << 20 {
        frame.extend(&block(0)[..3]);
        frame.push(0);
    }
    frame.extend(&block(1)[..3]);
    frame.push(0);
    frame
}

/// The most memory that this process ever had, in bytes: what C libraries took is in it. Tests that share a process share it as well, so
/// that it bounds them all.
fn peak() -> u64 {
    #[cfg(target_os = "linux")]
    {
        let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("its most memory");
        let kibibytes: u64 = line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number");
        kibibytes << 10
    }
    #[cfg(not(target_os = "linux"))]
    0
}

/// What these tests take together: their inputs, a few copies of the largest, and what a test program takes by itself.
const MEMORY: u64 = 512 << 20;

fn of_chunk(payload: Vec<u8>) -> Vec<u8> {
    let data = Frame { frame_type: 2, codec: 1, kind: 8, section: 1, payload, ..Frame::default() };
    hand_made(&[data], &[(1, 8)])
}

#[test]
fn a_chunk_that_inflates_without_end_is_not_inflated() {
    let begun = Instant::now();
    for declared in [None, Some(1), Some(1 << 20)] {
        let bytes = of_chunk(endless(declared));
        let report = read(&bytes).expect("a report");
        assert_eq!(report.status(), Status::Corrupt);
        assert!(report.losses().contains(&Loss::Undecodable { ordinal: 1, offset: 0 }), "{:?}", report.losses());
        assert!(report.sections().iter().all(|section| section.bytes.is_empty()));
    }
    assert!(begun.elapsed() < PATIENCE);
    assert!(peak() < MEMORY, "{} bytes", peak());
}

#[test]
fn a_chunk_that_declares_too_much_is_a_limit_for_every_reader() {
    for declared in [(1 << 20) + 1, u32::MAX] {
        let bytes = of_chunk(endless(Some(declared)));
        let limits = Limits::default();
        let mut file = ReportFile::open(Cursor::new(&bytes), &limits).expect("its beginning is right");
        let section = file.sections()[0];
        let errors = [
            read(&bytes).expect_err("a bomb"),
            file.section(&section).expect_err("a bomb"),
            recover(Cursor::new(&bytes), Vec::new(), &limits).expect_err("a bomb"),
            redact(&bytes[..], Vec::new(), &Redact::default().field(8, &[1]), &limits).expect_err("a bomb"),
        ];
        for error in errors {
            assert!(matches!(error, Error::Limit { limit: 0x10_0000, seen, .. } if seen == declared.into()), "{error}");
        }
    }
}

/// A report of empty sections that never ends: each is one frame of 52 bytes, made when it is read.
struct Sections {
    beginning: Vec<u8>,
    section: u32,
    /// What was made and not read.
    buffer: Cursor<Vec<u8>>,
    given: usize,
}

impl Sections {
    fn new() -> Self {
        let beginning = report(&[]);
        let first = common::frames(&beginning)[0].end;
        let buffer = Cursor::new(beginning[..first].to_vec());
        Self { beginning, section: 0, buffer, given: 0 }
    }
}

impl Read for Sections {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.buffer.position() as usize == self.buffer.get_ref().len() {
            self.section += 1;
            let [_, end] = stored(self.section, 8, b"");
            let end = Frame { sequence: self.section, payload: vec![0; 8], ..end };
            let report = u32::from_le_bytes(self.beginning[28..32].try_into().expect("4 bytes"));
            self.buffer = Cursor::new(end.bytes(report));
        }
        let read = self.buffer.read(into)?;
        self.given += read;
        Ok(read)
    }
}

#[test]
fn empty_sections_without_end_are_a_limit_at_the_65537th() {
    let begun = Instant::now();
    let limits = Limits::default();
    let is_limit = |error: Error| matches!(error, Error::Limit { limit: 65_536, seen: 65_537, .. });
    let mut endless = Sections::new();
    assert!(is_limit(Report::read(&mut endless, &limits).expect_err("too many")));
    assert!(endless.given < 65_537 * 52 + (1 << 20), "{} bytes were read", endless.given);
    assert!(is_limit(redact(Sections::new(), Vec::new(), &Redact::default(), &limits).expect_err("too many")));

    let mut many = Vec::new();
    Sections::new().take(16 << 20).read_to_end(&mut many).expect("it never fails");
    assert!(is_limit(ReportFile::open(Cursor::new(&many), &limits).expect_err("too many")));
    assert!(is_limit(recover(Cursor::new(&many), io::sink(), &limits).expect_err("too many")));
    assert!(begun.elapsed() < PATIENCE);
    assert!(peak() < MEMORY, "{} bytes", peak());
}

#[test]
fn messages_inside_one_another_are_a_limit_with_its_number() {
    const DEEP: usize = 10_000;
    // Groups that nobody knows, and messages of which each is a field of the one around it.
    let groups = [vec![0x7b; DEEP], vec![0x7c; DEEP]].concat();
    let mut messages = Vec::new();
    for _ in 0..DEEP {
        let mut outer = vec![0x7a];
        prost::encoding::encode_varint(messages.len() as u64, &mut outer);
        outer.append(&mut messages);
        messages = outer;
    }
    let kind = SectionKind::Actions;
    for (message, is_refused) in [(groups, true), (messages, false)] {
        let bytes = report(&[(header(kind as u16, Codec::Zstd, false), message)]);
        let report = read(&bytes).expect("a report");
        assert_eq!(report.sections()[0].state, SectionState::Whole);
        let mut file = ReportFile::open(Cursor::new(&bytes), &Limits::default()).expect("a report");
        for read in [report.message::<Actions>(kind), file.message::<Actions>(kind)] {
            match read {
                Err(Error::Limit { limit: 100, seen: 101, .. }) => assert!(is_refused),
                // What is in a field that nobody knows is not looked at.
                other => assert_eq!(other.expect("a message"), Some(Actions::default())),
            }
        }
        // Who leaves out a field goes no deeper than to it.
        let mut output = Vec::new();
        let redacted = redact(&bytes[..], &mut output, &Redact::default().field(5, &[15, 15, 1]), &Limits::default());
        assert_eq!(redacted.expect("a report").unreadable, u32::from(is_refused));
    }
    assert!(peak() < MEMORY, "{} bytes", peak());
}

/// 64 MiB of a message in a few KiB of file.
fn wide(kind: SectionKind, piece: &[u8]) -> Vec<u8> {
    let bytes = report(&[(header(kind as u16, Codec::Zstd, false), piece.repeat((64 << 20) / piece.len()))]);
    assert!(bytes.len() < 64 << 10, "{} bytes", bytes.len());
    bytes
}

#[test]
fn a_message_of_millions_of_empty_ones_is_a_limit_before_it_is_decoded() {
    let begun = Instant::now();
    let limits = Limits::default();
    let is_limit = |error: Error| matches!(error, Error::Limit { limit: 0x10_0000, seen: 0x10_0001, .. });

    // 32 million regions of memory, 56 bytes each once they are decoded.
    let regions = wide(SectionKind::MemoryRegions, &[0x0a, 0]);
    let whole = read(&regions).expect("a report");
    assert_eq!(whole.status(), Status::Complete);
    assert!(is_limit(whole.message::<MemoryRegions>(SectionKind::MemoryRegions).expect_err("too many")));
    assert!(is_limit(whole.sections()[0].check_message(&limits).expect_err("too many")));
    drop(whole);
    let mut file = ReportFile::open(Cursor::new(&regions), &limits).expect("a report");
    assert!(is_limit(file.message::<MemoryRegions>(SectionKind::MemoryRegions).expect_err("too many")));

    // Threads of a few thousand frames each.
    let frames = [&[0x0a, 0x80, 0x40][..], &[0x22, 0].repeat(4096)].concat();
    let stacks = read(&wide(SectionKind::Stacks, &frames)).expect("a report");
    assert!(is_limit(stacks.message::<Stacks>(SectionKind::Stacks).expect_err("too many")));
    drop(stacks);

    // Numbers, of which each takes a byte here and four in memory, and fields that nobody knows.
    let limits = Limits { fields: 1 << 16, ..limits };
    let is_limit = |error: Error| matches!(error, Error::Limit { limit: 0x1_0000, .. });
    let numbers = [&[0x22, 0x80, 0x80, 0x40][..], &[1; 1 << 20]].concat();
    let numbers = Report::read(&wide(SectionKind::Diagnostics, &numbers)[..], &limits).expect("a report");
    assert!(is_limit(numbers.message::<Diagnostics>(SectionKind::Diagnostics).expect_err("too many")));
    drop(numbers);
    let unknown = Report::read(&wide(SectionKind::Product, &[0xc0, 0x3e, 1])[..], &limits).expect("a report");
    assert!(is_limit(unknown.message::<Product>(SectionKind::Product).expect_err("too many")));
    assert!(begun.elapsed() < PATIENCE);
    assert!(peak() < MEMORY, "{} bytes", peak());
}

#[test]
fn a_message_as_wide_as_an_honest_one_is_read() {
    let region =
        MemoryRegion { address: 0x1000, size: 0x1000, protection: 3, mapping: "[heap]".into(), ..Default::default() };
    let message = MemoryRegions { regions: vec![region; 262_144], erased: Vec::new() };
    let raw = prost::Message::encode_to_vec(&message);
    let kind = SectionKind::MemoryRegions;
    let report = read(&report(&[(header(kind as u16, Codec::Zstd, false), raw)])).expect("a report");
    assert_eq!(report.message::<MemoryRegions>(kind).expect("a message"), Some(message));
    let fewer = Limits { messages: 262_143, ..Limits::default() };
    assert!(report.sections()[0].check_message(&fewer).is_err());
}

#[test]
fn a_table_of_regions_beyond_all_memory_is_a_limit() {
    let region = MemoryRegion { address: 0x1000, size: 1 << 60, ..Default::default() };
    let regions = MemoryRegions { regions: vec![region], erased: Vec::new() };
    let bytes = report(&[
        (header(SectionKind::MemoryRegions as u16, Codec::Stored, false), prost::Message::encode_to_vec(&regions)),
        (header(SectionKind::MemoryImage as u16, Codec::Stored, false), Vec::new()),
    ]);
    let mut file = ReportFile::open(Cursor::new(&bytes), &Limits::default()).expect("a report");
    let error = file.memory().expect_err("too much");
    assert!(matches!(error, Error::Limit { seen, .. } if seen == 1 << 60), "{error}");
    assert!(peak() < MEMORY, "{} bytes", peak());
}

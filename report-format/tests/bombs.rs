//! A few bytes that ask for a lot of time or memory end at a limit. Bombs in memory images are tested in `memory.rs`, those that are
//! in the testkit in `golden.rs`.
#![cfg(feature = "zstd")]

mod common;

use std::io::{self, Cursor, Read};
use std::time::{Duration, Instant};

use common::{Frame, hand_made, header, read, report, stored};
use report_format::{
    Codec, Error, Limits, Loss, Report, ReportFile, SectionState, Status,
    rewrite::{Redact, recover, redact},
    schema::v1::{Actions, SectionKind},
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
}

//! `testkit/must-fail`: what can happen to a report on its way, and what no writer would write; see `golden.rs`.
#![cfg(feature = "zstd")]

mod common;

use std::io::Cursor;

use common::{Frame, frames, golden::golden, hand_made, header, report, stored, summary};
use report_format::{Codec, Limits, Writer, rewrite::recover};

/// Three sections; the middle one has three chunks.
fn three_sections() -> Vec<u8> {
    let [one, one_end] = stored(1, 0x8000, b"one");
    let [three, three_end] = stored(3, 0x8002, b"three");
    let chunk = |at: u64, raw: &[u8]| Frame {
        frame_type: 2,
        kind: 0x8001,
        section: 2,
        offset: at,
        payload: raw.to_vec(),
        ..Frame::default()
    };
    let end = Frame {
        frame_type: 3,
        kind: 0x8001,
        section: 2,
        offset: 9,
        payload: [3_u32.to_le_bytes(), crc32c::crc32c(b"twotwotwo").to_le_bytes()].concat(),
        ..Frame::default()
    };
    let all = [one, one_end, chunk(0, b"two"), chunk(3, b"two"), chunk(6, b"two"), end, three, three_end];
    hand_made(&all, &[(1, 0x8000), (2, 0x8001), (3, 0x8002)])
}

/// A report of the frames with these numbers, in this order.
fn only(bytes: &[u8], numbers: &[usize]) -> Vec<u8> {
    let all = frames(bytes);
    let mut picked = bytes[..16].to_vec();
    numbers.iter().for_each(|&number| picked.extend(&bytes[all[number].clone()]));
    picked
}

#[test]
fn frames_that_are_missing_are_told() {
    let bytes = three_sections();
    let count = frames(&bytes).len();
    let without = |lost: &[usize]| only(&bytes, &(0..count).filter(|at| !lost.contains(at)).collect::<Vec<_>>());
    golden("must-fail", "lost-first-summary", "status: partial", &without(&[0]));
    golden("must-fail", "lost-section", "status: partial", &without(&[3, 4, 5, 6]));
    golden("must-fail", "lost-middle-chunk", "status: partial", &without(&[4]));
    golden("must-fail", "lost-first-chunk", "status: partial", &without(&[3]));
    golden("must-fail", "lost-last-chunk", "status: partial", &without(&[5]));
    golden("must-fail", "lost-section-end", "status: partial", &without(&[6]));
    golden("must-fail", "lost-end-of-one-and-start-of-next", "status: partial", &without(&[6, 7]));
    golden("must-fail", "lost-last-summary", "status: partial", &without(&[9]));
    golden("must-fail", "lost-index", "status: partial", &without(&[10]));
    golden("must-fail", "lost-end", "status: partial", &without(&[11]));
    golden("must-fail", "lost-section-and-index", "status: partial", &without(&[3, 4, 5, 6, 10]));
}

/// Frames with flag 0x10 change what they hold in a way that only a later version knows.
#[test]
fn frames_that_are_passed_over_excuse_what_follows_from_it() {
    let chunks = |second: &[u8]| {
        let chunk =
            |offset, payload: &[u8]| Frame { offset, payload: payload.to_vec(), ..stored(1, 0x8000, b"")[0].clone() };
        let [_, end] = stored(1, 0x8000, b"onetwothree");
        let end = Frame { payload: [&3_u32.to_le_bytes()[..], &end.payload[4..]].concat(), ..end };
        [chunk(0, b"one"), chunk(3, second), chunk(6, b"three"), end]
    };
    let [two, two_end] = stored(2, 0x8001, b"two");
    let index = [(1, 0x8000), (2, 0x8001)];
    for (name, later) in [
        ("passed-over-section", &[0, 1, 2, 3][..]),
        ("passed-over-first-chunk", &[0]),
        ("passed-over-middle-chunk", &[1]),
        ("passed-over-section-end", &[3]),
    ] {
        let mut frames = [&chunks(b"two")[..], &[two.clone(), two_end.clone()]].concat();
        later.iter().for_each(|&at| frames[at].flags = 0x10);
        golden("must-fail", name, "status: partial", &hand_made(&frames, &index));
    }
    // One that may be ignored excuses nothing, and does not hide that others are missing.
    let ignorable = Frame { frame_type: 99, ..Frame::default() };
    let [three, three_end] = stored(3, 0x8002, b"three");
    let index = [(1, 0x8000), (2, 0x8001), (3, 0x8002)];
    let [one, one_end] = stored(1, 0x8000, b"one");
    let frames = [one, one_end, two, two_end, ignorable, three, three_end];
    let lost = only(&hand_made(&frames, &index), &[0, 1, 2, 5, 6, 7, 8, 9, 10]);
    golden("must-fail", "lost-section-before-ignorable-frame", "status: partial", &lost);
    let never = [&frames[..2], &frames[4..]].concat();
    golden("must-fail", "ignorable-frame-for-a-section", "status: corrupt", &hand_made(&never, &index));
}

#[test]
fn a_closing_summary_that_is_passed_over_costs_only_itself() {
    use sha2::{Digest, Sha256};
    let mut bytes = three_sections();
    let all = frames(&bytes);
    let (summary, end) = (all[9].start, all[11].start);
    bytes[summary + 5] = 0x10;
    let crc = crc32c::crc32c(&bytes[summary..summary + 36]).to_le_bytes();
    bytes[summary + 36..summary + 40].copy_from_slice(&crc);
    let report = u32::from_le_bytes(bytes[28..32].try_into().expect("four bytes"));
    bytes.truncate(end);
    let payload = Sha256::digest(&bytes).to_vec();
    let end = Frame { frame_type: 5, sequence: 11, offset: end as u64, payload, ..Frame::default() };
    bytes.extend(end.bytes(report));
    golden("must-fail", "passed-over-summary", "status: partial", &bytes);
}

#[test]
fn a_chunk_that_cannot_be_decompressed_costs_only_itself() {
    let chunk =
        |offset, payload| Frame { frame_type: 2, codec: 1, kind: 8, section: 1, offset, payload, ..Frame::default() };
    let zstd = |raw: &[u8]| zstd::bulk::compress(raw, 1).expect("zstd compresses");
    let [_, end] = stored(1, 8, b"onetwothree");
    let end = Frame { codec: 1, payload: [&3_u32.to_le_bytes()[..], &end.payload[4..]].concat(), ..end };
    let frames = [chunk(0, zstd(b"one")), chunk(3, b"no frame".to_vec()), chunk(6, zstd(b"three")), end];
    golden("must-fail", "undecodable-middle-chunk", "status: corrupt", &hand_made(&frames, &[(1, 8)]));
}

#[test]
fn what_stands_where_its_type_may_not_is_told_and_read() {
    use prost::Message;
    let [one, one_end] = stored(1, 0x8000, b"one");
    let [two, two_end] = stored(2, 0x8001, b"two");
    let closing = Frame { frame_type: 1, payload: summary().encode_to_vec(), ..Frame::default() };
    let frames = [one, one_end, closing, two, two_end];
    let index = [(1, 0x8000), (2, 0x8001)];
    golden("must-fail", "section-behind-closing-summary", "status: corrupt", &hand_made(&frames, &index));
}

#[test]
fn a_summary_is_short() {
    let mut summary = prost::Message::encode_to_vec(&summary());
    // An unknown field, as a later version may add one.
    summary.extend([0xa2, 0x38, 0x80, 0x20]);
    summary.resize(summary.len() + 4096, 0);
    let report = crc32c::crc32c(&summary);
    let frame = Frame { frame_type: 1, payload: summary, ..Frame::default() };
    let first = frame.bytes(report);
    let rest = Frame { sequence: 1, ..frame }.bytes(report);
    let bytes = [&three_sections()[..16], &first, &rest].concat();
    golden("must-fail", "summary-too-long", "status: corrupt", &bytes);
}

#[test]
fn what_is_lost_behind_a_gap_is_told_apart_from_it() {
    let [one, end] = stored(1, 0x8000, b"one");
    let later = Frame { offset: 6, flags: 4, ..one.clone() };
    let end = Frame { offset: 12, ..end };
    let last = Frame { offset: 9, ..one.clone() };
    let bytes = hand_made(&[one, later, last, end], &[(1, 0x8000)]);
    golden("must-fail", "gap-and-lost-last-chunk", "status: partial", &only(&bytes, &[0, 1, 2, 4, 5, 6, 7]));
}

#[test]
fn frames_that_come_twice_or_elsewhere_are_told() {
    let bytes = three_sections();
    golden("must-fail", "frame-twice", "status: partial", &only(&bytes, &[0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10, 11]));
    golden("must-fail", "frame-moved-back", "status: partial", &only(&bytes, &[0, 1, 2, 4, 3, 5, 6, 7, 8, 9, 10, 11]));
}

#[test]
fn bytes_around_a_report_are_told() {
    let bytes = three_sections();
    let mail = b"Content-Type: application/vnd.error-report\r\n\r\n".as_slice();
    golden("must-fail", "bytes-before", "status: partial", &[mail, &bytes].concat());
    golden("must-fail", "bytes-behind", "status: partial", &[&bytes, b"\r\n--boundary--\r\n".as_slice()].concat());
    golden("must-fail", "two-reports", "status: partial", &[&bytes[..], &bytes].concat());
}

#[test]
fn what_a_mail_gateway_does_is_told() {
    let bytes = three_sections();
    let all = frames(&bytes);
    // A line of base64 is 57 bytes; here one is lost inside a chunk, and one across two frames.
    let without = |at: usize| [&bytes[..at], &bytes[at + 57..]].concat();
    golden("must-fail", "lost-line", "status: corrupt", &without(all[9].start + 30));
    golden("must-fail", "lost-line-across-frames", "status: corrupt", &without(all[4].start + 20));
    let raw: Vec<u8> = b"a line\r\nanother\r\n".repeat(5);
    let lines = report(&[(header(0x8000, Codec::Stored, false), raw)]);
    let unix: Vec<u8> = lines[16..].iter().copied().filter(|&byte| byte != b'\r').collect();
    golden("must-fail", "line-ends-changed", "status: corrupt", &[&lines[..16], &unix].concat());
    golden("must-fail", "no-preamble", "status: corrupt", &bytes[16..]);
    golden("must-fail", "only-the-end", "status: corrupt", &bytes[all[9].start..]);
}

#[test]
fn a_flipped_version_is_damage_and_no_newer_version() {
    let mut bytes = three_sections();
    bytes[7] = 3;
    golden("must-fail", "flipped-version", "status: corrupt", &bytes);
}

#[test]
fn frames_of_another_report_are_not_taken() {
    let bytes = three_sections();
    let mut writer = Writer::new(Vec::new(), &report_format::Summary { time: 1, ..summary() }).expect("a summary");
    common::write_section(&mut writer, header(0x8000, Codec::Stored, false), b"foreign");
    let other = writer.finish().expect("a report").0;
    let foreign = &other[frames(&other)[1].clone()];
    let at = frames(&bytes)[4].start;
    golden("must-fail", "foreign-frame", "status: corrupt", &[&bytes[..at], foreign, &bytes[at..]].concat());
}

#[test]
fn a_recovered_report_says_what_is_missing() {
    let bytes = three_sections();
    let all = frames(&bytes);
    let recovered = |damaged: &[u8]| {
        let mut output = Vec::new();
        recover(Cursor::new(damaged), &mut output, &Limits::default()).expect("a report");
        output
    };
    let mut flipped = bytes.clone();
    flipped[all[4].start + 41] ^= 1;
    golden("must-fail", "recovered-with-gap", "status: partial", &recovered(&flipped));
    golden("must-fail", "recovered-from-cut", "status: partial", &recovered(&bytes[..all[5].start + 7]));
}

#[test]
fn a_writer_may_say_that_something_is_missing() {
    let mut writer = Writer::new(Vec::new(), &summary()).expect("a summary");
    writer.declare_incomplete();
    golden("must-fail", "declared-incomplete", "status: partial", &writer.finish().expect("a report").0);
}

#[test]
fn numbers_and_sizes_that_no_writer_gives() {
    let frame =
        Frame { frame_type: 2, kind: 8, section: 65_537, payload: b"one too many".to_vec(), ..Frame::default() };
    golden("must-fail", "section-number-too-large", "status: corrupt", &hand_made(&[frame], &[]));
    let [data, end] = stored(1, 8, &vec![0; (1 << 20) + 1]);
    let bytes = hand_made(&[data, end], &[(1, 8)]);
    // The payload may be larger than a chunk, since an encoding may be; a stored chunk may not.
    let cut = frames(&bytes)[1].end;
    assert!(report_format::Report::read(&bytes[..cut], &Limits::default()).is_err());
}

#[test]
fn chunks_that_overlap_are_corrupt() {
    let [first, end] = stored(1, 0x8000, b"hello");
    let again = Frame { offset: 3, payload: b"lo".to_vec(), ..first.clone() };
    golden("must-fail", "chunks-overlap", "status: corrupt", &hand_made(&[first, again, end], &[(1, 0x8000)]));
}

#[test]
fn numbers_that_are_never_given_are_corrupt() {
    let [mut data, mut end] = stored(0, 0x8000, b"hello");
    golden("must-fail", "section-zero", "status: corrupt", &hand_made(&[data.clone(), end.clone()], &[]));
    (data.section, end.section, end.payload[0]) = (1, 1, 2);
    golden("must-fail", "wrong-number-of-chunks", "status: corrupt", &hand_made(&[data, end], &[(1, 0x8000)]));
}

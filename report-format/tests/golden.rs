//! `testkit/`: reports with a name per behaviour, and beside each what a reader must say of it.
//!
//! The files are made here and compared byte for byte, since the writer is deterministic (for compressed ones: as long as
//! the zstd library stays the same; after an update that changes its output run once with `REGENERATE=1`, which rewrites
//! all, and look at the difference). Readers in other languages can be tested with the same files.
#![cfg(feature = "zstd")]

mod common;

use std::{fs, path::Path};

use common::{Frame, frames, golden::golden, hand_made, header, read, report, stored, summary};
use report_format::{Codec, Report, SectionHeader, schema::v1};

/// Bytes that do not compress, the same everywhere.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut step = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| step()).collect()
}

fn stored_header(kind: u16, critical: bool) -> SectionHeader {
    header(kind, Codec::Stored, critical)
}

fn minimal() -> Vec<u8> {
    report(&[(stored_header(0x8000, false), b"hello".to_vec())])
}

#[test]
fn minimal_is_one_stored_section() {
    golden("good", "minimal", "status: complete", &minimal());
}

#[test]
fn a_report_may_have_no_section() {
    golden("good", "no-section", "status: complete", &report(&[]));
}

#[test]
fn several_sections_compressed_and_stored() {
    use prost::Message;
    let product = v1::Product { name: "Ledger".into(), version: "1.2.3".into(), ..Default::default() };
    let sections = [
        (SectionHeader::new(v1::SectionKind::Product, v1::Category::Essential), product.encode_to_vec()),
        (SectionHeader::new(v1::SectionKind::Minidump, v1::Category::Memory), vec![0x4d; 5000]),
        (
            SectionHeader { codec: Codec::Stored, ..SectionHeader::new(v1::SectionKind::Screen, v1::Category::Screen) },
            noise(500),
        ),
    ];
    let bytes = report(&sections);
    golden("good", "several-sections", "status: complete", &bytes);
    let read = read(&bytes).expect("a report");
    assert_eq!(read.message::<v1::Product>(v1::SectionKind::Product).expect("a message"), Some(product));
}

#[test]
fn a_section_may_be_empty() {
    golden("good", "empty-section", "status: complete", &report(&[(stored_header(0x8000, false), Vec::new())]));
}

#[test]
fn a_section_of_several_frames() {
    let raw: Vec<u8> = (0..(5_u32 << 19)).map(|at| (at >> 14) as u8).collect();
    golden("good", "several-frames", "status: complete", &report(&[(header(8, Codec::Zstd, false), raw)]));
}

#[test]
fn an_unknown_ignorable_section_is_kept() {
    let bytes = report(&[(stored_header(0x7fff, false), b"from the future".to_vec())]);
    golden("good", "unknown-ignorable-section", "status: complete", &bytes);
    assert_eq!(read(&bytes).expect("a report").sections()[0].bytes, b"from the future");
}

#[test]
fn an_unknown_codec_in_an_unknown_ignorable_section_is_kept() {
    let mut frames = stored(1, 0x7fff, b"some later encoding");
    frames.iter_mut().for_each(|frame| frame.codec = 77);
    golden("good", "unknown-ignorable-codec", "status: complete", &hand_made(&frames, &[(1, 0x7fff)]));
}

#[test]
fn an_unknown_ignorable_frame_is_passed_over() {
    let unknown = Frame { frame_type: 99, flags: 0x0e, payload: b"later".to_vec(), ..Frame::default() };
    let [data, end] = stored(1, 0x8000, b"hello");
    golden("good", "unknown-ignorable-frame", "status: complete", &hand_made(&[data, unknown, end], &[(1, 0x8000)]));
}

#[test]
fn the_hand_made_report_is_what_the_writer_writes() {
    assert_eq!(hand_made(&stored(1, 0x8000, b"hello"), &[(1, 0x8000)]), minimal());
}

#[test]
fn an_unknown_critical_section_is_reported() {
    let bytes = report(&[(stored_header(0x7fff, true), b"you must know this".to_vec())]);
    golden("must-fail", "unknown-critical-section", "status: partial", &bytes);
}

#[test]
fn an_unknown_codec_of_a_known_section_is_reported() {
    let mut frames = stored(1, 8, b"some later encoding");
    frames.iter_mut().for_each(|frame| frame.codec = 77);
    golden("must-fail", "unknown-codec", "status: partial", &hand_made(&frames, &[(1, 8)]));
}

#[test]
fn frames_that_must_be_understood_are_reported() {
    let unknown = Frame { frame_type: 99, flags: 1, payload: b"later".to_vec(), ..Frame::default() };
    golden("must-fail", "unknown-critical-frame", "status: partial", &hand_made(&[unknown], &[]));
    let mut sealed = stored(1, 8, b"sealed by a later version");
    sealed.iter_mut().for_each(|frame| frame.flags = 0x10);
    golden("must-fail", "unknown-flag", "status: partial", &hand_made(&sealed, &[(1, 8)]));
}

#[test]
fn a_damaged_magic_is_reported() {
    let mut bytes = minimal();
    bytes[1] = b'X';
    golden("must-fail", "bad-magic", "status: corrupt", &bytes);
}

#[test]
fn a_newer_major_version_is_refused() {
    let mut bytes = minimal();
    bytes[7] = 2;
    let crc = crc32c::crc32c(&bytes[..12]);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    golden("must-fail", "newer-major", "error: version of the report container 2 is not supported, only 1 is", &bytes);
}

#[test]
fn cuts_are_partial() {
    let bytes = minimal();
    let data = frames(&bytes)[1].clone();
    golden("must-fail", "cut-in-frame", "status: partial", &bytes[..data.end - 6]);
    golden("must-fail", "cut-between-frames", "status: partial", &bytes[..data.end]);
    golden("must-fail", "cut-in-magic", "error: this is not an error report but the first few bytes", &bytes[..9]);
}

#[test]
fn changed_bytes_are_corrupt() {
    let bytes = minimal();
    let all = frames(&bytes);
    for (name, at) in [
        ("flipped-data", all[1].start + 41),
        ("flipped-header", all[1].start + 16),
        ("flipped-index", all[4].start + 44),
        ("flipped-last-summary", all[3].start + 42),
        ("flipped-digest", all[5].start + 45),
    ] {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        golden("must-fail", name, "status: corrupt", &flipped);
    }
}

#[test]
fn a_wrong_digest_under_right_checksums_is_corrupt() {
    let bytes = minimal();
    let end = frames(&bytes)[5].clone();
    let frame =
        Frame { frame_type: 5, sequence: 5, offset: end.start as u64, payload: vec![0; 32], ..Frame::default() };
    let report = u32::from_le_bytes(bytes[28..32].try_into().expect("four bytes"));
    let forged = [&bytes[..end.start], &frame.bytes(report)].concat();
    golden("must-fail", "wrong-digest", "status: corrupt\n", &forged);
}

#[test]
fn contradictions_are_corrupt() {
    let [data, end] = stored(1, 0x8000, b"hello");
    let entry = [(1, 0x8000)];
    let moved = Frame { offset: 9, ..data.clone() };
    let other_kind = Frame { kind: 0x8001, ..end.clone() };
    let other_length = Frame { offset: 6, ..end.clone() };
    let [later, later_end] = stored(3, 0x8000, b"three");
    let cases = [
        ("section-without-end", hand_made(std::slice::from_ref(&data), &entry)),
        ("chunk-out-of-place", hand_made(&[moved, end.clone()], &entry)),
        ("section-of-two-kinds", hand_made(&[data.clone(), other_kind], &entry)),
        ("wrong-section-length", hand_made(&[data.clone(), other_length], &entry)),
        ("data-after-section-end", hand_made(&[data.clone(), end.clone(), data.clone()], &entry)),
        (
            "section-number-left-out",
            hand_made(&[data.clone(), end.clone(), later, later_end], &[(1, 0x8000), (3, 0x8000)]),
        ),
        ("index-lists-other-kind", hand_made(&[data.clone(), end.clone()], &[(1, 0x8002)])),
        ("index-lists-too-few", hand_made(&[data.clone(), end.clone()], &[])),
        ("index-lists-too-many", hand_made(&[data, end], &[(1, 0x8000), (2, 0x8001)])),
    ];
    for (name, bytes) in cases {
        golden("must-fail", name, "status: corrupt", &bytes);
    }
}

#[test]
fn a_bomb_is_refused_before_it_goes_off() {
    let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 19).expect("zstd compresses zeros");
    assert!(bomb.len() < 8192);
    let frame = Frame { frame_type: 2, codec: 1, kind: 8, section: 1, payload: bomb, ..Frame::default() };
    golden(
        "must-fail",
        "bomb",
        "error: raw bytes in one chunk of a section: 67108864 is over the limit of 1048576",
        &hand_made(&[frame], &[(1, 8)]),
    );
}

#[test]
fn many_small_bombs_are_left_out_from_the_total_on() {
    let one = zstd::bulk::compress(&vec![0; 1 << 20], 1).expect("zstd compresses zeros");
    let frames: Vec<_> = (0..300)
        .map(|at| Frame {
            frame_type: 2,
            codec: 1,
            kind: 8,
            section: 1,
            offset: at << 20,
            payload: one.clone(),
            ..Frame::default()
        })
        .collect();
    golden("must-fail", "many-small-bombs", "status: corrupt", &hand_made(&frames, &[(1, 8)]));
}

#[test]
fn chunks_that_are_no_single_zstd_frame_are_reported() {
    let one = zstd::bulk::compress(b"one", 1).expect("zstd compresses");
    let cases = [("two-zstd-frames", [&one[..], &one].concat()), ("no-zstd-frame", b"plain bytes".to_vec())];
    for (name, payload) in cases {
        let [_, end] = stored(1, 8, b"one");
        let data = Frame { frame_type: 2, codec: 1, kind: 8, section: 1, payload, ..Frame::default() };
        let end = Frame { codec: 1, ..end };
        golden("must-fail", name, "status: corrupt", &hand_made(&[data, end], &[(1, 8)]));
    }
}

#[test]
fn a_skippable_zstd_frame_is_no_empty_chunk() {
    let skippable = [&0x184d_2a50_u32.to_le_bytes()[..], &5_u32.to_le_bytes(), b"clear"].concat();
    let [_, end] = stored(1, 8, b"");
    let data = Frame { frame_type: 2, codec: 1, kind: 8, section: 1, payload: skippable, ..Frame::default() };
    let end = Frame { codec: 1, ..end };
    golden("must-fail", "skippable-zstd-frame", "status: corrupt", &hand_made(&[data, end], &[(1, 8)]));
}

#[test]
fn a_frame_over_the_payload_limit_is_refused() {
    let frame = Frame { frame_type: 2, kind: 8, section: 1, payload: Vec::new(), ..Frame::default() };
    let mut bytes = hand_made(&[frame], &[(1, 8)]);
    let at = frames(&bytes)[1].start;
    bytes[at + 32..at + 36].copy_from_slice(&u32::MAX.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[at..at + 36]);
    bytes[at + 36..at + 40].copy_from_slice(&crc.to_le_bytes());
    golden("must-fail", "endless-frame", "error: bytes in the payload of a frame: 4294967295 is over", &bytes);
}

#[test]
fn other_files_are_named_for_what_they_are() {
    let cases: [(&str, &[u8], &str); 5] = [
        ("text", b"Dear support,\nit crashed again. Please see the attachment.\n", "a text file"),
        ("mail", b"From: a@product.example\r\nTo: b@product.example\r\nSubject: error\r\n\r\nbody\r\n", "an e-mail"),
        ("zip", b"PK\x03\x04\x14\x00\x00\x00\x08\x00", "a zip archive"),
        ("empty", b"", "an empty file"),
        ("text-mode", b"\x8fREPORT\x01\n\x1a\n\x00\x00", "a report that was transferred as text"),
    ];
    for (name, bytes, what) in cases {
        golden("must-fail", name, &format!("error: this is not an error report but {what}: "), bytes);
    }
}

#[test]
fn every_file_in_the_testkit_has_its_test() {
    let source =
        concat!(include_str!("golden.rs"), include_str!("golden_features.rs"), include_str!("golden_damage.rs"));
    let mut count = 0;
    for folder in ["good", "must-fail"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testkit").join(folder);
        for file in fs::read_dir(folder).expect("the testkit is there") {
            let path = file.expect("readable").path();
            if path.is_dir() {
                continue;
            }
            let stem = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
            assert!(source.contains(&format!("\"{stem}\"")), "{stem} has no test");
            count += 1;
        }
    }
    assert!(count > 60, "only {count} files");
}

#[test]
fn format_md_shows_the_minimal_report_byte_for_byte() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/FORMAT.md")).expect("readable");
    let block = text.split("```hex\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a hex block");
    let mut bytes = Vec::new();
    for line in block.lines() {
        let digits = line.split('#').next().unwrap_or_default();
        for byte in digits.split_whitespace() {
            bytes.push(u8::from_str_radix(byte, 16).unwrap_or_else(|_| panic!("no hexadecimal byte: {byte}")));
        }
    }
    assert_eq!(bytes, minimal());
}

#[test]
fn the_summary_alone_can_be_read_from_either_end() {
    let bytes = minimal();
    let all = frames(&bytes);
    let first: Report = read(&bytes[..all[0].end]).expect("the start of a report");
    assert_eq!(first.summary(), Some(&summary()));
    let last = read(&bytes[all[3].start..]).expect("the end of a report");
    assert_eq!(last.summary(), Some(&summary()));
}

//! What is whole of a damaged report is saved, and what is not is counted.
#![cfg(feature = "zstd")]

mod common;

use std::io::Cursor;

use common::{Frame, frames, hand_made, header, read, report, small, stored, summary};
use proptest::prelude::*;
use report_format::{
    Codec, Decoder, Error, Event, Limits, Loss, Report, SectionState, Status,
    rewrite::{Recovered, recover},
    schema::v1::{LostSections, Recovery, SectionKind},
};

fn recovered(bytes: &[u8]) -> (Vec<u8>, Recovered) {
    let mut output = Vec::new();
    let recovered = recover(Cursor::new(bytes), &mut output, &Limits::default()).expect("a report");
    (output, recovered)
}

/// What holds for every recovery, and the report that came of it.
fn check(damaged: &[u8]) -> (Report, Recovered) {
    let (output, recovered) = recovered(damaged);
    let report = read(&output).expect("a report");
    assert_ne!(report.status(), Status::Corrupt, "{:?}", report.losses());
    assert_eq!(recovered.bytes, output.len() as u64);
    assert_eq!(Some(recovered.digest), report.digest());
    assert_eq!(recovered.sections as usize, report.sections().len());
    let records = |sections: &[report_format::Section]| {
        sections.iter().filter(|section| section.kind() == Some(SectionKind::Recovery)).count()
    };
    let old = records(read(damaged).expect("a report").sections());
    assert_eq!(records(report.sections()), old + usize::from(recovered.recovery.is_some()));
    let (again, nothing) = self::recovered(&output);
    assert_eq!(nothing.recovery, None, "{:?}", nothing.losses);
    assert_eq!(again, output, "recovering is not idempotent");
    assert_eq!(chunks(&output, true), chunks(damaged, false), "not every chunk came back");
    (report, recovered)
}

/// Kind, place and bytes of each chunk, without those of the records of recoveries made now.
fn chunks(bytes: &[u8], without_last_record: bool) -> Vec<(u16, u64, Vec<u8>)> {
    let mut decoder = Decoder::new(Limits::default());
    decoder.push(bytes);
    decoder.finish();
    let mut chunks = Vec::new();
    let mut kind = 0;
    let mut records = 0;
    while let Some(event) = decoder.next().expect("a report") {
        match event {
            Event::SectionBegin { header, .. } => {
                kind = header.kind;
                records += usize::from(kind == 26);
            }
            Event::SectionData { offset, bytes, .. } => chunks.push((kind, offset, bytes)),
            _ => {}
        }
    }
    if without_last_record && records > 0 {
        chunks.pop();
    }
    chunks
}

#[test]
fn a_report_of_which_nothing_is_lost_comes_out_byte_for_byte() {
    let later = {
        let mut frames = stored(1, 0x7fff, b"some later encoding");
        frames.iter_mut().for_each(|frame| (frame.codec, frame.flags) = (77, 1));
        hand_made(&frames, &[(1, 0x7fff)])
    };
    for whole in [small(), report(&[]), later] {
        let (output, recovered) = recovered(&whole);
        assert_eq!(output, whole);
        assert_eq!(recovered.recovery, None);
    }
}

#[test]
fn bytes_around_a_report_are_left_out_and_cost_nothing() {
    let whole = small();
    let (output, recovered) = recovered(&[b"some mail\r\n\r\n", &whole[..], b"--\r\n"].concat());
    assert_eq!(output, whole);
    assert_eq!((recovered.recovery, recovered.foreign_bytes), (None, 17));
}

#[test]
fn frames_that_came_twice_cost_nothing() {
    let whole = small();
    for frame in frames(&whole) {
        let doubled = [&whole[..frame.end], &whole[frame.clone()], &whole[frame.end..]].concat();
        let (output, recovered) = recovered(&doubled);
        assert_eq!(output, whole);
        assert_eq!(recovered.recovery, None);
    }
}

#[test]
fn every_cut_gives_back_each_whole_frame_and_says_that_the_end_is_missing() {
    let whole = small();
    for cut in 16..whole.len() {
        let (report, recovered) = check(&whole[..cut]);
        let recovery = recovered.recovery.expect("something is lost");
        assert!(recovery.end_missing, "cut at {cut}");
        let whole_bytes = frames(&whole).iter().map(|frame| frame.end).filter(|&end| end <= cut).max().unwrap_or(16);
        assert_eq!(recovery.unreadable_bytes, (cut - whole_bytes) as u64, "cut at {cut}");
        assert_eq!(report.status(), Status::Partial);
        assert!(report.losses().contains(&Loss::Declared));
        let read: Option<Recovery> = report.message(SectionKind::Recovery).expect("a message");
        assert_eq!(read, Some(recovery), "cut at {cut}");
    }
}

#[test]
fn every_flipped_bit_costs_one_frame_at_most_and_is_counted() {
    let whole = small();
    for bit in (0..whole.len() * 8).step_by(3) {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let (report, recovered) = check(&flipped);
        let recovery = recovered.recovery.unwrap_or_else(|| panic!("bit {bit} passed for whole"));
        assert!(recovery.unreadable_bytes > 0, "bit {bit}");
        assert_eq!(report.summary(), Some(&summary()), "bit {bit}");
        let intact = report.sections().iter().filter(|section| section.state == SectionState::Whole).count();
        assert!(intact >= 4, "bit {bit}: the record and three of four sections");
    }
}

#[test]
fn a_lost_chunk_leaves_a_gap_and_what_follows_keeps_its_place() {
    for codec in [Codec::Stored, Codec::Zstd] {
        let raw: Vec<u8> = (0..(2 << 20) + 1000_u32).map(|at| (at / 4096) as u8).collect();
        let whole = report(&[(header(8, codec, false), raw.clone())]);
        for lost in 1..=3 {
            let mut damaged = whole.clone();
            damaged.drain(frames(&whole)[lost].clone());
            let (report, recovered) = check(&damaged);
            let expected = LostSections { kind: 8, incomplete: 1, missing: 0 };
            let recovery = recovered.recovery.expect("something is lost");
            assert_eq!((&recovery.sections[..], recovery.missing_frames), (&[expected][..], 1));
            assert!(report.losses().contains(&Loss::Gap { ordinal: 1, kind: 8 }), "{:?}", report.losses());
            let section = &report.sections()[0];
            assert_eq!(section.state, SectionState::Incomplete);
            let hole = (lost - 1) << 20..(lost << 20).min(raw.len());
            assert_eq!(section.bytes[..hole.start], raw[..hole.start]);
            if lost < 3 {
                assert_eq!(section.holes[..], *std::slice::from_ref(&hole));
                assert_eq!(section.bytes[hole.end..], raw[hole.end..]);
            }
        }
    }
}

#[test]
fn a_section_whose_end_is_lost_gets_one_and_a_section_of_which_nothing_came_is_counted_by_kind() {
    let whole = small();
    let all = frames(&whole);
    let mut damaged = whole.clone();
    damaged.drain(all[2].clone());
    let (report, recovered) = check(&damaged);
    assert_eq!(report.sections()[0].state, SectionState::Incomplete);
    let lost = recovered.recovery.expect("something is lost").sections;
    assert_eq!(lost, [LostSections { kind: 1, incomplete: 1, missing: 0 }]);

    let mut damaged = whole.clone();
    damaged.drain(all[3].start..all[4].end);
    let (report, recovered) = check(&damaged);
    assert_eq!(report.sections().len(), 4, "three and the record");
    let lost = recovered.recovery.expect("something is lost").sections;
    assert_eq!(lost, [LostSections { kind: 0x8001, incomplete: 0, missing: 1 }]);
}

#[test]
fn a_lost_beginning_is_made_up_for_by_the_closing_summary() {
    let whole = small();
    let first = frames(&whole)[0].clone();
    let (report, recovered) = check(&whole[first.end..]);
    assert_eq!(report.summary(), Some(&summary()));
    assert_eq!(recovered.recovery.expect("the first frame is lost").missing_frames, 1);
    assert!(report.sections().iter().all(|section| section.state == SectionState::Whole));
}

#[test]
fn a_report_without_any_summary_gets_an_empty_one() {
    let whole = small();
    let all = frames(&whole);
    let (report, _) = check(&whole[all[0].end..all[8].start - 20]);
    assert_eq!(report.summary(), Some(&report_format::Summary::default()));
    assert!(report.sections().len() > 2);
}

#[test]
fn damage_to_a_recovered_report_is_recorded_beside_the_first() {
    let raw = vec![7; 3 << 20];
    let mut damaged = report(&[(header(8, Codec::Stored, false), raw)]);
    damaged.drain(frames(&damaged)[2].clone());
    let (mut once, _) = recovered(&damaged);
    once.drain(frames(&once)[2].clone());
    let (report, recovered) = check(&once);
    let records = report.sections().iter().filter(|section| section.kind() == Some(SectionKind::Recovery)).count();
    assert_eq!(records, 2);
    let lost = recovered.recovery.expect("more is lost").sections;
    assert_eq!(lost, [LostSections { kind: 8, incomplete: 1, missing: 0 }]);
}

#[test]
fn chunks_of_an_unknown_codec_come_through_and_lost_ones_leave_a_gap() {
    let chunk = |offset, byte: u8| Frame {
        frame_type: 2,
        codec: 77,
        kind: 0x7fff,
        section: 1,
        offset,
        payload: vec![byte; 50],
        ..Frame::default()
    };
    let end = Frame { payload: [3_u32.to_le_bytes(), [9; 4]].concat(), offset: 3000, frame_type: 3, ..chunk(0, 0) };
    let whole = hand_made(&[chunk(0, b'a'), chunk(1000, b'b'), chunk(2000, b'c'), end], &[(1, 0x7fff)]);
    assert_eq!(recovered(&whole).0, whole);
    for lost in 1..=4 {
        let mut damaged = whole.clone();
        damaged.drain(frames(&whole)[lost].clone());
        let (report, recovered) = check(&damaged);
        assert!(report.losses().contains(&Loss::Gap { ordinal: 1, kind: 0x7fff }), "frame {lost}");
        let lost = recovered.recovery.expect("something is lost").sections;
        assert_eq!(lost, [LostSections { kind: 0x7fff, incomplete: 1, missing: 0 }]);
    }
}

#[test]
fn frames_that_contradict_the_rest_are_left_out_and_counted() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testkit/must-fail");
    let mut seen = 0;
    for file in std::fs::read_dir(folder).expect("the testkit is there") {
        let path = file.expect("readable").path();
        let bytes = std::fs::read(&path).expect("readable");
        let outcome = std::fs::read_to_string(path.with_extension("txt")).expect("readable");
        if path.extension().is_none_or(|extension| extension != "report") || outcome.starts_with("error") {
            continue;
        }
        println!("{}", path.display());
        let mut output = Vec::new();
        let result = recover(Cursor::new(&bytes), &mut output, &Limits::default()).expect("a report");
        let status = read(&output).expect("a report").status();
        assert_ne!(status, Status::Corrupt);
        if outcome.starts_with("status: corrupt") {
            assert!(result.recovery.is_some());
            assert_eq!(status, Status::Partial);
        }
        assert_eq!(recovered(&output).0, output);
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn what_is_no_report_is_refused() {
    for (input, what) in [(&b"Dear support,\nit crashed"[..], "a text file"), (b"", "an empty file")] {
        let error = recover(Cursor::new(input), Vec::new(), &Limits::default()).expect_err("no report");
        assert!(matches!(&error, Error::Format { .. }) && error.to_string().contains(what), "{error}");
    }
}

/// Something that happens to a report on its way.
#[derive(Debug, Clone)]
enum Damage {
    Flip(usize),
    Remove(usize, usize),
    Cut(usize),
    Insert(usize, Vec<u8>),
    Repeat(usize, usize),
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |at: usize, bytes: &[u8]| 16 + at % (bytes.len().max(17) - 16);
        if bytes.len() < 32 {
            return;
        }
        match self {
            Self::Flip(bit) => {
                let at = place(bit / 8, bytes);
                bytes[at] ^= 1 << (bit % 8);
            }
            Self::Remove(at, length) => {
                let at = place(*at, bytes);
                let end = (at + length).min(bytes.len());
                bytes.drain(at..end);
            }
            Self::Cut(at) => bytes.truncate(place(*at, bytes)),
            Self::Insert(at, more) => {
                let at = place(*at, bytes);
                bytes.splice(at..at, more.iter().copied());
            }
            Self::Repeat(at, length) => {
                let at = place(*at, bytes);
                let end = (at + length).min(bytes.len());
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<usize>().prop_map(Damage::Flip),
        (any::<usize>(), 1..600_usize).prop_map(|(at, length)| Damage::Remove(at, length)),
        any::<usize>().prop_map(Damage::Cut),
        (any::<usize>(), proptest::collection::vec(any::<u8>(), 1..60)).prop_map(|(at, more)| Damage::Insert(at, more)),
        (any::<usize>(), 1..600_usize).prop_map(|(at, length)| Damage::Repeat(at, length)),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_on_the_way_what_is_whole_comes_back(damages in proptest::collection::vec(damage(), 1..5)) {
        let mut bytes = small();
        damages.iter().for_each(|damage| damage.apply(&mut bytes));
        check(&bytes);
    }
}

/// A chunk that cannot be decompressed, or is for a later version, is left out; what follows it in its section is not.
#[test]
fn a_chunk_that_is_refused_costs_no_other() {
    for (name, kind) in [("undecodable-middle-chunk", 8), ("passed-over-middle-chunk", 0x8000)] {
        let file = format!("{}/testkit/must-fail/{name}.report", env!("CARGO_MANIFEST_DIR"));
        let (report, recovered) = check(&std::fs::read(file).expect("the testkit is there"));
        let recovery = recovered.recovery.expect("something is lost");
        assert_eq!((recovery.refused, recovery.missing_frames), (1, 0), "{name}");
        assert_eq!(recovery.sections, [LostSections { kind, incomplete: 1, missing: 0 }], "{name}");
        assert_eq!(report.sections()[0].bytes, b"one\0\0\0three", "{name}");
    }
}

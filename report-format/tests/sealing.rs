//! What is sealed is read with its keys and by nobody else, and damage to one class costs no other.
#![cfg(all(feature = "seal", feature = "zstd"))]

mod common;

use std::{fs, io::Cursor, process::Command};

use common::{Frame, frames, hand_made, header, read, report, sealed_by_hand, stored, write_section};
use proptest::prelude::*;
use report_format::{
    Codec, Error, Limits, Loss, MAX_SECTIONS, Report, Section, SectionHeader, SectionState, Status, Writer, part,
    rewrite::{Redact, recover, redact},
    schema::v1::SectionKind,
    seal::{
        self, Class, Outcome, Recipient, Recipients, Sealed, SealedSection, SecretKey, StoredKey, Unkeyed, Unsealed,
    },
};

const TRIAGE: &[u8] = b"canary of the stack";
const PRIVATE: &[u8] = b"canary of the mail address";
const MEMORY: &[u8] = b"canary of the memory";

/// A key for each class.
struct Keys([SecretKey; 3]);

impl Keys {
    fn new() -> Self {
        Self(std::array::from_fn(|_| SecretKey::generate()))
    }

    fn recipients(&self) -> Recipients {
        Recipients::new(Class::ALL.into_iter().zip(&self.0).map(|(class, key)| recipient(class, key)))
            .expect("three keys")
    }
}

fn recipient(class: Class, key: &SecretKey) -> Recipient {
    Recipient { class, key: key.public().clone(), label: String::new(), expires: None }
}

/// Sections of all classes, with a canary in each.
fn sections() -> Vec<(SectionHeader, Vec<u8>)> {
    [
        (1, b"product".as_slice()),
        (8, PRIVATE),
        (2, TRIAGE),
        (20, b"regions"),
        (19, MEMORY),
        (17, b"an attachment"),
        (0x8001, b"a vendor's own"),
    ]
    .map(|(kind, bytes)| (header(kind, Codec::Zstd, false), bytes.to_vec()))
    .to_vec()
}

fn seal(bytes: &[u8], recipients: &Recipients) -> Vec<u8> {
    let mut output = Vec::new();
    seal::seal(Cursor::new(bytes), &mut output, recipients, Unkeyed::Refuse, &Limits::default())
        .expect("a whole report");
    output
}

fn unseal(bytes: &[u8], keys: &[SecretKey]) -> (Vec<u8>, Unsealed) {
    let mut output = Vec::new();
    let unsealed = seal::unseal(Cursor::new(bytes), &mut output, keys, &Limits::default()).expect("a report");
    assert_eq!(unsealed.bytes, output.len() as u64);
    (output, unsealed)
}

fn open(bytes: &[u8], keys: &[SecretKey]) -> (Report, Vec<SealedSection>) {
    seal::read(bytes, keys, &Limits::default()).expect("a report")
}

fn outcomes(sections: &[SealedSection]) -> Vec<(Class, Outcome)> {
    sections.iter().map(|section| (section.class, section.outcome.clone())).collect()
}

/// Header, bytes and state of each section in clear, by class; those of a class in their order.
fn contents(sections: &[Section]) -> Vec<(SectionHeader, Vec<u8>, SectionState)> {
    let mut contents: Vec<_> = sections
        .iter()
        .filter(|section| Class::sealed_in(section.header.kind).is_none())
        .map(|section| (section.header, section.bytes.clone(), section.state))
        .collect();
    contents.sort_by_key(|(header, ..)| Class::of(header.kind));
    contents
}

fn holds(bytes: &[u8], canary: &[u8]) -> bool {
    bytes.windows(canary.len()).any(|window| window == canary)
}

/// All bytes that a reader can have of a report.
fn everything(bytes: &[u8]) -> Vec<u8> {
    read(bytes).expect("a report").sections().iter().flat_map(|section| section.bytes.clone()).collect()
}

/// The frames of the section of this kind, data and end.
fn frames_of(bytes: &[u8], kind: SectionKind) -> Vec<std::ops::Range<usize>> {
    let of_kind = |frame: &std::ops::Range<usize>| {
        matches!(bytes[frame.start + 4], 2 | 3)
            && bytes[frame.start + 8..frame.start + 10] == (kind as u16).to_le_bytes()
    };
    frames(bytes).into_iter().filter(of_kind).collect()
}

/// A report whose section of this kind was changed, with all checksums right.
fn rebuilt(sealed: &[u8], kind: SectionKind, edit: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let sections: Vec<_> = read(sealed)
        .expect("a report")
        .sections()
        .iter()
        .map(|section| {
            let mut bytes = section.bytes.clone();
            if section.kind() == Some(kind) {
                edit(&mut bytes);
            }
            (section.header, bytes)
        })
        .collect();
    report(&sections)
}

fn noise(length: usize) -> Vec<u8> {
    (0..length as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 23) as u8).collect()
}

#[test]
fn everything_comes_back_with_all_keys() {
    let (keys, clear) = (Keys::new(), report(&sections()));
    let sealed = seal(&clear, &keys.recipients());
    let (output, unsealed) = unseal(&sealed, &keys.0);
    assert_eq!(outcomes(&unsealed.sections), Class::ALL.map(|class| (class, Outcome::Opened)));
    assert_eq!((unsealed.recovery, unsealed.loss_count), (None, 0));
    let (clear, output) = (read(&clear).expect("a report"), read(&output).expect("a report"));
    assert_eq!(output.status(), Status::Complete, "{:?}", output.losses());
    assert_eq!(contents(output.sections()), contents(clear.sections()));
    let (opened, sections) = open(&sealed, &keys.0);
    assert_eq!(opened.status(), Status::Complete, "{:?}", opened.losses());
    assert_eq!(contents(opened.sections()), contents(clear.sections()));
    assert_eq!(sections, unsealed.sections);
}

#[test]
fn the_triage_key_reads_the_triage_class_and_nothing_else() {
    let keys = Keys::new();
    let sealed = seal(&report(&sections()), &keys.recipients());
    for canary in [TRIAGE, PRIVATE, MEMORY] {
        assert!(!holds(&sealed, canary) && !holds(&everything(&sealed), canary));
    }
    let (output, unsealed) = unseal(&sealed, &keys.0[..1]);
    assert_eq!(
        outcomes(&unsealed.sections),
        [(Class::Triage, Outcome::Opened), (Class::Private, Outcome::NoKey), (Class::FullMemory, Outcome::NoKey)]
    );
    assert_eq!(unsealed.sections[1].keys, [keys.0[1].id()], "it says which key to fetch");
    let report = read(&output).expect("a report");
    assert_eq!(report.status(), Status::Complete);
    let kinds: Vec<u16> = report.sections().iter().map(|section| section.header.kind).collect();
    assert_eq!(kinds, [1, 2, 23, 24]);
    assert!(holds(&everything(&output), TRIAGE));
    for canary in [PRIVATE, MEMORY] {
        assert!(!holds(&output, canary) && !holds(&everything(&output), canary));
    }
    // What stayed sealed is opened later, by who has the other keys.
    let (all, _) = unseal(&output, &keys.0[1..]);
    assert!(holds(&everything(&all), PRIVATE));

    let (report, _) = open(&sealed, &keys.0[..1]);
    assert_eq!(report.status(), Status::Complete);
    let bytes: Vec<u8> = report.sections().iter().flat_map(|section| section.bytes.clone()).collect();
    assert!(holds(&bytes, TRIAGE) && !holds(&bytes, PRIVATE) && !holds(&bytes, MEMORY));
    let mut ordinals: Vec<u32> = report.sections().iter().map(|section| section.ordinal).collect();
    ordinals.dedup();
    assert_eq!(ordinals, [2, 3, 4, 5], "each section has a number of its own");
}

#[test]
fn a_report_opened_with_no_key_is_complete() {
    let keys = Keys::new();
    let sealed = seal(&report(&sections()), &keys.recipients());
    assert_eq!(read(&sealed).expect("a report").status(), Status::Complete);
    for keys in [vec![], vec![SecretKey::generate()]] {
        let (report, sections) = open(&sealed, &keys);
        assert_eq!((report.status(), report.loss_count()), (Status::Complete, 0));
        assert!(sections.iter().all(|section| section.outcome == Outcome::NoKey && section.keys.len() == 1));
        let (output, _) = unseal(&sealed, &keys);
        assert!(output == sealed, "nothing was opened, and yet something was changed");
    }
}

#[test]
fn either_of_two_recipients_opens_a_class_and_keys_can_be_rotated() {
    let [old, new, offline] = std::array::from_fn(|_| SecretKey::generate());
    let clear = report(&[(header(1, Codec::Zstd, false), TRIAGE.to_vec())]);
    let recipients =
        |keys: &[&SecretKey]| Recipients::new(keys.iter().map(|key| recipient(Class::Triage, key))).expect("few keys");
    let before = seal(&clear, &recipients(&[&old, &offline]));
    let overlap = seal(&clear, &recipients(&[&old, &new, &offline]));
    let after = seal(&clear, &recipients(&[&new, &offline]));
    for (sealed, key, opens) in [
        (&before, &old, true),
        (&before, &new, false),
        (&overlap, &old, true),
        (&overlap, &new, true),
        (&after, &old, false),
        (&after, &new, true),
        (&before, &offline, true),
        (&after, &offline, true),
    ] {
        let (report, sections) = open(sealed, std::slice::from_ref(key));
        assert_eq!(sections[0].outcome == Outcome::Opened, opens);
        assert_eq!(report.sections()[0].bytes == TRIAGE, opens);
    }
    let (_, sections) = open(&overlap, &[]);
    assert_eq!(sections[0].keys, [old.id(), new.id(), offline.id()], "in the order of the recipients");
}

#[test]
fn a_class_without_a_key_is_never_in_clear_by_accident() {
    let keys = Keys::new();
    let only_triage = Recipients::new([recipient(Class::Triage, &keys.0[0])]).expect("one key");
    let clear = report(&sections());
    let mut output = Vec::new();
    let refused = seal::seal(Cursor::new(&clear), &mut output, &only_triage, Unkeyed::Refuse, &Limits::default());
    assert!(matches!(refused, Err(Error::Usage(_))), "{refused:?}");
    assert!(output.is_empty());
    let sealed: Sealed =
        seal::seal(Cursor::new(&clear), &mut output, &only_triage, Unkeyed::LeaveClear, &Limits::default())
            .expect("allowed");
    assert_eq!(sealed.clear, [Class::Private, Class::FullMemory]);
    assert_eq!(sealed.sealed, [(Class::Triage, vec![keys.0[0].id()])]);
    let kinds: Vec<u16> =
        read(&output).expect("a report").sections().iter().map(|section| section.header.kind).collect();
    assert_eq!(kinds, [8, 20, 19, 17, 0x8001, 22]);
    // And the rest later: what is sealed stays as it is.
    let whole = seal(&output, &keys.recipients());
    let (opened, _) = unseal(&whole, &keys.0);
    assert_eq!(
        contents(read(&opened).expect("a report").sections()),
        contents(read(&clear).expect("a report").sections())
    );
}

#[test]
fn a_class_there_both_sealed_and_in_clear_is_refused() {
    let keys = Keys::new();
    let mut sections: Vec<_> = read(&seal(&report(&sections()), &keys.recipients()))
        .expect("a report")
        .sections()
        .iter()
        .filter(|section| section.state == SectionState::Whole)
        .map(|section| (section.header, section.bytes.clone()))
        .collect();
    sections.push((header(25, Codec::Zstd, false), b"redacted".to_vec()));
    let refused =
        seal::seal(Cursor::new(report(&sections)), Vec::new(), &keys.recipients(), Unkeyed::Refuse, &Limits::default());
    assert!(refused.expect_err("two triage classes").to_string().contains("unseal it first"));
}

#[test]
fn damage_is_not_sealed_in() {
    let (keys, clear) = (Keys::new(), report(&sections()));
    let mut flipped = clear.clone();
    flipped[frames(&clear)[3].start + 41] ^= 1;
    let trailing = [&clear[..], b"more"].concat();
    for damaged in [&clear[..clear.len() - 5], &flipped, &trailing] {
        let mut output = Vec::new();
        let refused =
            seal::seal(Cursor::new(damaged), &mut output, &keys.recipients(), Unkeyed::Refuse, &Limits::default());
        assert!(refused.expect_err("damaged").to_string().contains("recover"));
        assert!(output.is_empty());
    }
    // What was recovered can be sealed, and stays partial for everybody.
    let mut recovered = Vec::new();
    recover(Cursor::new(&flipped), &mut recovered, &Limits::default()).expect("a report");
    let sealed = seal(&recovered, &keys.recipients());
    assert_eq!(read(&sealed).expect("a report").status(), Status::Partial);
    let (output, unsealed) = unseal(&sealed, &keys.0);
    assert_eq!(unsealed.recovery, None);
    let (output, recovered) = (read(&output).expect("a report"), read(&recovered).expect("a report"));
    assert_eq!(output.status(), Status::Partial);
    assert_eq!(contents(output.sections()), contents(recovered.sections()));
}

#[test]
fn a_class_can_be_dropped_without_a_key() {
    let keys = Keys::new();
    let sealed = seal(&report(&sections()), &keys.recipients());
    let kept: Vec<_> = read(&sealed)
        .expect("a report")
        .sections()
        .iter()
        .filter(|section| section.kind() != Some(SectionKind::SealedFullMemory))
        .map(|section| (section.header, section.bytes.clone()))
        .collect();
    let (report, sections) = open(&report(&kept), &keys.0);
    assert_eq!(report.status(), Status::Complete);
    assert_eq!(outcomes(&sections), [(Class::Triage, Outcome::Opened), (Class::Private, Outcome::Opened)]);
}

/// A report with a long private section between others, so that its class takes several frames.
fn long_private(keys: &Keys) -> (Vec<u8>, Vec<u8>) {
    let long = noise(3 << 20);
    let mut sections = sections();
    sections.push((header(18, Codec::Stored, false), long.clone()));
    sections.push((header(17, Codec::Zstd, false), b"behind it".to_vec()));
    (seal(&report(&sections), &keys.recipients()), long)
}

#[test]
fn a_lost_frame_costs_what_follows_in_its_class() {
    let keys = Keys::new();
    let (sealed, long) = long_private(&keys);
    let lost = frames_of(&sealed, SectionKind::SealedPrivate)[2].clone();
    let damaged = [&sealed[..lost.start], &sealed[lost.end..]].concat();

    let (report, sections) = open(&damaged, &keys.0);
    assert_eq!(report.status(), Status::Partial, "{:?}", report.losses());
    let Outcome::Damaged { read: decrypted, cut: true, opened: true, .. } = sections[1].outcome else {
        panic!("{:?}", sections[1])
    };
    assert!(decrypted > 3 << 19 && decrypted < 2 << 20, "{decrypted}");
    assert!(matches!(sections[0].outcome, Outcome::Opened) && matches!(sections[2].outcome, Outcome::Opened));
    assert!(report.losses().iter().any(|loss| matches!(loss, Loss::Sealed { kind: 23, cut: true, .. })));
    assert!(report.losses().iter().any(|loss| matches!(loss, Loss::InSealed { kind: 23, .. })));
    let half = report.sections().iter().find(|section| section.header.kind == 18).expect("its beginning");
    assert_eq!(half.state, SectionState::Incomplete);
    assert!(half.bytes.len() >= 1 << 20 && long.starts_with(&half.bytes));
    let whole: Vec<u16> = report
        .sections()
        .iter()
        .filter(|section| section.state == SectionState::Whole)
        .map(|section| section.header.kind)
        .collect();
    assert_eq!(whole, [1, 2, 8, 17, 0x8001, 20]);

    let (output, unsealed) = unseal(&damaged, &keys.0);
    assert_eq!(unsealed.sections, sections);
    let recovery = unsealed.recovery.expect("something is lost");
    assert!(recovery.sections.iter().any(|lost| lost.kind == 18 && lost.incomplete == 1), "{recovery:?}");
    let output = read_back(&output);
    assert_eq!(output.status(), Status::Partial);
    let again = output.sections().iter().find(|section| section.header.kind == 18).expect("its beginning");
    assert_eq!(again.bytes, half.bytes);
}

fn read_back(bytes: &[u8]) -> Report {
    let report = read(bytes).expect("a report");
    assert_ne!(report.status(), Status::Corrupt, "{:?}", report.losses());
    report
}

#[test]
fn a_damaged_age_header_costs_its_class() {
    let keys = Keys::new();
    let sealed = seal(&report(&sections()), &keys.recipients());
    for at in [12, 40, 60, 120] {
        let damaged = rebuilt(&sealed_without_memory(&sealed), SectionKind::SealedPrivate, |bytes| bytes[at] ^= 1);
        let (report, sections) = open(&damaged, &keys.0);
        assert_eq!(report.status(), Status::Corrupt, "byte {at}");
        assert!(matches!(sections[0].outcome, Outcome::Opened));
        assert!(
            matches!(sections[1].outcome, Outcome::Damaged { read: 0, cut: false, opened: false, .. }),
            "{sections:?}"
        );
        assert!(report.losses().iter().any(|loss| matches!(loss, Loss::Sealed { kind: 23, read: 0, .. })));
        // It stays as it is: perhaps another reader makes more of it.
        assert!(report.sections().iter().any(|section| section.header.kind == 23));
        let (output, unsealed) = unseal(&damaged, &keys.0);
        assert_eq!(unsealed.sections, sections);
        assert!(holds(&everything(&output), TRIAGE));
        assert_eq!(frames_of(&output, SectionKind::SealedPrivate).len(), 2);
    }
    // And by damage that frames show: the frame is gone, and the class with it.
    let mut flipped = sealed.clone();
    flipped[frames_of(&sealed, SectionKind::SealedPrivate)[0].start + 100] ^= 1;
    let (report, sections) = open(&flipped, &keys.0);
    assert_eq!(report.status(), Status::Corrupt);
    assert_eq!(outcomes(&sections).iter().filter(|(_, outcome)| *outcome == Outcome::Opened).count(), 2);
    assert!(matches!(sections[1].outcome, Outcome::Damaged { cut: true, .. }), "{sections:?}");
}

/// A section that a reader keeps no bytes of cannot be built anew from what was read.
fn sealed_without_memory(sealed: &[u8]) -> Vec<u8> {
    let kept: Vec<_> = read(sealed)
        .expect("a report")
        .sections()
        .iter()
        .filter(|section| section.state == SectionState::Whole)
        .map(|section| (section.header, section.bytes.clone()))
        .collect();
    report(&kept)
}

#[test]
fn bytes_changed_behind_the_header_are_found_though_all_checksums_are_right() {
    let keys = Keys::new();
    let sealed = sealed_without_memory(&seal(&report(&sections()), &keys.recipients()));
    let damaged = rebuilt(&sealed, SectionKind::SealedTriage, |bytes| *bytes.last_mut().expect("some") ^= 1);
    assert_eq!(read(&damaged).expect("a report").status(), Status::Complete);
    let (report, sections) = open(&damaged, &keys.0);
    assert_eq!(report.status(), Status::Corrupt);
    assert!(matches!(sections[0].outcome, Outcome::Damaged { read: 0, opened: true, cut: false, .. }), "{sections:?}");
    let (_, unsealed) = unseal(&damaged, &keys.0);
    assert_eq!(unsealed.sections, sections);
    assert!(unsealed.recovery.is_some());
}

#[test]
fn recovering_needs_no_key_and_what_is_recovered_opens() {
    let keys = Keys::new();
    let (sealed, _) = long_private(&keys);
    let mut flipped = sealed.clone();
    flipped[frames_of(&sealed, SectionKind::SealedPrivate)[2].start + 100] ^= 1;
    let mut recovered = Vec::new();
    recover(Cursor::new(&flipped), &mut recovered, &Limits::default()).expect("a report");
    let (report, sections) = open(&recovered, &keys.0);
    assert_eq!(report.status(), Status::Partial, "{:?}", report.losses());
    let (before, of_damaged) = open(&flipped, &keys.0);
    assert_eq!(sections, of_damaged);
    let without_record = |sections: &[Section]| {
        contents(sections).into_iter().filter(|(header, ..)| header.kind != 26).collect::<Vec<_>>()
    };
    assert_eq!(without_record(report.sections()), without_record(before.sections()));
}

/// The report, cut into parts of at most this size.
fn parts_of(report: &[u8], size: u64) -> Vec<(part::PartHeader, Vec<u8>)> {
    let mut split = part::Split::new(Cursor::new(report), size).expect("a report");
    let write = |number| {
        let mut bytes = Vec::new();
        (split.write(number, &mut bytes).expect("a part"), bytes)
    };
    (0..part::Split::new(Cursor::new(report), size).expect("a report").count()).map(write).collect()
}

#[test]
fn a_sealed_report_is_cut_into_parts_and_joined_without_a_key() {
    let keys = Keys::new();
    let (sealed, _) = long_private(&keys);
    let parts = parts_of(&sealed, 1_200_000);
    assert!(parts.len() > 2);
    let mut joined = Vec::new();
    let done = part::join(parts.iter().rev().map(|(_, part)| Cursor::new(part)), &mut joined).expect("parts");
    assert!(done.whole && joined == sealed);
    assert!(outcomes(&open(&joined, &keys.0).1).iter().all(|(_, outcome)| *outcome == Outcome::Opened));
}

#[test]
fn a_part_lost_of_a_sealed_report_costs_the_class_in_it_and_is_named() {
    let keys = Keys::new();
    let (sealed, long) = long_private(&keys);
    let private = frames_of(&sealed, SectionKind::SealedPrivate);
    let inside = private[0].start as u64..private[private.len() - 1].end as u64;
    let parts = parts_of(&sealed, 1_200_000);
    let lost =
        parts.iter().filter(|(header, _)| header.offset > inside.start && header.offset + header.length <= inside.end);
    let lost: Vec<u32> = lost.map(|(header, _)| header.number).collect();
    assert!(!lost.is_empty());
    for number in lost {
        let others = parts.iter().filter(|(header, _)| header.number != number).map(|(_, part)| Cursor::new(part));
        let mut joined = Vec::new();
        assert_eq!(part::join(others, &mut joined).expect("parts").missing, [number..=number]);
        let mut recovered = Vec::new();
        let loss = recover(Cursor::new(&joined), &mut recovered, &Limits::default()).expect("a report").recovery;
        let loss = loss.expect("a part is lost").sections;
        assert_eq!(loss.iter().map(|lost| (lost.kind, lost.incomplete)).collect::<Vec<_>>(), [(23, 1)]);
        for damaged in [&joined, &recovered] {
            let (report, sections) = open(damaged, &keys.0);
            assert_eq!(report.status(), Status::Partial, "{:?}", report.losses());
            assert!(matches!(sections[0].outcome, Outcome::Opened) && matches!(sections[2].outcome, Outcome::Opened));
            assert!(matches!(sections[1].outcome, Outcome::Damaged { cut: true, .. }), "{sections:?}");
            let named = report.losses().iter().any(|loss| matches!(loss, Loss::Sealed { kind: 23, cut: true, .. }));
            assert!(named, "{:?}", report.losses());
            let bytes: Vec<u8> = report.sections().iter().flat_map(|section| section.bytes.clone()).collect();
            assert!(holds(&bytes, TRIAGE) && !holds(&bytes, &long));
        }
    }
}

#[test]
fn a_class_of_a_sealed_report_is_redacted_without_a_key() {
    let keys = Keys::new();
    let sealed = seal(&report(&sections()), &keys.recipients());
    let mut redacted = Vec::new();
    let what = Redact::default().kind(SectionKind::SealedFullMemory as u16);
    let done = redact(&sealed[..], &mut redacted, &what, &Limits::default()).expect("a report");
    assert_eq!(done.redaction.expect("a class was left out").sections[0].kind, 24);
    assert!(frames_of(&redacted, SectionKind::SealedFullMemory).is_empty());
    let (report, sections) = open(&redacted, &keys.0);
    assert_eq!(report.status(), Status::Complete, "{:?}", report.losses());
    assert_eq!(outcomes(&sections), [(Class::Triage, Outcome::Opened), (Class::Private, Outcome::Opened)]);
    let bytes: Vec<u8> = report.sections().iter().flat_map(|section| section.bytes.clone()).collect();
    assert!(holds(&bytes, TRIAGE) && holds(&bytes, PRIVATE) && !holds(&bytes, MEMORY));
    // What may be inside a seal that stays cannot be left out without its key, and nobody is told that it was.
    let what = Redact::default().kind(SectionKind::Contact as u16);
    let refused = redact(&sealed[..], Vec::new(), &what, &Limits::default()).expect_err("it may be in there");
    assert!(refused.to_string().contains("are sealed"), "{refused}");
}

#[test]
fn more_sections_in_a_seal_than_a_report_can_have_cost_that_class_only() {
    let key = SecretKey::generate();
    let full = {
        let mut writer = Writer::new(Vec::new(), &common::summary()).expect("a summary");
        (0..MAX_SECTIONS).for_each(|_| write_section(&mut writer, header(2, Codec::Stored, false), b""));
        sealed_by_hand(&[&key], &writer.finish().expect("a vector takes everything").0)
    };
    let private = sealed_by_hand(&[&key], &report(&[(header(8, Codec::Stored, false), PRIVATE.to_vec())]));
    let seal =
        |kind, bytes: &[u8]| (SectionHeader { category: 0, ..header(kind, Codec::Stored, true) }, bytes.to_vec());
    let clear = (header(1, Codec::Stored, false), b"product".to_vec());
    // Whoever seals writes what is in clear first, but any order is a report.
    let sealed = report(&[clear, seal(23, &private), seal(22, &full)]);
    let (output, unsealed) = unseal(&sealed, std::slice::from_ref(&key));
    assert_eq!(unsealed.sections[0].outcome, Outcome::Opened);
    let over = |section: &SealedSection| match section.outcome {
        Outcome::Damaged { what, opened, .. } => (what, opened),
        _ => panic!("{section:?}"),
    };
    assert_eq!(over(&unsealed.sections[1]), ("the report inside is over a limit", true));
    let output = read_back(&output);
    assert_eq!((output.status(), output.sections().len()), (Status::Partial, MAX_SECTIONS as usize));
    assert!(output.sections().iter().any(|section| section.bytes == PRIVATE));

    // Behind it there is no room for another, which is said of it.
    let sealed = report(&[seal(22, &full), seal(23, &private)]);
    let (output, unsealed) = unseal(&sealed, std::slice::from_ref(&key));
    assert_eq!(unsealed.sections[0].outcome, Outcome::Opened, "it alone is as many as there can be");
    assert_eq!(over(&unsealed.sections[1]), ("the new report is full of sections, and it is left out", false));
    assert!(unsealed.losses.iter().any(|loss| matches!(loss, Loss::Sealed { kind: 23, .. })));
    assert_eq!(read_back(&output).status(), Status::Partial);
    assert_eq!(outcomes(&open(&sealed, &[key]).1)[1].1, Outcome::Opened, "who reads it has room");
}

/// A report with one triage section, of these raw bytes.
fn with_triage(bytes: &[u8]) -> Vec<u8> {
    report(&[(SectionHeader { category: 0, ..header(22, Codec::Stored, true) }, bytes.to_vec())])
}

#[test]
fn what_is_sealed_must_be_a_report_of_the_same_summary_and_hold_no_seal() {
    let key = SecretKey::generate();
    let product = (header(1, Codec::Zstd, false), TRIAGE.to_vec());
    let inner = report(std::slice::from_ref(&product));
    let other = {
        let mut writer = Writer::new(Vec::new(), &report_format::Summary::default()).expect("a summary");
        write_section(&mut writer, product.0, &product.1);
        writer.finish().expect("a vector takes everything").0
    };
    let nested = report(&[product, (header(23, Codec::Stored, true), sealed_by_hand(&[&key], &inner))]);
    let bomb = {
        let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 19).expect("zstd compresses zeros");
        hand_made(
            &[Frame { frame_type: 2, codec: 1, kind: 2, section: 1, payload: bomb, ..Frame::default() }],
            &[(1, 2)],
        )
    };
    let mut newer = inner.clone();
    newer[7] = 2;
    let crc = crc32c::crc32c(&newer[..12]);
    newer[12..16].copy_from_slice(&crc.to_le_bytes());
    for (plain, expected, found) in [
        (&inner[..], None, true),
        (&other, Some("what is inside belongs to another report"), false),
        (&nested, Some("a sealed section stands inside it, and is left out"), true),
        (b"Dear support, it crashed.", Some("what is inside is no report"), false),
        (b"", Some("what is inside is no report"), false),
        (&newer, Some("the report inside is of a later version: update this program"), false),
        (&bomb, Some("the report inside is over a limit"), false),
    ] {
        let sealed = with_triage(&sealed_by_hand(&[&key], plain));
        let keys = std::slice::from_ref(&key);
        let (report, sections) = open(&sealed, keys);
        match (&sections[0].outcome, expected) {
            (Outcome::Opened, None) => assert_eq!(report.status(), Status::Complete),
            (Outcome::Damaged { what, .. }, Some(expected)) => {
                assert_eq!(*what, expected);
                assert_eq!(report.status(), Status::Corrupt);
            }
            other => panic!("{other:?}, not {expected:?}"),
        }
        assert_eq!(report.sections().iter().any(|section| section.bytes == TRIAGE), found);
        assert!(!report.sections().iter().any(|section| section.header.kind == 23));
        let (output, unsealed) = unseal(&sealed, keys);
        assert_eq!(unsealed.sections, sections);
        assert_eq!(holds(&everything(&output), TRIAGE), found);
        assert_eq!(read_back(&output).status() == Status::Complete, expected.is_none());
    }
}

#[test]
fn a_hostile_header_is_refused_at_once() {
    let key = SecretKey::generate();
    let ids = [&1_u32.to_le_bytes()[..], &key.id().0].concat();
    let stanza = "-> X25519 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";
    let mac = "--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";
    let age = |lines: &str| [&ids[..], b"age-encryption.org/v1\n", lines.as_bytes(), mac.as_bytes(), &[0; 40]].concat();
    let cases = [
        Vec::new(),
        vec![0; 3],
        0_u32.to_le_bytes().to_vec(),
        [&65_u32.to_le_bytes()[..], &[0; 65 * 8]].concat(),
        [&64_u32.to_le_bytes()[..], &[0; 63 * 8]].concat(),
        ids.clone(),
        [&ids[..], b"age-encryption.org/v2\n--- x\n"].concat(),
        [&ids[..], &[b'a'; 1 << 20]].concat(),
        [&ids[..], &b"\n".repeat(1 << 20)].concat(),
        age(&stanza.repeat(20_000)),
        age(&stanza.repeat(100)),
        age(&"-> a\n\n".repeat(2_000)),
        age("-> scrypt bBjlhJVYZeE4aqUdmtRHfw 62\nZV/AhotwSGqaPCU43cepl4WYUouAa17a3xpu4G2yi5k\n"),
    ];
    for bytes in cases {
        let sealed = with_triage(&bytes);
        let (report, sections) = open(&sealed, std::slice::from_ref(&key));
        assert!(matches!(sections[0].outcome, Outcome::Damaged { read: 0, opened: false, .. }), "{sections:?}");
        assert_eq!(report.status(), Status::Corrupt);
        let (output, unsealed) = unseal(&sealed, std::slice::from_ref(&key));
        assert_eq!(unsealed.sections, sections);
        assert!(output == sealed, "what cannot be opened is copied as it is");
    }
    // Chunks without a byte, and more than are held until it is known that the section does not open.
    let [data, end] = stored(1, 22, b"");
    let mut frames = vec![data; 100_000];
    frames.push(Frame { payload: [&100_000_u32.to_le_bytes()[..], &[0; 4]].concat(), ..end });
    let (_, sections) = open(&hand_made(&frames, &[(1, 22)]), &[key]);
    assert!(matches!(sections[0].outcome, Outcome::Damaged { .. }));
}

#[test]
fn a_sealed_section_that_is_compressed_is_refused() {
    let key = SecretKey::generate();
    let bytes = sealed_by_hand(&[&key], &report(&[]));
    let sealed = report(&[(header(22, Codec::Zstd, true), bytes)]);
    let (report, sections) = open(&sealed, std::slice::from_ref(&key));
    assert!(matches!(sections[0].outcome, Outcome::Damaged { opened: false, .. }));
    assert_eq!(report.status(), Status::Corrupt);
    assert_eq!(unseal(&sealed, &[key]).1.sections, sections);
}

#[test]
fn sixty_four_keys_are_the_most() {
    let keys: Vec<SecretKey> = (0..65).map(|_| SecretKey::generate()).collect();
    let recipients = |keys: &[SecretKey]| Recipients::new(keys.iter().map(|key| recipient(Class::Triage, key)));
    assert!(matches!(recipients(&keys), Err(Error::Limit { limit: 64, .. })));
    let sealed =
        seal(&report(&[(header(1, Codec::Zstd, false), TRIAGE.to_vec())]), &recipients(&keys[..64]).expect("64"));
    for key in [&keys[0], &keys[63]] {
        assert_eq!(open(&sealed, std::slice::from_ref(key)).1[0].outcome, Outcome::Opened);
    }
    assert_eq!(open(&sealed, &keys[64..]).1[0].outcome, Outcome::NoKey);
}

#[test]
#[cfg_attr(windows, ignore = "age is a program of Linux here")]
fn the_age_program_opens_what_we_seal() {
    let Ok(version) = Command::new("age").arg("--version").output() else {
        assert!(std::env::var_os("CI").is_none(), "the Debian package age is missing");
        eprintln!("skipped: the program age is not installed");
        return;
    };
    assert!(version.status.success());
    let folder = tempfile::tempdir().expect("a directory");
    let key = SecretKey::generate();
    let stored = StoredKey {
        secret: key.clone(),
        label: "triage\nof 2026".into(),
        created: "2026-11-23".parse().ok(),
        expires: None,
    };
    let clear = report(&[(header(1, Codec::Zstd, false), TRIAGE.to_vec())]);
    let sealed = seal(&clear, &Recipients::new([recipient(Class::Triage, &key)]).expect("one key"));
    let section = read(&sealed).expect("a report").sections()[0].bytes.clone();
    let [age_file, key_file] = ["triage.age", "key.txt"].map(|name| folder.path().join(name));
    fs::write(&age_file, &section[12..]).expect("writable");
    fs::write(&key_file, stored.text().as_bytes()).expect("writable");
    let output = Command::new("age").arg("-d").arg("-i").arg(&key_file).arg(&age_file).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, clear, "the report inside, which held nothing but this class");

    // And we read keys that age-keygen made.
    let made = Command::new("age-keygen").output().expect("it runs");
    let keys = StoredKey::parse(&String::from_utf8_lossy(&made.stdout)).expect("a file of keys");
    assert_eq!(keys.len(), 1);
    assert!(keys[0].created.is_some());
    assert!(String::from_utf8_lossy(&made.stdout).contains(&keys[0].secret.public().to_string()));
}

fn any_sections() -> impl Strategy<Value = Vec<(SectionHeader, Vec<u8>)>> {
    let kind = prop_oneof![1_u16..=21, Just(25), Just(26), 0x7ff0_u16..0x8010];
    let bytes = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        (0_usize..200_000).prop_map(noise),
        Just(noise((1 << 20) + 1))
    ];
    let section = (kind, any::<bool>(), any::<bool>(), bytes).prop_map(|(kind, compressed, critical, bytes)| {
        (header(kind, if compressed { Codec::Zstd } else { Codec::Stored }, critical), bytes)
    });
    proptest::collection::vec(section, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_sealed_and_unsealed_is_what_it_was(sections in any_sections()) {
        let keys = Keys::new();
        let clear = report(&sections);
        let sealed = seal(&clear, &keys.recipients());
        let (output, unsealed) = unseal(&sealed, &keys.0);
        prop_assert!(unsealed.sections.iter().all(|section| section.outcome == Outcome::Opened));
        let (clear, output) = (read(&clear).expect("a report"), read(&output).expect("a report"));
        prop_assert_eq!(output.status(), clear.status());
        prop_assert_eq!(output.summary(), clear.summary());
        prop_assert_eq!(contents(output.sections()), contents(clear.sections()));
        let (opened, _) = open(&sealed, &keys.0);
        prop_assert_eq!(contents(opened.sections()), contents(clear.sections()));
    }

    #[test]
    fn whatever_is_flipped_or_cut_out_both_ways_of_opening_agree(
        at in any::<prop::sample::Index>(),
        length in 0_usize..300,
    ) {
        let keys = Keys::new();
        let sealed = seal(&report(&sections()), &keys.recipients());
        let from = at.index(sealed.len());
        let mut damaged = sealed.clone();
        match length {
            0 => damaged[from] ^= 1,
            _ => drop(damaged.drain(from..(from + length).min(sealed.len()))),
        }
        let mut output = Vec::new();
        let unsealed = seal::unseal(Cursor::new(&damaged), &mut output, &keys.0, &Limits::default());
        let read = seal::read(&damaged[..], &keys.0, &Limits::default());
        prop_assert_eq!(unsealed.is_ok(), read.is_ok());
        if let (Ok(unsealed), Ok((report, sections))) = (unsealed, read) {
            prop_assert_ne!(report.status(), Status::Complete);
            prop_assert_eq!(unsealed.sections, sections);
            prop_assert_ne!(read_back(&output).status(), Status::Complete);
        }
    }
}

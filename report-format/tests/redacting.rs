//! What is left out of a report is gone, and all else stays as it was.
#![cfg(feature = "zstd")]

mod common;

use std::io::Cursor;

use common::{frames, hand_made, header, read, report, small, stored, summary, write_section};
use proptest::prelude::*;
use prost::Message;
use report_format::{
    Codec, Error, Limits, Report, SectionHeader, SectionState, Status, Writer,
    rewrite::{Redact, Redacted, recover, redact},
    schema::v1::{
        Action, Actions, Category, Contact, Product, RedactedField, RedactedSections, Redaction, Screen, SectionKind,
        TaskStep, action::Step,
    },
};

const CANARY: &str = "canary-3f9a";
const CONTACT: u16 = SectionKind::Contact as u16;

fn redacted(bytes: &[u8], what: &Redact) -> (Vec<u8>, Redacted) {
    let mut output = Vec::new();
    let redacted = redact(bytes, &mut output, what, &Limits::default()).expect("a report that can be redacted");
    (output, redacted)
}

/// Redacts, and checks what holds for every redaction of a complete report.
fn check(bytes: &[u8], what: &Redact) -> (Report, Redacted) {
    let (output, redacted) = redacted(bytes, what);
    let report = read(&output).expect("a report");
    assert_eq!(report.status(), Status::Complete, "{:?}", report.losses());
    assert_eq!((redacted.bytes, Some(redacted.digest)), (output.len() as u64, report.digest()));
    assert_eq!(redacted.sections as usize, report.sections().len());
    assert_eq!(report.summary(), read(bytes).expect("a report").summary());
    assert_eq!(records(&report).last().cloned().filter(|_| redacted.redaction.is_some()), redacted.redaction);
    (report, redacted)
}

fn refused(bytes: &[u8], what: &Redact) -> String {
    match redact(bytes, Vec::new(), what, &Limits::default()) {
        Err(error @ Error::Format { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// The records of redactions in a report.
fn records(report: &Report) -> Vec<Redaction> {
    let sections = report.sections().iter().filter(|section| section.kind() == Some(SectionKind::Redaction));
    sections.map(|section| Redaction::decode(&section.bytes[..]).expect("a record")).collect()
}

/// What the sections other than records hold.
fn contents(report: &Report) -> Vec<(u16, Vec<u8>)> {
    let others = report.sections().iter().filter(|section| section.kind() != Some(SectionKind::Redaction));
    others.map(|section| (section.header.kind, section.bytes.clone())).collect()
}

fn holds(report: &Report, text: &str) -> bool {
    report.sections().iter().any(|section| section.bytes.windows(text.len()).any(|bytes| bytes == text.as_bytes()))
}

fn contact() -> Contact {
    Contact { first_name: "Anna".into(), email: CANARY.into(), description: "it crashed".into(), ..Contact::default() }
}

fn with_contact() -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &summary()).expect("a summary");
    let product = Product { name: "Ledger".into(), ..Product::default() };
    writer.write_message(SectionKind::Product, Category::Essential, &product).expect("a message");
    writer.write_message(SectionKind::Contact, Category::Contact, &contact()).expect("a message");
    for _ in 0..2 {
        let screen = Screen { png: CANARY.into(), ..Screen::default() };
        writer.write_message(SectionKind::Screen, Category::Screen, &screen).expect("a message");
    }
    write_section(&mut writer, header(0x8001, Codec::Stored, false), b"a vendor's own");
    writer.finish().expect("a report").0
}

#[test]
fn the_sections_of_a_category_are_left_out_and_counted_by_kind() {
    let (report, redacted) = check(&with_contact(), &Redact::default().category(Category::Screen as u16));
    let sections = vec![RedactedSections { kind: 15, count: 2 }];
    assert_eq!(redacted.redaction, Some(Redaction { sections, fields: vec![] }));
    assert_eq!(contents(&report).iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [1, 16, 0x8001]);
}

#[test]
fn the_sections_of_a_kind_are_left_out_also_of_one_that_nobody_knows() {
    let what = Redact::default().kind(CONTACT).kind(0x8001).kind(0x7777);
    let (report, redacted) = check(&with_contact(), &what);
    let sections = vec![RedactedSections { kind: 16, count: 1 }, RedactedSections { kind: 0x8001, count: 1 }];
    assert_eq!(redacted.redaction, Some(Redaction { sections, fields: vec![] }));
    assert_eq!(contents(&report).iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [1, 15, 15]);
}

#[test]
fn a_field_is_left_out_and_the_others_stay() {
    let what = Redact::default().kind(15).field(CONTACT, &[3]);
    let (report, redacted) = check(&with_contact(), &what);
    let fields = vec![RedactedField { kind: 16, path: vec![3], count: 1 }];
    assert_eq!(redacted.redaction.expect("something was left out").fields, fields);
    let left: Contact = report.message(SectionKind::Contact).expect("a message").expect("a contact");
    assert_eq!(left, Contact { email: String::new(), ..contact() });
    assert!(holds(&read(&with_contact()).expect("a report"), CANARY));
    assert!(!holds(&report, CANARY));
}

#[test]
fn a_field_of_repeated_messages_is_left_out_of_each() {
    let task = |name: &str| Action {
        sequence: 7,
        step: Some(Step::Task(TaskStep { task_id: 3, name: name.into(), ..TaskStep::default() })),
        ..Action::default()
    };
    let actions =
        |name| Actions { actions: vec![task(name), Action::default(), task(name)], dropped: 9, ..Actions::default() };
    let mut writer = Writer::new(Vec::new(), &summary()).expect("a summary");
    writer.write_message(SectionKind::Actions, Category::Actions, &actions(CANARY)).expect("a message");
    let bytes = writer.finish().expect("a report").0;

    let (report, redacted) = check(&bytes, &Redact::default().field(5, &[1, 5, 4]));
    let fields = vec![RedactedField { kind: 5, path: vec![1, 5, 4], count: 2 }];
    assert_eq!(redacted.redaction, Some(Redaction { sections: vec![], fields }));
    assert_eq!(report.message(SectionKind::Actions).expect("a message"), Some(actions("")));
}

#[test]
fn what_stays_is_copied_byte_for_byte_whoever_made_it() {
    let mut unknown = stored(2, 0x7fff, b"some later encoding");
    unknown.iter_mut().for_each(|frame| frame.codec = 77);
    let contact = stored(1, CONTACT, &contact().encode_to_vec());
    let whole = hand_made(&[&contact[..], &unknown[..]].concat(), &[(1, CONTACT), (2, 0x7fff)]);
    let (output, _) = redacted(&whole, &Redact::default().kind(CONTACT));
    let payloads = |bytes: &[u8], at: usize| {
        let frame = &bytes[frames(bytes)[at].clone()];
        // Type to category, then what the payload says: section, sequence and checksums are counted anew.
        [&frame[4..12], &frame[24..36], &frame[40..]].concat()
    };
    assert_eq!(payloads(&output, 1), payloads(&whole, 3));
    assert_eq!(payloads(&output, 2), payloads(&whole, 4));
    let report = read(&output).expect("a report");
    let section = &report.sections()[0];
    assert_eq!((section.header.codec, &section.bytes[..]), (Codec::Other(77), &b"some later encoding"[..]));
}

#[test]
fn where_nothing_is_left_out_the_report_comes_out_as_it_was() {
    for what in [Redact::default(), Redact::default().category(99).kind(0x7777).field(CONTACT, &[])] {
        let (output, redacted) = redacted(&small(), &what);
        assert_eq!(output, small());
        assert_eq!(redacted.redaction, None);
    }
    let (report, redacted) = check(&with_contact(), &Redact::default().field(CONTACT, &[5]));
    assert_eq!(redacted.redaction, None, "the field is not set");
    assert_eq!(contents(&report), contents(&read(&with_contact()).expect("a report")));
}

#[test]
fn each_redaction_has_a_record_of_its_own() {
    let (once, first) = redacted(&with_contact(), &Redact::default().kind(15));
    let (report, second) = check(&once, &Redact::default().field(CONTACT, &[3]).kind(15));
    let expected = [first, second].map(|redacted| redacted.redaction.expect("something was left out"));
    assert_eq!(records(&report), expected);
}

#[test]
fn a_section_that_cannot_be_taken_apart_is_left_out_whole() {
    let mut cut = contact().encode_to_vec();
    cut.pop();
    let mut unsupported = stored(1, CONTACT, &contact().encode_to_vec());
    unsupported.iter_mut().for_each(|frame| frame.codec = 77);
    let malformed = report(&[(header(CONTACT, Codec::Zstd, false), cut)]);
    let (output, redacted) = redacted(&malformed, &Redact::default().field(CONTACT, &[3]));
    assert_eq!(redacted.unreadable, 1);
    assert!(!holds(&read(&output).expect("a report"), CANARY));

    // Not complete as it is: a codec that is not supported.
    let later = hand_made(&unsupported, &[(1, CONTACT)]);
    let (report, redacted) = check(&later, &Redact::default().field(CONTACT, &[3]));
    let sections = vec![RedactedSections { kind: 16, count: 1 }];
    assert_eq!((redacted.redaction, redacted.unreadable), (Some(Redaction { sections, fields: vec![] }), 1));
    assert_eq!(contents(&report), []);
}

#[test]
fn a_recovered_report_stays_partial_and_its_incomplete_sections_lose_no_single_fields() {
    let raw = Contact { description: "x".repeat(3 << 20), ..contact() }.encode_to_vec();
    let sections = [(header(CONTACT, Codec::Stored, false), raw), (header(8, Codec::Stored, false), vec![7; 3 << 20])];
    let mut damaged = report(&sections);
    // A chunk out of the middle of each.
    let all = frames(&damaged);
    damaged.drain(all[7].clone());
    damaged.drain(all[2].clone());
    let mut recovered = Vec::new();
    recover(Cursor::new(&damaged), &mut recovered, &Limits::default()).expect("a report");

    let (output, redacted) = redacted(&recovered, &Redact::default().field(CONTACT, &[3]));
    assert_eq!(redacted.unreadable, 1);
    let report = read(&output).expect("a report");
    assert_eq!(report.status(), Status::Partial);
    assert!(!holds(&report, CANARY));
    let dump = &report.sections()[0];
    assert_eq!((dump.header.kind, dump.state, dump.holes.len()), (8, SectionState::Incomplete, 1));
}

#[test]
fn a_damaged_report_is_refused_with_the_advice_to_recover_it() {
    let whole = with_contact();
    let what = Redact::default().kind(15);
    for cut in (16..whole.len()).step_by(7) {
        assert!(refused(&whole[..cut], &what).contains("recover"), "cut at {cut}");
    }
    for bit in (0..whole.len() * 8).step_by(61) {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(refused(&flipped, &what).contains("recover"), "bit {bit}");
    }
    assert!(refused(b"Dear support,\nit crashed", &what).contains("a text file"));
}

#[test]
fn a_sealed_class_is_dropped_as_a_whole_or_opened_first() {
    let header = |kind| SectionHeader { category: 0, ..header(kind, Codec::Stored, true) };
    let sealed = report(&[22, 23, 24].map(|kind| (header(kind), vec![0xa9; 100])));
    let cases = [
        (Redact::default().category(Category::Screen as u16), Some("private")),
        (Redact::default().field(CONTACT, &[3]), Some("private")),
        (Redact::default().kind(0x8001), Some("private")),
        (Redact::default().kind(7), Some("triage")),
        (Redact::default().category(Category::Essential as u16), Some("triage")),
        (Redact::default().category(Category::FullMemory as u16), Some("full-memory")),
        (Redact::default().kind(19).kind(22), Some("full-memory")),
        (Redact::default().kind(24), None),
        (Redact::default().kind(24).category(Category::FullMemory as u16), None),
        (Redact::default().kind(23).category(Category::Screen as u16), None),
    ];
    for (what, class) in cases {
        match class {
            Some(class) => {
                let error = refused(&sealed, &what);
                assert!(error.contains(&format!("“{class}”")) && error.contains("with the key"), "{error}");
            }
            None => assert!(check(&sealed, &what).1.redaction.is_some()),
        }
    }
}

#[test]
fn a_section_that_loses_fields_is_bounded_and_one_that_stays_is_not() {
    let raw = Contact { description: "x".repeat(2 << 20), ..contact() }.encode_to_vec();
    let whole = report(&[(header(CONTACT, Codec::Zstd, false), raw)]);
    let limits = Limits { raw_total: 1 << 20, ..Limits::default() };
    let error = redact(&whole[..], Vec::new(), &Redact::default().field(CONTACT, &[3]), &limits).expect_err("too much");
    assert!(matches!(error, Error::Limit { limit: 0x10_0000, .. }), "{error}");
    redact(&whole[..], Vec::new(), &Redact::default().kind(15), &limits).expect("nothing is decoded");
}

/// A field of a message of a random shape.
#[derive(Debug, Clone)]
enum Value {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(Vec<u8>),
    Message(Vec<(u32, Value)>),
    Group(Vec<(u32, Value)>),
}

fn fields() -> impl Strategy<Value = Vec<(u32, Value)>> {
    let plain = prop_oneof![
        any::<u64>().prop_map(Value::Varint),
        any::<u64>().prop_map(Value::Fixed64),
        any::<u32>().prop_map(Value::Fixed32),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
    ];
    // Numbers from 10 on are messages wherever they stand, those from 20 on are groups.
    let value = plain.prop_recursive(4, 64, 6, |inner| {
        let several = proptest::collection::vec(inner, 0..6);
        prop_oneof![
            several.clone().prop_map(|values| Value::Message(numbered(values))),
            several.prop_map(|values| Value::Group(numbered(values))),
        ]
    });
    proptest::collection::vec(value, 0..10).prop_map(numbered)
}

fn numbered(values: Vec<Value>) -> Vec<(u32, Value)> {
    let number = |at: usize, value: &Value| match value {
        Value::Message(_) => 10 + at as u32 % 2,
        Value::Group(_) => 20 + at as u32 % 2,
        _ => 1 + at as u32 % 3,
    };
    values.into_iter().enumerate().map(|(at, value)| (number(at, &value), value)).collect()
}

/// The message on the wire without the fields at `path`, and how many these were: written by hand and not by what is tested.
fn encoded(fields: &[(u32, Value)], path: &[u32], found: &mut u32) -> Vec<u8> {
    use prost::encoding::encode_varint;
    let mut out = Vec::new();
    for (number, value) in fields {
        let inner = match path {
            [last] if last == number => {
                *found += 1;
                continue;
            }
            [first, inner @ ..] if first == number => inner,
            _ => &[],
        };
        let tag = |wire_type: u64| u64::from(*number) << 3 | wire_type;
        match value {
            Value::Varint(value) => {
                encode_varint(tag(0), &mut out);
                encode_varint(*value, &mut out);
            }
            Value::Fixed64(value) => {
                encode_varint(tag(1), &mut out);
                out.extend(value.to_le_bytes());
            }
            Value::Fixed32(value) => {
                encode_varint(tag(5), &mut out);
                out.extend(value.to_le_bytes());
            }
            Value::Group(fields) => {
                encode_varint(tag(3), &mut out);
                out.extend(encoded(fields, &[], found));
                encode_varint(tag(4), &mut out);
            }
            Value::Bytes(_) | Value::Message(_) => {
                let content = match value {
                    Value::Message(fields) => encoded(fields, inner, found),
                    Value::Bytes(bytes) => bytes.clone(),
                    _ => unreachable!("matched above"),
                };
                encode_varint(tag(2), &mut out);
                encode_varint(content.len() as u64, &mut out);
                out.extend(content);
            }
        }
    }
    out
}

proptest! {
    #[test]
    fn of_any_message_all_but_the_field_stays_byte_for_byte(
        fields in fields(),
        messages in proptest::collection::vec(10..12_u32, 0..3),
        last in prop_oneof![1..4_u32, 10..12_u32, 20..22_u32],
        codec in prop_oneof![Just(Codec::Stored), Just(Codec::Zstd)],
    ) {
        let path = [messages, vec![last]].concat();
        let mut count = 0;
        let whole = encoded(&fields, &[], &mut 0);
        let expected = encoded(&fields, &path, &mut count);
        let bytes = report(&[(header(0x8001, codec, false), whole)]);
        let (report, redacted) = check(&bytes, &Redact::default().field(0x8001, &path));
        prop_assert_eq!(contents(&report), vec![(0x8001, expected)]);
        prop_assert_eq!(report.sections()[0].header, header(0x8001, codec, false));
        let fields = vec![RedactedField { kind: 0x8001, path, count }];
        prop_assert_eq!(redacted.redaction, (count > 0).then_some(Redaction { sections: vec![], fields }));
    }

    #[test]
    fn of_any_bytes_what_comes_out_is_a_report(bytes in proptest::collection::vec(any::<u8>(), 0..200), path in proptest::collection::vec(1..6_u32, 1..4)) {
        let whole = report(&[(header(0x8001, Codec::Stored, false), bytes)]);
        check(&whole, &Redact::default().field(0x8001, &path));
    }
}

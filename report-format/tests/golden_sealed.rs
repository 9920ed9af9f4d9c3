//! `testkit/sealed/`: reports with sealed sections, and what a reader must say of each without a key and with all of them.
//!
//! age chooses new random numbers each time, so the reports are committed and not made anew: `REGENERATE_SEALED=1` makes all of them,
//! `REGENERATE=1` only the texts.
#![cfg(all(feature = "seal", feature = "zstd"))]

mod common;

use std::{env, fs, io::Cursor, path::Path};

use common::{golden::outcome_of, header, read, report, sealed_by_hand, write_section};
use report_format::{
    Codec, Limits, SectionHeader, Summary, Writer,
    seal::{self, Class, Outcome, Recipient, Recipients, SecretKey, StoredKey, Unkeyed},
};

fn testkit() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testkit")
}

fn key(class: Class) -> SecretKey {
    let text = fs::read_to_string(testkit().join(format!("keys/{class}.txt"))).expect("the testkit is there");
    StoredKey::parse(&text).expect("a file of keys").remove(0).secret
}

/// The outcome with all keys, one fact a line.
fn opened(bytes: &[u8]) -> String {
    let (report, sections) = seal::read(bytes, &Class::ALL.map(key), &Limits::default()).expect("a report");
    let mut text = outcome_of(&report, None);
    for section in sections {
        let keys: Vec<String> = section.keys.iter().map(ToString::to_string).collect();
        let keys = if keys.is_empty() { "none".to_owned() } else { keys.join(" ") };
        let outcome = match section.outcome {
            Outcome::Opened => "opened".to_owned(),
            Outcome::Damaged { read, what, .. } => format!("damaged behind {read} bytes: {what}"),
            other => format!("{other:?}").to_lowercase(),
        };
        text += &format!("sealed: {}, keys {keys}, {outcome}\n", section.class);
    }
    text
}

/// `first_line` is that of the outcome with all keys. Without one, each of these reports is complete.
fn golden(name: &str, first_line: &str, make: impl FnOnce() -> Vec<u8>) {
    let file = testkit().join("sealed").join(format!("{name}.report"));
    if env::var_os("REGENERATE_SEALED").is_some() {
        fs::create_dir_all(testkit().join("sealed")).expect("writable");
        fs::write(&file, make()).expect("writable");
    }
    let bytes = fs::read(&file).expect("the testkit is there");
    let (clear, opened) = (outcome_of(&read(&bytes).expect("a report"), None), opened(&bytes));
    assert!(clear.starts_with("status: complete\n"), "{name}: {clear}");
    assert!(opened.starts_with(first_line), "{name}: {opened}");
    for (ending, outcome) in [("txt", clear), ("opened.txt", opened)] {
        let manifest = file.with_extension(ending);
        if env::var_os("REGENERATE").is_some() {
            fs::write(&manifest, &outcome).expect("writable");
        }
        assert_eq!(fs::read_to_string(&manifest).ok(), Some(outcome), "{name}.{ending} is not the outcome");
    }
}

fn product() -> (SectionHeader, Vec<u8>) {
    (header(1, Codec::Zstd, false), b"\x12\x06Ledger".to_vec())
}

/// A report with one sealed triage section of these raw bytes.
fn with_triage(bytes: Vec<u8>) -> Vec<u8> {
    report(&[(SectionHeader { category: 0, ..header(22, Codec::Stored, true) }, bytes)])
}

fn sealed_triage(plain: &[u8]) -> Vec<u8> {
    sealed_by_hand(&[&key(Class::Triage)], plain)
}

#[test]
fn all_classes_are_opened() {
    golden("all-classes", "status: complete", || {
        let stored = |kind, bytes: &[u8]| (header(kind, Codec::Stored, false), bytes.to_vec());
        let clear = report(&[
            product(),
            stored(8, b"a minidump"),
            stored(0x8001, b"a vendor's own"),
            stored(20, b""),
            stored(21, b"an index of nothing"),
        ]);
        // Each class for its own key, and all for the one of the full memory, as an offline recovery key would be.
        let recipients = Class::ALL.into_iter().flat_map(|class| {
            let keys = if class == Class::FullMemory { vec![class] } else { vec![class, Class::FullMemory] };
            keys.into_iter().map(move |of| Recipient {
                class,
                key: key(of).public().clone(),
                label: String::new(),
                expires: None,
            })
        });
        let recipients = Recipients::new(recipients).expect("few keys");
        let mut sealed = Vec::new();
        seal::seal(Cursor::new(clear), &mut sealed, &recipients, Unkeyed::Refuse, &Limits::default())
            .expect("a report");
        sealed
    });
}

#[test]
fn one_class_may_be_sealed_and_others_in_clear() {
    golden("triage-only", "status: complete", || {
        report(&[
            (header(8, Codec::Stored, false), b"a minidump".to_vec()),
            (SectionHeader { category: 0, ..header(22, Codec::Stored, true) }, sealed_triage(&report(&[product()]))),
        ])
    });
}

#[test]
fn a_list_of_no_keys_or_too_many_is_damage() {
    for (name, count) in [("no-keys", 0_u16), ("too-many-keys", 65)] {
        golden(name, "status: corrupt", || {
            let mut bytes = sealed_triage(&report(&[product()]));
            bytes[..2].copy_from_slice(&count.to_le_bytes());
            with_triage(bytes)
        });
    }
}

#[test]
fn an_age_header_that_was_changed_is_damage() {
    golden("damaged-age-header", "status: corrupt", || {
        let mut bytes = sealed_triage(&report(&[product()]));
        let at = bytes.windows(4).position(|window| window == b"--- ").expect("the line of the MAC");
        bytes[at + 4] = if bytes[at + 4] == b'A' { b'B' } else { b'A' };
        with_triage(bytes)
    });
}

#[test]
fn bytes_that_were_changed_do_not_decrypt() {
    golden("changed-after-sealing", "status: corrupt", || {
        let mut bytes = sealed_triage(&report(&[product()]));
        *bytes.last_mut().expect("some bytes") ^= 1;
        with_triage(bytes)
    });
}

#[test]
fn an_age_file_that_is_cut_gives_nothing_of_its_last_chunk() {
    golden("age-file-cut", "status: corrupt", || {
        let mut bytes = sealed_triage(&report(&[product()]));
        bytes.truncate(bytes.len() - 20);
        with_triage(bytes)
    });
}

#[test]
fn a_seal_inside_a_seal_is_not_opened() {
    golden("seal-inside-a-seal", "status: corrupt", || {
        let inner = sealed_by_hand(&[&key(Class::Private)], &report(&[product()]));
        let nested = (SectionHeader { category: 0, ..header(23, Codec::Stored, true) }, inner);
        with_triage(sealed_triage(&report(&[product(), nested])))
    });
}

#[test]
fn a_report_inside_must_be_the_same_report() {
    golden("other-report-inside", "status: corrupt", || {
        let mut writer = Writer::new(Vec::new(), &Summary::default()).expect("a summary");
        write_section(&mut writer, product().0, &product().1);
        with_triage(sealed_triage(&writer.finish().expect("a vector takes everything").0))
    });
}

#[test]
fn what_is_inside_must_be_a_report() {
    golden("no-report-inside", "status: corrupt", || with_triage(sealed_triage(b"Dear support, it crashed.")));
}

#[test]
fn a_report_inside_that_was_cut_before_it_was_sealed_is_partial() {
    golden("cut-report-inside", "status: partial", || {
        let inner = report(&[product()]);
        with_triage(sealed_triage(&inner[..inner.len() - 10]))
    });
}

#[test]
fn every_sealed_report_has_its_test() {
    let source = include_str!("golden_sealed.rs");
    for file in fs::read_dir(testkit().join("sealed")).expect("the testkit is there") {
        let name = file.expect("readable").file_name().into_string().expect("a name");
        let name = name.split('.').next().expect("a name");
        assert!(source.contains(&format!("\"{name}\"")), "{name} has no test");
    }
}

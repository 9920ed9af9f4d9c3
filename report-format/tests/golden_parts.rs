//! `testkit/parts`: folders of parts, and in each `outcome.txt`, which says what a reader finds in what they make together.
#![cfg(feature = "zstd")]

mod common;

use std::{env, fs, io::Cursor, path::Path};

use common::{golden::outcome, header, report};
use report_format::{Codec, part};

/// A report of three parts, with a section in each.
fn parts() -> Vec<Vec<u8>> {
    let sections = [0x8000, 0x8001, 0x8002].map(|kind: u16| {
        let raw: Vec<u8> = (0..1200_u32).map(|at| (at / 10) as u8 ^ kind as u8).collect();
        (header(kind, Codec::Stored, false), raw)
    });
    let mut split = part::Split::new(Cursor::new(report(&sections)), 2048).expect("a report");
    (0..split.count())
        .map(|number| {
            let mut bytes = Vec::new();
            split.write(number, &mut bytes).expect("a vector takes everything");
            bytes
        })
        .collect()
}

/// `files` are named in their order; they are joined in the opposite one.
fn golden_parts(name: &str, first_line: &str, files: &[&[u8]]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testkit/parts").join(name);
    let mut joined = Vec::new();
    part::join(files.iter().rev().map(Cursor::new), &mut joined).expect("parts of one report");
    let outcome = outcome(&joined);
    assert!(outcome.starts_with(first_line), "{name}: {outcome}");
    let names: Vec<String> = (0..files.len()).map(|number| format!("{number}.part")).collect();
    if env::var_os("REGENERATE").is_some() {
        fs::create_dir_all(&folder).expect("writable");
        for (name, file) in names.iter().zip(files) {
            fs::write(folder.join(name), file).expect("writable");
        }
        fs::write(folder.join("outcome.txt"), &outcome).expect("writable");
    }
    for (file, bytes) in names.iter().zip(files) {
        assert!(
            fs::read(folder.join(file)).ok().as_deref() == Some(*bytes),
            "{name}/{file} is not what is written now"
        );
    }
    assert_eq!(fs::read_to_string(folder.join("outcome.txt")).ok(), Some(outcome), "{name} has another outcome");
}

#[test]
fn all_parts_make_the_report() {
    let [first, second, third] = &parts()[..] else { panic!("three parts") };
    golden_parts("all", "status: complete", &[first, second, third]);
}

#[test]
fn a_part_that_came_twice_counts_once() {
    let [first, second, third] = &parts()[..] else { panic!("three parts") };
    golden_parts("one-twice", "status: complete", &[first, second, second, third]);
}

#[test]
fn without_the_middle_part_its_section_is_lost() {
    let [first, _, third] = &parts()[..] else { panic!("three parts") };
    golden_parts("middle-missing", "status: partial", &[first, third]);
}

#[test]
fn without_the_last_part_the_report_is_cut() {
    let [first, second, _] = &parts()[..] else { panic!("three parts") };
    golden_parts("last-missing", "status: partial", &[first, second]);
}

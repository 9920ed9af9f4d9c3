//! Every input that the fuzzers start from, and every one that they once failed on, through the same functions.
#![cfg(all(feature = "export", feature = "seal"))]

#[path = "../../fuzz/src/targets.rs"]
#[allow(unreachable_pub)]
mod targets;

use std::{fs, path::Path};

fn replay(target: &str, run: fn(&[u8])) {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let mut inputs = 0;
    for folder in ["corpus", "regressions"] {
        // Regressions have a folder only once there was one.
        for file in fs::read_dir(fuzz.join(folder).join(target)).into_iter().flatten() {
            let path = file.expect("readable").path();
            println!("{}", path.display());
            run(&fs::read(&path).expect("readable"));
            inputs += 1;
        }
    }
    assert!(inputs > 0, "no input for {target}");
}

/// Every report and part of the testkit, behind the bytes that tell the target what to do with it. `scripts/fuzz` begins with the same.
fn replay_testkit(before: &[u8], run: fn(&[u8])) {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("testkit")];
    let mut inputs = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "report" || end == "part") {
                println!("{}", path.display());
                run(&[before, &fs::read(&path).expect("readable")].concat());
                inputs += 1;
            }
        }
    }
    assert!(inputs > 50, "{inputs} reports in the testkit");
}

#[test]
fn decode_takes_every_known_input() {
    replay("decode", targets::decode);
    replay_testkit(b"", targets::decode);
}

#[test]
fn split_takes_every_known_input() {
    replay("split", targets::split);
    replay_testkit(b"(", targets::split);
}

#[test]
fn roundtrip_takes_every_known_input() {
    replay("roundtrip", targets::roundtrip);
}

#[test]
fn memory_image_takes_every_known_input() {
    replay("memory_image", targets::memory_image);
    replay_testkit(b"", targets::memory_image);
}

#[test]
fn memory_source_takes_every_known_input() {
    replay("memory_source", targets::memory_source);
}

#[test]
fn recover_takes_every_known_input() {
    replay("recover", targets::recover);
    replay_testkit(b"", targets::recover);
}

#[test]
fn seal_open_takes_every_known_input() {
    replay("seal_open", targets::seal_open);
    replay_testkit(b"", targets::seal_open);
}

#[test]
fn rewrite_takes_every_known_input() {
    replay("rewrite", targets::rewrite);
    replay_testkit(b"\x08\x00", targets::rewrite);
    replay_testkit(b"!\x03", targets::rewrite);
}

#[test]
fn short_inputs_are_taken_as_well() {
    for length in 0..64 {
        let input = vec![0x8f; length];
        targets::decode(&input);
        targets::split(&input);
        targets::roundtrip(&input);
        targets::memory_image(&input);
        targets::memory_source(&input);
        targets::seal_open(&input);
        targets::recover(&input);
        targets::rewrite(&input);
    }
}

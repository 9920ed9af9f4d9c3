//! Every input that the fuzzers start from, and every one that they once failed on, through the same functions.
#![cfg(feature = "seal")]

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

#[test]
fn decode_takes_every_known_input() {
    replay("decode", targets::decode);
}

#[test]
fn split_takes_every_known_input() {
    replay("split", targets::split);
}

#[test]
fn roundtrip_takes_every_known_input() {
    replay("roundtrip", targets::roundtrip);
}

#[test]
fn memory_image_takes_every_known_input() {
    replay("memory_image", targets::memory_image);
}

#[test]
fn recover_takes_every_known_input() {
    replay("recover", targets::recover);
}

#[test]
fn rewrite_takes_every_known_input() {
    replay("rewrite", targets::rewrite);
}

#[test]
fn seal_open_takes_every_known_input() {
    replay("seal_open", targets::seal_open);
}

#[test]
fn short_inputs_are_taken_as_well() {
    for length in 0..64 {
        let input = vec![0x8f; length];
        targets::decode(&input);
        targets::split(&input);
        targets::roundtrip(&input);
        targets::memory_image(&input);
        targets::seal_open(&input);
        targets::recover(&input);
        targets::rewrite(&input);
    }
}

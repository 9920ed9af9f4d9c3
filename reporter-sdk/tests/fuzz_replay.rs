//! Every input that the fuzzers of the handler's parsers and of what replaces names start from, and every one that they once failed on.
// Not on Windows: the inputs begin with what a product on Linux leaves, registers and all, and some parsers are of Linux's files.
#![cfg(target_os = "linux")]

use std::{fs, path::Path};

use reporter_sdk::fuzzing;

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
fn the_minidump_filter_takes_every_known_input() {
    replay("minidump_filter", fuzzing::minidump_filter);
}

#[test]
fn the_snapshot_of_shared_memory_takes_every_known_input() {
    replay("snapshot", fuzzing::snapshot);
}

#[test]
fn what_a_print_server_answers_takes_every_known_input() {
    replay("printers", fuzzing::printers);
}

#[test]
fn what_hardware_says_of_itself_takes_every_known_input() {
    replay("hardware", fuzzing::hardware);
}

#[test]
fn what_is_installed_takes_every_known_input() {
    replay("packages", fuzzing::packages);
}

#[test]
fn a_thumbnail_takes_every_known_input() {
    replay("thumbnail", fuzzing::thumbnail);
}

#[test]
fn prose_takes_every_known_input() {
    replay("prose", fuzzing::prose);
}

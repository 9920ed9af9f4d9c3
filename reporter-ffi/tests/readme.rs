//! What the README shows compiles.
// Not on Windows: programs there cannot start a compiler that runs here; the C product and the crash matrix are compiled by scripts.
#![cfg(target_os = "linux")]

mod support;

use std::fs;

#[test]
fn the_readmes_c_example_compiles_and_runs_without_a_handler() {
    let readme = fs::read_to_string(support::package().join("../README.md")).expect("the README");
    let (_, rest) = readme.split_once("```c\n").expect("an example in C");
    let (example, _) = rest.split_once("```").expect("its end");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = folder.path().join("example.c");
    fs::write(&source, example).expect("written");
    let program = support::compile(&source, support::Link::Dynamic, folder.path());
    support::run(std::process::Command::new(program).current_dir(folder.path()));
}

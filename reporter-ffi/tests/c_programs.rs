//! Programs in C and C++, compiled against the header and run with the library, shared and static.
// Not on Windows: they are compiled by the test; there scripts/windows/product and the crash matrix compile.
#![cfg(target_os = "linux")]

use std::{path::PathBuf, process::Command};

mod support;

use support::{Link, compile, no_handler, package, run};

const BOTH: [Link; 2] = [Link::Dynamic, Link::Static];

fn source(name: &str) -> PathBuf {
    package().join("tests/c").join(name)
}

#[test]
fn every_function_called_wrongly_answers_with_a_status() {
    for link in BOTH {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let program = compile(&source("misuse.c"), link, folder.path());
        let output = run(Command::new(program).arg(no_handler(folder.path())));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "ok\n", "{link:?}");
    }
}

#[test]
fn a_missing_handler_is_named_and_the_product_runs() {
    for link in BOTH {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let program = compile(&source("missing_handler.c"), link, folder.path());
        let handler = no_handler(folder.path());
        let output = run(Command::new(program).arg(&handler));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains(handler.to_str().expect("UTF-8")), "{link:?}: the soft errors name no path: {text:?}");
    }
}

#[test]
fn the_header_serves_cpp_as_well() {
    for link in BOTH {
        let folder = tempfile::tempdir().expect("a temporary folder");
        run(&mut Command::new(compile(&source("header.cpp"), link, folder.path())));
    }
}

#[test]
fn options_and_errors_are_freed_by_whoever_takes_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = compile(&source("ownership.c"), Link::Dynamic, folder.path());
    let handler = no_handler(folder.path());
    run(Command::new(&program).arg(&handler));
    // Where valgrind is not installed, the run above is all that can be had.
    if Command::new("valgrind").arg("--version").output().is_err() {
        return;
    }
    run(Command::new("valgrind")
        .args(["--quiet", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect"])
        .arg(&program)
        .arg(&handler));
}

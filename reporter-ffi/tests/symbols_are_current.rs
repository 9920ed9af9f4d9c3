//! What the shared library offers to the loader: the functions of the header and nothing else.
//! `REGENERATE=1 cargo test -p reporter-ffi --test symbols_are_current` rewrites the list.
// Not on Windows: it reads an ELF library. What reporter.dll exports is compared by scripts/windows/import-libs.
#![cfg(target_os = "linux")]

use std::{collections::BTreeSet, env, fs, process::Command};

mod support;

use support::{library, package, run};

#[test]
fn the_library_exports_the_committed_symbols_alone() {
    let output = run(Command::new("nm")
        .args(["--dynamic", "--defined-only", "--format=posix"])
        .arg(library().join("libreporter.so")));
    let exported: BTreeSet<String> = String::from_utf8(output.stdout)
        .expect("nm writes text")
        .lines()
        .filter_map(|line| line.split(' ').next().map(str::to_owned))
        .collect();
    let committed = package().join("symbols.txt");
    if env::var_os("REGENERATE").is_some() {
        let lines: String = exported.iter().map(|name| format!("{name}\n")).collect();
        fs::write(&committed, lines).expect("writable");
    }
    let expected = fs::read_to_string(&committed).unwrap_or_default();
    let expected: BTreeSet<String> = expected.lines().map(str::to_owned).collect();
    let (missing, more): (Vec<_>, Vec<_>) =
        (expected.difference(&exported).collect(), exported.difference(&expected).collect());
    assert!(
        missing.is_empty() && more.is_empty(),
        "no longer exported: {missing:?}; exported, but not in symbols.txt: {more:?}. If that is meant: REGENERATE=1, and commit the result"
    );
    assert!(exported.iter().all(|name| name.starts_with("reporter_")), "not ours: {exported:?}");
}

#[test]
fn the_header_declares_what_the_library_exports() {
    let header = fs::read_to_string(package().join("include/reporter.h")).expect("the header");
    // reporter.dll has more functions, within an #if: scripts/test-windows compares what it exports with both lists.
    let list = |name: &str| fs::read_to_string(package().join(name)).expect("the list");
    let (symbols, more) = (list("symbols.txt"), list("symbols-windows.txt"));
    let declared: BTreeSet<&str> = header
        .lines()
        .filter(|line| !line.trim_start().starts_with(['*', '/']))
        .filter_map(|line| line.split_once('(').and_then(|(before, _)| before.rsplit([' ', '*']).next()))
        .filter(|name| name.starts_with("reporter_"))
        .collect();
    assert_eq!(declared, symbols.lines().chain(more.lines()).collect());
}

#[test]
fn the_library_is_named_by_its_abi_and_never_unloaded() {
    let output = run(Command::new("readelf").arg("--dynamic").arg("--wide").arg(library().join("libreporter.so")));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("Library soname: [libreporter.so.0]"), "{text}");
    assert!(text.contains("NODELETE"), "{text}");
}

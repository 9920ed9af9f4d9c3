//! Programs in C and C++, compiled against the header and run with the library, shared and static.
// Not on Windows: they are compiled by the test; there scripts/windows/product and the crash matrix compile.
#![cfg(target_os = "linux")]

use std::{
    env,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

mod support;

use support::{Link, compile, compile_by, no_handler, package, run};

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
}

/// Runs a program where valgrind looks at each access and counts what is left at the end.
fn under_valgrind(program: &Path, handler: &Path) {
    if Command::new("valgrind").arg("--version").output().is_err() {
        let what = "valgrind is missing: `scripts/setup test` installs it";
        assert!(env::var_os("CI").is_none(), "{what}");
        let _ = writeln!(io::stderr(), "\nSKIPPED, {what}\n");
        return;
    }
    run(Command::new("valgrind")
        .args(["--quiet", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect"])
        .arg(program)
        .arg(handler));
}

/// A leak, a byte beyond an end or one that nobody has written ends the program.
#[test]
fn valgrind_and_the_sanitizers_have_nothing_to_say_of_them() {
    for name in ["misuse.c", "missing_handler.c", "ownership.c"] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let handler = no_handler(folder.path());
        under_valgrind(&compile(&source(name), Link::Dynamic, folder.path()), &handler);
        for link in BOTH {
            let program = folder.path().join(format!("{link:?}"));
            let sanitizers = ["-std=c11", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
            compile_by("cc", &program, &[&source(name)], link, &sanitizers);
            run(Command::new(program).arg(&handler));
        }
    }
}

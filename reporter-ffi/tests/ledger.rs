//! The example product in C: it works, and each of its bugs comes out the same way every time.
// Not on Windows: it asks in a Unix terminal. The C product there: scripts/windows/product.
#![cfg(target_os = "linux")]

use std::{
    io::Write,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Output, Stdio},
};

mod support;

use support::{Link, compile, file, no_handler, package};

const SIGABRT: i32 = 6;
const SIGSEGV: i32 = 11;

/// Runs the ledger without a handler, on these lines of input.
fn ledger(program: &Path, config: &Path, input: &str) -> Output {
    let mut child = Command::new(program)
        .arg("--config")
        .arg(config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("just compiled");
    // A product that crashed does not read on.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    child.wait_with_output().expect("it ends")
}

#[test]
fn the_ledger_works_and_its_bugs_come_out_the_same_way_every_time() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = compile(&package().join("examples/ledger.c"), Link::Dynamic, folder.path());
    let config = file(folder.path(), "ledger.conf", &format!("handler = {}\n", no_handler(folder.path()).display()));
    let statement = file(folder.path(), "statement", "100 salary\n-30 rent\n");
    let broken = file(folder.path(), "broken", "100 salary\nrent\n");
    let (statement, broken) = (statement.display(), broken.display());

    let good =
        ledger(&program, &config, &format!("open a\nimport {statement}\nadd 5 x\nundo\nreport\nclose\nn\nquit\n"));
    let text = String::from_utf8_lossy(&good.stdout).into_owned();
    assert!(good.status.success(), "{good:?}");
    assert!(text.ends_with("        70  total\nkept\n"), "{text}");

    let missing = ledger(&program, &config, "open a\nimport /no/such/file\n");
    assert!(missing.status.success(), "{missing:?}");
    assert!(String::from_utf8_lossy(&missing.stdout).contains("cannot import /no/such/file: No such file"));

    // Freed memory holds what the allocator leaves there: not the same for one entry as for more than its caches take.
    for entries in [1, 2, 3, 8, 40] {
        for _ in 0..5 {
            let input = format!("open a\n{}close\ny\nundo\nquit\n", "add 1 x\n".repeat(entries));
            let freed = ledger(&program, &config, &input);
            assert_eq!(freed.status.signal(), Some(SIGSEGV), "{entries} entries: {freed:?}");
        }
    }
    let index = ledger(&program, &config, "open a\nmonth 999999999\n");
    assert_eq!(index.status.signal(), Some(SIGSEGV), "{index:?}");
    let total = ledger(&program, &config, &format!("open a\nimport {broken}\nreport\n"));
    assert_eq!(total.status.signal(), Some(SIGABRT), "{total:?}");
    assert!(String::from_utf8_lossy(&total.stdout).contains("line 2 is not an amount and a text"), "{total:?}");
}

#[test]
fn a_wrong_configuration_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = compile(&package().join("examples/ledger.c"), Link::Dynamic, folder.path());
    for (line, message) in [
        ("colour = red", "ledger: colour: is not a key of the configuration"),
        ("never = everything", "ledger: everything: is not a category"),
        ("port = 70000\nhost = h", "ledger: port: is not between 0 and 65535"),
        ("host = h\npassword-file = /no/such/file", "ledger: /no/such/file: No such file or directory"),
        ("to = caf\u{fffd}\nfrom", "a line is not `key = value`"),
    ] {
        let output = ledger(&program, &file(folder.path(), "ledger.conf", line), "");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{line}: {output:?}");
        assert!(text.contains(message), "{line}: {text}");
    }
}

//! Reports made of reports: whole files, for their owner only, never over others.

mod common;

use std::fs;
use std::path::Path;

use common::{HOSTILE, Run, full_report, reportdecode, small_report};
use report_format::{Limits, Report, Status};
use tempfile::tempdir;

fn recover(input: &Path, output: &Path) -> Run {
    reportdecode(&["recover".as_ref(), input.as_os_str(), "--output".as_ref(), output.as_os_str()], b"")
}

#[test]
fn what_is_whole_of_a_cut_report_is_saved_and_the_rest_is_told() {
    let directory = tempdir().unwrap();
    let [cut, saved, again] = ["cut", "saved", "again"].map(|name| directory.path().join(format!("{name}.report")));
    let whole = full_report("");
    fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let run = recover(&cut, &saved);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stdout.contains("saved.report: ") && run.stdout.contains("lost      "), "{}", run.stdout);
    let (before, after) = (fs::read(&cut).unwrap(), fs::read(&saved).unwrap());
    let read = |bytes: &[u8]| Report::read(bytes, &Limits::default()).unwrap();
    assert_eq!(read(&after).status(), Status::Partial);
    assert_eq!(read(&after).summary(), read(&before).summary());
    let run = recover(&saved, &again);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("nothing of it was lost"), "{}", run.stdout);
    assert!(fs::read(&again).unwrap() == after);
}

#[test]
fn nothing_is_overwritten_and_nothing_unfinished_is_left() {
    let directory = tempdir().unwrap();
    let [report, taken] = ["a.report", "b.report"].map(|name| directory.path().join(name));
    fs::write(&report, small_report(1, "Ledger")).unwrap();
    fs::write(&taken, "mine").unwrap();
    let run = recover(&report, &taken);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("b.report: exists already"), "{}", run.stderr);
    assert_eq!(fs::read(&taken).unwrap(), b"mine");

    let text = directory.path().join(format!("text{HOSTILE}"));
    fs::write(&text, "Dear support").unwrap();
    let run = recover(&text, &directory.path().join("c.report"));
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("not an error report but a text file"), "{}", run.stderr);
    common::assert_harmless(&run.stderr);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3, "an unfinished file is left");
}

#[cfg(unix)]
#[test]
fn a_new_report_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempdir().unwrap();
    let [report, saved] = ["a.report", "b.report"].map(|name| directory.path().join(name));
    fs::write(&report, small_report(1, "Ledger")).unwrap();
    assert_eq!(recover(&report, &saved).code, 0);
    assert_eq!(fs::metadata(&saved).unwrap().permissions().mode() & 0o777, 0o600);
}

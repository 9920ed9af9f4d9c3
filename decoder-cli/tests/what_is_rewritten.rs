//! Reports made of reports: whole files, for their owner only, never over others.

mod common;

use std::fs;
use std::path::Path;

use common::{HOSTILE, Run, full_report, reportdecode, small_report};
use report_format::schema::v1::{Contact, SectionKind};
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

    // On Windows no name has an ASCII control; the rest is as possible there.
    let possible: String = HOSTILE.chars().filter(|c| cfg!(unix) || !c.is_ascii_control()).collect();
    let text = directory.path().join(format!("text{possible}"));
    fs::write(&text, "Dear support").unwrap();
    let run = recover(&text, &directory.path().join("c.report"));
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("not an error report but a text file"), "{}", run.stderr);
    common::assert_harmless(&run.stderr);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3, "an unfinished file is left");
}

// Not on Windows: there are no modes; what is done in their place, private/windows.rs tests.
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

fn run(command: &[&str], paths: &[&Path], output: &Path) -> Run {
    let mut arguments: Vec<&std::ffi::OsStr> = command.iter().map(AsRef::as_ref).collect();
    arguments.extend(paths.iter().map(|path| path.as_os_str()));
    arguments.extend(["--output".as_ref(), output.as_os_str()]);
    reportdecode(&arguments, b"")
}

fn read(path: &Path) -> Report {
    Report::read(&fs::read(path).unwrap()[..], &Limits::default()).unwrap()
}

#[test]
fn what_is_dropped_by_name_is_gone_and_told() {
    let directory = tempdir().unwrap();
    let [whole, less] = ["whole", "less"].map(|name| directory.path().join(format!("{name}.report")));
    fs::write(&whole, full_report("")).unwrap();
    let command = [
        "redact",
        "--drop-category",
        "screen",
        "--drop-kind",
        "minidump",
        "--drop-kind",
        "0x8001",
        "--drop-field",
        "contact.email",
        "--drop-field",
        "actions.actions.task.name",
    ];
    let run = run(&command, &[&whole], &less);
    assert_eq!(run.code, 0, "{}", run.stderr);
    for line in [
        "less.report: ",
        "left out  minidump, 1 section",
        "left out  0x8001, 1 section",
        "left out  screen, ",
        "left out  contact.email, 1 time",
        "left out  actions.actions.task.name, ",
    ] {
        assert!(run.stdout.contains(line), "{line}: {}", run.stdout);
    }
    let (before, after) = (read(&whole), read(&less));
    assert_eq!(after.status(), Status::Complete);
    let kinds = |report: &Report| report.sections().iter().map(|section| section.header.kind).collect::<Vec<_>>();
    let mut expected = kinds(&before);
    expected.retain(|kind| ![8, 15, 0x8001].contains(kind));
    expected.push(SectionKind::Redaction as u16);
    assert_eq!(kinds(&after), expected);
    let contact = |report: &Report| report.message::<Contact>(SectionKind::Contact).unwrap().unwrap();
    assert!(!contact(&before).email.is_empty());
    assert_eq!(contact(&after), Contact { email: String::new(), ..contact(&before) });
}

#[test]
fn what_is_not_there_cannot_be_dropped_and_that_is_told() {
    let directory = tempdir().unwrap();
    let [whole, same] = ["whole", "same"].map(|name| directory.path().join(format!("{name}.report")));
    fs::write(&whole, small_report(1, "Ledger")).unwrap();
    let run = run(&["redact", "--drop-kind", "screen"], &[&whole], &same);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("nothing was left out"), "{}", run.stdout);
    assert_eq!(fs::read(&whole).unwrap(), fs::read(&same).unwrap());
}

#[test]
fn names_that_are_wrong_are_answered_with_those_there_are() {
    let directory = tempdir().unwrap();
    let [whole, less] = ["whole", "less"].map(|name| directory.path().join(format!("{name}.report")));
    fs::write(&whole, small_report(1, "Ledger")).unwrap();
    let cases = [
        (&["redact", "--drop-category", "screens"][..], "essential, actions, memory"),
        (&["redact", "--drop-kind", "dump"], "minidump, processes"),
        (&["redact", "--drop-field", "contact.mail"], "first_name, last_name, email"),
        (&["redact"], "--drop-category"),
        (&["split", "--size", "7 apples"], "like 7M"),
        (&["split", "--size", "1K0"], "like 7M"),
        (&["split", "--size", "99999999999G"], "like 7M"),
    ];
    for (command, expected) in cases {
        let run = run(command, &[&whole], &less);
        assert_eq!(run.code, 2, "{command:?}");
        assert!(run.stderr.contains(expected), "{command:?}: {}", run.stderr);
        assert!(!less.exists());
    }
}

#[test]
fn a_damaged_report_is_not_redacted_before_it_is_recovered() {
    let directory = tempdir().unwrap();
    let [cut, saved, less] = ["cut", "saved", "less"].map(|name| directory.path().join(format!("{name}.report")));
    let whole = full_report("");
    fs::write(&cut, &whole[..whole.len() - 100]).unwrap();
    let refused = run(&["redact", "--drop-kind", "screen"], &[&cut], &less);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("cut.report: the report is damaged") && refused.stderr.contains("recover"),
        "{}",
        refused.stderr
    );
    assert!(!less.exists());
    assert_eq!(recover(&cut, &saved).code, 3);
    assert_eq!(run(&["redact", "--drop-kind", "screen"], &[&saved], &less).code, 0);
    assert_eq!(read(&less).status(), Status::Partial);
}

/// Cuts a report into parts of 2 KiB. The answer is their paths, in order.
fn split(directory: &Path, report: &[u8]) -> Vec<std::path::PathBuf> {
    let (whole, parts) = (directory.join("whole.report"), directory.join("parts"));
    fs::write(&whole, report).unwrap();
    let run = run(&["split", "--size", "2K"], &[&whole], &parts);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let mut paths: Vec<_> = fs::read_dir(&parts).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in &paths {
        assert!(fs::metadata(path).unwrap().len() <= 2048);
        assert!(run.stdout.contains(path.file_name().unwrap().to_str().unwrap()), "{}", run.stdout);
    }
    paths
}

#[test]
fn parts_in_any_order_make_the_report_again() {
    let directory = tempdir().unwrap();
    let report = full_report("");
    let paths = split(directory.path(), &report);
    assert!(paths.len() > 2);
    let mut shuffled: Vec<&Path> = paths.iter().rev().map(std::path::PathBuf::as_path).collect();
    shuffled.push(&paths[1]);
    let joined = directory.path().join("joined.report");
    let run = run(&["join"], &shuffled, &joined);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("the whole report"), "{}", run.stdout);
    assert!(fs::read(&joined).unwrap() == report);
}

/// No shell of Windows does that for a program.
#[cfg(windows)]
#[test]
fn a_star_stands_for_all_parts() {
    let directory = tempdir().unwrap();
    let report = full_report("");
    let parts = split(directory.path(), &report);
    let joined = directory.path().join("joined.report");
    let run = run(&["join"], &[&parts[0].with_file_name("PART-*.reportpart")], &joined);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(fs::read(&joined).unwrap() == report);
}

#[test]
fn missing_parts_are_named_and_what_is_there_can_be_recovered() {
    let directory = tempdir().unwrap();
    let paths = split(directory.path(), &full_report(""));
    let [joined, saved] = ["joined", "saved"].map(|name| directory.path().join(format!("{name}.report")));
    let all_but_second: Vec<&Path> =
        paths.iter().filter(|path| **path != paths[1]).map(std::path::PathBuf::as_path).collect();
    let run = run(&["join"], &all_but_second, &joined);
    assert_eq!(run.code, 3, "{}", run.stderr);
    let missing = format!("part 2 of {} is missing", paths.len());
    assert!(run.stdout.contains(&missing) && run.stdout.contains("reportdecode recover"), "{}", run.stdout);
    assert_eq!(recover(&joined, &saved).code, 3);
    assert_eq!(read(&saved).status(), Status::Partial);
}

#[test]
fn what_is_no_part_of_the_same_report_is_refused_by_name() {
    let directory = tempdir().unwrap();
    let paths = split(directory.path(), &full_report(""));
    let other = directory.path().join("other");
    fs::create_dir(&other).unwrap();
    let others = split(&other, &small_report(1, "Ledger"));
    let [text, joined] = ["text", "joined"].map(|name| directory.path().join(name));
    fs::write(&text, "Dear support").unwrap();
    for (wrong, expected) in [
        (&text, "text: this is not an error report but a text file"),
        (&directory.path().join("whole.report"), "whole.report: this is a whole report"),
        (&others[0], "do not belong together"),
    ] {
        let run = run(&["join"], &[&paths[0], wrong], &joined);
        assert_eq!(run.code, 1);
        assert!(run.stderr.contains(expected), "{}", run.stderr);
        assert!(!joined.exists());
    }
    // And a part is no report.
    let run = reportdecode(&["verify".as_ref(), paths[0].as_os_str()], b"");
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("join all its parts first"), "{}", run.stderr);
}

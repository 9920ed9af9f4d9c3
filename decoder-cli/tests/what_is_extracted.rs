//! Files written by `extract`: ours by name, for their owner only, never over others.

mod common;

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use common::{Builder, HOSTILE, assert_harmless, full_report, mail, reportdecode, small_report};
use report_format::schema::v1::{Attachment, Category, SectionKind};
use tempfile::tempdir;

fn extract(report: &[u8], output: &Path) -> common::Run {
    reportdecode(&["extract".as_ref(), "-".as_ref(), "--output".as_ref(), output.as_os_str()], report)
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_part_becomes_a_file_whose_name_is_ours() {
    let directory = tempdir().unwrap();
    let output = directory.path().join("made/here");
    let run = extract(&full_report(HOSTILE), &output);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let expected = [
        "attachment-001.bin",
        "attachment-002.bin",
        "minidump.dmp",
        "report.json",
        "screen-001.png",
        "section-020-kind-0x8001.bin",
    ];
    assert_eq!(names(&output), expected);
    assert_eq!(fs::read(output.join("attachment-001.bin")).unwrap(), b"line 1\nline 2\n");
    assert_eq!(fs::read(output.join("section-020-kind-0x8001.bin")).unwrap(), b"vendor's own");
    assert_eq!(names(directory.path()), ["made"], "nothing went anywhere else");
    assert_harmless(&run.stdout);
    for name in expected {
        assert!(run.stdout.contains(name), "{}", run.stdout);
    }
}

// Not on Windows: there are no modes; what is done in their place, private/windows.rs tests.
#[cfg(unix)]
#[test]
fn files_and_directory_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempdir().unwrap();
    let output = directory.path().join("out");
    extract(&full_report(""), &output);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&output), 0o700);
    for name in names(&output) {
        assert_eq!(mode(&output.join(name)), 0o600);
    }
}

#[test]
fn names_that_mean_something_to_windows_reach_no_file() {
    const NAMES: [&str; 12] = [
        "CON",
        "nul.txt",
        "COM1",
        "LPT\u{b9}",
        "C:evil.bin",
        "C:\\evil.bin",
        "..\\..\\evil.bin",
        "\\\\server\\share\\evil.bin",
        "\\\\?\\C:\\evil.bin",
        "evil.bin:stream",
        "evil. .",
        "a<b>c|d?e*",
    ];
    let report = NAMES.iter().fold(Builder::new(1), |report, name| {
        let attachment =
            Attachment { name: (*name).into(), content: name.as_bytes().to_vec(), ..Attachment::default() };
        report.with(SectionKind::Attachment, Category::Attachments, &attachment)
    });
    let directory = tempdir().unwrap();
    let run = extract(&report.finish(), &directory.path().join("out"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let made = names(&directory.path().join("out"));
    assert_eq!(made.len(), NAMES.len() + 1);
    assert!(made.iter().all(|name| name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '.'))), "{made:?}");
    for (number, name) in (1..).zip(NAMES) {
        let path = directory.path().join(format!("out/attachment-{number:03}.bin"));
        assert_eq!(fs::read(path).unwrap(), name.as_bytes());
        assert!(run.stdout.contains(&format!("“{name}”")), "{name} is told, not used: {}", run.stdout);
    }
    assert_eq!(names(directory.path()), ["out"], "nothing went anywhere else");
}

/// Beyond the 260 characters to which Windows holds paths that are not written in its long way, `\\\\?\\C:\\…`.
#[test]
fn long_paths_and_names_of_any_language_are_read_and_written() {
    let directory = tempdir().unwrap();
    let deep =
        (0..6).fold(directory.path().to_owned(), |path, _| path.join("Ärger 日本語 ".to_owned() + &"x".repeat(60)));
    assert!(deep.as_os_str().len() > 360);
    let run = extract(&full_report(""), &deep);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("Ärger 日本語"), "{}", run.stdout);
    assert_eq!(fs::read(deep.join("attachment-001.bin")).unwrap(), b"line 1\nline 2\n");
    let report = deep.join("日本語.report");
    fs::write(&report, small_report(1, "Ledger")).unwrap();
    // Not under Wine: Wine 8 canonicalises no path of more than 260 characters, so the long way of writing it is made by hand.
    let mut written_long = OsString::from(if cfg!(windows) { r"\\?\" } else { "" });
    written_long.push(&report);
    for path in [report.as_os_str(), &written_long] {
        let run = reportdecode(&["verify".as_ref(), path], b"");
        assert_eq!(run.code, 0, "{path:?}: {}", run.stderr);
    }
}

/// Windows has no modes: what is written outside of the profile folder is as open as its folder, and that is said.
#[cfg(windows)]
#[test]
fn what_is_written_outside_of_the_profile_folder_is_said_once() {
    let directory = tempdir().unwrap();
    let run = |profile: &Path, output: &str| {
        let report = directory.path().join("full.report");
        fs::write(&report, full_report("")).unwrap();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_reportdecode"))
            .args(["extract".as_ref(), report.as_os_str(), "-o".as_ref(), directory.path().join(output).as_os_str()])
            .env("USERPROFILE", profile)
            .output()
            .unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(run(directory.path(), "inside"), "");
    let elsewhere = tempdir().unwrap();
    let said = run(elsewhere.path(), "outside");
    assert!(said.lines().count() == 1 && said.contains("outside of your profile folder"), "{said}");
}

#[test]
fn nothing_is_overwritten() {
    let directory = tempdir().unwrap();
    fs::write(directory.path().join("attachment-001.bin"), "mine").unwrap();
    let run = extract(&full_report(""), directory.path());
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("exists already"), "{}", run.stderr);
    assert_eq!(fs::read(directory.path().join("attachment-001.bin")).unwrap(), b"mine");
}

// Not on Windows: to make a link takes a right there that people do not have.
#[cfg(unix)]
#[test]
fn a_link_is_not_followed() {
    let directory = tempdir().unwrap();
    let target = directory.path().join("target");
    let output = directory.path().join("out");
    fs::create_dir(&output).unwrap();
    std::os::unix::fs::symlink(&target, output.join("report.json")).unwrap();
    assert_eq!(extract(&full_report(""), &output).code, 1);
    assert!(!target.exists());
}

#[test]
fn several_reports_get_a_folder_each() {
    let directory = tempdir().unwrap();
    let reports = [1, 2].map(|id| {
        let path = directory.path().join(format!("{id}.report"));
        fs::write(&path, small_report(id, "Ledger")).unwrap();
        path
    });
    let output = directory.path().join("out");
    let arguments =
        ["extract".as_ref(), reports[0].as_os_str(), reports[1].as_os_str(), "-o".as_ref(), output.as_os_str()];
    let run = reportdecode(&arguments, b"");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(names(&output), ["report-001", "report-002"]);
    assert_eq!(names(&output.join("report-002")), ["report.json"]);
}

#[test]
fn an_output_that_is_a_file_is_an_error_in_words() {
    let directory = tempdir().unwrap();
    let output = directory.path().join("file");
    fs::write(&output, "mine").unwrap();
    let run = extract(&full_report(""), &output);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("cannot be made"), "{}", run.stderr);
    assert_eq!(fs::read(&output).unwrap(), b"mine");
}

#[test]
fn the_rest_of_a_cut_report_is_extracted_with_its_loss_in_the_exit_code() {
    let directory = tempdir().unwrap();
    let report = full_report("");
    let run = extract(&report[..report.len() - 200], directory.path());
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(names(directory.path()).contains(&"attachment-001.bin".to_owned()));
}

#[test]
fn a_report_in_a_mail_is_written_as_it_was_attached() {
    let directory = tempdir().unwrap();
    let report = small_report(1, "Ledger");
    let run = extract(mail("Error report", &report).as_bytes(), &directory.path().join("whole"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(fs::read(directory.path().join("whole/report.report")).unwrap(), report);

    let mut damaged = report;
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let run = extract(mail("Error report", &damaged).as_bytes(), &directory.path().join("damaged"));
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert_eq!(fs::read(directory.path().join("damaged/report.report")).unwrap(), damaged);
}

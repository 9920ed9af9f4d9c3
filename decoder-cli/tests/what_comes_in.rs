//! Inputs of every kind, good and bad, and the exit code of each.

mod common;

use std::fs;
use std::process::{Command, Stdio};

use common::{Builder, HOSTILE, assert_harmless, full_report, mail, reportdecode, small_report};
use report_format::schema::v1::{Category, Product, SectionKind};
use serde_json::Value;
use tempfile::tempdir;

fn json(run: &common::Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", run.stdout, run.stderr))
}

#[test]
fn a_report_in_a_mail_is_found() {
    let mail = mail("[Ledger] a crash", &full_report(""));
    let run = reportdecode(&["json", "-"], mail.as_bytes());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(json(&run)["mail_subject"], "[Ledger] a crash");
    assert_eq!(json(&run)["product"]["name"], "Ledger");
}

#[test]
fn junk_inside_the_base64_of_a_mail_does_no_harm() {
    let mail = mail("x", &full_report(""));
    let middle = mail.find("\r\n\r\n--=_b\r\nContent-Type: text/plain").unwrap() + 900;
    let end = middle + mail[middle..].find("\r\n").unwrap();
    let damaged = format!("{}\r\n*** scanned! ***\u{7}\r\n{}", &mail[..end].replace(" scanned", ""), &mail[end + 2..]);
    // The letters of "scanned" are base64 too: only what no encoder writes may be junk here.
    let damaged = damaged.replace("*** scanned! ***", "*** !! ***");
    let run = reportdecode(&["verify", "-"], damaged.as_bytes());
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn a_character_lost_from_the_base64_of_a_mail_costs_little_and_is_told() {
    let mail = mail("x", &full_report(""));
    // Not the end of a line, which says nothing.
    let at = mail.len() / 2 + mail[mail.len() / 2..].find(|character: char| character.is_ascii_alphanumeric()).unwrap();
    let damaged = format!("{}{}", &mail[..at], &mail[at + 1..]);
    let run = reportdecode(&["json", "-"], damaged.as_bytes());
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert_eq!(json(&run)["product"]["name"], "Ledger");
    assert_eq!(json(&run)["unknown_sections"][0]["kind"], "0x8001", "what follows the damage is there again");
    assert!(json(&run)["losses"].as_array().is_some_and(|losses| !losses.is_empty()));
}

#[test]
fn a_line_lost_from_the_base64_of_a_mail_is_told() {
    let mail = mail("x", &full_report(""));
    let begin = mail.len() / 2 + mail[mail.len() / 2..].find("\r\n").unwrap();
    let damaged = format!("{}{}", &mail[..begin], &mail[begin + 78..]);
    let run = reportdecode(&["verify", "-"], damaged.as_bytes());
    assert_eq!(run.code, 3, "{}{}", run.stdout, run.stderr);
}

#[test]
fn a_maildir_gives_all_its_reports_and_passes_over_other_mails() {
    let maildir = tempdir().unwrap();
    for folder in ["new", "cur", "tmp"] {
        fs::create_dir(maildir.path().join(folder)).unwrap();
    }
    fs::write(maildir.path().join("new/200.b"), mail("second", &small_report(2, "Second"))).unwrap();
    fs::write(maildir.path().join("cur/100.a:2,S"), mail("first", &small_report(1, "First"))).unwrap();
    fs::write(maildir.path().join("new/150.c"), "Subject: lunch\nFrom: a@b.example\n\nAt noon?\n").unwrap();
    fs::write(maildir.path().join("tmp/300.d"), mail("half", b"not yet")).unwrap();

    let run = reportdecode(&["json".as_ref(), maildir.path()], b"");
    assert_eq!(run.code, 0, "{}", run.stderr);
    let both = json(&run);
    let names: Vec<&Value> = both.as_array().unwrap().iter().map(|report| &report["product"]["name"]).collect();
    assert_eq!(names, ["First", "Second"]);

    let run = reportdecode(&["json".as_ref(), "--lines".as_ref(), maildir.path().as_os_str()], b"");
    let lines: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);

    let run = reportdecode(&["show".as_ref(), maildir.path()], b"");
    assert!(run.stdout.contains("report 1 ─") && run.stdout.contains("report 2 ─"), "{}", run.stdout);
}

#[test]
fn an_mbox_gives_all_its_reports() {
    let mbox = [1, 2].map(|id| format!("From x Mon\r\n{}\r\n", mail("x", &small_report(id, "Ledger")))).concat();
    let run = reportdecode(&["json", "-"], mbox.as_bytes());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(json(&run).as_array().unwrap().len(), 2);
}

#[test]
fn what_is_no_report_is_named_with_what_to_do() {
    let directory = tempdir().unwrap();
    let maildir = tempdir().unwrap();
    fs::create_dir(maildir.path().join("new")).unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let mut newer = small_report(1, "x");
    // The major version, and the checksum that makes it a valid preamble.
    newer[7] = 2;
    let crc = crc32c::crc32c(&newer[..12]);
    newer[12..16].copy_from_slice(&crc.to_le_bytes());
    // Number 2 on Unix and on Windows; the words are the system's own.
    let missing = std::io::Error::from_raw_os_error(2).to_string();
    let no_report = format!("Subject: lunch {HOSTILE}\nFrom: a@b.example\n\nAt noon?\n");
    for (path, says) in [
        (file("empty.report", b""), ["empty", "send it again"]),
        (file("text.report", b"Dear support,\nit crashed.\n"), ["text file", "give the .report file"]),
        (file("newer.report", &newer), ["2 is not supported", "update this program"]),
        (file("dump.report", b"MDMP\x93\xa7 and so on"), ["minidump", "debugger"]),
        (file("mail.eml", no_report.as_bytes()), ["subject “lunch \\u{1b}]0;owned", "give the .report file"]),
        (directory.path().to_owned(), ["no Maildir", "new/"]),
        (maildir.path().to_owned(), ["Maildir without a mail", "nothing has arrived"]),
        (directory.path().join("missing"), ["cannot be read", &missing]),
    ] {
        for command in ["show", "json", "verify"] {
            let run = reportdecode(&[command.as_ref(), path.as_path()], b"");
            assert_eq!(run.code, 1, "{path:?}: {}", run.stdout);
            assert_eq!(run.stdout, "", "{path:?}");
            assert!(says.iter().all(|says| run.stderr.contains(says)), "{path:?}: {}", run.stderr);
            assert_harmless(&run.stderr);
        }
    }
}

#[test]
fn wrong_usage_is_exit_code_2() {
    for arguments in [&["frobnicate"][..], &["show"], &[], &["extract", "x"], &["show", "--color", "pink", "x"]] {
        assert_eq!(reportdecode(arguments, b"").code, 2, "{arguments:?}");
    }
    for arguments in [&["--help"][..], &["--version"], &["show", "--help"], &["extract", "--help"]] {
        assert_eq!(reportdecode(arguments, b"").code, 0, "{arguments:?}");
    }
    assert!(reportdecode(&["show", "--help"], b"").stdout.contains("Examples:"));
}

#[test]
fn a_cut_report_shows_what_survived_and_says_partial() {
    let report = full_report("");
    let run = reportdecode(&["show", "-"], &report[..report.len() * 2 / 3]);
    assert_eq!(run.code, 3);
    assert!(run.stdout.contains("PARTIAL") && run.stdout.contains("What is lost"), "{}", run.stdout);
    assert!(run.stdout.contains("close_book+0x2b"), "{}", run.stdout);
}

#[test]
fn a_changed_report_is_corrupt_and_says_where() {
    let mut report = full_report("");
    let at = report.len() / 2;
    report[at] ^= 0x10;
    let run = reportdecode(&["verify", "-"], &report);
    assert_eq!(run.code, 3);
    assert!(run.stdout.contains(": corrupt") && run.stdout.contains("lost      "), "{}", run.stdout);
    assert!(run.stdout.contains("byte"), "{}", run.stdout);
}

#[test]
fn the_worst_input_decides_the_exit_code() {
    let directory = tempdir().unwrap();
    let (good, cut) = (directory.path().join("good"), directory.path().join("cut"));
    let report = full_report("");
    fs::write(&good, &report).unwrap();
    fs::write(&cut, &report[..report.len() / 2]).unwrap();
    let missing = directory.path().join("missing");
    let verify = |paths: &[&std::path::Path]| {
        let arguments: Vec<_> = [std::path::Path::new("verify")].iter().chain(paths).copied().collect();
        reportdecode(&arguments, b"").code
    };
    assert_eq!(verify(&[&good]), 0);
    assert_eq!(verify(&[&good, &cut]), 3);
    assert_eq!(verify(&[&missing, &cut, &good]), 1);
}

#[test]
fn a_megabyte_of_garbage_is_refused_in_words() {
    let mut state = 1_u32;
    let garbage: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(1 << 20)
    .collect();
    let run = reportdecode(&["show", "-"], &garbage);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""));
    assert!(
        run.stderr.starts_with("reportdecode: standard input: ") && run.stderr.lines().count() == 1,
        "{}",
        run.stderr
    );
    assert_harmless(&run.stderr);
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("full.report");
    fs::write(&path, full_report(&"x".repeat(3000))).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_reportdecode"))
        .args(["show".as_ref(), "--all".as_ref(), path.as_os_str()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

/// Compressed they are nearly nothing, and decoded a hundred bytes each.
#[test]
fn a_message_of_too_many_empty_ones_is_named_and_not_decoded() {
    let wide = [0x0a, 0].repeat((1 << 20) + 1);
    let product = Product { name: "Ledger".into(), ..Product::default() };
    let report = Builder::new(1)
        .with(SectionKind::Product, Category::Essential, &product)
        .raw(SectionKind::MemoryRegions as u16, Category::FullMemory, &wide)
        .raw(SectionKind::MemoryImage as u16, Category::FullMemory, &[])
        .finish();
    let limit = "messages inside the message of a section: 1048577 is over the limit of 1048576";
    let run = reportdecode(&["json", "-"], &report);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert_eq!(json(&run)["product"]["name"], "Ledger", "the other sections are read");
    assert!(json(&run)["losses"].to_string().contains(limit), "{}", run.stdout);
    let directory = tempdir().unwrap();
    let path = directory.path().join("wide.report");
    fs::write(&path, &report).unwrap();
    let run = reportdecode(&["summary".as_ref(), path.as_os_str()], b"");
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stderr.contains(limit), "{}", run.stderr);
}

//! The text and the JSON of a report with something in every section.

mod common;

use common::{Builder, HOSTILE, assert_harmless, assert_snapshot, full_report, reportdecode, small_report};
use report_format::schema::v1::{
    Action, Actions, Category, CommandStep, ConsentRecord, Diagnostics, Error, ErrorKind, SectionKind, SoftError,
    Stacks, Thread, action::Step,
};
use serde_json::Value;

#[test]
fn a_report_is_shown_for_people() {
    let run = reportdecode(&["show", "-"], &full_report(""));
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_snapshot("show.txt", &run.stdout);
}

#[test]
fn a_report_is_shown_in_full_when_asked() {
    let run = reportdecode(&["show", "--all", "-"], &full_report(""));
    assert_eq!(run.code, 0);
    assert_snapshot("show-all.txt", &run.stdout);
}

#[test]
fn a_report_is_written_as_json() {
    let run = reportdecode(&["json", "-"], &full_report(""));
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert_snapshot("full.json", &run.stdout);
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["report_id"], "abababab-abab-abab-abab-abababababab");
    assert_eq!(json["stacks"]["threads"][0]["frames"][0]["module_offset"], "0x1e2b");
    assert_eq!(json["error"]["time"], "2026-11-23T21:26:16.25Z");
    assert_eq!(json["unknown_sections"][0]["kind"], "0x8001");
}

#[test]
fn a_test_report_is_said_to_be_one_even_where_nothing_of_it_can_be_read() {
    for (kind, is_told) in [(ErrorKind::Simulated, true), (ErrorKind::Crash, false)] {
        let report = Builder::of_kind(3, kind).finish();
        let run = reportdecode(&["show", "-"], &report);
        assert_eq!(run.stdout.contains("Test report: nothing went wrong"), is_told, "{}", run.stdout);
    }
}

#[test]
fn a_report_is_verified() {
    let run = reportdecode(&["verify", "-"], &full_report(""));
    assert_eq!(run.code, 0);
    assert_snapshot("verify.txt", &run.stdout);
}

#[test]
fn what_the_clock_does_not_tell_apart_is_marked() {
    let shown = |clock_resolution_nanos, error_in_thread| {
        let at = |before_error_nanos, thread_id, sequence| Action {
            before_error_nanos,
            thread_id,
            sequence,
            step: Some(Step::Command(CommandStep { command_id: format!("c{sequence}"), ..Default::default() })),
            ..Default::default()
        };
        let actions = vec![
            at(9_000_000, 1, 1),
            at(9_000_000, 1, 2),
            at(9_000_000, 2, 3),
            at(9_000_000, 2, 4),
            at(9_000_000, 1, 5),
            at(5_000_000, 2, 6),
            at(1_000_000, 1, 7),
        ];
        let error = Error { thread_id: error_in_thread, ..Default::default() };
        let report = Builder::new(1)
            .with(SectionKind::Error, Category::Essential, &error)
            .with(
                SectionKind::Actions,
                Category::Actions,
                &Actions { actions, clock_resolution_nanos, ..Default::default() },
            )
            .finish();
        let shown = reportdecode(&["show", "-"], &report).stdout;
        let marked = shown.lines().filter(|line| line.contains('~') && !line.contains("no known order"));
        let marked: Vec<String> = marked.map(str::to_owned).collect();
        (marked, shown)
    };
    let (marked, text) = shown(4_000_000, 2);
    let names = ["c3", "c5", "error"];
    assert!(marked.len() == 3 && marked.iter().zip(names).all(|(line, name)| line.contains(name)), "{text}");
    assert!(text.contains("~ in no known order to the line above: another thread's, less than 4 ms apart"), "{text}");
    let (marked, text) = shown(4_000_000, 1);
    assert_eq!(marked.len(), 2, "the last action is of the error's own thread: {text}");
    let (marked, text) = shown(0, 2);
    assert!(marked.is_empty() && !text.contains('~'), "nothing is said where nothing is known: {text}");
}

#[test]
fn hostile_text_never_reaches_the_terminal() {
    let report = full_report(HOSTILE);
    for arguments in
        [&["show", "-"][..], &["show", "--all", "-"], &["json", "-"], &["json", "--lines", "-"], &["verify", "-"]]
    {
        let run = reportdecode(arguments, &report);
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
        assert_harmless(&run.stdout);
    }
    let shown = reportdecode(&["show", "-"], &report).stdout;
    assert!(shown.contains("\\u{1b}]0;owned\\u{7}\\u{9b}2J\\u{202e}gpj.exe\\u{200b}"), "{shown}");
    // JSON keeps the text: it is escaped, not changed.
    let json: Value = serde_json::from_str(&reportdecode(&["json", "-"], &report).stdout).unwrap();
    assert_eq!(json["product"]["name"], format!("Ledger{HOSTILE}"));
}

#[test]
fn hostile_text_in_colours_brings_no_escapes_but_ours() {
    let shown = reportdecode(&["show", "--color", "always", "-"], &full_report(HOSTILE)).stdout;
    assert!(shown.contains("\u{1b}[1m"));
    let mut plain = String::new();
    for (number, piece) in shown.split('\u{1b}').enumerate() {
        let rest = match number {
            0 => piece,
            _ => {
                piece.trim_start_matches(|c: char| c == '[' || c.is_ascii_digit()).strip_prefix('m').expect("a colour")
            }
        };
        plain.push_str(rest);
    }
    assert_harmless(&plain);
}

#[test]
fn nothing_is_coloured_in_a_pipe() {
    assert!(!reportdecode(&["show", "-"], &full_report("")).stdout.contains('\u{1b}'));
}

#[test]
fn lines_are_no_wider_than_the_page_where_they_can_be_wrapped() {
    let shown = reportdecode(&["show", "-"], &full_report("")).stdout;
    let widest = shown.lines().max_by_key(|line| line.chars().count()).unwrap();
    assert!(widest.chars().count() <= 100, "{widest}");
}

#[test]
fn an_empty_report_is_shown_without_invention() {
    let run = reportdecode(&["show", "-"], &Builder::new(1).finish());
    assert_eq!(run.code, 0);
    assert_snapshot("empty.txt", &run.stdout);
}

#[test]
fn categories_outside_the_consent_are_pointed_out() {
    let shown = reportdecode(&["show", "-"], &full_report("")).stdout;
    assert!(shown.contains("Not covered by the consent in this report\n  screen (screen)\n"), "{shown}");
    let shown = reportdecode(&["show", "-"], &small_report(1, "Ledger")).stdout;
    assert!(!shown.contains("Not covered"), "{shown}");
}

#[test]
fn a_contact_that_nobody_gave_is_not_called_a_refusal() {
    let record = ConsentRecord {
        granted: vec![Category::Essential.into()],
        declined: vec![Category::Memory.into(), Category::Contact.into()],
        ..Default::default()
    };
    let report = Builder::new(1).with(SectionKind::Consent, Category::Essential, &record).finish();
    let shown = reportdecode(&["show", "-"], &report).stdout;
    assert!(shown.contains("\n  declined   memory\n  not given  contact\n"), "{shown}");
}

#[test]
fn long_lists_are_shown_in_part_unless_all_is_asked_for() {
    let thread = |id| Thread { id, faulting: id == 0, ..Default::default() };
    let soft = SoftError { subject: "inventory.volumes".into(), message: "no answer in 2 s".into() };
    let report = Builder::new(1)
        .with(SectionKind::Stacks, Category::Memory, &Stacks { threads: (0..10_000).map(thread).collect() })
        .with(
            SectionKind::Actions,
            Category::Actions,
            &Actions { actions: vec![Action::default(); 10_000], ..Default::default() },
        )
        .with(
            SectionKind::Diagnostics,
            Category::Essential,
            &Diagnostics { soft_errors: vec![soft; 10_000], ..Default::default() },
        )
        .finish();
    let shown = reportdecode(&["show", "-"], &report).stdout;
    assert!(shown.lines().count() < 400, "{} lines", shown.lines().count());
    for more in [9_999 - 64, 10_000 - 200, 10_000 - 32] {
        assert!(shown.contains(&format!("… {more} more (--all shows them)")), "{more}");
    }
    assert!(reportdecode(&["show", "--all", "-"], &report).stdout.lines().count() > 30_000);
}

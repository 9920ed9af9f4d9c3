//! A product that asks by a dialog of its own: a program in C or C# that takes the question from the handler and answers it.
// On Windows, where a test cannot compile: windows_crash_matrix/own_dialog.rs.
#![cfg(target_os = "linux")]

#[path = "support/csharp.rs"]
mod csharp;
#[path = "../../reporter-sdk/tests/support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/host.rs"]
mod host;
#[path = "support/ledger.rs"]
mod ledger;
mod support;

use std::{
    env, fs,
    os::unix::{
        fs::PermissionsExt,
        process::{CommandExt, ExitStatusExt},
    },
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use end_to_end::report::Received;
use ledger::{Ledger, wait_for};
use report_format::schema::v1::{
    Action, Actions, Category, ConsentRecord, ConsentSource, Contact, Error, ErrorKind, SectionKind, action::Step,
};
use support::{Link, compile, file, library, package};

/// A ledger whose dialog lies in its folder.
fn ledger_with_dialog() -> Ledger {
    let mut ledger = Ledger::new();
    let dialog = compile(&package().join("tests/c/own_dialog.c"), Link::Dynamic, &ledger.path(""));
    ledger.set("dialog", dialog.display());
    ledger
}

/// Runs it to its crash, and waits until its handler has done with it. Nobody sits at a terminal.
fn crashes(ledger: &Ledger, answer: &str) -> Output {
    let mut command = ledger.command();
    command.env("REPORTER_TEST_ANSWER", answer).env("REPORTER_TEST_ASKED", ledger.path("asked"));
    let alone = || rustix::process::setsid().map(|_| ()).map_err(Into::into);
    // SAFETY: between fork and exec the closure makes one system call.
    unsafe { command.pre_exec(alone) };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut product = command.spawn().expect("just compiled");
    let lines = b"open household\nadd 1250 bread\nmonth 999999999\n";
    std::io::Write::write_all(&mut product.stdin.take().expect("piped"), lines).expect("it reads");
    let output = product.wait_with_output().expect("our own child");
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Once the handler has ended, whatever was to be made is there.
fn handler_ends(ledger: &Ledger) {
    wait_for("end of the handler", || ledger.handlers().is_empty());
}

fn asked(ledger: &Ledger) -> String {
    fs::read_to_string(ledger.path("asked")).unwrap_or_default()
}

#[test]
fn a_dialog_is_shown_what_would_be_sent_and_what_the_person_says_in_it_is_sent() {
    let ledger = ledger_with_dialog();
    crashes(&ledger, "send");
    handler_ends(&ledger);
    check_sent(&ledger);
}

/// The dialog was shown everything, and of that was sent what the person left on.
fn check_sent(ledger: &Ledger) {
    let asked = asked(ledger);
    assert!(asked.starts_with("Ledger 1.0.0 of Example Software: SIGSEGV"), "{asked}");
    for part in
        ["1 reports, kind 1, for ", "\n1 on ", "name: Ledger", "\n2 on ", "command id: ", "\n12 on 0\n", "A minidump"]
    {
        assert!(asked.contains(part), "{part:?} is not in {asked}");
    }
    let report = Received::from_mail(&ledger.mail());
    let consent: ConsentRecord = report.message(SectionKind::Consent);
    assert_eq!(consent.source(), ConsentSource::ProductDialog);
    assert!(consent.declined().any(|category| category == Category::Actions), "{consent:?}");
    assert!(consent.granted().any(|category| category == Category::Memory), "{consent:?}");
    assert!(!report.kinds().contains(&SectionKind::Actions));
    let contact: Contact = report.message(SectionKind::Contact);
    assert_eq!((&*contact.first_name, &*contact.description), ("Anna", "It said no."));
    // The digest of what the dialog was shown is in the report, and support can hold it against a draft.
    assert_eq!(consent.preview_digest.len(), 32);
}

/// The dialog has left out what the error says, in an answer that was to hold for good.
fn check_struck_out(ledger: &Ledger) {
    let report = Received::from_mail(&ledger.mail());
    let consent: ConsentRecord = report.message(SectionKind::Consent);
    assert_eq!(
        (&consent.left_out[..], consent.source()),
        (&["error.title".to_owned()][..], ConsentSource::ProductDialog)
    );
    let error: Error = report.message(SectionKind::Error);
    assert_eq!((&*error.title, error.kind()), ("", ErrorKind::Crash));
    let actions: Actions = report.message(SectionKind::Actions);
    let is_command =
        |action: &Action| matches!(&action.step, Some(Step::Command(command)) if !command.command_id.is_empty());
    assert!(actions.actions.iter().any(is_command), "what was taken in again is there: {actions:?}");
}

#[test]
fn a_single_line_is_left_out_by_a_dialog_and_always_does_not_hold_then() {
    let ledger = ledger_with_dialog();
    crashes(&ledger, "strike-out");
    handler_ends(&ledger);
    check_struck_out(&ledger);
    crashes(&ledger, "decline");
    handler_ends(&ledger);
    assert_eq!(asked(&ledger).matches("Ledger 1.0.0 of").count(), 2);
}

#[test]
fn a_dialog_in_csharp_is_shown_the_same_and_asks_as_well() {
    for (name, runtime) in csharp::runtimes() {
        let mut ledger = Ledger::new();
        let folder = ledger.path("");
        let program = csharp::compile("tests/dotnet/OwnDialog.cs", &folder);
        // As such a product installs it: a program by itself.
        let path = format!("{}:{}", library().display(), env::var("LD_LIBRARY_PATH").unwrap_or_default());
        let script = format!("#!/bin/sh\nLD_LIBRARY_PATH={path} exec {} {}\n", runtime.join(" "), program.display());
        file(&folder, "dialog", &script);
        let dialog = ledger.path("dialog");
        fs::set_permissions(&dialog, fs::Permissions::from_mode(0o755)).expect("our file");
        ledger.set("dialog", dialog.display());

        crashes(&ledger, "closed");
        handler_ends(&ledger);
        assert_eq!((ledger.drafts(), ledger.mails().len()), (1, 0), "{name}: no answer is *later*");
        fs::remove_file(ledger.path("asked")).expect("it was asked");
        crashes(&ledger, "send");
        handler_ends(&ledger);
        check_sent(&ledger);
        fs::remove_dir_all(ledger.path("mails")).expect("one mail");
        crashes(&ledger, "strike-out");
        handler_ends(&ledger);
        check_struck_out(&ledger);

        // A person starts it.
        let output = Command::new(&dialog).stdin(Stdio::null()).output().expect("a script");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.code() == Some(1) && said.contains("reporter-handler starts this program"),
            "{name}: {said}"
        );
    }
}

#[test]
fn the_product_does_not_wait_for_its_dialog() {
    let ledger = ledger_with_dialog();
    let started = Instant::now();
    crashes(&ledger, "stays-open");
    assert!(started.elapsed() < Duration::from_secs(30), "it took {:?}", started.elapsed());
    wait_for("question", || !asked(&ledger).is_empty());
    assert_eq!(ledger.drafts(), 1, "while the person thinks, it is in the spool");
    // The machine shuts down: the question is put off.
    let handler = ledger.handler();
    rustix::process::kill_process(handler, rustix::process::Signal::TERM).expect("our handler");
    handler_ends(&ledger);
    assert_eq!((ledger.drafts(), ledger.mails().len()), (1, 0));
}

#[test]
fn a_no_destroys_what_was_collected_and_never_holds() {
    let ledger = ledger_with_dialog();
    crashes(&ledger, "decline");
    handler_ends(&ledger);
    assert_eq!((ledger.drafts(), ledger.outgoing(), ledger.mails().len()), (0, 0, 0));
    crashes(&ledger, "never");
    handler_ends(&ledger);
    let questions = asked(&ledger).matches("Ledger 1.0.0 of").count();
    assert_eq!(questions, 2);
    crashes(&ledger, "send");
    handler_ends(&ledger);
    assert_eq!(asked(&ledger).matches("Ledger 1.0.0 of").count(), 2, "never is never");
    assert_eq!((ledger.drafts(), ledger.outgoing(), ledger.mails().len()), (0, 0, 0));
}

#[test]
fn always_said_in_a_dialog_holds_for_the_next_error() {
    let ledger = ledger_with_dialog();
    for _ in 0..2 {
        crashes(&ledger, "always");
        handler_ends(&ledger);
    }
    assert_eq!(asked(&ledger).matches("Ledger 1.0.0 of").count(), 1);
    let sources: Vec<_> = ledger
        .mails()
        .iter()
        .map(|mail| Received::from_mail(mail).message::<ConsentRecord>(SectionKind::Consent).source())
        .collect();
    assert_eq!(sources, [ConsentSource::ProductDialog, ConsentSource::Remembered]);
}

#[test]
fn a_dialog_that_says_nothing_that_can_be_understood_has_sent_nothing_and_lost_nothing() {
    for answer in ["closed", "crash", "cannot-ask", "chatter"] {
        let ledger = ledger_with_dialog();
        crashes(&ledger, answer);
        handler_ends(&ledger);
        assert!(asked(&ledger).contains("Ledger 1.0.0"), "{answer}");
        assert_eq!((ledger.drafts(), ledger.outgoing(), ledger.mails().len()), (1, 0, 0), "{answer}");
    }
}

#[test]
fn a_dialog_that_is_missing_or_can_be_changed_by_others_is_not_started() {
    let mut ledger = ledger_with_dialog();
    let dialog = ledger.path("own_dialog");
    fs::set_permissions(&dialog, fs::Permissions::from_mode(0o777)).expect("our file");
    crashes(&ledger, "send");
    handler_ends(&ledger);
    assert_eq!((asked(&ledger).as_str(), ledger.drafts()), ("", 1));
    ledger.set("dialog", "/no/such/dialog");
    crashes(&ledger, "send");
    handler_ends(&ledger);
    assert_eq!((ledger.drafts(), ledger.mails().len()), (2, 0));
}

#[test]
fn a_dialog_that_a_person_starts_says_what_it_is_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dialog = compile(&package().join("tests/c/own_dialog.c"), Link::Dynamic, folder.path());
    let output = Command::new(dialog).stdin(Stdio::null()).output().expect("just compiled");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("reporter-handler starts this program"), "{said}");
}

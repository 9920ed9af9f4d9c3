//! Whatever is wrong around the product: it is told, it ends as it would without us and in time, and no report is lost that could be kept.
// Not on Windows: its products are asked in a Unix terminal, and end by signals.
#![cfg(target_os = "linux")]

use std::{
    fs,
    net::TcpListener,
    os::unix::{fs::PermissionsExt, process::ExitStatusExt},
    path::PathBuf,
    time::Duration,
};

use reporter_sdk::spool::Undelivered;
use rustix::process::{Signal, kill_process};

#[path = "../../reporter-sdk/tests/support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/ledger.rs"]
mod ledger;
mod support;

use end_to_end::{disk::Disk, mail_server::MailServer, product::files};
use ledger::{Ended, Ledger, wait_for};

const SIGSEGV: i32 = 11;
/// The product crashes by an index that nobody checked.
const CRASH: &str = "open a\nmonth 999999999\n";
/// A start with a handler that does not answer, and a crash: at most the time-out of the start, with room for a busy machine.
const BOUND: Duration = Duration::from_secs(10);

/// It ended by its own fault, as it would without us, and soon.
#[track_caller]
fn crashed(ended: &Ended) {
    assert_eq!(ended.status.signal(), Some(SIGSEGV), "{ended:?}");
    assert!(ended.took < BOUND, "{ended:?}");
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not said: {text}");
    }
}

#[test]
fn a_missing_handler_is_named_with_what_to_do() {
    let mut ledger = Ledger::new();
    let missing = ledger.path("no-such-handler");
    let ended = ledger.set("handler", missing.display()).run(CRASH);
    crashed(&ended);
    says(&ended.said, &[missing.to_str().unwrap(), "No such file", "put reporter-handler beside the program"]);
}

#[test]
fn a_handler_that_cannot_run_or_is_another_program_is_named() {
    let mut ledger = Ledger::new();
    let script = |name: &str, text: &str, mode| {
        let path = ledger.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    };
    let other = "is it the reporter-handler of this release?";
    let cases = [
        (script("not-executable", "#!/bin/sh\n", 0o600), "Permission denied"),
        (script("text", "a text\n", 0o700), "Exec format error"),
        (ledger.path(""), "Permission denied"),
        (PathBuf::from("/bin/false"), other),
        (PathBuf::from("/bin/true"), other),
        // It never says a word and does not go away either.
        (script("sleeper", "#!/bin/sh\nexec sleep 300\n", 0o700), other),
        // It answers with something else.
        (script("chatter", "#!/bin/sh\nwhile echo hello >&3; do sleep 0.1; done\n", 0o700), "does not serve"),
    ];
    for (program, why) in cases {
        let ended = ledger.set("handler", program.display()).run(CRASH);
        crashed(&ended);
        says(&ended.said, &[program.to_str().unwrap(), why]);
        let ended = ledger.run("open a\nsimulate\nflush\nquit\n");
        assert!(ended.status.success() && ended.took < BOUND, "{ended:?}");
    }
}

#[test]
fn a_handler_that_hangs_holds_a_crash_no_longer_than_the_product_says() {
    let mut ledger = Ledger::new();
    let mut running = ledger.set("wait-seconds", 2).start();
    running.types("open a\n").says("opened a");
    let handler = ledger.handler();
    kill_process(handler, Signal::STOP).unwrap();
    running.types("month 999999999\n");
    let ended = running.ends();
    crashed(&ended);
    assert!(ended.since_last_line >= Duration::from_millis(1500), "{ended:?}");
    // It can do its work late: what the product left in the shared memory makes a report without a dump.
    assert_eq!(ledger.drafts(), 0);
    kill_process(handler, Signal::CONT).unwrap();
    wait_for("draft", || ledger.drafts() == 1);
}

#[test]
fn a_handler_that_hangs_holds_no_clean_end_for_long() {
    let mut ledger = Ledger::new();
    let mut running = ledger.set("wait-seconds", 2).start();
    running.types("open a\n").says("opened a");
    kill_process(ledger.handler(), Signal::STOP).unwrap();
    let ended = running.types("import /no/such/file\nflush\nquit\n").ends();
    assert!(ended.status.success() && ended.took < BOUND, "{ended:?}");
    says(&ended.said, &["the handler did not confirm within"]);
}

#[test]
fn a_handler_that_was_killed_changes_nothing_for_the_product() {
    let ledger = Ledger::new();
    let mut running = ledger.start();
    running.types("open a\n").says("opened a");
    ledger.handler();
    ledger.kill_handlers();
    let ended = running.types("import /no/such/file\nsimulate\nflush\nmonth 999999999\n").ends();
    crashed(&ended);
    assert!(ended.since_last_line < Duration::from_secs(5), "{ended:?}");
}

#[test]
fn a_spool_that_cannot_be_made_is_named_and_the_report_waits_elsewhere() {
    for below in ["", "below", "below/deep"] {
        let mut ledger = Ledger::new();
        let file = ledger.path("file");
        fs::write(&file, "not a folder").unwrap();
        let spool = if below.is_empty() { file.clone() } else { file.join(below) };
        let ended = ledger.set("spool", spool.display()).run(CRASH);
        crashed(&ended);
        says(&ended.said, &["error reports: spool: ", spool.to_str().unwrap(), "must be able to write there"]);
        assert_eq!(fs::read(&file).unwrap(), b"not a folder");
        ledger.handler_ends();
        let Some(place) = kept_elsewhere(&ledger, &ended.said) else { continue };
        assert_eq!(files(&place.join("new")).len(), 1);

        // Put right: the next start finds it.
        fs::remove_file(&file).unwrap();
        assert!(ledger.run("quit\n").status.success());
        assert_eq!(ledger.drafts(), 1);
        assert!(!place.exists());
    }
}

/// Where a report went that the spool did not take. `None`, loudly, on a machine that has no such place: then the product is told that it is lost.
fn kept_elsewhere(ledger: &Ledger, said: &str) -> Option<PathBuf> {
    let place = ledger.fallback();
    match &place {
        Some(place) => says(said, &["kept in", place.to_str().unwrap(), "until the machine is switched off"]),
        None => {
            eprintln!("SKIPPED in part: there is no XDG_RUNTIME_DIR, so reports cannot be kept elsewhere");
            says(said, &["reports are lost until"]);
        }
    }
    place
}

#[test]
fn a_spool_on_a_read_only_disk_is_named_and_the_reports_wait_elsewhere() {
    let mut ledger = Ledger::new();
    let Some(disk) = Disk::mount(&ledger.path("disk")) else { return };
    ledger.set("spool", disk.0.join("spool").display());
    crashed(&ledger.run(CRASH));
    ledger.handler_ends();
    assert_eq!(ledger.drafts(), 1);

    disk.remount("ro");
    let ended = ledger.run("open a\nsimulate\nflush\nmonth 999999999\n");
    crashed(&ended);
    says(
        &ended.said,
        &["spool: ", ledger.spool().to_str().unwrap(), "Read-only file system", "must be able to write there"],
    );
    ledger.handler_ends();
    let elsewhere = kept_elsewhere(&ledger, &ended.said);

    disk.remount("rw");
    assert_eq!(ledger.drafts(), 1);
    if elsewhere.is_some() {
        assert!(ledger.run("quit\n").status.success());
        assert_eq!(ledger.drafts(), 3);
    }
}

#[test]
fn a_full_disk_is_told_and_the_reports_wait_elsewhere() {
    let mut ledger = Ledger::new();
    let Some(disk) = Disk::mount(&ledger.path("disk")) else { return };
    ledger.set("spool", disk.0.join("spool").display());
    crashed(&ledger.run(CRASH));
    ledger.handler_ends();
    assert_eq!(ledger.drafts(), 1);

    disk.leave(0);
    let ended = ledger.run("open a\nsimulate\nflush\nmonth 999999999\n");
    crashed(&ended);
    let spool = ledger.spool();
    says(&ended.said, &["spool: ", spool.to_str().unwrap(), "No space left", "make room on its disk"]);
    ledger.handler_ends();
    // Nothing half written is left, and what was whole before is whole.
    assert_eq!(files(&spool.join("new")).len(), 1);
    let elsewhere = kept_elsewhere(&ledger, &ended.said);

    disk.make_room();
    assert!(ledger.run("quit\n").status.success());
    assert_eq!(ledger.drafts(), if elsewhere.is_some() { 3 } else { 1 });
}

/// Crashes where *always* was said before, and waits until the attempt to deliver has failed. Returns why, and what the next start of the product says.
fn undelivered(ledger: &mut Ledger) -> (Undelivered, String) {
    let ended = ledger.always_send().run(CRASH);
    crashed(&ended);
    let first = |ledger: &Ledger| ledger.open_spool().undelivered().unwrap().into_iter().next();
    wait_for("failed attempt", || first(ledger).is_some());
    let failure = first(ledger).unwrap();
    // Kept, and nowhere else.
    assert_eq!((ledger.outgoing(), ledger.drafts()), (1, 0));
    assert!(!failure.gave_up, "{failure:?}");
    let next = ledger.run("quit\n");
    assert!(next.status.success() && next.took < BOUND, "{next:?}");
    says(&next.said, &["error reports: deliver: report", &failure.id.to_string(), "is kept and tried again"]);
    assert_eq!(ledger.outgoing(), 1);
    (failure, next.said)
}

#[test]
fn a_mail_server_that_is_not_there_is_named_and_the_report_is_kept() {
    let mut ledger = Ledger::unsent();
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    ledger.set("host", "localhost").set("port", port).set("tls", "starttls");
    let (failure, next) = undelivered(&mut ledger);
    for said in [failure.last_error, next] {
        says(&said, &["localhost", &port.to_string(), "check that the mail server runs"]);
    }
}

#[test]
fn a_mail_server_without_an_address_is_named_and_the_report_is_kept() {
    let mut ledger = Ledger::unsent();
    ledger.set("host", "mail.invalid").set("tls", "implicit");
    let (failure, next) = undelivered(&mut ledger);
    for said in [failure.last_error, next] {
        says(&said, &["cannot find the mail server mail.invalid", "check its name"]);
    }
}

#[test]
fn a_wrong_password_is_named_and_the_report_is_kept() {
    let server = MailServer::start();
    let mut ledger = Ledger::sending_to(&server);
    fs::write(ledger.path("password"), "wrong-password-0815").unwrap();
    let (failure, next) = undelivered(&mut ledger);
    for said in [failure.last_error, next] {
        says(&said, &["localhost refused the user name or password: 535", "correct the credentials"]);
        assert!(!said.contains("wrong-password-0815"), "{said}");
    }
    assert!(server.mails_now().is_empty());
}

#[test]
fn a_recipient_whom_the_server_does_not_know_is_named_and_the_report_is_kept() {
    let server = MailServer::start();
    let mut ledger = Ledger::sending_to(&server);
    ledger.set("to", "nobody@ledger.example");
    let (failure, next) = undelivered(&mut ledger);
    for said in [failure.last_error, next] {
        says(
            &said,
            &["localhost", "recipient nobody@ledger.example", "550", "no such user here", "correct the recipient"],
        );
    }
    assert!(server.mails_now().is_empty());
}

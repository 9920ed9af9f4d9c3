//! Reports of the C product go through a real mail server into a mailbox, and support reads them there.
// Not on Windows: scripts/mail-server starts on Linux. The C product there: scripts/windows/product.
#![cfg(target_os = "linux")]

#[path = "../../reporter-sdk/tests/support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/ledger.rs"]
mod ledger;
mod support;

use std::{
    os::unix::process::ExitStatusExt,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use end_to_end::{mail_server::MailServer, report::Received};
use ledger::{Ledger, PROMPTS, program, wait_for};
use report_format::schema::v1::{self, ConsentSource, SectionKind};

const USE_AFTER_FREE: &[&str] = &["open a", "add 1250 bread", "close", "y", "undo"];

fn source(mail: &Path) -> ConsentSource {
    Received::from_mail(mail).message::<v1::ConsentRecord>(SectionKind::Consent).source()
}

/// Runs `reportdecode`, which must find a complete report.
fn decoded(command: &str, mail: &Path) -> String {
    let output = support::run(Command::new(program("reportdecode")).arg(command).arg(mail));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn a_crash_arrives_by_encrypted_and_authenticated_mail_and_support_reads_it() {
    let server = MailServer::start();
    let ledger = Ledger::sending_to(&server);
    let mut visit = ledger.in_terminal(PROMPTS);
    let status = visit.types(USE_AFTER_FREE).answers("s").ends();
    assert_eq!(status.signal(), Some(libc::SIGSEGV));
    assert_eq!((ledger.drafts(), ledger.outgoing()), (0, 0));

    let mails = server.mails(1);
    let [mail] = &mails[..] else { panic!("{mails:?}") };
    let log = server.log();
    assert!(log.contains("A=plain:reports") || log.contains("A=login:reports"), "not authenticated: {log}");
    assert!(log.contains("X=TLS"), "not encrypted: {log}");

    let text = decoded("show", mail);
    for part in ["Ledger 1.0.0", "SIGSEGV", "undo_entry", "entry.undo"] {
        assert!(text.contains(part), "{part:?} is not shown:\n{text}");
    }
    decoded("verify", mail);
    let password = server.fact("password");
    assert_eq!(Received::from_mail(mail).places_of(&password), [] as [String; 0]);
}

#[test]
fn a_report_waits_for_its_mail_server_and_arrives_once() {
    let server = MailServer::start();
    let ledger = Ledger::sending_to(&server);
    let server = server.restart_after(|| {
        let mut visit = ledger.in_terminal(PROMPTS);
        visit.types(USE_AFTER_FREE).answers("s");
        let answered = Instant::now();
        assert_eq!(visit.terminal.ends().signal(), Some(libc::SIGSEGV));
        assert!(answered.elapsed() < Duration::from_secs(10), "the product waits for no mail server");
        wait_for("failed attempt", || ledger.open_spool().undelivered().is_ok_and(|failures| !failures.is_empty()));
        assert_eq!((ledger.drafts(), ledger.outgoing()), (0, 1));
        // The machine is switched off.
        ledger.kill_handlers();
    });
    assert_eq!((server.mails_now().len(), ledger.outgoing()), (0, 1));

    assert!(ledger.without_terminal(&["open a", "add 5 x", "quit"]).status.success());
    assert_eq!(server.mails(1).len(), 1);
    assert_eq!(source(&server.mails_now()[0]), ConsentSource::Person);
    decoded("verify", &server.mails_now()[0]);
    assert_eq!((ledger.drafts(), ledger.outgoing()), (0, 0));

    assert!(ledger.without_terminal(&["quit"]).status.success());
    assert_eq!(server.mails_now().len(), 1);
}

#[test]
fn who_says_always_is_not_asked_again() {
    let server = MailServer::start();
    let ledger = Ledger::sending_to(&server);
    ledger.in_terminal(PROMPTS).types(USE_AFTER_FREE).answers("a").ends();
    assert_eq!(source(&server.mails(1)[0]), ConsentSource::Person);

    let second = ledger.without_terminal(&["open b", "month 999999999"]);
    assert_eq!(second.status.signal(), Some(libc::SIGSEGV));
    let mails = server.mails(2);
    let mut sources: Vec<ConsentSource> = mails.iter().map(|mail| source(mail)).collect();
    sources.sort_unstable();
    assert_eq!(sources, [ConsentSource::Person, ConsentSource::Remembered]);
    assert_eq!((ledger.drafts(), ledger.outgoing()), (0, 0));
}

#[test]
fn who_says_never_is_not_reported() {
    let server = MailServer::start();
    let ledger = Ledger::sending_to(&server);
    ledger.in_terminal(PROMPTS).types(USE_AFTER_FREE).answers("n").ends();
    let second = ledger.without_terminal(&["open b", "month 999999999"]);
    assert_eq!(second.status.signal(), Some(libc::SIGSEGV));
    assert_eq!((ledger.drafts(), ledger.outgoing(), server.mails_now().len()), (0, 0, 0));
}

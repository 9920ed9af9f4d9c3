//! What our own dialog is told, and what comes of what it says, right or wrong: with a program in its place that says what it is told to.
// Not on Windows: the program is a script. What comes of an answer is the same code there; dialog_window.rs of the crash matrix has it with a real window.
#![cfg(target_os = "linux")]

#[path = "../../reporter-sdk/tests/support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/host.rs"]
mod host;
#[path = "support/ledger.rs"]
mod ledger;
mod support;

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use end_to_end::{mail_server::MailServer, report::Received};
use ledger::{Ledger, PATIENCE, wait_for};
use prost::Message;
use report_format::schema::v1::{Category, ConsentRecord, ConsentSource, SectionKind};
use support::{package, run};

/// What of the question is looked at here.
#[derive(prost::Message)]
struct Question {
    #[prost(message, repeated, tag = "8")]
    offers: Vec<Offered>,
}

#[derive(prost::Message)]
struct Offered {
    #[prost(enumeration = "Category", tag = "1")]
    category: i32,
    #[prost(string, tag = "4")]
    contents: String,
}

/// A crash, and another.
const MONTH: &str = "open household\nadd 1250 bread\nmonth 999999999\n";
const USE_AFTER_FREE: &str = "open a\nadd 1 x\nclose\ny\nundo\n";

/// A ledger in whose folder lies a dialog that does as it is told.
struct Scripted(Ledger);

impl Scripted {
    fn new() -> Self {
        Self::of(Ledger::new())
    }

    fn of(ledger: Ledger) -> Self {
        ledger.lose_dialog();
        let dialog = ledger.path("reporter-dialog");
        fs::copy(package().join("tests/support/scripted_dialog.py"), &dialog).expect("our own folder");
        fs::set_permissions(&dialog, fs::Permissions::from_mode(0o755)).expect("our own file");
        Self(ledger)
    }

    /// It crashes, its dialog does that, and its handler comes to an end.
    fn crashes(&self, does: &str) {
        self.crashes_with(does, &[]);
    }

    /// The same in this environment.
    fn crashes_with(&self, does: &str, environment: &[(&str, &str)]) {
        let mut product = self.crash_begins(does, environment, MONTH);
        assert!(!product.wait().expect("our own child").success());
        self.handler_ends();
    }

    fn handler_ends(&self) {
        wait_for("end of the handler", || self.0.handlers().is_empty());
    }

    /// It does what makes it crash.
    fn crash_begins(&self, does: &str, environment: &[(&str, &str)], lines: &str) -> Child {
        let mut command = Command::new("setsid");
        let product = self.0.command();
        command.arg(product.get_program()).args(product.get_args());
        // There is none: a script needs no display.
        command.env("DISPLAY", ":4321").env("REPORTER_TEST_DIALOG", does).env("REPORTER_TEST_TOLD", self.told_file());
        command.envs(environment.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut product = command.spawn().expect("just compiled");
        product.stdin.take().expect("piped").write_all(lines.as_bytes()).expect("it reads");
        product
    }

    fn told_file(&self) -> PathBuf {
        self.0.path("told")
    }

    fn told(&self) -> Vec<String> {
        let told = fs::read_to_string(self.told_file()).unwrap_or_default();
        told.lines().map(str::to_owned).collect()
    }

    /// What it was told, each once, without numbers.
    fn story(&self) -> Vec<String> {
        let mut story: Vec<String> = self
            .told()
            .iter()
            .map(|line| line.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ').into())
            .collect();
        story.dedup();
        story
    }

    /// It is told this, and no more: what the handler has said it can come to read later than the handler ends.
    fn is_told(&self, story: &[&str]) {
        let started = Instant::now();
        while self.story() != story && started.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(self.story(), story);
    }

    fn question(&self) -> Vec<Offered> {
        let question = fs::read(self.0.path("told.question")).expect("it was asked");
        Question::decode(question.as_slice()).expect("as the handler asks").offers
    }

    /// Nothing was sent, and nothing is lost.
    fn is_kept(&self, after: &str) {
        let found = (self.0.drafts(), self.0.outgoing(), self.0.mails().len());
        assert_eq!(found, (1, 0, 0), "after: {after}; it was told {:?}", self.told());
    }
}

#[test]
fn the_dialog_is_told_how_the_report_gets_on_from_the_crash_until_support_has_it() {
    let scripted = Scripted::new();
    scripted.crashes("send");
    scripted.is_told(&["opening", "question", "sending", "sent"]);
    let consent: ConsentRecord = Received::from_mail(&scripted.0.mail()).message(SectionKind::Consent);
    assert_eq!(consent.source(), ConsentSource::Person);
}

#[test]
fn what_was_shown_is_what_is_sent_field_by_field() {
    let scripted = Scripted::new();
    scripted.crashes("send");
    let mail = scripted.0.mail();
    let offers = scripted.question();
    let received = Received::from_mail(&mail);
    let consent: ConsentRecord = received.message(SectionKind::Consent);
    let shown_of = |granted: bool| {
        let is_granted = |offer: &&Offered| consent.granted().any(|category| category == offer.category()) == granted;
        offers.iter().filter(is_granted).map(|offer| offer.contents.as_str()).collect::<String>()
    };
    let (shown, left_out) = (shown_of(true), shown_of(false));
    assert!(left_out.is_empty(), "of the ledger everything is on at first: {left_out}");
    // As support reads it, by a program that has nothing to do with what was shown.
    let json = run(Command::new(ledger::program("reportdecode")).arg("json").arg(&mail)).stdout;
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    let mut fields = Vec::new();
    for (name, section) in json.as_object().expect("an object") {
        // Not of the draft: how it came, and what the window says below all fields.
        let around =
            ["schema_version", "source", "mail", "mail_subject", "report_id", "status", "size", "sha256", "summary"];
        if !around.contains(&name.as_str()) && name != "consent" && name != "minidump" {
            leaves(name, section, &mut fields);
        }
    }
    assert!(fields.len() > 200, "{}", fields.len());
    let missing: Vec<_> = fields.iter().filter(|(name, value)| !is_shown(&shown, name, value)).collect();
    assert!(missing.is_empty(), "{} of {} fields were sent and not shown: {missing:#?}", missing.len(), fields.len());
    // Of the minidump each byte.
    let minidump = received.report.sections().iter().find(|section| section.kind() == Some(SectionKind::Minidump));
    let minidump = &minidump.expect("a minidump").bytes;
    let rows: BTreeSet<&str> = shown.lines().filter_map(|line| line.get(12..60)).map(str::trim).collect();
    let unseen = minidump.chunks(16).position(|bytes| !rows.contains(row(bytes).as_str()));
    assert_eq!(unseen, None, "of {} bytes", minidump.len());
}

/// Two times eight bytes, as the window shows them.
fn row(bytes: &[u8]) -> String {
    let half = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    let (first, second) = bytes.split_at(bytes.len().min(8));
    format!("{}  {}", half(first), half(second)).trim().to_owned()
}

/// The values that a person can read, by their names.
fn leaves(name: &str, value: &serde_json::Value, into: &mut Vec<(String, serde_json::Value)>) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.iter().for_each(|(inner, value)| leaves(&format!("{name}.{inner}"), value, into));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|value| leaves(name, value, into)),
        value => into.push((name.to_owned(), value.clone())),
    }
}

/// Whether the value stands there in one of the forms in which a person reads it.
fn is_shown(shown: &str, name: &str, value: &serde_json::Value) -> bool {
    let forms = match value {
        serde_json::Value::String(text) => {
            let number = text.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
            // To the second.
            let time = text.split_once('.').filter(|_| text.ends_with('Z')).map(|(seconds, _)| format!("{seconds}Z"));
            let forms =
                [text.clone(), text.replace('_', " ")].into_iter().chain(number.map(|number| number.to_string()));
            forms.chain(time).collect()
        }
        serde_json::Value::Bool(is_so) => vec![if *is_so { "yes" } else { "no" }.to_owned()],
        value => {
            let number = value.as_u64().unwrap_or_default();
            let nanos = name.ends_with("_nanos").then(|| format!("{:?}", Duration::from_nanos(number)));
            [value.to_string(), size(number)].into_iter().chain(nanos).collect()
        }
    };
    let field = name.rsplit('.').next().unwrap_or(name).replace('_', " ");
    forms.iter().any(|form| shown.contains(&format!("{field}: {form}")))
}

/// As the window has sizes.
#[allow(clippy::cast_precision_loss, reason = "two digits are shown")]
fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[test]
fn errors_that_wait_for_an_answer_are_asked_about_in_one_question_once_the_product_ends_as_it_should() {
    let scripted = Scripted::new();
    for lines in [MONTH, USE_AFTER_FREE] {
        let mut product = scripted.crash_begins("end at question", &[], lines);
        assert!(!product.wait().expect("our own child").success());
        scripted.handler_ends();
    }
    assert_eq!((scripted.0.drafts(), scripted.0.mails().len()), (2, 0));
    fs::remove_file(scripted.told_file()).expect("it was told something");
    let mut product = scripted.crash_begins("send", &[], "open household\nquit\n");
    assert!(product.wait().expect("our own child").success());
    scripted.handler_ends();
    scripted.is_told(&["opening", "question", "sending", "sent"]);

    let essential = &scripted.question()[0].contents;
    for number in 1..=2 {
        assert!(essential.contains(&format!("report {number} of 2: ")), "{essential}");
    }
    let reports: Vec<Received> = scripted.0.mails().iter().map(|mail| Received::from_mail(mail)).collect();
    assert_eq!((reports.len(), scripted.0.drafts(), scripted.0.outgoing()), (2, 0, 0));
    let records: Vec<ConsentRecord> = reports.iter().map(|report| report.message(SectionKind::Consent)).collect();
    assert_ne!(records[0].preview_digest, records[1].preview_digest, "each is bound to what was shown of it");
    for record in records {
        assert!(record.granted().any(|category| category == Category::Memory), "{record:?}");
    }
}

#[test]
fn a_dialog_that_ends_at_whatever_moment_has_decided_nothing_that_was_not_said() {
    for moment in ["opening", "question"] {
        let scripted = Scripted::new();
        scripted.crashes(&format!("end at {moment}"));
        scripted.is_kept(moment);
    }
    // What the person has said holds without a window.
    let scripted = Scripted::new();
    scripted.crashes("end at sending");
    assert_eq!((scripted.0.drafts(), scripted.0.mails().len()), (0, 1));
}

#[test]
fn what_a_dialog_says_wrongly_sends_nothing_and_loses_nothing() {
    for does in [
        "answer before the question",
        "answer before the question and after it",
        "forge the nonce",
        "forge the digest",
        "grant what was not offered",
        "speak another version",
        "damage the length",
        "damage the message",
        "say half of it",
    ] {
        let scripted = Scripted::new();
        scripted.crashes(does);
        scripted.is_kept(does);
    }
}

#[test]
fn an_answer_is_to_one_question_and_counts_once() {
    let scripted = Scripted::new();
    scripted.crashes("replay");
    scripted.is_kept("an answer for another time");
    scripted.crashes("replay");
    let found = (scripted.0.drafts(), scripted.0.outgoing(), scripted.0.mails().len());
    assert_eq!(found, (2, 0, 0), "the answer to the first question is none to the second");
    let scripted = Scripted::new();
    scripted.crashes("send twice");
    assert_eq!((scripted.0.drafts(), scripted.0.mails().len()), (0, 1));
}

#[test]
fn what_is_taken_back_while_it_is_sent_comes_to_nobody() {
    let server = MailServer::start();
    let scripted = Scripted::of(Ledger::sending_to(&server));
    // A small report would be there before anybody could say so.
    scripted.crashes_with("take it back", &[("FAILPOINTS", "deliver=sleep(4000)")]);
    scripted.is_told(&["opening", "question", "sending", "nothing"]);
    assert_eq!(scripted.told().last().map(String::as_str), Some("nothing 2"), "withdrawn");
    assert_eq!((scripted.0.drafts(), scripted.0.outgoing()), (0, 0));
    assert_eq!(server.mails_now().len(), 0);
}

#[test]
fn without_a_display_the_report_is_kept() {
    let scripted = Scripted::new();
    scripted.crashes("cannot show");
    scripted.is_kept("no display");
}

#[test]
fn without_a_way_to_support_the_person_is_told_that_it_is_not_sent() {
    let scripted = Scripted::of(Ledger::unsent());
    scripted.crashes("send");
    scripted.is_told(&["opening", "question", "not sent"]);
    assert_eq!((scripted.0.drafts(), scripted.0.outgoing()), (0, 1));
}

#[test]
fn where_a_window_could_not_be_shown_none_is_tried_and_the_report_is_kept() {
    let console = ("XDG_SESSION_TYPE", "tty");
    let root_by_sudo = ("SUDO_UID", "1000");
    for (name, environment) in [
        ("a service", &[("DISPLAY", "")][..]),
        ("a console", &[("DISPLAY", ""), console]),
        ("somebody who has become root", &[root_by_sudo]),
    ] {
        if environment.contains(&root_by_sudo) && !rustix::process::geteuid().is_root() {
            eprintln!("SKIPPED: {name}: only root is root");
            continue;
        }
        let scripted = Scripted::new();
        scripted.crashes_with("send", environment);
        assert_eq!(scripted.told(), [""; 0], "{name}");
        scripted.is_kept(name);
    }
}

#[test]
fn a_display_that_ssh_forwards_is_one() {
    let scripted = Scripted::new();
    scripted.crashes_with("send", &[("DISPLAY", "localhost:10.0"), ("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22")]);
    scripted.is_told(&["opening", "question", "sending", "sent"]);
}

#[test]
fn an_answer_before_the_question_is_refused_however_soon_it_is_heard() {
    // At once, and long before there is a question.
    for points in ["", "dump=sleep(1500)", "ask=sleep(1500)"] {
        let scripted = Scripted::new();
        scripted.crashes_with("answer before the question and after it", &[("FAILPOINTS", points)]);
        scripted.is_kept(points);
    }
}

#[test]
fn a_report_in_a_file_holds_what_was_switched_on_and_nothing_was_sent_by_it() {
    let scripted = Scripted::new();
    scripted.crashes("save and put it off");
    let told = scripted.told();
    assert!(told[2].starts_with("saved ") && told[2].contains("No such file or directory"), "{told:?}");
    assert_eq!(told[3], "saved", "{told:?}");
    scripted.is_kept("a file");
    let saved = scripted.0.path("saved.report");
    run(Command::new(ledger::program("reportdecode")).arg("verify").arg(&saved));
    let report = Received::from_bytes(fs::read(&saved).expect("it is there"));
    let consent: ConsentRecord = report.message(SectionKind::Consent);
    assert!(consent.declined().any(|category| category == Category::Actions), "{consent:?}");
    assert!(!report.kinds().contains(&SectionKind::Actions));
    assert!(report.kinds().contains(&SectionKind::Minidump));

    // The question is open still, and answered otherwise.
    let scripted = Scripted::new();
    scripted.crashes("save and send");
    let (sent, saved) = (Received::from_mail(&scripted.0.mail()), scripted.0.path("saved.report"));
    assert!(sent.kinds().contains(&SectionKind::Actions) && saved.is_file());
    assert_eq!((scripted.0.drafts(), scripted.0.outgoing()), (0, 0));
}

/// Some ten megabytes that no memory image is much smaller for.
fn a_long_statement() -> String {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        format!("{state:016x}")
    };
    (0..150_000).map(|_| format!("1 {}{}{}\n", word(), word(), word())).collect()
}

#[test]
fn whoever_does_not_wait_for_all_of_the_memory_sends_a_report_without_it_that_says_why() {
    let mut ledger = Ledger::new();
    ledger.set("full-memory", "yes");
    let scripted = Scripted::of(ledger);
    // It is read long enough for somebody to say so.
    let statement = scripted.0.path("statement");
    fs::write(&statement, a_long_statement()).expect("our own folder");
    let lines = format!("open household\nimport {}\nmonth 999999999\n", statement.display());
    let slowly = [("FAILPOINTS", "image-write=sleep(40)")];
    let mut product = scripted.crash_begins("go on without the memory", &slowly, &lines);
    assert!(!product.wait().expect("our own child").success());
    scripted.handler_ends();
    scripted.is_told(&["opening", "collecting", "question", "sending", "sent"]);
    let mail = scripted.0.mail();
    let report = Received::from_mail(&mail);
    let is_offered = scripted.question().iter().any(|offer| offer.category() == Category::FullMemory);
    assert!(!is_offered, "there is none");
    assert!(report.kinds().contains(&SectionKind::Minidump), "{:?}; {:?}", report.kinds(), report.soft_errors());
    let told = report.soft_errors();
    assert!(told.iter().any(|error| error.contains("full memory: left out by the person")), "{told:?}");
    // As support reads it.
    let shown = run(Command::new(ledger::program("reportdecode")).arg("show").arg(&mail)).stdout;
    let shown = String::from_utf8(shown).expect("text");
    assert!(shown.contains("left out by the person"), "{shown}");
}

#[test]
fn where_an_error_can_be_one_too_many_nobody_is_shown_anything_before_that_is_known() {
    let mut ledger = Ledger::new();
    ledger.set("most-reports", 1);
    let scripted = Scripted::of(ledger);
    scripted.crashes("send");
    for (lines, story) in
        [(MONTH, &["opening", "nothing"][..]), (USE_AFTER_FREE, &["opening", "question", "sending", "sent"])]
    {
        fs::remove_file(scripted.told_file()).expect("it was told");
        let mut product = scripted.crash_begins("send", &[("FAILPOINTS", "unwind=sleep(3000)")], lines);
        wait_for("dump that is kept", || scripted.0.drafts() == 1);
        assert_eq!(scripted.told(), [""; 0], "nobody knows yet");
        assert!(!product.wait().expect("our own child").success());
        scripted.handler_ends();
        scripted.is_told(story);
    }
    assert_eq!((scripted.0.drafts(), scripted.0.outgoing(), scripted.0.mails().len()), (0, 0, 2));
}

#[test]
fn a_report_that_nothing_of_could_be_kept_is_told_as_lost_and_one_that_lies_elsewhere_is_not() {
    let scripted = Scripted::new();
    scripted.crashes_with("send", &[("FAILPOINTS", "draft-create=return(ENOSPC)")]);
    scripted.is_told(&["opening", "nothing"]);
    assert_eq!(scripted.told()[1], "nothing 3");
    assert_eq!((scripted.0.drafts(), scripted.0.mails().len()), (0, 0));
    // Of this one the dump is there.
    let scripted = Scripted::new();
    scripted.crashes_with("send", &[("FAILPOINTS", "draft-flush=return(ENOSPC)")]);
    scripted.is_told(&["opening", "nothing"]);
    assert_eq!(scripted.told()[1], "nothing");
    scripted.is_kept("half of it");
}

/// A ledger whose mail server says no to everybody, for as long as the test goes on.
fn refused() -> Scripted {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port of this machine's");
    let port = server.local_addr().expect("it has one").port();
    thread::spawn(move || {
        for mut connection in server.incoming().flatten() {
            // Whoever has gone hears it no more.
            let _ = connection.write_all(b"554 5.7.1 not here\r\n");
        }
    });
    let mut ledger = Ledger::unsent();
    ledger.set("host", "localhost").set("port", port).set("tls", "starttls");
    Scripted::of(ledger)
}

#[test]
fn what_could_not_be_sent_is_had_in_a_file_after_the_product_is_gone_and_waits_all_the_same() {
    let scripted = refused();
    scripted.crashes("save what is not sent");
    let told = scripted.told();
    assert_eq!(scripted.story()[..2], ["opening", "question"]);
    assert!(told.iter().any(|told| told.starts_with("saved ") && told.contains("No such file")), "{told:?}");
    assert_eq!(told.last().map(String::as_str), Some("saved"));
    assert_eq!((scripted.0.drafts(), scripted.0.outgoing()), (0, 1));
    let saved = scripted.0.path("unsent.report");
    run(Command::new(ledger::program("reportdecode")).arg("verify").arg(&saved));
    let waits = scripted.0.spooled("out");
    let waits = waits.iter().find(|file| file.extension().is_some_and(|ending| ending == "report"));
    let waits = fs::read(waits.expect("a report")).expect("readable");
    assert_eq!(fs::read(&saved).expect("readable"), waits, "as it would be mailed");
}

#[test]
fn what_could_not_be_sent_is_taken_back_at_once_and_not_only_when_it_is_tried_again() {
    let scripted = refused();
    scripted.crashes("take back what is not sent");
    let told = scripted.told();
    assert_eq!(told.last().map(String::as_str), Some("nothing 2"), "{told:?}");
    assert_eq!((scripted.0.drafts(), scripted.0.outgoing()), (0, 0));
}

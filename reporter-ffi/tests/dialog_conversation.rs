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
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use end_to_end::{mail_server::MailServer, report::Received};
use ledger::{Ledger, wait_for};
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
        let mut command = Command::new("setsid");
        let product = self.0.command();
        command.arg(product.get_program()).args(product.get_args());
        // There is none: a script needs no display.
        command.env("DISPLAY", ":4321").env("REPORTER_TEST_DIALOG", does).env("REPORTER_TEST_TOLD", self.told_file());
        command.envs(environment.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut product = command.spawn().expect("just compiled");
        let lines = b"open household\nadd 1250 bread\nmonth 999999999\n";
        product.stdin.take().expect("piped").write_all(lines).expect("it reads");
        assert!(!product.wait().expect("our own child").success());
        wait_for("end of the handler", || self.0.handlers().is_empty());
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
    assert_eq!(scripted.story(), ["opening", "question", "sending", "sent"]);
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
    assert_eq!(scripted.story(), ["opening", "question", "sending", "nothing"]);
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
    assert_eq!(scripted.story(), ["opening", "question", "not sent"]);
    assert_eq!((scripted.0.drafts(), scripted.0.outgoing()), (0, 1));
}

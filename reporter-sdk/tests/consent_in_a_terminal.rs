//! The real prompt, driven through a pseudo-terminal: a product in the foreground, its handler in a process group of its own
//! without standard streams, and a person who types. A console of Windows is no such thing.
// Not on Windows: the terminal is a Unix one; the question in a console has no test.
#![cfg(all(feature = "handler", target_os = "linux"))]

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use report_format::ReportId;
use report_format::schema::v1::{Category, Error, ErrorKind, Product, SectionKind};
use reporter_sdk::consent::{Asker, CategorySet, Draft, DraftSection, Notice, Request, TerminalAsker};
use rustix::process::{Pid, getpgrp};
use rustix::termios::{LocalModes, tcgetattr, tcgetpgrp};
use terminal::Terminal;

#[path = "support/end_to_end/terminal.rs"]
#[allow(dead_code, reason = "the other tests of terminals use the rest")]
mod terminal;

const ROLE: &str = "ROLE_IN_THE_TERMINAL";
const RESULT: &str = "WHERE_THE_ROLE_WRITES";
const TIMEOUT: &str = "HOW_LONG_TO_WAIT_MILLIS";

/// Not a test but the programs of the others: this binary starts itself with a role.
#[test]
fn play_a_role() {
    match std::env::var(ROLE).as_deref() {
        Ok("product") => product(),
        Ok("product that left the terminal to another") => {
            let mut other = Command::new("sleep").arg("60").process_group(0).stdin(Stdio::null()).spawn().unwrap();
            let tty = File::open("/dev/tty").unwrap();
            rustix::termios::tcsetpgrp(&tty, Pid::from_child(&other)).unwrap();
            product();
            other.kill().unwrap();
            other.wait().unwrap();
        }
        Ok("handler") => handler(),
        _ => {}
    }
}

fn me(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "play_a_role"]).env(ROLE, role).env("LC_ALL", "pt_BR.UTF-8").env_remove("LANGUAGE");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn product() {
    let tty = File::open("/dev/tty").unwrap();
    let before = tcgetattr(&tty).unwrap();
    let group = tcgetpgrp(&tty).unwrap();
    let status = me("handler").process_group(0).env("PRODUCT", std::process::id().to_string()).status().unwrap();
    let after = tcgetattr(&tty).unwrap();
    assert!(status.success());
    let given_back = tcgetpgrp(&tty).unwrap() == group;
    let modes_back = (before.local_modes, before.input_modes, before.output_modes)
        == (after.local_modes, after.input_modes, after.output_modes);
    let mut result = OpenOptions::new().append(true).open(std::env::var_os(RESULT).unwrap()).unwrap();
    writeln!(result, "terminal given back: {}", given_back && modes_back).unwrap();
}

fn handler() {
    let pid: i32 = std::env::var("PRODUCT").unwrap().parse().unwrap();
    let timeout = Duration::from_millis(std::env::var(TIMEOUT).unwrap().parse().unwrap());
    let product = Product { name: "Led\u{1b}[2Jger".into(), version: "3.1".into(), ..Product::default() };
    let mut draft = Draft::new(ReportId([1; 16]), product, [2; 16], ErrorKind::Crash, 7);
    let title = "SIGSEGV: address not mapped".to_owned();
    draft.push(SectionKind::Error, Category::Essential, &Error { title, ..Error::default() });
    for (kind, category) in [
        (SectionKind::Actions, Category::Actions),
        (SectionKind::Minidump, Category::Memory),
        (SectionKind::Screen, Category::Screen),
    ] {
        draft.sections.push(DraftSection { kind, category, payload: vec![0; 2000] });
    }
    let notice =
        Notice { purpose: "to mend it".into(), recipient: "support@vendor.example".into(), ..Notice::default() };
    let request = Request::new(&draft, &notice, CategorySet::all()).unwrap();
    let decision = TerminalAsker::new(Pid::from_raw(pid).unwrap()).timeout(timeout).ask(&request);
    let in_foreground = File::open("/dev/tty").and_then(|tty| Ok(tcgetpgrp(tty)? == getpgrp())).unwrap();
    let remembered = decision.remembered("3.1").map(|choice| choice.remember);
    let result = format!("{:?}\n{remembered:?}\nstill in the foreground: {in_foreground}\n", decision.answer());
    fs::write(std::env::var_os(RESULT).unwrap(), result).unwrap();
}

/// The person in front of a product, whose handler asks.
struct Person {
    terminal: Terminal,
    result: PathBuf,
    _directory: tempfile::TempDir,
}

impl Person {
    fn sits_down(term: &str, timeout: Duration) -> Person {
        Person::before("product", term, timeout)
    }

    fn before(role: &str, term: &str, timeout: Duration) -> Person {
        let directory = tempfile::tempdir().unwrap();
        let result = directory.path().join("result");
        let mut command = me(role);
        command.env("TERM", term).env(RESULT, &result).env(TIMEOUT, timeout.as_millis().to_string());
        Person { terminal: Terminal::start(&mut command), result, _directory: directory }
    }

    fn sees(&mut self, text: &str) -> &mut Self {
        self.terminal.sees(text);
        self
    }

    fn types(&mut self, text: &str) -> &mut Self {
        self.terminal.types(text);
        self
    }

    /// What the handler decided and how the terminal was left.
    fn result(&mut self) -> String {
        self.terminal.ends();
        let result = fs::read_to_string(&self.result).unwrap();
        assert!(result.contains("still in the foreground: false"), "{result}");
        assert!(result.contains("terminal given back: true"), "{result}");
        result
    }
}

const LONG: Duration = Duration::from_secs(30);

#[test]
fn send() {
    let mut person = Person::sits_down("xterm", LONG);
    person.sees("Led\\u{1b}[2Jger 3.1 has stopped working").sees("SIGSEGV").sees("support@vendor.example");
    person.sees("[ ] An image of your desktop").sees("confidential").sees("Your choice [l]: ").types("s\r");
    let result = person.result();
    assert!(result.contains("Send { categories: {Essential, Actions, Memory}, contact: None }\nNone"), "{result}");
}

#[test]
fn enter_alone_does_not_send() {
    let mut person = Person::sits_down("xterm", LONG);
    let result = person.sees("Your choice [l]: ").types("\r").result();
    assert!(result.starts_with("Later\nNone"), "{result}");
}

#[test]
fn decline_and_remember_never() {
    let result = Person::sits_down("xterm", LONG).sees("Your choice").types("d\n").result();
    assert!(result.starts_with("Decline\nNone"), "{result}");
    let result = Person::sits_down("xterm", LONG).sees("Your choice").types("v\n").result();
    assert!(result.starts_with("Decline\nSome(NeverForVersion)"), "{result}");
}

#[test]
fn choose_look_and_say_who_on_a_dumb_terminal() {
    let mut person = Person::sits_down("dumb", LONG);
    person.sees("Your choice").types("c\r").sees("Numbers to switch").types("3 4 99\r").sees("no number 99");
    person.sees("3 [ ]").sees("4 [x]").sees("Numbers to switch").types("\r");
    person.sees("Your choice").types("w\r").sees("name: Led\\u{1b}[2Jger").sees("Enter for more").types("\r");
    person.sees("minidump").sees("Besides").sees("Your choice");
    person.types("e\r").sees("first name").types("Anna\r").sees("last name").types("\r");
    person
        .sees("e-mail")
        .types("anna berg@example\r")
        .sees("no e-mail address")
        .sees("e-mail")
        .types("anna@example.com\r");
    person.sees("Up to 4000 characters").types("Büchen 😢\r").sees("More of it").types("zwei Zeilen\r");
    person.sees("More of it").types("\r");
    person.sees("Anna; anna@example.com; Büchen 😢").sees("Your choice").types("a\r");
    let result = person.result();
    assert!(result.contains("categories: {Essential, Actions, Screen, Contact}"), "{result}");
    assert!(result.contains(r#"first_name: "Anna", last_name: "", email: "anna@example.com""#), "{result}");
    assert!(result.contains(r#"description: "Büchen 😢\nzwei Zeilen", language: "pt-BR""#), "{result}");
    assert!(result.contains("Some(Always)"), "{result}");
    let screen = person.terminal.screen();
    assert!(!screen.contains(&0x1b), "{:?}", String::from_utf8_lossy(&screen));
}

#[test]
fn an_address_that_is_none_is_asked_for_once_more_and_never_required() {
    let mut person = Person::sits_down("dumb", LONG);
    person.sees("Your choice").types("e\r").sees("first name").types("\r").sees("last name").types("\r");
    person.sees("e-mail").types("anna\r").sees("name@example.com").sees("e-mail").types("anna@\r").sees("left out");
    person.sees("doing").types("\r").sees("nothing entered").sees("Your choice").types("s\r");
    let result = person.result();
    assert!(result.contains("contact: None }"), "{result}");
}

#[test]
fn what_is_too_long_is_cut_and_the_person_is_told() {
    let mut person = Person::sits_down("dumb", LONG);
    person.sees("Your choice").types("e\r").sees("first name").types(&format!("{}Z\r", "ä".repeat(100)));
    person
        .sees("100 characters fit")
        .sees("last name")
        .types("\r")
        .sees("e-mail")
        .types("\r")
        .sees("doing")
        .types("\r");
    let result = person.sees("Your choice").types("s\r").result();
    assert!(result.contains(&format!(r#"first_name: "{}", last_name"#, "ä".repeat(100))), "{result}");
}

#[test]
fn nobody_answers_in_time() {
    let start = Instant::now();
    let mut person = Person::sits_down("xterm", Duration::from_millis(700));
    let result = person.sees("Your choice").types("s").result();
    assert!(result.starts_with("Later\nNone"), "{result}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    person.sees("No answer in time");
}

#[test]
fn control_c_means_later() {
    let result = Person::sits_down("xterm", LONG).sees("Your choice").types("s\u{3}").result();
    assert!(result.starts_with("Later\nNone"), "{result}");
}

#[test]
fn keys_for_job_control_do_nothing() {
    let result = Person::sits_down("xterm", LONG)
        .sees("Your choice")
        .types("\u{1a}\u{1c}\u{13}")
        .types("\r")
        .sees("choice")
        .types("d\r")
        .result();
    assert!(result.starts_with("Decline"), "{result}");
}

#[test]
fn a_product_in_the_background_is_not_asked_about() {
    let mut person = Person::before("product that left the terminal to another", "xterm", LONG);
    let result = person.result();
    assert!(result.starts_with("Later\nNone"), "{result}");
    assert_eq!(person.terminal.screen().len(), 0);
}

#[test]
fn the_terminal_echoes_again_afterwards() {
    let mut person = Person::sits_down("xterm", LONG);
    person.sees("Your choice").types("d\r").result();
    assert!(tcgetattr(&person.terminal.device).unwrap().local_modes.contains(LocalModes::ECHO | LocalModes::ICANON));
}

//! The real prompt, driven through a pseudo-terminal: a product in the foreground, its handler in a process group of its own
//! without standard streams, and a person who types. A console of Windows is no such thing.
// Not on Windows: the terminal is a Unix one; the question in a console has no test.
#![cfg(all(feature = "handler", target_os = "linux"))]

use std::borrow::Cow;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use report_format::schema::v1::{
    Annotation, Annotations, Attachment, Category, ConsentRecord, Error, ErrorKind, ErrorLink, Product, Screen,
    SectionKind,
};
use report_format::{Limits, Report, ReportId};
use reporter_sdk::consent::{Asker, CategorySet, Draft, DraftSection, Notice, Outcome, Request, TerminalAsker, settle};
use reporter_sdk::encode::encode;
use rustix::process::{Pid, getpgrp};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcgetpgrp, tcsetwinsize};
use terminal::Terminal;

#[path = "support/end_to_end/terminal.rs"]
#[allow(dead_code, reason = "the other tests of terminals use the rest")]
mod terminal;

const ROLE: &str = "ROLE_IN_THE_TERMINAL";
const RESULT: &str = "WHERE_THE_ROLE_WRITES";
const TIMEOUT: &str = "HOW_LONG_TO_WAIT_MILLIS";
/// How many errors the question is about of which there is much to leave out. Unset: one of which there is not.
const DIARIES: &str = "HOW_MANY_ERRORS_WITH_A_DIARY";

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
    let drafts: Vec<Draft> = match std::env::var(DIARIES) {
        Ok(count) => (1..=count.parse().unwrap()).map(diary).collect(),
        Err(_) => vec![small()],
    };
    let notice =
        Notice { purpose: "to mend it".into(), recipient: "support@vendor.example".into(), ..Notice::default() };
    let request = Request::new(&drafts[0], &notice, CategorySet::all()).unwrap();
    let request = drafts[1..].iter().fold(request, |request, draft| request.and(draft, CategorySet::all()));
    let decision = TerminalAsker::new(Pid::from_raw(pid).unwrap()).timeout(timeout).ask(&request);
    let in_foreground = File::open("/dev/tty").and_then(|tty| Ok(tcgetpgrp(tty)? == getpgrp())).unwrap();
    let remembered = decision.remembered("3.1").map(|choice| choice.remember);
    let result = format!("{:?}\n{remembered:?}\nstill in the foreground: {in_foreground}\n", decision.answer());
    let place = PathBuf::from(std::env::var_os(RESULT).unwrap());
    fs::write(&place, result).unwrap();
    for (number, draft) in drafts.iter().enumerate() {
        if let Ok(Outcome::Granted(grant)) = settle(draft, &request, decision.clone()) {
            let report = File::create(place.with_extension((number + 1).to_string())).unwrap();
            encode(draft, &grant, &|section, _| Some(Cow::Borrowed(&section.payload)), report).unwrap();
        }
    }
}

fn small() -> Draft {
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
    draft
}

/// Of an error that quotes what the person has written, with a file, two images and facts of the program's.
fn diary(number: u8) -> Draft {
    let product = Product { name: "Ledger".into(), version: "3.1".into(), ..Product::default() };
    let mut draft = Draft::new(ReportId([number; 16]), product, [2; 16], ErrorKind::Crash, 7);
    let link = |message: &str| ErrorLink { message: message.into(), ..ErrorLink::default() };
    let chain = vec![link("cannot read \u{1b}[2JAnna's diary"), link("no such file")];
    draft.push(SectionKind::Error, Category::Essential, &Error { title: "panic".into(), chain, ..Error::default() });
    let fact = |key: &str, value: &str| Annotation { key: key.into(), value: value.into(), ..Annotation::default() };
    let annotations = vec![fact("author", "Anna Berg"), fact("pages", "7")];
    draft.push(SectionKind::Annotations, Category::Product, &Annotations { annotations, command_line: vec![] });
    for display in ["eDP-1", "HDMI-2"] {
        let screen =
            Screen { display: display.into(), png: display.into(), width: 800, height: 600, ..Screen::default() };
        draft.push(SectionKind::Screen, Category::Screen, &screen);
    }
    for (name, content) in [("diary", "Monday: I met Berta\n"), ("log", "all is well\n")] {
        let file = Attachment { name: name.into(), content: content.repeat(40).into(), ..Attachment::default() };
        draft.push(SectionKind::Attachment, Category::Attachments, &file);
    }
    draft
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

    /// In front of so many errors that quote a diary.
    fn reads_of_a_diary(errors: u8, term: &str) -> Person {
        Person::with(me("product").env(DIARIES, errors.to_string()), term, LONG)
    }

    fn before(role: &str, term: &str, timeout: Duration) -> Person {
        Person::with(&mut me(role), term, timeout)
    }

    fn with(command: &mut Command, term: &str, timeout: Duration) -> Person {
        let directory = tempfile::tempdir().unwrap();
        let result = directory.path().join("result");
        command.env("TERM", term).env(RESULT, &result).env(TIMEOUT, timeout.as_millis().to_string());
        Person { terminal: Terminal::start(command), result, _directory: directory }
    }

    fn terminal_has(&self, rows: u16, columns: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.terminal.device, size).unwrap();
    }

    fn sees(&mut self, text: &str) -> &mut Self {
        self.terminal.sees(text);
        self
    }

    fn types(&mut self, text: &str) -> &mut Self {
        self.terminal.types(text);
        self
    }

    /// Looks for this, among what can be left out.
    fn looks_for(&mut self, wanted: &str) -> &mut Self {
        self.sees("What to look for").types(&format!("{wanted}\r")).sees("Numbers to leave out or take in")
    }

    /// Switches the last line on the screen that has this in it, by the number before it.
    fn switches(&mut self, text: &str) -> &mut Self {
        let screen = String::from_utf8_lossy(&self.terminal.screen()).into_owned();
        let is_row = |line: &&str| line.contains(text) && (line.contains(" [x] ") || line.contains(" [ ] "));
        let row = screen.lines().rev().find(is_row).unwrap_or_else(|| panic!("no {text:?} on the screen:\n{screen}"));
        let number = row.split_whitespace().next().unwrap().to_owned();
        self.types(&format!("{number}\r"))
    }

    /// From the numbers back to the menu.
    fn is_done(&mut self) -> &mut Self {
        self.types("\r").sees("What to look for").types("\r")
    }

    /// What would have been sent of the error of this number, once it was decided.
    fn report(&self, number: u8) -> Report {
        let file = File::open(self.result.with_extension(number.to_string())).unwrap();
        Report::read(file, &Limits::default()).unwrap()
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

fn read<M: prost::Message + Default>(report: &Report, kind: SectionKind) -> M {
    report.message(kind).unwrap().unwrap_or_else(|| panic!("no {kind:?}"))
}

fn left_out(report: &Report) -> Vec<String> {
    read::<ConsentRecord>(report, SectionKind::Consent).left_out
}

/// What the sections of this kind are called.
fn names(report: &Report, kind: SectionKind) -> Vec<String> {
    let sections = report.sections().iter().filter(|section| section.kind() == Some(kind));
    let name = |bytes: &[u8]| match kind {
        SectionKind::Screen => <Screen as prost::Message>::decode(bytes).unwrap().display,
        _ => <Attachment as prost::Message>::decode(bytes).unwrap().name,
    };
    sections.map(|section| name(&section.bytes)).collect()
}

#[test]
fn a_line_a_fact_a_file_and_an_image_are_left_out_where_a_search_finds_them() {
    let mut person = Person::reads_of_a_diary(1, "dumb");
    person.sees("Your choice").types("o\r").looks_for("ANNA");
    // As it would be sent, and harmless.
    person.switches("message: cannot read \\u{1b}[2JAnna's diary").sees("Left out: message: cannot read");
    person.switches("key: author; value: Anna Berg").sees("Left out: annotations: key: author");
    person
        .types("\r")
        .looks_for("diary")
        .switches("attachment, ")
        .sees("Left out: attachment, 810 B (with name: diary");
    person.types("\r").looks_for("hdmi").switches("screen, 22 B (with");
    person.sees("Left out: screen, ").is_done();
    person.sees("[ ] An image of your desktop").sees("Left out one by one: 4").sees("left out: message: cannot read");
    person.sees("Your choice").types("c\r").sees("Numbers to switch");
    person.switches("An image of your desktop").sees("[x] An image").sees("Numbers to switch").types("\r");
    // The image that is left is the one that can be looked at.
    person.sees("Your choice").types("p\r").sees("desktop-1.png, display eDP-1\r\n").sees("Your choice").types("s\r");
    let result = person.result();
    assert!(result.contains("Send {"), "{result}");
    let report = person.report(1);
    assert_eq!(left_out(&report), ["annotations.annotations", "attachment", "error.chain.message", "screen"]);
    let error: Error = read(&report, SectionKind::Error);
    assert_eq!(error.chain.iter().map(|link| link.message.as_str()).collect::<Vec<_>>(), ["", "no such file"]);
    let Annotations { annotations, .. } = read(&report, SectionKind::Annotations);
    assert_eq!(annotations.iter().map(|fact| fact.key.as_str()).collect::<Vec<_>>(), ["pages"]);
    assert_eq!(names(&report, SectionKind::Attachment), ["log"]);
    assert_eq!(names(&report, SectionKind::Screen), ["eDP-1"]);
    let screen = person.terminal.screen();
    assert!(!screen.contains(&0x1b), "{:?}", String::from_utf8_lossy(&screen));
}

#[test]
fn what_is_left_out_is_marked_in_the_contents_and_is_taken_in_again() {
    let mut person = Person::reads_of_a_diary(1, "dumb");
    person.terminal_has(200, 80);
    person.sees("Your choice").types("o\r").looks_for("diary");
    person.switches("name: diary").sees("Left out: name: diary").switches("attachment, ").sees("Left out: attachment");
    person.is_done().sees("Left out one by one: 1").sees("t  Take in again").sees("Your choice").types("w\r");
    person.sees("Lines that begin with ×").sees("Besides: ");
    let screen = String::from_utf8_lossy(&person.terminal.screen()).into_owned();
    for line in [
        "\n× Files that the program attaches – attachment, 810 B, left out\r",
        "\n×   name: diary\r",
        "\n  name: log\r",
    ] {
        assert!(screen.contains(line), "{line:?} is not in {screen}");
    }
    person.sees("Your choice").types("t\r").sees("1 [ ] attachment, 810 B (with name: diary");
    person
        .sees("Numbers to leave out or take in")
        .types("1 2\r")
        .sees("Taken in again: attachment")
        .sees("no number 2");
    person
        .sees("Numbers to leave out or take in")
        .types("\r")
        .sees("Left out one by one: 1")
        .sees("left out: name: diary");
    person.sees("Your choice").types("t\r").sees("Numbers to").types("1\r").sees("Taken in again: name: diary");
    person.sees("Numbers to").types("\r").sees("a  Always send").sees("Your choice").types("s\r").result();
    let report = person.report(1);
    assert_eq!(left_out(&report), [""; 0]);
    assert_eq!(names(&report, SectionKind::Attachment), ["diary", "log"]);
}

#[test]
fn what_was_left_out_by_itself_cannot_be_left_out_always() {
    let mut person = Person::reads_of_a_diary(1, "xterm");
    person.terminal_has(24, 80);
    person.sees("a  Always send").sees("Your choice").types("o\r").looks_for("no such file");
    person.switches("message: no such file").sees("Left out: message: no such file").is_done();
    person.sees("Left out one by one: 1").sees("Ask me later").sees("Your choice");
    let screen = String::from_utf8_lossy(&person.terminal.screen()).into_owned();
    let menu = screen.rsplit("Left out one by one").next().unwrap();
    assert!(!menu.contains("Always send"), "{menu}");
    person.types("a\r").sees("cannot be left out always").sees("Your choice").types("s\r");
    let result = person.result();
    assert!(result.contains("Send {") && result.contains("\nNone\n"), "{result}");
    assert_eq!(left_out(&person.report(1)), ["error.chain.message"]);
}

#[test]
fn what_cannot_be_left_out_has_no_number_and_what_is_not_there_is_not_found() {
    let mut person = Person::reads_of_a_diary(1, "dumb");
    person.sees("Your choice").types("o\r").sees("What to look for").types("name: Ledger\r");
    person.sees("\n           name: Ledger\r").sees("What has no number goes with what is above it");
    person.sees("What to look for").types("Carla\r").sees("Nothing in the report has that in it");
    // Forty lines of the diary have it: they go together.
    person.looks_for("I met Berta");
    let screen = String::from_utf8_lossy(&person.terminal.screen()).into_owned();
    assert_eq!(screen.matches("Monday: I met Berta").count(), 18, "{screen}");
    assert!(screen.contains("22 more lines have that in them"), "{screen}");
    person.types("9 x -1\r").sees("no number 9").sees("no number x").sees("Left out: attachment");
    person.is_done().sees("Your choice").types("d\r");
    assert!(person.result().starts_with("Decline\nNone"));
}

#[test]
fn of_several_reports_that_are_asked_about_at_once_one_loses_what_is_left_out_of_it() {
    let mut person = Person::reads_of_a_diary(2, "dumb");
    person.sees("2 reports of Ledger").sees("Your choice").types("o\r").looks_for("author");
    person.switches("author").sees("Left out: annotations: key: author").types("\r").looks_for("met Berta").is_done();
    person.sees("left out of report 2: annotations: key: author");
    let screen = String::from_utf8_lossy(&person.terminal.screen()).into_owned();
    for heading in [
        "Facts that the program adds, report 1 of 2:",
        "Facts that the program adds, report 2 of 2:",
        "Files that the program attaches, report 1 of 2:",
    ] {
        assert_eq!(screen.matches(heading).count(), 1, "{heading} in {screen}");
    }
    person.sees("Your choice").types("s\r").result();
    let facts = |number| read::<Annotations>(&person.report(number), SectionKind::Annotations).annotations.len();
    assert_eq!((facts(1), facts(2)), (2, 1), "the last one on the screen was the second report's");
    assert_eq!(left_out(&person.report(1)), [""; 0]);
    assert_eq!(left_out(&person.report(2)), ["annotations.annotations"]);
}

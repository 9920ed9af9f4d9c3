//! A product crashes on a desktop: its user is asked in a window, and answers with the keyboard alone.
// Not on Windows: it is driven by X11.
#![cfg(target_os = "linux")]

#[path = "../../reporter-sdk/tests/support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/host.rs"]
mod host;
#[path = "support/ledger.rs"]
mod ledger;
#[path = "support/screen_reader.rs"]
mod screen_reader;
mod support;
#[path = "../../reporter-sdk/tests/support/xvfb.rs"]
mod xvfb;

use std::{
    fs,
    io::Write,
    net::TcpListener,
    os::unix::{fs::PermissionsExt, net::UnixListener},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use end_to_end::report::Received;
use host::{has_runtime, which};
use ledger::{Ledger, wait_for};
use report_format::schema::v1::{Category, ConsentRecord, ConsentSource, Contact, Error, SectionKind};
use rustix::process::{Pid, Signal};
use screen_reader::{MONTH, ScreenReader};
use support::run;
use xvfb::Xvfb;

const TITLE: &str = "^Ledger 1.0.0 – error report$";

/// The person in front of the display.
struct Person(Xvfb);

impl Person {
    fn new() -> Option<Self> {
        let tools = ["xdotool", "Xvfb"];
        // GTK is what the dialog is built with: without it nothing of the workspace's tests were.
        has_runtime("xdotool or Xvfb", tools.iter().all(|tool| which(tool).is_some()))
            .then(|| Self(Xvfb::start("1024x900x24")))
    }

    fn xdotool(&self, arguments: &[&str]) -> String {
        let output = run(Command::new("xdotool").args(arguments).env("DISPLAY", self.0.display()));
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    }

    /// Waits for the window, and gives it the keyboard: there is no window manager.
    fn sees_the_question(&self) {
        let window = self.xdotool(&["search", "--sync", "--onlyvisible", "--name", TITLE]);
        self.xdotool(&["windowfocus", "--sync", &window]);
        thread::sleep(Duration::from_millis(300));
    }

    fn presses(&self, keys: &[&str]) {
        for key in keys {
            self.xdotool(&["key", key]);
            // As fast as a person is.
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// A ledger crashes in front of the person.
    fn crashes(&self, ledger: &Ledger) {
        crashes_on(&self.0.display(), ledger, &[]);
    }

    /// All that have the dialog's title: where the person chooses a file is another.
    fn windows(&self) -> Vec<String> {
        self.windows_called(TITLE)
    }

    /// Whether there is a window with this title, which can have more behind it.
    fn has_window(&self, title: &str) -> bool {
        !self.windows_called(title).is_empty()
    }

    fn windows_called(&self, title: &str) -> Vec<String> {
        let mut search = Command::new("xdotool");
        search.args(["search", "--onlyvisible", "--name", title]).env("DISPLAY", self.0.display());
        let output = search.output().expect("installed");
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
    }
}

/// A ledger on this display crashes, with nobody at a terminal.
fn crashes_on(display: &str, ledger: &Ledger, environment: &[(&str, &str)]) {
    let mut product = crash_begins(display, ledger, environment);
    // It ends while the person thinks.
    assert!(!product.wait().expect("our own child").success());
}

fn crash_begins(display: &str, ledger: &Ledger, environment: &[(&str, &str)]) -> Child {
    let mut command = Command::new("setsid");
    let product = ledger.command();
    command.arg(product.get_program()).args(product.get_args()).env_remove("WAYLAND_DISPLAY");
    command.env("DISPLAY", display).env("LC_ALL", "C.UTF-8").envs(environment.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut product = command.spawn().expect("just compiled");
    product.stdin.take().expect("piped").write_all(MONTH.as_bytes()).expect("it reads");
    product
}

/// The dialogs of this ledger's handlers.
fn dialogs(ledger: &Ledger) -> Vec<Pid> {
    let mut found = Vec::new();
    for handler in ledger.handlers() {
        // A dialog's parent is the thread that has started it, of whichever name.
        let tasks = fs::read_dir(format!("/proc/{handler}/task")).into_iter().flatten().flatten();
        let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
        let pids =
            children.flat_map(|pids| pids.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>());
        found.extend(pids.filter_map(Pid::from_raw));
    }
    found
}

fn kill_dialog(ledger: &Ledger) {
    wait_for("a dialog", || dialogs(ledger).len() == 1);
    rustix::process::kill_process(dialogs(ledger)[0], Signal::KILL).expect("it is there");
}

#[test]
fn the_person_types_leaves_out_one_category_and_sends_with_the_keyboard_alone() {
    let Some(person) = Person::new() else { return };
    let ledger = Ledger::new();
    person.crashes(&ledger);
    person.sees_the_question();
    // The keyboard is where nothing is sent by a key that was meant for the product: Enter makes a line.
    person.xdotool(&["type", "I asked for a month"]);
    person.presses(&["Return"]);
    person.xdotool(&["type", "that there is not."]);
    assert_eq!((ledger.drafts(), ledger.outgoing(), ledger.mails().len()), (1, 0, 0));
    // Names and address, then the first switch: what the person did.
    person.presses(&["Tab", "Tab", "Tab", "Tab", "space"]);
    // Back, past the five things that the vendor promises, to the last button.
    person.presses(&["shift+Tab"; 10]);
    person.presses(&["space"]);
    wait_for("end of the handler", || ledger.handlers().is_empty());

    let report = Received::from_mail(&ledger.mail());
    let contact: Contact = report.message(SectionKind::Contact);
    assert_eq!(contact.description, "I asked for a month\nthat there is not.");
    assert_eq!((contact.language.as_str(), contact.email.as_str()), ("en", ""));
    let consent: ConsentRecord = report.message(SectionKind::Consent);
    assert_eq!(consent.source(), ConsentSource::Person);
    assert!(consent.declined().any(|category| category == Category::Actions), "{consent:?}");
    assert!(consent.granted().any(|category| category == Category::Memory), "{consent:?}");
    assert!(!report.kinds().contains(&SectionKind::Actions));
    assert_eq!((ledger.drafts(), ledger.outgoing()), (0, 0));
    // The person is shown the report's number until they close that.
    assert!(person.has_window(TITLE));
    person.presses(&["Escape"]);
    wait_for("no window", || !person.has_window(TITLE));
}

#[test]
fn a_person_who_sees_nothing_types_leaves_out_one_category_and_sends_by_what_a_screen_reader_does() {
    let Some(person) = Person::new() else { return };
    if !ScreenReader::is_there() {
        return;
    }
    let ledger = Ledger::new();
    let reader = ScreenReader::beside(&ledger, &[], &[("DISPLAY", &person.0.display())]);
    person.sees_the_question();
    // GTK 4.8 tells a screen reader of no way to turn a switch but the keyboard's: names and address, then the first, what the person did.
    person.presses(&["Tab", "Tab", "Tab", "Tab", "space"]);
    let report = reader.sends(&ledger, "I asked for a month.");
    let contact: Contact = report.message(SectionKind::Contact);
    assert_eq!(contact.description, "I asked for a month.");
    assert!(!report.kinds().contains(&SectionKind::Actions) && report.kinds().contains(&SectionKind::Minidump));
    wait_for("no window", || !person.has_window(TITLE));
}

#[test]
fn the_person_strikes_out_what_the_error_says_with_the_keyboard_alone() {
    let Some(person) = Person::new() else { return };
    let ledger = Ledger::new();
    person.crashes(&ledger);
    person.sees_the_question();
    // Back, past the five things that the vendor promises and the buttons at the end, to "What does this report contain?"
    person.presses(&["shift+Tab"; 11]);
    person.presses(&["space"]);
    person.xdotool(&["type", "title:"]);
    // Below the heading.
    person.presses(&["Tab", "Down", "Tab", "space", "Escape"]);
    // The keyboard is in the description again.
    person.presses(&["shift+Tab"; 6]);
    person.presses(&["space"]);
    wait_for("end of the handler", || ledger.handlers().is_empty());

    let report = Received::from_mail(&ledger.mail());
    let error: Error = report.message(SectionKind::Error);
    assert_eq!(error.title, "");
    assert_ne!(error.thread_id, 0, "all else is there: {error:?}");
    let consent: ConsentRecord = report.message(SectionKind::Consent);
    assert_eq!(consent.left_out, ["error.title"]);
}

#[test]
fn the_window_is_there_at_once_while_the_product_is_still_dumped_and_takes_what_is_typed() {
    let Some(person) = Person::new() else { return };
    let ledger = Ledger::new();
    let crashed = Instant::now();
    let slowly = [("FAILPOINTS", "dump=sleep(4000)")];
    let mut product = crash_begins(&person.0.display(), &ledger, &slowly);
    person.sees_the_question();
    // Of the time a part is the ledger's own, and one the test's, which looks now and then; scripts/first-frame measures it.
    let took = crashed.elapsed();
    assert_eq!(ledger.drafts(), 0, "nothing is kept yet: the dump is not done ({took:?})");
    assert!(took < Duration::from_secs(4), "{took:?}");
    person.xdotool(&["type", "It was the month."]);
    assert!(!product.wait().expect("our own child").success());
    wait_for("everything collected", || ledger.drafts() == 1);
    thread::sleep(Duration::from_millis(500));
    person.presses(&["shift+Tab"; 6]);
    person.presses(&["space"]);
    wait_for("end of the handler", || ledger.handlers().is_empty());
    let contact: Contact = Received::from_mail(&ledger.mail()).message(SectionKind::Contact);
    assert_eq!(contact.description, "It was the month.");
}

#[test]
fn a_dialog_that_is_killed_while_it_is_collected_or_decided_sends_nothing_and_loses_nothing() {
    let Some(person) = Person::new() else { return };
    for environment in [&[("FAILPOINTS", "dump=sleep(1500)")][..], &[]] {
        let ledger = Ledger::new();
        let mut product = crash_begins(&person.0.display(), &ledger, environment);
        person.sees_the_question();
        if environment.is_empty() {
            wait_for("everything collected", || ledger.drafts() == 1);
        }
        kill_dialog(&ledger);
        assert!(!product.wait().expect("our own child").success());
        wait_for("end of the handler", || ledger.handlers().is_empty());
        assert_eq!((ledger.drafts(), ledger.outgoing(), ledger.mails().len()), (1, 0, 0));
        wait_for("no window", || !person.has_window(TITLE));
    }
}

#[test]
fn a_dialog_that_is_killed_while_it_is_sent_stops_nothing() {
    let Some(person) = Person::new() else { return };
    // A mail server that does not say a word until the dialog is gone.
    let server = TcpListener::bind("127.0.0.1:0").expect("a port of this machine's");
    let port = server.local_addr().expect("it has one").port();
    let mut ledger = Ledger::unsent();
    ledger.set("host", "localhost").set("port", port).set("tls", "starttls");
    person.crashes(&ledger);
    person.sees_the_question();
    wait_for("everything collected", || ledger.drafts() == 1);
    thread::sleep(Duration::from_millis(500));
    person.presses(&["shift+Tab"; 6]);
    person.presses(&["space"]);
    let (connection, _) = server.accept().expect("it is sent");
    kill_dialog(&ledger);
    wait_for("no window", || !person.has_window(TITLE));
    drop((connection, server));
    wait_for("an attempt that failed", || !ledger.open_spool().undelivered().expect("readable").is_empty());
    assert_eq!((ledger.drafts(), ledger.outgoing()), (0, 1), "it waits for the next attempt");
}

#[test]
fn two_products_that_crash_at_once_are_asked_about_in_a_window_each_and_answered_each() {
    let Some(person) = Person::new() else { return };
    let (first, second) = (Ledger::new(), Ledger::new());
    let mut products = [&first, &second].map(|ledger| crash_begins(&person.0.display(), ledger, &[]));
    for product in &mut products {
        assert!(!product.wait().expect("our own child").success());
    }
    wait_for("two windows", || person.windows().len() == 2);
    wait_for("everything collected", || (first.drafts(), second.drafts()) == (1, 1));
    // One is killed; the other goes on, and is closed.
    kill_dialog(&first);
    wait_for("end of the handler", || first.handlers().is_empty());
    person.sees_the_question();
    person.presses(&["Escape"]);
    wait_for("end of the handler", || second.handlers().is_empty());
    for ledger in [&first, &second] {
        assert_eq!((ledger.drafts(), ledger.outgoing(), ledger.mails().len()), (1, 0, 0));
    }
}

#[test]
fn a_window_that_is_closed_has_sent_nothing_and_lost_nothing() {
    let Some(person) = Person::new() else { return };
    let ledger = Ledger::new();
    person.crashes(&ledger);
    person.sees_the_question();
    person.presses(&["Escape"]);
    wait_for("end of the handler", || ledger.handlers().is_empty());
    assert_eq!((ledger.drafts(), ledger.outgoing(), ledger.mails().len()), (1, 0, 0));
}

#[test]
fn the_product_starts_again_as_long_as_the_person_leaves_that_switched_on() {
    let Some(person) = Person::new() else { return };
    for stays_ended in [false, true] {
        let mut ledger = Ledger::new();
        let (program, started) = (ledger.path("again"), ledger.path("started again"));
        fs::write(&program, format!("#!/bin/sh\ntouch '{}'\n", started.display())).expect("our own folder");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("our own file");
        ledger.set("restart", program.display());
        person.crashes(&ledger);
        person.sees_the_question();
        assert!(!started.exists(), "not before the person has answered");
        // From the description past what the vendor promises, the three buttons and what holds the next time.
        person.presses(&["shift+Tab"; 10]);
        person.presses(if stays_ended { &["space"] } else { &[] });
        // Closed: to be asked again.
        person.presses(&["Escape"]);
        wait_for("end of the handler", || ledger.handlers().is_empty());
        if stays_ended {
            assert!(!started.exists(), "it would have been before the end of the handler");
        } else {
            wait_for("start of the product", || started.exists());
        }
        assert_eq!((ledger.drafts(), ledger.mails().len()), (1, 0));
    }
}

#[test]
fn a_report_is_saved_to_a_file_that_the_person_names_and_is_still_to_be_decided() {
    let Some(person) = Person::new() else { return };
    let ledger = Ledger::new();
    person.crashes(&ledger);
    wait_for("everything collected", || ledger.drafts() == 1);
    person.sees_the_question();
    let asking = person.windows();
    // From the description past what the vendor promises, the buttons and what holds the next time.
    person.presses(&["shift+Tab"; 10]);
    person.presses(&["space"]);
    wait_for("window that asks for the file", || person.windows().len() == 2);
    let choosing = person.windows().into_iter().find(|window| !asking.contains(window)).expect("there are two");
    person.xdotool(&["windowfocus", "--sync", &choosing]);
    let file = ledger.path("saved.report");
    person.presses(&["ctrl+a"]);
    person.xdotool(&["type", &file.display().to_string()]);
    person.presses(&["Return"]);
    wait_for("file", || file.exists());
    let saved = Received::from_bytes(fs::read(&file).expect("it is whole as soon as it is there"));
    assert!(saved.kinds().contains(&SectionKind::Minidump));
    assert_eq!((ledger.drafts(), ledger.outgoing(), ledger.mails().len()), (1, 0, 0));
    wait_for("one window", || person.windows() == asking);
    person.xdotool(&["windowfocus", "--sync", &asking[0]]);
    person.presses(&["Escape"]);
    wait_for("end of the handler", || ledger.handlers().is_empty());
    assert_eq!((ledger.drafts(), ledger.mails().len()), (1, 0));
}

#[test]
fn the_window_needs_no_opengl() {
    let tools = ["xdotool", "Xvfb"].iter().all(|tool| which(tool).is_some());
    if !has_runtime("xdotool or Xvfb", tools) {
        return;
    }
    let person = Person(Xvfb::start_with("1024x900x24", &["-extension", "GLX"]));
    let ledger = Ledger::new();
    let no_drivers = ledger.path("no drivers");
    fs::create_dir(&no_drivers).expect("our own folder");
    let no_drivers = no_drivers.display().to_string();
    let environment = [
        ("GDK_DEBUG", "gl-disable"),
        ("LIBGL_DRIVERS_PATH", &*no_drivers),
        ("__EGL_VENDOR_LIBRARY_DIRS", &*no_drivers),
    ];
    crashes_on(&person.0.display(), &ledger, &environment);
    person.sees_the_question();
    person.presses(&["Escape"]);
    wait_for("end of the handler", || ledger.handlers().is_empty());
    assert_eq!(ledger.drafts(), 1);
}

#[test]
fn a_wayland_that_takes_nobody_leaves_the_window_to_x() {
    let Some(person) = Person::new() else { return };
    let ledger = Ledger::new();
    // Nobody listens there any more.
    let socket = ledger.path("wayland-0");
    drop(UnixListener::bind(&socket).expect("our own folder"));
    let (socket, folder) = (socket.display().to_string(), ledger.path(".").display().to_string());
    // Without the latter the toolkit does not try it.
    crashes_on(&person.0.display(), &ledger, &[("WAYLAND_DISPLAY", &socket), ("XDG_RUNTIME_DIR", &folder)]);
    person.sees_the_question();
    person.presses(&["Escape"]);
    wait_for("end of the handler", || ledger.handlers().is_empty());
    assert_eq!(ledger.drafts(), 1);
}

#[test]
fn a_display_that_is_not_there_asks_nobody_and_keeps_the_report() {
    let Some(person) = Person::new() else { return };
    let ledger = Ledger::new();
    let display = person.0.display();
    drop(person);
    crashes_on(&display, &ledger, &[]);
    wait_for("end of the handler", || ledger.handlers().is_empty());
    assert_eq!((ledger.drafts(), ledger.outgoing(), ledger.mails().len()), (1, 0, 0));
}

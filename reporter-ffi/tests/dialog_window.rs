//! A product crashes on a desktop: its user is asked in a window, and answers with the keyboard alone.
// Not on Windows: it is driven by X11.
#![cfg(target_os = "linux")]

#[path = "../../reporter-sdk/tests/support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/host.rs"]
mod host;
#[path = "support/ledger.rs"]
mod ledger;
mod support;
#[path = "../../reporter-sdk/tests/support/xvfb.rs"]
mod xvfb;

use std::{
    io::Write,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use end_to_end::report::Received;
use host::{has_runtime, which};
use ledger::{Ledger, wait_for};
use report_format::schema::v1::{Category, ConsentRecord, ConsentSource, Contact, SectionKind};
use support::run;
use xvfb::Xvfb;

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
        let window = self.xdotool(&["search", "--sync", "--onlyvisible", "--name", "^Ledger 1.0.0 – error report$"]);
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
        crashes_on(&self.0.display(), ledger);
    }
}

/// A ledger on this display crashes, with nobody at a terminal.
fn crashes_on(display: &str, ledger: &Ledger) {
    let mut command = Command::new("setsid");
    let product = ledger.command();
    command.arg(product.get_program()).args(product.get_args()).env_remove("WAYLAND_DISPLAY");
    command.env("DISPLAY", display).env("LC_ALL", "C.UTF-8");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut product = command.spawn().expect("just compiled");
    let lines = b"open household\nadd 1250 bread\nmonth 999999999\n";
    product.stdin.take().expect("piped").write_all(lines).expect("it reads");
    // It ends while the person thinks.
    assert!(!product.wait().expect("our own child").success());
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
fn a_display_that_is_not_there_asks_nobody_and_keeps_the_report() {
    let Some(person) = Person::new() else { return };
    let ledger = Ledger::new();
    let display = person.0.display();
    drop(person);
    crashes_on(&display, &ledger);
    wait_for("end of the handler", || ledger.handlers().is_empty());
    assert_eq!((ledger.drafts(), ledger.outgoing(), ledger.mails().len()), (1, 0, 0));
}

//! The example product in C++, whose window a program clicks in as a person does: its reports tell each click, and by which way it came.
// Not on Windows: it is made with FLTK, and driven by X11.
#![cfg(target_os = "linux")]

#[path = "../../reporter-sdk/tests/support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/host.rs"]
mod host;
mod support;
#[path = "../../reporter-sdk/tests/support/xvfb.rs"]
mod xvfb;

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use host::{Host, has_runtime, which};
use report_format::schema::v1::{self, ErrorKind, SectionKind, action::Step};
use support::{Link, compile_by, package, run};
use xvfb::Xvfb;

const PATIENCE: Duration = Duration::from_secs(60);

/// The person at the keyboard.
struct Person {
    display: String,
    /// What the product has said: see `places.hpp`.
    said: PathBuf,
}

impl Person {
    /// Waits until the window of this title is on top. Returns what lies where in it.
    fn sees(&self, title: &str) -> HashMap<String, (i32, i32)> {
        let started = Instant::now();
        loop {
            let said = fs::read_to_string(&self.said).unwrap_or_default();
            let (before, places) = said.rsplit_once("window ").unwrap_or_default();
            let (shown, places) = places.split_once('\n').unwrap_or_default();
            if shown == title && places.ends_with('\n') {
                return places.lines().map(place).collect();
            }
            assert!(started.elapsed() < PATIENCE, "no window {title}; before: {before}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn does(&self, arguments: &[&str]) {
        run(Command::new("xdotool").args(arguments).env("DISPLAY", &self.display));
        // As fast as a person is.
        thread::sleep(Duration::from_millis(200));
    }

    fn clicks_at(&self, (x, y): (i32, i32)) {
        self.does(&["mousemove", &x.to_string(), &y.to_string(), "click", "1"]);
    }

    fn clicks(&self, title: &str, label: &str) {
        self.clicks_at(self.sees(title)[label]);
    }

    /// The first item of this menu. An open menu is no window of the product's own, and its items lie below its title.
    fn picks_the_first_of(&self, title: &str, menu: &str) {
        let (x, y) = self.sees(title)[menu];
        self.clicks_at((x, y));
        self.clicks_at((x, y + 24));
    }

    fn presses(&self, keys: &str) {
        self.does(&["key", keys]);
    }

    fn types(&self, title: &str, field: &str, text: &str) {
        self.clicks(title, field);
        self.does(&["type", text]);
    }

    /// Uses each way to a command, and comes to the month that there is not.
    fn works(&self) {
        self.picks_the_first_of("Ledger", "Help");
        self.clicks("About Ledger", "OK");
        self.clicks("Ledger", "Import...");
        self.types("Import", "Statement", "/no/such/statement");
        self.clicks("Import", "OK");
        self.clicks("Ledger", "Undo");
        self.presses("ctrl+m");
        self.types("Month", "1 to 12", "2");
        self.clicks("Month", "Cancel");
        self.sees("Ledger");
        self.picks_the_first_of("Ledger", "View");
        self.types("Month", "1 to 12", "999999999");
        self.clicks("Month", "OK");
    }
}

/// `place X Y LABEL`
fn place(line: &str) -> (String, (i32, i32)) {
    let mut words = line.splitn(4, ' ').skip(1);
    let mut number = || words.next().and_then(|word| word.parse().ok()).expect("a number");
    let place = (number(), number());
    (words.next().expect("a label").to_owned(), place)
}

/// The example, linked to FLTK as its own tool says.
fn example(folder: &Path) -> PathBuf {
    let flags = run(Command::new("fltk-config").args(["--cxxflags", "--ldflags"])).stdout;
    let flags = String::from_utf8(flags).expect("text");
    let arguments: Vec<_> = ["-std=c++17"].into_iter().chain(flags.split_whitespace()).collect();
    let program = folder.join("ledger");
    compile_by("c++", &program, &[&package().join("examples/cpp/ledger.cpp")], Link::Dynamic, &arguments);
    program
}

fn steps(actions: v1::Actions) -> Vec<String> {
    let step = |action: v1::Action| match action.step.expect("a step") {
        Step::Command(command) => {
            format!("{}, {}, {}", command.command_id, command.label, command.surface().as_str_name())
        }
        Step::Dialog(dialog) => format!("dialog {} {}", dialog.dialog_id, dialog.result),
        Step::Task(task) => format!("task {} {}", task.name, task.phase().as_str_name()),
    };
    actions.actions.into_iter().map(step).collect()
}

#[test]
fn each_click_is_in_the_report_with_the_way_it_came() {
    let tools = ["fltk-config", "xdotool", "Xvfb"];
    if !has_runtime("FLTK, xdotool or Xvfb", tools.iter().all(|tool| which(tool).is_some())) {
        return;
    }
    let screen = Xvfb::start("800x600x24");
    let host = Host::new();
    let program = example(&host.path(""));
    let person = Person { display: screen.display(), said: host.path("said") };
    let ended = thread::scope(|scope| {
        let person = scope.spawn(move || person.works());
        let mut command = Command::new(program);
        let ended = host.run(command.arg("--places").arg("--into").arg(host.path("")).env("DISPLAY", screen.display()));
        person.join().expect("all windows came");
        ended
    });
    let kinds: Vec<_> = ended.reports.iter().map(|report| report.error().kind()).collect();
    assert!(kinds.len() == 2 && kinds.contains(&ErrorKind::HandledError), "{kinds:?}: {}", ended.said);
    ended.died_of(libc::SIGSEGV);
    let crash = ended.reports.iter().find(|report| report.error().kind() == ErrorKind::Crash).expect("the other one");
    let expected = [
        "help.about, About..., SURFACE_MENU",
        "dialog help.about ",
        "dialog help.about ok",
        "file.import, Import..., SURFACE_TOOLBAR",
        "dialog import.options ",
        "dialog import.options ok",
        "task import statement TASK_PHASE_BEGUN",
        "task  TASK_PHASE_FAILED",
        "entry.undo, Undo, SURFACE_TOOLBAR",
        "book.month, Month..., SURFACE_SHORTCUT",
        "dialog book.month ",
        "dialog book.month cancel",
        "book.month, Month..., SURFACE_MENU",
        "dialog book.month ",
        "dialog book.month ok",
    ];
    assert_eq!(steps(crash.message(SectionKind::Actions)), expected);
    let functions = crash.functions();
    assert!(functions[0].contains("look_up") && functions.iter().any(|name| name == "main"), "{functions:?}");
    crash.check_minidump();
}

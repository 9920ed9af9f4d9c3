//! What a screen reader is told of the window, and that everything can be done by it and the keyboard.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

#[path = "support/gallery.rs"]
mod gallery;
#[path = "../../tests/support/xvfb.rs"]
mod xvfb;

use gallery::gallery;
use x11rb::protocol::xproto::{AtomEnum, PropMode};
use x11rb::wrapper::ConnectionExt;
use xvfb::Xvfb;

/// What is installed, by its path: another Python would not have the module.
const PYTHON: &str = "/usr/bin/python3";

/// A window on a display and an accessibility bus of its own, and the screen reader.
struct Session {
    screen: Xvfb,
    /// Of a session bus, on which both are.
    bus: Child,
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    said: PathBuf,
    _folder: tempfile::TempDir,
}

/// A display, and how large all is drawn on it.
#[derive(Clone, Copy, Debug)]
struct Display {
    width: u32,
    height: u32,
    /// What a pixel of a program is in pixels of the display.
    scale: u32,
    /// Of text alone.
    dots_per_inch: u32,
}

impl Session {
    fn new(language: &str, moment: &str) -> Option<Self> {
        Self::on(Display { width: 1300, height: 1800, scale: 1, dots_per_inch: 96 }, language, moment)
    }

    fn on(display: Display, language: &str, moment: &str) -> Option<Self> {
        let Display { width, height, scale, dots_per_inch } = display;
        let has = |path: &str| Path::new(path).exists();
        if !has(PYTHON) || !has("/usr/lib/python3/dist-packages/gi") || !has("/usr/bin/dbus-run-session") {
            let what = "python3-gi, gir1.2-atspi-2.0 or dbus is missing: `scripts/setup test` installs it";
            assert!(std::env::var_os("CI").is_none(), "{what}");
            let _ = writeln!(std::io::stderr(), "\nSKIPPED, {what}\n");
            return None;
        }
        let screen = Xvfb::start(&format!("{width}x{height}x24"));
        let client = screen.connect();
        // As a desktop tells it to all programs.
        let resources = format!("Xft.dpi:\t{dots_per_inch}\n");
        let (root, name) = (client.root, AtomEnum::RESOURCE_MANAGER);
        let told =
            client.connection.change_property8(PropMode::REPLACE, root, name, AtomEnum::STRING, resources.as_bytes());
        told.expect("a display").check().expect("a property");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let said = folder.path().join("said");
        // A screen reader that fails ends the window, and with it the bus.
        let both = r#""$1" "$2" "$3" >"$4" 2>/dev/null & "$5" "$6" || kill $!; wait"#;
        // Whatever of it hangs is ended, and the test fails.
        let mut command = Command::new("timeout");
        command
            .args(["60", "dbus-run-session", "--", "sh", "-c", both, "sh"])
            .arg(gallery())
            .args([language, moment])
            .arg(&said)
            .arg(PYTHON);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/accessible.py"));
        command.env("DISPLAY", screen.display()).env_remove("WAYLAND_DISPLAY").env("GSK_RENDERER", "cairo");
        command.env("LC_ALL", "C.UTF-8").env("XDG_RUNTIME_DIR", folder.path()).env("GDK_SCALE", scale.to_string());
        let mut bus =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("installed");
        let commands = bus.stdin.take().expect("piped");
        let answers = BufReader::new(bus.stdout.take().expect("piped")).lines();
        Some(Self { screen, bus, commands, answers, said, _folder: folder })
    }

    /// Past what the bus's own programs say to the same output.
    fn answer(&mut self) -> String {
        let mut lines = self.answers.by_ref().map(|line| line.expect("text"));
        let answer = lines.find_map(|line| line.strip_prefix('=').map(str::to_owned));
        answer.expect("the screen reader has ended")
    }

    fn does(&mut self, command: &str) {
        writeln!(self.commands, "{command}").expect("the screen reader has ended");
        assert_eq!(self.answer(), "done", "{command}");
    }

    /// Has all of this on the part of the display that the person sees.
    fn sees(&mut self, Display { width, height, scale, .. }: Display, name: &str) {
        writeln!(self.commands, "seen {} {} {name}", width / scale, height / scale)
            .expect("the screen reader has ended");
        assert_eq!(self.answer(), "yes", "{name}");
    }

    /// The line, as it is shown, in which this begins of what a report contains.
    fn shows_in(&mut self, text: &str) -> String {
        writeln!(self.commands, "line Contents of the report|{text}").expect("the screen reader has ended");
        self.answer()
    }

    /// The name of what has the keyboard.
    fn focused(&mut self) -> String {
        let seen = self.lists();
        let mut focused = seen.iter().filter(|[.., states]| states.contains("focused")).map(|[_, name, _]| name);
        match (focused.next(), focused.next()) {
            (Some(name), None) => name.clone(),
            _ => panic!("one has the keyboard: {seen:#?}"),
        }
    }

    /// Role, name and states of all that shows.
    fn lists(&mut self) -> Vec<[String; 3]> {
        writeln!(self.commands, "list").expect("the screen reader has ended");
        let mut seen = Vec::new();
        loop {
            let line = self.answer();
            if line == "end" {
                return seen;
            }
            let mut parts = line.splitn(3, '|').map(str::to_owned);
            if let (Some(role), Some(name), Some(states)) = (parts.next(), parts.next(), parts.next()) {
                seen.push([role, name, states]);
            }
        }
    }

    /// A key, to where the keyboard is.
    fn presses(&self, key: &str) {
        let xdotool = |arguments: &[&str]| {
            let output = Command::new("timeout")
                .args(["10", "xdotool"])
                .args(arguments)
                .env("DISPLAY", self.screen.display())
                .output();
            String::from_utf8(output.expect("installed").stdout).expect("text").trim().to_owned()
        };
        let window = xdotool(&["search", "--onlyvisible", "--name", "Ledger"]);
        // There is no window manager that would have given it the keyboard.
        xdotool(&["windowfocus", "--sync", &window]);
        xdotool(&["key", key]);
        std::thread::sleep(std::time::Duration::from_millis(200));
    }

    /// Goes on with Tab until the screen reader says that this has the keyboard.
    fn tabs_to(&mut self, name: &str) {
        for _ in 0..40 {
            self.presses("Tab");
            if self.lists().iter().any(|[_, called, states]| called == name && states.contains("focused")) {
                return;
            }
        }
        panic!("the keyboard does not come to {name}");
    }

    /// What the window's end brought.
    fn ends(mut self) -> String {
        drop(self.commands);
        let status = self.bus.wait().expect("our own child");
        assert!(status.success(), "the window did not end, and was ended");
        std::fs::read_to_string(&self.said).expect("it was made")
    }
}

#[test]
fn every_control_has_a_name_and_a_role() {
    let Some(mut session) = Session::new("en", "question") else { return };
    let seen = session.lists();
    let expected = [
        ("frame", "Ledger 3.1.4 – error report"),
        ("label", "Sorry: Ledger 3.1.4 has stopped working."),
        ("label", "employees of Example Software only"),
        ("text", "What were you doing when it happened?"),
        ("text", "First name"),
        ("text", "Last name"),
        ("text", "E-mail, for an answer"),
        ("check box", "What you did with the program last (214 bytes)"),
        ("check box", "All of the program’s memory (1.2 GB)"),
        ("image", "What was on your screen when it happened"),
        ("push button", "What does this report contain?"),
        ("push button", "Next time"),
        ("push button", "Ask me later"),
        ("push button", "Don’t send"),
        ("push button", "Send report"),
    ];
    for (role, name) in expected {
        assert!(
            seen.iter().any(|[is, called, _]| is == role && called == name),
            "no {role} is called {name}: {seen:#?}"
        );
    }
    // Where a widget has no name, the toolkit gives that of its class.
    let is_control = |role: &str| ["text", "check box", "push button", "image"].contains(&role);
    let nameless: Vec<_> = seen
        .iter()
        .filter(|[role, name, _]| is_control(role) && (name.is_empty() || name.starts_with("Gtk")))
        .collect();
    assert!(nameless.is_empty(), "{nameless:?}");
    assert_eq!(session.focused(), "What were you doing when it happened?");
    session.does("press Ask me later");
    assert_eq!(session.ends(), "Answer { answer: Later, left_out: [], stays_ended: false }\n");
}

#[test]
fn a_person_who_sees_nothing_types_leaves_out_a_category_and_sends() {
    let Some(mut session) = Session::new("en", "question") else { return };
    session.does("type What were you doing when it happened?|I asked for a month.");
    session.tabs_to("What you did with the program last (214 bytes)");
    session.presses("space");
    let unchecked = |[role, name, states]: &[String; 3]| {
        role == "check box" && name.starts_with("What you did") && !states.contains("checked")
    };
    assert!(session.lists().iter().any(unchecked), "it is off");
    session.does("press Send report");
    session.does("press Close, sending goes on");
    let answer = session.ends();
    assert!(
        answer.starts_with(
            "Answer { answer: Send { categories: [Essential, Memory, System, InstalledSoftware, Contact], "
        ),
        "{answer}"
    );
    assert!(answer.contains("description: \"I asked for a month.\"") && answer.contains("always: false"), "{answer}");
}

#[test]
fn what_a_report_contains_is_read_and_searched_by_ear() {
    let Some(mut session) = Session::new("de", "question") else { return };
    session.does("press Was enthält dieser Bericht?");
    session.does("type Suchen|MONTH");
    let seen = session.lists();
    assert!(seen.iter().any(|[role, name, _]| role == "text" && name == "Inhalt des Berichts"), "{seen:#?}");
    session.does("press Zurück");
    session.does("press Nicht senden");
    assert_eq!(session.ends(), "Answer { answer: Decline(ThisTime), left_out: [], stays_ended: false }\n");
}

#[test]
fn how_far_it_is_and_what_became_of_it_is_heard_too() {
    let Some(mut session) = Session::new("en", "reading") else { return };
    let seen = session.lists();
    let is_there = |role: &str, name: &str| seen.iter().any(|[is, called, _]| is == role && called.starts_with(name));
    assert!(is_there("progress bar", "Reading all of the program’s memory: 312.0 MB of 1.2 GB"), "{seen:#?}");
    session.does("press Go on without all of the memory");
    session.does("press Don’t send");
    drop(session);
    let Some(mut session) = Session::new("en", "not-sent") else { return };
    let seen = session.lists();
    for (role, name) in [
        ("label", "The report could not be sent yet"),
        ("label", "01a21b81-4838-7484-a87b-c979e94eaacb"),
        ("push button", "Don’t send after all"),
        ("push button", "Copy the number"),
    ] {
        assert!(seen.iter().any(|[is, called, _]| is == role && called == name), "no {role} {name}: {seen:#?}");
    }
    session.does("press Don’t send after all");
    session.does("press Close");
    assert_eq!(session.ends(), "Withdraw\n");
}

#[test]
fn the_keyboard_is_somewhere_when_the_button_that_had_it_is_gone() {
    let Some(mut session) = Session::new("en", "reading") else { return };
    session.tabs_to("Go on without all of the memory");
    session.presses("space");
    assert_eq!(session.focused(), "What were you doing when it happened?");
    session.does("press Don’t send");
}

#[test]
fn what_has_the_keyboard_is_seen_below_what_the_vendor_promises_on_a_small_display_and_with_large_text() {
    const PROMISE: &str = "to find and fix the error that you met";
    const DESCRIPTION: &str = "What were you doing when it happened?";
    let usual = Display { width: 1920, height: 1080, scale: 1, dots_per_inch: 96 };
    let small = Display { width: 800, height: 600, ..usual };
    let cases = [
        (usual, DESCRIPTION),
        (Display { scale: 2, ..usual }, DESCRIPTION),
        (Display { dots_per_inch: 192, ..usual }, DESCRIPTION),
        (small, DESCRIPTION),
        (Display { scale: 2, ..small }, PROMISE),
        (Display { dots_per_inch: 192, ..small }, PROMISE),
    ];
    for (display, expected) in cases {
        let Some(mut session) = Session::on(display, "en", "question") else { return };
        assert_eq!(session.focused(), expected, "{display:?}");
        session.sees(display, PROMISE);
        session.sees(display, expected);
        if expected == PROMISE {
            // Keys that were meant for the product answer nothing.
            session.presses("Return");
            session.presses("space");
            assert_eq!(session.focused(), PROMISE);
            session.tabs_to(DESCRIPTION);
            session.sees(display, DESCRIPTION);
        }
        session.does("press Ask me later");
        assert_eq!(session.ends(), "Answer { answer: Later, left_out: [], stays_ended: false }\n", "{display:?}");
    }
}

#[test]
fn lines_of_memory_stay_whole_however_large_the_text_is_and_prose_wraps() {
    let usual = Display { width: 1024, height: 768, scale: 1, dots_per_inch: 96 };
    for display in [usual, Display { dots_per_inch: 192, ..usual }] {
        let Some(mut session) = Session::on(display, "en", "contents") else { return };
        let memory = "  00000020  6d 6f 6e 74 68 20 39 39  39 39 39 39 39 39 39 0a  month 999999999.";
        assert_eq!(session.shows_in("00000020"), memory, "{display:?}");
        let prose = session.shows_in("A minidump");
        assert!(prose.starts_with("  A minidump") && !prose.contains("near them"), "{prose}");
        // Also where they come back.
        session.does("type Search|version");
        session.does("type Search|m");
        assert_eq!(session.shows_in("00000020"), memory, "{display:?}");
        session.does("type Search|");
        assert_eq!(session.shows_in("00000020"), memory, "{display:?}");
        session.does("press Back");
        session.does("press Don’t send");
        session.ends();
    }
}

#[test]
fn what_was_copied_does_not_keep_the_window_from_ending() {
    let Some(mut session) = Session::new("en", "not-sent") else { return };
    session.does("press Copy the number");
    session.does("press Close");
    assert_eq!(session.ends(), "");
}

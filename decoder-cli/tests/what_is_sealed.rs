//! Keys are made, reports sealed and opened with them, and without them the program says what it cannot show.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Run, assert_harmless, full_report, reportdecode, small_report};
use report_format::{Limits, Report, Status};
use tempfile::TempDir;

/// A directory with a key for each class, the recipients file, and a report with something in every section, sealed.
struct Desk {
    folder: TempDir,
}

const CLASSES: [&str; 3] = ["triage", "private", "full-memory"];

impl Desk {
    fn new() -> Desk {
        let desk = Desk { folder: tempfile::tempdir().unwrap() };
        let mut recipients = String::new();
        for class in CLASSES {
            let public = desk.keygen(&format!("{class}.key"), &["--label", class, "--valid-for", "400d"]);
            recipients += &format!("{class} {public}  # {class}\n");
        }
        desk.write("recipients", &recipients);
        fs::write(desk.path("clear.report"), full_report("")).unwrap();
        desk
    }

    fn sealed() -> Desk {
        let desk = Desk::new();
        let run = desk.run(&["seal", "clear.report", "--recipients", "recipients", "--output", "sealed.report"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Runs the program; arguments that name a file of the desk stand for it.
    fn run(&self, arguments: &[&str]) -> Run {
        let is_name = |word: &str| {
            [".report", ".key", "recipients", "out"].iter().any(|ending| word.ends_with(ending))
                && !word.starts_with('-')
        };
        let arguments: Vec<String> = arguments
            .iter()
            .map(|word| if is_name(word) { self.path(word).display().to_string() } else { (*word).to_owned() })
            .collect();
        reportdecode(&arguments, b"")
    }

    /// Makes a key; the public one is the answer.
    fn keygen(&self, name: &str, more: &[&str]) -> String {
        let run = self.run(&[&["keygen", "--output", name], more].concat());
        assert_eq!(run.code, 0, "{}", run.stderr);
        let public = run.stdout.split_whitespace().find(|word| word.starts_with("age1")).expect("the public key");
        public.to_owned()
    }

    fn id(&self, name: &str) -> String {
        let text = fs::read_to_string(self.path(name)).unwrap();
        text.lines().find_map(|line| line.strip_prefix("# key id: ")).expect("a key id").to_owned()
    }
}

fn status(path: &Path) -> Status {
    Report::read(&fs::read(path).unwrap()[..], &Limits::default()).unwrap().status()
}

#[test]
fn keygen_writes_a_file_for_its_owner_only_and_overwrites_nothing() {
    let desk = Desk::new();
    let text = fs::read_to_string(desk.path("triage.key")).unwrap();
    for part in
        ["# key id: ", "# public key: age1", "# label: triage\n", "# created: 2", "# expires: 2", "AGE-SECRET-KEY-1"]
    {
        assert!(text.contains(part), "{part}");
    }
    // Not on Windows: there are no modes; what is done in their place, private/windows.rs tests.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(desk.path("triage.key")).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let run = desk.run(&["keygen", "--output", "triage.key"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("exists already") && !run.stdout.contains("age1"), "{}", run.stderr);
    assert_eq!(fs::read_to_string(desk.path("triage.key")).unwrap(), text);
    let run = desk.run(&["keygen", "--output", "dated.key", "--expires", "2031-02-28"]);
    assert!(!run.stdout.contains("AGE-SECRET"), "a secret on the screen");
    assert!(fs::read_to_string(desk.path("dated.key")).unwrap().contains("# expires: 2031-02-28\n"));
    for wrong in [["--expires", "2031-02-30"], ["--valid-for", "0d"], ["--valid-for", "soon"]] {
        assert_eq!(desk.run(&[&["keygen", "--output", "other.key"], &wrong[..]].concat()).code, 2);
        assert!(!desk.path("other.key").exists());
    }
}

#[test]
fn files_of_keys_that_an_editor_of_windows_saved_are_read() {
    let desk = Desk::new();
    let sealed = Desk::sealed();
    let as_notepad_saves = |text: String| format!("\u{feff}{}", text.replace('\n', "\r\n"));
    for name in ["triage.key", "recipients"] {
        let path = sealed.path(name);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, as_notepad_saves(text)).unwrap();
    }
    let run = sealed.run(&["verify", "sealed.report", "--key", "triage.key"]);
    assert!(run.code == 0 && run.stdout.contains("triage: opened"), "{}{}", run.stdout, run.stderr);
    let run = sealed.run(&["seal", "clear.report", "--recipients", "recipients", "-o", "again.report"]);
    assert_eq!(run.code, 0, "{}", run.stderr);

    let utf16: Vec<u8> = "\u{feff}AGE-SECRET-KEY-1".encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(desk.path("utf16.key"), utf16).unwrap();
    fs::write(desk.path("a.report"), b"").unwrap();
    let run = desk.run(&["verify", "a.report", "--key", "utf16.key"]);
    assert!(run.code == 1 && run.stderr.contains("save it as UTF-8"), "{}", run.stderr);
}

#[test]
fn without_a_key_each_class_is_named_with_the_keys_it_is_for() {
    let desk = Desk::sealed();
    assert_eq!(status(&desk.path("sealed.report")), Status::Complete);
    for command in ["verify", "show", "json"] {
        let run = desk.run(&[command, "sealed.report"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        for class in &CLASSES[..2] {
            assert!(
                run.stdout.contains(class) && run.stdout.contains(&desk.id(&format!("{class}.key"))),
                "{}",
                run.stdout
            );
        }
        assert!(!run.stdout.contains("Not covered by the consent"), "{}", run.stdout);
        assert!(!run.stdout.contains("Ledger"), "what is sealed was shown:\n{}", run.stdout);
        assert_harmless(&run.stdout);
    }
}

#[test]
fn with_the_triage_key_the_triage_class_is_shown_and_nothing_else() {
    let desk = Desk::sealed();
    let run = desk.run(&["show", "--all", "sealed.report", "--key", "triage.key"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("Ledger 3.1.4") && run.stdout.contains("triage: opened"), "{}", run.stdout);
    assert!(run.stdout.contains(&format!("private: not opened, needs the key {}", desk.id("private.key"))));
    let private = desk.run(&["show", "sealed.report", "--key", "private.key"]);
    assert!(private.stdout.contains("private: opened"), "{}", private.stdout);
    assert!(!private.stdout.contains("Not covered by the consent"), "the record of the consent is sealed");
    let json = desk.run(&["json", "sealed.report", "--key", "triage.key"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["sealed"][0]["outcome"], "opened");
    assert_eq!(json["sealed"][1]["outcome"], "no_key");
    assert_eq!(json["product"]["name"], "Ledger");
    for private in ["contact", "account", "attachments", "screens", "minidump"] {
        assert!(json.get(private).is_none(), "{private}");
    }
}

#[test]
fn with_all_keys_a_sealed_report_shows_and_extracts_what_the_clear_one_does() {
    let desk = Desk::sealed();
    let keys = ["--key", "triage.key", "--key", "private.key", "--key", "full-memory.key"];
    let sections = |run: Run| {
        let mut json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        for of_the_file in ["sealed", "sha256", "size", "source"] {
            json.as_object_mut().unwrap().remove(of_the_file);
        }
        for unknown in json["unknown_sections"].as_array_mut().into_iter().flatten() {
            unknown.as_object_mut().unwrap().remove("section");
        }
        json
    };
    let clear = sections(desk.run(&["json", "clear.report"]));
    assert_eq!(sections(desk.run(&[&["json", "sealed.report"], &keys[..]].concat())), clear);
    let run = desk.run(&[&["extract", "sealed.report", "--output", "sealed.out"], &keys[..]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    desk.run(&["extract", "clear.report", "--output", "clear.out"]);
    for name in ["attachment-001.bin", "screen-001.png", "minidump.dmp"] {
        let [sealed, clear] = ["sealed.out", "clear.out"].map(|folder| fs::read(desk.path(folder).join(name)).ok());
        assert_eq!(sealed, clear, "{name}");
    }
    assert!(desk.path("sealed.out/minidump.dmp").exists());

    let run = desk.run(&[&["unseal", "sealed.report", "--output", "opened.report"], &keys[..]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(status(&desk.path("opened.report")), Status::Complete);
    assert_eq!(sections(desk.run(&["json", "opened.report"])), clear);
}

#[test]
fn a_wrong_key_opens_nothing_and_makes_no_file() {
    let desk = Desk::sealed();
    desk.keygen("other.key", &[]);
    let run = desk.run(&["unseal", "sealed.report", "--key", "other.key", "--output", "opened.report"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("none of these keys") && run.stderr.contains(&desk.id("triage.key")), "{}", run.stderr);
    assert!(!desk.path("opened.report").exists());
    let run = desk.run(&["unseal", "clear.report", "--key", "other.key", "--output", "opened.report"]);
    assert!(run.code == 1 && run.stderr.contains("nothing in it is sealed"), "{}", run.stderr);
    let run = desk.run(&["show", "sealed.report", "--key", "recipients"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "a file that is no key was passed over");
}

#[test]
fn an_expired_key_still_opens_but_nothing_is_sealed_to_it() {
    let desk = Desk::new();
    let public = desk.keygen("old.key", &["--expires", "2020-01-01"]);
    fs::write(desk.path("small.report"), small_report(7, "Ledger")).unwrap();
    desk.write("recipients", &format!("triage {public}  # expires 2020-01-01, before the move\n"));
    let run = desk.run(&["seal", "small.report", "--recipients", "recipients", "--output", "sealed.report"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("has expired") && run.stderr.contains(&desk.id("old.key")), "{}", run.stderr);
    assert!(!desk.path("sealed.report").exists());
    // As a product would that does not know the last day.
    desk.write("recipients", &format!("triage {public}\n"));
    desk.run(&["seal", "small.report", "--recipients", "recipients", "--output", "sealed.report"]);
    let run = desk.run(&["show", "sealed.report", "--key", "old.key"]);
    assert!(run.code == 0 && run.stdout.contains("Ledger"), "{}", run.stderr);
}

#[test]
fn a_class_without_a_key_is_refused_unless_it_may_stay_in_clear() {
    let desk = Desk::new();
    let only_private = fs::read_to_string(desk.path("recipients")).unwrap().replace("triage ", "# triage ");
    desk.write("recipients", &only_private);
    let arguments = ["seal", "clear.report", "--recipients", "recipients", "--output", "sealed.report"];
    let run = desk.run(&arguments);
    assert!(run.code == 1 && run.stderr.contains("no public key for that class"), "{}", run.stderr);
    assert!(!desk.path("sealed.report").exists());
    let run = desk.run(&[&arguments[..], &["--leave-clear"]].concat());
    assert!(run.code == 0 && run.stdout.contains("triage: in clear"), "{}", run.stdout);
    let run = desk.run(&["show", "sealed.report"]);
    assert!(run.stdout.contains("Ledger") && !run.stdout.contains("triage:"), "{}", run.stdout);
}

#[test]
fn damage_in_a_sealed_class_is_said_and_costs_no_other() {
    let desk = Desk::sealed();
    let mut bytes = fs::read(desk.path("sealed.report")).unwrap();
    let age = |bytes: &[u8]| bytes.windows(19).rposition(|window| window == b"age-encryption.org/").unwrap();
    let at = age(&bytes) + 60;
    bytes[at] ^= 1;
    fs::write(desk.path("damaged.report"), bytes).unwrap();
    let keys = ["--key", "triage.key", "--key", "private.key", "--key", "full-memory.key"];
    let run = desk.run(&[&["show", "damaged.report"], &keys[..]].concat());
    assert_eq!(run.code, 3);
    assert!(
        run.stdout.contains("triage: opened") && run.stdout.contains("damaged, frames of it are lost"),
        "{}",
        run.stdout
    );
    let run = desk.run(&[&["unseal", "damaged.report", "--output", "opened.report"], &keys[..]].concat());
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert_eq!(status(&desk.path("opened.report")), Status::Partial);
    let run = desk.run(&["seal", "damaged.report", "--recipients", "recipients", "--output", "again.report"]);
    assert!(run.code == 1 && run.stderr.contains("recover"), "{}", run.stderr);
}

//! Several releases and versions on one machine, and what is left when a product goes. Updates while a product runs: stopping.rs.
// Not on Windows: the libraries of other releases are compiled here. What `doctor` and `forget` do there: doctor.rs.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use report_format::ReportId;
use report_format::schema::v1::{ErrorKind, Product, SectionKind};
use report_format::{Limits, Report};
use reporter_sdk::consent::Draft;
use reporter_sdk::spool::Spool;
use serde_json::Value;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::Builder::new().prefix("beside").tempdir().unwrap());
        let built = env!("CARGO_BIN_EXE_reporter-handler");
        fs::create_dir(place.path("bin")).unwrap();
        if fs::hard_link(built, place.path("bin/reporter-handler")).is_err() {
            fs::copy(built, place.path("bin/reporter-handler")).unwrap();
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn handler(&self, command: &str, product: &str) -> Command {
        let mut handler = Command::new(self.path("bin/reporter-handler"));
        handler.args([command, "--vendor", "Example Software", "--product", product]);
        handler.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env_remove("XDG_RUNTIME_DIR").stdin(Stdio::null());
        handler
    }

    /// A product of this version sends a test report, from one spool for all.
    fn send(&self, version: &str) -> Child {
        let mut doctor = self.handler("doctor", "Ledger");
        doctor.args([
            "--version",
            version,
            "--json",
            "--send-test-report",
            "--from",
            "a@b.example",
            "--to",
            "c@d.example",
        ]);
        doctor.arg("--spool").arg(self.path("spool")).arg("--eml-directory").arg(self.path("mails"));
        doctor.stdout(Stdio::piped()).spawn().unwrap()
    }

    fn forget(&self, more: &[&str]) -> Output {
        self.handler("forget", "Ledger").arg("--spool").arg(self.path("spool")).args(more).output().unwrap()
    }
}

fn check(output: &Output, name: &str) -> Value {
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    json["checks"].as_array().unwrap().iter().find(|check| check["check"] == name).unwrap().clone()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn two_versions_of_a_product_share_a_spool_and_each_report_tells_its_own() {
    let place = Place::new();
    let running = ["3.1.4", "4.0.0"].map(|version| (version, place.send(version)));
    for (version, child) in running {
        let output = child.wait_with_output().unwrap();
        let sent = check(&output, "test_report");
        assert_eq!(sent["state"], "ok", "{}", said(&output));
        let mail = place.path("mails").join(format!("{}.eml", sent["facts"]["report_id"].as_str().unwrap()));
        let mail = fs::read(mail).unwrap();
        let mail = mail_parser::MessageParser::default().parse(&mail).unwrap();
        let report = Report::read(mail.attachment(0).unwrap().contents(), &Limits::default()).unwrap();
        assert_eq!(report.message::<Product>(SectionKind::Product).unwrap().unwrap().version, version);
    }
}

/// The first field of each file of the spool's is its version.
fn of_a_release_to_come(folder: &Path, name: &str) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(name), [0x08, 99]).unwrap();
}

#[test]
fn what_a_later_release_has_left_in_the_spool_is_neither_touched_nor_sent() {
    let place = Place::new();
    let spool = Spool::open(&place.path("spool")).unwrap();
    let (draft, report) = (ReportId([1; 16]), ReportId([2; 16]));
    of_a_release_to_come(&place.path("spool/new"), &format!("{draft}.draft"));
    of_a_release_to_come(&place.path("spool/out"), &format!("{report}.state"));
    fs::write(place.path("spool/out").join(format!("{report}.report")), "a report").unwrap();
    let output = place.send("3.1.4").wait_with_output().unwrap();
    assert_eq!(check(&output, "test_report")["state"], "ok", "{}", said(&output));
    let counted = check(&output, "spool");
    assert_eq!((&counted["facts"]["drafts"], &counted["facts"]["outgoing"]), (&1.into(), &1.into()), "{counted:#}");
    assert_eq!((spool.drafts().unwrap(), spool.outgoing().unwrap()), (vec![draft], vec![report]));
    assert!(spool.take_draft(draft).unwrap().is_none() && spool.claim(report).unwrap().is_none());
    assert_eq!(fs::read_dir(place.path("spool/bad")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(place.path("mails")).unwrap().count(), 1);
}

#[test]
fn a_library_of_another_release_beside_the_handler_is_named_with_both() {
    let place = Place::new();
    let library = |source: &str| {
        fs::write(place.path("library.c"), source).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-o"]).args([place.path("bin/libreporter.so"), place.path("library.c")]);
        assert!(cc.status().unwrap().success());
        place.handler("doctor", "Ledger").arg("--json").arg("--spool").arg(place.path("spool")).output().unwrap()
    };
    let own = env!("CARGO_PKG_VERSION");
    let of = |release: &str| format!("const char *reporter_version_text(void) {{ return \"{release}\"; }}");
    let output = library(&of("99.0.0"));
    let found = check(&output, "library");
    assert_eq!((found["state"].as_str(), output.status.code()), (Some("failed"), Some(1)), "{found:#}");
    for words in ["99.0.0", own] {
        assert!(found["found"].as_str().unwrap().contains(words), "{found:#}");
    }
    assert!(found["advice"].as_str().unwrap().contains("from one release"), "{found:#}");
    assert_eq!(check(&library(&of(own)), "library")["state"], "ok");
    let found = check(&library("int nothing;"), "library");
    assert!(found["found"].as_str().unwrap().contains("reporter_version_text"), "{found:#}");
    fs::write(place.path("bin/libreporter.so"), "no library").unwrap();
    let output =
        place.handler("doctor", "Ledger").arg("--json").arg("--spool").arg(place.path("spool")).output().unwrap();
    assert_eq!(check(&output, "library")["state"], "failed");
}

#[test]
fn what_waits_for_a_product_is_destroyed_when_it_is_asked_for_and_not_before() {
    let place = Place::new();
    let output = place.forget(&["--yes"]);
    assert!(output.status.success() && said(&output).starts_with("nothing of Ledger waits"), "{}", said(&output));
    assert!(!place.path("spool").exists(), "nothing is made of it either");
    fs::create_dir(place.path("spool")).unwrap();
    fs::write(place.path("spool/letter.txt"), "mine").unwrap();
    assert!(said(&place.forget(&["--yes"])).starts_with("nothing of Ledger waits"), "a folder that is no spool");

    let draft = Draft::new(ReportId([7; 16]), Product::default(), [1; 16], ErrorKind::Crash, 1);
    Spool::open(&place.path("spool")).unwrap().put_draft(&draft).unwrap();
    let output = place.forget(&[]);
    assert!(!output.status.success() && said(&output).contains("say --yes"), "{}", said(&output));
    assert_eq!(Spool::open(&place.path("spool")).unwrap().drafts().unwrap(), [draft.id]);
    let output = place.forget(&["--yes"]);
    assert!(output.status.success() && said(&output).contains("1 undecided reports"), "{}", said(&output));
    assert!(said(&output).contains("the folder stays"), "{}", said(&output));
    let left: Vec<_> = fs::read_dir(place.path("spool")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["letter.txt"]);
}

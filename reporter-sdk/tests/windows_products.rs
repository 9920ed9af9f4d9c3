//! Products on Windows, the whole way: what fails in a real process comes out as one mail, with what the person has answered before, and without what must
//! not leave. The product is examples/failing.rs.
//!
//! Not this test program once more: Wine's library that writes dumps reads the unwinding tables of the whole program, entry by entry, which takes a minute for one so large.
#![cfg(windows)]

#[path = "support/end_to_end/report.rs"]
#[allow(dead_code, reason = "each test program uses its share")]
mod report;

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{env, fs};

use prost::Message;
use report::{Received, contains};
use report_format::schema::v1::{self, Category, ErrorKind, SectionKind};
use reporter_sdk::consent::{CategorySet, Remember, Remembered};
use reporter_sdk::inventory::collect;
use reporter_sdk::spool::Spool;

/// In the environment of every product; must be in no report.
const SECRET: &str = "SECRET-5d1f0b-TERCES";
/// `EXCEPTION_ACCESS_VIOLATION`, as Windows ends a process for it.
const ACCESS_VIOLATION: i32 = 0xc000_0005_u32.cast_signed();
/// A machine that is busy with other tests, and a library that writes dumps slowly.
const PATIENCE: Duration = Duration::from_secs(120);
/// What belongs to one product, in a folder whose name no code page has.
struct Place(tempfile::TempDir);

impl Place {
    /// Whose person has answered this before, if anything.
    fn new(answer: Option<Remember>) -> Self {
        let place = Self(tempfile::Builder::new().prefix("Büro 账本 ").tempdir().unwrap());
        fs::create_dir(place.path("mails")).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_reporter-handler"), place.handler()).unwrap();
        if let Some(remember) = answer {
            let (product_version, categories) = (env!("CARGO_PKG_VERSION").to_owned(), CategorySet::all());
            place.spool().remember(&Remembered { remember, product_version, categories, time: 1 }).unwrap();
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn handler(&self) -> PathBuf {
        // Of this place alone: by it its handlers are known.
        let place = self.0.path().file_name().unwrap().to_str().unwrap();
        self.path(&format!("reporter-handler-{}.exe", place.rsplit(' ').next().unwrap()))
    }

    fn spool(&self) -> Spool {
        Spool::open(&self.path("spool")).unwrap()
    }

    fn start(&self, way: &str) -> Running {
        // target/debug/deps/THIS-0123
        let this = env::current_exe().unwrap();
        let product = this.ancestors().nth(2).unwrap().join("examples").join("failing.exe");
        assert!(product.exists(), "build it first: cargo build -p reporter-sdk --all-features --example failing");
        let mut command = Command::new(product);
        command.arg(self.0.path()).arg(way).arg(PATIENCE.as_millis().to_string()).env("SECRET_TOKEN", SECRET);
        let output = fs::File::create(self.path("said")).unwrap();
        command.stdin(Stdio::piped()).stdout(output.try_clone().unwrap()).stderr(output);
        Running(command.spawn().unwrap())
    }

    /// Runs the product to its end, and its handlers to theirs.
    fn run(&self, way: &str) -> ExitStatus {
        let ended = self.start(way).ends();
        self.handlers_end();
        ended
    }

    fn handlers_run(&self) -> bool {
        let name = self.handler().file_name().unwrap().to_str().unwrap().to_lowercase();
        let found = collect(|category| category == Category::Processes);
        let (.., bytes) = found.sections.iter().find(|(kind, ..)| *kind == SectionKind::Processes).expect("processes");
        let processes = v1::Processes::decode(&**bytes).unwrap().processes;
        assert!(processes.iter().any(|process| process.memory > 0), "{:?}", found.soft_errors);
        processes.iter().any(|process| process.name.to_lowercase() == name)
    }

    fn handlers_end(&self) {
        wait_for("end of the handlers", || !self.handlers_run());
    }

    fn said(&self) -> String {
        fs::read_to_string(self.path("said")).unwrap_or_default()
    }

    /// What is in the spool.
    fn spooled(&self) -> Vec<PathBuf> {
        let folders = ["new", "out", "bad"].map(|name| self.path("spool").join(name));
        folders
            .into_iter()
            .flat_map(|folder| fs::read_dir(folder).into_iter().flatten())
            .map(|entry| entry.unwrap().path())
            .collect()
    }

    fn mails(&self) -> Vec<PathBuf> {
        fs::read_dir(self.path("mails")).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    /// The one report that came out; nothing else is left.
    fn only_report(&self) -> Received {
        let mails = self.mails();
        assert_eq!(mails.len(), 1, "{:?}; the product said: {}", self.spooled(), self.said());
        assert_eq!(self.spool().drafts().unwrap(), []);
        let received = Received::from_mail(&mails[0]);
        received
    }
}

struct Running(Child);

impl Running {
    /// Lets it go on where it waits for that, and waits for its end.
    fn ends(&mut self) -> ExitStatus {
        drop(self.0.stdin.take());
        let mut ended = None;
        wait_for("end of the product", || {
            ended = self.0.try_wait().unwrap();
            ended.is_some()
        });
        ended.unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "no {what} in {PATIENCE:?}");
        sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_product_that_ends_well_is_not_reported() {
    let place = Place::new(Some(Remember::Always));
    assert!(place.run("nothing").success(), "{}", place.said());
    assert_eq!((place.mails(), place.spool().drafts().unwrap()), (vec![], vec![]));
}

#[test]
fn a_crash_is_one_report_with_what_was_done_before_and_without_the_environment() {
    let place = Place::new(Some(Remember::Always));
    assert_eq!(place.run("fault").code(), Some(ACCESS_VIOLATION), "it ends as it would without us: {}", place.said());
    let received = place.only_report();
    let error = received.error();
    let fault = error.fault.clone().expect("a fault");
    assert_eq!((error.kind(), &*fault.name, fault.address), (ErrorKind::Crash, "EXCEPTION_ACCESS_VIOLATION", Some(0)));
    assert_eq!(received.check_minidump(), "EXCEPTION_ACCESS_VIOLATION_WRITE");
    let functions = received.functions();
    let own: Vec<_> = functions.iter().filter(|name| name.contains("7failing")).take(3).collect();
    assert!(own[0].contains("third") && own[1].contains("second") && own[2].contains("first"), "{functions:?}");
    let actions: v1::Actions = received.message(SectionKind::Actions);
    assert_eq!(actions.actions.len(), 1, "{actions:?}");
    for kind in [SectionKind::System, SectionKind::InstalledSoftware, SectionKind::Processes, SectionKind::Network] {
        assert!(received.kinds().contains(&kind), "{kind:?} among {:?}", received.kinds());
    }
}

#[test]
fn all_memory_has_the_heap_but_not_the_environment() {
    let place = Place::new(Some(Remember::Always));
    assert_eq!(place.run("full-memory").code(), Some(ACCESS_VIOLATION), "{}", place.said());
    let received = place.only_report();
    let image = received.memory();
    let noise: v1::Attachment = received.message(SectionKind::Attachment);
    let told = || format!("{} bytes; {:?}", image.len(), received.soft_errors());
    assert!(noise.content.len() == 1 << 20 && contains(&image, &noise.content), "{}", told());
    let variable = format!("SECRET_TOKEN={SECRET}");
    let wide: Vec<u8> = variable.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(!contains(&image, variable.as_bytes()) && !contains(&image, &wide));
    received.check_minidump();
}

#[test]
fn a_handled_error_is_reported_when_the_product_ends() {
    let place = Place::new(Some(Remember::Always));
    assert!(place.run("handled").success(), "{}", place.said());
    let received = place.only_report();
    let error = received.error();
    assert_eq!((error.kind(), &error.fault), (ErrorKind::HandledError, &None));
    assert_eq!(error.chain[0].code, Some(2), "ERROR_FILE_NOT_FOUND: {:?}", error.chain);
    assert!(!received.kinds().contains(&SectionKind::Minidump));
    assert!(!received.thread().frames.is_empty());
}

#[test]
fn a_panic_of_a_thread_is_reported_and_the_product_goes_on() {
    let place = Place::new(Some(Remember::Always));
    assert!(place.run("worker-panic").success(), "{}", place.said());
    let received = place.only_report();
    let error = received.error();
    assert_eq!((error.kind(), &*error.thread_name), (ErrorKind::Panic, "indexer"));
    assert_eq!(error.chain[0].message, "the index is broken");
    received.check_minidump();
}

#[test]
fn a_hang_is_reported_with_its_stack_and_the_product_goes_on() {
    // Without an answer, so that the report can be seen from within the hang.
    let place = Place::new(None);
    assert!(place.run("hang").success(), "{}", place.said());
    let spool = place.spool();
    let drafts = spool.drafts().unwrap();
    assert_eq!((drafts.len(), place.mails()), (1, vec![]));
    let held = spool.take_draft(drafts[0]).unwrap().unwrap();
    assert_eq!(held.draft().kind, ErrorKind::Hang);
    let stacks: v1::Stacks = held.draft().message(SectionKind::Stacks).unwrap();
    let has =
        |name: &str| stacks.threads.iter().flat_map(|thread| &thread.frames).any(|frame| frame.symbol.contains(name));
    assert!(has("7failing5hangs"), "{stacks:?}");
}

#[test]
fn without_an_answer_a_report_waits_and_goes_nowhere() {
    let place = Place::new(None);
    for starts in 1..=2 {
        assert_eq!(place.run("fault").code(), Some(ACCESS_VIOLATION), "{}", place.said());
        assert_eq!((place.spool().drafts().unwrap().len(), place.mails()), (starts, vec![]));
    }
}

#[test]
fn where_the_person_has_said_never_nothing_is_kept() {
    let place = Place::new(Some(Remember::Never));
    assert_eq!(place.run("fault").code(), Some(ACCESS_VIOLATION), "{}", place.said());
    assert_eq!((place.spool().drafts().unwrap(), place.mails()), (vec![], vec![]));
}

#[test]
fn a_handler_that_is_told_to_stop_ends_and_the_product_goes_on() {
    let place = Place::new(Some(Remember::Always));
    let mut running = place.start("waits");
    wait_for("active reporter", || place.said().contains("active"));
    assert!(place.handlers_run());
    let stop = Command::new(place.handler()).args(["stop", "--timeout", "60"]).output().unwrap();
    let said = String::from_utf8_lossy(&stop.stdout);
    assert!(stop.status.success() && said.starts_with("1 handlers of "), "{stop:?}");
    place.handlers_end();
    assert!(running.0.try_wait().unwrap().is_none(), "{}", place.said());
    running.ends();
    assert_eq!(place.mails(), [] as [PathBuf; 0]);
}

//! The handler is killed, or hangs, and nothing is lost silently: the next start makes a report of what the product has left itself. The product is this
//! test program once more, in a role.
// Not on Windows: the handler is killed and stopped by signals. A handler that is killed there: the unit tests of capture::windows.
#![cfg(target_os = "linux")]

#[path = "support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/roles.rs"]
mod roles;

use std::env;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use end_to_end::product::files;
use report_format::schema::v1::{self, ErrorKind, SectionKind};
use reporter_sdk::consent::Draft;
use reporter_sdk::spool::Spool;
use reporter_sdk::{Dump, Options, Policy, Reporter, Surface};
use roles::{Place, ROLE, Running, fault, folder, wait_for};
use rustix::process::{Pid, Signal};

impl Place {
    fn spool(&self) -> PathBuf {
        self.path("spool")
    }

    /// Starts the product and waits until its handler serves.
    fn started(&self, role: &str) -> Running<'_> {
        let _ = fs::remove_file(self.path("active"));
        let running = self.start(role);
        wait_for("active reporter", || self.path("active").exists());
        running
    }

    fn signal_handlers(&self, signal: Signal) {
        for pid in self.handlers() {
            let _ = rustix::process::kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal);
        }
    }

    /// Ends the handler, and waits until it is gone.
    fn kill_handler(&self) {
        self.signal_handlers(Signal::KILL);
        self.handlers_end();
    }

    /// A crash whose handler was killed before it.
    fn crash_without_a_handler(&self) {
        let mut product = self.started("fault");
        self.kill_handler();
        assert_eq!(product.ends().signal(), Some(libc::SIGSEGV));
    }

    fn visit(&self) {
        let status = self.start("visit").ends();
        assert!(status.success(), "{status}");
    }

    fn left(&self) -> Vec<PathBuf> {
        files(&self.spool().join("lost"))
    }

    fn drafts(&self) -> Vec<Draft> {
        let spool = Spool::open(&self.spool()).unwrap();
        spool.drafts().unwrap().into_iter().map(|id| spool.take_draft(id).unwrap().unwrap().draft().clone()).collect()
    }

    fn draft(&self) -> Draft {
        let drafts = self.drafts();
        assert_eq!(drafts.len(), 1, "{drafts:?}");
        drafts.into_iter().next().unwrap()
    }
}

fn soft_errors(draft: &Draft) -> Vec<String> {
    let diagnostics: v1::Diagnostics = draft.message(SectionKind::Diagnostics).unwrap();
    diagnostics.soft_errors.into_iter().map(|soft| format!("{}: {}", soft.subject, soft.message)).collect()
}

fn says_that_the_handler_was_lost(draft: &Draft) -> bool {
    soft_errors(draft).iter().any(|soft| soft.starts_with("handler: the handler was lost"))
}

fn functions(draft: &Draft) -> Vec<String> {
    let stacks: v1::Stacks = draft.message(SectionKind::Stacks).unwrap();
    stacks.threads.into_iter().flat_map(|thread| thread.frames).map(|frame| frame.symbol).collect()
}

#[test]
#[ignore = "the product's part of the other tests"]
fn product() {
    let Ok(role) = env::var(ROLE) else { return };
    let folder = folder();
    let visits = role.starts_with("visit");
    let options = Options::new("Example Software", "Lost", if visits { "2.0" } else { "1.0" })
        .handler(folder.join("handler"))
        .spool(folder.join("spool"))
        .waits(Duration::from_secs(if role == "impatient" { 1 } else { 20 }), Duration::from_secs(60));
    let options = match role.as_str() {
        "visit, never a crash" => options.kind(ErrorKind::Crash, Policy::Never, Dump::None),
        "goes on" => options.kind(ErrorKind::HandledError, Policy::Ask, Dump::Minidump),
        _ => options,
    };
    let reporter = Reporter::start(options);
    assert!(reporter.is_active(), "{:?}", reporter.soft_errors());
    reporter_sdk::command("file.import", "Import…", Surface::Menu);
    reporter_sdk::annotate("document.kind", "invoice");
    fs::write(folder.join("active"), "").unwrap();
    if visits {
        return;
    }
    io::stdin().read_to_end(&mut Vec::new()).unwrap();
    if role == "goes on" {
        std::panic::catch_unwind(|| panic!("no such account")).unwrap_err();
        reporter_sdk::simulate_crash();
        reporter_sdk::capture_error(&io::Error::other("odd"));
        return;
    }
    fault();
}

#[test]
fn a_crash_whose_handler_was_killed_before_is_reported_by_the_next_start() {
    let place = Place::new();
    place.crash_without_a_handler();
    assert_eq!((place.left().len(), place.drafts().len()), (1, 0));

    place.visit();
    assert_eq!(place.left(), [] as [PathBuf; 0]);
    let draft = place.draft();
    assert!(says_that_the_handler_was_lost(&draft), "{:?}", soft_errors(&draft));
    let error: v1::Error = draft.message(SectionKind::Error).unwrap();
    assert_eq!((error.kind(), error.title.as_str()), (ErrorKind::Crash, "SIGSEGV: address not mapped"));
    assert!(functions(&draft).iter().any(|name| name.contains("5fault")), "{:?}", functions(&draft));
    let actions: v1::Actions = draft.message(SectionKind::Actions).unwrap();
    assert_eq!(actions.actions.len(), 1, "{actions:?}");
    let annotations: v1::Annotations = draft.message(SectionKind::Annotations).unwrap();
    assert_eq!(annotations.annotations[0].value, "invoice");
    let product: v1::Product = draft.message(SectionKind::Product).unwrap();
    assert_eq!((draft.product.version.as_str(), product.version.as_str()), ("1.0", "1.0"), "of the run that failed");
}

#[test]
fn a_handler_that_is_killed_while_the_product_waits_loses_nothing() {
    let place = Place::new();
    let mut product = place.started("fault");
    // It takes the crash no more, and the product waits for it.
    place.signal_handlers(Signal::STOP);
    product.lets_go_on();
    std::thread::sleep(Duration::from_millis(300));
    place.kill_handler();
    assert_eq!(product.ends().signal(), Some(libc::SIGSEGV));
    place.visit();
    assert!(says_that_the_handler_was_lost(&place.draft()));
}

#[test]
fn a_handler_that_hangs_and_wakes_up_makes_one_report_with_the_stack_that_was_left() {
    let place = Place::new();
    let mut product = place.started("impatient");
    place.signal_handlers(Signal::STOP);
    product.lets_go_on();
    wait_for("file that the product leaves", || place.left().len() == 1);
    product.product_ends();
    place.signal_handlers(Signal::CONT);
    place.handlers_end();
    assert_eq!(place.left(), [] as [PathBuf; 0]);
    let draft = place.draft();
    assert!(!says_that_the_handler_was_lost(&draft));
    assert!(functions(&draft).iter().any(|name| name.contains("5fault")), "{:?}", soft_errors(&draft));
    place.visit();
    assert_eq!(place.drafts().len(), 1);
}

#[test]
fn a_product_that_goes_on_without_its_handler_leaves_each_of_its_errors() {
    let place = Place::new();
    let mut product = place.started("goes on");
    place.kill_handler();
    assert!(product.ends().success());
    assert_eq!(place.left().len(), 3);
    place.visit();
    let drafts = place.drafts();
    let mut kinds: Vec<_> = drafts.iter().map(|draft| draft.kind).collect();
    kinds.sort_unstable_by_key(|kind| *kind as i32);
    let mut expected = [ErrorKind::Panic, ErrorKind::HandledError, ErrorKind::Simulated];
    expected.sort_unstable_by_key(|kind| *kind as i32);
    assert_eq!(kinds, expected);
    assert!(drafts.iter().all(says_that_the_handler_was_lost));
    let panic = drafts.iter().find(|draft| draft.kind == ErrorKind::Panic).unwrap();
    let error: v1::Error = panic.message(SectionKind::Error).unwrap();
    assert_eq!(error.chain[0].message, "no such account");
}

#[test]
fn what_the_lost_handler_had_kept_already_is_not_reported_twice() {
    let place = Place::new();
    place.crash_without_a_handler();
    let [left] = &place.left()[..] else { panic!("{:?}", place.left()) };
    let copy = place.path("copy");
    fs::copy(left, &copy).unwrap();
    place.visit();
    let draft = place.draft();
    // As if that handler had come as far as a draft of this crash.
    fs::copy(&copy, left).unwrap();
    place.visit();
    assert_eq!((place.left().len(), place.draft().id), (0, draft.id));
}

#[test]
fn what_was_left_of_an_unwanted_kind_is_removed() {
    let place = Place::new();
    place.crash_without_a_handler();
    assert!(place.start("visit, never a crash").ends().success());
    assert_eq!((place.left().len(), place.drafts().len()), (0, 0));
    assert_eq!(files(&place.spool().join("bad")), [] as [PathBuf; 0]);
}

#[test]
fn nonsense_is_set_aside_and_the_product_runs() {
    let place = Place::new();
    place.crash_without_a_handler();
    let [left] = &place.left()[..] else { panic!("{:?}", place.left()) };
    let whole = fs::read(left).unwrap();
    fs::remove_file(left).unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(place.spool().join("lost").join(name), bytes).unwrap();
    put("cut.lost", &whole[..whole.len() / 2]);
    put("empty.lost", &[]);
    put("zeros.lost", &vec![0; whole.len()]);
    let mut of_another_release = whole.clone();
    of_another_release[8] ^= 0xff;
    put("release.lost", &of_another_release);
    let secret = place.path("secret");
    fs::write(&secret, &whole).unwrap();
    symlink(&secret, place.spool().join("lost/link.lost")).unwrap();
    place.visit();
    assert_eq!(place.drafts(), []);
    let bad = files(&place.spool().join("bad"));
    let mut names: Vec<_> = bad.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["cut.lost", "empty.lost", "release.lost", "zeros.lost"]);
    assert_eq!(fs::read(&secret).unwrap(), whole, "a link is not followed");
}

#[test]
fn a_spool_that_was_replaced_by_a_link_gets_nothing_and_the_crash_is_kept_elsewhere() {
    if !rustix::process::geteuid().is_root() && env::var_os("XDG_RUNTIME_DIR").is_none() {
        eprintln!("SKIPPED: without XDG_RUNTIME_DIR there is no other place to keep a crash in");
        return;
    }
    let place = Place::new();
    let mut product = place.started("fault");
    place.kill_handler();
    fs::remove_dir_all(place.spool()).unwrap();
    let elsewhere = place.path("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, place.spool()).unwrap();
    assert_eq!(product.ends().signal(), Some(libc::SIGSEGV));
    assert_eq!(files(&elsewhere), [] as [PathBuf; 0]);
    let fallback = Spool::fallback_directory(&place.spool()).unwrap();
    assert_eq!(files(&fallback.join("lost")).len(), 1);

    fs::remove_file(place.spool()).unwrap();
    place.visit();
    assert!(says_that_the_handler_was_lost(&place.draft()));
    assert!(!Path::new(&fallback).exists());
}

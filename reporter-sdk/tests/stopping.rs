//! `reporter-handler stop`, and updates while products run. The handler of each test is a copy of the program, so that no other test's is ended.
// Not on Windows: handlers are found in /proc and told by signals. `reporter-handler stop` there: windows_products.rs.
#![cfg(target_os = "linux")]

#[path = "support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/roles.rs"]
mod roles;

use std::env;
use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use end_to_end::product::{self, Product, files};
use report_format::schema::v1::{self, ErrorKind, SectionKind};
use reporter_sdk::spool::Spool;
use reporter_sdk::{Options, Reporter};
use roles::{Place, ROLE, Running, fault, folder, wait_for};
use rustix::process::{Pid, Signal};

impl Place {
    /// With a handler that is a file of its own.
    fn installed() -> Self {
        let place = Self::new();
        fs::remove_file(place.handler()).unwrap();
        place.install();
        place
    }

    fn handler(&self) -> PathBuf {
        self.path("handler")
    }

    /// As a package manager does it: beside, then over it.
    fn install(&self) {
        let new = self.path("handler.new");
        fs::copy(product::handler(), &new).unwrap();
        fs::rename(new, self.handler()).unwrap();
    }

    fn started(&self, role: &str) -> Running<'_> {
        let running = self.start(role);
        wait_for("active reporter", || self.path("active").exists());
        fs::remove_file(self.path("active")).unwrap();
        running
    }

    fn stop(&self) -> Output {
        Command::new(self.handler()).args(["stop", "--timeout", "60"]).output().unwrap()
    }

    fn stops(&self, count: usize) {
        let output = self.stop();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.starts_with(&format!("{count} handlers of ")), "{output:?}");
    }

    fn signal_handlers(&self, signal: Signal) {
        for pid in self.handlers() {
            rustix::process::kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
        }
    }

    /// The soft errors of each draft.
    fn drafts(&self) -> Vec<(ErrorKind, Vec<v1::SoftError>)> {
        let spool = Spool::open(&self.path("spool")).unwrap();
        let drafts = spool.drafts().unwrap().into_iter().map(|id| spool.take_draft(id).unwrap().unwrap());
        let soft = |draft: &reporter_sdk::consent::Draft| {
            draft.message::<v1::Diagnostics>(SectionKind::Diagnostics).unwrap().soft_errors
        };
        drafts.map(|held| (held.draft().kind, soft(held.draft()))).collect()
    }
}

fn is_lost(soft_errors: &[v1::SoftError]) -> bool {
    soft_errors.iter().any(|soft| soft.subject == "handler" && soft.message.contains("the handler was lost"))
}

#[test]
#[ignore = "the product's part of the other tests"]
fn product() {
    let Ok(role) = env::var(ROLE) else { return };
    let folder = folder();
    let options = Options::new("Example Software", "Stopped", "1")
        .handler(folder.join("handler"))
        .spool(folder.join("spool"))
        .waits(Duration::from_secs(30), Duration::from_secs(60));
    let reporter = Reporter::start(options);
    assert!(reporter.is_active(), "{:?}", reporter.soft_errors());
    fs::write(folder.join("active"), "").unwrap();
    if role == "visit" {
        return;
    }
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    fault();
}

#[test]
fn a_stopped_handler_leaves_its_product_running_and_a_later_crash_to_the_next_start() {
    let place = Place::installed();
    place.stops(0);
    let mut product = place.started("fault");
    place.stops(1);
    assert_eq!(place.handlers(), [] as [u32; 0]);
    assert_eq!(product.ends().signal(), Some(libc::SIGSEGV));
    assert_eq!(place.drafts(), []);
    assert!(place.start("visit").ends().success());
    let drafts = place.drafts();
    assert!(drafts.len() == 1 && is_lost(&drafts[0].1), "{drafts:?}");
}

#[test]
fn a_handler_that_is_stopped_over_a_crash_finishes_its_report() {
    let place = Place::installed();
    let mut product = place.started("fault");
    // Crash and signal are both there when it wakes up.
    place.signal_handlers(Signal::STOP);
    product.lets_go_on();
    std::thread::sleep(Duration::from_millis(500));
    place.signal_handlers(Signal::TERM);
    place.signal_handlers(Signal::CONT);
    assert_eq!(product.ends().signal(), Some(libc::SIGSEGV));
    let drafts = place.drafts();
    assert!(drafts.len() == 1 && drafts[0].0 == ErrorKind::Crash, "{drafts:?}");
    assert!(!is_lost(&drafts[0].1), "{drafts:?}");
    assert!(drafts[0].1.iter().all(|soft| soft.subject != "report"), "it is whole: {drafts:?}");
    assert_eq!(files(&place.path("spool/lost")), [] as [PathBuf; 0]);
}

#[test]
fn a_handler_that_does_not_end_in_time_is_told_of() {
    let place = Place::installed();
    let product = place.started("fault");
    place.signal_handlers(Signal::STOP);
    let output = Command::new(place.handler()).args(["stop", "--timeout", "1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("1 handlers have not ended in 1 s"), "{output:?}");
    place.signal_handlers(Signal::CONT);
    place.handlers_end();
    drop(product);
    let usage = Command::new(place.handler()).args(["stop", "--timeout", "soon"]).output().unwrap();
    assert_eq!(usage.status.code(), Some(2));
}

#[test]
fn a_handler_whose_file_was_replaced_finishes_and_is_found_by_the_new_one() {
    let place = Place::installed();
    let mut old = place.started("fault");
    place.install();
    assert_eq!(old.ends().signal(), Some(libc::SIGSEGV));
    assert_eq!(place.drafts().len(), 1, "the old one has made its report");
    // A new one reads the old one's spool; and ends one that was replaced.
    let mut second = place.started("fault");
    place.install();
    place.stops(1);
    assert_eq!(second.ends().signal(), Some(libc::SIGSEGV));
    assert!(place.start("visit").ends().success());
    assert_eq!(place.drafts().len(), 2);
}

#[test]
fn a_question_that_is_open_is_put_off() {
    let product = Product::new(product::notes());
    let mut visit = product.in_terminal(&["> "]);
    // Which it has not.
    visit.types(&["new a", "show 99"]);
    visit.terminal.sees("Your choice");
    for pid in product.handlers() {
        rustix::process::kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::TERM).unwrap();
    }
    visit.ends();
    assert_eq!((product.spooled("new").len(), product.spooled("lost").len(), product.mails().len()), (1, 0, 0));
}

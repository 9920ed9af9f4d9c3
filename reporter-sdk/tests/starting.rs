//! The start costs the product no more than it must, and what comes right after it is reported. The product is this test program once more, in a role.
// Not on Windows: it counts system calls and forks. A start there: windows_products.rs.
#![cfg(target_os = "linux")]

#[path = "support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/roles.rs"]
mod roles;

use std::env;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use report_format::schema::v1::{self, ErrorKind, SectionKind};
use reporter_sdk::spool::Spool;
use reporter_sdk::{Options, Reporter};
use roles::{PATIENCE, Place, ROLE, fault, folder, wait_for};
use rustix::process::{Pid, Signal};

/// For how long a handler that is slow to start does nothing.
const SLOW: Duration = Duration::from_millis(700);

impl Place {
    /// With a handler that takes its time before it is one.
    fn with_a_slow_handler() -> Self {
        let place = Self::new();
        let (slow, real) = (place.path("slow"), place.path("handler"));
        fs::write(&slow, format!("#!/bin/sh\nsleep {}\nexec {} \"$@\"\n", SLOW.as_secs_f64(), real.display())).unwrap();
        fs::set_permissions(slow, fs::Permissions::from_mode(0o755)).unwrap();
        place
    }

    /// The kinds of what waits for an answer.
    fn reported(&self) -> Vec<ErrorKind> {
        let spool = Spool::open(&self.path("spool")).unwrap();
        let drafts = spool.drafts().unwrap().into_iter().map(|id| spool.take_draft(id).unwrap().unwrap());
        drafts.map(|taken| taken.draft().message::<v1::Error>(SectionKind::Error).unwrap().kind()).collect()
    }
}

static CHILDREN_ENDED: AtomicU32 = AtomicU32::new(0);

extern "C" fn child_ended(_: i32) {
    CHILDREN_ENDED.fetch_add(1, Ordering::Relaxed);
}

/// What `wait` says that does not wait.
fn wait_for_any_child() -> i32 {
    // SAFETY: the status is not asked for.
    unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) }
}

fn has_no_child() {
    let found = wait_for_any_child();
    assert_eq!((found, std::io::Error::last_os_error().raw_os_error()), (-1, Some(libc::ECHILD)));
    assert_eq!(CHILDREN_ENDED.load(Ordering::Relaxed), 0);
}

fn ends_at_once(status: i32) -> ! {
    // SAFETY: ends the process and does nothing else.
    unsafe { libc::_exit(status) }
}

#[test]
#[ignore = "the product's part of the other tests"]
fn product() {
    let Ok(role) = env::var(ROLE) else { return };
    let folder = folder();
    let slow = folder.join("slow");
    let handler = if slow.exists() { slow } else { folder.join("handler") };
    // SAFETY: the handler is async-signal-safe: one atomic.
    unsafe { libc::signal(libc::SIGCHLD, child_ended as *const () as usize) };
    let started = Instant::now();
    let reporter =
        Reporter::start(Options::new("Example Software", "Starting", "1").handler(handler).spool(folder.join("spool")));
    let took = started.elapsed();
    match role.as_str() {
        "children" => {
            has_no_child();
            assert!(reporter.is_active(), "{:?}", reporter.soft_errors());
            fs::write(folder.join("active"), "").unwrap();
            std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
            has_no_child();
            // Of a child of its own it is told.
            let mut child = Command::new("true").spawn().unwrap();
            wait_for("SIGCHLD", || CHILDREN_ENDED.load(Ordering::Relaxed) == 1);
            assert!(child.wait().unwrap().success());
        }
        "question" => {
            assert!(took < SLOW / 2, "{took:?}");
            assert!(reporter.is_active(), "{:?}", reporter.soft_errors());
            assert!(started.elapsed() >= SLOW, "{:?}", started.elapsed());
        }
        "shutdown" => {
            assert!(!reporter.shutdown(Duration::ZERO));
            assert!(started.elapsed() < SLOW / 2, "{:?}", started.elapsed());
            assert!(reporter_sdk::flush(PATIENCE), "there is nothing to wait for");
        }
        "crash" => fault(),
        "vanish" => {
            reporter_sdk::capture_error(&std::io::Error::other("odd"));
            rustix::process::kill_process(rustix::process::getpid(), Signal::KILL).unwrap();
        }
        "exit" => {
            std::mem::forget(reporter);
            reporter_sdk::capture_error(&std::io::Error::other("odd"));
            ends_at_once(0);
        }
        other => panic!("no role {other:?}"),
    }
}

#[test]
fn the_product_has_no_child_and_no_sigchld_by_its_start_nor_by_the_handler_s_end() {
    let place = Place::new();
    let mut running = place.start("children");
    wait_for("start", || place.path("active").exists());
    let handlers = place.handlers();
    assert_eq!(handlers.len(), 1);
    let handler = Pid::from_raw(handlers[0].cast_signed()).unwrap();
    rustix::process::kill_process(handler, Signal::KILL).unwrap();
    place.handlers_end();
    assert!(running.ends().success());
}

#[test]
fn a_start_does_not_wait_for_a_handler_that_is_slow_and_whoever_asks_does() {
    assert!(Place::with_a_slow_handler().start("question").ends().success());
}

#[test]
fn a_shutdown_right_after_the_start_takes_no_longer_than_it_may() {
    let place = Place::with_a_slow_handler();
    assert!(place.start("shutdown").ends().success());
    assert_eq!(place.reported(), []);
}

#[test]
fn a_crash_before_the_handler_runs_is_reported() {
    let place = Place::with_a_slow_handler();
    assert_eq!(place.start("crash").ends().signal(), Some(libc::SIGSEGV));
    assert_eq!(place.reported(), [ErrorKind::Crash]);
}

#[test]
fn what_a_product_reported_that_ended_before_its_handler_ran_is_kept() {
    let place = Place::with_a_slow_handler();
    assert_eq!(place.start("vanish").ends().signal(), Some(libc::SIGKILL));
    // How it ended only Linux 6.16 tells of a process that is gone.
    let reported = place.reported();
    assert!(reported.iter().eq(&[ErrorKind::HandledError, ErrorKind::Vanished][..reported.len()]), "{reported:?}");
    assert!(!reported.is_empty());
}

#[test]
fn a_product_that_exits_before_its_handler_runs_has_not_vanished() {
    let place = Place::with_a_slow_handler();
    assert!(place.start("exit").ends().success());
    assert_eq!(place.reported(), [ErrorKind::HandledError]);
}

//! A product that is the test program once more, in a role: its test `product` does what the role says, and the other tests look.

#![allow(dead_code, reason = "each test program uses its share")]

use std::env;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::end_to_end::product;

pub(crate) const ROLE: &str = "REPORTER_TEST_ROLE";
const FOLDER: &str = "REPORTER_TEST_FOLDER";
/// What this program is given to be the product.
pub(crate) const ARGUMENTS: [&str; 4] = ["--exact", "product", "--include-ignored", "--nocapture"];
/// Nothing that should come soon takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The product's folder, with its spool, its handler and what it writes for the test.
pub(crate) struct Place(tempfile::TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("roles").tempdir().unwrap();
        // By its name in this folder the handlers of this product are known.
        std::os::unix::fs::symlink(product::handler(), directory.path().join("handler")).unwrap();
        Self(directory)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn start(&self, role: &str) -> Running<'_> {
        self.start_with(role, |_| ())
    }

    pub(crate) fn start_with(&self, role: &str, change: impl FnOnce(&mut Command)) -> Running<'_> {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(ARGUMENTS).env(ROLE, role).env(FOLDER, self.0.path());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).current_dir(self.0.path());
        product::without_desktop(&mut command);
        change(&mut command);
        // No terminal: nobody is asked.
        let alone = || rustix::process::setsid().map(drop).map_err(Into::into);
        // SAFETY: between fork and exec the closure makes one system call.
        unsafe { command.pre_exec(alone) };
        Running { child: command.spawn().unwrap(), place: self }
    }

    /// The processes that run a program of this folder.
    pub(crate) fn handlers(&self) -> Vec<u32> {
        let folder = self.path("").display().to_string();
        let is_ours = |pid: &u32| {
            let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            arguments.split(|byte| *byte == 0).any(|one| one.starts_with(folder.as_bytes()))
        };
        let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_ours).collect()
    }

    pub(crate) fn handlers_end(&self) {
        wait_for("end of the handlers", || {
            // While a process goes from one program to the next, it has no arguments.
            self.handlers().is_empty() && {
                sleep(Duration::from_millis(50));
                self.handlers().is_empty()
            }
        });
    }
}

/// The product, and the pipe that holds it.
pub(crate) struct Running<'p> {
    child: Child,
    place: &'p Place,
}

impl Running<'_> {
    /// Lets it go on, where it waits for that.
    pub(crate) fn lets_go_on(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Lets it go on, and waits for its end.
    pub(crate) fn product_ends(&mut self) -> ExitStatus {
        self.lets_go_on();
        let mut ended = None;
        wait_for("end of the product", || {
            ended = self.child.try_wait().unwrap();
            ended.is_some()
        });
        ended.unwrap()
    }

    /// The same, and for its handlers' end.
    pub(crate) fn ends(&mut self) -> ExitStatus {
        let ended = self.product_ends();
        self.place.handlers_end();
        ended
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "no {what} in {PATIENCE:?}");
        sleep(Duration::from_millis(5));
    }
}

/// The product's folder, for the product.
pub(crate) fn folder() -> PathBuf {
    env::var_os(FOLDER).unwrap().into()
}

/// A fault of the product's.
#[inline(never)]
pub(crate) fn fault() {
    // SAFETY: it is not: this is the fault that the tests are about.
    unsafe { std::hint::black_box(std::ptr::null_mut::<u32>()).write_volatile(1) };
}

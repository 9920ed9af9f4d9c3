//! A product of any language that loads our library, without a terminal, whose user has said *always*: each report becomes a mail in a folder.

#![allow(dead_code, reason = "each test program uses its share")]

use std::{
    io::Write as _,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use reporter_sdk::{
    consent::{CategorySet, Remember, Remembered},
    spool::Spool,
};

#[path = "ended.rs"]
mod ended;
pub(crate) use ended::Ended;

use crate::end_to_end::{product::Product, report::Received};

/// A managed runtime's start and some thousand exceptions, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Host(Product);

impl Host {
    pub(crate) fn new() -> Self {
        let product = Product::new("");
        let spool = Spool::open(&product.spool()).expect("the spool");
        let categories = CategorySet::all();
        let choice = Remembered { remember: Remember::Always, product_version: "1.0.0".into(), categories, time: 1 };
        spool.remember(&choice).expect("the spool takes a choice");
        Self(product)
    }

    /// A path in its folder, which is its working directory as well.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }

    /// Runs it until it and its handler have ended.
    pub(crate) fn run(&self, command: &mut Command) -> Ended {
        let said = self.path("said");
        let output = std::fs::File::create(&said).expect("a file in the product's folder");
        let output_too = output.try_clone().expect("a descriptor");
        let folder = said.parent().expect("a folder");
        command.env("REPORTER_TEST_FOLDER", folder).current_dir(folder);
        command.stdin(Stdio::null()).stdout(output).stderr(output_too);
        let alone = || {
            rustix::process::setsid()?;
            // No core files, which would be large.
            let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
            rustix::process::setrlimit(rustix::process::Resource::Core, none)?;
            Ok(())
        };
        // SAFETY: between fork and exec the closure makes two system calls.
        unsafe { command.pre_exec(alone) };
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        let started = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("our own child") {
                break status;
            }
            if started.elapsed() > PATIENCE {
                let _ = child.kill();
                panic!("{command:?} hangs; it said: {}", self.said());
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        self.0.handler_ends();
        for folder in ["new", "out", "bad"] {
            assert_eq!(self.0.spooled(folder), [] as [PathBuf; 0], "{}", self.said());
        }
        let reports = self.0.mails().iter().map(|mail| Received::from_mail(mail)).collect();
        Ended { status, said: self.said(), reports }
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.path("said")).unwrap_or_default()).into_owned()
    }
}

/// Whether a runtime is there, as `is_there` says. On a continuous integration machine it has to be.
pub(crate) fn has_runtime(name: &str, is_there: bool) -> bool {
    if is_there {
        return true;
    }
    let what = format!("{name} is missing: `scripts/setup test` installs it");
    assert!(std::env::var_os("CI").is_none(), "{what}");
    // Past the test's own output, which nobody sees while it passes.
    let _ = writeln!(std::io::stderr(), "\nSKIPPED, {what}\n");
    false
}

/// The path of a program that is found by its name.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

//! The example product that fails as it is told, in a folder of its own with all that belongs to it.

#![allow(dead_code, reason = "each test program uses its share")]

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use report_format::schema::v1::{self, SectionKind};
use reporter_sdk::spool::Spool;
use rustix::fs::FlockOperation;

use crate::end_to_end::product::{failing, files, handler, say_always, without_desktop};
use crate::end_to_end::report::Received;

/// In the environment of every product; must be in no report.
pub(crate) const SECRET: &str = "SECRET-5d1f0b-TERCES";
/// No handler has more to do than this, with a server's second chance.
const PATIENCE: Duration = Duration::from_secs(90);

/// A product in a folder of its own. Who runs it was asked nothing yet.
pub(crate) struct Place {
    pub(crate) directory: tempfile::TempDir,
}

/// What a product's folder holds of one error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) id: Vec<u8>,
    /// When it happened.
    pub(crate) time: u64,
    pub(crate) title: String,
    pub(crate) class: Class,
    /// Where it waits, or that it was sent.
    pub(crate) state: State,
    pub(crate) soft_errors: Vec<String>,
}

/// How much of a report is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Class {
    Whole,
    /// The handler came as far as the dump, and the report says so.
    Partial,
    /// The product itself has left what it could, and the report says that the handler was lost.
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Undecided,
    Granted,
    Sent,
}

impl Place {
    /// Whose person is to be asked, and is not there.
    pub(crate) fn asking() -> Self {
        let place = Self { directory: tempfile::Builder::new().prefix("failing").tempdir().unwrap() };
        fs::create_dir(place.path("mails")).unwrap();
        fs::create_dir(place.path("tmp")).unwrap();
        // Under a name of this folder: by it a handler is known to be this product's.
        symlink(handler(), place.path("reporter-handler")).unwrap();
        place
    }

    /// Whose person has said that everything is to be sent.
    pub(crate) fn new() -> Self {
        let place = Self::asking();
        place.sends_always();
        place
    }

    pub(crate) fn sends_always(&self) {
        say_always(&self.path("spool"));
    }

    /// Lets its handlers write what they do to `log`.
    pub(crate) fn with_log(self) -> Self {
        let (program, real) = (self.path("reporter-handler"), self.path("handler"));
        fs::rename(&program, &real).unwrap();
        let script = format!("#!/bin/sh\nexec {} --log {} \"$@\"\n", real.display(), self.path("log").display());
        fs::write(&program, script).unwrap();
        fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The product, about to fail in this way.
    pub(crate) fn failing(&self, way: &str) -> Command {
        let mut command = Command::new(failing());
        command.arg(self.directory.path()).arg(way).env("SECRET", SECRET).env("TMPDIR", self.path("tmp"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        without_desktop(&mut command);
        let prepare = || {
            rustix::process::setsid()?;
            // No core files, which would be large.
            let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
            Ok(rustix::process::setrlimit(rustix::process::Resource::Core, none)?)
        };
        // SAFETY: between fork and exec the closure makes system calls alone.
        unsafe { command.pre_exec(prepare) };
        command
    }

    /// Runs it until it has ended, and its handler has.
    pub(crate) fn run(&self, command: &mut Command) -> ExitStatus {
        let status = command.spawn().unwrap().wait().unwrap();
        self.handlers_end();
        status
    }

    pub(crate) fn handlers_end(&self) {
        let deadline = Instant::now() + PATIENCE;
        // One look through /proc can miss the handler that serves: it comes while the one that has made it goes.
        let mut looks_without = 0;
        while looks_without < 2 {
            match self.handlers().first() {
                None => looks_without += 1,
                Some(pid) => {
                    looks_without = 0;
                    assert!(Instant::now() < deadline, "the handler, process {pid}, does not end: {}", self.log());
                }
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The processes that run a program of this folder as its handler.
    pub(crate) fn handlers(&self) -> Vec<u32> {
        let programs = ["reporter-handler", "handler"].map(|name| self.path(name));
        let is_ours = |pid: &u32| {
            let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            // Whose it is cannot be told any more: better one of another test too many than the next start before the locks are free.
            if arguments.is_empty() && lets_go(*pid) {
                return true;
            }
            // The first one; the second one for a script.
            let mut arguments = arguments.split(|byte| *byte == 0).take(2);
            arguments.any(|argument| programs.iter().any(|program| program.as_os_str().as_bytes() == argument))
        };
        let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_ours).collect()
    }

    /// Lets it crash, and takes its one report.
    pub(crate) fn crashes(&self, command: &mut Command) -> Received {
        let status = self.run(command);
        // After us, Rust's own handler tells of an overflow and aborts.
        assert!([Some(libc::SIGSEGV), Some(libc::SIGABRT)].contains(&status.signal()), "{status}");
        let [mail] = &files(&self.path("mails"))[..] else { panic!("{:?}", files(self.directory.path())) };
        let received = Received::from_mail(mail);
        assert_eq!(received.places_of(SECRET), [] as [String; 0]);
        received
    }

    /// A run without an error, whose handler takes up what earlier ones have left.
    pub(crate) fn starts_again(&self) {
        let status = self.run(&mut self.failing("nothing"));
        assert!(status.success(), "{status}");
    }

    /// All that there is of all errors, oldest first. Everything must be whole in itself, and nothing half-written be there.
    pub(crate) fn kept(&self) -> Vec<Kept> {
        let mut kept = Vec::new();
        for place in [Some(self.path("spool")), Spool::fallback_directory(&self.path("spool"))].into_iter().flatten() {
            if !place.is_dir() {
                continue;
            }
            // Before it is opened, which sweeps.
            assert_no_temporaries(&place);
            let spool = Spool::open(&place).unwrap();
            for id in spool.drafts().unwrap() {
                let held = spool.take_draft(id).unwrap().unwrap_or_else(|| panic!("draft {id} cannot be taken"));
                let draft = held.draft();
                let error: v1::Error = draft.message(SectionKind::Error).expect("an error");
                let diagnostics: v1::Diagnostics = draft.message(SectionKind::Diagnostics).expect("diagnostics");
                let soft_errors = diagnostics.soft_errors.into_iter().map(|soft| soft.message).collect();
                kept.push(Kept::of(error, soft_errors, State::Undecided));
            }
            for id in spool.outgoing().unwrap() {
                let mut outgoing = spool.claim(id).unwrap().unwrap_or_else(|| panic!("report {id} cannot be taken"));
                let mut bytes = Vec::new();
                std::io::Read::read_to_end(outgoing.open().unwrap(), &mut bytes).unwrap();
                kept.push(Kept::received(&Received::from_bytes(bytes), State::Granted));
            }
            assert_eq!(files(&place.join("bad")), [] as [PathBuf; 0], "nothing was so that it could not be read");
        }
        let mails = files(&self.path("mails"));
        for mail in mails.iter().filter(|mail| mail.extension().is_some_and(|ending| ending == "eml")) {
            kept.push(Kept::received(&Received::from_mail(mail), State::Sent));
        }
        kept.sort_by_key(|kept| kept.time);
        kept
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // For root it lies beyond this folder.
        if let Some(place) = Spool::fallback_directory(&self.path("spool")) {
            let _ = fs::remove_dir_all(place);
        }
    }
}

impl Kept {
    fn of(error: v1::Error, soft_errors: Vec<String>, state: State) -> Self {
        let says = |text: &str| soft_errors.iter().any(|soft| soft.contains(text));
        let class = match (says("not whole: the handler"), says("the handler was lost")) {
            (_, true) => Class::Lost,
            (true, false) => Class::Partial,
            (false, false) => Class::Whole,
        };
        Self { id: error.report_id, time: error.time, title: error.title, class, state, soft_errors }
    }

    fn received(received: &Received, state: State) -> Self {
        Self::of(received.error(), received.soft_errors(), state)
    }
}

/// Nothing in the spool is half written. What somebody holds is being written.
fn assert_no_temporaries(place: &Path) {
    for file in files(place) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let is_free = || {
            let file = fs::File::open(&file);
            file.is_ok_and(|file| rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok())
        };
        assert!(!name.starts_with('.') || !is_free(), "{name} was left over");
    }
}

/// Whether it is a handler that is ending, whose memory is gone already and whose files, with the locks on them, may not be.
fn lets_go(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").map_or("", |(_, state)| state);
    stat.contains("(reporter-handle") && !state.starts_with(['Z', 'X'])
}

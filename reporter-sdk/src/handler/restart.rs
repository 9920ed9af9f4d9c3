//! Starts the product again after a crash, as it said at its start: nothing here comes from shared memory.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use report_format::schema::v1::ErrorKind;

use super::sys::manners::Manners;
use super::sys::watch::{Ending, was_sent};
use crate::places;
use crate::schema;
use crate::shared::snapshot::Signal;
use crate::spool::{Spool, SpoolError};

/// Within an hour.
const MOST_RESTARTS: usize = 2;
/// Tells the product how often it was started again within the last hour.
const VARIABLE: &str = "REPORTER_RESTARTED";

/// How to start the product again, and whether it has crashed.
#[derive(Debug)]
pub(crate) struct Restart {
    program: PathBuf,
    arguments: Vec<OsString>,
    directory: PathBuf,
    uptime: Duration,
    manners: Manners,
    started: Instant,
    last: Option<Failure>,
}

/// What the product reported last and did not necessarily survive.
#[derive(Clone, Copy, Debug)]
struct Failure {
    kind: ErrorKind,
    signal: Option<Signal>,
    after: Duration,
}

/// The product is not started again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestartError {
    #[error("it had run for {0:?} only, which looks like a loop")]
    TooSoon(Duration),
    #[error("it was started again {MOST_RESTARTS} times within the last hour, which looks like a loop")]
    TooOften,
    #[error("there is no spool to note it in")]
    NoSpool,
    #[error("it could not be noted")]
    Spool(#[from] SpoolError),
    #[error("cannot start {}", program.display())]
    Start { program: PathBuf, source: io::Error },
}

impl Restart {
    /// `None` where the product does not want it, or must not be given it: with more rights than its user has.
    pub(crate) fn new(wanted: Option<schema::Restart>, product: u32) -> Option<Self> {
        let wanted = wanted.filter(|_| !places::elevated())?;
        let text = crate::os_bytes::from_bytes;
        let (program, directory) = (PathBuf::from(text(wanted.program)), PathBuf::from(text(wanted.directory)));
        (program.is_absolute() && directory.is_absolute()).then(|| Self {
            program,
            arguments: wanted.arguments.into_iter().map(text).collect(),
            directory,
            uptime: Duration::from_millis(wanted.uptime_millis),
            manners: Manners::of(product),
            started: Instant::now(),
            last: None,
        })
    }

    /// Something went wrong, now. The question that follows does not count as time that the product has run.
    pub(crate) fn failed(&mut self, kind: ErrorKind, signal: Option<Signal>) {
        self.last = Some(Failure { kind, signal, after: self.started.elapsed() });
    }

    /// Whether it is started again if it ends of what went wrong last, as far as that is known before its end.
    pub(crate) fn can_follow(&self) -> bool {
        self.last.is_some_and(|last| last.can_end_a_product() && last.after >= self.uptime)
    }

    /// The product has ended. Starts it again where a crash was its end.
    pub(crate) fn after(&self, ending: Ending, spool: Option<&Spool>) -> Result<bool, RestartError> {
        let Some(last) = self.last.filter(|last| last.is_cause_of(ending)) else { return Ok(false) };
        if last.after < self.uptime {
            return Err(RestartError::TooSoon(last.after));
        }
        let spool = spool.ok_or(RestartError::NoSpool)?;
        let count = spool.note_restart(MOST_RESTARTS, SystemTime::now())?.ok_or(RestartError::TooOften)?;
        self.start(count).map_err(|source| RestartError::Start { program: self.program.clone(), source })?;
        Ok(true)
    }

    fn start(&self, count: usize) -> io::Result<()> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.directory).env(VARIABLE, count.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.manners.give(&mut command);
        // Not waited for: it outlives us.
        command.spawn().map(drop)
    }
}

impl Failure {
    /// Whether a product ends of such, and nobody has ended it.
    fn can_end_a_product(&self) -> bool {
        use ErrorKind::{Crash, OutOfMemory, Panic, UnhandledException};
        matches!(self.kind, Crash | OutOfMemory | Panic | UnhandledException) && !self.signal.is_some_and(was_sent)
    }

    /// Whether the product ended of it, and not because somebody ended it, or while it waited for us.
    fn is_cause_of(&self, ending: Ending) -> bool {
        self.can_end_a_product()
            && match self.kind {
                ErrorKind::Crash | ErrorKind::OutOfMemory => ending.can_follow_a_crash(),
                _ => ending.follows_a_panic(),
            }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn ends(kind: ErrorKind, code: Option<i32>, ending: Ending) -> bool {
        let signal = code.map(|code| Signal { number: libc::SIGSEGV, code });
        Failure { kind, signal, after: Duration::ZERO }.is_cause_of(ending)
    }

    #[test]
    fn only_a_crash_that_nobody_asked_for_is_followed_by_a_restart() {
        use ErrorKind::{Crash, HandledError, Hang, Panic};
        let fault = Some(1);
        assert!(ends(Crash, fault, Ending::Killed(libc::SIGSEGV)));
        assert!(ends(Crash, fault, Ending::Exited(2)) && ends(Crash, fault, Ending::Unknown));
        assert!(ends(Crash, Some(libc::SI_TKILL), Ending::Killed(libc::SIGABRT)), "abort()");
        assert!(ends(Panic, None, Ending::Killed(libc::SIGABRT)) && ends(Panic, None, Ending::Exited(101)));
        for somebody in [libc::SIGKILL, libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
            assert!(!ends(Crash, fault, Ending::Killed(somebody)), "{somebody}");
        }
        assert!(!ends(Crash, Some(libc::SI_USER), Ending::Killed(libc::SIGSEGV)), "kill -SEGV");
        assert!(!ends(Crash, fault, Ending::Exited(0)));
        assert!(!ends(Panic, None, Ending::Exited(0)) && !ends(Panic, None, Ending::Unknown));
        for kind in [HandledError, Hang] {
            assert!(!ends(kind, None, Ending::Killed(libc::SIGABRT)), "{kind:?}");
        }
    }

    fn wanted(program: &str) -> schema::Restart {
        schema::Restart { program: program.into(), directory: "/".into(), ..Default::default() }
    }

    #[test]
    fn what_depends_on_a_place_is_not_started() {
        let own = std::process::id();
        assert!(Restart::new(None, own).is_none() && Restart::new(Some(wanted("bin/true")), own).is_none());
        assert!(Restart::new(Some(wanted("/bin/true")), own).is_some());
    }

    #[test]
    fn before_its_end_it_is_known_whether_it_could_be_started_again() {
        let mut restart = Restart::new(Some(wanted("/bin/true")), std::process::id()).unwrap();
        assert!(!restart.can_follow(), "nothing has happened");
        for (kind, can) in [(ErrorKind::Crash, true), (ErrorKind::Panic, true), (ErrorKind::Simulated, false)] {
            restart.failed(kind, None);
            assert_eq!(restart.can_follow(), can, "{kind:?}");
        }
        restart.failed(ErrorKind::Crash, Some(Signal { number: libc::SIGSEGV, code: libc::SI_USER }));
        assert!(!restart.can_follow(), "somebody has ended it");
        restart.failed(ErrorKind::Crash, None);
        restart.uptime = Duration::from_secs(60);
        assert!(!restart.can_follow(), "too soon");
    }

    #[test]
    fn without_a_note_that_lasts_nothing_is_started() {
        let mut restart = Restart::new(Some(wanted("/bin/true")), std::process::id()).unwrap();
        let crash = Ending::Killed(libc::SIGSEGV);
        assert!(matches!(restart.after(crash, None), Ok(false)), "nothing had happened");
        restart.failed(ErrorKind::Crash, None);
        assert!(matches!(restart.after(crash, None), Err(RestartError::NoSpool)));
        restart.uptime = Duration::from_secs(60);
        assert!(matches!(restart.after(crash, None), Err(RestartError::TooSoon(_))));
    }
}

//! A process to try things on: this test program once more, running one test that waits.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

/// In the child's environment and arguments; must be in no byte of what is kept.
pub(crate) const CANARY: &str = "CANARY-c6f1e0-YRANAC";

/// What the child does; on Windows in a program of its own.
#[cfg_attr(windows, expect(dead_code, reason = "examples/live_child.rs calls it"))]
mod program;

#[cfg(windows)]
pub(crate) use program::KEPT;

const ROLE: &str = "REPORTER_TEST_CHILD";

pub(crate) struct LiveChild {
    child: Child,
    // Dropping it ends the child.
    _stdin: ChildStdin,
    /// The thread that is inside [`reporter_test_known_function`].
    pub(crate) tid: u32,
    /// An address of it.
    #[cfg_attr(not(windows), expect(dead_code, reason = "other tests have a child of their own"))]
    kept: u64,
}

impl LiveChild {
    pub(crate) fn start() -> Self {
        let mut child = Command::new(program());
        #[cfg(not(windows))]
        child.args(["--exact", "--include-ignored", "--nocapture", "handler::live_child::child"]);
        let mut child = child
            .arg(CANARY)
            .env(ROLE, CANARY)
            .env("SECRET_TOKEN", CANARY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (tid, kept) = lines
            .find_map(|line| {
                let line = line.unwrap();
                let (tid, kept) = line.rsplit_once("waiting in thread ")?.1.split_once(" with ")?;
                Some((tid.parse().ok()?, kept.parse().ok()?))
            })
            .expect("the child says its thread");
        Self { child, _stdin: stdin, tid, kept }
    }

    /// Where it keeps [`KEPT`].
    #[cfg(windows)]
    pub(crate) fn kept(&self) -> u64 {
        self.kept
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether its waiting thread is held by a tracer.
    #[cfg(target_os = "linux")]
    pub(crate) fn is_still(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/task/{}/stat", self.pid(), self.tid)).unwrap();
        stat.rsplit_once(") ").unwrap().1.starts_with('t')
    }

    /// Whether one of its threads is held, the one that waits not being among them.
    #[cfg(windows)]
    pub(crate) fn is_still(&self) -> bool {
        super::sys::suspend::is_held(self.pid(), self.tid)
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for LiveChild {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This test program once more.
#[cfg(not(windows))]
pub(crate) fn program() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// The same as a small program, examples/live_child.rs.
///
/// Situation: Wine's library that writes dumps reads the unwinding tables of the whole program, entry by entry, which takes a minute for a test program.
#[cfg(windows)]
pub(crate) fn program() -> PathBuf {
    // target/debug/deps/THIS-0123.exe
    let this = std::env::current_exe().unwrap();
    let program = this.ancestors().nth(2).unwrap().join("examples").join("live_child.exe");
    assert!(program.exists(), "build it first: cargo build -p reporter-sdk --examples");
    program
}

#[test]
#[ignore = "the child's part of other tests"]
#[cfg(not(windows))]
fn child() {
    if std::env::var_os(ROLE).is_some() {
        program::child();
    }
}

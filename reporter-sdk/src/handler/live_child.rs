//! A process to try things on: this test program once more, running one test that waits.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

/// In the child's environment and arguments; must be in no byte of what is kept.
pub(crate) const CANARY: &str = "CANARY-c6f1e0-YRANAC";

/// In the child's heap.
pub(crate) const KEPT: [u8; 64] = *b"what the child keeps in its heap, for those who read its memory.";

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
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--include-ignored", "--nocapture", "handler::live_child::child", CANARY])
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

#[test]
#[ignore = "the child's part of other tests"]
fn child() {
    if std::env::var_os(ROLE).is_some() {
        // A thread that has nothing to do with it. It is named before its function begins.
        let (started, has_started) = std::sync::mpsc::channel();
        let bystander = move || {
            started.send(()).unwrap();
            std::thread::sleep(std::time::Duration::from_secs(60));
        };
        std::thread::Builder::new().name("bystander".into()).spawn(bystander).unwrap();
        has_started.recv().unwrap();
        reporter_test_known_function(1);
    }
}

#[cfg(target_os = "linux")]
fn this_thread() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned()
}

#[cfg(windows)]
fn this_thread() -> u32 {
    // SAFETY: has no parameters.
    unsafe { windows_sys::Win32::System::Threading::GetCurrentThreadId() }
}

/// A name that the symbol table holds as it is.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn reporter_test_known_function(depth: u32) -> u32 {
    if depth > 0 {
        return reporter_test_known_function(depth - 1) + std::hint::black_box(1);
    }
    let kept = Box::new(KEPT);
    println!("waiting in thread {} with {}", this_thread(), kept.as_ptr().addr());
    std::io::stdout().flush().unwrap();
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    std::hint::black_box(kept);
    std::hint::black_box(7)
}

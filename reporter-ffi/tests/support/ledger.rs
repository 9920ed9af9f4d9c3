//! The example product in C with a handler, a spool and a configuration of its own, run without a terminal.

#![allow(dead_code, reason = "each test program uses its share")]

use std::{
    io::{Read, Write},
    ops::Deref,
    path::PathBuf,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use reporter_sdk::{
    consent::{CategorySet, Remember, Remembered},
    spool::Spool,
};
use rustix::process::{Pid, Signal};
use tempfile::TempDir;

use crate::{
    end_to_end::{mail_server::MailServer, product::Product},
    support::{Link, compile, package},
};

/// No test waits longer for anything that should come at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A program of the workspace, which a test run of the whole workspace builds beside the tests.
pub(crate) fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    // target/debug/deps/THIS-0123
    let folder = test.ancestors().nth(2).expect("a test lies in a target folder");
    let program = folder.join(name);
    let how = "build it with `cargo build -p reporter-sdk -p decoder-cli --all-features`, or test the whole workspace";
    assert!(program.is_file(), "{} is missing: {how}", program.display());
    program
}

/// What the ledger prints before it reads a line.
pub(crate) const PROMPTS: &[&str] = &["ledger> ", "[y/N] "];

/// A ledger, installed into a folder of its own with the real handler.
pub(crate) struct Ledger {
    product: Product,
    spool: PathBuf,
    _program: TempDir,
}

impl Ledger {
    /// Its reports become `.eml` files.
    pub(crate) fn new() -> Self {
        Self::installed(Product::new)
    }

    /// It knows no way to support.
    pub(crate) fn unsent() -> Self {
        Self::installed(Product::unsent)
    }

    /// Its reports go to this mail server.
    pub(crate) fn sending_to(server: &MailServer) -> Self {
        Self::installed(|program| Product::sending_to(server, program))
    }

    fn installed(install: impl FnOnce(PathBuf) -> Product) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let program = compile(&package().join("examples/ledger.c"), Link::Dynamic, folder.path());
        let product = install(program);
        Ledger { spool: product.spool(), product, _program: folder }
    }

    /// Sets a key of the configuration, in place of an earlier value.
    #[allow(clippy::needless_pass_by_value, reason = "texts, numbers and displayed paths alike")]
    pub(crate) fn set(&mut self, key: &str, value: impl ToString) -> &mut Self {
        if key == "spool" {
            self.spool = value.to_string().into();
        }
        self.product.set(key, value);
        self
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.spool.clone()
    }

    /// The spool, looked into as a handler does.
    pub(crate) fn open_spool(&self) -> Spool {
        Spool::open(&self.spool()).expect("the spool")
    }

    /// Where reports wait while the spool cannot take them: outside of the product's folder.
    pub(crate) fn fallback(&self) -> Option<PathBuf> {
        Spool::fallback_directory(&self.spool())
    }

    /// The person has said *always* some time before.
    pub(crate) fn always_send(&mut self) -> &mut Self {
        let categories = CategorySet::all();
        let choice = Remembered { remember: Remember::Always, product_version: "1.0.0".into(), categories, time: 1 };
        self.open_spool().remember(&choice).expect("the spool takes a choice");
        self
    }

    /// How many drafts wait for an answer.
    pub(crate) fn drafts(&self) -> usize {
        self.open_spool().drafts().expect("new/ can be listed").len()
    }

    /// How many reports wait to be sent.
    pub(crate) fn outgoing(&self) -> usize {
        self.open_spool().outgoing().expect("out/ can be listed").len()
    }

    /// Starts it in a session of its own: nobody is there to be asked.
    pub(crate) fn start(&self) -> Running {
        let product = self.command();
        // Not the terminal of whoever runs the tests, either.
        let mut command = Command::new("setsid");
        command.arg(product.get_program()).args(product.get_args());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("just compiled");
        let input = child.stdin.take();
        let said = Arc::new(Mutex::new(String::new()));
        let readers = vec![
            listen(child.stdout.take().expect("piped"), Arc::clone(&said)),
            listen(child.stderr.take().expect("piped"), Arc::clone(&said)),
        ];
        Running { child, input, said, readers, started: Instant::now() }
    }

    /// Starts it, gives it these lines, and waits for its end.
    pub(crate) fn run(&self, lines: &str) -> Ended {
        let mut running = self.start();
        running.types(lines);
        running.ends()
    }

    /// The one handler that serves it.
    pub(crate) fn handler(&self) -> Pid {
        wait_for("one handler", || self.handlers().len() == 1);
        Pid::from_raw(self.handlers()[0].cast_signed()).expect("a process")
    }

    /// Ends the handlers, whatever they do.
    pub(crate) fn kill_handlers(&self) {
        for handler in self.handlers() {
            let pid = Pid::from_raw(handler.cast_signed()).expect("a process");
            // It may have ended meanwhile.
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
        let started = Instant::now();
        while !self.handlers().is_empty() && started.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Deref for Ledger {
    type Target = Product;

    fn deref(&self) -> &Product {
        &self.product
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.kill_handlers();
        if let Some(fallback) = self.fallback() {
            let _ = std::fs::remove_dir_all(fallback);
        }
    }
}

/// Waits for something that should come soon.
pub(crate) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "no {what} in {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn listen(mut from: impl Read + Send + 'static, into: Arc<Mutex<String>>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            into.lock().expect("nobody panics with it").push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    })
}

/// A ledger that runs.
pub(crate) struct Running {
    child: Child,
    input: Option<ChildStdin>,
    said: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    started: Instant,
}

impl Running {
    pub(crate) fn types(&mut self, lines: &str) -> &mut Self {
        // A product that crashed does not read on.
        let _ = self.input.as_mut().expect("not ended").write_all(lines.as_bytes());
        self
    }

    /// Waits until it has said this.
    pub(crate) fn says(&mut self, text: &str) -> &mut Self {
        wait_for(text, || self.said.lock().expect("nobody panics with it").contains(text));
        self
    }

    /// Closes its input and waits for its end, a bounded time.
    pub(crate) fn ends(&mut self) -> Ended {
        drop(self.input.take());
        let waits_since = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                break status;
            }
            if waits_since.elapsed() > PATIENCE {
                let _ = self.child.kill();
                panic!("the product hangs; it said: {}", self.said.lock().expect("nobody panics with it"));
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let (took, since_last_line) = (self.started.elapsed(), waits_since.elapsed());
        for reader in self.readers.drain(..) {
            // They end with the product: the handler holds none of its files.
            reader.join().expect("a reader does not panic");
        }
        let said = self.said.lock().expect("nobody panics with it").clone();
        Ended { status, said, took, since_last_line }
    }
}

/// How a ledger ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// On both its outputs.
    pub(crate) said: String,
    /// From its start.
    pub(crate) took: Duration,
    /// From the end of its input.
    pub(crate) since_last_line: Duration,
}

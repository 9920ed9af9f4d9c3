//! What every kind of failure is held against: the same program with and without a reporter, and the one report that comes out.

use std::{
    collections::hash_map::DefaultHasher,
    env, fs,
    hash::{Hash, Hasher},
    io::Read,
    os::unix::{
        fs::chown,
        process::{CommandExt, ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use minidump::{MinidumpException, MinidumpMemoryList, MinidumpMiscInfo, MinidumpSystemInfo};
use object::{Object, ObjectSegment};
use report_format::schema::v1::{self, CommandStep, ErrorKind, SectionKind, action::Step};
use reporter_sdk::{
    consent::{CategorySet, Remember, Remembered},
    spool::Spool,
};

use crate::{
    end_to_end::{
        product::{Product, files},
        report::Received,
    },
    support::{Link, compile, library, package},
};

/// No product runs longer, handler and all.
const PATIENCE: Duration = Duration::from_secs(60);
/// An ordinary user's number and group: `nobody`.
const NOBODY: u32 = 65534;
/// Names the kind that this program is to fail in; see `rust.rs`.
pub(crate) const KIND: &str = "REPORTER_TEST_KIND";
/// Where its configuration is.
pub(crate) const CONFIGURATION: &str = "REPORTER_TEST_CONFIGURATION";

/// The calling thread's, as reports have it.
pub(crate) fn thread_number() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned()
}

/// The programs in `tests/crashes`, and this one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Program {
    C,
    Cpp,
    Rust,
}

/// A program about to fail in a way that it has a name for.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    program: Program,
    kind: &'static str,
    as_nobody: bool,
}

/// How it ended, and what it said about itself.
#[derive(Debug)]
struct Ended {
    status: ExitStatus,
    said: String,
}

/// What came of it.
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    said: String,
    program: PathBuf,
    pub(crate) product: Product,
}

/// A failure that made one report, as it should.
pub(crate) struct Crash {
    outcome: Outcome,
    pub(crate) received: Received,
}

impl Failure {
    /// A kind of `faults.c`.
    pub(crate) fn c(kind: &'static str) -> Self {
        Self { program: Program::C, kind, as_nobody: false }
    }

    /// A kind of `exceptions.cpp`.
    pub(crate) fn cpp(kind: &'static str) -> Self {
        Self { program: Program::Cpp, ..Self::c(kind) }
    }

    /// A kind of `rust.rs`.
    pub(crate) fn rust(kind: &'static str) -> Self {
        Self { program: Program::Rust, ..Self::c(kind) }
    }

    /// Runs it as an ordinary user. `None` where this is one already.
    pub(crate) fn by_nobody(self) -> Option<Self> {
        rustix::process::geteuid().is_root().then_some(Self { as_nobody: true, ..self })
    }

    /// Runs it with a reporter, for somebody who has said *always*, and without one: it must end in the same way.
    pub(crate) fn ends(&self) -> Outcome {
        let mut product = Product::new(self.program());
        let categories = CategorySet::all();
        let choice = Remembered { remember: Remember::Always, product_version: "1.0.0".into(), categories, time: 1 };
        Spool::open(&product.spool()).expect("a spool").remember(&choice).expect("the spool takes a choice");
        if self.as_nobody {
            self.hand_over(&mut product);
        }
        let reported = self.run(&product, true);
        product.handler_ends();
        let unreported = self.run(&product, false);
        assert_eq!(reported.status, unreported.status, "with and without us; it said {}", reported.said);
        Outcome { status: reported.status, said: reported.said, program: self.program(), product }
    }

    /// As [`Failure::ends`], and takes its one report.
    pub(crate) fn is_reported(&self) -> Crash {
        Crash::of(self.ends())
    }

    fn program(&self) -> PathBuf {
        match self.program {
            Program::C => compiled("faults.c"),
            Program::Cpp => compiled("exceptions.cpp"),
            Program::Rust => env::current_exe().expect("a test has a path"),
        }
    }

    /// Puts all that the product needs where an ordinary user can reach it, and gives that user its folder.
    fn hand_over(&self, product: &mut Product) {
        let copy = |from: &Path, name: &str| {
            let _ = fs::remove_file(product.path(name));
            fs::copy(from, product.path(name)).expect("there is room for a copy");
            product.path(name)
        };
        copy(&fs::canonicalize(product.path("reporter-handler")).expect("built"), "reporter-handler");
        copy(&library().join("libreporter.so"), "libreporter.so.0");
        let program = copy(&self.program(), "program");
        for path in
            [product.path(""), product.path("mails"), product.spool()].into_iter().chain(files(&product.spool()))
        {
            chown(path, Some(NOBODY), Some(NOBODY)).expect("root may");
        }
        for folder in fs::read_dir(product.spool()).expect("a folder") {
            chown(folder.expect("readable").path(), Some(NOBODY), Some(NOBODY)).expect("root may");
        }
        product.set_program(program);
    }

    fn run(&self, product: &Product, with_reporter: bool) -> Ended {
        let given = product.command();
        let mut command = Command::new(given.get_program());
        match self.program {
            Program::C | Program::Cpp if with_reporter => _ = command.args(given.get_args()).arg(self.kind),
            Program::C | Program::Cpp => _ = command.arg(self.kind),
            Program::Rust => {
                command.args(["--exact", "rust::product", "--nocapture", "--test-threads=1"]).env(KIND, self.kind);
                if with_reporter {
                    command.env(CONFIGURATION, product.path("product.conf"));
                }
            }
        }
        command.current_dir("/").env("LD_LIBRARY_PATH", product.path("")).stdin(Stdio::null());
        if self.as_nobody {
            let configuration = product.path("product.conf");
            chown(configuration, Some(NOBODY), Some(NOBODY)).expect("root may");
            command.uid(NOBODY).gid(NOBODY);
        }
        run(command)
    }
}

/// Runs a program in a session of its own, where nobody can be asked, for a bounded time.
fn run(mut command: Command) -> Ended {
    let alone = || {
        rustix::process::setsid()?;
        // No core files: they are large.
        let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
        rustix::process::setrlimit(rustix::process::Resource::Core, none).map_err(Into::into)
    };
    // SAFETY: between fork and exec the closure makes two system calls.
    unsafe { command.pre_exec(alone) };
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("just compiled");
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("our own child") {
            break status;
        }
        if started.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("{command:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    // What these say fits into a pipe, which is why it is read at the end.
    let mut said = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut said).expect("text");
    let mut errors = Vec::new();
    child.stderr.take().expect("piped").read_to_end(&mut errors).expect("readable");
    assert!(!status.code().is_some_and(|code| (96..100).contains(&code)), "{}", String::from_utf8_lossy(&errors));
    Ended { status, said }
}

/// The program of a source in `tests/crashes`, compiled once for all tests.
fn compiled(source: &str) -> PathBuf {
    let folder = package().join("tests/crashes");
    let mut hasher = DefaultHasher::new();
    for file in [folder.join(source), folder.join("product.h"), package().join("include/reporter.h")] {
        fs::read(file).expect("a source").hash(&mut hasher);
    }
    let programs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("crashes");
    let program = programs.join(format!("{source}-{:016x}", hasher.finish()));
    // Always, since the program finds the library where it was linked.
    library();
    if !program.exists() {
        fs::create_dir_all(&programs).expect("a folder for programs");
        let new = tempfile::tempdir_in(&programs).expect("a folder of its own");
        // Whole or not at all: another test may be about to do the same.
        fs::rename(compile(&folder.join(source), Link::Dynamic, new.path()), &program).expect("a new name");
    }
    program
}

impl Outcome {
    /// What the program said of itself under this name.
    fn told(&self, what: &str) -> &str {
        let value = self.said.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {what} in {:?}", self.said))
    }

    /// Nothing was reported, and nothing waits to be.
    pub(crate) fn is_unreported(&self) {
        assert_eq!(self.product.mails(), [] as [PathBuf; 0]);
        for folder in ["new", "out", "bad"] {
            assert_eq!(self.product.spooled(folder), [] as [PathBuf; 0], "{folder}");
        }
    }

    pub(crate) fn died_of(&self, signal: i32) -> &Self {
        assert_eq!(self.status.signal(), Some(signal), "{}", self.status);
        self
    }
}

impl Crash {
    /// Takes the one report, and checks what is so of every kind: the thread, the actions, and that nothing is missing or left.
    fn of(outcome: Outcome) -> Self {
        let received = outcome.product.only_report();
        let crash = Self { outcome, received };
        assert_eq!(crash.steps(), ["product.open", "work begun", "product.fail"], "all, up to the last one");
        // Of a stack that was overflown, both ends are kept.
        let mut missing = crash.received.soft_errors();
        missing.retain(|soft| !soft.contains("in the middle were left out"));
        assert_eq!(missing, [] as [String; 0]);
        assert_eq!(crash.outcome.product.handlers(), [] as [u32; 0]);
        crash
    }

    /// A report with memory: of the thread that failed, with the code that it ran. Returns the dump's reason.
    pub(crate) fn reason(&self) -> String {
        let reason = self.received.check_minidump();
        assert_eq!(self.received.error().thread_id.to_string(), self.outcome.told("thread"), "the thread that failed");
        self.check_code();
        reason
    }

    /// The same, where it cannot be told which of several threads fails.
    pub(crate) fn reason_in_any_thread(&self) -> String {
        self.check_code();
        self.received.check_minidump()
    }

    pub(crate) fn error(&self) -> v1::Error {
        self.received.error()
    }

    /// The kind of error and its headline.
    pub(crate) fn title(&self) -> (ErrorKind, String) {
        let error = self.error();
        (error.kind(), error.title)
    }

    /// The one link of the chain: type and message.
    pub(crate) fn link(&self) -> (String, String) {
        let chain = self.error().chain;
        let [link] = &chain[..] else { panic!("{chain:?}") };
        (link.type_name.clone(), link.message.clone())
    }

    /// The address that the fault was about, which must be the one that the program has told.
    pub(crate) fn address(&self) -> u64 {
        let told = self.outcome.told("address").trim_start_matches("0x");
        let address = self.error().fault.and_then(|fault| fault.address).expect("a fault with an address");
        assert_eq!(address, u64::from_str_radix(told, 16).expect("a number"));
        address
    }

    /// The address of the instruction, where the fault is about that.
    pub(crate) fn is_about_its_instruction(&self) {
        let address = self.error().fault.and_then(|fault| fault.address);
        assert_eq!(address, Some(self.received.thread().frames[0].instruction));
    }

    pub(crate) fn has_no_address(&self) -> &Self {
        assert_eq!(self.error().fault.and_then(|fault| fault.address), None);
        self
    }

    pub(crate) fn died_of(&self, signal: i32) -> &Self {
        self.outcome.died_of(signal);
        self
    }

    pub(crate) fn exited(&self, code: i32) -> &Self {
        assert_eq!(self.outcome.status.code(), Some(code), "{}", self.outcome.status);
        self
    }

    /// These functions had not returned, innermost first, with others between them.
    pub(crate) fn ran(&self, expected: &[&str]) -> &Self {
        let functions = self.received.functions();
        let mut found = functions.iter();
        let all = expected.iter().all(|name| found.any(|function| function.contains(name)));
        assert!(all, "{expected:?} in {functions:#?}");
        self
    }

    pub(crate) fn threads(&self) -> usize {
        self.received.message::<v1::Stacks>(SectionKind::Stacks).threads.len()
    }

    fn steps(&self) -> Vec<String> {
        let actions: v1::Actions = self.received.message(SectionKind::Actions);
        assert_eq!((actions.dropped, actions.torn), (0, 0));
        let step = |action: v1::Action| match action.step.expect("a step") {
            Step::Command(CommandStep { command_id, .. }) => command_id,
            Step::Task(task) => {
                format!("{} {}", task.name, task.phase().as_str_name().rsplit('_').next().unwrap().to_lowercase())
            }
            other @ Step::Dialog(_) => panic!("{other:?}"),
        };
        actions.actions.into_iter().map(step).collect()
    }

    /// The bytes around the instruction are those of the file that it came from.
    fn check_code(&self) {
        let dump = self.received.minidump().0;
        let exception = dump.get_stream::<MinidumpException<'_>>().unwrap();
        let system = dump.get_stream::<MinidumpSystemInfo>().unwrap();
        let misc = dump.get_stream::<MinidumpMiscInfo>().ok();
        let instruction = exception.context(&system, misc.as_ref()).unwrap().get_instruction_pointer();
        let modules: v1::Modules = self.received.message(SectionKind::Modules);
        let holder = modules.modules.iter().find(|m| (m.start..m.start + m.size).contains(&instruction));
        // A jump to where no code is: there is none to compare.
        let Some(module) = holder else { return };
        let program = self.outcome.program.file_name().unwrap();
        let is_program = Path::new(&module.path).file_name().is_some_and(|name| name == program || name == "program");
        let path = if is_program { self.outcome.program.clone() } else { PathBuf::from(&module.path) };
        let file = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let parsed = object::File::parse(&file[..]).unwrap();
        let first = parsed.segments().map(|segment| segment.address()).min().unwrap() & !0xfff;
        let stated = instruction - module.start + first;
        let memory = dump.get_stream::<MinidumpMemoryList<'_>>().unwrap();
        let around = instruction - 8..instruction + 8;
        let dumped: Vec<u8> = around
            .map(|at| memory.memory_at_address(at).and_then(|m| m.get_memory_at_address(at)).expect("code is there"))
            .collect();
        let segment = parsed.segments().find_map(|segment| segment.data_range(stated - 8, 16).unwrap());
        assert_eq!(segment, Some(&dumped[..]), "the code at {stated:#x} of {}", path.display());
    }
}

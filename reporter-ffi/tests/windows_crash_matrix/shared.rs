//! What every kind of failure is held against: the same program with and without a reporter, and the one report that comes out.

use std::{
    env, fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use minidump::{MinidumpException, MinidumpMemoryList, MinidumpMiscInfo, MinidumpSystemInfo, system_info::Cpu};
use object::{Architecture, Object, ObjectSegment};
use report_format::schema::v1::{self, Category, CommandStep, ErrorKind, SectionKind, action::Step};
use reporter_sdk::consent::CategorySet;

use crate::{
    product::{PATIENCE, Product, files},
    report::Received,
};

/// Where `scripts/windows/crash-products` has put the products, the library and the handler.
const PRODUCTS: &str = "REPORTER_CRASH_PRODUCTS";
/// As `PRODUCTS`, but those of 32 bits where these have 64, or the other way round.
const OTHER_PRODUCTS: &str = "REPORTER_OTHER_CRASH_PRODUCTS";
/// Names the kind that a program in Rust is to fail in; see `crashes/windows/rust.rs`.
const KIND: &str = "REPORTER_TEST_KIND";
/// Where its configuration is.
const CONFIGURATION: &str = "REPORTER_TEST_CONFIGURATION";

/// The programs in `tests/crashes/windows`.
#[derive(Clone, Copy, Debug)]
enum Program {
    C,
    Cpp,
    Rust,
}

/// A program about to fail in a way that it has a name for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure {
    program: Program,
    kind: &'static str,
}

/// How it ended, and what it said about itself.
#[derive(Debug)]
struct Ended {
    code: u32,
    said: String,
}

/// What came of it.
pub(crate) struct Outcome {
    code: u32,
    said: String,
    program: PathBuf,
    pub(crate) product: Product,
}

/// A failure that made one report, as it should.
pub(crate) struct Crash {
    outcome: Outcome,
    pub(crate) received: Received,
}

/// A file that `scripts/windows/crash-products` makes.
fn made(name: &str) -> PathBuf {
    made_in(PRODUCTS, name)
}

/// One of those in the folder that a variable names.
fn made_in(variable: &str, name: &str) -> PathBuf {
    let folder = env::var_os(variable).unwrap_or_else(|| {
        panic!(
            "{variable} does not say where the products are: `scripts/windows/crash-products DIR` makes them, on Linux"
        )
    });
    let path = Path::new(&folder).join(name);
    assert!(path.is_file(), "{} is missing: make it with scripts/windows/crash-products", path.display());
    path
}

impl Failure {
    /// A kind of `faults.c`.
    pub(crate) fn c(kind: &'static str) -> Self {
        Self { program: Program::C, kind }
    }

    /// A kind of `exceptions.cpp`.
    pub(crate) fn cpp(kind: &'static str) -> Self {
        Self { program: Program::Cpp, kind }
    }

    /// A kind of `rust.rs`.
    pub(crate) fn rust(kind: &'static str) -> Self {
        Self { program: Program::Rust, kind }
    }

    /// Runs it with a reporter, for somebody who has said *always*, and without one: it must end in the same way.
    pub(crate) fn ends(&self) -> Outcome {
        let reported = self.ends_with_us();
        let unreported = self.run(None);
        assert_eq!(
            format!("{:#x}", reported.code),
            format!("{:#x}", unreported.code),
            "with and without us; it said {}",
            reported.said
        );
        reported
    }

    /// Runs it with a reporter alone.
    pub(crate) fn ends_with_us(&self) -> Outcome {
        self.ends_in(Product::new(&made("reporter-handler.exe")))
    }

    /// Runs it as a product whose handler was not installed, and without a reporter.
    pub(crate) fn ends_without_handler(&self) -> Outcome {
        let product = Product::new(&made("reporter-handler.exe"));
        fs::remove_file(&product.handler).expect("nobody uses it");
        let reported = self.ends_in(product);
        assert_eq!(reported.code, self.run(None).code, "with and without us");
        reported
    }

    fn ends_in(&self, product: Product) -> Outcome {
        always_send(&product);
        let Ended { code, said } = self.run(Some(&product));
        product.handler_ends();
        Outcome { code, said, program: self.program(), product }
    }

    /// As [`Failure::ends`], and takes its one report.
    pub(crate) fn is_reported(&self) -> Crash {
        Crash::of(self.ends())
    }

    fn program(&self) -> PathBuf {
        match self.program {
            Program::C => made("faults.exe"),
            Program::Cpp => made("exceptions.exe"),
            Program::Rust => made("rust.exe"),
        }
    }

    fn run(&self, product: Option<&Product>) -> Ended {
        let mut command = Command::new(self.program());
        match (self.program, product) {
            (Program::C | Program::Cpp, Some(product)) => {
                command.arg("--config").arg(product.configuration()).arg(self.kind);
            }
            (Program::C | Program::Cpp, None) => _ = command.arg(self.kind),
            (Program::Rust, _) => {
                command.env(KIND, self.kind);
                command.envs(product.map(|product| (CONFIGURATION, product.configuration())));
            }
        }
        run(command)
    }
}

/// Runs the product of `tests/c/cpp_product.cpp`, which uses `reporter.hpp`, for somebody who has said *always*, and has it end in this way.
pub(crate) fn cpp_product_ends(how: &str) -> Outcome {
    let product = Product::new(&made("reporter-handler.exe"));
    always_send(&product);
    let program = made("cpp_product.exe");
    let mut command = Command::new(&program);
    command.arg(how).env("REPORTER_TEST_FOLDER", product.path(""));
    let Ended { code, said } = run(command);
    product.handler_ends();
    Outcome { code, said, program, product }
}

/// What a person was asked in the product's own dialog, `tests/c/own_dialog.c`, and what came of it.
pub(crate) struct Asked {
    pub(crate) question: String,
    pub(crate) code: u32,
    pub(crate) product: Product,
}

/// Fails by a read, and has its own dialog ask about it, where the person gives this answer.
pub(crate) fn asked_by_its_dialog(answer: &str) -> Asked {
    let product = Product::new(&made("reporter-handler.exe"));
    for name in ["own_dialog.exe", "reporter.dll"] {
        fs::copy(made(name), product.path(name)).expect("there is room for a copy");
    }
    product.set("dialog", &product.path("own_dialog.exe"));
    let question = product.path("asked");
    let mut command = Command::new(made("faults.exe"));
    command.arg("--config").arg(product.configuration()).arg("read");
    command.env("REPORTER_TEST_ANSWER", answer).env("REPORTER_TEST_ASKED", &question);
    let Ended { code, .. } = run(command);
    product.handler_ends();
    // It writes lines as Windows has them.
    let question = fs::read_to_string(question).unwrap_or_default().replace("\r\n", "\n");
    Asked { question, code, product }
}

/// Fails by a read where our dialog lies beside the handler, and has somebody at the window, once the product has ended.
pub(crate) fn asked_in_a_window(person: impl FnOnce()) -> Product {
    let product = Product::new(&made("reporter-handler.exe"));
    fs::copy(made("reporter-dialog.exe"), product.path("reporter-dialog.exe")).expect("there is room for a copy");
    let mut command = Command::new(made("faults.exe"));
    command.arg("--config").arg(product.configuration()).arg("read");
    assert_eq!(run(command).code, 0xc000_0005, "the product ends as ever, and does not wait");
    person();
    product.handler_ends();
    product
}

/// What a host says that loads the library and frees it again and again.
pub(crate) fn loads() -> String {
    let Ended { code, said } = run(Command::new(made("loads.exe")));
    assert_eq!(code, 0, "{said}");
    said
}

/// The bytes of the library.
pub(crate) fn library() -> Vec<u8> {
    fs::read(made("reporter.dll")).expect("made")
}

/// What a product says that finds a handler which was built for the other kind of program: the first of these two it is, the second its handler.
pub(crate) fn says_with_the_handler_of(product: Kind, handler: Kind) -> String {
    let installed = Product::new(&handler.made("reporter-handler.exe"));
    let mut command = Command::new(product.made("faults.exe"));
    command.arg("--config").arg(installed.configuration()).arg("read").stdin(Stdio::null());
    let output = command.output().expect("made");
    installed.handler_ends();
    assert_eq!(installed.mails(), [] as [PathBuf; 0]);
    assert_eq!(output.status.code(), Some(99), "it should have no reporter");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Of which programs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Those of the other tests.
    These,
    /// Those with another size of addresses.
    Others,
}

impl Kind {
    fn made(self, name: &str) -> PathBuf {
        made_in(
            match self {
                Self::These => PRODUCTS,
                Self::Others => OTHER_PRODUCTS,
            },
            name,
        )
    }
}

/// Runs a program, where nobody can be asked, for a bounded time.
fn run(mut command: Command) -> Ended {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("made");
    let started = Instant::now();
    let code = loop {
        if let Some(status) = child.try_wait().expect("our own child") {
            break status.code().expect("each process has one there").cast_unsigned();
        }
        if started.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("{command:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    // What these say fits into a pipe, which is why it is read at the end.
    let mut said = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut said).expect("text");
    let mut errors = Vec::new();
    child.stderr.take().expect("piped").read_to_end(&mut errors).expect("readable");
    assert!(!(96..100).contains(&code), "{code}: {}", String::from_utf8_lossy(&errors));
    Ended { code, said }
}

/// Its user has said so some time before. Not what is told of the machine: Wine has no desktop to take an image of, and each of its services takes a second more.
fn always_send(product: &Product) {
    product.always_sends(CategorySet::essential().with(Category::Actions).with(Category::Memory));
}

impl Outcome {
    /// What the program said of itself under this name.
    fn told(&self, what: &str) -> &str {
        let value = self.said.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("no {what} in {:?}", self.said))
    }

    /// It said this.
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.said.contains(text), "no {text:?} in {:?}", self.said);
        self
    }

    /// The one report that came of it.
    pub(crate) fn report(&self) -> Received {
        let mails = self.product.mails();
        let [mail] = &mails[..] else { panic!("{mails:?}; it said {:?}", self.said) };
        self.leaves_nothing();
        Received::from_mail(mail)
    }

    /// Nothing was reported, and nothing waits to be.
    pub(crate) fn is_unreported(&self) -> &Self {
        assert_eq!(self.product.mails(), [] as [PathBuf; 0]);
        self.leaves_nothing();
        self
    }

    fn leaves_nothing(&self) {
        for folder in ["new", "out", "bad", "lost"] {
            assert_eq!(self.product.spooled(folder), [] as [PathBuf; 0], "{folder}");
        }
    }

    /// Nothing was reported yet: the product has left what it knows. Starts it once more, which then takes its one report; that says that its handler was lost.
    pub(crate) fn is_reported_by_the_next_start(self) -> Crash {
        assert_eq!(self.product.mails(), [] as [PathBuf; 0]);
        assert_eq!(self.product.spooled("lost").len(), 1);
        Failure::c("exit").run(Some(&self.product));
        self.product.handler_ends();
        let crash = Crash::taken(self);
        let missing = crash.received.soft_errors();
        assert!(matches!(&missing[..], [lost] if lost.starts_with("handler: the handler was lost")), "{missing:?}");
        crash
    }

    /// For which it was built: the products can be of 32 bits, this program never is.
    fn machine(&self) -> Cpu {
        let file = fs::read(&self.program).unwrap();
        match object::File::parse(&file[..]).unwrap().architecture() {
            Architecture::I386 => Cpu::X86,
            Architecture::X86_64 => Cpu::X86_64,
            other => panic!("{} is built for {other:?}", self.program.display()),
        }
    }

    /// Its exit code.
    pub(crate) fn ended_by(&self, code: u32) -> &Self {
        assert_eq!(format!("{:#x}", self.code), format!("{code:#x}"));
        self
    }
}

impl Crash {
    /// Takes the one report, and checks what is so of every kind: the actions, and that nothing is missing or left.
    pub(crate) fn of(outcome: Outcome) -> Self {
        let crash = Self::taken(outcome);
        assert_eq!(crash.received.soft_errors(), [] as [String; 0]);
        crash
    }

    fn taken(outcome: Outcome) -> Self {
        let mails = outcome.product.mails();
        let [mail] = &mails[..] else { panic!("{mails:?}; the spool holds {:?}", files(&outcome.product.spool())) };
        let received = Received::from_mail(mail);
        outcome.leaves_nothing();
        let crash = Self { outcome, received };
        assert_eq!(crash.steps(), ["product.open", "work begun", "product.fail"], "all, up to the last one");
        crash
    }

    /// A report with memory: of the thread that failed, with the code that it ran. Returns the dump's reason.
    pub(crate) fn reason(&self) -> String {
        let reason = self.received.check_minidump_of(self.outcome.machine());
        assert_eq!(self.error().thread_id.to_string(), self.outcome.told("thread"), "the thread that failed");
        self.check_code();
        self.check_modules();
        reason
    }

    /// The same, where it cannot be told which of several threads fails.
    pub(crate) fn reason_in_any_thread(&self) -> String {
        self.check_code();
        self.received.check_minidump_of(self.outcome.machine())
    }

    /// A report without memory: the process was gone when the handler learned of its end.
    pub(crate) fn has_no_memory(&self) -> &Self {
        assert!(!self.received.kinds().contains(&SectionKind::Minidump), "there is no memory any more");
        self
    }

    pub(crate) fn error(&self) -> v1::Error {
        self.received.error()
    }

    /// The kind of error and its headline.
    pub(crate) fn title(&self) -> (ErrorKind, String) {
        let error = self.error();
        (error.kind(), error.title)
    }

    /// The name of the fault, as Microsoft's headers have it.
    pub(crate) fn fault(&self) -> String {
        self.error().fault.expect("a fault").name
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
        let address = self.stated_address().expect("a fault with an address");
        assert_eq!(address, u64::from_str_radix(told, 16).expect("a number"));
        address
    }

    /// The address of the fault, where it has one.
    pub(crate) fn stated_address(&self) -> Option<u64> {
        self.error().fault.and_then(|fault| fault.address)
    }

    pub(crate) fn ended_by(&self, code: u32) -> &Self {
        self.outcome.ended_by(code);
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

    /// These products draw no windows: nothing of ours brings what does into them.
    fn check_modules(&self) {
        let modules: v1::Modules = self.received.message(SectionKind::Modules);
        let names: Vec<_> = modules.modules.iter().map(|module| module.path.to_lowercase()).collect();
        assert!(names.iter().any(|name| name.ends_with("msvcrt.dll")), "{names:#?}");
        assert!(!names.iter().any(|name| name.ends_with("user32.dll") || name.ends_with("shell32.dll")), "{names:#?}");
    }

    /// The bytes around the instruction are those of the program's file, where it was in the program.
    fn check_code(&self) {
        let dump = self.received.minidump().0;
        let exception = dump.get_stream::<MinidumpException<'_>>().unwrap();
        let system = dump.get_stream::<MinidumpSystemInfo>().unwrap();
        let misc = dump.get_stream::<MinidumpMiscInfo>().ok();
        let instruction = exception.context(&system, misc.as_ref()).unwrap().get_instruction_pointer();
        let modules: v1::Modules = self.received.message(SectionKind::Modules);
        let program = self.outcome.program.file_name().and_then(|name| name.to_str()).unwrap();
        let holder = modules.modules.iter().find(|m| (m.start..m.start + m.size).contains(&instruction));
        let Some(module) = holder.filter(|module| module.path.ends_with(program)) else { return };
        let file = fs::read(&self.outcome.program).unwrap();
        let parsed = object::File::parse(&file[..]).unwrap();
        let stated = instruction - module.start + parsed.relative_address_base();
        let memory = dump.get_stream::<MinidumpMemoryList<'_>>().unwrap();
        // Not under Wine: the code around the instruction: its library (8.0) leaves that out of a minidump; Windows' own has it.
        let Some(code) = memory.memory_at_address(instruction) else { return };
        let around = instruction - 8..instruction + 8;
        let dumped: Vec<u8> = around.map(|at| code.get_memory_at_address(at).expect("code is there")).collect();
        let segment = parsed.segments().find_map(|segment| segment.data_range(stated - 8, 16).unwrap());
        assert_eq!(segment, Some(&dumped[..]), "the code at {stated:#x} of {program}");
    }
}

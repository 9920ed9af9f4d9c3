//! The product on the machine: this test program again, installed under `/opt`, run by [`canary::USER`], with a value in whatever it tells of itself.

use std::env;
use std::ffi::{CString, c_void};
use std::fs::{self, File};
use std::hint::black_box;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::ptr::NonNull;
use std::thread::sleep;
use std::time::{Duration, Instant};

use reporter_sdk::consent::{CategorySet, Remember, Remembered};
use reporter_sdk::spool::Spool;
use reporter_sdk::{Dump, ErrorKind, Mail, Options, Policy, Reporter, Smtp, Surface, Tls};

use super::canary;
use super::planted::{Machine, UID, mode};
use super::run;
use crate::end_to_end::product::handler;
use crate::end_to_end::terminal::Terminal;

const FOLDER: &str = "/opt/product";
const VERSION: &str = "1";
/// Of what is on its stack and its heap.
const SECRET: usize = 40;
/// Nothing that should come soon takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Puts it there: its program, its handler, its settings.
pub(crate) fn installed(folder: &Path) {
    fs::create_dir(folder).unwrap();
    for (name, program) in [("product", env::current_exe().unwrap()), ("reporter-handler", handler())] {
        fs::write(folder.join(name), "").unwrap();
        run("mount", &["--bind", program.to_str().unwrap(), folder.join(name).to_str().unwrap()]);
    }
    for name in ["stack", "heap"] {
        fs::write(folder.join(name), secret()).unwrap();
    }
    mode(folder, 0o755);
}

/// What no file of the machine has, and no program: 40 letters.
fn secret() -> String {
    let mut random = [0; SECRET];
    File::open("/dev/urandom").unwrap().read_exact(&mut random).unwrap();
    random.iter().map(|byte| char::from(b'a' + byte % 26)).collect()
}

/// What is on its stack.
pub(crate) fn stack() -> String {
    fs::read_to_string(Path::new(FOLDER).join("stack")).unwrap()
}

/// What is on its heap.
pub(crate) fn heap() -> String {
    fs::read_to_string(Path::new(FOLDER).join("heap")).unwrap()
}

fn home() -> PathBuf {
    Path::new("/home").join(canary::USER)
}

/// Where it keeps its reports.
pub(crate) fn spool() -> PathBuf {
    home().join("spool")
}

/// How it fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Way {
    /// A write to [`canary::FAULT_ADDRESS`].
    Fault,
    /// A panic that tells a path of the user's, a password, and addresses of the local network.
    Panic,
}

/// One run of it.
pub(crate) struct Run<'r> {
    pub(crate) way: Way,
    /// What the user once allowed for good; else somebody has to be asked.
    pub(crate) allowed: Option<CategorySet>,
    /// Variables beside those that each run has.
    pub(crate) environment: &'r [(&'r str, &'r str)],
}

impl Run<'_> {
    pub(crate) const ASKS: Run<'static> = Run { way: Way::Fault, allowed: None, environment: &[] };

    pub(crate) fn allowed(categories: CategorySet) -> Run<'static> {
        Run { allowed: Some(categories), ..Run::ASKS }
    }
}

impl Machine {
    /// The product as it is started, with nothing left of an earlier run.
    fn product(&self, run: &Run<'_>) -> Command {
        let _ = fs::remove_dir_all(spool());
        let allowed = run.allowed.map_or_else(|| "ask".to_owned(), |categories| categories.bits().to_string());
        fs::write(Path::new(FOLDER).join("settings"), format!("{:?} {allowed} {}", run.way, self.relay.port)).unwrap();
        let mut command = Command::new("setpriv");
        let id = UID.to_string();
        command.args(["--reuid", &id, "--regid", &id, "--init-groups", "--", "/opt/product/product"]);
        // The last one is of a test that is not there.
        command.args(["--exact", "product", "--include-ignored", "--nocapture", canary::ARGUMENT]);
        command
            .env_clear()
            .env("HOME", home())
            .env("USER", canary::USER)
            .env("PATH", "/usr/bin:/bin")
            .env("TERM", "dumb");
        command.env("SSH_CONNECTION", format!("{} 51234 {} 22", canary::SSH_CLIENT, canary::LAN_V4[0]));
        command
            .env("DOTNET_ROOT", home().join("dotnet"))
            .env("TZ", home().join("zone"))
            .env(canary::VARIABLE, canary::VALUE)
            .env("DISPLAY", &self.screen.display)
            .env(ROLE, "product")
            .envs(run.environment.iter().copied());
        command.current_dir(home().join(canary::WORKING_DIRECTORY));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// Runs it with nobody there, until it and its handler have ended.
    pub(crate) fn product_crashes(&self, run: &Run<'_>) {
        let status = self.product(run).status().unwrap();
        assert!(!status.success(), "it was to crash");
        handlers_end();
    }

    /// Runs it in a terminal in front of somebody, who is done when its handler asks no more.
    pub(crate) fn product_crashes_before(&self, run: &Run<'_>, person: impl FnOnce(&mut Terminal)) {
        let mut terminal = Terminal::start_inside(&mut self.product(run));
        person(&mut terminal);
        assert!(!terminal.ends().success(), "it was to crash");
        handlers_end();
    }
}

fn handlers_end() {
    let started = Instant::now();
    let is_handler = |pid: u32| {
        let program = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
        program.file_name().is_some_and(|name| name == "reporter-handler")
    };
    let running = || {
        let processes =
            fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
        processes.filter(|pid| is_handler(*pid)).count()
    };
    while running() > 0 {
        assert!(started.elapsed() < PATIENCE, "the handler does not end");
        sleep(Duration::from_millis(10));
    }
}

const ROLE: &str = "REPORTER_TEST_ROLE";

/// The body of the test `product`: what it does, where it was started as the product.
pub(crate) fn fails_as_it_is_told() {
    if env::var_os(ROLE).is_none() {
        return;
    }
    let settings = fs::read_to_string(Path::new(FOLDER).join("settings")).unwrap();
    let [way, allowed, port] = settings.split(' ').collect::<Vec<_>>()[..] else { panic!("{settings}") };
    if let Ok(bits) = allowed.parse() {
        let categories = CategorySet::from_bits(bits);
        let always = Remembered { remember: Remember::Always, product_version: VERSION.into(), categories, time: 1 };
        Spool::open(&spool()).unwrap().remember(&always).unwrap();
    }
    let smtp = Smtp::new("localhost", Tls::None).port(port.parse().unwrap());
    let options = Options::new("Example Software", "Cage", VERSION)
        .handler(Path::new(FOLDER).join("reporter-handler"))
        .spool(spool())
        .mail(Mail::new("errors@product.example", ["support@ledger.example"]).smtp(smtp))
        .kind(ErrorKind::Crash, Policy::Ask, Dump::FullMemory)
        .kind(ErrorKind::Panic, Policy::Ask, Dump::FullMemory)
        .attach_file(canary::MISSING_ATTACHMENT, "text/plain", home().join("notes").join(canary::MISSING_FILE))
        .attach_file(canary::ATTACHMENT, "text/plain", home().join("notes/attached.log"));
    let reporter = Reporter::start(options);
    assert!(reporter.is_active(), "{:?}", reporter.soft_errors());

    let _task = reporter_sdk::task(canary::TASK);
    reporter_sdk::command(canary::COMMAND, canary::COMMAND_LABEL, Surface::Menu);
    reporter_sdk::dialog(canary::DIALOG).close(canary::DIALOG_RESULT);
    reporter_sdk::annotate(canary::ANNOTATION, canary::ANNOTATION_VALUE);
    let _open = File::open(home().join("notes").join(canary::OPEN_FILE)).unwrap();
    load(&home().join("lib").join(canary::LIBRARY));
    let gone = home().join("lib").join(canary::GONE_LIBRARY);
    fs::copy(home().join("lib/kept"), &gone).unwrap();
    let gone_library = load(&gone);
    fs::remove_file(gone).unwrap();
    let heap = fs::read(Path::new(FOLDER).join("heap")).unwrap();
    let mut stack = [0; SECRET];
    File::open(Path::new(FOLDER).join("stack")).unwrap().read_exact(&mut stack).unwrap();
    black_box((&heap, &stack));
    if way == "Panic" {
        let proxy = format!("http://{}:{}@{}:3128/", canary::PROXY_USER, canary::PROXY_PASSWORD, canary::LAN_PROXY);
        let card = canary::MAC.map(|byte| format!("{byte:02x}")).join(":");
        panic!("cannot read {} by {proxy} of {card}", home().join("notes").join(canary::ERROR).display());
    }
    fault_below(gone_library);
    black_box((&heap, &stack));
}

fn load(library: &Path) -> NonNull<c_void> {
    let path = CString::new(library.to_str().unwrap()).unwrap();
    // SAFETY: the path ends with a NUL, and the library is a copy of one that is loaded already: to load it does nothing else.
    let loaded = NonNull::new(unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) });
    loaded.unwrap_or_else(|| panic!("{} was not loaded", library.display()))
}

/// Faults where the library has called us back: a frame of it is on the stack.
#[inline(never)]
fn fault_below(library: NonNull<c_void>) {
    type Visit = unsafe extern "C" fn(*mut c_void, *mut c_void) -> i32;
    type WalkStack = unsafe extern "C" fn(Visit, *mut c_void) -> i32;
    unsafe extern "C" fn visit(_frame: *mut c_void, _: *mut c_void) -> i32 {
        fault();
        0
    }
    // SAFETY: the library is open, and the name ends with a NUL.
    let found = unsafe { libc::dlsym(library.as_ptr(), c"_Unwind_Backtrace".as_ptr()) };
    assert!(!found.is_null());
    // SAFETY: the C++ ABI for exceptions says that it is of this type.
    let walk_stack = unsafe { std::mem::transmute::<*mut c_void, WalkStack>(found) };
    // SAFETY: what it calls does not look at its arguments.
    black_box(unsafe { walk_stack(visit, std::ptr::null_mut()) });
}

/// With something to read beside the instruction.
#[inline(never)]
fn fault() {
    // SAFETY: none, and that is the point: nothing is mapped there. What stands among the instructions is jumped over.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::asm!(
            "jmp 3f",
            concat!(".ascii \"", canary::code!(), "\""),
            "3: mov dword ptr [{nowhere}], 1",
            nowhere = in(reg) canary::FAULT_ADDRESS
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        std::arch::asm!(
            "b 3f",
            concat!(".ascii \"", canary::code!(), "\""),
            ".balign 4",
            "3: str wzr, [{nowhere}]",
            nowhere = in(reg) canary::FAULT_ADDRESS
        );
    }
}

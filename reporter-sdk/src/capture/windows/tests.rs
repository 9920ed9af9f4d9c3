//! Products that fail in each way, with a handler that this process plays. The product is this test program again: see [`product`].

mod wer;

use std::{
    env, fs, hint, io,
    os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle, RawHandle},
    path::PathBuf,
    ptr,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use windows_sys::{
    Win32::{
        Foundation::{
            HANDLE_FLAG_INHERIT, STATUS_ACCESS_VIOLATION, STATUS_BREAKPOINT, STATUS_FATAL_APP_EXIT,
            STATUS_HEAP_CORRUPTION, STATUS_ILLEGAL_INSTRUCTION, STATUS_IN_PAGE_ERROR, STATUS_INTEGER_DIVIDE_BY_ZERO,
            STATUS_INVALID_CRUNTIME_PARAMETER, STATUS_NONCONTINUABLE_EXCEPTION, STATUS_STACK_OVERFLOW,
            SetHandleInformation, WAIT_OBJECT_0, WAIT_TIMEOUT,
        },
        System::{
            Diagnostics::Debug::{
                EXCEPTION_CONTINUE_SEARCH, EXCEPTION_POINTERS, RaiseException, SetUnhandledExceptionFilter,
            },
            LibraryLoader::{GetProcAddress, LoadLibraryW},
            Threading::{
                CreateThread, ExitProcess, GetExitCodeProcess, INFINITE, OpenProcess,
                PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE, PROCESS_TERMINATE, SetThreadStackGuarantee,
                WaitForSingleObject,
            },
        },
    },
    core::w,
};

use super::{context::Context, cpp};
use crate::{
    Error, ErrorKind, Options, Reporter, Surface,
    ipc::{
        self,
        launch::Launched,
        socket::{IpcError, Socket},
        spawn::{Process, spawn},
    },
    schema::{self, client_message::Message, handler_message::Message as Answer},
    shared::{
        mapping::Mapping,
        snapshot::{CrashRecord, Snapshot},
    },
};

const LONG: Duration = Duration::from_secs(60);
const PRODUCT: &str = "capture::windows::tests::product";
/// Begins the argument that names the scenario, the pipes and the spool. To the test harness it is one more filter, which no test passes.
const SCENARIO: &str = "scenario";
const SEPARATOR: char = '|';

/// The handler's side of a product.
struct Handler {
    product: Product,
    control: Socket,
    crash: Socket,
    memory: Mapping,
    /// Where the product leaves what we do not take.
    spool: tempfile::TempDir,
}

/// A process that is ended with the test.
struct Product {
    process: Option<Process>,
    handle: OwnedHandle,
}

impl Product {
    fn start(arguments: &str, pipes: &[RawHandle]) -> Self {
        let nothing = fs::OpenOptions::new().read(true).write(true).open("NUL").unwrap();
        let nothing = nothing.as_raw_handle();
        // SAFETY: a handle of ours.
        unsafe { SetHandleInformation(nothing, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT) };
        let process = spawn(&env::current_exe().unwrap(), arguments, nothing, nothing, pipes).unwrap();
        let rights = PROCESS_SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_TERMINATE;
        // SAFETY: a number that stays this process's, since we have a handle of it.
        let handle = unsafe { OpenProcess(rights, 0, process.id()) };
        assert!(!handle.is_null(), "{}", io::Error::last_os_error());
        // SAFETY: just made, and nobody else's.
        let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
        Self { process: Some(process), handle }
    }

    fn id(&self) -> u32 {
        self.process.as_ref().unwrap().id()
    }

    /// How the product ended, if it did in this time.
    fn ended(&self, timeout: Duration) -> Option<u32> {
        // SAFETY: a process.
        match unsafe { WaitForSingleObject(self.handle.as_raw_handle(), timeout.as_millis() as u32) } {
            WAIT_OBJECT_0 => {}
            WAIT_TIMEOUT => return None,
            _ => panic!("{}", io::Error::last_os_error()),
        }
        let mut code = 0;
        // SAFETY: a process, and a place that lives here.
        unsafe { GetExitCodeProcess(self.handle.as_raw_handle(), &raw mut code) };
        Some(code)
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        self.process.take().into_iter().for_each(Process::kill);
    }
}

impl Handler {
    /// Starts this program again as the product of a scenario, and greets it.
    fn of(scenario: &str) -> Self {
        let (control, control_there) = Socket::pair().unwrap();
        let (crash, crash_there) = Socket::pair().unwrap();
        let spool = tempfile::tempdir().unwrap();
        let there = [control_there.raw(), crash_there.raw()];
        let [first, second] = there.map(|handle| (handle as usize).to_string());
        let path = spool.path().join("spool");
        let scenario = [SCENARIO, scenario, &first, &second, path.to_str().unwrap()].join(&SEPARATOR.to_string());
        let arguments = format!("--exact {PRODUCT} --nocapture --test-threads=1 \"{scenario}\"");
        let product = Product::start(&arguments, &there);
        drop((control_there, crash_there));
        // The handler takes what it is offered out of the product's process.
        let control = of_product(control, &product);
        let (hello, mut descriptors) = control.receive::<schema::ClientMessage>(LONG).unwrap();
        let Some(Message::Hello(hello)) = hello.message else { panic!("{hello:?}") };
        assert_eq!((hello.protocol_version, descriptors.len()), (ipc::PROTOCOL_VERSION, 1));
        let memory = Mapping::open(descriptors.remove(0)).unwrap();
        answer(&control, 0, Answer::Ready(ready()));
        Self { product, control, crash, memory, spool }
    }

    /// How many crashes the product has left itself.
    fn left(&self) -> usize {
        left(&self.spool)
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot::read(&self.memory).unwrap()
    }

    /// Waits until the product says that it crashed.
    fn crashed(&self) -> CrashRecord {
        let mut byte = [0];
        self.crash.receive_bytes(&mut byte, LONG).unwrap();
        assert_eq!(byte, [ipc::CRASHED]);
        let crash = self.snapshot().crash.unwrap();
        assert_eq!(crash.pid, self.product.id());
        crash
    }

    fn reply(&self, byte: u8) {
        self.crash.send_bytes(&[byte], &[], LONG).unwrap();
    }

    /// Waits for the product's end, and returns its exit code. It must not have reported anything more.
    fn ended(&self) -> i32 {
        let mut byte = [0];
        let more = self.crash.receive_bytes(&mut byte, LONG);
        assert!(matches!(more, Err(IpcError::Closed)), "{byte:?} {more:?}");
        self.product.ended(LONG).expect("it has not ended").cast_signed()
    }

    fn handled(&self) -> schema::HandledError {
        let (message, _) = self.control.receive::<schema::ClientMessage>(LONG).unwrap();
        match message.message {
            Some(Message::HandledError(error)) => error,
            other => panic!("{other:?}"),
        }
    }

    /// Answers the next question, a shutdown or a flush.
    fn confirm(&self) -> Message {
        let (message, _) = self.control.receive::<schema::ClientMessage>(LONG).unwrap();
        answer(&self.control, message.sequence, Answer::Done(schema::Done::default()));
        message.message.unwrap()
    }
}

fn left(spool: &tempfile::TempDir) -> usize {
    fs::read_dir(spool.path().join("spool/lost")).map_or(0, Iterator::count)
}

/// The handler's end of a pipe, as it finds it.
fn of_product(socket: Socket, product: &Product) -> Socket {
    use windows_sys::Win32::System::Threading::PROCESS_DUP_HANDLE;
    // SAFETY: a number that stays this process's, since we have a handle of it.
    let handle = unsafe { OpenProcess(PROCESS_DUP_HANDLE, 0, product.id()) };
    assert!(!handle.is_null(), "{}", io::Error::last_os_error());
    // SAFETY: just made, and nobody else's.
    let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
    Socket::of_product(socket.into(), Some(handle)).unwrap()
}

fn ready() -> schema::Ready {
    schema::Ready { handler_version: env!("CARGO_PKG_VERSION").into(), ..schema::Ready::default() }
}

fn answer(control: &Socket, sequence: u64, message: Answer) {
    control.send(&schema::HandlerMessage { sequence, message: Some(message) }, &[], LONG).unwrap();
}

/// What the product was told.
struct Scenario {
    name: String,
    pipes: [usize; 2],
    spool: PathBuf,
}

impl Scenario {
    fn get() -> Option<Self> {
        let last = env::args().next_back()?;
        let mut parts = last.split(SEPARATOR);
        (parts.next()? == SCENARIO).then_some(())?;
        let name = parts.next()?.to_owned();
        let pipes = [parts.next()?.parse().ok()?, parts.next()?.parse().ok()?];
        Some(Self { name, pipes, spool: parts.next()?.into() })
    }

    fn options(&self) -> Options {
        Options::new("Example Software", "Ledger", "1.0").waits(LONG, LONG).spool(&self.spool)
    }

    fn connect(&self, options: Options) -> Reporter {
        self.connect_to(options, "test".into())
    }

    fn connect_to(&self, options: Options, program: String) -> Reporter {
        let [control, crash] = self.pipes.map(|number| {
            // SAFETY: `Handler::of` has handed these two down, for us alone.
            let pipe = unsafe { OwnedHandle::from_raw_handle(ptr::with_exposed_provenance_mut(number)) };
            Socket::of_product(pipe, None).unwrap()
        });
        let reporter = Reporter::connect(options, Launched { control, crash, process: None, program });
        assert!(reporter.is_active(), "{:?}", reporter.soft_errors());
        assert_eq!(reporter.soft_errors(), []);
        reporter
    }
}

fn writes(address: usize) {
    // SAFETY: it is not: this is the fault that the test is about.
    unsafe { ptr::without_provenance_mut::<u8>(address).write_volatile(1) };
}

fn reads(address: usize) -> u8 {
    // SAFETY: as above.
    unsafe { ptr::without_provenance::<u8>(address).read_volatile() }
}

#[inline(never)]
#[expect(unconditional_recursion, reason = "the fault that the test is about")]
fn overflow(n: u64) -> u64 {
    let block = hint::black_box([n; 512]);
    overflow(n + 1) + block[n as usize % 512]
}

extern "C" fn panics_to_c() {
    panic!("met a C caller");
}

fn raise(code: i32, parameters: &[usize]) {
    const NONCONTINUABLE: u32 = 1;
    // SAFETY: raises an exception with these parameters.
    unsafe { RaiseException(code.cast_unsigned(), NONCONTINUABLE, parameters.len() as u32, parameters.as_ptr()) };
}

/// A function without parameters of the C runtime that today's products use.
fn of_runtime(name: &std::ffi::CStr) -> unsafe extern "C-unwind" fn() {
    // SAFETY: a name that ends in a zero.
    let library = unsafe { LoadLibraryW(w!("ucrtbase.dll")) };
    assert!(!library.is_null(), "{}", io::Error::last_os_error());
    // SAFETY: a library that is loaded, and a name that ends in a zero.
    let found = unsafe { GetProcAddress(library, name.as_ptr().cast()) }.expect("not in this runtime");
    // SAFETY: the callers name functions of this type.
    unsafe { std::mem::transmute(found) }
}

unsafe extern "system" fn exits(_: *const EXCEPTION_POINTERS) -> i32 {
    // SAFETY: ends the process.
    unsafe { ExitProcess(42) };
}

unsafe extern "system" fn faults(_: *const EXCEPTION_POINTERS) -> i32 {
    writes(0x50);
    EXCEPTION_CONTINUE_SEARCH
}

/// Started without the standard library, which gives its own threads more stack for an overflow.
unsafe extern "system" fn overflows_in_thread(_: *mut core::ffi::c_void) -> u32 {
    overflow(0) as u32
}

unsafe extern "system" fn guarantee(_: *mut core::ffi::c_void) -> u32 {
    let mut size = 0;
    // SAFETY: asks for the number, which lives here.
    unsafe { SetThreadStackGuarantee(&raw mut size) };
    size
}

type Start = unsafe extern "system" fn(*mut core::ffi::c_void) -> u32;

fn plain_thread(start: Start) -> u32 {
    // SAFETY: the function takes nothing.
    let thread = unsafe { CreateThread(ptr::null(), 256 << 10, Some(start), ptr::null(), 0, ptr::null_mut()) };
    assert!(!thread.is_null());
    // SAFETY: just made, and nobody else's.
    let thread = unsafe { OwnedHandle::from_raw_handle(thread) };
    // SAFETY: a thread.
    unsafe { WaitForSingleObject(thread.as_raw_handle(), INFINITE) };
    let mut code = 0;
    // SAFETY: a thread, and a place that lives here.
    unsafe { windows_sys::Win32::System::Threading::GetExitCodeThread(thread.as_raw_handle(), &raw mut code) };
    code
}

/// Not a test: the product of the others, when they start this program with a scenario.
#[test]
fn product() {
    let Some(scenario) = Scenario::get() else { return };
    let connect = || scenario.connect(scenario.options());
    match &*scenario.name {
        "write" => {
            let _reporter = connect();
            crate::annotate("document.kind", "invoice");
            crate::command("file.import", "Import…", Surface::Menu);
            let _task = crate::task("import statement");
            writes(0x10);
        }
        "read" => {
            let _reporter = connect();
            hint::black_box(reads(0x18));
        }
        "execute" => {
            let _reporter = connect();
            let data = Box::new([0xc3_u8; 16]);
            let code: *const u8 = data.as_ptr();
            // SAFETY: it is not: memory that may not be executed.
            let code: extern "C" fn() = unsafe { std::mem::transmute(code) };
            code();
        }
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        "illegal" => {
            let _reporter = connect();
            // SAFETY: this instruction faults.
            unsafe { std::arch::asm!("ud2") };
        }
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        "divide" => {
            let _reporter = connect();
            // SAFETY: a division by zero faults.
            unsafe {
                std::arch::asm!("xor ecx, ecx", "div ecx", out("ecx") _, inout("eax") 1 => _, inout("edx") 0 => _)
            };
        }
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        "breakpoint" => {
            let _reporter = connect();
            // SAFETY: a breakpoint changes nothing.
            unsafe { std::arch::asm!("int3") };
        }
        "heap" => {
            let _reporter = connect();
            raise(STATUS_HEAP_CORRUPTION, &[]);
        }
        "in-page" => {
            let _reporter = connect();
            raise(STATUS_IN_PAGE_ERROR, &[0, 0x7777_0000, 0xc000_009c]);
        }
        "exception" | "no memory" => {
            let _reporter = connect();
            let base = if scenario.name == "exception" { ".?AVexception@std@@" } else { ".?AVbad_alloc@std@@" };
            let image = cpp::tests::Image::new(base, c"the ledger is full");
            raise(cpp::CODE, &image.parameters());
        }
        "managed" => {
            let _reporter = connect();
            // As the hook of .NET's binding does it, in the filter of the runtime.
            let error = crate::HandledError::new(Vec::new()).kind(ErrorKind::UnhandledException);
            crate::capture_handled(error);
            raise(0xe043_4352_u32.cast_signed(), &[]);
        }
        "managed, unheard" => {
            let _reporter = connect();
            raise(0xe043_4352_u32.cast_signed(), &[]);
        }
        "overflow" => {
            let _reporter = connect();
            overflow(0);
        }
        "overflow of a thread" => {
            let _reporter = connect();
            let _ = thread::spawn(|| overflow(0)).join();
        }
        "overflow of a plain thread" => {
            let _reporter = connect();
            plain_thread(overflows_in_thread);
        }
        "guarantee" => {
            let before = plain_thread(guarantee);
            let reporter = connect();
            let after = plain_thread(guarantee);
            let mut here = 0;
            // SAFETY: asks for the number, which lives here.
            unsafe { SetThreadStackGuarantee(&raw mut here) };
            drop(reporter);
            let stopped = plain_thread(guarantee);
            assert!(before < 32 << 10 && after >= 32 << 10 && here >= 32 << 10 && stopped == before);
            // SAFETY: ends at once; 7 tells that all held.
            unsafe { ExitProcess(7) };
        }
        "abort" | "pure call" | "invalid parameter" => {
            let names = [("abort", c"abort"), ("pure call", c"_purecall")];
            let name = names.into_iter().find(|(name, _)| *name == scenario.name);
            let function = of_runtime(name.map_or(c"_invalid_parameter_noinfo", |(_, function)| function));
            let _reporter = connect();
            // SAFETY: takes nothing.
            unsafe { function() };
        }
        "own abort" => {
            let _reporter = connect();
            // SAFETY: ends the process.
            unsafe { libc::abort() };
        }
        "panics" => {
            let reporter = connect();
            for name in ["first", "second"] {
                let thread = thread::Builder::new().name(name.into());
                thread.spawn(move || panic!("index {name}")).unwrap().join().unwrap_err();
            }
            drop(reporter);
        }
        "panic to C" => {
            let _reporter = connect();
            panics_to_c();
        }
        "many threads" => {
            let _reporter = connect();
            let barrier = Barrier::new(8);
            thread::scope(|scope| {
                for n in 0..8 {
                    let barrier = &barrier;
                    scope.spawn(move || {
                        barrier.wait();
                        writes(0x100 + n);
                    });
                }
            });
        }
        "handled" => {
            let reporter = connect();
            crate::capture_error(&io::Error::from_raw_os_error(2));
            assert!(crate::flush(LONG));
            crate::simulate_crash();
            assert!(reporter.shutdown(LONG));
            crate::capture_error(&io::Error::other("after the end"));
        }
        "attachments" => {
            let reporter = connect();
            assert!(!Reporter::start(scenario.options()).is_active(), "one at a time");
            crate::attach_bytes("settings", "text/plain", b"a = 1").unwrap();
            crate::attach_file("session log", "text/plain", r"C:\ledger.log").unwrap();
            assert!(matches!(crate::attach_file("log", "text/plain", "ledger.log"), Err(Error::Usage(_))));
            drop(reporter);
        }
        "exit" => {
            std::mem::forget(connect());
            // SAFETY: ends the process.
            unsafe { libc::exit(3) };
        }
        "exit of Rust" => {
            std::mem::forget(connect());
            std::process::exit(3);
        }
        "stopped" => {
            let reporter = connect();
            reporter.shutdown(LONG);
            writes(0x60);
        }
        "impatient" => {
            let _reporter = scenario.connect(scenario.options().waits(Duration::from_millis(400), LONG));
            writes(0x30);
        }
        "impatient overflow" => {
            let _reporter = scenario.connect(scenario.options().waits(Duration::from_millis(400), LONG));
            overflow(0);
        }
        "bounded" => {
            let _reporter = scenario.connect(scenario.options().waits(LONG, Duration::from_millis(800)));
            writes(0x30);
        }
        "another filter" => {
            // SAFETY: the filter lives as long as the program does.
            unsafe { SetUnhandledExceptionFilter(Some(exits)) };
            let _reporter = connect();
            writes(0x40);
        }
        "a filter on top" => {
            let _reporter = connect();
            // SAFETY: as above.
            unsafe { SetUnhandledExceptionFilter(Some(exits)) };
            crate::rearm();
            writes(0x40);
        }
        "a filter that faults" => {
            // SAFETY: as above.
            unsafe { SetUnhandledExceptionFilter(Some(faults)) };
            let _reporter = connect();
            writes(0x40);
        }
        name if name.starts_with("told of") => wer::product(&scenario),
        other => panic!("no scenario {other}"),
    }
}

fn context(crash: &CrashRecord) -> Box<Context> {
    let context = Context::from_bytes(&crash.context).expect("a context");
    assert_ne!(context.address, 0);
    context
}

#[test]
fn a_fault_is_reported_with_address_actions_and_annotations() {
    let handler = Handler::of("write");
    let crash = handler.crashed();
    assert_eq!((crash.kind, crash.number, crash.address), (ErrorKind::Crash, 1, Some(0x10)));
    assert_eq!(crash.signal.map(|signal| (signal.number, signal.code)), Some((STATUS_ACCESS_VIOLATION, 1)));
    let context = context(&crash);
    assert_eq!(context.record.ExceptionCode, STATUS_ACCESS_VIOLATION);
    #[cfg(target_arch = "x86_64")]
    assert_eq!(context.registers.0.Rip, context.record.ExceptionAddress as u64);
    let snapshot = handler.snapshot();
    assert_eq!((snapshot.actions.len(), snapshot.annotations.len(), snapshot.clean_exit), (2, 1, false));
    assert!(snapshot.actions.iter().all(|action| action.thread_id == crash.tid && action.monotonic <= crash.monotonic));
    handler.reply(ipc::DONE);
    assert_eq!(handler.ended(), STATUS_ACCESS_VIOLATION);
    assert_eq!(handler.left(), 0);
}

#[test]
fn exceptions_are_reported_and_end_the_product_as_they_would_have() {
    let scenarios = [
        ("read", STATUS_ACCESS_VIOLATION, 0, Some(Some(0x18))),
        ("execute", STATUS_ACCESS_VIOLATION, 8, None),
        ("illegal", STATUS_ILLEGAL_INSTRUCTION, 0, Some(None)),
        ("divide", STATUS_INTEGER_DIVIDE_BY_ZERO, 0, Some(None)),
        ("breakpoint", STATUS_BREAKPOINT, 0, Some(None)),
        ("heap", STATUS_HEAP_CORRUPTION, 1, Some(None)),
        ("in-page", STATUS_IN_PAGE_ERROR, 0, Some(Some(0x7777_0000))),
    ];
    for (scenario, exception, code, address) in scenarios {
        let handler = Handler::of(scenario);
        let crash = handler.crashed();
        assert_eq!(crash.kind, ErrorKind::Crash, "{scenario}");
        assert_eq!(crash.signal.map(|signal| (signal.number, signal.code)), Some((exception, code)), "{scenario}");
        assert!(address.is_none_or(|address| address == crash.address), "{scenario}: {:?}", crash.address);
        assert_eq!(context(&crash).record.ExceptionCode, exception, "{scenario}");
        handler.reply(ipc::DONE);
        assert_eq!(handler.ended(), exception, "{scenario}");
    }
}

#[test]
fn a_stack_overflow_of_any_thread_is_reported_once() {
    for scenario in ["overflow", "overflow of a thread", "overflow of a plain thread"] {
        let handler = Handler::of(scenario);
        let crash = handler.crashed();
        assert_eq!(crash.signal.map(|signal| signal.number), Some(STATUS_STACK_OVERFLOW), "{scenario}");
        assert_eq!(context(&crash).record.ExceptionCode, STATUS_STACK_OVERFLOW, "{scenario}");
        handler.reply(ipc::DONE);
        assert_eq!(handler.ended(), STATUS_STACK_OVERFLOW, "{scenario}");
    }
}

#[test]
fn threads_made_while_a_reporter_runs_have_stack_left_for_an_overflow() {
    let handler = Handler::of("guarantee");
    handler.confirm();
    assert_eq!(handler.ended(), 7);
}

#[test]
fn an_exception_of_cpp_is_reported_by_its_type_and_text() {
    for (scenario, kind) in [("exception", ErrorKind::UnhandledException), ("no memory", ErrorKind::OutOfMemory)] {
        let handler = Handler::of(scenario);
        let crash = handler.crashed();
        assert_eq!((crash.kind, crash.signal), (kind, None), "{scenario}");
        let thrown = handler.snapshot().thrown.unwrap();
        assert_eq!((&*thrown.type_name, thrown.thread_id), ("Ledger::Full", crash.tid));
        assert_eq!(thrown.message, if scenario == "exception" { "the ledger is full" } else { "" });
        handler.reply(ipc::DONE);
        assert_eq!(handler.ended(), cpp::CODE);
    }
}

#[test]
fn an_exception_of_a_managed_runtime_is_reported_once() {
    let handler = Handler::of("managed");
    let error = handler.handled();
    assert_eq!(error.kind(), ErrorKind::UnhandledException);
    assert_eq!(handler.crashed().number, error.crash_number);
    handler.reply(ipc::DONE);
    assert_eq!(handler.ended(), 0xe043_4352_u32.cast_signed(), "and not a second time");
    let handler = Handler::of("managed, unheard");
    assert_eq!(handler.crashed().kind, ErrorKind::UnhandledException);
    handler.reply(ipc::DONE);
    assert_eq!(handler.ended(), 0xe043_4352_u32.cast_signed());
}

#[test]
fn what_a_c_runtime_gives_up_at_is_reported_once() {
    let scenarios = [
        ("abort", STATUS_FATAL_APP_EXIT),
        ("own abort", STATUS_FATAL_APP_EXIT),
        ("pure call", STATUS_NONCONTINUABLE_EXCEPTION),
        ("invalid parameter", STATUS_INVALID_CRUNTIME_PARAMETER),
    ];
    for (scenario, code) in scenarios {
        let handler = Handler::of(scenario);
        let crash = handler.crashed();
        assert_eq!(crash.signal.map(|signal| (signal.number, signal.code)), Some((code, 0)), "{scenario}");
        assert_eq!(context(&crash).record.ExceptionCode, code, "{scenario}");
        handler.reply(ipc::DONE);
        let ended = handler.ended();
        // Microsoft's own runtime ends in a fast-fail. Wine's ends a pure call with 255.
        let known = [3, 255, STATUS_INVALID_CRUNTIME_PARAMETER, 0xc000_0409_u32.cast_signed()];
        assert!(known.contains(&ended), "{scenario}: {ended:x}");
    }
}

#[test]
fn panics_are_reported_one_by_one_and_the_product_goes_on() {
    let handler = Handler::of("panics");
    for (number, name) in [(1, "first"), (2, "second")] {
        let crash = handler.crashed();
        assert_eq!((crash.kind, crash.number, crash.signal), (ErrorKind::Panic, number, None));
        context(&crash);
        let panic = handler.snapshot().thrown.unwrap();
        assert_eq!((panic.message, &*panic.thread_name), (format!("index {name}"), name));
        assert!(panic.file.ends_with("tests.rs") && panic.line > 0 && panic.column > 0, "{}", panic.file);
        assert_eq!(panic.thread_id, crash.tid);
        handler.reply(ipc::DONE);
    }
    assert!(matches!(handler.confirm(), Message::Shutdown(_)));
    assert_eq!(handler.ended(), 0);
    assert!(handler.snapshot().clean_exit);
    assert_eq!(handler.left(), 0, "the thread that had begun to read is gone, the handler is not");
}

#[test]
#[cfg_attr(
    all(windows, target_arch = "x86"),
    ignore = "Rust tells such a panic's frames by the debug help library, and Wine's (8.0) faults over the symbols of this test program"
)]
fn a_panic_that_aborts_is_one_report() {
    let handler = Handler::of("panic to C");
    assert_eq!(handler.crashed().kind, ErrorKind::Panic);
    assert_eq!(handler.snapshot().thrown.unwrap().message, "met a C caller");
    handler.reply(ipc::DONE);
    assert_eq!(handler.ended(), 0xc000_0409_u32.cast_signed());
}

#[test]
fn many_threads_that_crash_at_once_are_one_report() {
    let handler = Handler::of("many threads");
    let crash = handler.crashed();
    assert!((0x100..0x108).contains(&crash.address.unwrap()), "{crash:?}");
    handler.reply(ipc::PROGRESS);
    thread::sleep(Duration::from_millis(50));
    handler.reply(ipc::DONE);
    assert_eq!(handler.ended(), STATUS_ACCESS_VIOLATION);
}

#[test]
fn a_handled_error_is_queued_and_the_product_goes_on() {
    let handler = Handler::of("handled");
    let error = handler.handled();
    assert_eq!((error.kind(), error.crash_number), (ErrorKind::HandledError, 0));
    assert_eq!(error.chain[0].code, Some(2));
    assert!(error.frames.len() > 2 && error.thread_id != 0 && error.time > 0, "{error:?}");
    assert!(matches!(handler.confirm(), Message::Flush(_)));
    assert_eq!(handler.crashed().kind, ErrorKind::Simulated);
    handler.reply(ipc::DONE);
    assert!(matches!(handler.confirm(), Message::Shutdown(_)));
    assert_eq!(handler.ended(), 0);
    assert!(handler.snapshot().clean_exit);
}

#[test]
fn attachments_reach_the_handler() {
    let handler = Handler::of("attachments");
    let (message, mut content) = handler.control.receive::<schema::ClientMessage>(LONG).unwrap();
    assert!(matches!(message.message, Some(Message::AttachBytes(attach)) if attach.name == "settings"));
    assert_eq!(crate::shared::mapping::read_sealed(content.remove(0), 100).unwrap(), b"a = 1");
    let (message, _) = handler.control.receive::<schema::ClientMessage>(LONG).unwrap();
    let Some(Message::AttachFile(attach)) = message.message else { panic!("{message:?}") };
    assert_eq!(attach.name, "session log");
    handler.confirm();
    assert_eq!(handler.ended(), 0);
}

#[test]
fn an_exit_without_the_guard_is_clean() {
    let handler = Handler::of("exit");
    assert_eq!(handler.ended(), 3);
    assert!(handler.snapshot().clean_exit);

    let handler = Handler::of("exit of Rust");
    assert_eq!(handler.ended(), 3);
    super::stacks::look();
    if super::stacks::are_not_kept() {
        eprintln!(
            "NOT SHOWN: Wine does not tell a program, as it tells libraries, of an ExitProcess, which std::process::exit is"
        );
    } else {
        assert!(handler.snapshot().clean_exit);
    }
}

#[test]
fn nothing_is_caught_once_reporting_has_ended() {
    let handler = Handler::of("stopped");
    assert!(matches!(handler.confirm(), Message::Shutdown(_)));
    assert_eq!(handler.ended(), STATUS_ACCESS_VIOLATION);
    assert_eq!(handler.snapshot().crash, None);
}

#[test]
fn a_handler_that_is_gone_does_not_hold_the_product() {
    let Handler { product, control, crash, memory, spool } = Handler::of("write");
    let mut byte = [0];
    crash.receive_bytes(&mut byte, LONG).unwrap();
    let started = Instant::now();
    drop((control, crash));
    assert_eq!(product.ended(LONG), Some(STATUS_ACCESS_VIOLATION.cast_unsigned()));
    assert!(started.elapsed() < LONG / 2, "{:?}", started.elapsed());
    assert!(Snapshot::read(&memory).unwrap().crash.is_some());
    assert_eq!(left(&spool), 1, "left for the next start");
}

#[test]
fn a_silent_handler_holds_the_product_no_longer_than_its_wait() {
    holds_no_longer_than_its_wait("impatient", STATUS_ACCESS_VIOLATION);
}

/// By itself, since Wine has to be tried again: see scripts/windows/nextest.toml.
#[test]
fn a_silent_handler_holds_a_stack_overflow_no_longer_than_its_wait() {
    holds_no_longer_than_its_wait("impatient overflow", STATUS_STACK_OVERFLOW);
}

fn holds_no_longer_than_its_wait(scenario: &str, code: i32) {
    let handler = Handler::of(scenario);
    handler.crashed();
    let started = Instant::now();
    assert_eq!(handler.ended(), code);
    assert!((Duration::from_millis(300)..LONG / 2).contains(&started.elapsed()), "{:?}", started.elapsed());
    assert_eq!(handler.left(), 1, "{scenario}");
}

#[test]
fn progress_keeps_the_product_waiting() {
    let handler = Handler::of("impatient");
    handler.crashed();
    for _ in 0..10 {
        handler.reply(ipc::PROGRESS);
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(handler.product.ended(Duration::ZERO), None, "it waited 1 s, beyond its 400 ms without progress");
    handler.reply(ipc::DONE);
    assert_eq!(handler.ended(), STATUS_ACCESS_VIOLATION);
}

#[test]
fn progress_does_not_hold_the_product_beyond_the_longest_wait() {
    let handler = Handler::of("bounded");
    handler.crashed();
    let started = Instant::now();
    while handler.crash.send_bytes(&[ipc::PROGRESS], &[], LONG).is_ok() {
        assert!(started.elapsed() < LONG / 2);
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(handler.product.ended(LONG), Some(STATUS_ACCESS_VIOLATION.cast_unsigned()));
}

#[test]
fn filters_of_others_have_the_last_word_whether_they_came_before_or_after() {
    for scenario in ["another filter", "a filter on top"] {
        let handler = Handler::of(scenario);
        assert_eq!(handler.crashed().address, Some(0x40), "{scenario}");
        handler.reply(ipc::DONE);
        assert_eq!(handler.ended(), 42, "{scenario}");
    }
}

#[test]
fn a_fault_within_a_fault_is_no_second_report() {
    let handler = Handler::of("a filter that faults");
    assert_eq!(handler.crashed().address, Some(0x40));
    handler.reply(ipc::DONE);
    assert_eq!(handler.ended(), STATUS_ACCESS_VIOLATION);
}

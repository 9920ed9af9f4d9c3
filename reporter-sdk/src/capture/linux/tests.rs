//! Products that fail in each way, with a handler that this process plays. The product is this test program again: see [`product`].

use std::{
    env, io,
    os::{
        fd::{FromRawFd, OwnedFd},
        unix::process::{CommandExt, ExitStatusExt},
    },
    process::{Child, Command, ExitStatus, Stdio},
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use rustix::{fd::AsRawFd, io::fcntl_dupfd_cloexec};

use crate::{
    Dump, Error, ErrorKind, Mail, Options, Policy, Reporter, Smtp, Surface, Tls,
    ipc::{
        self,
        launch::Launched,
        socket::{IpcError, Socket},
    },
    schema::{self, client_message::Message, handler_message::Message as Answer, mail::Transport},
    shared::{
        mapping::Mapping,
        snapshot::{CrashRecord, Snapshot},
    },
};

const LONG: Duration = Duration::from_secs(60);
const SCENARIO: &str = "REPORTER_TEST_SCENARIO";
const SPOOL: &str = "REPORTER_TEST_SPOOL";

/// The handler's side of a product.
struct Handler {
    product: Child,
    control: Socket,
    crash: Socket,
    memory: Mapping,
    configuration: schema::Configuration,
    /// Where the product leaves what we do not take.
    spool: tempfile::TempDir,
}

impl Handler {
    /// Starts this program again as the product of a scenario, and greets it.
    fn of(scenario: &str) -> Self {
        let (control, control_there) = Socket::pair().unwrap();
        let (crash, crash_there) = Socket::pair().unwrap();
        let there = [control_there, crash_there].map(|socket| fcntl_dupfd_cloexec(socket, 100).unwrap());
        let numbers = [there[0].as_raw_fd(), there[1].as_raw_fd()];
        let spool = tempfile::tempdir().unwrap();
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args(["--exact", "capture::linux::tests::product", "--nocapture", "--test-threads=1"])
            .env(SCENARIO, scenario)
            .env(SPOOL, spool.path().join("spool"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let prepare = move || {
            // No core files, which would be large.
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            // SAFETY: only sets a limit.
            unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) };
            // Past what the standard library uses itself.
            for (from, to) in numbers.into_iter().zip([50, 51]) {
                // SAFETY: two descriptors by number.
                if unsafe { libc::dup2(from, to) } < 0 {
                    return Err(io::Error::last_os_error());
                }
            }
            Ok(())
        };
        // SAFETY: only system calls between fork and exec.
        unsafe { command.pre_exec(prepare) };
        let product = command.spawn().unwrap();
        drop(there);
        let (hello, mut descriptors) = control.receive::<schema::ClientMessage>(LONG).unwrap();
        let Some(Message::Hello(hello)) = hello.message else { panic!("{hello:?}") };
        assert_eq!((hello.protocol_version, descriptors.len()), (ipc::PROTOCOL_VERSION, 1));
        let memory = Mapping::open(descriptors.remove(0)).unwrap();
        answer(&control, 0, Answer::Ready(ready()));
        Self { product, control, crash, memory, configuration: hello.configuration.unwrap(), spool }
    }

    /// How many crashes the product has left itself.
    fn left(&self) -> usize {
        std::fs::read_dir(self.spool.path().join("spool/lost")).map_or(0, Iterator::count)
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

    /// Waits for the product's end. It must not have reported anything more.
    fn ended(&mut self) -> ExitStatus {
        let mut byte = [0];
        assert!(matches!(self.crash.receive_bytes(&mut byte, LONG), Err(IpcError::Closed)), "{byte:?}");
        self.product.wait().unwrap()
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

fn ready() -> schema::Ready {
    schema::Ready { handler_version: env!("CARGO_PKG_VERSION").into(), ..schema::Ready::default() }
}

fn answer(control: &Socket, sequence: u64, message: Answer) {
    control.send(&schema::HandlerMessage { sequence, message: Some(message) }, &[], LONG).unwrap();
}

fn options() -> Options {
    let options = Options::new("Example Software", "Ledger", "1.0").waits(LONG, LONG);
    env::var_os(SPOOL).into_iter().fold(options, Options::spool)
}

fn connect(options: Options) -> Reporter {
    // SAFETY: `Handler::of` put these two there, for us alone.
    let [control, crash] = [50, 51].map(|fd| Socket::from(unsafe { OwnedFd::from_raw_fd(fd) }));
    let reporter = Reporter::connect(options, Launched { control, crash, process: None, program: "test".into() });
    assert!(reporter.is_active(), "{:?}", reporter.soft_errors());
    reporter
}

fn fault(address: usize) {
    // SAFETY: it is not: this is the fault that the test is about.
    unsafe { std::ptr::without_provenance_mut::<u8>(address).write_volatile(1) };
}

#[inline(never)]
#[expect(unconditional_recursion, reason = "the fault that the test is about")]
fn overflow(n: u64) -> u64 {
    let block = std::hint::black_box([n; 512]);
    overflow(n + 1) + block[n as usize % 512]
}

extern "C" fn panics_to_c() {
    panic!("met a C caller");
}

extern "C" fn exits(_: i32) {
    // SAFETY: _exit(2) is async-signal-safe.
    unsafe { libc::_exit(42) };
}

/// Not a test: the product of the others, when they start this program with a scenario.
#[test]
fn product() {
    let Ok(scenario) = env::var(SCENARIO) else { return };
    match &*scenario {
        "fault" => {
            let _reporter = connect(options());
            crate::annotate("document.kind", "invoice");
            crate::command("file.import", "Import…", Surface::Menu);
            let _task = crate::task("import statement");
            fault(0x10);
        }
        "abort" => {
            let _reporter = connect(options());
            std::process::abort();
        }
        #[cfg(target_arch = "x86_64")]
        "trap" => {
            let _reporter = connect(options());
            // SAFETY: a breakpoint changes nothing.
            unsafe { std::arch::asm!("int3") };
        }
        "sent" => {
            let _reporter = connect(options());
            // SAFETY: sends a signal.
            unsafe { libc::raise(libc::SIGFPE) };
        }
        "overflow" => {
            let _reporter = connect(options());
            let thread = thread::spawn(|| {
                crate::command("compute", "Compute", Surface::Toolbar);
                overflow(0)
            });
            let _ = thread.join();
        }
        "panics" => {
            let reporter = connect(options());
            for name in ["first", "second"] {
                let thread = thread::Builder::new().name(name.into());
                thread.spawn(move || panic!("index {name}")).unwrap().join().unwrap_err();
            }
            drop(reporter);
        }
        "panic to C" => {
            let _reporter = connect(options());
            panics_to_c();
        }
        "many threads" => {
            let _reporter = connect(options());
            let barrier = Barrier::new(8);
            thread::scope(|scope| {
                for n in 0..8 {
                    let barrier = &barrier;
                    scope.spawn(move || {
                        barrier.wait();
                        fault(0x100 + n);
                    });
                }
            });
        }
        "handled" => {
            let reporter = connect(options());
            crate::capture_error(&io::Error::from_raw_os_error(libc::ENOENT));
            assert!(crate::flush(LONG));
            assert!(reporter.shutdown(LONG));
            crate::capture_error(&io::Error::other("after the end"));
        }
        "handled with memory" => {
            let _reporter = connect(options().kind(ErrorKind::HandledError, Policy::Ask, Dump::Minidump));
            crate::capture_error(&io::Error::other("odd"));
            crate::simulate_crash();
        }
        "attachments" => {
            let reporter = connect(options());
            assert!(!Reporter::start(options()).is_active(), "one at a time");
            crate::attach_bytes("settings", "text/plain", b"a = 1").unwrap();
            crate::attach_file("session log", "text/plain", "/var/log/ledger.log").unwrap();
            assert!(matches!(crate::attach_file("log", "text/plain", "ledger.log"), Err(Error::Usage(_))));
            assert!(matches!(crate::attach_bytes("", "text/plain", b""), Err(Error::Usage(_))));
            drop(reporter);
        }
        "exit" => {
            std::mem::forget(connect(options()));
            std::process::exit(3);
        }
        "fork" => {
            let _reporter = connect(options());
            // SAFETY: the child only faults.
            let child = unsafe { libc::fork() };
            if child == 0 {
                crate::command("lost", "", Surface::Menu);
                fault(0x20);
            }
            let mut status = 0;
            // SAFETY: waits for the child just made.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGSEGV, "{status:x}");
            // SAFETY: ends at once; 7 tells that all held.
            unsafe { libc::_exit(7) };
        }
        "impatient" => {
            let _reporter = connect(options().waits(Duration::from_millis(400), LONG));
            fault(0x30);
        }
        "bounded" => {
            let _reporter = connect(options().waits(LONG, Duration::from_millis(800)));
            fault(0x30);
        }
        "another handler" => {
            // SAFETY: the handler is async-signal-safe.
            unsafe { libc::signal(libc::SIGSEGV, exits as *const () as usize) };
            let _reporter = connect(options());
            fault(0x40);
        }
        "secret" => {
            // In pieces, so that the program's own constants do not hold it.
            let password = ["correct", "horse", "battery"].join("-");
            let server = Smtp::new("mail.ledger.example", Tls::StartTls).credentials("ledger", password);
            let mail = Mail::new("errors@ledger.example", ["support@ledger.example"]).smtp(server);
            let _reporter = connect(options().mail(mail).include_command_line(true));
            std::process::abort();
        }
        other => panic!("no scenario {other}"),
    }
}

fn died_of(status: ExitStatus, signal: i32) {
    assert_eq!(status.signal(), Some(signal), "{status}");
}

#[test]
fn a_fault_is_reported_with_address_actions_and_annotations() {
    let mut handler = Handler::of("fault");
    let crash = handler.crashed();
    assert_eq!((crash.kind, crash.number, crash.address), (ErrorKind::Crash, 1, Some(0x10)));
    assert_eq!(crash.signal.map(|signal| (signal.number, signal.code)), Some((libc::SIGSEGV, 1)));
    let context = crash_context::CrashContext::from_bytes(&crash.context).unwrap();
    assert_eq!((context.pid as u32, context.tid as u32), (crash.pid, crash.tid));
    assert_eq!((context.siginfo.ssi_signo, context.siginfo.ssi_addr), (libc::SIGSEGV as u32, 0x10));
    let snapshot = handler.snapshot();
    assert_eq!((snapshot.actions.len(), snapshot.annotations.len(), snapshot.clean_exit), (2, 1, false));
    assert!(snapshot.actions.iter().all(|action| action.thread_id == crash.tid && action.monotonic <= crash.monotonic));
    handler.reply(ipc::DONE);
    died_of(handler.ended(), libc::SIGSEGV);
}

#[test]
fn other_signals_end_the_product_as_they_would_have() {
    let scenarios = [("abort", libc::SIGABRT), ("sent", libc::SIGFPE)];
    let trap = cfg!(target_arch = "x86_64").then_some(("trap", libc::SIGTRAP));
    for (scenario, signal) in scenarios.into_iter().chain(trap) {
        let mut handler = Handler::of(scenario);
        let crash = handler.crashed();
        assert_eq!(crash.signal.map(|signal| signal.number), Some(signal), "{scenario}");
        assert_eq!(crash.address, None, "{scenario}");
        handler.reply(ipc::DONE);
        died_of(handler.ended(), signal);
    }
}

#[test]
fn a_stack_overflow_of_a_thread_is_reported_once() {
    let mut handler = Handler::of("overflow");
    let crash = handler.crashed();
    assert_eq!(crash.signal.map(|signal| signal.number), Some(libc::SIGSEGV));
    assert_ne!(crash.tid, crash.pid);
    handler.reply(ipc::DONE);
    // Rust's own handler, which we put back, tells of the overflow and aborts.
    died_of(handler.ended(), libc::SIGABRT);
}

#[test]
fn panics_are_reported_one_by_one_and_the_product_goes_on() {
    let mut handler = Handler::of("panics");
    for (number, name) in [(1, "first"), (2, "second")] {
        let crash = handler.crashed();
        assert_eq!((crash.kind, crash.number, crash.signal), (ErrorKind::Panic, number, None));
        assert!(crash_context::CrashContext::from_bytes(&crash.context).is_some());
        let panic = handler.snapshot().thrown.unwrap();
        assert_eq!((panic.message, &*panic.thread_name), (format!("index {name}"), name));
        assert!(panic.file.ends_with("tests.rs") && panic.line > 0 && panic.column > 0, "{}", panic.file);
        assert_eq!(panic.thread_id, crash.tid);
        handler.reply(ipc::DONE);
    }
    assert!(matches!(handler.confirm(), Message::Shutdown(_)));
    assert!(handler.ended().success());
    assert!(handler.snapshot().clean_exit);
}

#[test]
fn a_panic_that_aborts_is_one_report() {
    let mut handler = Handler::of("panic to C");
    assert_eq!(handler.crashed().kind, ErrorKind::Panic);
    assert_eq!(handler.snapshot().thrown.unwrap().message, "met a C caller");
    handler.reply(ipc::DONE);
    died_of(handler.ended(), libc::SIGABRT);
}

#[test]
fn many_threads_that_crash_at_once_are_one_report() {
    let mut handler = Handler::of("many threads");
    let crash = handler.crashed();
    assert!((0x100..0x108).contains(&crash.address.unwrap()), "{crash:?}");
    handler.reply(ipc::PROGRESS);
    thread::sleep(Duration::from_millis(50));
    handler.reply(ipc::DONE);
    died_of(handler.ended(), libc::SIGSEGV);
}

#[test]
fn a_handled_error_is_queued_and_the_product_goes_on() {
    let mut handler = Handler::of("handled");
    let error = handler.handled();
    assert_eq!((error.kind(), error.crash_number), (ErrorKind::HandledError, 0));
    assert_eq!(error.chain[0].code, Some(libc::ENOENT.into()));
    assert!(error.frames.len() > 2 && error.thread_id != 0 && error.time > 0, "{error:?}");
    assert!(matches!(handler.confirm(), Message::Flush(_)));
    assert!(matches!(handler.confirm(), Message::Shutdown(_)));
    assert!(handler.ended().success());
    let snapshot = handler.snapshot();
    assert_eq!((snapshot.crash, snapshot.clean_exit), (None, true));
}

#[test]
fn a_handled_error_can_have_memory() {
    let mut handler = Handler::of("handled with memory");
    let error = handler.handled();
    for (number, kind) in [(error.crash_number, ErrorKind::HandledError), (2, ErrorKind::Simulated)] {
        let crash = handler.crashed();
        assert_eq!((crash.kind, crash.number), (kind, number));
        let context = crash_context::CrashContext::from_bytes(&crash.context).unwrap();
        #[cfg(target_arch = "x86_64")]
        assert_ne!(context.context.uc_mcontext.gregs[libc::REG_RIP as usize], 0);
        assert_eq!(context.tid as u32, crash.tid);
        handler.reply(ipc::DONE);
    }
    handler.confirm();
    assert!(handler.ended().success());
}

#[test]
fn attachments_reach_the_handler() {
    let mut handler = Handler::of("attachments");
    let (message, mut content) = handler.control.receive::<schema::ClientMessage>(LONG).unwrap();
    assert!(matches!(message.message, Some(Message::AttachBytes(attach)) if attach.name == "settings"));
    let mut bytes = [0; 16];
    let read = std::os::unix::fs::FileExt::read_at(&std::fs::File::from(content.remove(0)), &mut bytes, 0).unwrap();
    assert_eq!(&bytes[..read], b"a = 1");
    let (message, _) = handler.control.receive::<schema::ClientMessage>(LONG).unwrap();
    let Some(Message::AttachFile(attach)) = message.message else { panic!("{message:?}") };
    assert_eq!((&*attach.name, &*attach.path), ("session log", &b"/var/log/ledger.log"[..]));
    handler.confirm();
    assert!(handler.ended().success());
}

#[test]
fn an_exit_without_the_guard_is_clean() {
    let mut handler = Handler::of("exit");
    assert_eq!(handler.ended().code(), Some(3));
    assert!(handler.snapshot().clean_exit);
}

#[test]
fn a_forked_child_that_crashes_is_not_the_product() {
    let mut handler = Handler::of("fork");
    assert_eq!(handler.ended().code(), Some(7));
    let snapshot = handler.snapshot();
    assert_eq!((snapshot.crash, snapshot.actions.len(), snapshot.clean_exit), (None, 0, false));
}

#[test]
fn a_handler_that_is_gone_does_not_hold_the_product() {
    let Handler { mut product, control, crash, memory, spool, .. } = Handler::of("fault");
    let mut byte = [0];
    crash.receive_bytes(&mut byte, LONG).unwrap();
    let started = Instant::now();
    drop((control, crash));
    died_of(product.wait().unwrap(), libc::SIGSEGV);
    assert!(started.elapsed() < LONG / 2, "{:?}", started.elapsed());
    assert!(Snapshot::read(&memory).unwrap().crash.is_some());
    assert_eq!(std::fs::read_dir(spool.path().join("spool/lost")).unwrap().count(), 1, "left for the next start");
}

#[test]
fn a_silent_handler_holds_the_product_no_longer_than_its_wait() {
    let mut handler = Handler::of("impatient");
    handler.crashed();
    let started = Instant::now();
    died_of(handler.ended(), libc::SIGSEGV);
    assert!((Duration::from_millis(300)..LONG / 2).contains(&started.elapsed()), "{:?}", started.elapsed());
    assert_eq!(handler.left(), 1);
}

#[test]
fn progress_keeps_the_product_waiting() {
    let handler = Handler::of("impatient");
    handler.crashed();
    for _ in 0..10 {
        handler.reply(ipc::PROGRESS);
        thread::sleep(Duration::from_millis(100));
    }
    let mut handler = handler;
    assert!(handler.product.try_wait().unwrap().is_none(), "it waited 1 s, beyond its 400 ms without progress");
    handler.reply(ipc::DONE);
    died_of(handler.ended(), libc::SIGSEGV);
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
    let mut handler = handler;
    died_of(handler.product.wait().unwrap(), libc::SIGSEGV);
}

#[test]
fn the_handler_that_was_there_before_has_the_last_word() {
    let mut handler = Handler::of("another handler");
    assert_eq!(handler.crashed().address, Some(0x40));
    handler.reply(ipc::DONE);
    assert_eq!(handler.ended().code(), Some(42));
}

#[test]
fn the_password_reaches_the_handler_and_leaves_the_product() {
    let handler = Handler::of("secret");
    let Some(Transport::Smtp(smtp)) = &handler.configuration.mail.as_ref().unwrap().transport else { panic!() };
    assert_eq!(smtp.password, "correct-horse-battery");
    assert!(handler.configuration.command_line.iter().any(|argument| argument == "--exact"));
    let crash = handler.crashed();
    // All that can be read of the stopped product, which allowed its handler to.
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", crash.pid)).unwrap();
    let memory = std::fs::File::open(format!("/proc/{}/mem", crash.pid)).unwrap();
    let mut read = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
        let mut bytes = vec![0; (end - start) as usize];
        if std::os::unix::fs::FileExt::read_exact_at(&memory, &mut bytes, start).is_ok() {
            read += bytes.len();
            let found = bytes.windows(smtp.password.len()).position(|window| window == smtp.password.as_bytes());
            assert!(found.is_none(), "the password is at {found:?} of {line}");
        }
    }
    assert!(read > 100_000, "only {read} bytes could be read");
    handler.reply(ipc::DONE);
    let mut handler = handler;
    died_of(handler.ended(), libc::SIGABRT);
}

mod starting {
    use std::{
        fs,
        os::unix::fs::PermissionsExt,
        path::{Path, PathBuf},
        sync::{Mutex, PoisonError},
    };

    use super::*;

    /// A process has one reporter.
    static ONE: Mutex<()> = Mutex::new(());

    fn script(folder: &Path, text: &str) -> PathBuf {
        let program = folder.join("reporter-handler");
        fs::write(&program, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        program
    }

    fn soft_error(options: Options) -> String {
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let reporter = Reporter::start(options);
        assert!(!reporter.is_active());
        let soft = reporter.soft_errors();
        assert_eq!(soft.len(), 1, "{soft:?}");
        // All calls go on to do nothing.
        crate::annotate("a", "b");
        crate::capture_error(&io::Error::other("x"));
        // Nothing to store, or nobody who does.
        assert_eq!(crate::flush(LONG), crate::reporter::active().is_none());
        soft[0].to_string()
    }

    #[test]
    fn a_missing_handler_is_named() {
        let error = soft_error(options().handler("/no/such/reporter-handler"));
        assert!(error.contains("/no/such/reporter-handler") && error.contains("Options::handler"), "{error}");
        let error = soft_error(options().handler("reporter-handler"));
        assert!(error.contains("must be absolute"), "{error}");
    }

    #[test]
    fn a_program_that_is_no_handler_is_told_from_one() {
        let error = soft_error(options().handler("/bin/true"));
        assert!(error.contains("/bin/true") && error.contains("did not answer"), "{error}");
    }

    #[test]
    fn a_handler_that_others_can_write_is_not_started() {
        let folder = tempfile::tempdir().unwrap();
        let program = script(folder.path(), &format!("touch {}", folder.path().join("ran").display()));
        fs::set_permissions(&program, fs::Permissions::from_mode(0o757)).unwrap();
        let error = soft_error(options().handler(&program));
        assert!(error.contains("can be written by others (chmod go-w)"), "{error}");
        assert!(!folder.path().join("ran").exists());
    }

    #[test]
    fn a_handler_that_hangs_is_given_up_and_ended() {
        let folder = tempfile::tempdir().unwrap();
        let pid = folder.path().join("pid");
        let program = script(folder.path(), &format!("echo $$ > {}\nexec sleep 1000", pid.display()));
        let started = Instant::now();
        let error = soft_error(options().handler(&program));
        assert!(error.contains("no answer in 2s"), "{error}");
        assert!(started.elapsed() < LONG / 2);
        let sleeps = format!("/proc/{}", fs::read_to_string(pid).unwrap().trim());
        while fs::exists(&sleeps).unwrap() {
            assert!(started.elapsed() < LONG / 2, "it was not ended");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn whoever_learns_first_that_there_is_no_handler_ends_reporting_and_makes_room_for_another_start() {
        let asks: [fn(Reporter) -> bool; 4] = [
            |reporter| reporter.is_active(),
            |_reporter| crate::flush(LONG),
            |reporter| reporter.shutdown(LONG),
            |_reporter| crate::shutdown(LONG),
        ];
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        // Long enough to be greeted.
        let program = script(folder.path(), "sleep 0.5");
        for asks in asks {
            let reporter = Reporter::start(options().handler(&program));
            assert!(crate::reporter::active().is_some(), "{:?}", reporter.soft_errors());
            assert!(!asks(reporter));
            assert!(crate::reporter::active().is_none());
        }
    }
}

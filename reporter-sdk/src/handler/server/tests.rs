//! The whole handler in this process, serving a product that is another one: this test program once more.

use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;

use crash_context::CrashContext;
use report_format::schema::v1::{SectionKind, Surface};

use super::*;
use crate::consent::Draft;
use crate::handler::live_child::CANARY;
use crate::schema::{Configuration, Shutdown};
use crate::shared::layout::{ActionKind, header};
use crate::shared::writer::{Action, Crash, Writer};
use crate::spool::Spool;

const ROLE: &str = "REPORTER_TEST_PRODUCT";
const SPOOL: &str = "REPORTER_TEST_SPOOL";
/// Debian's `nobody`.
const OTHER_USER: u32 = 65534;
const SOON: Duration = Duration::from_secs(10);

/// Serves a product that plays `role`; returns what is kept of it.
fn kept_of(role: &str) -> (Vec<Draft>, Result<(), ServeError>) {
    let directory = tempfile::tempdir().unwrap();
    let spool = directory.path().join("spool");
    let (ours, theirs) = Socket::pair().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--include-ignored", "--nocapture", "handler::server::tests::product", CANARY])
        .env(ROLE, role)
        .env(SPOOL, &spool)
        .env("SECRET_TOKEN", CANARY)
        .stdin(theirs.as_fd().try_clone_to_owned().unwrap())
        .stdout(Stdio::null())
        // In the background of whatever terminal the tests have: nobody is asked there.
        .process_group(0)
        .spawn()
        .unwrap();
    drop(theirs);
    let (_, descriptors) = ours.receive_bytes(&mut [0; 8], SOON).unwrap();
    let [control, crash] = descriptors.try_into().unwrap();
    let served = serve(Connection::of(control.into(), crash.into()));
    child.wait().unwrap();
    (drafts(&spool), served)
}

fn drafts(spool: &Path) -> Vec<Draft> {
    let spool = Spool::open(spool).unwrap();
    spool.drafts().unwrap().into_iter().map(|id| spool.take_draft(id).unwrap().unwrap().draft().clone()).collect()
}

#[test]
#[ignore = "the product's part of other tests"]
fn product() {
    let Ok(role) = std::env::var(ROLE) else { return };
    if role == "other user" {
        // SAFETY: a system call without pointers. Whoever makes a socket is its peer for good.
        assert_eq!(unsafe { libc::setresuid(OTHER_USER, OTHER_USER, OTHER_USER) }, 0);
    }
    let starter = Socket::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
    let (control, control_end) = Socket::pair().unwrap();
    let (crash, crash_end) = Socket::pair().unwrap();
    starter.send_bytes(b"ends", &[control_end.as_fd(), crash_end.as_fd()], SOON).unwrap();
    drop((control_end, crash_end));

    let (mapping, memory) = Mapping::create().unwrap();
    let mapping: &'static Mapping = Box::leak(Box::new(mapping));
    if role == "other memory" {
        mapping.words()[header::MAGIC].store(0, Ordering::Relaxed);
    }
    if role == "other layout" {
        mapping.words()[header::VERSION].store(99, Ordering::Relaxed);
    }
    let writer = Writer::new(mapping.words());
    let product =
        v1::Product { vendor: "Example".into(), name: "Ledger".into(), version: "1".into(), ..Default::default() };
    let spool_directory = std::env::var_os(SPOOL).unwrap().as_bytes().into();
    let configuration = Configuration { product: Some(product), spool_directory, ..Default::default() };
    let protocol_version = if role == "foreign" { 99 } else { PROTOCOL_VERSION };
    let sdk_version = if role == "other release" { "0.0.1" } else { env!("CARGO_PKG_VERSION") }.into();
    let hello = Hello { protocol_version, sdk_version, configuration: Some(configuration) };
    let send = |sequence, message, fds: &[std::os::fd::BorrowedFd<'_>]| {
        control.send(&ClientMessage { sequence, message: Some(message) }, fds, SOON).unwrap();
    };
    send(1, client_message::Message::Hello(hello), &[memory.as_fd()]);
    let (answer, _) = control.receive::<HandlerMessage>(SOON).unwrap();
    if ["foreign", "other release", "other layout", "other memory", "other user"].contains(&role.as_str()) {
        assert!(matches!(answer.message, Some(handler_message::Message::Refused(_))), "{answer:?}");
        return;
    }
    assert!(matches!(answer.message, Some(handler_message::Message::Ready(_))), "{answer:?}");
    writer.act(&Action {
        kind: ActionKind::Command,
        detail: Surface::Menu as u8,
        id: 0,
        parent: 0,
        first: "file.export",
        second: "Export…",
    });
    writer.annotate("document.kind", "invoice");

    let fail = |number: u64, kind: ErrorKind| {
        reporter_test_failing_function(&writer, &crash, number, kind);
    };
    let handled = |crash_number| {
        let chain = vec![v1::ErrorLink { message: "cannot read /home/anna/book".into(), ..Default::default() }];
        let frames = vec![reporter_test_failing_function as *const () as u64 + 1, 0x1234];
        let kind = ErrorKind::HandledError.into();
        let error = HandledError { chain, thread_id: 7, frames, time: 1, kind, crash_number, ..Default::default() };
        send(0, client_message::Message::HandledError(error), &[]);
    };
    match role.as_str() {
        "crash" => {
            fail(1, ErrorKind::Crash);
            std::process::abort();
        }
        "panic, then abort" => {
            fail(1, ErrorKind::Panic);
            std::process::abort();
        }
        "three errors" => {
            handled(0);
            fail(1, ErrorKind::Panic);
            handled(2);
            fail(2, ErrorKind::HandledError);
        }
        "forged" => {
            // Of whoever runs the test: a process that we may dump, too.
            let other = rustix::process::getppid().unwrap().as_raw_nonzero().get().cast_unsigned();
            mapping.words()[header::PID].store(other.into(), Ordering::Relaxed);
            for (key, value) in
                [("spool_directory", "/tmp/forged"), ("restart", "/bin/false"), ("to", "x@forged.example")]
            {
                writer.annotate(key, value);
            }
            let forge = |number, kind, pid| {
                writer.crashed(&Crash { number, kind, pid, tid: other, signal: None, address: None, context: &[] });
                crash.send_bytes(&[ipc::CRASHED], &[], SOON).unwrap();
                while crash.receive_bytes(&mut [0], SOON).is_err() {}
            };
            forge(1, ErrorKind::Crash.into(), other);
            // Of no kind that there is, and at the number of a report that there was.
            forge(2, 4711, other);
            forge(1, ErrorKind::Panic.into(), other);
            std::process::exit(0);
        }
        "vanish" => rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap(),
        "exit" => std::process::exit(3),
        other => panic!("no such role: {other}"),
    }
    send(5, client_message::Message::Shutdown(Shutdown { timeout_millis: 1000 }), &[]);
    let (answer, _) = control.receive::<HandlerMessage>(SOON).unwrap();
    assert_eq!(answer.sequence, 5);
    writer.mark_clean_exit();
}

/// Fills the crash slot and waits as a signal handler does.
#[unsafe(no_mangle)]
#[inline(never)]
fn reporter_test_failing_function(writer: &Writer, channel: &Socket, number: u64, kind: ErrorKind) {
    let context = std::mem::MaybeUninit::<CrashContext>::zeroed();
    // SAFETY: zero is a value of all its fields.
    let mut context = unsafe { context.assume_init() };
    // SAFETY: writes the registers of this point into a structure that is large enough.
    unsafe { crash_context::crash_context_getcontext(&raw mut context.context) };
    let (pid, tid) = (std::process::id(), crate::shared::writer::thread_id());
    let signal = (kind == ErrorKind::Crash).then_some((libc::SIGSEGV, 1));
    writer.crashed(&Crash {
        number,
        kind: kind.into(),
        pid,
        tid,
        signal,
        address: signal.map(|_| 0x10),
        context: context.as_bytes(),
    });
    channel.send_bytes(&[ipc::CRASHED], &[], SOON).unwrap();
    let mut byte = [0];
    while byte[0] != ipc::DONE {
        channel.receive_bytes(&mut byte, SOON).unwrap();
    }
}

fn of_kind(drafts: &[Draft], kind: ErrorKind) -> &Draft {
    drafts.iter().find(|d| d.kind == kind).unwrap_or_else(|| panic!("no {kind:?} in {drafts:?}"))
}

fn holds(draft: &Draft, text: &str) -> bool {
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let holds = |bytes: &[u8]| [text.as_bytes(), &wide].iter().any(|n| bytes.windows(n.len()).any(|w| w == *n));
    draft.sections.iter().any(|s| holds(&s.payload))
}

#[test]
fn a_crash_becomes_one_draft_that_nobody_has_decided_about() {
    let (drafts, served) = kept_of("crash");
    served.unwrap();
    assert_eq!(drafts.len(), 1, "the crash, and no second report of the process's end: {drafts:?}");
    let draft = of_kind(&drafts, ErrorKind::Crash);
    let error: v1::Error = draft.message(SectionKind::Error).unwrap();
    assert_eq!((error.title.as_str(), error.fault.unwrap().address), ("SIGSEGV: address not mapped", Some(0x10)));
    let stacks: v1::Stacks = draft.message(SectionKind::Stacks).unwrap();
    assert_eq!(stacks.threads[0].id, error.thread_id);
    assert_eq!(stacks.threads[0].frames[0].symbol, "reporter_test_failing_function", "{:#?}", stacks.threads[0].frames);
    let actions: v1::Actions = draft.message(SectionKind::Actions).unwrap();
    assert_eq!(actions.actions.len(), 1);
    let annotations: v1::Annotations = draft.message(SectionKind::Annotations).unwrap();
    assert_eq!(annotations.annotations[0].value, "invoice");
    assert!(!draft.message::<v1::Modules>(SectionKind::Modules).unwrap().modules.is_empty());
    assert!(draft.message::<v1::System>(SectionKind::System).is_some());
    let diagnostics: v1::Diagnostics = draft.message(SectionKind::Diagnostics).unwrap();
    assert!(diagnostics.zeroed_bytes > 0 && diagnostics.dropped_streams == [0x4767_0009], "{diagnostics:?}");
    let minidump = draft.sections.iter().find(|s| s.kind == SectionKind::Minidump).unwrap();
    assert!(minidump::Minidump::read(&minidump.payload[..]).is_ok());
    assert!(!holds(draft, CANARY));
}

#[test]
fn errors_in_a_row_make_a_report_each() {
    let (drafts, served) = kept_of("three errors");
    served.unwrap();
    assert_eq!(drafts.len(), 3, "{drafts:?}");
    assert!(of_kind(&drafts, ErrorKind::Panic).message::<v1::Stacks>(SectionKind::Stacks).is_some());
    let handled: Vec<_> = drafts.iter().filter(|d| d.kind == ErrorKind::HandledError).collect();
    assert_eq!(handled.len(), 2);
    for draft in handled {
        let error: v1::Error = draft.message(SectionKind::Error).unwrap();
        assert_eq!(error.chain[0].message, "cannot read /home/<user>/book");
        let stacks: v1::Stacks = draft.message(SectionKind::Stacks).unwrap();
        let frame = &stacks.threads[0].frames[0];
        assert_eq!((frame.trust(), &*frame.symbol), (v1::FrameTrust::Recorded, "reporter_test_failing_function"));
        let modules: v1::Modules = draft.message(SectionKind::Modules).unwrap();
        assert_eq!((frame.module, modules.modules.len()), (Some(0), 1), "only what holds a frame: {modules:?}");
    }
}

#[test]
fn a_panic_and_the_abort_that_follows_are_one_error() {
    let (drafts, served) = kept_of("panic, then abort");
    served.unwrap();
    assert_eq!(drafts.iter().map(|d| d.kind).collect::<Vec<_>>(), [ErrorKind::Panic]);
}

#[test]
fn a_product_that_vanishes_is_reported_with_what_it_had_done() {
    let (drafts, served) = kept_of("vanish");
    served.unwrap();
    assert_eq!(drafts.len(), 1);
    let draft = of_kind(&drafts, ErrorKind::Vanished);
    assert_eq!(draft.message::<v1::Actions>(SectionKind::Actions).unwrap().actions.len(), 1);
    assert!(draft.message::<v1::Stacks>(SectionKind::Stacks).is_none());
}

#[test]
fn an_exit_without_a_word_is_no_error() {
    let (drafts, served) = kept_of("exit");
    served.unwrap();
    assert_eq!(drafts, []);
}

#[test]
fn a_product_of_another_release_is_refused_and_told_why() {
    let (_, served) = kept_of("foreign");
    let error = served.unwrap_err();
    assert!(matches!(&error, ServeError::Refused(why) if why.contains("99")), "{error}");
}

#[test]
fn a_product_with_another_release_of_the_sdk_is_refused_and_told_what_to_do() {
    let (_, served) = kept_of("other release");
    let error = served.unwrap_err().to_string();
    assert!(error.contains("release 0.0.1") && error.contains("install both from one release"), "{error}");
    let (_, served) = kept_of("other layout");
    let error = served.unwrap_err().to_string();
    assert!(error.contains("layout version 99") && error.contains("install both from one release"), "{error}");
}

#[test]
fn a_product_of_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can become another user");
        return;
    }
    let (drafts, served) = kept_of("other user");
    let error = served.unwrap_err();
    assert!(matches!(&error, ServeError::Refused(why) if why.contains("user 65534")), "{error}");
    assert_eq!(drafts, []);
}

#[test]
fn a_forged_shared_memory_has_no_other_process_dumped_and_chooses_nothing() {
    let (drafts, served) = kept_of("forged");
    served.unwrap();
    assert_eq!(drafts.len(), 1, "{drafts:?}");
    let draft = of_kind(&drafts, ErrorKind::Crash);
    assert!(draft.message::<v1::Stacks>(SectionKind::Stacks).is_none());
    assert!(draft.sections.iter().all(|section| section.kind != SectionKind::Minidump));
    let diagnostics: v1::Diagnostics = draft.message(SectionKind::Diagnostics).unwrap();
    assert!(diagnostics.soft_errors.iter().any(|soft| soft.message.contains("which is not dumped")), "{diagnostics:?}");
    assert!(!holds(draft, CANARY));
    assert!(!Path::new("/tmp/forged").exists());
    let product: v1::Product = draft.message(SectionKind::Product).unwrap();
    assert_eq!((product.vendor.as_str(), product.name.as_str(), product.version.as_str()), ("Example", "Ledger", "1"));
}

#[test]
fn a_shared_memory_of_another_layout_is_refused_at_once() {
    let (drafts, served) = kept_of("other memory");
    let error = served.unwrap_err();
    assert!(matches!(&error, ServeError::Refused(why) if why.contains("shared memory")), "{error}");
    assert_eq!(drafts, []);
}

//! The module of Windows Error Reporting with a real product: it is asked here as Windows does it, about a process that has registered it itself.

use std::thread;

use windows_sys::Win32::{
    Foundation::{E_FAIL, S_OK, STATUS_HEAP_CORRUPTION},
    System::Threading::GetCurrentThreadId,
};

use super::*;
use crate::capture::windows::wer::tests::{ask, registration_address};

/// Under which the product tells where its registration is, and in which thread it waits.
const HERE: &str = "registration";
/// Once it has done what is to be done before the fault.
const READY: &str = "ready";

/// The product of these tests: its handler lies where a module does. It tells where its registration is, does its part, and waits to be ended.
pub(super) fn product(scenario: &Scenario) {
    let folder = scenario.spool.parent().unwrap();
    fs::write(folder.join("reporter_wer.dll"), "").unwrap();
    let program = folder.join("reporter-handler.exe").to_str().unwrap().to_owned();
    let reporter = scenario.connect_to(scenario.options(), program);
    // SAFETY: reads a value of this thread's own.
    let thread = unsafe { GetCurrentThreadId() };
    crate::annotate(HERE, &format!("{} {thread}", registration_address()));
    match &*scenario.name {
        // Its answer is late, so that signs of progress are looked for meanwhile, on the crash channel.
        "told of" => assert!(crate::flush(LONG)),
        "told of after a panic" => drop(thread::spawn(|| panic!("and goes on")).join().unwrap_err()),
        "told of no more" => assert!(reporter.shutdown(LONG)),
        "told of to nobody" => crate::simulate_crash(),
        other => panic!("no scenario {other}"),
    };
    // Not by `annotate`, which does nothing once there is no reporter.
    fs::write(folder.join(READY), "").unwrap();
    thread::sleep(LONG);
}

impl Handler {
    /// Waits until the product is about to fail, and asks the module about it.
    fn asks_module(&self) -> i32 {
        let started = Instant::now();
        while !self.spool.path().join(READY).exists() {
            assert!(started.elapsed() < LONG, "it has ended");
            thread::sleep(Duration::from_millis(20));
        }
        let [registration, thread] = self.registration();
        ask(self.product.id(), thread as u32, registration, STATUS_HEAP_CORRUPTION)
    }

    fn registration(&self) -> [u64; 2] {
        let annotations = self.snapshot().annotations;
        let told = annotations.iter().find(|annotation| annotation.key == HERE).unwrap();
        let numbers: Vec<u64> = told.value.split(' ').map(|number| number.parse().unwrap()).collect();
        numbers.try_into().unwrap()
    }

    /// Waits for the fault that the module tells of, and lets the product end at once, without a sign of progress before.
    fn is_told(&self, number: u64) {
        let crash = self.crashed();
        self.reply(ipc::DONE);
        assert_eq!(
            (crash.kind, crash.number, u64::from(crash.tid)),
            (ErrorKind::Crash, number, self.registration()[1])
        );
        assert_eq!(crash.signal.map(|signal| signal.number), Some(STATUS_HEAP_CORRUPTION));
        assert_eq!(context(&crash).record.ExceptionCode, STATUS_HEAP_CORRUPTION);
    }
}

#[test]
fn a_fault_that_no_hook_sees_is_told_of_by_the_module() {
    let handler = Handler::of("told of");
    // Long enough for more than one look at the crash channel.
    thread::sleep(Duration::from_millis(900));
    handler.confirm();
    let answer = thread::scope(|scope| {
        let asking = scope.spawn(|| handler.asks_module());
        handler.is_told(1);
        asking.join().unwrap()
    });
    assert_eq!(answer, S_OK, "its answer was taken by nobody else");
}

#[test]
fn a_fault_after_a_panic_that_was_reported_is_told_of_as_well() {
    let handler = Handler::of("told of after a panic");
    assert_eq!(handler.crashed().kind, ErrorKind::Panic);
    handler.reply(ipc::DONE);
    let answer = thread::scope(|scope| {
        let asking = scope.spawn(|| handler.asks_module());
        handler.is_told(2);
        asking.join().unwrap()
    });
    assert_eq!(answer, S_OK);
}

#[test]
fn nothing_is_told_of_a_product_that_reports_no_more() {
    let handler = Handler::of("told of no more");
    handler.confirm();
    assert_eq!(handler.asks_module(), E_FAIL);
    let silent = handler.crash.receive_bytes(&mut [0], Duration::ZERO);
    assert!(matches!(silent, Err(IpcError::TimedOut(_))), "{silent:?}");
    assert!(handler.snapshot().crash.is_none());
}

#[test]
fn nothing_is_told_of_a_product_whose_handler_is_lost() {
    let mut handler = Handler::of("told of to nobody");
    // In the place of the end that is lost: one of a channel that nobody has.
    let (nobody, _) = Socket::pair().unwrap();
    drop(std::mem::replace(&mut handler.crash, nobody));
    assert_eq!(handler.asks_module(), E_FAIL);
    assert_eq!(handler.snapshot().crash.map(|crash| crash.kind), Some(ErrorKind::Simulated), "as it was left");
    assert_eq!(handler.left(), 1);
}

use crate::shared::{Crash, Failure};

/// Several threads fault at once: one report, of one of them.
fn at_once(kind: &'static str, count: u64) -> Crash {
    let crash = Failure::c(kind).is_reported();
    crash.died_of(libc::SIGSEGV).ran(&["reads_with_others"]);
    assert_eq!(crash.reason_in_any_thread(), "SIGSEGV / SEGV_MAPERR");
    let address = crash.error().fault.and_then(|fault| fault.address).expect("an address");
    assert!((0..count).any(|n| address == 0x100 + 4 * n), "{address:#x}");
    assert_eq!(crash.threads() as u64, count + 1);
    crash
}

#[test]
fn two_threads_that_fault_at_once_are_one_report() {
    at_once("two_threads", 2);
}

#[test]
fn eight_threads_that_fault_at_once_are_one_report() {
    at_once("eight_threads", 8);
}

#[test]
fn a_fault_among_500_threads_is_reported_with_all_of_them() {
    let crash = Failure::c("beside_500_threads").is_reported();
    crash.died_of(libc::SIGSEGV).ran(&["segv_read", "reads"]);
    assert_eq!(crash.reason(), "SIGSEGV / SEGV_MAPERR");
    assert_eq!(crash.threads(), 502);
}

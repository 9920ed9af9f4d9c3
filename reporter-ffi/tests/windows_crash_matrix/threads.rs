use report_format::schema::v1::SectionKind;

use crate::shared::{Crash, Failure};

const ACCESS_VIOLATION: u32 = 0xc000_0005;

#[test]
fn a_fault_in_another_thread_is_reported_for_that_thread() {
    let crash = Failure::c("in_thread").is_reported();
    crash.ended_by(ACCESS_VIOLATION).ran(&["read_from", "reads", "reads_there"]);
    assert_eq!(crash.reason(), "EXCEPTION_ACCESS_VIOLATION_READ");
    assert!(crash.received.functions().iter().all(|function| function != "main"));
}

/// Several threads fault at once: one report, of one of them.
fn at_once(kind: &'static str, count: u64) -> Crash {
    let crash = Failure::c(kind).is_reported();
    crash.ended_by(ACCESS_VIOLATION).ran(&["reads_with_others"]);
    assert_eq!(crash.reason_in_any_thread(), "EXCEPTION_ACCESS_VIOLATION_READ");
    let address = crash.stated_address().expect("an address");
    assert!((0..count).any(|n| address == 0x100 + 4 * n), "{address:#x}");
    // The first thread, and ours.
    assert!(crash.threads() as u64 > count, "{}", crash.threads());
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
fn a_fault_beside_100_threads_is_reported_with_all_of_them() {
    let crash = Failure::c("beside_100_threads").is_reported();
    crash.ended_by(ACCESS_VIOLATION).ran(&["reads", "beside_100_threads", "main"]);
    assert_eq!(crash.reason(), "EXCEPTION_ACCESS_VIOLATION_READ");
    assert!(crash.threads() > 100, "{}", crash.threads());
    assert!(crash.received.kinds().contains(&SectionKind::Minidump));
}

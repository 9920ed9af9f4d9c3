use report_format::schema::v1::ErrorKind;

use crate::shared::Failure;

#[test]
fn a_bad_alloc_is_reported_though_not_a_byte_can_be_had() {
    let crash = Failure::cpp("bad_alloc").is_reported();
    crash.died_of(libc::SIGABRT).ran(&["terminate", "bad_alloc", "main"]);
    assert_eq!(crash.title(), (ErrorKind::OutOfMemory, "unhandled std::bad_alloc".into()));
    assert_eq!(crash.link(), ("std::bad_alloc".into(), "std::bad_alloc".into()));
    crash.reason();
}

#[test]
fn an_allocation_that_rust_can_not_make_is_reported() {
    let crash = Failure::rust("allocation").is_reported();
    crash.died_of(libc::SIGABRT).ran(&["abort", "handle_alloc_error", "allocates"]);
    assert_eq!(crash.title(), (ErrorKind::OutOfMemory, "SIGABRT: aborted".into()));
    crash.reason();
}

#[test]
fn a_fault_is_reported_though_not_a_byte_can_be_had() {
    let crash = Failure::c("without_memory").is_reported();
    crash.died_of(libc::SIGSEGV).ran(&["without_memory", "main"]);
    assert_eq!(crash.reason(), "SIGSEGV / SEGV_MAPERR");
    assert_eq!(crash.address(), 0x10);
}

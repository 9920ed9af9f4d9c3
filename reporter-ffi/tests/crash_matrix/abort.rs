use report_format::schema::v1::ErrorKind;

use crate::shared::Failure;

#[test]
fn abort_is_reported() {
    let crash = Failure::c("abort").is_reported();
    crash.died_of(libc::SIGABRT).has_no_address().ran(&["abort", "aborts", "main"]);
    assert_eq!(crash.reason(), "SIGABRT / SI_TKILL");
    assert_eq!(crash.title(), (ErrorKind::Crash, "SIGABRT: aborted".into()));
    assert_eq!(crash.error().chain, [], "the C library had nothing to say");
}

#[test]
fn a_failed_assertion_is_reported_in_its_own_words() {
    let crash = Failure::c("failed_assertion").is_reported();
    crash.died_of(libc::SIGABRT).ran(&["failed_assertion", "main"]);
    assert_eq!(crash.reason(), "SIGABRT / SI_TKILL");
    let (kind, message) = crash.link();
    assert_eq!(kind, "abort");
    assert!(message.ends_with("failed_assertion: Assertion `zero == 1' failed."), "{message}");
}

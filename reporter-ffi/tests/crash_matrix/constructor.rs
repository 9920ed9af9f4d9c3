use crate::shared::Failure;

#[test]
fn a_fault_before_main_is_reported() {
    let crash = Failure::c("constructor").is_reported();
    crash.died_of(libc::SIGSEGV).ran(&["segv_read", "constructor"]);
    assert_eq!(crash.reason(), "SIGSEGV / SEGV_MAPERR");
    assert!(crash.received.functions().iter().all(|function| function != "main"));
}

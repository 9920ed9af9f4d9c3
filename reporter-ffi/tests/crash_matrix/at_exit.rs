use crate::shared::Failure;

#[test]
fn a_fault_in_an_exit_handler_that_runs_before_ours_is_reported() {
    let crash = Failure::c("at_exit_after").is_reported();
    crash.died_of(libc::SIGSEGV).ran(&["segv_read", "exit"]);
    assert_eq!(crash.reason(), "SIGSEGV / SEGV_MAPERR");
}

#[test]
fn a_fault_in_an_exit_handler_that_runs_after_ours_is_reported() {
    let crash = Failure::c("at_exit_before").is_reported();
    crash.died_of(libc::SIGSEGV).ran(&["segv_read", "exit"]);
    assert_eq!(crash.reason(), "SIGSEGV / SEGV_MAPERR");
}

use crate::shared::Failure;

#[test]
fn a_forbidden_system_call_is_reported() {
    let crash = Failure::c("sys").is_reported();
    crash.died_of(libc::SIGSYS).has_no_address().ran(&["syscall", "sys", "main"]);
    assert_eq!(crash.reason(), "SIGSYS / SYS_SECCOMP");
}

use crate::shared::Failure;

#[test]
fn a_fault_in_the_product_s_own_signal_handler_is_reported() {
    let crash = Failure::c("in_signal_handler").is_reported();
    crash.died_of(libc::SIGSEGV).ran(&["segv_read", "faults_in_handler", "in_signal_handler", "main"]);
    assert_eq!(crash.reason(), "SIGSEGV / SEGV_MAPERR");
}

/// A forbidden system call ends the product inside `malloc`: whoever allocated now would wait for ever.
#[test]
fn a_fault_while_the_allocator_holds_its_lock_is_reported() {
    let crash = Failure::c("malloc_lock").is_reported();
    crash.died_of(libc::SIGSYS).ran(&["brk", "malloc", "malloc_lock", "main"]);
    assert_eq!(crash.reason(), "SIGSYS / SYS_SECCOMP");
}

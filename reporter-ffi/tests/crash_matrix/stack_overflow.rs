use crate::shared::{Crash, Failure};

fn overflowed(failure: &Failure, function: &str) -> Crash {
    let crash = failure.is_reported();
    assert_eq!(crash.reason(), "SIGSEGV / SEGV_MAPERR");
    crash.ran(&[function, function, function]);
    crash
}

#[test]
fn a_stack_overflow_of_the_first_thread_is_reported() {
    overflowed(&Failure::c("overflow_main"), "overflow").died_of(libc::SIGSEGV);
}

#[test]
fn a_stack_overflow_of_another_thread_is_reported() {
    let crash = Failure::c("overflow_thread").is_reported();
    crash.died_of(libc::SIGSEGV).ran(&["overflow", "overflow"]);
    // Below the stack of a thread is its guard, which is mapped.
    assert_eq!(crash.reason(), "SIGSEGV / SEGV_ACCERR");
}

/// Rust's own handler, which the fault goes on to, tells of the overflow and aborts.
#[test]
fn a_stack_overflow_of_a_rust_thread_is_reported_once() {
    let crash = Failure::rust("overflow_in_thread").is_reported();
    crash.died_of(libc::SIGABRT).ran(&["overflows", "overflows"]);
    assert_eq!(crash.reason(), "SIGSEGV / SEGV_ACCERR");
}

//! Ends that nothing in the process sees: the handler does, and has the exit code.

use report_format::schema::v1::ErrorKind;

use crate::shared::Failure;

/// A fault by its code: reported without memory, which is gone.
fn ended(kind: &'static str, code: u32, title: &str) {
    let crash = Failure::c(kind).is_reported();
    crash.ended_by(code).has_no_memory();
    assert_eq!(crash.title(), (ErrorKind::Crash, title.into()));
    assert_eq!(crash.error().fault.map(|fault| fault.code), Some(code));
    assert_eq!(crash.stated_address(), None);
}

#[test]
fn a_fast_fail_is_reported() {
    ended("fast_fail", 0xc000_0409, "STATUS_STACK_BUFFER_OVERRUN");
}

#[test]
fn a_process_that_was_ended_as_one_that_failed_fast_is_reported() {
    ended("ends_as_fast_fail", 0xc000_0409, "STATUS_STACK_BUFFER_OVERRUN");
}

#[test]
fn a_process_that_was_ended_for_its_damaged_heap_is_reported() {
    ended("ends_as_heap_corruption", 0xc000_0374, "STATUS_HEAP_CORRUPTION: heap damaged");
}

#[test]
fn an_exit_with_a_number_of_the_product_s_is_no_error() {
    Failure::c("exit").ends().ended_by(3).is_unreported();
}

#[test]
fn an_exit_past_the_runtime_is_no_error() {
    Failure::c("exit_process").ends().ended_by(3).is_unreported();
}

/// The task manager ends a process so, and so does a product that wants to be gone: nobody can tell.
#[test]
fn a_process_that_somebody_ended_is_no_error() {
    Failure::c("killed").ends().ended_by(1).is_unreported();
}

#[test]
fn a_product_whose_handler_is_missing_crashes_as_it_would_without_us() {
    Failure::c("without_handler").ends_without_handler().ended_by(0xc000_0005).is_unreported();
}

/// What the thread knows: no stack, which on Windows the handler alone reads.
#[test]
fn a_product_whose_handler_was_ended_leaves_its_crash_to_its_next_start() {
    let crash = Failure::c("handler_ended").ends().is_reported_by_the_next_start();
    crash.ended_by(0xc000_0005).has_no_memory();
    assert_eq!(crash.title(), (ErrorKind::Crash, "EXCEPTION_ACCESS_VIOLATION: memory cannot be read".into()));
    assert_eq!(crash.address(), 0x10);
}

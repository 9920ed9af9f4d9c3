//! A stack that is used up.

use report_format::schema::v1::ErrorKind;

use crate::shared::{Crash, Failure};

// Not under Wine: that the product ends so without us, too: Wine (8.0) leaves no stack to tell of it, and ends the program by 0, or the thread alone.
fn overflowed(failure: &Failure, functions: &[&str]) -> Crash {
    let crash = Crash::of(failure.ends_with_us());
    crash.ended_by(0xc000_00fd).ran(functions);
    assert_eq!(crash.title(), (ErrorKind::Crash, "EXCEPTION_STACK_OVERFLOW: stack overflow".into()));
    assert_eq!(crash.reason(), "EXCEPTION_STACK_OVERFLOW");
    crash
}

#[test]
fn a_stack_overflow_of_the_first_thread_is_reported() {
    overflowed(&Failure::c("overflow_main"), &["overflow", "overflow", "overflow"]);
}

#[test]
fn a_stack_overflow_of_a_thread_that_knows_nothing_of_us_is_reported() {
    overflowed(&Failure::c("overflow_thread"), &["overflow", "overflow"]);
}

/// Rust's own handler tells of the overflow, and lets it run its course.
#[test]
fn a_stack_overflow_of_a_rust_thread_is_reported_once() {
    overflowed(&Failure::rust("overflow_in_thread"), &["overflows", "overflows"]);
}

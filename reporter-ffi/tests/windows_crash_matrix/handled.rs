//! Exceptions that somebody handles, or means to.

use crate::shared::{Crash, Failure};

#[test]
fn an_exception_that_its_function_handles_is_no_error_a_thousand_times() {
    Failure::c("handled").ends().ended_by(5).is_unreported();
}

/// What a handler makes of an exception is reported: the second one, by its address.
fn second(kind: &'static str) -> Crash {
    let crash = Failure::c(kind).is_reported();
    crash.ended_by(0xc000_0005);
    assert_eq!(crash.reason(), "EXCEPTION_ACCESS_VIOLATION_READ");
    crash
}

#[test]
fn a_fault_in_a_vectored_handler_is_reported_above_the_first() {
    let crash = second("in_vectored_handler");
    crash.ran(&["faults_first", "in_vectored_handler", "main"]);
    assert_eq!(crash.address(), 0x18);
}

#[test]
fn a_fault_in_a_function_s_own_handler_is_reported_above_the_first() {
    let crash = second("in_frame_handler");
    crash.ran(&["faults_itself", "in_frame_handler", "main"]);
    assert_eq!(crash.address(), 0x18);
}

/// The first is what nobody has handled; the filter is called after it was reported.
#[test]
fn a_fault_in_the_product_s_own_filter_is_one_report_of_the_first() {
    let crash = second("in_filter");
    crash.ran(&["read_from", "reads", "main"]);
    assert_eq!(crash.address(), 0x10);
}

#[test]
fn the_product_s_own_filter_is_called_after_the_report() {
    let crash = Failure::c("own_filter").is_reported();
    crash.ended_by(7).ran(&["read_from", "reads", "main"]);
    assert_eq!(crash.reason(), "EXCEPTION_ACCESS_VIOLATION_READ");
}

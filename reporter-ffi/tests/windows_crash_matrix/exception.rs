//! Exceptions of C++ that nothing catches, as MinGW's runtime ends them: by `std::terminate`, which aborts. What was thrown is not looked into there, only its
//! place: that is the abort's stack.

use crate::{
    abort::aborted,
    shared::{Crash, Failure},
};

fn terminated(kind: &'static str) -> Crash {
    aborted(&Failure::cpp(kind))
}

#[test]
fn an_exception_that_nothing_catches_is_reported_where_it_was_thrown() {
    terminated("thrown").ran(&["abort", "terminate", "thrown", "main"]);
}

#[test]
fn an_exception_that_is_not_one_of_the_standard_library_is_reported() {
    terminated("number").ran(&["terminate", "number", "main"]);
}

#[test]
fn an_exception_thrown_once_more_is_reported() {
    terminated("rethrown").ran(&["abort", "rethrown", "main"]);
}

#[test]
fn a_broken_promise_not_to_throw_is_reported() {
    terminated("noexcept").ran(&["terminate", "promises_not_to", "main"]);
}

#[test]
fn an_exception_in_a_thread_is_reported_for_that_thread() {
    let crash = terminated("in_thread");
    crash.ran(&["terminate", "thrown", "throws_there"]);
    assert!(crash.received.functions().iter().all(|function| function != "main"));
}

#[test]
fn an_allocation_that_can_not_be_made_is_reported() {
    terminated("bad_alloc").ran(&["terminate", "bad_alloc", "main"]);
}

#[test]
fn terminate_without_an_exception_is_reported() {
    terminated("none").ran(&["terminate", "none", "main"]);
}

#[test]
fn a_call_of_a_function_that_is_nobody_s_is_reported() {
    terminated("pure_virtual").ran(&["terminate", "pure_virtual", "main"]);
}

#[test]
fn a_fault_in_the_exception_s_own_code_is_reported_as_what_it_is() {
    let crash = Failure::cpp("what_faults").is_reported();
    crash.ended_by(0xc000_0005).ran(&["what", "what_faults", "main"]);
    assert_eq!(crash.reason(), "EXCEPTION_ACCESS_VIOLATION_READ");
}

#[test]
fn an_exception_that_is_caught_is_no_error() {
    Failure::cpp("caught").ends().ended_by(5).is_unreported();
}

/// It ends the process before anything of ours is called: what it wants.
#[test]
fn the_product_s_own_handler_has_the_last_word() {
    Failure::cpp("own_handler").ends().ended_by(7).is_unreported();
}

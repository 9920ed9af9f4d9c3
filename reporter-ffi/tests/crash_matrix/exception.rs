//! `std::terminate`.

use report_format::schema::v1::ErrorKind;

use crate::shared::{Crash, Failure};

/// The one report of an exception, of this type and with this message.
fn thrown(kind: &'static str, type_name: &str, message: &str) -> Crash {
    let crash = Failure::cpp(kind).is_reported();
    assert_eq!(crash.title(), (ErrorKind::UnhandledException, format!("unhandled {type_name}")));
    assert_eq!(crash.link(), (type_name.into(), message.into()));
    assert_eq!(crash.error().fault, None, "no signal");
    crash.reason();
    crash
}

#[test]
fn an_exception_that_nothing_catches_is_reported_with_type_and_message() {
    thrown("thrown", "ledger::Locked", "the book is locked").died_of(libc::SIGABRT).ran(&[
        "terminate",
        "thrown",
        "main",
    ]);
}

#[test]
fn the_message_is_found_wherever_in_the_exception_its_base_is() {
    thrown("adjusted", "ledger::Refused", "the entry is refused").died_of(libc::SIGABRT);
}

#[test]
fn an_exception_that_is_not_one_of_the_standard_library_has_its_type_alone() {
    thrown("number", "int", "").died_of(libc::SIGABRT);
    thrown("pointer", "ledger::Locked*", "").died_of(libc::SIGABRT);
    thrown("ambiguous", "ledger::Both", "").died_of(libc::SIGABRT);
}

#[test]
fn an_exception_thrown_once_more_is_the_same() {
    thrown("rethrown", "ledger::Locked", "the book is locked").died_of(libc::SIGABRT);
}

#[test]
fn a_broken_promise_not_to_throw_is_reported_with_the_exception() {
    thrown("noexcept", "ledger::Locked", "the book is locked").died_of(libc::SIGABRT).ran(&["promises_not_to", "main"]);
}

#[test]
fn an_exception_in_a_thread_is_reported_for_that_thread() {
    let crash = thrown("in_thread", "ledger::Locked", "the book is locked");
    crash.died_of(libc::SIGABRT).ran(&["thrown"]);
    assert!(crash.received.functions().iter().all(|function| function != "main"));
}

#[test]
fn the_product_s_own_handler_is_called_after_the_report() {
    thrown("own_handler", "ledger::Locked", "the book is locked").exited(7);
}

/// The one report of an end without an exception that C++ knows.
fn without_exception(failure: &Failure) -> Crash {
    let crash = failure.is_reported();
    assert_eq!(crash.title(), (ErrorKind::UnhandledException, "terminated without an exception".into()));
    assert_eq!(crash.error().chain, []);
    crash.died_of(libc::SIGABRT).reason();
    crash
}

#[test]
fn terminate_without_an_exception_is_reported_as_such() {
    without_exception(&Failure::cpp("none")).ran(&["terminate", "none", "main"]);
}

#[test]
fn a_thread_destroyed_while_it_runs_is_reported_as_terminate() {
    assert_eq!(without_exception(&Failure::cpp("joinable")).ran(&["terminate", "joinable", "main"]).threads(), 2);
}

#[test]
fn an_exception_that_is_not_of_cpp_is_not_looked_into() {
    without_exception(&Failure::cpp("foreign"));
}

#[test]
fn a_runtime_that_comes_with_a_plug_in_is_found_when_handlers_are_put_on_top_again() {
    without_exception(&Failure::c("late_terminate")).ran(&["terminate", "late_terminate", "main"]);
}

#[test]
fn a_fault_in_the_exception_s_own_code_is_reported_as_what_it_is() {
    let crash = Failure::cpp("what_faults").is_reported();
    crash.died_of(libc::SIGSEGV).ran(&["what", "what_faults", "main"]);
    assert_eq!(crash.reason(), "SIGSEGV / SEGV_MAPERR");
}

#[test]
fn an_exception_while_the_message_is_asked_for_is_one_report_of_the_second() {
    let crash = Failure::cpp("what_throws").is_reported();
    crash.died_of(libc::SIGABRT).ran(&["throws_number", "what", "what_throws", "main"]);
    assert_eq!(crash.title(), (ErrorKind::UnhandledException, "unhandled int".into()));
}

use report_format::schema::v1::ErrorKind;

use crate::shared::{Crash, Failure};

const FIRST_THREAD: &str = "main";
/// What `std::process::abort` leaves: a fast fail.
const FAST_FAIL: u32 = 0xc000_0409;

/// The one report of a panic with these words, at a place in `rust.rs`.
fn panicked(kind: &'static str, message: &str, thread: &str) -> Crash {
    let crash = Failure::rust(kind).is_reported();
    let error = crash.error();
    assert_eq!((error.kind(), error.fault.as_ref()), (ErrorKind::Panic, None));
    assert_eq!(crash.link(), ("panic".into(), message.into()));
    assert_eq!(error.thread_name, thread);
    let location = error.chain[0].location.clone().expect("a place");
    let file = location.file.replace('\\', "/");
    assert!(file.ends_with("crash_matrix/rust.rs") && location.line > 10 && location.column > 0, "{location:?}");
    assert!(error.title.contains("rust.rs:"), "{}", error.title);
    crash.ran(&[kind]).reason();
    crash
}

#[test]
fn a_panic_with_a_text_is_reported() {
    panicked("panic_text", "the book is closed", FIRST_THREAD).ended_by(101);
}

#[test]
fn a_panic_in_a_thread_is_reported_with_the_thread_s_name_and_the_product_goes_on() {
    panicked("panic_in_thread", "the index is broken", "indexer").ended_by(0);
}

// Not under Wine: a program whose panics abort (`panic = "abort"`): it cannot be linked with the standard library that we compile from Debian's source ("the crate
// `panic_abort` does not have the panic strategy `abort`"). Its end is the same as here.
#[test]
fn a_panic_that_must_not_unwind_is_one_report_of_the_first_words() {
    panicked("panic_to_c", "met a C caller", FIRST_THREAD).ended_by(FAST_FAIL);
}

#[test]
fn a_panic_while_unwinding_is_one_report_more() {
    let outcome = Failure::rust("panic_twice").ends();
    outcome.ended_by(FAST_FAIL);
    assert_eq!(outcome.product.mails().len(), 2, "the cause and what came of it, and none for the abort");
}

/// Rust's way out of that is an abort, of which the handler sees the end.
#[test]
fn an_allocation_that_rust_can_not_make_is_reported_as_the_fast_fail_that_it_is() {
    let crash = Failure::rust("allocation").is_reported();
    crash.ended_by(FAST_FAIL).has_no_memory();
    assert_eq!(crash.title(), (ErrorKind::Crash, "STATUS_STACK_BUFFER_OVERRUN".into()));
}

//! Exceptions that are raised by a call, and one that memory raises once.

use report_format::schema::v1::ErrorKind;

use crate::shared::Failure;

#[test]
fn an_exception_of_the_product_s_own_is_reported_by_its_number() {
    let crash = Failure::c("raised").is_reported();
    crash.ended_by(0xe000_0042).ran(&["raises", "main"]);
    assert_eq!(crash.title(), (ErrorKind::Crash, "exception 0xe0000042".into()));
    assert_eq!(crash.stated_address(), None);
    crash.reason();
}

#[test]
fn a_file_that_can_not_be_read_any_more_is_reported_with_its_place_in_memory() {
    let crash = Failure::c("in_page").is_reported();
    crash.ended_by(0xc000_0006).ran(&["in_page", "main"]);
    let words = "memory could not be loaded for reading (disk or network failed)";
    assert_eq!(crash.title(), (ErrorKind::Crash, format!("EXCEPTION_IN_PAGE_ERROR: {words}")));
    assert_eq!(crash.address(), 0x7777_0000);
    crash.reason();
}

#[test]
fn an_access_to_a_guard_page_is_reported() {
    let crash = Failure::c("guard_page").is_reported();
    crash.ended_by(0x8000_0001).ran(&["read_from", "guard_page", "main"]);
    assert_eq!(crash.title(), (ErrorKind::Crash, "EXCEPTION_GUARD_PAGE: guard page accessed".into()));
    crash.reason();
}

use report_format::schema::v1::ErrorKind;

use crate::shared::{Crash, Failure};

const ACCESS_VIOLATION: u32 = 0xc000_0005;

/// The one report of an access to memory that is not to be had so.
fn violated(kind: &'static str, words: &str, reason: &str) -> Crash {
    let crash = Failure::c(kind).is_reported();
    crash.ended_by(ACCESS_VIOLATION);
    assert_eq!(crash.title(), (ErrorKind::Crash, format!("EXCEPTION_ACCESS_VIOLATION: memory cannot be {words}")));
    assert_eq!(crash.fault(), "EXCEPTION_ACCESS_VIOLATION");
    assert_eq!(crash.reason(), format!("EXCEPTION_ACCESS_VIOLATION_{reason}"));
    crash
}

#[test]
fn a_read_of_a_null_pointer_is_reported() {
    let crash = violated("read", "read", "READ");
    crash.ran(&["read_from", "reads", "main"]);
    assert_eq!(crash.address(), 0x10);
}

#[test]
fn a_write_to_what_is_read_only_is_reported() {
    violated("write", "written", "WRITE").ran(&["writes", "main"]).address();
}

#[test]
fn a_call_of_data_is_reported() {
    let crash = violated("execute", "executed", "EXEC");
    crash.ran(&["executes", "main"]);
    assert_eq!(crash.address(), crash.received.thread().frames[0].instruction);
}

#[test]
fn a_call_of_nothing_is_reported_with_its_caller() {
    let crash = violated("null_call", "executed", "EXEC");
    crash.ran(&["calls_null", "main"]);
    assert_eq!((crash.address(), crash.received.thread().frames[0].instruction), (0, 0));
}

/// The processor does not tell the address. The system says the last one there is.
#[test]
fn an_address_that_can_not_be_one_is_reported_as_the_system_does() {
    let crash = violated("non_canonical", "read", "READ");
    crash.ran(&["read_from", "non_canonical", "main"]);
    assert_eq!(crash.stated_address(), Some(u64::MAX));
}

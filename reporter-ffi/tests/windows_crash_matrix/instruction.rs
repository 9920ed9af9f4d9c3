//! Instructions that the processor does not carry out.

use report_format::schema::v1::ErrorKind;

use crate::shared::{Crash, Failure};

fn stopped(kind: &'static str, code: u32, title: &str) -> Crash {
    let crash = Failure::c(kind).is_reported();
    crash.ended_by(code);
    assert_eq!(crash.title(), (ErrorKind::Crash, title.into()));
    assert_eq!(crash.stated_address(), None);
    let name = title.split(':').next().unwrap();
    assert_eq!((crash.fault(), crash.reason()), (name.into(), name.into()));
    crash
}

#[test]
fn an_instruction_that_there_is_not_is_reported() {
    stopped("illegal", 0xc000_001d, "EXCEPTION_ILLEGAL_INSTRUCTION: illegal instruction").ran(&["illegal", "main"]);
}

#[test]
fn a_breakpoint_without_a_debugger_is_reported() {
    stopped("breakpoint", 0x8000_0003, "EXCEPTION_BREAKPOINT: breakpoint").ran(&["breakpoint", "main"]);
}

#[test]
fn a_division_by_zero_is_reported() {
    stopped("divide", 0xc000_0094, "EXCEPTION_INT_DIVIDE_BY_ZERO: integer divided by zero").ran(&["divides", "main"]);
}

#[test]
fn an_instruction_of_the_system_s_is_reported() {
    stopped("privileged", 0xc000_0096, "EXCEPTION_PRIV_INSTRUCTION: privileged instruction")
        .ran(&["privileged", "main"]);
}

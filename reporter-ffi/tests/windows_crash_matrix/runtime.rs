//! What C runtimes call where they give up, beside `abort`.

use report_format::schema::v1::ErrorKind;

use crate::shared::{Crash, Failure};

const INVALID_PARAMETER: u32 = 0xc000_0417;

fn invalid(kind: &'static str) -> Crash {
    let crash = Failure::c(kind).is_reported();
    let title = "STATUS_INVALID_CRUNTIME_PARAMETER: invalid parameter to a function of the C library";
    assert_eq!(crash.title(), (ErrorKind::Crash, title.into()));
    crash.ran(&["invalid_parameter", "main"]).reason();
    crash
}

#[test]
fn an_invalid_parameter_is_reported() {
    invalid("invalid_parameter").ended_by(INVALID_PARAMETER);
}

#[test]
fn a_runtime_that_comes_with_a_plug_in_is_found_when_handlers_are_put_on_top_again() {
    invalid("late_invalid_parameter").ended_by(INVALID_PARAMETER);
}

/// The system's runtime, which MinGW uses, takes it for an error as any other.
#[test]
fn an_invalid_parameter_that_its_runtime_tolerates_is_no_error() {
    Failure::c("tolerated_parameter").ends().ended_by(4).is_unreported();
}

#[test]
fn a_call_of_a_pure_virtual_function_is_reported() {
    let crash = Failure::c("pure_call").is_reported();
    let words = "went on after an exception that allows no going on";
    assert_eq!(crash.title(), (ErrorKind::Crash, format!("EXCEPTION_NONCONTINUABLE_EXCEPTION: {words}")));
    crash.ran(&["pure_call", "main"]).reason();
}

use report_format::schema::v1::ErrorKind;

use crate::shared::{Crash, Failure};

/// What `abort` of the system's C runtime leaves.
const ABORTED: u32 = 3;

pub(crate) fn aborted(failure: &Failure) -> Crash {
    let crash = aborted_somehow(failure);
    crash.ended_by(ABORTED);
    crash
}

fn aborted_somehow(failure: &Failure) -> Crash {
    let crash = failure.is_reported();
    assert_eq!(crash.title(), (ErrorKind::Crash, "STATUS_FATAL_APP_EXIT: aborted".into()));
    assert_eq!(crash.stated_address(), None);
    crash.reason();
    crash
}

#[test]
fn an_abort_is_reported() {
    aborted(&Failure::c("abort")).ran(&["abort", "aborts", "main"]);
}

#[test]
fn an_abort_of_the_universal_runtime_is_reported() {
    aborted_somehow(&Failure::c("universal_abort")).ran(&["universal_abort", "main"]);
}

#[test]
fn a_failed_assertion_is_reported() {
    aborted(&Failure::c("failed_assertion")).ran(&["assert", "failed_assertion", "main"]);
}

//! As an ordinary user, where the tests run as root.

use report_format::schema::v1::ErrorKind;

use crate::{heap_corruption::is_of_malloc, shared::Failure};

#[test]
fn faults_of_an_ordinary_user_s_product_are_reported() {
    for (kind, reason) in [
        ("segv_read", "SIGSEGV / SEGV_MAPERR"),
        ("trap", "SIGTRAP / SI_KERNEL"),
        ("sys", "SIGSYS / SYS_SECCOMP"),
        ("overflow_main", "SIGSEGV / SEGV_MAPERR"),
    ] {
        let Some(failure) = Failure::c(kind).by_nobody() else { return };
        assert_eq!(failure.is_reported().reason(), reason);
    }
}

#[test]
fn a_damaged_heap_of_an_ordinary_user_s_product_is_reported() {
    let Some(failure) = Failure::c("smashed_chunk").by_nobody() else { return };
    let crash = failure.is_reported();
    assert!(is_of_malloc(&crash.link().1), "{:?}", crash.link());
    crash.reason();
}

#[test]
fn an_exception_of_an_ordinary_user_s_product_is_reported() {
    let Some(failure) = Failure::cpp("thrown").by_nobody() else { return };
    let crash = failure.is_reported();
    assert_eq!(crash.link(), ("ledger::Locked".into(), "the book is locked".into()));
    crash.reason();
}

#[test]
fn a_panic_of_an_ordinary_user_s_product_is_reported() {
    let Some(failure) = Failure::rust("panic_in_thread").by_nobody() else { return };
    let crash = failure.is_reported();
    assert_eq!(crash.error().kind(), ErrorKind::Panic);
    crash.reason();
}

#[test]
fn an_ordinary_user_s_product_that_vanished_is_reported() {
    let Some(failure) = Failure::c("killed").by_nobody() else { return };
    assert_eq!(failure.is_reported().error().kind(), ErrorKind::Vanished);
}

//! What glibc finds wrong with its heap.

use report_format::schema::v1::ErrorKind;

use crate::shared::{Crash, Failure};

/// Where the damage is found depends on what was freed before.
pub(crate) fn is_of_malloc(message: &str) -> bool {
    ["malloc(): corrupted top size", "malloc_consolidate(): invalid chunk size"].contains(&message)
}

fn aborted(kind: &'static str) -> Crash {
    let crash = Failure::c(kind).is_reported();
    assert_eq!(crash.title(), (ErrorKind::Crash, "SIGABRT: aborted".into()));
    assert_eq!(crash.reason(), "SIGABRT / SI_TKILL");
    crash.died_of(libc::SIGABRT).ran(&[kind, "main"]);
    crash
}

#[test]
fn a_double_free_is_reported_in_the_words_of_the_c_library() {
    let (kind, message) = aborted("double_free").link();
    assert_eq!(kind, "abort");
    assert!(message.contains("double free"), "{message}");
}

/// The allocator holds its lock: whoever allocated now would wait for ever.
#[test]
fn a_smashed_chunk_is_reported_in_the_words_of_the_c_library() {
    let (kind, message) = aborted("smashed_chunk").link();
    assert_eq!(kind, "abort");
    assert!(is_of_malloc(&message), "{message}");
}

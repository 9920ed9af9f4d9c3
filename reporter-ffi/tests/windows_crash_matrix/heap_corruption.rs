//! What the system finds wrong with its heap.

use report_format::schema::v1::ErrorKind;

use crate::shared::{Crash, Failure};

const HEAP_CORRUPTION: u32 = 0xc000_0374;

fn damaged(kind: &'static str) -> Crash {
    let crash = Failure::c(kind).is_reported();
    crash.ended_by(HEAP_CORRUPTION);
    assert_eq!(crash.title(), (ErrorKind::Crash, "STATUS_HEAP_CORRUPTION: heap damaged".into()));
    crash
}

#[test]
fn a_damaged_heap_is_reported_as_its_own_code_raises_it() {
    let crash = damaged("heap_raised");
    crash.ran(&["heap_raised", "main"]);
    assert_eq!(crash.reason(), "STATUS_HEAP_CORRUPTION");
}

#[test]
#[cfg_attr(windows, ignore = "Wine's heap (8.0) refuses to free a block twice, and goes on")]
fn a_double_free_is_reported() {
    damaged("double_free").ran(&["double_free", "main"]).reason();
}

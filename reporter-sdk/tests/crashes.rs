//! The example product crashes, panics and goes on, in the hands of a person at a terminal; one report each comes out.

#[path = "support/end_to_end/mod.rs"]
mod end_to_end;

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use end_to_end::product::{Product, notes};
use end_to_end::report::Received;
use report_format::schema::v1::ErrorKind;

const PROMPTS: &[&str] = &["notes> ", "[y/N] "];

/// Runs the product on these lines, the last of which makes it report, and sends that report.
fn sent(product: &Product, lines: &[&str]) -> (ExitStatus, Received) {
    let mut visit = product.in_terminal(PROMPTS);
    visit.types(lines).answers("s");
    let status = visit.ends();
    (status, Received::from_mail(&product.mail()))
}

#[test]
fn following_a_pointer_into_freed_memory_is_reported() {
    let product = Product::new(notes());
    let (status, received) = sent(&product, &["new a", "pin", "delete", "y", "pinned"]);
    assert_eq!(status.signal(), Some(libc::SIGSEGV));
    let error = received.error();
    assert_eq!(error.kind(), ErrorKind::Crash);
    assert_eq!(error.title, "SIGSEGV: address not mapped");
    assert_eq!(received.check_minidump(), "SIGSEGV / SEGV_MAPERR");
    assert!(received.functions()[0].contains("show_pinned"), "{:?}", received.functions());
}

use report_format::schema::v1::{ErrorKind, SectionKind};

use crate::shared::Failure;

#[test]
fn a_product_that_is_killed_is_reported_as_vanished_with_what_it_did() {
    let crash = Failure::c("killed").is_reported();
    crash.died_of(libc::SIGKILL);
    assert_eq!(crash.title(), (ErrorKind::Vanished, "ended without a clean exit".into()));
    assert_eq!(crash.error().fault, None);
    assert!(!crash.received.kinds().contains(&SectionKind::Minidump), "there is no memory any more");
}

//! Code that runs before `main`, and that of a plug-in when it comes and goes.

use crate::shared::Failure;

#[test]
fn a_fault_before_main_is_reported() {
    let crash = Failure::c("constructor").is_reported();
    crash.ended_by(0xc000_0005).ran(&["read_from", "reads", "constructor"]);
    assert_eq!(crash.reason(), "EXCEPTION_ACCESS_VIOLATION_READ");
}

/// The loader handles it: to the product a plug-in could not be loaded.
#[test]
fn a_fault_at_the_start_of_a_plug_in_is_no_error_of_the_product_that_goes_on() {
    Failure::c("library_start").ends().ended_by(6).is_unreported();
}

/// As above, while the process ends.
#[test]
fn a_fault_at_the_end_of_a_plug_in_is_no_error() {
    Failure::c("library_end").ends().ended_by(0).is_unreported();
}

use crate::shared::Failure;

fn faults(kind: &'static str) {
    let crash = Failure::c(kind).is_reported();
    crash.ended_by(0xc000_0005).ran(&["read_from", "reads", "exit", "leaves", "main"]);
    assert_eq!(crash.reason(), "EXCEPTION_ACCESS_VIOLATION_READ");
}

#[test]
fn a_fault_in_an_exit_handler_registered_before_us_is_reported() {
    faults("at_exit_before");
}

#[test]
fn a_fault_in_an_exit_handler_registered_after_us_is_reported() {
    faults("at_exit_after");
}

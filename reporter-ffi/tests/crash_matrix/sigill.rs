use crate::shared::Failure;

#[test]
fn an_illegal_instruction_is_reported() {
    let crash = Failure::c("ill").is_reported();
    crash.died_of(libc::SIGILL).ran(&["ill", "main"]);
    assert_eq!(crash.reason(), "SIGILL / ILL_ILLOPN");
    crash.is_about_its_instruction();
}

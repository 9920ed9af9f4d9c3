use crate::shared::Failure;

#[test]
#[cfg(target_arch = "x86_64")]
fn a_division_by_zero_is_reported() {
    let crash = Failure::c("fpe").is_reported();
    crash.died_of(libc::SIGFPE).ran(&["fpe", "main"]);
    assert_eq!(crash.reason(), "SIGFPE / FPE_INTDIV");
    crash.is_about_its_instruction();
}

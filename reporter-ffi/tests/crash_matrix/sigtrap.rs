use crate::shared::Failure;

/// The instruction does not come back: the signal is raised once more, or the product would go on and exit with 0.
#[test]
#[cfg(target_arch = "x86_64")]
fn a_breakpoint_is_reported_and_ends_the_product() {
    let crash = Failure::c("trap").is_reported();
    crash.died_of(libc::SIGTRAP).ran(&["trap", "main"]);
    assert_eq!(crash.reason(), "SIGTRAP / SI_KERNEL");
}

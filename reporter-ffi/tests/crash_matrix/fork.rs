use crate::shared::Failure;

#[test]
fn a_forked_child_that_faults_is_not_the_product() {
    let outcome = Failure::c("fork_child").ends();
    assert!(outcome.status.success(), "{}", outcome.status);
    outcome.is_unreported();
}

#[test]
fn a_parent_that_faults_is_reported_while_its_child_lives_on() {
    let crash = Failure::c("fork_parent").is_reported();
    crash.died_of(libc::SIGSEGV).ran(&["fork_parent", "main"]);
    assert_eq!(crash.reason(), "SIGSEGV / SEGV_MAPERR");
}

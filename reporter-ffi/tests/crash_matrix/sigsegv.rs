use crate::shared::Failure;

#[test]
fn a_read_of_a_null_pointer_is_reported() {
    let crash = Failure::c("segv_read").is_reported();
    crash.died_of(libc::SIGSEGV).ran(&["read_from", "segv_read", "main"]);
    assert_eq!(crash.reason(), "SIGSEGV / SEGV_MAPERR");
    assert_eq!(crash.address(), 0x10);
}

#[test]
fn a_write_to_what_is_read_only_is_reported() {
    let crash = Failure::c("segv_write").is_reported();
    crash.died_of(libc::SIGSEGV).ran(&["segv_write", "main"]);
    assert_eq!(crash.reason(), "SIGSEGV / SEGV_ACCERR");
    crash.address();
}

#[test]
fn a_call_of_data_is_reported() {
    let crash = Failure::c("segv_exec").is_reported();
    crash.died_of(libc::SIGSEGV).ran(&["segv_exec", "main"]);
    assert_eq!(crash.reason(), "SIGSEGV / SEGV_ACCERR");
    crash.is_about_its_instruction();
    crash.address();
}

/// The processor does not tell the address: none is better than 0.
#[test]
#[cfg(target_arch = "x86_64")]
fn an_address_that_can_not_be_one_is_reported_without_it() {
    let crash = Failure::c("non_canonical").is_reported();
    crash.died_of(libc::SIGSEGV).has_no_address().ran(&["read_from", "non_canonical", "main"]);
    assert_eq!(crash.reason(), "SIGSEGV / SI_KERNEL");
}

use crate::shared::Failure;

#[test]
fn a_mapped_file_cut_short_is_reported() {
    let crash = Failure::c("bus").is_reported();
    crash.died_of(libc::SIGBUS).ran(&["bus", "main"]);
    assert_eq!(crash.reason(), "SIGBUS / BUS_ADRERR");
    crash.address();
}

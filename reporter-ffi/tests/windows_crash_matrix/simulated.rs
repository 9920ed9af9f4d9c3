use report_format::schema::v1::ErrorKind;

use crate::shared::Failure;

#[test]
fn a_simulated_crash_is_reported_and_the_product_goes_on() {
    let crash = Failure::c("simulated").is_reported();
    crash.ended_by(0).ran(&["simulates", "main"]);
    assert_eq!(crash.title(), (ErrorKind::Simulated, "simulated crash".into()));
    crash.reason();
}

//! A product in C++ that uses `reporter.hpp`, compiled by MinGW's compiler: the same as in `cpp_products.rs`.

use report_format::schema::v1::{self, ErrorKind, SectionKind, TaskPhase, action::Step};

use crate::shared::cpp_product_ends;

/// What `abort` of the system's C runtime leaves.
const ABORTED: u32 = 3;

fn chain(error: &v1::Error) -> Vec<(&str, &str, Option<i64>)> {
    error.chain.iter().map(|link| (&*link.type_name, &*link.message, link.code)).collect()
}

const IMPORT_FAILED: [(&str, &str, Option<i64>); 2] = [
    ("(anonymous namespace)::import_error", "the statement cannot be imported", None),
    ("std::system_error", "cannot open june.csv: No such file or directory", Some(2)),
];

#[test]
fn a_product_does_all_there_is_and_ends_well() {
    cpp_product_ends("").ended_by(0).says("done").is_unreported();
}

#[test]
fn options_that_are_no_good_are_exceptions() {
    cpp_product_ends("refused").ended_by(0).says("done").is_unreported();
}

#[test]
fn a_crash_is_reported_with_what_the_objects_have_recorded_and_without_what_they_exclude() {
    let outcome = cpp_product_ends("crash");
    let received = outcome.ended_by(0xc000_0005).report();
    assert_eq!(received.error().kind(), ErrorKind::Crash);
    let actions: v1::Actions = received.message(SectionKind::Actions);
    let steps: Vec<_> = actions.actions.into_iter().filter_map(|action| action.step).collect();
    let [Step::Command(command), Step::Dialog(opened), Step::Dialog(closed)] = &steps[..] else { panic!("{steps:?}") };
    assert_eq!((&*command.command_id, command.surface()), ("file.import", v1::Surface::Menu));
    assert_eq!((&*opened.dialog_id, &*closed.result), ("import.options", "ok"));
    assert_eq!(received.places_of("CANARY-of-the-excluded"), [] as [String; 0]);
    let outcome = cpp_product_ends("crash-with-secret");
    assert_ne!(
        outcome.report().places_of("CANARY-of-the-excluded"),
        [] as [String; 0],
        "found where it is not kept out"
    );
}

#[test]
fn a_caught_exception_is_reported_with_what_is_nested_in_it_and_the_task_that_failed() {
    let outcome = cpp_product_ends("caught");
    let received = outcome.ended_by(0).says("done").report();
    let error = received.error();
    assert_eq!((error.kind(), chain(&error)), (ErrorKind::HandledError, IMPORT_FAILED.into()));
    let actions: v1::Actions = received.message(SectionKind::Actions);
    let phases = actions.actions.iter().filter_map(|action| match &action.step {
        Some(Step::Task(task)) => Some(task.phase()),
        _ => None,
    });
    assert_eq!(phases.collect::<Vec<_>>(), [TaskPhase::Begun, TaskPhase::Failed]);
}

/// Of these the library itself sees the abort alone, since MinGW's exceptions are not those of Windows: `report_uncaught_exceptions()` knows more.
#[test]
fn an_uncaught_exception_is_one_report_with_what_is_nested_in_it() {
    let error = cpp_product_ends("uncaught").ended_by(ABORTED).report().error();
    assert_eq!((error.kind(), chain(&error)), (ErrorKind::UnhandledException, IMPORT_FAILED.into()));
}

#[test]
fn what_is_thrown_and_is_no_exception_is_one_report_of_its_type() {
    let error = cpp_product_ends("number").ended_by(ABORTED).report().error();
    assert_eq!((error.kind(), chain(&error)), (ErrorKind::UnhandledException, vec![("int", "", None)]));
}

#[test]
fn a_terminate_without_an_exception_is_one_report_of_the_abort() {
    assert_eq!(cpp_product_ends("no-exception").ended_by(ABORTED).report().error().kind(), ErrorKind::Crash);
}

#[test]
fn the_product_s_own_terminate_handler_is_called_after_the_report() {
    let outcome = cpp_product_ends("own-handler");
    let error = outcome.ended_by(42).says("the product's own").report().error();
    assert_eq!((error.kind(), chain(&error)), (ErrorKind::UnhandledException, IMPORT_FAILED.into()));
}

//! A native program starts the reporter, and the runtime comes after it with handlers of its own.

use report_format::schema::v1::ErrorKind;

use crate::{
    host::Ended,
    ledger::{FAULT, check_import, ended_by_an_exception},
    product::{DotNet, Product, RUNTIMES, Runtime},
};

fn hosted(steps: &[&str], check: impl Fn(Runtime, &Ended)) {
    for runtime in RUNTIMES {
        if let Some(ended) = Product::ledger().in_a_host().run(runtime, steps) {
            check(runtime, &ended);
        }
    }
}

#[test]
fn a_runtime_that_comes_after_the_reporter_makes_exceptions_of_its_faults() {
    for steps in [&["catch-faults"][..], &["catch-faults", "attach", "catch-faults", "record"]] {
        hosted(steps, |_, ended| {
            ended.without_report().says("caught 2000").says("done");
        });
    }
}

#[test]
fn a_fault_of_native_code_is_one_native_report_though_the_runtime_came_later() {
    hosted(&["attach", "record", "catch-faults", "native_fault"], |_, ended| {
        let received = ended.says("attached: Ok").one_report(FAULT);
        assert_eq!(received.error().kind(), ErrorKind::Crash);
        assert!(received.functions().iter().any(|name| name == "native_fault"), "{:?}", received.functions());
    });
}

/// Mono takes the place of handlers that were there, so that without a word to us nobody sees a fault.
#[test]
fn without_a_call_from_managed_code_faults_are_seen_beside_net() {
    let Some(ended) = Product::ledger().in_a_host().run(DotNet, &["catch-faults", "native_fault"]) else { return };
    let received = ended.one_report(FAULT);
    assert!(received.functions().iter().any(|name| name == "native_fault"), "{:?}", received.functions());
}

#[test]
fn an_exception_that_nobody_catches_is_one_report_though_the_runtime_came_later() {
    hosted(&["attach", "record", "catch-faults", "throw"], |runtime, ended| {
        let error = ended.one_report("unhandled ImportException").error();
        assert_eq!(error.kind(), ErrorKind::UnhandledException);
        check_import(&error);
        ended_by_an_exception(runtime, ended);
    });
}

#[test]
fn attaching_to_a_reporter_that_nobody_has_started_is_refused() {
    for runtime in RUNTIMES {
        let Some(ended) = Product::ledger().run(runtime, &["attach"]) else { continue };
        ended.without_report().says("attached: Argument").says("done");
    }
}

//! Products with windows, whose event handlers fail: what Windows Forms and WPF catch is reported, and the product goes on as it would without us.
//!
//! Mono has a Windows Forms of its own, which is run here. That of .NET, and WPF, are for Windows alone and not in the runtime that is to be had for Wine, so
//! what stands in for them is compiled of `stand_ins/`: the same names, written after what Microsoft has published. Neither was run itself. The one for WPF is run by
//! Mono alone: .NET takes its own assembly of that name, which has nothing in it.

use report_format::schema::v1::ErrorKind;

use crate::{
    host::{Ended, has_runtime, which},
    product::{DotNet, Mono, Product, Runtime},
};

const IMPORT: &str = "the statement cannot be imported";

fn real(steps: &[&str]) -> Option<Ended> {
    let is_there = std::path::Path::new("/usr/lib/mono/4.5/System.Windows.Forms.dll").exists();
    if !has_runtime("Mono's Windows Forms", is_there) || !has_runtime("Xvfb", which("Xvfb").is_some()) {
        return None;
    }
    let product = Product::new("Window", &["tests/dotnet/windows_forms/Window.cs", "tests/dotnet/Product.cs"]);
    product.refers_to("System.Windows.Forms").refers_to("System.Drawing").on_a_display().run(Mono, steps)
}

fn stand_in(runtime: Runtime, steps: &[&str]) -> Option<Ended> {
    let product = Product::new("Window", &["tests/dotnet/stand_ins/Window.cs", "tests/dotnet/Product.cs"]);
    product.with_stand_ins(&["System.Windows.Forms", "WindowsBase"]).run(runtime, steps)
}

/// What it said, without what its reporter has to do with, and without what Mono says now and then of the display of a busy machine.
fn said(ended: &Ended) -> Vec<&str> {
    let others = ["flushed: ", "hooked: ", "Could not set X locale modifiers"];
    ended.said.lines().filter(|line| !others.iter().any(|other| line.starts_with(other))).collect()
}

/// The one report: of a handled error, since the program went on after it.
fn check(ended: &Ended, expected: ErrorKind) {
    let received = ended.one_report("");
    let error = received.error();
    assert_eq!((error.kind(), &*error.chain[0].message), (expected, IMPORT));
    assert!(error.chain[0].frames[0].method.starts_with("Window.Import("), "{:?}", error.chain[0].frames[0]);
}

#[test]
fn an_exception_of_a_button_is_one_report_and_the_windows_of_mono_do_what_they_do_without_us() {
    let Some(plain) = real(&["run"]) else { return };
    plain.without_report().says(IMPORT);
    let Some(reported) = real(&["start", "run", "stop"]) else { return };
    check(&reported, ErrorKind::HandledError);
    assert_eq!((said(&reported), reported.status), (said(&plain), plain.status));
}

#[test]
fn a_product_that_listens_to_windows_forms_itself_goes_on_and_makes_one_report() {
    let Some(plain) = real(&["listen", "run"]) else { return };
    plain.without_report().says("listener: ").says("closed by the person");
    for steps in [
        &["listen", "start", "run", "stop"][..],
        &["start", "listen", "run", "stop"],
        &["start", "listen", "capture", "hook", "run", "stop"],
    ] {
        let Some(reported) = real(steps) else { return };
        check(&reported, ErrorKind::HandledError);
        assert_eq!((said(&reported), reported.status), (said(&plain), plain.status), "{steps:?}");
    }
}

#[test]
fn where_nobody_listens_the_dialog_of_windows_forms_is_shown_and_does_what_the_person_says() {
    for answer in [None, Some("forms-quit")] {
        let before = || answer.into_iter();
        let steps: Vec<_> = before().chain(["forms-fail", "forms-fail"]).collect();
        let Some(plain) = stand_in(DotNet, &steps) else { return };
        plain.without_report().says("dialog: ");
        // Loaded before the start, and after it.
        for steps in [
            before().chain(["start", "forms-fail", "forms-fail", "stop"]).collect::<Vec<_>>(),
            ["start"].into_iter().chain(before()).chain(["forms-fail", "forms-fail", "stop"]).collect(),
        ] {
            let Some(reported) = stand_in(DotNet, &steps) else { return };
            assert_eq!((said(&reported), reported.status), (said(&plain), plain.status), "{steps:?}");
            if answer.is_some() {
                check(&reported, ErrorKind::HandledError);
            } else {
                assert_eq!(reported.reports.len(), 2, "one of each exception");
            }
        }
    }
}

#[test]
fn a_listener_of_the_product_s_is_called_though_there_is_but_one_for_each_thread() {
    let Some(plain) = stand_in(DotNet, &["forms-listen", "forms-fail"]) else { return };
    plain.without_report().says("listener: ");
    for steps in [
        &["forms-listen", "start", "forms-fail", "stop"][..],
        &["start", "forms-listen", "hook", "hook", "forms-fail", "stop"],
    ] {
        let Some(reported) = stand_in(DotNet, steps) else { return };
        check(&reported, ErrorKind::HandledError);
        assert_eq!((said(&reported), reported.status), (said(&plain), plain.status), "{steps:?}");
    }
    // One that takes our place, and captures or does not.
    let Some(replaced) = stand_in(DotNet, &["start", "forms-listen", "forms-fail", "stop"]) else { return };
    replaced.without_report().says("listener: ");
    for steps in
        [&["start", "forms-capture", "forms-fail", "stop"][..], &["forms-capture", "start", "forms-fail", "stop"]]
    {
        let Some(captured) = stand_in(DotNet, steps) else { return };
        check(captured.says("listener: Ok"), ErrorKind::HandledError);
    }
}

#[test]
fn a_further_thread_with_windows_is_hooked_by_a_call() {
    let Some(ended) = stand_in(DotNet, &["start", "forms-fail-in-thread", "stop"]) else { return };
    check(ended.says("hooked: Ok").says("dialog: "), ErrorKind::HandledError);
}

#[test]
fn what_a_product_in_wpf_has_handled_is_reported_whenever_it_said_so() {
    let Some(plain) = stand_in(Mono, &["wpf-handle", "wpf-fail"]) else { return };
    plain.without_report().says("handled: ").says("the next one");
    for steps in [&["wpf-handle", "start", "wpf-fail", "stop"][..], &["start", "wpf-handle", "wpf-fail", "stop"]] {
        let Some(reported) = stand_in(Mono, steps) else { return };
        check(&reported, ErrorKind::HandledError);
        assert_eq!((said(&reported), reported.status), (said(&plain), plain.status), "{steps:?}");
    }
}

#[test]
fn what_nobody_has_handled_in_wpf_is_one_unhandled_exception_and_none_where_it_was_caught() {
    let Some(ended) = stand_in(Mono, &["start", "hook", "wpf-fail"]) else { return };
    check(&ended, ErrorKind::UnhandledException);
    assert!(!ended.status.success());
    let Some(ended) = stand_in(Mono, &["start", "wpf-fail-and-catch", "stop"]) else { return };
    ended.without_report().says("caught outside").says("done");
}

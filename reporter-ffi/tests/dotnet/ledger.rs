//! What a product gets of the library, and what is reported of it.

use report_format::schema::v1::{self, ErrorKind, SectionKind};

use crate::{
    host::Ended,
    product::{DotNet, Product, RUNTIMES, Runtime},
};

/// On each runtime that is there.
fn on_each(steps: &[&str], check: impl Fn(Runtime, &Ended)) {
    for runtime in RUNTIMES {
        if let Some(ended) = Product::ledger().run(runtime, steps) {
            check(runtime, &ended);
        }
    }
}

/// As a runtime ends a program for an exception that nobody has caught.
pub(crate) fn ended_by_an_exception(runtime: Runtime, ended: &Ended) {
    match runtime {
        #[cfg(target_os = "linux")]
        DotNet => _ = ended.died_of(libc::SIGABRT),
        #[cfg(windows)]
        DotNet => _ = ended.ended_by(0xe043_4352),
        #[cfg(target_os = "linux")]
        crate::product::Mono => assert_eq!(ended.status.code(), Some(1), "{}", ended.said),
    }
}

/// What a report of a fault of native code is called.
pub(crate) const FAULT: &str = if cfg!(windows) { "EXCEPTION_ACCESS_VIOLATION" } else { "SIGSEGV" };

fn chain(error: &v1::Error) -> Vec<(&str, &str)> {
    error.chain.iter().map(|link| (link.type_name.as_str(), link.message.as_str())).collect()
}

const IMPORT: [(&str, &str); 2] = [
    ("ImportException", "the statement cannot be imported"),
    ("System.IO.FileNotFoundException", "cannot open the statement"),
];

/// The import's exception, with all that the runtime knows of it.
pub(crate) fn check_import(error: &v1::Error) {
    assert_eq!(chain(error), IMPORT);
    assert_eq!(error.chain[0].code, Some(i64::from(0x8013_1234_u32.cast_signed())));
    assert_eq!(error.chain[1].code, Some(i64::from(0x8007_0002_u32.cast_signed())), "ERROR_FILE_NOT_FOUND");
    let frame = &error.chain[0].frames[0];
    assert_eq!(frame.method, "Ledger.Import()");
    assert!(frame.assembly.starts_with("Ledger, Version="), "{frame:?}");
    assert!(frame.mvid.len() == 16 && frame.token >> 24 == 6 && frame.il_offset > 0, "{frame:?}");
    let inner: Vec<_> = error.chain[1].frames.iter().map(|frame| frame.method.as_str()).collect();
    assert_eq!(inner, ["Ledger.Read(String)", "Ledger.Import()"]);
}

#[test]
fn a_product_records_captures_and_ends_well() {
    on_each(&["start", "start-again", "record", "catch-faults", "stop"], |_, ended| {
        ended.without_report().says("again: Started").says("caught 2000").says("flushed: Ok, stopped: Ok").says("done");
    });
}

#[test]
fn wrong_options_are_exceptions_with_a_status_and_words() {
    on_each(&["refused", "record", "stop"], |_, ended| {
        ended.without_report().says("done");
        assert_eq!(ended.said.matches("refused as Argument: ").count(), 3, "{}", ended.said);
    });
}

#[test]
fn a_caught_exception_is_reported_with_its_frames_and_what_is_inside_it() {
    on_each(&["start", "record", "caught", "stop"], |_, ended| {
        let received = ended.says("captured: Ok").one_report("");
        let error = received.error();
        assert_eq!(error.kind(), ErrorKind::HandledError);
        check_import(&error);
        let product: v1::Product = received.message(SectionKind::Product);
        assert_eq!((&*product.build, &*product.channel), ("1.0.0+7", "bêta"));
        assert_eq!(received.report.summary().expect("a summary").product_id[..6], [0, 0x11, 0x22, 0x33, 0x44, 0x55]);
    });
}

#[test]
fn the_hook_sees_each_exception_before_it_is_handed_over_and_changes_or_drops_it() {
    on_each(&["start-with-hook", "looked", "stop"], |_, ended| {
        ended.says("looks at TimeoutException, 1 links").says("looks at NotSupportedException, 1 links");
        ended.says("looks at ImportException, 2 links, the last a System.IO.FileNotFoundException");
        ended.says("no more: Argument, none").says("afterwards: 0 links, no words").says("done");
        // Neither what it dropped, nor what it failed at, nor what it captured itself.
        let error = ended.one_report("").error();
        let expected =
            [(IMPORT[0].0, "the file of (name) cannot be imported"), (IMPORT[1].0, "cannot open the file of (name)")];
        assert_eq!(chain(&error), expected);
    });
    on_each(&["start-with-hook", "throw"], |runtime, ended| {
        let error = ended.one_report("unhandled ImportException").error();
        assert_eq!(chain(&error)[0].1, "the file of (name) cannot be imported");
        ended_by_an_exception(runtime, ended);
    });
}

#[cfg(target_os = "linux")]
#[test]
fn where_the_source_is_known_frames_tell_file_and_line() {
    // Mono's compiler writes what Mono reads.
    let Some(ended) = Product::ledger().run(crate::product::Mono, &["start", "caught", "stop"]) else { return };
    let error = ended.one_report("").error();
    let place = error.chain[0].frames[0].location.as_ref().expect("a place");
    assert!(place.file.ends_with("Ledger.cs") && place.line > 50, "{place:?}");
}

#[test]
fn all_exceptions_of_an_aggregate_are_in_the_chain() {
    on_each(&["start", "caught-several", "stop"], |_, ended| {
        let error = ended.one_report("").error();
        let types: Vec<_> = chain(&error).into_iter().map(|(name, _)| name).collect();
        let inner = ["System.InvalidOperationException", "ImportException", "System.TimeoutException"];
        assert_eq!((types[0], &types[1..]), ("System.AggregateException", &inner[..]));
    });
}

#[test]
fn odd_exceptions_are_reported_as_far_as_they_go() {
    on_each(&["start", "caught-rude", "stop"], |_, ended| {
        let error = ended.says("captured: Ok").one_report("").error();
        assert_eq!(chain(&error), [("Rude", "(its message throws a System.InvalidOperationException)")]);
    });
    on_each(&["start", "caught-deep", "stop"], |_, ended| {
        let error = ended.says("captured: Ok").one_report("").error();
        assert!(error.chain[0].frames.len() >= 64, "{}", error.chain[0].frames.len());
        assert!(error.chain[0].frames.iter().all(|frame| frame.method == "Ledger.Deep(Int32)"));
    });
    on_each(&["start", "never-thrown", "stop"], |_, ended| {
        let error = ended.says("captured: Ok").one_report("").error();
        assert_eq!(error.chain[0].frames[0].method, "Ledger.Main(String[])");
    });
}

#[test]
fn an_exception_that_nobody_catches_is_one_report_though_the_runtime_aborts_after_it() {
    for step in ["throw", "throw-in-thread"] {
        on_each(&["start", "record", "catch-faults", step], |runtime, ended| {
            let error = ended.one_report("unhandled ImportException").error();
            assert_eq!(error.kind(), ErrorKind::UnhandledException);
            check_import(&error);
            assert!(step == "throw" || error.thread_name == "importer", "{}", error.thread_name);
            ended_by_an_exception(runtime, ended);
        });
    }
}

#[test]
fn a_task_s_exception_that_nobody_looks_at_is_reported_and_the_product_goes_on() {
    on_each(&["start", "forget", "stop"], |_, ended| {
        let error = ended.says("done").one_report("").error();
        assert_eq!(error.kind(), ErrorKind::HandledError);
        assert!(chain(&error).contains(&("System.InvalidOperationException", "nobody looked")), "{:?}", chain(&error));
    });
}

#[test]
fn a_fault_of_native_code_is_one_native_report_with_the_runtime_and_its_assemblies() {
    on_each(&["start", "record", "catch-faults", "native_fault"], |runtime, ended| {
        let received = ended.one_report(FAULT);
        assert_eq!(received.error().kind(), ErrorKind::Crash);
        assert!(received.functions().iter().any(|name| name == "native_fault"), "{:?}", received.functions());
        let places = received.places_of("Haushalt 账本");
        assert!(!places.is_empty(), "what was recorded goes with it");
        let name = if runtime == DotNet { ".NET Core 3.1" } else { "Mono " };
        assert!(!received.places_of(name).is_empty(), "the runtime's name");
        assert!(!received.places_of("Ledger, Version=0.0.0.0, Culture=neutral, PublicKeyToken=null, Mvid=").is_empty());
    });
}

#[test]
fn a_simulated_crash_is_one_report_and_the_product_goes_on() {
    on_each(&["start", "simulate", "stop"], |_, ended| {
        assert_eq!(ended.says("done").one_report("").error().kind(), ErrorKind::Simulated);
    });
}

#[test]
fn a_product_without_the_native_library_is_told_at_the_start_and_works() {
    for runtime in RUNTIMES {
        let steps = ["start-without", "record", "caught", "stop"];
        let Some(ended) = Product::ledger().without_native_library().run(runtime, &steps) else {
            continue;
        };
        ended.without_report().says("without: DllNotFoundException").says("captured: Unsupported");
        ended.says("flushed: Unsupported, stopped: Unsupported").says("done");
    }
}

#[test]
fn a_product_without_windows_has_nothing_to_hook() {
    on_each(&["start", "hook", "stop"], |_, ended| {
        ended.without_report().says("hooked: Unsupported").says("done");
    });
}

//! Products in C++ that use `reporter.hpp`, by both compilers and in both standards, with and without exceptions.
// Not on Windows: they are compiled by the test; there windows_crash_matrix/cpp_product.rs runs the same product.
#![cfg(target_os = "linux")]

#[path = "../../reporter-sdk/tests/support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/host.rs"]
mod host;
mod support;

use std::process::Command;

use end_to_end::report::Received;
use host::{Ended, Host, has_runtime, which};
use report_format::schema::v1::{self, ErrorKind, SectionKind, action::Step};
use support::{Link, compile_by, package};

/// Compiles the product and has it end in this way.
fn ends(compiler: &str, arguments: &[&str], how: &str) -> Ended {
    let host = Host::new();
    let program = host.path("cpp_product");
    let source = package().join("tests/c/cpp_product.cpp");
    compile_by(compiler, &program, &[&source], Link::Dynamic, arguments);
    host.run(Command::new(program).arg(how))
}

fn product_ends(how: &str) -> Ended {
    ends("g++", &["-std=c++17"], how)
}

/// The types and texts of an error and of what caused it.
fn chain(error: &v1::Error) -> Vec<(String, String, Option<i64>)> {
    error.chain.iter().map(|link| (link.type_name.clone(), link.message.clone(), link.code)).collect()
}

fn import_failed() -> [(String, String, Option<i64>); 2] {
    [
        ("(anonymous namespace)::import_error".into(), "the statement cannot be imported".into(), None),
        ("std::system_error".into(), "cannot open june.csv: No such file or directory".into(), Some(2)),
    ]
}

#[test]
fn the_header_compiles_without_a_warning_by_both_compilers_in_both_standards_with_and_without_exceptions() {
    for compiler in ["g++", "clang++"] {
        if !has_runtime(compiler, which(compiler).is_some()) {
            continue;
        }
        for standard in ["-std=c++17", "-std=c++20"] {
            for without in [&[][..], &["-fno-exceptions"], &["-fno-rtti"], &["-fno-exceptions", "-fno-rtti"]] {
                let arguments = [&[standard, "-Wshadow", "-Wconversion", "-fsyntax-only"], without].concat();
                let source = package().join("tests/c/cpp_header.cpp");
                let output = Command::new(compiler)
                    .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"])
                    .arg(package().join("include"))
                    .args(&arguments)
                    .arg(source)
                    .output()
                    .expect("found above");
                assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            }
        }
    }
}

#[test]
fn a_product_of_each_kind_does_all_there_is_and_ends_well() {
    for (compiler, arguments) in [
        ("g++", &["-std=c++17"][..]),
        ("clang++", &["-std=c++20"]),
        ("g++", &["-std=c++20", "-fno-exceptions", "-fno-rtti"]),
    ] {
        if has_runtime(compiler, which(compiler).is_some()) {
            ends(compiler, arguments, "").without_report().says("done");
            ends(compiler, arguments, "refused").without_report().says("done");
        }
    }
}

#[test]
fn a_crash_is_reported_with_what_the_objects_have_recorded() {
    let ended = product_ends("crash");
    let received = ended.died_of(libc::SIGSEGV).one_report("SIGSEGV");
    let actions: v1::Actions = received.message(SectionKind::Actions);
    let steps: Vec<_> = actions.actions.into_iter().filter_map(|action| action.step).collect();
    assert!(matches!(&steps[0], Step::Command(command) if command.command_id == "file.import"), "{steps:?}");
    assert!(
        steps.iter().any(|step| matches!(step, Step::Dialog(dialog) if dialog.result == "ok")),
        "closed once, with its result: {steps:?}"
    );
    let places = |received: &Received| received.places_of("CANARY-of-the-excluded");
    assert_eq!(places(received), [] as [String; 0]);
    let ended = product_ends("crash-with-secret");
    assert_ne!(places(ended.one_report("SIGSEGV")), [] as [String; 0], "it is found where it is not kept out");
}

#[test]
fn a_caught_exception_is_reported_with_what_is_nested_in_it_and_the_task_that_failed() {
    let ended = product_ends("caught");
    let received = ended.says("done").one_report("");
    let error = received.error();
    assert_eq!((error.kind(), chain(&error)), (ErrorKind::HandledError, import_failed().into()));
    let actions: v1::Actions = received.message(SectionKind::Actions);
    let failed = actions.actions.iter().filter_map(|action| match &action.step {
        Some(Step::Task(task)) => Some(task.phase()),
        _ => None,
    });
    assert_eq!(failed.collect::<Vec<_>>(), [v1::TaskPhase::Begun, v1::TaskPhase::Failed]);
}

#[test]
fn an_error_in_the_product_s_own_words_has_its_number_its_place_and_its_cause() {
    let ended = product_ends("handled");
    let error = ended.says("done").one_report("").error();
    assert_eq!(
        chain(&error),
        [("ledger.Error".into(), "the book is locked".into(), Some(5)), (String::new(), "by anna".into(), None)]
    );
    let place = error.chain[0].location.as_ref().expect("a place");
    assert_eq!((&*place.file, place.line), ("book.cpp", 7));
}

#[test]
fn an_uncaught_exception_is_one_report_with_what_is_nested_in_it() {
    let ended = product_ends("uncaught");
    let error = ended.died_of(libc::SIGABRT).one_report("").error();
    assert_eq!((error.kind(), chain(&error)), (ErrorKind::UnhandledException, import_failed().into()));
}

#[test]
fn what_is_thrown_and_is_no_exception_is_one_report_of_its_type() {
    let ended = product_ends("number");
    let error = ended.died_of(libc::SIGABRT).one_report("").error();
    assert_eq!(
        (error.kind(), chain(&error)),
        (ErrorKind::UnhandledException, vec![("int".into(), String::new(), None)])
    );
}

#[test]
fn a_terminate_without_an_exception_is_one_report_of_the_abort() {
    let ended = product_ends("no-exception");
    ended.died_of(libc::SIGABRT).one_report("");
}

#[test]
fn the_product_s_own_terminate_handler_is_called_after_the_report() {
    let ended = product_ends("own-handler");
    let error = ended.says("the product's own").one_report("").error();
    assert_eq!((error.kind(), ended.status.code()), (ErrorKind::UnhandledException, Some(42)));
}

#[test]
fn a_simulated_crash_is_one_report_and_the_product_goes_on() {
    let ended = product_ends("simulated");
    assert_eq!(ended.says("done").one_report("").error().kind(), ErrorKind::Simulated);
}

#[test]
fn valgrind_and_the_sanitizers_have_nothing_to_say_of_a_product() {
    for how in ["", "refused", "caught", "handled"] {
        let sanitizers = ["-std=c++17", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
        let ended = ends("g++", &sanitizers, how);
        assert!(ended.says("done").status.success(), "{}", ended.said);
    }
    if !has_runtime("valgrind", which("valgrind").is_some()) {
        return;
    }
    let host = Host::new();
    let program = host.path("cpp_product");
    compile_by("g++", &program, &[&package().join("tests/c/cpp_product.cpp")], Link::Dynamic, &["-std=c++17"]);
    let watches = ["--quiet", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect"];
    let ended = host.run(Command::new("valgrind").args(watches).arg(program).arg("caught"));
    assert!(ended.says("done").status.success(), "{}", ended.said);
    ended.one_report("");
}

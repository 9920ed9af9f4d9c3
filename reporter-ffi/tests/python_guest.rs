//! In a host that nobody here wrote: the Python of the system, which loads the library by ctypes, and fails in an extension module that knows nothing of us.
// Not on Windows: there is no Python for Wine here.
#![cfg(target_os = "linux")]

#[path = "../../reporter-sdk/tests/support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/host.rs"]
mod host;
mod support;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use end_to_end::report::Received;
use host::{Ended, Host, has_runtime};
use report_format::schema::v1::{self, ErrorKind, SectionKind, action::Step};
use support::{library, run, runtimes};

/// Not whichever comes first in `PATH`: that one may be somebody's own build.
const PYTHON: &str = "/usr/bin/python3";

/// The folder of `Python.h`; none where the package with it is missing.
fn headers() -> Option<PathBuf> {
    let asked = Command::new(PYTHON).args(["-c", "import sysconfig; print(sysconfig.get_path('include'))"]).output();
    let folder = asked.ok().map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let folder = folder.filter(|folder| folder.join("Python.h").is_file());
    has_runtime("the system's Python with its headers (python3-dev)", folder.is_some()).then_some(folder?)
}

/// Compiles the extension as Python's own tools do, with no name of ours in it.
fn extension(headers: &Path, folder: &Path) {
    let mut compiler = Command::new("cc");
    compiler.args(["-g", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-I"]).arg(headers);
    run(compiler.arg(runtimes().join("books.c")).arg("-o").arg(folder.join("books.so")));
}

/// Runs the product on these steps; none where there is no Python to run it.
fn ledger(steps: &[&str]) -> Option<Ended> {
    let headers = headers()?;
    let host = Host::new();
    extension(&headers, &host.path(""));
    let mut command = Command::new(PYTHON);
    command.arg(runtimes().join("ledger.py")).arg(library().join("libreporter.so")).args(steps);
    // Nothing is written beside the sources.
    command.env("PYTHONPATH", host.path("")).env("PYTHONDONTWRITEBYTECODE", "1");
    Some(host.run(&mut command))
}

/// All that the product recorded.
fn check_actions(received: &Received) {
    let actions: v1::Actions = received.message(SectionKind::Actions);
    assert_eq!((actions.dropped, actions.torn), (0, 0));
    let step = |action: v1::Action| match action.step.expect("a step") {
        Step::Command(command) => {
            format!("{} {} {}", command.command_id, command.label, command.surface().as_str_name())
        }
        Step::Dialog(dialog) => format!("{} {}", dialog.dialog_id, dialog.result),
        Step::Task(task) => format!("{} {}", task.name, task.phase().as_str_name()),
    };
    let steps: Vec<_> = actions.actions.into_iter().map(step).collect();
    let expected = [
        "file.open Open… SURFACE_MENU",
        "book.choose ",
        "book.choose ok",
        "read the book TASK_PHASE_BEGUN",
        " TASK_PHASE_ENDED",
        "book.month Month SURFACE_SHORTCUT",
    ];
    assert_eq!(steps, expected);
    assert!(!received.places_of("Haushalt 账本").is_empty(), "the annotation");
}

/// What went wrong, where, in whose module, and the memory of it.
fn check_fault(received: &Received) {
    let error = received.error();
    assert_eq!(error.kind(), ErrorKind::Crash);
    assert!(error.fault.as_ref().is_some_and(|fault| fault.address.is_some()), "{error:?}");
    let modules: v1::Modules = received.message(SectionKind::Modules);
    let module = modules.modules.iter().find(|module| module.path.ends_with("/books.so")).expect("the extension");
    let frames = received.thread().frames;
    let inside = |address: u64| (module.start..module.start + module.size).contains(&address);
    let month = frames.iter().find(|frame| frame.symbol == "month");
    assert!(month.is_some_and(|frame| inside(frame.instruction)), "no month() of books.so in {frames:#?}");
    let python = frames.iter().filter(|frame| frame.symbol.starts_with("_PyEval") || frame.symbol.starts_with("Py"));
    assert!(python.count() > 0, "the interpreter that called it: {frames:#?}");
    received.check_minidump();
    assert_eq!(received.soft_errors(), [] as [String; 0]);
}

/// All that Python writes of a fault, in its order, by these functions of the product.
fn check_faulthandler(ended: &Ended, functions: &[&str]) {
    let mut rest = ended.said.as_str();
    let frames = functions.iter().map(|function| format!(" in {function}\n"));
    let head =
        ["Fatal Python error: Segmentation fault\n\n".to_owned(), "(most recent call first):\n  File ".to_owned()];
    for part in head.into_iter().chain(frames).chain([
        "\nExtension modules: ".to_owned(),
        "books".to_owned(),
        " (total: ".to_owned(),
    ]) {
        let (_, after) =
            rest.split_once(&part).unwrap_or_else(|| panic!("no {part:?} where it should be in: {}", ended.said));
        rest = after;
    }
    assert_eq!(ended.said.matches("Fatal Python error").count(), 1, "{}", ended.said);
}

/// What called the extension.
const CRASH: [&str; 3] = ["show_month", "<lambda>", "<module>"];

#[test]
fn a_product_without_an_error_goes_on_to_its_end() {
    for steps in [["start", "faulthandler", "work", "good", "stop"], ["faulthandler", "start", "work", "good", "stop"]]
    {
        let Some(ended) = ledger(&steps) else { return };
        ended.without_report().says("month 2: 1250 cents").says("done");
    }
}

#[test]
fn a_fault_in_an_extension_is_reported_whole_and_faulthandler_that_was_there_before_prints_all_it_has() {
    let Some(ended) = ledger(&["faulthandler", "start", "work", "good", "crash"]) else { return };
    let received = ended.died_of(libc::SIGSEGV).one_report("SIGSEGV");
    check_actions(received);
    check_fault(received);
    check_faulthandler(&ended, &CRASH);
}

#[test]
fn so_it_is_in_a_thread_of_python() {
    let Some(ended) = ledger(&["faulthandler", "start", "work", "good", "crash-in-thread"]) else { return };
    let received = ended.died_of(libc::SIGSEGV).one_report("SIGSEGV");
    check_actions(received);
    check_fault(received);
    check_faulthandler(&ended, &["show_month", "run", "_bootstrap"]);
}

#[test]
fn so_it_is_where_faulthandler_comes_later_and_we_are_put_on_top_again() {
    let Some(ended) = ledger(&["start", "faulthandler", "rearm", "work", "crash"]) else { return };
    let received = ended.died_of(libc::SIGSEGV).one_report("SIGSEGV");
    check_actions(received);
    check_fault(received);
    check_faulthandler(&ended, &CRASH);
}

/// It has the fault first, on a stack of its own, and raises the signal once more for us: what the fault was about is not known any more, nor is
/// who called the function that failed.
#[test]
fn where_faulthandler_comes_later_the_report_has_the_function_that_failed() {
    let Some(ended) = ledger(&["start", "faulthandler", "work", "crash"]) else { return };
    let received = ended.died_of(libc::SIGSEGV).one_report("SIGSEGV: raised by the process itself");
    check_actions(received);
    let functions = received.functions();
    assert!(functions.iter().any(|name| name == "month"), "{functions:?}");
    received.check_minidump();
    check_faulthandler(&ended, &CRASH);
}

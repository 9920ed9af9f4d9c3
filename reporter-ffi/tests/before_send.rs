//! A product in C that looks at its errors before they are handed over.
// Not on Windows: the test compiles the product. The hook has nothing of a system's in it.
#![cfg(target_os = "linux")]

#[path = "../../reporter-sdk/tests/support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/host.rs"]
mod host;
mod support;

use std::process::Command;

use host::{Ended, Host};
use support::{Link, compile, package};

fn ends(how: &str) -> Ended {
    let host = Host::new();
    let program = compile(&package().join("tests/c/before_send.c"), Link::Dynamic, &host.path(""));
    host.run(Command::new(program).arg(how))
}

#[test]
fn the_hook_drops_an_error_by_its_hint_and_changes_what_another_says() {
    let ended = ends("handled");
    let error = ended.says("done").one_report("the statement cannot be imported").error();
    let chain: Vec<_> = error.chain.iter().map(|link| (link.type_name.as_str(), link.message.as_str())).collect();
    let expected = [
        ("ledger.ImportError", "the statement cannot be imported"),
        ("", "no entry of (name)"),
        ("seen", "by the hook"),
    ];
    assert_eq!(chain, expected);
}

#[test]
fn the_abort_after_an_exception_that_the_hook_has_dropped_is_no_report_either() {
    let ended = ends("unhandled");
    ended.died_of(libc::SIGABRT);
    assert_eq!(ended.reports.len(), 0);
}

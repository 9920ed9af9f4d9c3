//! The example product in C#, on Mono and on .NET.
// Not on Windows: there is no CLR for Wine here.
#![cfg(target_os = "linux")]

#[path = "support/csharp.rs"]
mod csharp;
#[path = "../../reporter-sdk/tests/support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/host.rs"]
mod host;
mod support;

use std::process::Command;

use csharp::{compile, runtimes};
use end_to_end::report::Received;
use host::{Ended, Host};
use report_format::schema::v1::{self, ErrorKind, SectionKind, action::Step};
use support::{file, library};

/// Compiles the product with the library, as its first lines say, and has it read these lines.
fn reads(runtime: &[String], lines: &str) -> Ended {
    let host = Host::new();
    let program = compile("examples/csharp/Ledger.cs", &host.path(""));
    file(&host.path(""), "commands", lines);
    // A host has no input.
    let mut command = Command::new("sh");
    command.args(["-c", r#"exec "$@" <commands"#, "sh"]).args(runtime).arg(program).arg("--into").arg(host.path(""));
    host.run(command.env("LD_LIBRARY_PATH", library()))
}

fn commands(received: &Received) -> Vec<String> {
    let actions: v1::Actions = received.message(SectionKind::Actions);
    let commands = actions.actions.into_iter().filter_map(|action| match action.step {
        Some(Step::Command(command)) => Some(format!("{} {}", command.command_id, command.surface().as_str_name())),
        _ => None,
    });
    commands.collect()
}

#[test]
fn it_works_and_a_statement_that_can_not_be_imported_is_a_handled_error() {
    for (name, runtime) in runtimes() {
        let lines = "add 1250 bread\nadd -50 sweets\nimport /no/such/statement\nundo\nreport\nquit\n";
        let ended = reads(&runtime, lines);
        assert!(ended.status.success(), "{name}: {}", ended.said);
        ended.says("the statement cannot be imported").says("total 1250");
        let error = ended.one_report("").error();
        assert_eq!(error.kind(), ErrorKind::HandledError);
        let types: Vec<_> = error.chain.iter().map(|link| link.type_name.as_str()).collect();
        assert_eq!(types, ["StatementException", "System.IO.DirectoryNotFoundException"], "{name}");
        assert!(error.chain[0].frames.iter().any(|frame| frame.method == "Ledger.Read(String)"), "{error:?}");
    }
}

#[test]
fn a_month_that_there_is_not_is_one_report_with_what_was_done_before() {
    for (name, runtime) in runtimes() {
        let ended = reads(&runtime, "add 1250 bread\nreport\nmonth 999999999\n");
        let received = ended.one_report("unhandled System.IndexOutOfRangeException");
        assert!(!ended.status.success(), "{name}: {}", ended.said);
        let surface = "SURFACE_COMMAND_LINE";
        let expected = ["entry.add", "book.report", "book.month"].map(|id| format!("{id} {surface}"));
        assert_eq!(commands(received), expected, "{name}");
        let error = received.error();
        assert_eq!(error.kind(), ErrorKind::UnhandledException);
        assert_eq!(error.chain[0].frames[0].method, "Ledger.ShowMonth(String)", "{name}");
    }
}

//! The C product crashes in the hands of a person at a terminal, who sends: one report each comes out, and a minidump that debuggers understand.
// Not on Windows: the person sits at a Unix terminal. The C product there: scripts/windows/product.
#![cfg(target_os = "linux")]

#[path = "../../reporter-sdk/tests/support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/ledger.rs"]
mod ledger;
mod support;

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    process::{Command, ExitStatus},
};

use end_to_end::{
    mail_server::MailServer,
    report::{Received, contains},
};
use ledger::{Ledger, PROMPTS};
use report_format::schema::v1::{self, ConsentSource, ErrorKind, FrameTrust, SectionKind, TaskPhase, action::Step};

const USE_AFTER_FREE: &[&str] = &["open a", "add 1250 bread", "close", "y", "undo"];

/// Runs the ledger on lines that end in a crash, sends the report, and takes it apart.
fn crashed(ledger: &Ledger, lines: &[&str]) -> (ExitStatus, Received) {
    let mut visit = ledger.in_terminal(PROMPTS);
    let status = visit.types(lines).answers("s").ends();
    (status, only_report(ledger))
}

/// The one report that was sent. Nothing else is left of it.
fn only_report(ledger: &Ledger) -> Received {
    assert_eq!((ledger.drafts(), ledger.outgoing()), (0, 0));
    let received = Received::from_mail(&ledger.mail());
    let consent: v1::ConsentRecord = received.message(SectionKind::Consent);
    assert_eq!(consent.source(), ConsentSource::Person);
    received
}

/// The ledger's own functions that are expected, innermost first, all named by module and offset as well.
fn assert_functions(received: &Received, expected: &[&str]) {
    let functions = received.functions();
    let own: Vec<&str> = functions.iter().map(String::as_str).filter(|name| expected.contains(name)).collect();
    assert_eq!(own, expected, "in {functions:?}");
    let modules: v1::Modules = received.message(SectionKind::Modules);
    for frame in received.thread().frames.iter().filter(|frame| expected.contains(&&*frame.symbol)) {
        let module = &modules.modules[frame.module.expect("a module") as usize];
        assert!(module.path.ends_with("ledger"), "{module:?}");
        assert_eq!(module.start + frame.module_offset, frame.instruction);
    }
}

/// What the person did, in order.
fn steps(received: &Received) -> Vec<String> {
    let actions: v1::Actions = received.message(SectionKind::Actions);
    assert!(actions.actions.is_sorted_by_key(|action| std::cmp::Reverse(action.before_error_nanos)), "{actions:?}");
    assert!(actions.actions.is_sorted_by_key(|action| action.sequence), "{actions:?}");
    let step = |action: v1::Action| match action.step.expect("a step") {
        Step::Command(command) => command.command_id,
        Step::Dialog(dialog) if dialog.result.is_empty() => format!("{} opened", dialog.dialog_id),
        Step::Dialog(dialog) => format!("{} {}", dialog.dialog_id, dialog.result),
        Step::Task(task) if task.phase() == TaskPhase::Begun => format!("{} begun", task.name),
        Step::Task(task) => format!("task {:?}", task.phase()),
    };
    actions.actions.into_iter().map(step).collect()
}

#[test]
fn a_use_of_freed_memory_is_reported() {
    let ledger = Ledger::new();
    let (status, received) = crashed(&ledger, USE_AFTER_FREE);
    assert_eq!(status.signal(), Some(libc::SIGSEGV), "it ends as it would without us");
    let error = received.error();
    assert_eq!(error.kind(), ErrorKind::Crash);
    assert!(error.title.starts_with("SIGSEGV"), "{}", error.title);
    let fault = error.fault.as_ref().expect("a fault");
    assert_eq!((fault.code, &*fault.name), (11, "SIGSEGV"));
    assert!(received.check_minidump().to_string().starts_with("SIGSEGV"));
    assert_functions(&received, &["undo_entry", "run", "main"]);
    assert_eq!(received.thread().frames[0].symbol, "undo_entry");
    assert_eq!(received.thread().frames[0].trust(), FrameTrust::Context);
    let expected = ["book.open", "entry.add", "book.close", "book.close opened", "book.close yes", "entry.undo"];
    assert_eq!(steps(&received), expected);
    let annotations: v1::Annotations = received.message(SectionKind::Annotations);
    let state = annotations.annotations.iter().find(|annotation| annotation.key == "book.state");
    assert_eq!(state.map(|annotation| &*annotation.value), Some("closed"));
    assert_eq!(received.soft_errors(), [] as [String; 0]);
}

#[test]
fn an_index_that_nobody_checked_is_reported() {
    let ledger = Ledger::new();
    let (status, received) = crashed(&ledger, &["open a", "month 999999999"]);
    assert_eq!(status.signal(), Some(libc::SIGSEGV));
    assert_eq!(received.error().kind(), ErrorKind::Crash);
    assert!(received.error().fault.as_ref().is_some_and(|fault| fault.address.is_some()));
    assert_eq!(received.check_minidump().to_string(), "SIGSEGV / SEGV_MAPERR");
    assert_functions(&received, &["show_month", "run", "main"]);
    assert_eq!(steps(&received), ["book.open", "book.month"]);
}

#[test]
fn a_failed_assertion_is_reported_after_the_handled_error_that_led_to_it() {
    let ledger = Ledger::new();
    let statement = support::file(&ledger.path(""), "statement", "100 salary\nrent\n");
    let import = format!("import {}", statement.display());
    let (status, received) = {
        let mut visit = ledger.in_terminal(PROMPTS);
        let status = visit.types(&["open a", &import, "report"]).answers("s").ends();
        // The handled error waits until a clean end.
        assert_eq!((ledger.drafts(), ledger.outgoing()), (1, 0));
        (status, Received::from_mail(&ledger.mail()))
    };
    assert_eq!(status.signal(), Some(libc::SIGABRT));
    assert_eq!(received.error().title, "SIGABRT: aborted");
    assert!(received.check_minidump().to_string().starts_with("SIGABRT"));
    assert_functions(&received, &["print_report", "run", "main"]);
    let expected = ["book.open", "statement.import", "import statement begun", "task Failed", "book.report"];
    assert_eq!(steps(&received), expected);
    let attachment: v1::Attachment = received.message(SectionKind::Attachment);
    assert_eq!((&*attachment.name, &*attachment.content), ("failing line", &b"rent"[..]));
}

/// A file that is missing is a handled error, about which the person is asked at the end.
fn failed_import(ledger: &Ledger) -> Received {
    let mut visit = ledger.in_terminal(PROMPTS);
    visit.types(&["open a", "import /no/such/file", "report", "quit"]).answers("s");
    assert!(visit.ends().success(), "the product goes on and ends well");
    let received = only_report(ledger);
    let error = received.error();
    assert_eq!(error.kind(), ErrorKind::HandledError);
    let chain: Vec<_> = error.chain.iter().map(|link| (&*link.type_name, &*link.message)).collect();
    let expected = [("ledger.ImportError", "cannot import the statement"), ("errno", "No such file or directory")];
    assert_eq!(chain, expected);
    received
}

#[test]
fn a_handled_error_is_reported_with_its_causes_and_no_memory() {
    let received = failed_import(&Ledger::new());
    assert!(!received.kinds().contains(&SectionKind::Minidump), "{:?}", received.kinds());
    assert_eq!(steps(&received)[..2], ["book.open", "statement.import"]);
}

#[test]
fn a_handled_error_is_reported_with_memory_where_the_product_wants_it() {
    let mut ledger = Ledger::new();
    ledger.set("dump-handled", "yes");
    let received = failed_import(&ledger);
    received.check_minidump();
    assert_functions(&received, &["report_failed_import", "import_file", "run", "main"]);
}

#[test]
fn a_simulated_crash_is_reported_and_the_product_goes_on() {
    let ledger = Ledger::new();
    let mut visit = ledger.in_terminal(PROMPTS);
    visit.types(&["open a", "simulate"]).answers("s");
    visit.types(&["add 5 x"]).terminal.sees("total 5");
    visit.types(&["quit"]);
    assert!(visit.ends().success());
    let received = only_report(&ledger);
    assert_eq!(received.error().kind(), ErrorKind::Simulated);
    received.check_minidump();
    assert_functions(&received, &["run", "main"]);
    assert_eq!(steps(&received), ["book.open", "report.simulate"]);
}

#[test]
fn what_is_declined_leaves_nothing() {
    let ledger = Ledger::new();
    let mut visit = ledger.in_terminal(PROMPTS);
    let status = visit.types(USE_AFTER_FREE).answers("d").ends();
    assert_eq!(status.signal(), Some(libc::SIGSEGV));
    assert!(ledger.mails().is_empty());
    for folder in ["new", "out", "bad"] {
        assert!(ledger.spooled(folder).is_empty(), "{folder}: {:?}", ledger.spooled(folder));
    }
}

#[test]
fn the_environment_the_arguments_and_open_files_are_in_no_byte_of_a_report() {
    const IN_ENVIRONMENT: &str = "canary-of-the-environment-4711";
    const IN_ARGUMENTS: &str = "canary-of-the-arguments-4712";
    const IN_A_PATH: &str = "canary-of-an-open-file-4713";
    let ledger = Ledger::new();
    let product = ledger.command();
    let config = ledger.path(IN_ARGUMENTS);
    fs::copy(ledger.path("product.conf"), &config).expect("written");
    let undeclared = support::file(&ledger.path(""), IN_A_PATH, "");
    // The shell opens a file for the product that this does not know of.
    let mut command = Command::new("sh");
    command.args(["-c", "exec 9<\"$1\"; shift; exec \"$@\"", "sh"]).arg(undeclared);
    command.arg(product.get_program()).arg("--config").arg(config);
    command.env("LEDGER_SECRET", IN_ENVIRONMENT).env("TERM", "dumb");
    let mut visit = ledger.in_terminal_as(&mut command, PROMPTS);
    visit.types(USE_AFTER_FREE[..4].as_ref());
    let process = visit.terminal.pid();
    let open = fs::read_link(format!("/proc/{process}/fd/9")).expect("the file is open");
    assert!(open.ends_with(IN_A_PATH));
    let held = |what| fs::read(format!("/proc/{process}/{what}")).expect("our own process");
    assert!(end_to_end::report::contains(&held("environ"), IN_ENVIRONMENT.as_bytes()));
    assert!(end_to_end::report::contains(&held("cmdline"), IN_ARGUMENTS.as_bytes()));

    let status = visit.types(&["undo"]).answers("s").ends();
    assert_eq!(status.signal(), Some(libc::SIGSEGV));
    let received = only_report(&ledger);
    received.check_minidump();
    for canary in [IN_ENVIRONMENT, IN_ARGUMENTS, IN_A_PATH] {
        assert_eq!(received.places_of(canary), [] as [String; 0], "{canary}");
    }
}

#[test]
fn the_password_of_the_mail_server_is_in_no_byte_of_all_the_memory_of_a_c_product() {
    let server = MailServer::start();
    let mut ledger = Ledger::sending_to(&server);
    ledger.set("full-memory", "yes").always_send();
    let ended = ledger.run("open a\nadd 1250 canary-of-an-entry\nmonth 999999999\n");
    assert_eq!(ended.status.signal(), Some(libc::SIGSEGV), "{ended:?}");
    let received = Received::from_mail(&server.mails(1)[0]);
    let (password, memory) = (server.fact("password"), received.memory());
    assert!(contains(&memory, b"canary-of-an-entry"));
    let wide: Vec<u8> = password.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(!contains(&memory, password.as_bytes()) && !contains(&memory, &wide));
    assert_eq!(received.places_of(&password), [] as [String; 0]);
}

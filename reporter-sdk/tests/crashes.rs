//! The example product crashes and panics in the hands of a person at a terminal; one report each comes out, and a minidump that debuggers
//! understand.
// Not on Windows: the person sits at a Unix terminal. Crashes there: the crash matrix of reporter-ffi, and windows_products.rs.
#![cfg(target_os = "linux")]

#[path = "support/end_to_end/mod.rs"]
mod end_to_end;

use std::os::unix::process::ExitStatusExt;

use end_to_end::product::{Product, notes, notes_whose_panics_abort};
use end_to_end::report::Received;
use report_format::schema::v1::{
    self, Category, ConsentSource, ErrorKind, FrameTrust, SectionKind, Surface, TaskPhase, action::Step,
};

const PROMPTS: &[&str] = &["notes> ", "[y/N] "];
const USE_AFTER_FREE: &[&str] = &["new a", "pin", "delete", "y", "pinned"];

/// The functions of the product itself, innermost first.
fn own_functions(received: &Received) -> Vec<String> {
    let functions = received.functions();
    functions.into_iter().filter(|name| name.contains("5notes")).collect()
}

/// Checks that the product's innermost functions are these.
fn assert_functions(received: &Received, expected: &[&str]) {
    let functions = own_functions(received);
    let is_as_expected = functions.iter().zip(expected).all(|(function, expected)| function.contains(expected));
    assert!(is_as_expected && functions.len() >= expected.len(), "{expected:?} in {:#?}", received.functions());
}

#[test]
fn following_a_pointer_into_freed_memory_is_reported() {
    let product = Product::new(notes());
    let (status, received) = product.crashes(PROMPTS, USE_AFTER_FREE);
    assert_eq!(status.signal(), Some(libc::SIGSEGV), "it ends as it would without us");
    let error = received.error();
    assert_eq!(
        (error.kind(), &*error.title, &*error.thread_name),
        (ErrorKind::Crash, "SIGSEGV: address not mapped", "notes")
    );
    let fault = error.fault.as_ref().unwrap();
    assert_eq!((fault.code, fault.subcode, &*fault.name), (11, 1, "SIGSEGV"));
    assert!(fault.address.is_some_and(|address| address > 4096));
    assert_eq!(received.check_minidump(), "SIGSEGV / SEGV_MAPERR");
    assert_functions(&received, &["show_pinned", "3run", "4main"]);
    assert_eq!(received.thread().frames[0].trust(), FrameTrust::Context);
    assert_eq!(received.soft_errors(), [] as [String; 0]);
}

#[test]
fn an_abort_is_reported() {
    let product = Product::new(notes());
    let (status, received) = product.crashes(PROMPTS, &["new a", "save /no/such/folder/notes"]);
    assert_eq!(status.signal(), Some(libc::SIGABRT));
    let error = received.error();
    assert_eq!((error.kind(), &*error.title), (ErrorKind::Crash, "SIGABRT: aborted"));
    assert_eq!(error.fault.as_ref().unwrap().address, None, "an abort has no address");
    assert_eq!(received.check_minidump(), "SIGABRT / SI_TKILL");
    assert_functions(&received, &["4save", "3run", "4main"]);
    let actions: v1::Actions = received.message(SectionKind::Actions);
    let last = actions.actions.last().unwrap().step.clone().unwrap();
    let Step::Task(task) = last else { panic!("{last:?}") };
    assert_eq!((task.phase(), &*task.name), (TaskPhase::Begun, "save notes"), "in what it died");
}

/// What every report of the panic by `show 99` says.
fn assert_is_index_panic(received: &Received) {
    let error = received.error();
    assert_eq!(error.kind(), ErrorKind::Panic);
    let link = &error.chain[0];
    assert_eq!(link.message, "index out of bounds: the len is 1 but the index is 98");
    let location = link.location.as_ref().unwrap();
    assert!(location.file.ends_with("examples/notes.rs") && location.line > 100, "{location:?}");
    assert!(error.title.contains("notes.rs"), "{}", error.title);
    assert_eq!(error.thread_name, "main");
    assert_eq!(error.fault, None, "no signal");
    received.check_minidump();
    assert_functions(received, &["4show", "3run", "4main"]);
}

#[test]
fn a_panic_that_ends_the_product_is_reported() {
    let product = Product::new(notes());
    let (status, received) = product.crashes(PROMPTS, &["new a", "show 99"]);
    assert_eq!(status.code(), Some(101));
    assert_is_index_panic(&received);
}

#[test]
fn a_panic_in_a_worker_is_reported_and_the_product_goes_on() {
    let product = Product::new(notes());
    let mut visit = product.in_terminal(PROMPTS);
    visit.types(&["new é", "index"]).answers("s").terminal.sees("the index could not be made");
    visit.types(&["list"]).terminal.sees("1 é");
    visit.types(&["quit"]);
    assert_eq!(visit.ends().code(), Some(0));
    let received = product.only_report();
    let error = received.error();
    assert_eq!((error.kind(), &*error.thread_name), (ErrorKind::Panic, "indexer"));
    assert!(error.chain[0].message.contains("is not a char boundary"), "{:?}", error.chain);
    received.check_minidump();
    assert_functions(&received, &["index"]);
    let stacks: v1::Stacks = received.message(SectionKind::Stacks);
    assert!(stacks.threads.len() >= 2, "the first thread too, which waits");
}

#[test]
fn a_panic_that_aborts_makes_one_report() {
    let product = Product::new(notes_whose_panics_abort());
    let (status, received) = product.crashes(PROMPTS, &["new a", "show 99"]);
    assert_eq!(status.signal(), Some(libc::SIGABRT));
    assert_is_index_panic(&received);
}

#[test]
fn a_report_tells_what_support_needs() {
    let mut product = Product::new(notes());
    product.set("log", product.path("session.log").display());
    let (_, received) = product.crashes(PROMPTS, USE_AFTER_FREE);

    let about: v1::Product = received.message(SectionKind::Product);
    assert_eq!((&*about.vendor, &*about.name, &*about.build), ("Example Software", "Notes", "20261123.1"));
    assert_eq!((&*about.version, &*about.channel), (env!("CARGO_PKG_VERSION"), "example"));
    let error = received.error();
    let summary = received.report.summary().unwrap();
    assert_eq!((&summary.report_id, summary.time), (&error.report_id, error.time));
    let age = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() - u128::from(error.time);
    assert!(age < 60_000_000_000, "{age} ns ago");
    assert!((1..60_000_000_000).contains(&error.uptime_nanos));

    let actions: v1::Actions = received.message(SectionKind::Actions);
    let steps: Vec<String> = actions.actions.iter().map(|action| told(action.step.as_ref().unwrap())).collect();
    let expected = ["note.new", "note.pin", "note.delete", "note.delete opened", "note.delete yes", "note.pinned"];
    assert_eq!(steps, expected);
    assert!(actions.actions.is_sorted_by_key(|action| std::cmp::Reverse(action.before_error_nanos)), "{actions:?}");
    assert!(actions.actions.is_sorted_by_key(|action| action.sequence), "{actions:?}");
    // By two clocks.
    assert!(actions.actions[0].before_error_nanos < error.uptime_nanos + 1_000_000);
    assert!((1..=10_000_000).contains(&actions.clock_resolution_nanos), "{actions:?}");
    assert_eq!((actions.dropped, actions.torn), (0, 0));

    let annotations: v1::Annotations = received.message(SectionKind::Annotations);
    let [annotation] = &annotations.annotations[..] else { panic!("{annotations:?}") };
    assert_eq!((&*annotation.key, &*annotation.value), ("notes.count", "0"));
    assert_eq!(annotations.command_line, [] as [String; 0]);
    let attachment: v1::Attachment = received.message(SectionKind::Attachment);
    assert_eq!((&*attachment.name, &*attachment.media_type), ("session log", "text/plain"));
    assert_eq!(attachment.content, b"new\npin\ndelete\npinned\n");

    let system: v1::System = received.message(SectionKind::System);
    let uname = rustix::system::uname();
    assert_eq!(system.os.unwrap().kernel, uname.release().to_str().unwrap());
    assert!(system.cpu.is_some() && system.memory.is_some() && system.locale.is_some());
    let account: v1::Account = received.message(SectionKind::Account);
    assert!(!account.name.is_empty());
    let network: v1::Network = received.message(SectionKind::Network);
    assert_eq!(network.host_name, uname.nodename().to_str().unwrap());
    let processes: v1::Processes = received.message(SectionKind::Processes);
    assert!(processes.processes.iter().any(|process| process.name == "notes"), "{processes:?}");
    let modules: v1::Modules = received.message(SectionKind::Modules);
    assert!(modules.modules[0].path.ends_with("/notes") && modules.modules[0].build_id.len() >= 16, "{modules:?}");
    assert!(modules.modules.iter().any(|module| module.path.contains("libc.so")));
}

#[test]
fn a_report_says_who_allowed_what() {
    let product = Product::new(notes());
    let mut visit = product.in_terminal(PROMPTS);
    visit.types(&["new a", "show 99"]).sends_without(&["Your user account", "Names of your computer"]);
    visit.ends();
    let received = product.only_report();
    let record: v1::ConsentRecord = received.message(SectionKind::Consent);
    assert_eq!(record.source(), ConsentSource::Person);
    let granted: Vec<Category> = record.granted().collect();
    let declined: Vec<Category> = record.declined().collect();
    for category in [Category::Essential, Category::Actions, Category::Memory, Category::System] {
        assert!(granted.contains(&category), "{granted:?}");
    }
    assert!(declined.contains(&Category::Account) && declined.contains(&Category::Network), "{declined:?}");
    assert!(granted.iter().all(|category| !declined.contains(category)), "{granted:?} {declined:?}");
    assert_eq!(record.recipient, "Example Software, support");
    assert_eq!(record.stated_purpose, "to find and fix the error that you met");
    assert_eq!(record.preview_digest.len(), 32);
    assert!(record.time >= received.error().time);
}

/// A step in words.
fn told(step: &Step) -> String {
    match step {
        Step::Command(command) => {
            assert_eq!(command.surface(), Surface::CommandLine);
            command.command_id.clone()
        }
        Step::Dialog(dialog) if dialog.result.is_empty() => format!("{} opened", dialog.dialog_id),
        Step::Dialog(dialog) => format!("{} {}", dialog.dialog_id, dialog.result),
        Step::Task(task) => format!("{} {:?}", task.name, task.phase()),
    }
}

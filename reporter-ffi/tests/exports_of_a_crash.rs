//! The C product crashes, and all of its memory is in the report: a debugger shows of it what the product had in its hands.
// Not on Windows: the debugger is gdb, with cores.
#![cfg(target_os = "linux")]

#[path = "../../reporter-sdk/tests/support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/ledger.rs"]
mod ledger;
mod support;

use std::{
    fs::{self, File},
    io::Cursor,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Stdio},
};

use end_to_end::report::{Received, contains};
use ledger::Ledger;
use minidump::{Minidump, MinidumpMemory64List, MinidumpThreadList};
use report_format::{
    Limits, ReportFile,
    memory::{MemoryImage, export},
    schema::v1::{self, SectionKind},
};

/// In an entry of the book, on the heap.
const CANARY: &str = "canary-of-an-entry-on-the-heap";

/// A ledger that crashed with two entries in its book, and its report.
fn crashed() -> (Ledger, Received) {
    let mut ledger = Ledger::new();
    ledger.set("full-memory", "yes").always_send();
    let ended = ledger.run(&format!("open Household\nadd 1250 bread\nadd -300 {CANARY}\nmonth 999999999\n"));
    assert_eq!(ended.status.signal(), Some(libc::SIGSEGV), "{ended:?}");
    ledger.handler_ends();
    let received = Received::from_mail(&ledger.mail());
    (ledger, received)
}

/// Makes something of the report's minidump and its image.
fn export<T>(received: &Received, work: impl FnOnce(&[u8], &MemoryImage<'_, Cursor<&[u8]>>) -> T) -> T {
    let sections = received.report.sections();
    let small = sections.iter().find(|section| section.kind() == Some(SectionKind::Minidump)).expect("a minidump");
    let mut file = ReportFile::open(Cursor::new(&received.bytes[..]), &Limits::default()).expect("a report");
    let image = file.memory().expect("an index").expect("a memory image");
    work(&small.bytes, &image)
}

const QUESTIONS: &str = "
set width 0
set confirm off
set debuginfod enabled off
info threads
echo \\n== backtraces\\n
thread apply all backtrace
echo \\n== variables\\n
frame function show_month
info args
info locals
frame function main
info locals
print book.is_open
print book.name
print book.total
print *book.last
print *book.last->kind
print *book.last->previous
print book.last->previous->previous
print book.by_month
echo == end\\n
";

/// What gdb says of a core file; `None` without gdb.
fn gdb(program: &Path, core: &Path) -> Option<String> {
    let questions = core.with_extension("questions");
    fs::write(&questions, QUESTIONS).expect("a folder of ours");
    let mut command = Command::new("gdb");
    command.args(["-nx", "-batch"]).arg(program).arg(core).arg("-x").arg(questions);
    match command.env("LC_ALL", "C").stdin(Stdio::null()).output() {
        Ok(output) => {
            let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(out.contains("== end"), "gdb stopped:\n{out}\n{err}");
            Some(out.into_owned())
        }
        Err(error) => {
            eprintln!("SKIPPED: no gdb ({error}): scripts/setup test installs it");
            None
        }
    }
}

#[test]
fn gdb_shows_of_the_report_the_values_that_the_product_had() {
    let (ledger, received) = crashed();
    let core = ledger.path("ledger.core");
    let out = File::create(&core).expect("a folder of ours");
    let exported = export(&received, |small, image| export::core(small, image, out)).expect("a core file");
    let stacks: v1::Stacks = received.message(SectionKind::Stacks);
    assert_eq!((exported.threads, exported.threads_without_registers), (stacks.threads.len() as u64, 0));
    let Some(said) = gdb(Path::new(ledger.command().get_program()), &core) else { return };
    let says = |words: &str| assert!(said.contains(words), "{words:?} in\n{said}");
    says("Program terminated with signal SIGSEGV");
    // The thread, and each of its frames.
    says(&format!("LWP {}", received.error().thread_id));
    assert_eq!(said.matches("\nThread ").count(), stacks.threads.len(), "{said}");
    let frames: Vec<&str> = ["show_month (arguments=", "run (line=", "main (count=3"]
        .into_iter()
        .filter(|frame| said.contains(frame))
        .collect();
    assert_eq!(frames.len(), 3, "{said}");
    // What is on the stack, in static memory, and on the heap.
    says("month = 999999999");
    says("\"999999999\"");
    says("terminal = false");
    says("= true");
    says("= \"Household\"");
    says("= 950\n");
    says(&format!("cents = -300, month = {}", month(&said)));
    says(&format!("text = \"{CANARY}\""));
    says("name = 0x");
    says("\"expense\"");
    says("take_back_amount");
    says("text = \"bread\"");
    says("(struct entry *) 0x0");
}

/// The month in which the product booked, as the table of months has it: it alone has an amount.
fn month(said: &str) -> usize {
    // As a word: an address can have these digits in it.
    let has_total = |line: &&str| line.contains('{') && line.split(['{', '}', ',', ' ']).any(|word| word == "950");
    let table = said.lines().find(has_total).unwrap_or_else(|| panic!("{said}"));
    let (_, table) = table.split_once('{').expect("a table");
    let (before, _) = table.split_once("950").expect("the total");
    // `0 <repeats 10 times>, 950, 0` or `0, 0, 950, 0 <repeats …>`
    let repeated = before.split_once("<repeats ").and_then(|(_, rest)| rest.split(' ').next()?.parse::<usize>().ok());
    1 + repeated.unwrap_or_else(|| before.matches(',').count())
}

#[test]
fn a_minidump_reader_finds_the_heap_in_the_minidump_of_all_memory() {
    let (_ledger, received) = crashed();
    let mut whole = Vec::new();
    export(&received, |small, image| export::minidump(small, image, &mut whole)).expect("a minidump");
    let dump = Minidump::read(&whole[..]).expect("a minidump that minidump readers accept");
    let list = dump.get_stream::<MinidumpMemory64List<'_>>().expect("all of the memory");
    let holding = list.iter().filter(|memory| contains(memory.bytes, CANARY.as_bytes())).count();
    assert!(holding > 0, "the entry is in none of {} ranges", list.iter().count());
    let threads = dump.get_stream::<MinidumpThreadList<'_>>().expect("threads");
    let thread = threads.get_thread(received.error().thread_id).expect("the one that crashed");
    assert!(list.memory_at_address(thread.raw.stack.start_of_memory_range).is_some(), "it has its stack");
    // The small one has no heap.
    let small = received.report.sections().iter().find(|section| section.kind() == Some(SectionKind::Minidump));
    assert!(!contains(&small.expect("a minidump").bytes, CANARY.as_bytes()));
}

use minidump::{MinidumpException, MinidumpModuleList, MinidumpThreadNames, Module as _};

use super::*;
use crate::handler::live_child::{self, LiveChild};

#[test]
fn a_live_process_is_dumped_and_goes_on() {
    let mut child = LiveChild::start();
    let dump = take(child.pid(), child.tid).unwrap();
    let parsed = Minidump::read(&dump.bytes[..]).unwrap();
    let threads = parsed.get_stream::<MinidumpThreadList<'_>>().unwrap();
    assert!(threads.threads.len() >= 3, "the first thread, the test's, the bystander: {}", threads.threads.len());
    let names = parsed.get_stream::<MinidumpThreadNames>().unwrap();
    let named: Vec<_> = threads.threads.iter().filter_map(|thread| names.get_name(thread.raw.thread_id)).collect();
    assert!(named.iter().any(|name| name == "bystander"), "{named:?}");
    let modules = parsed.get_stream::<MinidumpModuleList>().unwrap();
    let program = live_child::program();
    let name = program.file_name().unwrap().to_str().unwrap();
    assert!(modules.main_module().unwrap().code_file().ends_with(name), "{:?}", modules.main_module());
    assert_eq!(dump.soft_errors, []);
    assert!(child.is_running());
}

/// A process that has an exception, as [`failing_child`] makes it, and where it has it.
fn failing() -> (std::process::Child, u32, Box<Context>) {
    use std::io::BufRead;
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--include-ignored", "--nocapture", "handler::windows::dump::tests::failing_child"])
        .env("REPORTER_TEST_CHILD", "fails")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = io::BufReader::new(child.stdout.take().unwrap()).lines();
    let told = lines.map_while(Result::ok).find_map(|line| Some(line.rsplit_once("failing in thread ")?.1.to_owned()));
    let told = told.expect("the child says its thread");
    let (tid, address) = told.split_once(" at ").unwrap();
    let mut context = Context::from_bytes(&vec![0; size_of::<Context>()]).unwrap();
    context.address = address.parse().unwrap();
    context.record.ExceptionCode = ACCESS_VIOLATION;
    (child, tid.parse().unwrap(), context)
}

const ACCESS_VIOLATION: i32 = 0xc000_0005_u32.cast_signed();

#[test]
#[ignore = "another process's part of other tests"]
fn failing_child() {
    use std::io::Write;
    if std::env::var_os("REPORTER_TEST_CHILD").is_none() {
        return;
    }
    let crate::capture::claim::Claimed::Yes(mut claim) = crate::capture::claim::Claim::take(1, u64::MAX) else {
        panic!("not claimed")
    };
    let context = crate::capture::sys::context::here_as(&mut claim, ACCESS_VIOLATION);
    // SAFETY: has no parameters.
    let tid = unsafe { windows_sys::Win32::System::Threading::GetCurrentThreadId() };
    println!("failing in thread {tid} at {}", context.address);
    io::stdout().flush().unwrap();
    io::stdin().read_line(&mut String::new()).unwrap();
}

#[test]
fn an_exception_is_in_the_dump_with_the_registers_of_its_moment() {
    use crate::handler::{modules::LoadedModules, unwind};
    let (mut child, tid, context) = failing();
    let timeout = Duration::from_secs(120);
    let request = DumpRequest { pid: child.id(), tid, context: Some(context), timeout, hold: true };
    let dump = begin(request).unwrap().finish().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(dump.soft_errors, []);
    let parsed = Minidump::read(&dump.bytes[..]).unwrap();
    let exception = parsed.get_stream::<MinidumpException<'_>>().unwrap();
    assert_eq!(exception.get_crashing_thread_id(), tid);
    assert_eq!(exception.raw.exception_record.exception_code.cast_signed(), ACCESS_VIOLATION);
    let mut soft_errors = Vec::new();
    let modules = LoadedModules::read(&parsed, &mut soft_errors);
    let limits = unwind::UnwindLimits::default();
    let stacks = unwind::stacks(&parsed, &modules, tid, limits, &mut soft_errors);
    let symbols: Vec<_> = stacks.threads[0].frames.iter().map(|frame| &*frame.symbol).collect();
    assert!(symbols[0].contains("failing_child") || symbols[1].contains("failing_child"), "{symbols:#?}");
}

#[test]
fn the_environment_and_the_arguments_are_in_no_byte_of_a_filtered_dump() {
    use crate::handler::live_child::CANARY;
    use crate::handler::minidump_filter::{FilterPlan, filter};
    let child = LiveChild::start();
    let dump = take(child.pid(), child.tid).unwrap();
    let (mut bytes, block) = (dump.bytes, dump.argument_block.unwrap());
    let report = filter(&mut bytes, &FilterPlan { zero: block.ranges, system: true, sanitise: None }).unwrap();
    let wide: Vec<u8> = CANARY.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for secret in [CANARY.as_bytes(), &wide] {
        let found: Vec<_> = memchr::memmem::find_iter(&bytes, secret).collect();
        assert!(found.is_empty(), "{found:x?} {report:?}");
    }
    let parsed = Minidump::read(&bytes[..]).unwrap();
    let threads = parsed.get_stream::<MinidumpThreadList<'_>>().unwrap();
    assert!(threads.threads.iter().any(|thread| thread.raw.thread_id == child.tid));
    assert!(parsed.get_stream::<minidump::MinidumpMemoryList<'_>>().unwrap().iter().count() > 2);
}

#[test]
fn nothing_is_read_of_the_environment_the_arguments_and_what_is_open() {
    const HANDLES: u32 = 12;
    const TOKENS: u32 = 19;
    let child = LiveChild::start();
    let dump = take(child.pid(), child.tid).unwrap();
    let parsed = Minidump::read(&dump.bytes[..]).unwrap();
    for stream in [HANDLES, TOKENS] {
        assert!(parsed.get_raw_stream(stream).is_err(), "{stream}");
    }
    let wide: Vec<u8> = "SECRET_TOKEN".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(memchr::memmem::find(&dump.bytes, &wide).is_none());
}

#[test]
fn threads_stand_still_until_they_are_let_go_where_that_is_wanted() {
    let child = LiveChild::start();
    let timeout = Duration::from_secs(120);
    let request = DumpRequest { pid: child.pid(), tid: child.tid, context: None, timeout, hold: true };
    let dump = begin(request).unwrap().finish().unwrap();
    assert!(child.is_still());
    let held = dump.held.unwrap();
    while held.since().elapsed() < LONGEST_STANDSTILL + Duration::from_millis(500) {
        assert!(held.renew() && child.is_still());
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(held);
    let let_go = Instant::now();
    while child.is_still() {
        assert!(let_go.elapsed() < LONGEST_STANDSTILL / 2, "it takes the longest time to be let go");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_process_that_is_gone_is_an_error() {
    let child = LiveChild::start();
    let (pid, tid) = (child.pid(), child.tid);
    drop(child);
    let error = take(pid, tid).err().expect("no dump of a process that is gone");
    assert!(matches!(error, DumpError::Writer { .. } | DumpError::NoThread { .. }), "{error}");
}

#[test]
fn an_exception_that_is_nowhere_costs_the_exception_and_not_the_dump() {
    let child = LiveChild::start();
    let mut context = Context::from_bytes(&vec![0; size_of::<Context>()]).unwrap();
    context.address = 0x10;
    let timeout = Duration::from_secs(120);
    let request = DumpRequest { pid: child.pid(), tid: child.tid, context: Some(context), timeout, hold: false };
    let dump = begin(request).unwrap().finish().unwrap();
    let parsed = Minidump::read(&dump.bytes[..]).unwrap();
    let told = parsed.get_stream::<MinidumpException<'_>>().is_ok();
    assert!(told || !dump.soft_errors.is_empty(), "either the library passes over it, or we do and say so");
}

#[test]
fn a_file_for_a_dump_is_gone_with_its_handle_and_nobody_else_s() {
    let before = dumps();
    let file = temporary_file().unwrap();
    let path = dumps().into_iter().find(|path| !before.contains(path)).expect("it is in the folder");
    assert!(File::open(&path).is_err());
    drop(file);
    assert!(!path.exists());
}

fn dumps() -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(std::env::temp_dir()).unwrap();
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "dmp")).collect()
}

use minidump::{MinidumpException, MinidumpModuleList, MinidumpThreadNames, Module as _};

use super::*;
use crate::handler::live_child::LiveChild;

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
    let program = std::env::current_exe().unwrap();
    let name = program.file_name().unwrap().to_str().unwrap();
    assert!(modules.main_module().unwrap().code_file().ends_with(name), "{:?}", modules.main_module());
    assert_eq!(dump.soft_errors, []);
    assert!(child.is_running());
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
    let timeout = Duration::from_secs(20);
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
    let timeout = Duration::from_secs(20);
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

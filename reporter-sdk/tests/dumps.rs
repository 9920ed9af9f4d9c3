//! What a crash leaves of the product's memory where the ordinary way does not serve: very deep stacks, products that cannot be traced, a thousand
//! crashes one after the other.
// Not on Windows: what is in the way are limits of Linux (ptrace, seccomp, core files).
#![cfg(target_os = "linux")]

#[path = "support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/failing.rs"]
mod failing;

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use end_to_end::product::{failing, files, handler, status_kib};
use end_to_end::report::Received;
use failing::Place;
use minidump::{
    MinidumpException, MinidumpMemoryList, MinidumpModuleList, MinidumpSystemInfo, MinidumpThreadList, Module,
};
use report_format::schema::v1::{self, SectionKind};

/// Debian's `nobody`: an ordinary user.
const NOBODY: u32 = 65534;

/// Checks what every report of a crash in `third` says, whoever made its dump.
fn assert_tells_the_fault(received: &Received) {
    assert_eq!(received.error().title, "SIGSEGV: address not mapped");
    assert_eq!(received.check_minidump(), "SIGSEGV / SEGV_MAPERR");
    let functions = received.functions();
    let expected = ["5third", "6second", "5first", "4main"];
    let own: Vec<_> = functions.iter().filter(|name| name.contains("7failing")).collect();
    assert!(own.len() >= 4 && own.iter().zip(expected).all(|(name, part)| name.contains(part)), "{functions:#?}");
    let error = received.error();
    assert_eq!((error.fault.unwrap().address, &*error.thread_name), (Some(0), "failing"));
    let modules: v1::Modules = received.message(SectionKind::Modules);
    assert!(modules.modules[0].path.ends_with("/failing") && modules.modules[0].build_id.len() >= 16, "{modules:?}");
    assert!(modules.modules.iter().any(|module| module.path.contains("libc.so") && !module.build_id.is_empty()));
}

/// Checks that the thread itself told what is there, and the report says so and why.
fn assert_stands_in(received: &Received, why: &str) {
    assert_tells_the_fault(received);
    let soft_errors = received.soft_errors();
    assert!(soft_errors.iter().any(|soft| soft.contains(why)), "{soft_errors:#?}");
    assert!(soft_errors.iter().any(|soft| soft.contains("its own record stands in")), "{soft_errors:#?}");
    let stacks: v1::Stacks = received.message(SectionKind::Stacks);
    assert_eq!(stacks.threads.len(), 1);
}

#[test]
fn an_ordinary_crash_loses_nothing() {
    let place = Place::new();
    let received = place.crashes(&mut place.failing("fault"));
    assert_tells_the_fault(&received);
    assert_eq!(received.soft_errors(), [] as [String; 0]);
}

/// Makes the kernel refuse ptrace to this process and to all that it starts.
fn without_ptrace() -> io::Result<()> {
    let op = |code: u32, k: u32, jt, jf| libc::sock_filter { code: code as u16, jt, jf, k };
    let program = [
        op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        op(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, libc::SYS_ptrace as u32, 0, 1),
        op(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32, 0, 0),
        op(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    rustix::thread::set_no_new_privs(true)?;
    // SAFETY: `filter` describes `program`, which outlives the call; the kernel copies it.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const filter) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[test]
fn where_the_handler_may_not_trace_the_thread_itself_tells() {
    let place = Place::new();
    let mut command = place.failing("fault");
    // SAFETY: between fork and exec the closure makes system calls alone.
    unsafe { command.pre_exec(without_ptrace) };
    let received = place.crashes(&mut command);
    assert_stands_in(&received, "cannot be traced");
}

#[test]
fn a_product_that_is_not_dumpable_tells_itself() {
    let place = Place::new();
    let mut command = place.failing("not-dumpable");
    if rustix::process::geteuid().is_root() {
        // Root may trace everything.
        as_nobody(&place, &mut command);
    }
    let received = place.crashes(&mut command);
    assert_stands_in(&received, "cannot be traced");
}

#[test]
fn what_a_product_excludes_is_in_no_byte_of_its_dump() {
    /// What the product has on its stack.
    const HIDDEN: &str = "AHOVCJQXELSZGNUBIPWD";
    for is_traced in [true, false] {
        let crashes = |way| {
            let place = Place::new();
            let mut command = place.failing(way);
            if !is_traced {
                // SAFETY: between fork and exec the closure makes system calls alone.
                unsafe { command.pre_exec(without_ptrace) };
            }
            place.crashes(&mut command)
        };
        let [shown, excluded] = ["shown-secret", "excluded-secret"].map(crashes);
        assert_ne!(shown.places_of(HIDDEN), [] as [String; 0], "the test would find it, traced: {is_traced}");
        assert_eq!(excluded.places_of(HIDDEN), [] as [String; 0], "traced: {is_traced}");
        for received in [shown, excluded] {
            assert_eq!(received.check_minidump(), "SIGSEGV / SEGV_MAPERR");
            let stands_in = received.soft_errors().iter().any(|soft| soft.contains("its own record stands in"));
            assert_eq!(stands_in, !is_traced);
        }
    }
}

/// Gives the place to an ordinary user, with programs that it can reach, and lets the command run as that user.
fn as_nobody(place: &Place, command: &mut Command) {
    fs::remove_file(place.path("reporter-handler")).unwrap();
    fs::copy(handler(), place.path("reporter-handler")).unwrap();
    fs::copy(failing(), place.path("failing")).unwrap();
    fs::set_permissions(place.directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fn give(path: &Path) {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        if path.is_dir() {
            fs::read_dir(path).unwrap().for_each(|entry| give(&entry.unwrap().path()));
        }
    }
    give(place.directory.path());
    let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let owned = |value: &std::ffi::OsStr| value.to_owned();
    let environment: Vec<_> = command.get_envs().map(|(key, value)| (key.to_owned(), value.map(owned))).collect();
    *command = Command::new(place.path("failing"));
    for (key, value) in environment {
        match value {
            Some(value) => command.env(key, value),
            None => command.env_remove(key),
        };
    }
    command.args(arguments).env("HOME", place.directory.path()).current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).uid(NOBODY).gid(NOBODY);
    // SAFETY: between fork and exec the closure makes one system call.
    unsafe { command.pre_exec(|| Ok(rustix::process::setsid().map(drop)?)) };
}

/// Checks a report of an overflow: both ends of the stack are there, the middle is not, and it says so.
fn assert_has_both_ends(received: &Received, thread: &str) {
    assert_eq!(received.error().thread_name, thread);
    let section = received.report.sections().iter().find(|section| section.kind() == Some(SectionKind::Minidump));
    assert!(section.unwrap().bytes.len() < 2 << 20, "{}", section.unwrap().bytes.len());
    let soft_errors = received.soft_errors();
    assert!(soft_errors.iter().any(|soft| soft.contains("in the middle were left out")), "{soft_errors:#?}");
    let functions = received.functions();
    assert!(functions[..16].iter().all(|name| name.contains("7descend")), "{functions:#?}");

    let dump = received.minidump();
    let id = received.error().thread_id;
    let threads = dump.0.get_stream::<MinidumpThreadList<'_>>().unwrap();
    let memory = dump.0.get_stream::<MinidumpMemoryList<'_>>().unwrap();
    let system = dump.0.get_stream::<MinidumpSystemInfo>().unwrap();
    let thread = threads.get_thread(id).unwrap();
    let pointer = thread.context(&system, None).unwrap().get_stack_pointer();
    let exception = dump.0.get_stream::<MinidumpException<'_>>().unwrap();
    assert_eq!(exception.context(&system, None).unwrap().get_stack_pointer(), pointer);
    assert_eq!(received.error().fault.unwrap().code, libc::SIGSEGV as u32);
    let near = thread.raw.stack.start_of_memory_range..thread.raw.stack.start_of_memory_range + (256 << 10);
    assert_eq!(u64::from(thread.raw.stack.memory.data_size), near.end - near.start);
    assert!(near.start - (1 << 20) < pointer && pointer < near.end, "{pointer:x} {near:x?}");
    // The far end is megabytes above, and holds the return addresses of the functions that the thread began with.
    let far = memory.iter().find(|m| m.base_address > near.end + (4 << 20) && m.base_address < near.end + (16 << 20));
    let far = far.unwrap_or_else(|| panic!("no far end above {near:x?}"));
    assert_eq!(far.size, 256 << 10);
    let modules = dump.0.get_stream::<MinidumpModuleList>().unwrap();
    let (words, _) = far.bytes.as_chunks();
    let program = words
        .iter()
        .map(|word| u64::from_le_bytes(*word))
        .filter(|word| modules.module_at_address(*word).is_some_and(|module| module.code_file().ends_with("/failing")));
    assert!(program.count() > 2);
}

#[test]
fn a_stack_overflow_is_reported_with_both_ends_of_the_stack_and_without_its_middle() {
    let place = Place::new();
    let received = place.crashes(&mut place.failing("overflow"));
    assert_has_both_ends(&received, "failing");
}

#[test]
fn a_stack_overflow_in_a_thread_is_reported_in_the_same_way() {
    let place = Place::new();
    let mut command = place.failing("thread-overflow");
    command.env("RUST_MIN_STACK", (8 << 20).to_string());
    let received = place.crashes(&mut command);
    assert_has_both_ends(&received, "diver");
}

#[test]
fn a_handler_at_rest_keeps_little_of_what_its_reports_took() {
    let place = Place::new();
    let mut command = place.failing("errors");
    let mut product = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(product.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "reported\n");
    let [handler] = place.handlers()[..] else { panic!("{:?}", place.handlers()) };
    // The last mail is sent, and what it took is about to be given back.
    sleep(Duration::from_millis(500));
    let kept = status_kib(handler, "RssAnon:");
    drop(product.stdin.take());
    assert!(product.wait().unwrap().success());
    place.handlers_end();
    assert_eq!(files(&place.path("mails")).len(), 60);
    assert!(kept < 4 << 10, "{kept} KiB at rest");
}

#[test]
fn a_hundred_crashes_give_a_hundred_reports_and_leave_nothing_behind() {
    crash_in_a_row(100);
}

#[test]
#[ignore = "long: minutes"]
fn a_thousand_crashes_give_a_thousand_reports_and_leave_nothing_behind() {
    crash_in_a_row(1000);
}

fn crash_in_a_row(times: usize) {
    let open = || fs::read_dir("/proc/self/fd").unwrap().count();
    let place = Place::new();
    let before = open();
    for _ in 0..times {
        let status = place.run(&mut place.failing("fault"));
        assert_eq!(status.signal(), Some(libc::SIGSEGV));
    }
    let mails = files(&place.path("mails"));
    assert_eq!(mails.len(), times);
    let ids = mails.iter().map(|mail| Received::from_mail(mail).error().report_id);
    assert_eq!(ids.collect::<std::collections::HashSet<_>>().len(), times, "each its own");
    assert_eq!(open(), before, "descriptors");
    assert_eq!(place.handlers(), [] as [u32; 0], "processes; memory without a name ends with them");
    let mut left = files(&place.path("spool"));
    left.sort();
    assert_eq!(left, ["spool/choice", "spool/counts"].map(|name| place.path(name)));
    assert_eq!(files(&place.path("tmp")), [] as [PathBuf; 0]);
}

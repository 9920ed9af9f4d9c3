//! What a product chooses beyond what is collected: hangs, limits, restart, children. The product is this test program once more, in a role.
// Not on Windows: hangs, children and limits are told by signals and /proc. Hangs there: windows_products.rs; the rest has unit tests only.
#![cfg(target_os = "linux")]

#[path = "support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/roles.rs"]
mod roles;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::thread::sleep;
use std::time::Duration;

use report_format::schema::v1::{self, ErrorKind, SectionKind};
use reporter_sdk::consent::Draft;
use reporter_sdk::spool::Spool;
use reporter_sdk::{Children, Options, Reporter, Restart, Surface};
use roles::{ARGUMENTS, PATIENCE, Place, ROLE, folder, wait_for};
use rustix::process::Signal;

/// Far longer than a hang in these tests, for what should not come.
const LONG_ENOUGH: Duration = Duration::from_millis(1500);
const HANG: Duration = Duration::from_millis(300);

impl Place {
    /// Runs it to its end, and its handlers.
    fn run(&self, role: &str) -> ExitStatus {
        self.start(role).ends()
    }

    /// What waits for an answer, oldest first.
    fn drafts(&self) -> Vec<Draft> {
        let spool = Spool::open(&self.path("spool")).unwrap();
        spool.drafts().unwrap().into_iter().map(|id| spool.take_draft(id).unwrap().unwrap().draft().clone()).collect()
    }

    fn only_draft(&self) -> Draft {
        let mut drafts = self.drafts();
        assert_eq!(drafts.len(), 1, "{drafts:?}");
        drafts.remove(0)
    }

    fn fact(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

/// Tells the test something.
fn says(name: &str, value: impl std::fmt::Display) {
    let (whole, part) = (folder().join(name), folder().join(format!("{name}.part")));
    fs::write(&part, value.to_string()).unwrap();
    fs::rename(part, whole).unwrap();
}

fn drafts_in(folder: &Path) -> usize {
    fs::read_dir(folder.join("spool/new"))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|ending| ending == "draft"))
        .count()
}

fn beats(rounds: u32) {
    for _ in 0..rounds {
        reporter_sdk::heartbeat();
        sleep(Duration::from_millis(10));
    }
}

/// Gives no heartbeat until so many drafts are there.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn reporter_test_hangs(until: usize) {
    wait_for("report of the hang", || drafts_in(&folder()) >= until);
    std::hint::black_box(until);
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn reporter_test_crashes_here(address: usize) {
    // SAFETY: none: it faults, which is what it is for.
    unsafe { (address as *mut u64).write_volatile(7) };
    std::hint::black_box(address);
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn reporter_test_crashes_there(address: usize) {
    // SAFETY: as above.
    unsafe { (address as *mut u64).write_volatile(8) };
    std::hint::black_box(address);
}

fn waits_for_the_test() {
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// Runs `child` in a fork; returns how it ended, as `wait` tells it.
fn forked(child: impl FnOnce()) -> i32 {
    // SAFETY: the child does little, and ends here.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        child();
        // SAFETY: ends the child without the parent's clean-up.
        unsafe { libc::_exit(0) };
    }
    says("child", pid);
    let mut status = 0;
    // SAFETY: the child is ours, and `status` takes its status.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    status
}

#[test]
#[ignore = "the product's part of the other tests"]
fn product() {
    let Ok(role) = env::var(ROLE) else { return };
    let (role, detail) = role.split_once(' ').unwrap_or((&role, ""));
    let options = Options::new("Example Software", "Policies", "1")
        .handler(folder().join("handler"))
        .spool(folder().join("spool"));
    let options = match role {
        "hang" | "pause" | "beat" => options.hang_after(HANG),
        "crash" => options.limits(detail.parse().unwrap_or(5), 0),
        "restart" => options.restart(Restart::new(ARGUMENTS).uptime(Duration::ZERO)),
        "restart-later" => options.restart(Restart::new(ARGUMENTS)),
        "child" | "both" => options.children(match detail {
            "inherit" => Children::Inherit,
            "separate" => Children::Separate,
            _ => Children::Off,
        }),
        _ => options,
    };
    let reporter = Reporter::start(options);
    assert!(reporter.is_active(), "{:?}", reporter.soft_errors());
    match role {
        "idle" => waits_for_the_test(),
        "hang" => {
            says("thread", rustix::thread::gettid().as_raw_nonzero());
            for hang in 1..=2 {
                beats(5);
                // On and on, or until it is reported.
                reporter_test_hangs(if detail == "on" { usize::MAX } else { hang });
                // Known already.
                sleep(HANG * 3);
                // Long enough to be seen.
                beats(60);
            }
        }
        "pause" => {
            sleep(LONG_ENOUGH);
            beats(5);
            reporter_sdk::heartbeat_pause();
            sleep(LONG_ENOUGH);
            beats(5);
        }
        "beat" => {
            beats(5);
            says("beats", "");
            while !folder().join("enough").exists() {
                beats(1);
            }
        }
        "crash" => reporter_test_crashes_here(16),
        "crash-elsewhere" => reporter_test_crashes_there(16),
        "restart" | "restart-later" => {
            let count = env::var("REPORTER_RESTARTED").unwrap_or_else(|_| "0".into());
            says(&format!("run-{count}"), facts());
            if detail == "waits" && count == "0" {
                waits_for_the_test();
            }
            reporter_test_crashes_here(16);
        }
        "child" => {
            let status = forked(|| {
                if detail == "separate" {
                    reporter_sdk::command("child.work", "Work", Surface::Menu);
                }
                reporter_test_crashes_here(16);
            });
            says("signal", libc::WTERMSIG(status));
            let program = Command::new("ls").args(["-l", "/proc/self/fd"]).output().unwrap();
            says("descriptors", String::from_utf8_lossy(&program.stdout));
            if detail == "off" {
                reporter_test_crashes_there(16);
            }
        }
        "both" => {
            let child = std::thread::spawn(|| forked(|| reporter_test_crashes_here(16)));
            wait_for("child", || folder().join("child").exists());
            reporter_test_crashes_there(16);
            let _ = child.join();
        }
        _ => panic!("no such role: {role}"),
    }
    reporter.shutdown(PATIENCE);
}

/// What the kernel says of this process.
fn facts() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let lines = status.lines().filter(|line| line.starts_with("Sig") || line.starts_with("Umask"));
    let mut facts: Vec<String> = lines.map(|line| line.replace('\t', "")).collect();
    let fds = fs::read_dir("/proc/self/fd").unwrap().map(|entry| entry.unwrap().path());
    facts.extend(fds.map(|fd| {
        let target = fs::read_link(&fd).map_or_else(|_| "gone".into(), |path| path.display().to_string());
        format!("fd{}:{target}", fd.file_name().unwrap().display())
    }));
    facts.push(format!("directory:{}", env::current_dir().unwrap().display()));
    facts.push(format!("arguments:{:?}", env::args().skip(1).collect::<Vec<_>>()));
    let session = rustix::process::getsid(None).unwrap() == rustix::process::getpid();
    facts.push(format!("leads its session:{session}"));
    facts.push(format!("pid:{}", std::process::id()));
    facts.join("\n")
}

fn error(draft: &Draft) -> v1::Error {
    draft.message(SectionKind::Error).unwrap()
}

fn diagnostics(draft: &Draft) -> v1::Diagnostics {
    draft.message(SectionKind::Diagnostics).unwrap()
}

/// The functions of the thread that the error is about.
fn functions(draft: &Draft) -> Vec<String> {
    let id = error(draft).thread_id;
    let stacks: v1::Stacks = draft.message(SectionKind::Stacks).unwrap_or_else(|| panic!("{:?}", diagnostics(draft)));
    let thread = stacks.threads.into_iter().find(|thread| thread.id == id).expect("the thread");
    thread.frames.into_iter().map(|frame| frame.symbol).collect()
}

fn assert_in(draft: &Draft, function: &str) {
    let functions = functions(draft);
    assert!(functions.iter().any(|name| name == function), "{function} is not in {functions:?}");
}

#[test]
fn each_hang_is_reported_once_with_its_stack_and_the_product_goes_on() {
    let place = Place::new();
    assert!(place.run("hang").success(), "it ends as it would without us");
    let drafts = place.drafts();
    assert_eq!(drafts.len(), 2, "one for each hang: {drafts:?}");
    for draft in &drafts {
        let error = error(draft);
        assert_eq!((draft.kind, error.kind(), error.fault.as_ref()), (ErrorKind::Hang, ErrorKind::Hang, None));
        assert_eq!(error.title, "no heartbeat for 300 ms");
        assert_eq!(error.thread_id.to_string(), place.fact("thread"));
        assert_in(draft, "reporter_test_hangs");
        let minidump = draft.sections.iter().find(|section| section.kind == SectionKind::Minidump).expect("a minidump");
        assert!(minidump::Minidump::read(&minidump.payload[..]).is_ok());
    }
}

#[test]
fn whoever_kills_a_product_that_hangs_is_not_asked_about_it_twice() {
    let place = Place::new();
    let mut running = place.start("hang on");
    wait_for("report", || fs::read_dir(place.path("spool/new")).is_ok_and(|new| new.count() > 0));
    running.signal(Signal::KILL);
    running.ends();
    let kinds: Vec<_> = place.drafts().iter().map(|draft| draft.kind).collect();
    assert_eq!(kinds, [ErrorKind::Hang]);
}

#[test]
fn nothing_hangs_before_the_first_heartbeat_during_a_pause_or_while_it_is_stopped() {
    let place = Place::new();
    assert!(place.run("pause").success());
    let mut running = place.start("beat");
    wait_for("heartbeat", || place.path("beats").exists());
    for _ in 0..2 {
        running.signal(Signal::STOP);
        sleep(LONG_ENOUGH);
        running.signal(Signal::CONT);
        sleep(HANG);
    }
    fs::write(place.path("enough"), "").unwrap();
    assert!(running.ends().success());
    assert_eq!(place.drafts(), []);
}

/// How often each thread of a process gave up the processor of its own accord.
fn wake_ups(pid: u32) -> BTreeMap<String, String> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().map(|entry| entry.unwrap().path());
    threads
        .map(|thread| {
            let status = fs::read_to_string(thread.join("status")).unwrap();
            let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches")).unwrap().to_owned();
            (thread.display().to_string(), line)
        })
        .collect()
}

fn parent(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

#[test]
fn an_idle_handler_never_wakes() {
    let place = Place::new();
    let mut running = place.start("idle");
    // The product's own child goes away once it has made the one that serves.
    let mut handlers = Vec::new();
    wait_for("handler", || {
        handlers = place.handlers();
        handlers.len() == 1 && parent(handlers[0]).is_some_and(|parent| parent != running.pid())
    });
    let handler = handlers[0];
    // It has got ready once it has slept for a while.
    let mut before = wake_ups(handler);
    wait_for("rest", || {
        sleep(Duration::from_millis(500));
        let now = wake_ups(handler);
        std::mem::replace(&mut before, now.clone()) == now
    });
    sleep(Duration::from_secs(2));
    assert_eq!(wake_ups(handler), before);
    assert!(running.ends().success());
}

#[test]
fn a_crash_in_a_loop_makes_few_reports_and_the_next_tells_of_the_others() {
    let place = Place::new();
    for _ in 0..10 {
        assert_eq!(place.run("crash 5").signal(), Some(libc::SIGSEGV), "a crash that is not reported ends as it would");
    }
    let drafts = place.drafts();
    assert_eq!(drafts.len(), 5, "{drafts:?}");
    assert!(drafts.iter().all(|draft| diagnostics(draft).suppressed == 0), "none was left out before them");
    place.run("crash-elsewhere");
    let drafts = place.drafts();
    assert_eq!(drafts.len(), 6, "another signature has a count of its own");
    assert_eq!(diagnostics(&drafts[5]).suppressed, 0);
    // The limit is raised: the next one is reported, and tells.
    place.run("crash 6");
    let drafts = place.drafts();
    assert_eq!((drafts.len(), diagnostics(&drafts[6]).suppressed), (7, 5));
    assert_in(&drafts[6], "reporter_test_crashes_here");
}

#[test]
fn a_product_that_crashes_is_started_again_as_it_said_and_not_in_a_loop() {
    let place = Place::new();
    assert_eq!(place.run("restart").signal(), Some(libc::SIGSEGV));
    for run in ["run-1", "run-2"] {
        wait_for(run, || place.path(run).exists());
        let facts = place.fact(run);
        let fact =
            |name: &str| facts.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{facts}"));
        assert_eq!(fact("arguments:"), format!("{ARGUMENTS:?}"));
        assert_eq!(Path::new(fact("directory:")), fs::canonicalize(place.path("")).unwrap());
        assert_eq!((fact("SigBlk:"), fact("leads its session:")), ("0000000000000000", "true"));
        // Rust ignores SIGPIPE (13) itself; 32 and 33 are the C library's own, which posix_spawn ignores in what it starts. Nothing else is ignored.
        let ignored = u64::from_str_radix(fact("SigIgn:"), 16).unwrap() & !(0b11 << 31);
        assert_eq!(ignored, 1 << 12);
        assert_eq!(fact("Umask:"), place.fact("run-0").lines().find_map(|line| line.strip_prefix("Umask:")).unwrap());
        for stream in ["fd0:", "fd1:", "fd2:"] {
            assert_eq!(fact(stream), "/dev/null");
        }
        // The reporter of the new process has opened its own; none is the old handler's.
        assert!(!facts.contains("spool"), "{facts}");
    }
    let last = place.fact("run-2").lines().find_map(|line| line.strip_prefix("pid:")).unwrap().to_owned();
    wait_for("end", || !Path::new("/proc").join(&last).exists() && place.handlers().is_empty());
    sleep(Duration::from_millis(300));
    assert!(!place.path("run-3").exists(), "twice an hour");
    assert_eq!(place.drafts().len(), 3);
}

#[test]
fn a_product_that_had_not_run_for_long_or_was_ended_by_somebody_is_not_started_again() {
    let place = Place::new();
    place.run("restart-later");
    fs::remove_file(place.path("run-0")).unwrap();
    let mut running = place.start("restart waits");
    wait_for("product", || place.path("run-0").exists());
    running.signal(Signal::SEGV);
    // That must be reported before the product is let go on, which is a crash of its own.
    wait_for("second draft", || drafts_in(&place.path("")) == 2);
    assert_eq!(running.ends().signal(), Some(libc::SIGSEGV));
    sleep(Duration::from_millis(300));
    assert!(place.path("run-0").exists() && !place.path("run-1").exists());
}

/// The child's end, and that a program it starts has nothing of ours.
fn assert_child(place: &Place) {
    assert_eq!(place.fact("signal"), libc::SIGSEGV.to_string(), "it ends as it would without us");
    let descriptors = place.fact("descriptors");
    assert!(
        descriptors.contains(" 0 -> ") && !descriptors.contains("socket:") && !descriptors.contains("memfd:"),
        "{descriptors}"
    );
}

#[test]
fn a_child_is_left_alone_unless_the_product_chose_otherwise_and_the_product_is_not() {
    let place = Place::new();
    assert_eq!(place.run("child off").signal(), Some(libc::SIGSEGV));
    assert_child(&place);
    let draft = place.only_draft();
    assert_ne!(error(&draft).thread_id.to_string(), place.fact("child"));
    assert_in(&draft, "reporter_test_crashes_there");
}

#[test]
fn a_child_that_inherits_is_reported_by_its_parent_s_handler_and_the_parent_goes_on() {
    let place = Place::new();
    assert!(place.run("child inherit").success());
    assert_child(&place);
    let draft = place.only_draft();
    let error = error(&draft);
    assert_eq!((draft.kind, error.thread_id.to_string()), (ErrorKind::Crash, place.fact("child")));
    assert_eq!((&*error.title, error.fault.unwrap().address), ("SIGSEGV: address not mapped", Some(16)));
    assert_in(&draft, "reporter_test_crashes_here");
    assert!(diagnostics(&draft).soft_errors.iter().any(|soft| soft.message.contains("a child that the product")));
}

#[test]
fn a_child_and_its_parent_that_crash_at_once_make_a_report_each_and_no_mix() {
    let place = Place::new();
    assert_eq!(place.run("both inherit").signal(), Some(libc::SIGSEGV));
    let drafts = place.drafts();
    let child = place.path("child").exists().then(|| place.fact("child"));
    for draft in &drafts {
        let is_child = Some(error(draft).thread_id.to_string()) == child;
        assert_in(draft, if is_child { "reporter_test_crashes_here" } else { "reporter_test_crashes_there" });
    }
    assert!((1..=2).contains(&drafts.len()), "{drafts:?}");
}

#[test]
fn a_child_that_is_separate_reports_by_a_handler_of_its_own() {
    let place = Place::new();
    assert!(place.run("child separate").success());
    assert_child(&place);
    let draft = place.only_draft();
    assert_eq!(error(&draft).thread_id.to_string(), place.fact("child"));
    assert_in(&draft, "reporter_test_crashes_here");
    let actions: v1::Actions = draft.message(SectionKind::Actions).unwrap();
    assert_eq!(actions.actions.len(), 1, "its own: {actions:?}");
    assert_eq!(actions.actions[0].thread_id.to_string(), place.fact("child"));
}

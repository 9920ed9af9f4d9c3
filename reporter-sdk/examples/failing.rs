//! Failing: a product that fails as it is told to, for the project's own tests.
//!
//! ```sh
//! cargo run -p reporter-sdk --example failing -- DIRECTORY WAY [MILLISECONDS]
//! ```
//!
//! DIRECTORY must be absolute and hold a program whose name begins with `reporter-handler`; the product keeps its spool in it, and what is granted goes to DIRECTORY/mails. MILLISECONDS
//! is the longest wait for the handler. Ways:
//!
//! ```text
//! fault           writes through a null pointer, three calls deep
//! not-dumpable    the same, after prctl(PR_SET_DUMPABLE, 0); Linux alone
//! overflow        calls itself until the stack of the first thread ends
//! thread-overflow the same in a thread
//! shown-secret    as `fault`, with a secret on the stack
//! excluded-secret the same, after exclude_memory
//! full-memory     as `fault`, with 16 MiB of random bytes on the heap, one of them attached, and has all of its memory read
//! abort           aborts
//! panic           panics in the first thread
//! worker-panic    panics in a thread, and ends as it should
//! handled         handles an error, a file that is not there, and ends as it should
//! hang            shows that it is alive, then does not until the report of that is in the spool, does again, and ends as it should
//! waits           says `active`, and ends as it should when its input does
//! errors          handles sixty errors, each with a minidump, says `reported` and ends when its input does
//! nothing         ends as it should
//! ```

use std::{
    env, fs,
    hint::black_box,
    io,
    path::{Path, PathBuf},
    process::{self, ExitCode},
    thread,
    time::Duration,
};

use reporter_sdk::{Dump, ErrorKind, Mail, Options, Policy, Reporter, Surface};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (directory, way, longest) = match &arguments[..] {
        [directory, way] => (directory, way, None),
        [directory, way, longest] => (directory, way, longest.parse().ok().map(Duration::from_millis)),
        _ => {
            eprintln!("failing: usage: failing DIRECTORY WAY [MILLISECONDS]");
            return ExitCode::from(2);
        }
    };
    let directory = Path::new(directory);
    let mail = Mail::new("errors@failing.example", ["support@failing.example"]).eml_directory(directory.join("mails"));
    let mut options = Options::new("Example Software", "Failing", env!("CARGO_PKG_VERSION"))
        .handler(handler(directory))
        .spool(directory.join("spool"))
        // It fails a thousand times in a row, and is counted.
        .limits(u32::MAX, u32::MAX)
        .spool_limits(0, 0, 0)
        .mail(mail);
    if way == "full-memory" {
        options = options.kind(ErrorKind::Crash, Policy::Ask, Dump::FullMemory);
    }
    if way == "hang" {
        options = options.hang_after(BEAT * 40);
    }
    if way == "errors" {
        options = options.kind(ErrorKind::HandledError, Policy::Ask, Dump::Minidump);
    }
    if let Some(longest) = longest {
        options = options.waits(longest, longest);
    }
    let reporter = Reporter::start(options);
    for soft_error in reporter.soft_errors() {
        eprintln!("failing: {soft_error}");
    }
    reporter_sdk::command("fail", way, Surface::CommandLine);
    match way.as_str() {
        "fault" => first(),
        #[cfg(target_os = "linux")]
        "not-dumpable" => {
            // SAFETY: sets an attribute of this process; passes no pointer.
            assert_eq!(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0) }, 0);
            first();
        }
        "shown-secret" | "excluded-secret" => with_a_secret(way == "excluded-secret"),
        "full-memory" => {
            let noise = black_box(noise(16 << 20));
            reporter_sdk::attach_bytes("noise", "application/octet-stream", &noise[..1 << 20]).expect("a handler");
            first();
            drop(black_box(noise));
        }
        "abort" => process::abort(),
        "panic" => panic!("as it was told"),
        "errors" => {
            for _ in 0..60 {
                reporter_sdk::capture_error(&io::Error::other("as it was told"));
            }
            assert!(reporter_sdk::flush(Duration::from_secs(60)), "reports are under way");
            println!("reported");
            io::copy(&mut io::stdin(), &mut io::sink()).expect("an input");
        }
        "worker-panic" => {
            let worker = thread::Builder::new().name("indexer".into()).spawn(|| panic!("the index is broken"));
            assert!(worker.expect("a thread").join().is_err());
        }
        "handled" => {
            let error = fs::File::open(directory.join("no such file")).expect_err("nobody made it");
            reporter_sdk::capture_error(&error);
        }
        "hang" => {
            beats(5);
            hangs(&directory.join("spool").join("new"));
            beats(100);
        }
        "waits" => {
            println!("active");
            io::copy(&mut io::stdin(), &mut io::sink()).expect("an input");
        }
        "nothing" => {}
        "overflow" => drop(black_box(descend(0))),
        "thread-overflow" => {
            let worker = || {
                // The thread's first call into the SDK gives it a stack to report its overflow on.
                reporter_sdk::command("descend", "", Surface::CommandLine);
                descend(0)
            };
            let worker = thread::Builder::new().name("diver".into()).spawn(worker).expect("a thread");
            let _ = worker.join();
        }
        other => {
            eprintln!("failing: no way {other:?}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

/// By a name of its own the tests know whose it is.
fn handler(directory: &Path) -> PathBuf {
    let is_handler =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("reporter-handler"));
    let mut paths = fs::read_dir(directory).expect("a directory").filter_map(|entry| Some(entry.ok()?.path()));
    paths.find(is_handler).expect("a handler")
}

const BEAT: Duration = Duration::from_millis(10);

fn beats(count: u32) {
    for _ in 0..count {
        reporter_sdk::heartbeat();
        thread::sleep(BEAT);
    }
}

/// Until a draft is there.
#[inline(never)]
fn hangs(drafts: &Path) {
    let is_draft = |entry: io::Result<fs::DirEntry>| {
        entry.is_ok_and(|entry| entry.path().extension().is_some_and(|ending| ending == "draft"))
    };
    while !fs::read_dir(drafts).into_iter().flatten().any(is_draft) {
        thread::sleep(BEAT * 20);
    }
}

/// The secret is made letter by letter: it is nowhere else in the program.
#[inline(never)]
fn with_a_secret(is_excluded: bool) {
    let mut secret = [0; 20];
    for at in 0..20 {
        secret[usize::from(at)] = b'A' + at * 7 % 26;
    }
    if is_excluded {
        reporter_sdk::exclude_memory(secret.as_ptr(), secret.len()).expect("a handler");
    }
    black_box(&mut secret);
    first();
    black_box(&mut secret);
}

/// Bytes that nothing makes smaller.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.take(bytes / 8).flatten().collect()
}

#[inline(never)]
fn first() {
    second(black_box(std::ptr::null_mut()));
    black_box(());
}

#[inline(never)]
fn second(nowhere: *mut u32) {
    third(nowhere);
    black_box(());
}

#[inline(never)]
fn third(nowhere: *mut u32) {
    // SAFETY: it is not: this is the fault that the program is for.
    unsafe { nowhere.write_volatile(1) };
}

#[inline(never)]
#[allow(unconditional_recursion)]
fn descend(depth: u64) -> u64 {
    let mut block = [depth; 32];
    black_box(&mut block);
    descend(depth + 1) + block[black_box(3)]
}

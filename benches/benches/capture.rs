//! From the fault to the dump on disk, ours beside minidumper with crash-handler; what a start costs the product; what an idle handler costs the machine.
//! A program and not criterion's: each run crashes a process.
//!
//! `cargo bench -p benches --bench capture` (50 runs each; `-- 10` for fewer). It builds the handler program first.
//!
//! The same program crashes in both cases: a heap of 200 MB that was written to, 10 or 500 threads that wait. Measured is the time on the monotonic clock from just before
//! the fault, as the failing thread reads it, until a watcher (inotify) learns that the file with the dump has got its name:
//!
//! - *minidumper*: a server in another process, crash-handler in the product, the minidump written to a file which then gets its name;
//! - *ours, dump*: the real handler and the real signal handler; the draft with the filtered minidump, the error and the actions gets its name;
//! - *ours, draft*: the same draft, now with the frames and functions of all threads, flushed to the disk, takes its place. Only memory and error are collected.
//!
//! Neither minidumper nor ours flushes the file (fsync) before the time of its first two lines; the third does. In ours, arguments and environment are taken out before anything
//! is written; minidumper's dump holds them.

use std::{
    env,
    error::Error,
    fs::{self, File},
    hint::black_box,
    io::{self, BufRead, BufReader, Read, Write},
    os::{fd::AsRawFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::atomic::AtomicBool,
    thread,
    time::{Duration, Instant},
};

use reporter_sdk::{Category, Options, Policy, Reporter};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const RUNS: usize = 50;
const HEAP: usize = 200 << 20;
const THREADS: [usize; 2] = [10, 500];
/// For anything that should take milliseconds.
const PATIENCE: i32 = 20_000;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["ours", directory, threads] => product(threads.parse()?, || Ok(start_ours(directory.as_ref())), is_ready),
        ["minidumper", directory, threads] => {
            product(threads.parse()?, || start_minidumper(directory.as_ref()), |_| Ok(()))
        }
        ["server", directory] => serve(directory.as_ref()),
        [] => compare(RUNS),
        [runs] => compare(runs.parse()?),
        other => Err(format!("not understood: {other:?}").into()),
    }
}

/// Nanoseconds of a clock that all processes share.
fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` lives here and is all that is written.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Fills its heap, starts its threads and its reporting, says how long that took and how long until it was ready, waits for a word, says the time, and fails.
fn product<T>(
    threads: usize,
    start: impl FnOnce() -> Result<T>,
    is_ready: impl FnOnce(&T) -> Result<()>,
) -> Result<()> {
    let mut heap = vec![0u8; HEAP];
    heap.iter_mut().step_by(64).zip(0u32..).for_each(|(byte, n)| *byte = n as u8);
    black_box(&mut heap);
    for number in 1..threads {
        thread::Builder::new().name(format!("worker-{number}")).spawn(|| thread::sleep(Duration::from_secs(3600)))?;
    }
    // They are waiting then, as in a product that has come up, and do not start at the same time as the reporting.
    thread::sleep(Duration::from_millis(100));
    let started = Instant::now();
    let reporting = start()?;
    let took = started.elapsed();
    is_ready(&reporting)?;
    println!("{} {}", took.as_nanos(), started.elapsed().as_nanos());
    io::stdin().read_exact(&mut [0])?;
    let mut out = io::stdout();
    out.write_all(&now().to_le_bytes())?;
    out.flush()?;
    // SAFETY: it is not: this is the fault that all is about.
    unsafe { black_box(std::ptr::null_mut::<u32>()).write_volatile(1) };
    black_box(heap);
    Ok(())
}

fn start_ours(directory: &Path) -> Reporter {
    let mut options = Options::new("Example Software", "Capture", "1.0")
        .handler(directory.join("reporter-handler"))
        .spool(directory.join("spool"))
        .limits(0, 0);
    for category in [
        Category::Processes,
        Category::System,
        Category::Account,
        Category::Network,
        Category::Product,
        Category::Attachments,
    ] {
        options = options.category(category, Policy::Never);
    }
    Reporter::start(options)
}

/// Waits until the handler answers.
fn is_ready(reporter: &Reporter) -> Result<()> {
    if reporter.is_active() { Ok(()) } else { Err(format!("{:?}", reporter.soft_errors()).into()) }
}

fn start_minidumper(directory: &Path) -> Result<crash_handler::CrashHandler> {
    let socket = directory.join("socket");
    let client = minidumper::Client::with_name(minidumper::SocketName::path(text(&socket)?))?;
    let report = move |context: &crash_handler::CrashContext| {
        crash_handler::CrashEventResult::Handled(client.request_dump(context).is_ok())
    };
    // SAFETY: what it does in a signal handler is minidumper's documented use.
    Ok(crash_handler::CrashHandler::attach(unsafe { crash_handler::make_crash_event(report) })?)
}

struct Server(PathBuf);

impl minidumper::ServerHandler for Server {
    fn create_minidump_file(&self) -> io::Result<(File, PathBuf)> {
        let path = self.0.join("dumps/minidump.tmp");
        Ok((File::create(&path)?, path))
    }

    fn on_minidump_created(
        &self,
        result: std::result::Result<minidumper::MinidumpBinary, minidumper::Error>,
    ) -> minidumper::LoopAction {
        match result {
            Ok(_) => fs::rename(self.0.join("dumps/minidump.tmp"), self.0.join("dumps/minidump.dmp")).expect("renamed"),
            Err(error) => eprintln!("no minidump: {error}"),
        }
        minidumper::LoopAction::Exit
    }

    fn on_message(&self, _: u32, _: Vec<u8>) {}
}

fn serve(directory: &Path) -> Result<()> {
    let socket = directory.join("socket");
    let mut server = minidumper::Server::with_name(minidumper::SocketName::path(text(&socket)?))?;
    println!("ready");
    Ok(server.run(Box::new(Server(directory.into())), &AtomicBool::new(false), None)?)
}

/// A process of this program, and its ends of the pipes.
struct Role {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Role {
    fn start(arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take().ok_or("no pipe")?;
        let output = BufReader::new(child.stdout.take().ok_or("no pipe")?);
        Ok(Self { child, input, output })
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    /// Lets it fail. Returns the time just before.
    fn fail(&mut self) -> Result<u64> {
        self.input.write_all(b"!")?;
        let mut time = [0; 8];
        self.output.read_exact(&mut time)?;
        Ok(u64::from_le_bytes(time))
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tells when files get their names in a folder.
struct Watch(File);

impl Watch {
    fn of(folder: &Path) -> Result<Self> {
        use std::os::fd::FromRawFd;
        // SAFETY: passes no pointer.
        let fd = unsafe { libc::inotify_init1(libc::IN_CLOEXEC) };
        // SAFETY: a new descriptor, which nobody else has.
        let watch = Self(unsafe { File::from_raw_fd(fd) });
        let path = std::ffi::CString::new(folder.as_os_str().as_bytes())?;
        // SAFETY: a C string that outlives the call.
        let added = unsafe { libc::inotify_add_watch(watch.0.as_raw_fd(), path.as_ptr(), libc::IN_MOVED_TO) };
        if added < 0 { Err(io::Error::last_os_error().into()) } else { Ok(watch) }
    }

    /// The times at which the next `count` files had got their names.
    fn times(&mut self, count: usize) -> Result<Vec<u64>> {
        let mut times = Vec::new();
        while times.len() < count {
            let mut poll = libc::pollfd { fd: self.0.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: one entry, as announced.
            if unsafe { libc::poll(&raw mut poll, 1, PATIENCE) } != 1 {
                return Err("no file came".into());
            }
            let time = now();
            let mut events = [0; 4096];
            let size = self.0.read(&mut events)?;
            let mut at = 0;
            while at < size {
                let name = u32::from_ne_bytes(events[at + 12..at + 16].try_into()?);
                at += 16 + name as usize;
                times.push(time);
            }
        }
        Ok(times)
    }
}

/// Times of one crash each, in nanoseconds.
#[derive(Default)]
struct Times {
    minidumper: Vec<u64>,
    dump: Vec<u64>,
    draft: Vec<u64>,
    start: Vec<u64>,
    ready: Vec<u64>,
}

fn compare(runs: usize) -> Result<()> {
    let handler = handler()?;
    println!("{runs} crashes each, medians; {} MiB of heap", HEAP >> 20);
    for threads in THREADS {
        let mut times = Times::default();
        for _ in 0..runs {
            minidumpers_crash(threads, &mut times)?;
            our_crash(threads, &handler, &mut times)?;
        }
        let [minidumper, dump, draft] =
            [&mut times.minidumper, &mut times.dump, &mut times.draft].map(|times| median(times));
        let millis = |nanos: u64| nanos as f64 / 1e6;
        println!("{threads} threads, from the fault on");
        println!("  minidumper: dump on disk, not flushed        {:7.2} ms", millis(minidumper));
        println!(
            "  ours: dump on disk, not flushed              {:7.2} ms, ratio {:.2}",
            millis(dump),
            ratio(dump, minidumper)
        );
        println!(
            "  ours: draft with all frames on disk, flushed {:7.2} ms, ratio {:.2}",
            millis(draft),
            ratio(draft, minidumper)
        );
        println!(
            "  Reporter::start in the product's thread: {:.2} ms; until the handler had answered: {:.2} ms",
            millis(median(&mut times.start)),
            millis(median(&mut times.ready))
        );
    }
    idle(&handler)
}

fn median(times: &mut [u64]) -> u64 {
    times.sort_unstable();
    times[times.len() / 2]
}

fn ratio(ours: u64, theirs: u64) -> f64 {
    ours as f64 / theirs as f64
}

fn minidumpers_crash(threads: usize, times: &mut Times) -> Result<()> {
    let place = tempfile::tempdir()?;
    fs::create_dir(place.path().join("dumps"))?;
    let directory = text(place.path())?;
    let mut server = Role::start(&["server", directory])?;
    server.line()?;
    let mut product = Role::start(&["minidumper", directory, &threads.to_string()])?;
    product.line()?;
    let mut watch = Watch::of(&place.path().join("dumps"))?;
    let before = product.fail()?;
    times.minidumper.push(watch.times(1)?[0] - before);
    Ok(())
}

fn our_crash(threads: usize, handler: &Path, times: &mut Times) -> Result<()> {
    let place = place(handler)?;
    let directory = text(place.path())?;
    let mut product = Role::start(&["ours", directory, &threads.to_string()])?;
    let line = product.line()?;
    let (start, ready) = line.split_once(' ').ok_or("not two times")?;
    times.start.push(start.parse()?);
    times.ready.push(ready.parse()?);
    let mut watch = Watch::of(&place.path().join("spool/new"))?;
    let before = product.fail()?;
    let [dump, draft] = watch.times(2)?[..] else { return Err("more files than expected".into()) };
    times.dump.push(dump - before);
    times.draft.push(draft - before);
    wait_for_handlers(place.path())
}

fn place(handler: &Path) -> Result<tempfile::TempDir> {
    let place = tempfile::tempdir()?;
    std::os::unix::fs::symlink(handler, place.path().join("reporter-handler"))?;
    Ok(place)
}

/// What a handler costs that has nothing to do.
fn idle(handler: &Path) -> Result<()> {
    const SECONDS: u64 = 5;
    let place = place(handler)?;
    let mut product = Role::start(&["ours", text(place.path())?, "10"])?;
    product.line()?;
    thread::sleep(Duration::from_secs(1));
    let [pid] = handlers(place.path())[..] else { return Err("no handler, or several".into()) };
    let switches = || -> Result<u64> {
        let mut all = 0;
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            let status = fs::read_to_string(task?.path().join("status"))?;
            all += field(&status, "voluntary_ctxt_switches:")? + field(&status, "nonvoluntary_ctxt_switches:")?;
        }
        Ok(all)
    };
    let before = switches()?;
    thread::sleep(Duration::from_secs(SECONDS));
    let wakes = switches()? - before;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let mib = |kib: u64| kib as f64 / 1024.0;
    println!(
        "idle handler: {wakes} wake-ups in {SECONDS} s; {:.2} MiB resident ({:.2} MiB of it anonymous), {:.2} MiB proportional",
        mib(field(&status, "VmRSS:")?),
        mib(field(&status, "RssAnon:")?),
        mib(field(&rollup, "Pss:")?)
    );
    drop(product);
    wait_for_handlers(place.path())
}

fn field(text: &str, name: &str) -> Result<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)).ok_or("the kernel does not tell")?;
    Ok(value.trim().trim_end_matches(" kB").parse()?)
}

/// The processes that were started as the handler of this folder.
fn handlers(place: &Path) -> Vec<u32> {
    let program = place.join("reporter-handler");
    let is_ours = |pid: &u32| {
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        arguments.split(|byte| *byte == 0).next() == Some(program.as_os_str().as_bytes())
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().filter_map(std::result::Result::ok);
    processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_ours).collect()
}

fn wait_for_handlers(place: &Path) -> Result<()> {
    let started = Instant::now();
    while !handlers(place).is_empty() {
        if started.elapsed().as_millis() > PATIENCE as u128 {
            return Err("the handler does not end".into());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn text(path: &Path) -> Result<&str> {
    Ok(path.to_str().ok_or("a temporary folder whose name is no text")?)
}

/// The handler program, built in the profile of this one.
fn handler() -> Result<PathBuf> {
    // target/release/deps/capture-0123
    let this = env::current_exe()?;
    let folder = this.ancestors().nth(2).ok_or("not where cargo puts benches")?;
    let built = folder.join("reporter-handler");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "-p", "reporter-sdk", "--features", "handler", "--bin", "reporter-handler"]);
    build.args(folder.ends_with("release").then_some("--release"));
    build.arg("--target-dir").arg(folder.parent().ok_or("not in a target folder")?);
    if !build.current_dir(env!("CARGO_MANIFEST_DIR")).status()?.success() {
        return Err("the handler cannot be built".into());
    }
    Ok(built)
}

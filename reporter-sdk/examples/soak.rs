//! Soak: a busy hour, and whether anything grows in it. `scripts/soak [MINUTES]` runs it.
//!
//! Two products run side by side, each with two threads that record 2,000 actions a second and an error that it handles each second:
//!
//! - *steady* runs all the time with one handler, which takes a minidump for each error;
//! - *crashing* crashes each minute and is started again, each tenth time with a full memory dump.
//!
//! What they report is sent, by a standing answer, as mails into a folder, from which it is taken and counted. Every ten seconds the handlers' memory, descriptors and threads,
//! the files that lie about, and the products' times are noted; in the end the medians of the first quarter are put beside those of the last.
//!
//! Exit status: 0, or 1 where something has grown or a report is missing; 2 for wrong usage.

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fs,
    hint::black_box,
    io::{BufRead, BufReader, Write, stdout},
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitCode, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, sleep},
    time::{Duration, Instant},
};

use reporter_sdk::{
    Dump, ErrorKind, Mail, Options, Policy, Reporter, Surface,
    consent::{CategorySet, Remember, Remembered},
    spool::Spool,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const SAMPLE_EVERY: Duration = Duration::from_secs(10);
const CRASH_EVERY: Duration = Duration::from_secs(60);
const ERROR_EVERY: Duration = Duration::from_secs(1);
/// Actions are recorded in batches, a hundred a second.
const BATCH: u32 = 20;
const BATCH_EVERY: Duration = Duration::from_millis(10);
/// A crash in so many has a full memory dump.
const FULL_DUMP: u32 = 10;
/// For anything that should take seconds.
const PATIENCE: Duration = Duration::from_secs(120);
const MIB: f64 = 1_048_576.0;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let outcome = match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["product", directory, role] => product(Path::new(directory), role).map(|()| true),
        [minutes, handler] => match minutes.parse() {
            Ok(minutes) if (2..=24 * 60).contains(&minutes) => soak(minutes, Path::new(handler)),
            _ => return usage(),
        },
        _ => return usage(),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("soak: usage: soak MINUTES HANDLER, from 2 minutes to a day");
    ExitCode::from(2)
}

/// Works, and tells once a second on its standard output how: the median time of an action and the time of the error, in nanoseconds. The steady one ends when it
/// is told to; the others crash after a minute, and tell the time just before.
fn product(directory: &Path, role: &str) -> Result<()> {
    let mail = Mail::new("errors@soak.example", ["support@soak.example"]).eml_directory(directory.join("mails"));
    let options = Options::new("Example Software", "Soak", env!("CARGO_PKG_VERSION"))
        .handler(directory.join("reporter-handler"))
        .spool(directory.join("spool"))
        .limits(0, 0)
        .mail(mail);
    let options = match role {
        "steady" => options.kind(ErrorKind::HandledError, Policy::Ask, Dump::Minidump),
        "full" => options.kind(ErrorKind::Crash, Policy::Ask, Dump::FullMemory),
        "crashing" => options,
        other => return Err(format!("no role {other}").into()),
    };
    let reporter = Reporter::start(options);
    if !reporter.is_active() {
        return Err(format!("{role}: {:?}", reporter.soft_errors()).into());
    }
    let times = Arc::new(Mutex::new(Vec::new()));
    let stop = Arc::new(AtomicBool::new(false));
    for worker in 0..2 {
        let (times, stop) = (Arc::clone(&times), Arc::clone(&stop));
        thread::Builder::new().name(format!("worker-{worker}")).spawn(move || work(&times, &stop))?;
    }
    // Told to end by the end of its input.
    let (end, ended) = mpsc::channel::<()>();
    thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        drop(end);
    });
    let started = Instant::now();
    let mut errors = 0;
    while matches!(ended.recv_timeout(ERROR_EVERY), Err(mpsc::RecvTimeoutError::Timeout)) {
        if role != "steady" && started.elapsed() >= CRASH_EVERY {
            println!("crash {errors} {}", now());
            stdout().flush()?;
            // SAFETY: it is not: this is the crash that the hour is about.
            unsafe { black_box(std::ptr::null_mut::<u32>()).write_volatile(1) };
        }
        let action = median(std::mem::take(&mut *times.lock().unwrap_or_else(PoisonError::into_inner)));
        let before = Instant::now();
        reporter_sdk::capture_error(&std::io::Error::other("the server did not answer"));
        errors += 1;
        println!("times {action} {}", before.elapsed().as_nanos());
        stdout().flush()?;
    }
    stop.store(true, Ordering::Relaxed);
    println!("end {errors}");
    reporter.shutdown(PATIENCE);
    Ok(())
}

fn work(times: &Mutex<Vec<f64>>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        for number in 0..BATCH {
            let before = Instant::now();
            reporter_sdk::command("soak.work", "Work", Surface::Menu);
            if number == BATCH / 2 {
                let took = before.elapsed().as_nanos() as f64;
                times.lock().unwrap_or_else(PoisonError::into_inner).push(took);
            }
        }
        sleep(BATCH_EVERY);
    }
}

/// Nanoseconds of a clock that all processes share.
fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// All that was measured, by what it is, with the seconds since the start.
type Series = Arc<Mutex<BTreeMap<&'static str, Vec<(f64, f64)>>>>;

/// The folder of one product, as it is installed.
struct Installed(PathBuf);

impl Installed {
    fn new(directory: PathBuf, handler: &Path) -> Result<Self> {
        fs::create_dir_all(directory.join("mails"))?;
        symlink(handler.canonicalize()?, directory.join("reporter-handler"))?;
        let always = Remembered {
            remember: Remember::Always,
            product_version: env!("CARGO_PKG_VERSION").into(),
            categories: CategorySet::all(),
            time: 1,
        };
        Spool::open(&directory.join("spool"))?.remember(&always)?;
        Ok(Self(directory))
    }

    fn start(&self, role: &str, temporary: &Path) -> Result<(Child, BufReader<ChildStdout>)> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("product").arg(&self.0).arg(role).env("TMPDIR", temporary);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        Ok((child, BufReader::new(output)))
    }

    /// The processes that were started as this product's handler.
    fn handlers(&self) -> Vec<u32> {
        let program = self.0.join("reporter-handler");
        let is_ours = |pid: &u32| {
            let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            arguments.split(|byte| *byte == 0).next() == Some(program.as_os_str().as_bytes())
        };
        let processes = fs::read_dir("/proc").into_iter().flatten().filter_map(std::result::Result::ok);
        processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_ours).collect()
    }

    /// Takes the mails that are there, as a mail program would, and counts them.
    fn take_mails(&self) -> u64 {
        let mails = files(&self.0.join("mails")).into_iter();
        mails
            .filter(|path| path.extension().is_some_and(|ending| ending == "eml"))
            .map(|path| u64::from(fs::remove_file(path).is_ok()))
            .sum()
    }

    /// Waits for the end of the handlers, and takes the last mails.
    fn ends(&self) -> Result<u64> {
        let started = Instant::now();
        while !self.handlers().is_empty() {
            if started.elapsed() > PATIENCE {
                return Err(format!("the handler of {} does not end", self.0.display()).into());
            }
            sleep(Duration::from_millis(100));
        }
        Ok(self.take_mails())
    }
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(std::result::Result::ok);
    let below = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => files(&entry.path()),
        _ => vec![entry.path()],
    };
    entries.flat_map(below).collect()
}

struct Noting {
    started: Instant,
    series: Series,
}

impl Noting {
    fn note(&self, what: &'static str, value: f64) {
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        series.entry(what).or_default().push((self.started.elapsed().as_secs_f64(), value));
    }

    /// What the kernel says of a process. One that has just ended says nothing.
    fn note_process(&self, pid: u32, [memory, descriptors, threads]: [&'static str; 3]) {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let fact = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().trim_end_matches(" kB").parse::<f64>().ok()
        };
        if let (Some(kilobytes), Some(count)) = (fact("VmRSS:"), fact("Threads:"))
            && let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd"))
        {
            self.note(memory, kilobytes * 1024.0);
            self.note(threads, count);
            self.note(descriptors, open.count() as f64);
        }
    }
}

fn soak(minutes: u64, handler: &Path) -> Result<bool> {
    let directory = env::temp_dir().join(format!("soak-{}", std::process::id()));
    let temporary = directory.join("tmp");
    fs::create_dir_all(&temporary)?;
    let [steady, crashing] = ["steady", "crashing"].map(|name| Installed::new(directory.join(name), handler));
    let (steady, crashing) = (steady?, crashing?);
    let noting = Noting { started: Instant::now(), series: Series::default() };
    let end = noting.started + Duration::from_secs(minutes * 60);
    println!("soak: {minutes} minutes in {}", directory.display());

    // Errors that were reported, and reports that came.
    let (errors, mut steady_mails, mut crashing_mails) = (AtomicU64::new(0), 0, 0);
    let crashes = thread::scope(|scope| -> Result<u64> {
        let (mut product, output) = steady.start("steady", &temporary)?;
        let reader = scope.spawn(|| read_times(output, &noting, &errors));
        let crasher =
            scope.spawn(|| crash_until(end, &crashing, &temporary, &noting).map_err(|error| error.to_string()));
        let mut next = Instant::now() + SAMPLE_EVERY;
        while Instant::now() < end {
            sleep(next.saturating_duration_since(Instant::now()).min(end.saturating_duration_since(Instant::now())));
            next += SAMPLE_EVERY;
            steady_mails += steady.take_mails();
            crashing_mails += crashing.take_mails();
            noting.note_process(product.id(), ["product: memory", "product: descriptors", "product: threads"]);
            for pid in steady.handlers() {
                noting.note_process(pid, ["handler: memory", "handler: descriptors", "handler: threads"]);
            }
            for pid in crashing.handlers() {
                noting.note_process(
                    pid,
                    ["crashed handler: memory", "crashed handler: descriptors", "crashed handler: threads"],
                );
            }
            let lying = [&steady, &crashing].iter().map(|place| files(&place.0.join("spool")).len()).sum::<usize>();
            noting.note("files in the spools", lying as f64);
            noting.note("files in the temporary folder", files(&temporary).len() as f64);
        }
        drop(product.stdin.take());
        let status = product.wait()?;
        if !status.success() {
            return Err(format!("the steady product ended: {status}").into());
        }
        reader.join().map_err(|_| "the reader panicked")?;
        Ok(crasher.join().map_err(|_| "the crasher panicked")??)
    })?;
    steady_mails += steady.ends()?;
    crashing_mails += crashing.ends()?;
    let crash_errors =
        noting.series.lock().unwrap_or_else(PoisonError::into_inner).remove("errors").unwrap_or_default();
    let expected = crashes + crash_errors.iter().map(|(_, count)| *count as u64).sum::<u64>();
    let errors = errors.into_inner();
    let left = files(&directory);
    let left: Vec<_> = left
        .iter()
        .filter(|path| !["choice", "counts", "reporter-handler"].iter().any(|name| path.ends_with(name)))
        .collect();

    let mut is_good = table(&noting, minutes);
    println!(
        "steady product: {errors} errors, {steady_mails} reports; crashing product: {crashes} crashes, {expected} errors in all, {crashing_mails} reports"
    );
    if errors != steady_mails || expected != crashing_mails || crashes < minutes / 2 {
        println!("REPORTS ARE MISSING, or came twice, or there were too few crashes");
        is_good = false;
    }
    if left.is_empty() {
        fs::remove_dir_all(&directory)?;
    } else {
        println!("LEFT OVER: {left:#?}");
        is_good = false;
    }
    println!("soak: {}", if is_good { "nothing has grown" } else { "NOT as it should be" });
    Ok(is_good)
}

fn read_times(output: BufReader<ChildStdout>, noting: &Noting, errors: &AtomicU64) {
    for line in output.lines().map_while(std::result::Result::ok) {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["times", action, error] => {
                noting.note("an action", action.parse().unwrap_or(f64::NAN));
                noting.note("a handled error with a minidump", error.parse().unwrap_or(f64::NAN));
            }
            ["end", count] => errors.store(count.parse().unwrap_or(0), Ordering::Relaxed),
            _ => {}
        }
    }
}

/// Starts the product again each time that it has crashed. Returns how often it did.
fn crash_until(end: Instant, place: &Installed, temporary: &Path, noting: &Noting) -> Result<u64> {
    let mut crashes = 0;
    while Instant::now() + CRASH_EVERY < end {
        let is_full = crashes % u64::from(FULL_DUMP) == 0;
        let (mut product, output) = place.start(if is_full { "full" } else { "crashing" }, temporary)?;
        let mut crashed = 0;
        for line in output.lines().map_while(std::result::Result::ok) {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["times", _, error] => noting.note("a handled error", error.parse().unwrap_or(f64::NAN)),
                ["crash", errors, time] => {
                    noting.note("errors", errors.parse()?);
                    crashed = time.parse()?;
                }
                _ => {}
            }
        }
        let status = product.wait()?;
        if crashed == 0 || status.success() {
            return Err(format!("the crashing product ended: {status}").into());
        }
        let what = if is_full { "a crash with its full memory, to the end" } else { "a crash, to the end" };
        noting.note(what, now().saturating_sub(crashed) as f64);
        crashes += 1;
    }
    Ok(crashes)
}

/// How much more the last quarter may have than the first.
fn may_be(what: &str, first: f64) -> f64 {
    match what {
        _ if what.ends_with("memory") && what.contains(':') => first + 2.0 * MIB,
        _ if what.contains(':') || what.starts_with("files") => first,
        _ => first * 1.5,
    }
}

fn in_words(what: &str, value: f64) -> String {
    match what {
        _ if what.ends_with("memory") && what.contains(':') => format!("{:.2} MiB", value / MIB),
        _ if what.contains(':') || what.starts_with("files") => format!("{value}"),
        _ if value < 10_000.0 => format!("{value:.0} ns"),
        _ => format!("{:.2} ms", value / 1e6),
    }
}

/// Prints the medians of the first and the last quarter. False where one has grown.
fn table(noting: &Noting, minutes: u64) -> bool {
    let series = noting.series.lock().unwrap_or_else(PoisonError::into_inner);
    let length = (minutes * 60) as f64;
    // What is loaded and reserved once is no growth.
    let warm = (length / 10.0).min(180.0);
    let quarter = (length - warm) / 4.0;
    let mut is_good = true;
    println!("\n{:<42} {:>8} {:>14} {:>14} {:>14}  ", "median of a quarter", "values", "first", "last", "at most");
    for (what, values) in series.iter() {
        let of = |from: f64, to: f64| {
            let values = values.iter().filter(|(at, value)| (from..to).contains(at) && value.is_finite());
            median(values.map(|(_, value)| *value).collect())
        };
        let (first, last) = (of(warm, warm + quarter), of(length - quarter, f64::INFINITY));
        let most = may_be(what, first);
        let verdict = match () {
            () if first.is_nan() || last.is_nan() => "too few",
            () if last > most => "GROWN",
            () => "ok",
        };
        is_good &= verdict != "GROWN";
        let [first, last, most] =
            [first, last, most].map(|value| if value.is_nan() { "-".into() } else { in_words(what, value) });
        println!("{what:<42} {:>8} {first:>14} {last:>14} {most:>14}  {verdict}", values.len());
    }
    is_good
}

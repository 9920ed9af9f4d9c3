//! All memory of a live process: read, compressed and written, beside `gcore` followed by `zstd -1`, and beside what two cores of zstd can do with the same bytes, each with
//! its goal. Ends with 1 if one is missed. A program and not criterion's: each figure takes seconds, and what counts are the ratios within one run.
//!
//! `cargo bench -p benches --bench full_memory -- 1024 4096` (MiB; 1024 without). Needs gdb and zstd, three times the largest in memory and on disk, and two processors
//! that nobody else keeps busy.

use std::{
    env,
    error::Error,
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
    process::{Command, ExitCode, Stdio},
    thread,
    time::Instant,
};

use benches::{Goals, Live, forget_peak, peak, resident, zstd_on_two_cores};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const MIB: u64 = 1 << 20;
/// Each time is the best of so many runs, which take turns: the machine may do other things.
const RUNS: usize = 3;

/// The seconds that `work` takes.
fn timed(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed().as_secs_f64())
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

/// With two threads that compress, since two cores are what it is measured against.
fn ours(live: &Live, path: &Path) -> Result<()> {
    let (file, _) = reporter_sdk::bench::full_memory(live.id(), 2, BufWriter::new(File::create(path)?))?;
    file.into_inner()?.flush()?;
    Ok(())
}

fn measure(name: &str, live: &Live, folder: &Path, goals: &mut Goals) -> Result<()> {
    let report = folder.join("full.report");
    // First of all, while nothing is left of earlier work that it could use again unseen.
    let before = resident();
    forget_peak();
    ours(live, &report)?;
    let over = peak().saturating_sub(before);

    let core = folder.join(format!("core.{}", live.id()));
    let compressed = folder.join("core.zst");
    let (mut report_time, mut core_time, mut one, mut two) =
        (f64::INFINITY, f64::INFINITY, f64::INFINITY, f64::INFINITY);
    let mut core_size = 0;
    for _ in 0..RUNS {
        report_time = report_time.min(timed(|| ours(live, &report))?);
        let gcore = || run(Command::new("gcore").arg("-o").arg(folder.join("core")).arg(live.id().to_string()));
        core_time = core_time.min(timed(gcore)?);
        let zstd = |threads: &str| {
            run(Command::new("zstd").args(["-q", "-f", "-1", threads]).arg(&core).arg("-o").arg(&compressed))
        };
        one = one.min(timed(|| zstd("--single-thread"))?);
        two = two.min(timed(|| zstd("-T2"))?);
        core_size = fs::metadata(&core)?.len();
        fs::remove_file(&core)?;
    }
    let buffer = live.copy()?;
    let mut bound = f64::INFINITY;
    for _ in 0..RUNS {
        bound = bound.min(timed(|| {
            zstd_on_two_cores(buffer.bytes())?;
            Ok(())
        })?);
    }
    println!("\n{name}: a core of {} MiB, {} MiB of heap", core_size / MIB, buffer.bytes().len() as u64 / MIB);
    for (what, seconds, file) in [
        ("ours, all in all", report_time, Some(&report)),
        ("gcore", core_time, None),
        ("zstd -1", one, Some(&compressed)),
        ("zstd -1 -T2", two, Some(&compressed)),
        ("two cores of zstd -1, in memory", bound, None),
    ] {
        let size = file.map_or(Ok(0), |file| fs::metadata(file).map(|metadata| metadata.len()))?;
        let size = if size == 0 { String::new() } else { format!(", {} MiB", size / MIB) };
        println!("  {what:40}{seconds:8.2} s{size}");
    }
    goals.at_least("faster than gcore, then zstd -1", (core_time + one) / report_time, 3.0, "times");
    goals.at_least("faster than gcore, then zstd -1 -T2", (core_time + two) / report_time, 2.0, "times");
    goals.at_least("of what two cores of zstd do", 100.0 * bound / report_time, 90.0, "%");
    goals.at_most("peak memory of reading and writing", over as f64 / MIB as f64, 32.0, "MiB");
    fs::remove_file(&compressed)?;
    fs::remove_file(&report)?;
    Ok(())
}

fn run_all() -> Result<Goals> {
    if thread::available_parallelism()?.get() < 2 {
        return Err("the goals are those of two processors, and here is one".into());
    }
    let sizes: Vec<u64> = env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![1024] } else { sizes };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let mut goals = Goals::default();
    let mut measured = 0;
    for size in sizes {
        for (name, is_python) in [("Python", true), ("Node.js", false)] {
            if let Some(live) = if is_python { Live::python(size * MIB) } else { Live::node(size * MIB) } {
                measure(&format!("{name}, {size} MiB"), &live, folder.path(), &mut goals)?;
                measured += 1;
            }
        }
    }
    // Nothing was measured where there is no such program, which is no reason to be content.
    if measured == 0 { Err("no process was measured".into()) } else { Ok(goals) }
}

fn main() -> ExitCode {
    match run_all() {
        Ok(goals) => goals.exit_code(),
        Err(error) => {
            eprintln!("full_memory: {error}");
            ExitCode::FAILURE
        }
    }
}

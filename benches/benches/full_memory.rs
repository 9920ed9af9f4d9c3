//! All memory of a live process: read, compressed and written, beside `gcore` followed by `zstd -1`, and beside what two cores of zstd can do with the same bytes (those of
//! the report, which has programs and libraries as well, unlike gcore's core), each with its goal. Ends with 1 if one is missed. A program and not criterion's: each
//! figure takes seconds, and what counts are the ratios within one round.
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
use report_format::{Limits, ReportFile, memory::PAGE};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const MIB: u64 = 1 << 20;
/// Of so many rounds. In each, all take their turn: a virtual machine can be a third slower from one minute to the next, which must not be one side's alone.
const ROUNDS: usize = 5;

/// The seconds that `work` takes. What others have written before is on the disk by then: else the system would write it meanwhile.
fn timed(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    run(&mut Command::new("sync"))?;
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

fn size(path: &Path) -> Result<u64> {
    Ok(fs::metadata(path)?.len())
}

/// All bytes of the report's image, one after the other.
fn content(report: &Path) -> Result<Vec<u8>> {
    let mut file = ReportFile::open(File::open(report)?, &Limits::default())?;
    let image = file.memory()?.ok_or("the report has no image")?;
    let mut bytes = Vec::new();
    for region in image.regions() {
        for address in (region.address..region.address + region.size).step_by(PAGE) {
            let from = bytes.len();
            bytes.resize(from + PAGE, 0);
            if image.read_at(address, &mut bytes[from..]).is_err() {
                bytes.truncate(from);
            }
        }
    }
    Ok(bytes)
}

/// With two threads, since two cores are what it is measured against.
fn ours(live: &Live, path: &Path) -> Result<()> {
    let (file, _) = reporter_sdk::bench::full_memory(live.id(), 2, BufWriter::new(File::create(path)?))?;
    file.into_inner()?.flush()?;
    Ok(())
}

/// The seconds of each in one round.
struct Round {
    ours: f64,
    bound: f64,
    gcore: f64,
    one: f64,
    two: f64,
}

fn measure(name: &str, live: &Live, folder: &Path, goals: &mut Goals) -> Result<()> {
    let report = folder.join("full.report");
    // First of all, while nothing is left of earlier work that it could use again unseen.
    let before = resident();
    forget_peak();
    ours(live, &report)?;
    let over = peak().saturating_sub(before);

    let bytes = content(&report)?;
    let report_size = size(&report)?;
    let core = folder.join(format!("core.{}", live.id()));
    let compressed = folder.join("core.zst");
    let (mut core_size, mut compressed_size) = (0, 0);
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        // To make a file anew is another thing than to empty one.
        fs::remove_file(&report)?;
        let ours = timed(|| ours(live, &report))?;
        let bound = timed(|| {
            zstd_on_two_cores(&bytes)?;
            Ok(())
        })?;
        let gcore = timed(|| run(Command::new("gcore").arg("-o").arg(folder.join("core")).arg(live.id().to_string())))?;
        core_size = size(&core)?;
        let mut zstd = |threads: &str| -> Result<f64> {
            let mut command = Command::new("zstd");
            command.args(["-q", "-1", threads]).arg(&core).arg("-o").arg(&compressed);
            let time = timed(|| run(&mut command))?;
            compressed_size = size(&compressed)?;
            fs::remove_file(&compressed)?;
            Ok(time)
        };
        rounds.push(Round { ours, bound, gcore, one: zstd("--single-thread")?, two: zstd("-T2")? });
        fs::remove_file(&core)?;
    }
    println!("\n{name}: a core of {} MiB, an image of {} MiB", core_size / MIB, bytes.len() as u64 / MIB);
    let median = |figure: fn(&Round) -> f64| {
        let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[ROUNDS / 2]
    };
    for (what, seconds, size) in [
        ("ours, all in all", median(|round| round.ours), report_size),
        ("two cores of zstd -1, in memory", median(|round| round.bound), 0),
        ("gcore", median(|round| round.gcore), 0),
        ("zstd -1", median(|round| round.one), compressed_size),
        ("zstd -1 -T2", median(|round| round.two), compressed_size),
    ] {
        let size = if size == 0 { String::new() } else { format!(", {} MiB", size / MIB) };
        println!("  {what:40}{seconds:8.2} s{size}");
    }
    let one = median(|round| (round.gcore + round.one) / round.ours);
    goals.at_least("faster than gcore, then zstd -1", one, 3.0, "times");
    let two = median(|round| (round.gcore + round.two) / round.ours);
    goals.at_least("faster than gcore, then zstd -1 -T2", two, 2.0, "times");
    goals.at_least("of what two cores of zstd do", median(|round| 100.0 * round.bound / round.ours), 90.0, "%");
    goals.at_most("peak memory of reading and writing", over as f64 / MIB as f64, 32.0, "MiB");
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

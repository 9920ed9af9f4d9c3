//! Memory images of gigabytes: throughput beside zstd on the same bytes, peak memory over the source, the time of a summary and of
//! one page, each with its goal. Ends with 1 if one is missed. A program and not criterion's: each figure takes seconds, and what
//! counts are the ratios within one run.
//!
//! `cargo bench -p benches --bench large_memory -- 256 1024 6144` (MiB; 256 and 1024 without). Needs three times the largest in memory
//! and on disk, and two processors that nobody else keeps busy.

use std::{
    env,
    error::Error,
    fs::File,
    hint::black_box,
    io::{BufWriter, Write},
    path::Path,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use benches::{
    Buffer, Counter, Goals, forget_peak, grown, node_heap, peak, python_heap, resident, zstd_on_two_cores, zstd_stream,
};
use report_format::{Limits, ReportFile, Summary, Writer, memory};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const MIB: u64 = 1 << 20;
/// Each time is the best of so many runs, which take turns: the machine may do other things.
const RUNS: usize = 5;

/// With two threads, since two cores are what it is measured against.
fn encode<W: Write>(image: &Buffer, out: W) -> Result<(W, u64)> {
    let summary = Summary { report_id: vec![7; 16], ..Default::default() };
    let mut writer = Writer::new(out, &summary)?;
    memory::encode(&mut writer, image, &memory::Options { threads: 2, ..Default::default() })?;
    let (out, _, length) = writer.finish()?;
    Ok((out, length))
}

/// The least time of each of the runs, and what they answer.
fn best<const N: usize>(runs: [&dyn Fn() -> Result<u64>; N]) -> Result<[(f64, u64); N]> {
    let mut best = [(f64::INFINITY, 0); N];
    for _ in 0..RUNS {
        for (run, best) in runs.iter().zip(&mut best) {
            let started = Instant::now();
            let answer = run()?;
            *best = (best.0.min(started.elapsed().as_secs_f64()), answer);
        }
    }
    Ok(best)
}

/// The answer: bytes of memory over the source at the peak of encoding.
fn measure(name: &str, image: &Buffer, folder: &Path, goals: &mut Goals) -> Result<u64> {
    let bytes = image.bytes();
    println!("\n{name}: {} MiB", bytes.len() as u64 / MIB);

    // First of all, while nothing is left of earlier work that it could use again unseen.
    let before = resident();
    forget_peak();
    encode(image, Counter::default())?;
    let over = peak().saturating_sub(before);

    let [alone, two, ours] = best([&|| Ok(zstd_stream(bytes)?), &|| Ok(zstd_on_two_cores(bytes)?), &|| {
        encode(image, Counter::default()).map(|(_, length)| length)
    }])?;
    for (what, (taken, length)) in [("zstd -1, one thread", alone), ("zstd -1, two cores", two), ("report", ours)] {
        let size = bytes.len() as f64;
        println!("  {what:40}{:8.0} MB/s, ratio {:.2}", size / 1e6 / taken, size / length as f64);
    }
    goals.at_least("throughput over zstd -1's, one thread", alone.0 / ours.0, 1.6, "times");
    goals.at_least("throughput of what two cores of zstd do", 100.0 * two.0 / ours.0, 90.0, "%");
    goals.at_least("ratio over zstd -1's", alone.1 as f64 / ours.1 as f64, 0.97, "times");
    goals.at_most("peak memory over the source", over as f64 / MIB as f64, 24.0, "MiB");

    let path = folder.join("large.report");
    encode(image, BufWriter::new(File::create(&path)?))?.0.into_inner()?.sync_all()?;
    open(&path, image, goals)?;
    std::fs::remove_file(path)?;
    Ok(over)
}

/// A summary of the report, and pages at random, of a file that the system has cached.
fn open(path: &Path, image: &Buffer, goals: &mut Goals) -> Result<()> {
    use memory::Source;
    let before = resident();
    forget_peak();
    let mut summary = Duration::MAX;
    for _ in 0..RUNS {
        let started = Instant::now();
        let file = ReportFile::open(File::open(path)?, &Limits::default())?;
        black_box((file.summary(), file.sections()));
        summary = summary.min(started.elapsed());
    }
    let over = peak().saturating_sub(before);
    goals.within("summary", summary, 5.0);
    goals.at_most("memory for it", over as f64 / MIB as f64, 16.0, "MiB");

    let mut file = ReportFile::open(File::open(path)?, &Limits::default())?;
    let opening = Instant::now();
    let read = file.memory()?.ok_or("the report has a memory image")?;
    let opening = opening.elapsed();
    let (mut page, mut expected) = ([0; memory::PAGE], [0; memory::PAGE]);
    let mut state = 1_u64;
    let mut times: Vec<Duration> = (0..1000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let regions = image.regions();
            let region = &regions[(state >> 33) as usize % regions.len()];
            let address = region.address + (state >> 20) % (region.size / 4096) * 4096;
            let started = Instant::now();
            read.read(address, &mut page)?;
            let taken = started.elapsed();
            image.read(address, &mut expected)?;
            if page != expected {
                return Err(format!("the page at {address:#x} is another").into());
            }
            Ok(taken)
        })
        .collect::<Result<_>>()?;
    times.sort();
    goals.within("a page at random, median", times[500], 2.0);
    goals.within("a page at random, 99th of 100", times[990], 2.0);
    let milliseconds = |taken: Duration| taken.as_secs_f64() * 1e3;
    println!(
        "  the slowest of 1000 pages {:.2} ms; opening the image {:.2} ms",
        milliseconds(times[999]),
        milliseconds(opening)
    );
    Ok(())
}

fn run() -> Result<Goals> {
    if thread::available_parallelism()?.get() < 2 {
        return Err("the goals are those of two processors, and here is one".into());
    }
    let sizes: Vec<u64> = env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![256, 1024] } else { sizes };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (mut goals, mut python, mut node) = (Goals::default(), Vec::new(), Vec::new());
    for size in sizes {
        // A Python process of several gigabytes takes minutes: beyond one it is grown from one of 1 GiB.
        let whole = size.min(1024);
        let copies = size.div_ceil(whole) as usize;
        let grow = |image: Buffer| if copies > 1 { grown(&image, copies) } else { image };
        if let Some(image) = python_heap(whole * MIB) {
            python.push(measure("Python heap", &grow(image), folder, &mut goals)?);
        }
        if size <= 1024
            && let Some(image) = node_heap(size * MIB)
        {
            node.push(measure("Node.js heap", &image, folder, &mut goals)?);
        }
    }
    println!("\nwhatever the size");
    for (name, over) in [("Python", &python), ("Node.js", &node)] {
        let spread = over.iter().max().zip(over.iter().min()).map(|(most, least)| most - least);
        // Nothing was measured where there is no such program, which is no reason to be content.
        let spread = spread.ok_or_else(|| format!("no heap of {name} was measured"))?;
        // The index grows with the image, by 24 bytes for each MiB; the rest is what the allocator does.
        goals.at_most(&format!("spread of peak memory, {name}"), spread as f64 / MIB as f64, 4.0, "MiB");
    }
    Ok(goals)
}

fn main() -> ExitCode {
    match run() {
        Ok(goals) => goals.exit_code(),
        Err(error) => {
            eprintln!("large_memory: {error}");
            ExitCode::FAILURE
        }
    }
}

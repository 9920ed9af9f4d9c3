//! Memory images of gigabytes: throughput beside zstd on the same bytes, peak memory over the source, the time of a summary and of
//! one page. A program and not criterion's: each figure takes seconds, and what counts are the ratios within one run.
//!
//! `cargo bench -p benches --bench large_memory -- 256 1024 6144` (MiB; 256 and 1024 without). Needs three times the largest in memory and on disk.

use std::{
    env,
    error::Error,
    fs::File,
    hint::black_box,
    io::{self, BufWriter, Write},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use benches::{Buffer, forget_peak, grown, node_heap, peak, python_heap, resident};
use report_format::{Limits, ReportFile, Summary, Writer, memory};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const MIB: u64 = 1 << 20;
/// Each time is the best of so many runs: the machine may do other things.
const RUNS: usize = 3;

/// Counts and forgets.
#[derive(Default)]
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(black_box(bytes).len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn best<T>(mut run: impl FnMut() -> Result<T>) -> Result<(Duration, T)> {
    let mut best: Option<(Duration, T)> = None;
    for _ in 0..RUNS {
        let started = Instant::now();
        let result = run()?;
        let taken = started.elapsed();
        if best.as_ref().is_none_or(|(least, _)| taken < *least) {
            best = Some((taken, result));
        }
    }
    best.ok_or_else(|| "no run".into())
}

/// What `zstd -1` makes of the bytes: one stream, one thread.
fn zstd_stream(bytes: &[u8]) -> Result<u64> {
    let mut encoder = zstd::stream::Encoder::new(Counter::default(), 1)?;
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.0)
}

/// What two cores of zstd can do at best: each has one half, and nothing else to do.
fn zstd_on_two_cores(bytes: &[u8]) -> Result<u64> {
    let (left, right) = bytes.split_at(bytes.len() / 2);
    thread::scope(|scope| {
        let other = scope.spawn(|| zstd_stream(left).map_err(|error| error.to_string()));
        let right = zstd_stream(right)?;
        Ok(right + other.join().map_err(|_| "a panic")??)
    })
}

fn encode<W: Write>(image: &Buffer, out: W) -> Result<(W, u64)> {
    let summary = Summary { report_id: vec![7; 16], ..Default::default() };
    let mut writer = Writer::new(out, &summary)?;
    memory::encode(&mut writer, image, &memory::Options::default())?;
    let (out, _, length) = writer.finish()?;
    Ok((out, length))
}

fn measure(name: &str, image: &Buffer, folder: &Path) -> Result<()> {
    let bytes = image.bytes();
    let rate = |taken: Duration| bytes.len() as f64 / 1e6 / taken.as_secs_f64();
    println!("\n{name}: {} MiB", bytes.len() as u64 / MIB);

    let (alone, stream) = best(|| zstd_stream(bytes))?;
    let (two, _) = best(|| zstd_on_two_cores(bytes))?;
    let before = resident();
    forget_peak();
    let (ours, (_, length)) = best(|| encode(image, Counter::default()))?;
    let over = peak().saturating_sub(before);
    println!("  zstd -1, one thread   {:7.0} MB/s, ratio {:.2}", rate(alone), bytes.len() as f64 / stream as f64);
    println!("  zstd -1, two cores    {:7.0} MB/s", rate(two));
    println!("  report                {:7.0} MB/s, ratio {:.2}", rate(ours), bytes.len() as f64 / length as f64);
    println!(
        "  report : zstd -1      {:.2} x the throughput, {:.3} x the ratio; {:.0} % of two cores; {:.1} MiB over the source",
        alone.as_secs_f64() / ours.as_secs_f64(),
        stream as f64 / length as f64,
        100.0 * two.as_secs_f64() / ours.as_secs_f64(),
        over as f64 / MIB as f64,
    );

    let path = folder.join("large.report");
    encode(image, BufWriter::new(File::create(&path)?))?.0.into_inner()?.sync_all()?;
    open(&path, image)?;
    std::fs::remove_file(path)?;
    Ok(())
}

/// A summary of the report, and pages at random, of a file that the system has cached.
fn open(path: &Path, image: &Buffer) -> Result<()> {
    use memory::Source;
    let before = resident();
    forget_peak();
    let (summary, _) = best(|| {
        let file = ReportFile::open(File::open(path)?, &Limits::default())?;
        Ok(black_box((file.summary().cloned(), file.sections().len())))
    })?;
    let over = peak().saturating_sub(before);
    println!("  summary               {:.2} ms, {:.1} MiB", summary.as_secs_f64() * 1e3, over as f64 / MIB as f64);

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
    println!(
        "  a page at random      median {:.2} ms, 99th of 100 {:.2} ms, most {:.2} ms; opening the image {:.2} ms",
        times[500].as_secs_f64() * 1e3,
        times[990].as_secs_f64() * 1e3,
        times[999].as_secs_f64() * 1e3,
        opening.as_secs_f64() * 1e3,
    );
    Ok(())
}

fn main() -> Result<()> {
    let sizes: Vec<u64> = env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![256, 1024] } else { sizes };
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for size in sizes {
        // A Python process of several gigabytes takes minutes: beyond one it is grown from one of 1 GiB.
        let whole = size.min(1024);
        let copies = size.div_ceil(whole) as usize;
        let grow = |image: Buffer| if copies > 1 { grown(&image, copies) } else { image };
        if let Some(image) = python_heap(whole * MIB) {
            measure("Python heap", &grow(image), folder)?;
        }
        if size <= 1024
            && let Some(image) = node_heap(size * MIB)
        {
            measure("Node.js heap", &image, folder)?;
        }
    }
    Ok(())
}

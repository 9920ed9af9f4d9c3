//! Memory images beside the plain ways to make a process's memory small (zstd -1, gzip -6, lz4), and beside what bounds them
//! (a copy, SHA-256). Reading back: a report's summary, pages at random, and all of it.
//!
//! `cargo bench -p benches --bench memory`; ratios within one run are what counts. Gigabytes are in `large_memory`.

use std::{
    hint::black_box,
    io::{Cursor, Write},
    time::Duration,
};

use benches::{Buffer, node_heap, noise, python_heap};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use report_format::{
    Decoder, Limits, ReportFile, Summary, Writer,
    memory::{self, PAGE, Source},
};
use sha2::{Digest, Sha256};

const SIZE: usize = 64 << 20;

fn report(image: &Buffer, threads: usize) -> Vec<u8> {
    let summary = Summary { report_id: vec![7; 16], ..Default::default() };
    let mut writer = Writer::new(Vec::new(), &summary).expect("a summary with ids");
    let options = memory::Options { threads, ..Default::default() };
    memory::encode(&mut writer, image, &options).expect("a vector takes everything");
    writer.finish().expect("a report").0
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).expect("a level of zstd");
    encoder.write_all(bytes).expect("a vector takes everything");
    encoder.finish().expect("a vector takes everything")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).expect("a vector takes everything");
    encoder.finish().expect("a vector takes everything")
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(bytes).expect("a vector takes everything");
    encoder.finish().expect("a vector takes everything")
}

fn images() -> Vec<(&'static str, Buffer)> {
    let mut images = vec![("zeros", Buffer::new(vec![0; SIZE])), ("random", Buffer::new(noise(SIZE)))];
    images.extend(python_heap(SIZE as u64).map(|image| ("Python heap", image)));
    images.extend(node_heap(SIZE as u64).map(|image| ("Node.js heap", image)));
    images
}

fn encode(criterion: &mut Criterion, images: &[(&str, Buffer)]) {
    let mut group = criterion.benchmark_group("memory, encode");
    for (name, image) in images {
        let bytes = image.bytes();
        println!(
            "{name}: {} bytes; report {}, zstd -1 {}, gzip -6 {}, lz4 {}",
            bytes.len(),
            report(image, 0).len(),
            zstd(bytes).len(),
            gzip(bytes).len(),
            lz4(bytes).len()
        );
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        let mut bench = |peer: &str, run: &dyn Fn()| {
            group.bench_function(BenchmarkId::new(peer, name), |bench| bench.iter(run));
        };
        bench("report", &|| drop(black_box(report(image, 0))));
        bench("report, one thread", &|| drop(black_box(report(image, 1))));
        bench("zstd -1", &|| drop(black_box(zstd(bytes))));
        bench("gzip -6", &|| drop(black_box(gzip(bytes))));
        bench("lz4", &|| drop(black_box(lz4(bytes))));
        bench("memcpy", &|| drop(black_box(bytes.to_vec())));
        bench("SHA-256", &|| drop(black_box(Sha256::digest(bytes))));
    }
    group.finish();
}

fn decode(criterion: &mut Criterion, images: &[(&str, Buffer)]) {
    let mut group = criterion.benchmark_group("memory, decode");
    for (name, image) in images {
        let (report, peer) = (report(image, 0), zstd(image.bytes()));
        group.throughput(Throughput::Bytes(image.bytes().len() as u64));
        group.bench_function(BenchmarkId::new("whole image", name), |bench| {
            let mut buffer = vec![0; 1 << 20];
            bench.iter(|| {
                let mut file = ReportFile::open(Cursor::new(&report), &Limits::default()).expect("a report");
                let read = file.memory().expect("readable").expect("it has a memory image");
                for region in image.regions() {
                    for from in (region.address..region.address + region.size).step_by(buffer.len()) {
                        let length = (region.address + region.size - from).min(buffer.len() as u64) as usize;
                        read.read(from, &mut buffer[..length]).expect("a whole image");
                    }
                }
                black_box(&buffer);
            });
        });
        group.bench_function(BenchmarkId::new("verify", name), |bench| {
            bench.iter(|| {
                let mut decoder = Decoder::new(Limits::streaming());
                for piece in report.chunks(1 << 20) {
                    decoder.push(piece);
                    while let Some(event) = decoder.next().expect("a report") {
                        black_box(event);
                    }
                }
            });
        });
        group.bench_function(BenchmarkId::new("zstd -d", name), |bench| {
            bench.iter(|| black_box(zstd::stream::decode_all(&peer[..]).expect("just compressed")));
        });
    }
    group.finish();
}

fn open(criterion: &mut Criterion, images: &[(&str, Buffer)]) {
    let mut group = criterion.benchmark_group("memory, open");
    for (name, image) in images {
        let report = report(image, 0);
        group.bench_function(BenchmarkId::new("summary", name), |bench| {
            bench.iter(|| {
                let file = ReportFile::open(Cursor::new(&report), &Limits::default()).expect("a report");
                black_box(file.sections().len())
            });
        });
        let mut file = ReportFile::open(Cursor::new(&report), &Limits::default()).expect("a report");
        let read = file.memory().expect("readable").expect("it has a memory image");
        let mut state = 1_u64;
        group.bench_function(BenchmarkId::new("a page at random", name), |bench| {
            let mut page = [0; PAGE];
            bench.iter(|| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let region = &image.regions()[(state >> 33) as usize % image.regions().len()];
                let address = region.address + (state >> 20) % (region.size / PAGE as u64) * PAGE as u64;
                read.read(address, &mut page).expect("a whole image");
                black_box(&page);
            });
        });
    }
    group.finish();
}

fn memory_images(criterion: &mut Criterion) {
    let images = images();
    encode(criterion, &images);
    decode(criterion, &images);
    open(criterion, &images);
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2));
    targets = memory_images
}
criterion_main!(benches);

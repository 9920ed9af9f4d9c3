//! The container beside what bounds it: the same bytes through zstd alone, SHA-256 alone, and a plain copy.
//!
//! `cargo bench -p benches --bench container`; ratios within one run are what counts.

use std::{hint::black_box, io::Write, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use report_format::{
    Codec, Decoder, Limits, Report, SectionHeader, Status, Summary, Writer,
    schema::v1::{Category, Product, SectionKind},
};
use sha2::{Digest, Sha256};

/// 400 KB like a minidump: stacks of addresses and small numbers, stretches of zeros, module paths, and some noise.
fn minidump() -> Vec<u8> {
    let mut state = 1_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let mut bytes = Vec::new();
    while bytes.len() < 400_000 {
        match random() % 8 {
            0..=3 => bytes.extend((0..64).flat_map(|_| (0x7f3a_0000_0000 + random() % 4096 * 16).to_le_bytes())),
            4 | 5 => bytes.resize(bytes.len() + 512, 0),
            6 => bytes.extend(format!("/usr/lib/x86_64-linux-gnu/libexample-{}.so.1\0", random() % 40).into_bytes()),
            _ => bytes.extend((0..256).map(|_| random() as u8)),
        }
    }
    bytes.truncate(400_000);
    bytes
}

fn encode(minidump: &[u8], codec: Codec) -> Vec<u8> {
    let summary = Summary { report_id: vec![7; 16], product_id: vec![8; 16], ..Default::default() };
    let product = Product { name: "Ledger".into(), version: "1.2.3".into(), ..Default::default() };
    let mut writer = Writer::new(Vec::with_capacity(minidump.len() + 4096), &summary).expect("a summary with ids");
    for _ in 0..10 {
        writer.write_message(SectionKind::Product, Category::Essential, &product).expect("a message");
    }
    let header = SectionHeader { codec, ..SectionHeader::new(SectionKind::Minidump, Category::Memory) };
    let mut section = writer.section(header).expect("a section");
    section.write_all(minidump).expect("a vector takes everything");
    section.finish().expect("a section");
    writer.finish().expect("a report").0
}

fn container(criterion: &mut Criterion) {
    let raw = minidump();
    let zstd = zstd::bulk::compress(&raw, 1).expect("zstd compresses");
    let report = encode(&raw, Codec::Zstd);
    let stored = encode(&raw, Codec::Stored);
    println!(
        "raw {} bytes, zstd level 1 {}, report {}, stored report {}",
        raw.len(),
        zstd.len(),
        report.len(),
        stored.len()
    );

    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::Bytes(raw.len() as u64));
    group.bench_function("report", |bench| bench.iter(|| encode(black_box(&raw), Codec::Zstd)));
    group.bench_function("report, stored", |bench| bench.iter(|| encode(black_box(&raw), Codec::Stored)));
    group.bench_function("zstd -1 alone", |bench| bench.iter(|| zstd::bulk::compress(black_box(&raw), 1)));
    group.bench_function("sha256 alone", |bench| bench.iter(|| Sha256::digest(black_box(&raw))));
    group.bench_function("memcpy", |bench| bench.iter(|| black_box(&raw).clone()));
    group.finish();

    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Bytes(raw.len() as u64));
    let read = |bytes: &[u8]| {
        let report = Report::read(bytes, &Limits::default()).expect("a report");
        assert_eq!(report.status(), Status::Complete);
        report
    };
    group.bench_function("report", |bench| bench.iter(|| read(black_box(&report))));
    group.bench_function("report, stored", |bench| bench.iter(|| read(black_box(&stored))));
    group.bench_function("report, events only", |bench| {
        bench.iter(|| {
            let mut decoder = Decoder::new(Limits::default());
            decoder.push(black_box(&report));
            decoder.finish();
            while let Some(event) = decoder.next().expect("a report") {
                black_box(event);
            }
        });
    });
    group.bench_function("zstd alone", |bench| bench.iter(|| zstd::bulk::decompress(black_box(&zstd), raw.len())));
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = container
}
criterion_main!(benches);

//! Exports of more segments than 16 bits count, and of more bytes than 32 bits do.
// Not on Windows: files there have holes only once a system call has asked for them, and how much of the disk they take is asked by another.
#![cfg(all(feature = "export", unix))]

mod common;
#[path = "common/process.rs"]
mod process;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::time::Instant;

use object::LittleEndian as LE;
use object::elf::{self, FileHeader64};
use object::read::ReadCache;
use object::read::elf::{FileHeader, ProgramHeader};
use process::{Made, Page, assert_same_memory, small};
use report_format::memory::export::{self, Exported, Sparse};
use report_format::memory::{self, CoreFile, FullMinidump, Options, PAGE, Source};
use report_format::schema::v1::MemoryRegion;
use report_format::{Error, Limits, ReportFile, Writer};
use sha2::{Digest, Sha256};

const GIB: u64 = 1 << 30;

fn minidump(memory: &dyn Source) -> (File, Exported) {
    written(|out| export::minidump(&small(), memory, out))
}

fn core(memory: &dyn Source) -> (File, Exported) {
    written(|out| export::core(&small(), memory, out))
}

/// A file with holes that has no name, and goes with the test.
fn written(export: impl FnOnce(&mut dyn Write) -> Result<Exported, Error>) -> (File, Exported) {
    let mut file = Sparse::new(tempfile::tempfile().unwrap());
    let exported = export(&mut file).unwrap();
    let file = file.finish().unwrap();
    assert_eq!(file.metadata().unwrap().len(), exported.length);
    (file, exported)
}

/// Every second page from 4 MiB on, most of zeros.
fn scattered(count: u64) -> Made {
    let regions = (0..count).map(|number| (0x40_0000 + number * 0x2000, 0x40_1000 + number * 0x2000));
    Made::new(regions, |at| if at % 0xc8000 == 0 { Page::Made(at) } else { Page::Zeros })
}

#[test]
fn a_core_file_counts_more_segments_than_16_bits_as_linux_does() {
    // Notes are a segment too.
    for (regions, expected) in [(65_533, 65_534), (65_534, 0xffff), (65_535, 0xffff), (70_000, 0xffff)] {
        let memory = scattered(regions);
        let (file, exported) = core(&memory);
        assert_eq!(exported.memory, regions * PAGE as u64);

        let reader = ReadCache::new(file);
        let header = FileHeader64::<LE>::parse(&reader).unwrap();
        assert_eq!(header.e_phnum.get(LE), expected);
        let segments = header.program_headers(LE, &reader).unwrap();
        assert_eq!(segments.len() as u64, regions + 1);
        let loads = segments.iter().filter(|segment| segment.p_type(LE) == elf::PT_LOAD);
        for (load, region) in loads.zip(memory.regions()) {
            assert_eq!((load.p_vaddr(LE), load.p_filesz(LE)), (region.address, region.size));
            if (memory.page)(region.address) != Page::Zeros {
                let mut page = [0; PAGE];
                memory.read(region.address, &mut page).unwrap();
                assert!(load.data(LE, &reader).unwrap() == page, "{:#x}", region.address);
            }
        }
        let source = CoreFile::open(reader.into_inner()).unwrap();
        assert_eq!(source.regions().len() as u64, regions);
        assert_same_memory(&memory, &source);
    }
}

#[test]
fn a_full_minidump_has_more_ranges_than_16_bits_count() {
    let memory = scattered(70_000);
    let (file, exported) = minidump(&memory);
    assert_eq!(exported.memory, 70_000 * PAGE as u64);
    let source = FullMinidump::open(file).unwrap();
    assert_eq!(source.regions().len(), 70_000);
    assert_same_memory(&memory, &source);
}

/// 9 GiB with a page of content here and there, last of all behind 8 GiB.
fn long() -> Made {
    Made::new([(0x1000_0000, 0x1000_0000 + 5 * GIB), (0x7000_0000_0000, 0x7000_0000_0000 + 4 * GIB)], |at| {
        match at % (GIB / 2) {
            0x3000 | 0x1fff_f000 => Page::Made(at),
            0x8_0000..0x8_3000 => Page::Unreadable,
            _ => Page::Zeros,
        }
    })
}

/// Each page of content, and each that stands beside one.
fn assert_same_content(memory: &Made, source: &dyn Source) {
    let mut seen = 0;
    for region in memory.regions() {
        for half in (0..region.size.div_ceil(GIB / 2)).map(|half| half * (GIB / 2)) {
            for at in [0x2000, 0x3000, 0x4000, 0x7_f000, 0x8_3000, 0x1fff_e000, 0x1fff_f000] {
                let at = region.address.next_multiple_of(GIB / 2) - GIB / 2 + half + at;
                if at < region.address || at >= region.address + region.size {
                    continue;
                }
                let (mut expected, mut found) = ([0; PAGE], [1; PAGE]);
                memory.read(at, &mut expected).unwrap();
                source.read(at, &mut found).unwrap();
                assert!(found == expected, "page {at:#x}");
                seen += u64::from((memory.page)(at) != Page::Zeros);
            }
            let unreadable = region.address.next_multiple_of(GIB / 2) + half + 0x8_1000;
            if unreadable < region.address + region.size {
                source.read(unreadable, &mut [0; PAGE]).unwrap_err();
            }
        }
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn offsets_are_right_over_4_gib() {
    let memory = long();
    let (full, core) = (minidump(&memory), core(&memory));
    for (file, exported) in [&full, &core] {
        assert!(exported.length > 8 * GIB && exported.unreadable > 0);
        assert_eq!(exported.memory + exported.unreadable, 9 * GIB);
        let place = file.metadata().unwrap().blocks() * 512;
        assert!(place < 4 << 20, "holes take no place: {place} bytes");
    }
    assert_same_content(&memory, &FullMinidump::open(full.0).unwrap());
    assert_same_content(&memory, &CoreFile::open(core.0).unwrap());
}

/// 6 GiB in three regions: zeros, pages that come again, pages that do not, and some that cannot be read.
fn huge() -> Made {
    let regions = [
        (0x5555_0000_0000, 0x5555_0000_0000 + GIB / 2),
        (0x7000_0000_0000, 0x7000_0000_0000 + 5 * GIB),
        (0x7fff_0000_0000, 0x7fff_0000_0000 + GIB / 2),
    ];
    Made::new(regions, |at| {
        let page = at / PAGE as u64;
        match (page / 64 % 8, page % 10_007) {
            (_, 5000..5010) => Page::Unreadable,
            (0..3, _) => Page::Zeros,
            (3, _) => Page::Made(page % 100),
            _ => Page::Made(page),
        }
    })
}

/// SHA-256 of what can be read of a region, and of where that is.
fn digest(source: &dyn Source, region: &MemoryRegion) -> Vec<u8> {
    const STEP: u64 = 1 << 20;
    let mut sha256 = Sha256::new();
    let mut buffer = vec![0; STEP as usize];
    let (mut at, end) = (region.address, region.address + region.size);
    // Pages of which none is behind the next multiple of a step: sources answer in lengths of their own.
    while at < end {
        let limit = (STEP - at % STEP).min(end - at);
        match source.readable(at, limit) {
            Ok(length) => {
                let bytes = &mut buffer[..length as usize];
                source.read(at, bytes).unwrap();
                sha256.update(&*bytes);
                at += length;
            }
            Err(length) => {
                for page in (at..at + length).step_by(PAGE) {
                    sha256.update(page.to_le_bytes());
                }
                at += length;
            }
        }
    }
    sha256.finalize().to_vec()
}

/// The most memory that this process ever held, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
}

#[test]
#[ignore = "6 GiB, and 10 GiB of disk: run by scripts/test --full"]
fn six_gib_go_through_a_report_and_both_exports_byte_for_byte() {
    let memory = huge();
    let directory = tempfile::tempdir().unwrap();
    let mut last = Instant::now();
    let mut tell = |what: &str, file: &File| {
        let metadata = file.metadata().unwrap();
        let (took, peak) = (last.elapsed().as_secs_f64(), peak() >> 20);
        let (mib, place) = (metadata.len() >> 20, (metadata.blocks() * 512) >> 20);
        println!("{what}: {took:.1} s, file of {mib} MiB, {place} MiB on the disk, peak of memory {peak} MiB");
        last = Instant::now();
    };
    let digests: Vec<_> = memory.regions().iter().map(|region| digest(&memory, region)).collect();

    let path = directory.path().join("crash.report");
    let file = BufWriter::new(File::create(&path).unwrap());
    tell("the memory by itself, made and digested", file.get_ref());
    let mut writer = Writer::new(file, &common::summary()).unwrap();
    let stats = memory::encode(&mut writer, &memory, &Options::default()).unwrap();
    let file = writer.finish().unwrap().0.into_inner().unwrap();
    tell("encoded", &file);
    assert!(stats.zero > 500_000 && stats.shared > 100_000 && stats.stored > 500_000 && stats.unreadable > 1_000);

    let mut report = ReportFile::open(File::open(&path).unwrap(), &Limits::default()).unwrap();
    let image = report.memory().unwrap().unwrap();
    let check = |what: &str, exported: Exported, source: &dyn Source| {
        assert_eq!(exported.memory + exported.unreadable, 6 * GIB, "{what}");
        assert_eq!(exported.unreadable, stats.unreadable * PAGE as u64);
        for (region, expected) in memory.regions().iter().zip(&digests) {
            assert!(digest_of_all(source, region) == *expected, "{what}: {:#x}", region.address);
        }
    };
    let path = directory.path().join("crash.dmp");
    let mut file = Sparse::new(File::create_new(&path).unwrap());
    let exported = export::minidump(&small(), &image, &mut file).unwrap();
    tell("exported as a full minidump", &file.finish().unwrap());
    let file = File::open(&path).unwrap();
    check("minidump", exported, &FullMinidump::open(file.try_clone().unwrap()).unwrap());
    tell("read back and compared", &file);
    std::fs::remove_file(&path).unwrap();

    let path = directory.path().join("crash.core");
    let mut file = Sparse::new(File::create_new(&path).unwrap());
    let exported = export::core(&small(), &image, &mut file).unwrap();
    tell("exported as a core file", &file.finish().unwrap());
    let file = File::open(&path).unwrap();
    check("core", exported, &CoreFile::open(file.try_clone().unwrap()).unwrap());
    tell("read back and compared", &file);
    let peak = peak();
    assert!(peak < 256 << 20, "{peak} bytes of memory for 6 GiB");
}

/// [`digest`] of a file whose regions end where memory could not be read.
fn digest_of_all(source: &dyn Source, region: &MemoryRegion) -> Vec<u8> {
    struct Whole<'a>(&'a dyn Source);
    impl Source for Whole<'_> {
        fn regions(&self) -> &[MemoryRegion] {
            self.0.regions()
        }

        fn read(&self, address: u64, buffer: &mut [u8]) -> std::io::Result<()> {
            self.0.read(address, buffer)
        }
    }
    digest(&Whole(source), region)
}

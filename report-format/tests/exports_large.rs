//! Exports of more segments than 16 bits count, and of more bytes than 32 bits do.
#![cfg(all(feature = "export", unix))]

#[path = "common/process.rs"]
mod process;

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;

use object::LittleEndian as LE;
use object::elf::{self, FileHeader64};
use object::read::ReadCache;
use object::read::elf::{FileHeader, ProgramHeader};
use process::{Made, Page, assert_same_memory, small};
use report_format::Error;
use report_format::memory::export::{self, Exported, Sparse};
use report_format::memory::{CoreFile, FullMinidump, PAGE, Source};

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

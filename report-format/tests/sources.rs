//! A full minidump as Windows writes it is a source of memory like any other.
#![cfg(feature = "export")]

mod common;
#[path = "common/process.rs"]
mod process;

use std::io::Cursor;

use minidump_common::format::{PlatformId, ProcessorArchitecture as Processor};
use minidump_synth::{DumpString, Memory, MemoryInfo, Module, SynthMinidump, SystemInfo, Thread, amd64_context};
use process::{Made, Page, assert_same_memory};
use report_format::memory::{self, FullMinidump, Options, PAGE, Source};
use report_format::schema::v1::MemoryRegion;
use report_format::{Limits, ReportFile, Writer};
use test_assembler::{Endian, Section};

const PROGRAM: u64 = 0x7ff6_4a30_0000;
const SYSTEM: u64 = 0x7ffd_1c40_0000;
const HEAP: u64 = 0x01d3_8f20_0000;
const STACK: u64 = 0x0054_27cf_0000;
const SHARED: u64 = 0x01d3_8f60_0000;

/// What `VirtualQueryEx` says of the pages: address, pages, state, protection, type.
const INFOS: [(u64, u64, u32, u32, u32); 11] = [
    (0, STACK / PAGE as u64, 0x10000, 0x01, 0),
    // A stack: reserved, a guard page, and what was touched.
    (STACK, 13, 0x2000, 0, 0x20000),
    (STACK + 0xd000, 1, 0x1000, 0x104, 0x20000),
    (STACK + 0xe000, 2, 0x1000, 0x04, 0x20000),
    (HEAP, 5, 0x1000, 0x04, 0x20000),
    (SHARED, 1, 0x1000, 0x02, 0x40000),
    // Headers, code, constants and data of the program; its data is copied when it is written to.
    (PROGRAM, 1, 0x1000, 0x02, 0x100_0000),
    (PROGRAM + 0x1000, 2, 0x1000, 0x20, 0x100_0000),
    (PROGRAM + 0x3000, 1, 0x1000, 0x02, 0x100_0000),
    (PROGRAM + 0x4000, 1, 0x1000, 0x08, 0x100_0000),
    (SYSTEM, 2, 0x1000, 0x20, 0x100_0000),
];

/// Ranges of the list, ascending: one for each allocation, whatever its protections.
const RANGES: [(u64, u64); 5] = [(STACK + 0xe000, 2), (HEAP, 5), (SHARED, 1), (PROGRAM, 5), (SYSTEM, 2)];

fn page(address: u64) -> Page {
    if address % 0x5000 == 0x2000 { Page::Zeros } else { Page::Made(address / PAGE as u64) }
}

fn windows_minidump() -> Vec<u8> {
    let endian = Endian::Little;
    let system = SystemInfo::new(endian)
        .set_processor_architecture(Processor::PROCESSOR_ARCHITECTURE_AMD64 as u16)
        .set_platform_id(PlatformId::VER_PLATFORM_WIN32_NT as u32);
    let mut dump = SynthMinidump::with_endian(endian).flags(0x2).add_system_info(system);
    for (base, pages, name) in
        [(PROGRAM, 5, r"C:\Program Files\Ledger\ledger.exe"), (SYSTEM, 2, r"C:\Windows\System32\ntdll.dll")]
    {
        let name = DumpString::new(name, endian);
        dump = dump.add_module(Module::new(endian, base, pages * PAGE as u32, &name, 0, 0, None)).add(name);
    }
    let registers = amd64_context(endian, PROGRAM + 0x1234, STACK + 0xe100);
    // In a full minidump a thread's stack is in the list of all memory, and has no bytes of its own.
    let stack = Memory::with_section(Section::with_endian(endian), STACK + 0xe000);
    dump = dump.add_thread(Thread::new(endian, 4712, &stack, &registers)).add(registers).add(stack);
    for (address, pages, state, protection, kind) in INFOS {
        let size = pages * PAGE as u64;
        dump =
            dump.add_memory_info(MemoryInfo::new(endian, address, address, protection, size, state, protection, kind));
    }
    for (address, pages) in RANGES {
        let mut bytes = vec![0; pages as usize * PAGE];
        for (at, bytes) in (address..).step_by(PAGE).zip(bytes.chunks_exact_mut(PAGE)) {
            page(at).fill(bytes).unwrap();
        }
        let range = Memory::with_section(Section::with_endian(endian).append_bytes(&bytes), address);
        dump = dump.add_memory64(range);
    }
    dump.finish().expect("all labels are known")
}

#[test]
fn a_windows_full_minidump_is_encoded_page_for_page() {
    let dump = FullMinidump::open(windows_minidump()).unwrap();
    let region = |address, pages: u64, protection, mapping: &str| MemoryRegion {
        address,
        size: pages * PAGE as u64,
        protection,
        shared: address == SHARED,
        mapping: mapping.into(),
        mapping_offset: 0,
    };
    let (program, system) = (r"C:\Program Files\Ledger\ledger.exe", r"C:\Windows\System32\ntdll.dll");
    let expected = [
        region(STACK + 0xe000, 2, 3, ""),
        region(HEAP, 5, 3, ""),
        region(SHARED, 1, 1, ""),
        region(PROGRAM, 1, 1, program),
        region(PROGRAM + 0x1000, 2, 5, program),
        region(PROGRAM + 0x3000, 1, 1, program),
        region(PROGRAM + 0x4000, 1, 3, program),
        region(SYSTEM, 2, 5, system),
    ];
    assert_eq!(dump.regions(), expected);

    let memory = Made::new(RANGES.map(|(address, pages)| (address, address + pages * PAGE as u64)), page);
    assert_same_memory(&memory, &dump);
    let mut writer = Writer::new(Vec::new(), &common::summary()).unwrap();
    let stats = memory::encode(&mut writer, &dump, &Options::default()).unwrap();
    assert_eq!((stats.pages, stats.unreadable), (15, 0));
    assert!(stats.zero > 0 && stats.stored == 15 - stats.zero, "{stats:?}");
    let (report, ..) = writer.finish().unwrap();
    let mut file = ReportFile::open(Cursor::new(&report), &Limits::default()).unwrap();
    let image = file.memory().unwrap().expect("a memory image");
    assert_eq!(image.regions(), expected);
    assert_same_memory(&memory, &image);
}

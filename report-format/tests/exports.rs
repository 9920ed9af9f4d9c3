//! A small minidump and a memory image become full minidumps and core files, from which others read what went in.
#![cfg(feature = "export")]

#[path = "common/process.rs"]
mod process;

use std::collections::BTreeMap;

use minidump::system_info::{Cpu, Os};
use minidump::{
    Minidump, MinidumpException, MinidumpMemory64List, MinidumpMemoryInfoList, MinidumpMemoryList, MinidumpMiscInfo,
    MinidumpModuleList, MinidumpRawContext, MinidumpStream, MinidumpSystemInfo, MinidumpThreadList, Module,
};
use minidump_common::format::{PlatformId, ProcessorArchitecture as Processor};
use object::LittleEndian as LE;
use object::elf::{self, FileHeader64};
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use report_format::Error;
use report_format::memory::export::{self, Exported};
use report_format::memory::{CoreFile, FullMinidump, PAGE, Source};

use process::{AUXILIARY, Made, PROGRAM, Page, SIGNAL, THREADS, assert_same_memory, context, process, small, small_of};

fn minidump(small: &[u8], memory: &dyn Source) -> (Vec<u8>, Exported) {
    let mut file = Vec::new();
    let exported = export::minidump(small, memory, &mut file).unwrap();
    assert_eq!(exported.length, file.len() as u64);
    (file, exported)
}

fn core(small: &[u8], memory: &dyn Source) -> (Vec<u8>, Exported) {
    let mut file = Vec::new();
    let exported = export::core(small, memory, &mut file).unwrap();
    assert_eq!(exported.length, file.len() as u64);
    (file, exported)
}

/// All pages that can be read, and how many cannot.
fn pages(memory: &Made) -> (BTreeMap<u64, Vec<u8>>, usize) {
    let addresses =
        memory.regions.iter().flat_map(|region| (region.address..region.address + region.size).step_by(PAGE));
    let mut unreadable = 0;
    let read = |at| {
        let mut page = vec![0; PAGE];
        let is_read = memory.read(at, &mut page).is_ok();
        unreadable += usize::from(!is_read);
        is_read.then_some((at, page))
    };
    (addresses.filter_map(read).collect(), unreadable)
}

#[test]
fn a_full_minidump_has_the_streams_of_the_small_one_and_the_memory() {
    let (small, memory) = (small(), process());
    let (full, exported) = minidump(&small, &memory);
    let (pages, unreadable) = pages(&memory);
    assert_eq!((exported.memory, exported.unreadable), ((pages.len() * PAGE) as u64, (unreadable * PAGE) as u64));
    assert!(unreadable > 2 && pages.values().any(|page| page.iter().all(|byte| *byte == 0)), "nothing to see");

    let (small, full) = (Minidump::read(small.as_slice()).unwrap(), Minidump::read(full.as_slice()).unwrap());
    fn both<'a, S: MinidumpStream<'a>>(small: &'a Minidump<'a, &[u8]>, full: &'a Minidump<'a, &[u8]>) -> (S, S) {
        (small.get_stream().unwrap(), full.get_stream().unwrap())
    }
    let (before, system) = both::<MinidumpSystemInfo>(&small, &full);
    assert_eq!((before.os, before.cpu), (Os::Linux, Cpu::X86_64));
    assert_eq!((system.os, system.cpu), (Os::Linux, Cpu::X86_64));
    let (before, misc) = both::<MinidumpMiscInfo>(&small, &full);
    assert_eq!(misc.raw.process_id(), before.raw.process_id());
    assert_eq!(misc.raw.process_id(), Some(&THREADS[0]));

    let (before, threads) = both::<MinidumpThreadList<'_>>(&small, &full);
    let ids: Vec<u32> = threads.threads.iter().map(|thread| thread.raw.thread_id).collect();
    assert_eq!(ids, THREADS);
    for (before, after) in before.threads.iter().zip(&threads.threads) {
        let registers = |thread: &minidump::MinidumpThread<'_>| match thread.context(&system, None).unwrap().raw.clone()
        {
            MinidumpRawContext::Amd64(registers) => format!("{registers:x?}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(registers(after), registers(before));
        assert_eq!(registers(after), format!("{:x?}", context(after.raw.thread_id)));
    }
    let (before, modules) = both::<MinidumpModuleList>(&small, &full);
    let names = |list: &MinidumpModuleList| -> Vec<(String, u64, u64)> {
        list.iter().map(|module| (module.code_file().into_owned(), module.base_address(), module.size())).collect()
    };
    assert_eq!(names(&modules), names(&before));
    assert_eq!(names(&modules)[0], ("/opt/ledger/bin/ledger".into(), PROGRAM, 0x4000));
    let (before, exception) = both::<MinidumpException<'_>>(&small, &full);
    assert_eq!(exception.get_crashing_thread_id(), THREADS[2]);
    assert_eq!(format!("{:?}", exception.raw), format!("{:?}", before.raw));

    let list: MinidumpMemory64List<'_> = full.get_stream().unwrap();
    let mut found = BTreeMap::new();
    for range in list.iter() {
        let addresses = (range.base_address..).step_by(PAGE);
        found.extend(addresses.zip(range.bytes.chunks(PAGE).map(<[u8]>::to_vec)));
    }
    assert!(found == pages, "{:#x?} and {:#x?}", found.keys(), pages.keys());
    assert!(full.get_stream::<MinidumpMemoryList<'_>>().is_err(), "the image has all that the small list had");

    let info: MinidumpMemoryInfoList<'_> = full.get_stream().unwrap();
    let program = info.memory_info_at_address(PROGRAM).unwrap();
    assert!(program.is_readable() && program.is_executable() && !program.is_writable());
    let heap = info.memory_info_at_address(PROGRAM + 0x5000).unwrap();
    assert!(heap.is_readable() && heap.is_writable() && !heap.is_executable());
}

#[test]
fn a_full_minidump_is_a_source_of_the_same_memory() {
    let memory = process();
    let full = FullMinidump::open(minidump(&small(), &memory).0).unwrap();
    assert_same_memory(&memory, &full);
    let first = &full.regions()[0];
    assert_eq!((first.address, first.protection, first.mapping.as_str()), (PROGRAM, 5, "/opt/ledger/bin/ledger"));
    assert!(full.regions().last().unwrap().shared);
    // What it holds goes round: exported once more it is the same.
    let (again, _) = minidump(&small(), &full);
    assert_same_memory(&memory, &FullMinidump::open(again).unwrap());
}

#[test]
fn a_full_minidump_is_refused_as_the_small_one() {
    let (full, _) = minidump(&small(), &process());
    let error = export::minidump(&full, &process(), Vec::new()).unwrap_err();
    assert!(matches!(&error, Error::Format { what, .. } if what.contains("a full one already")), "{error}");
}

/// The notes: whose they are, of which kind, what they hold.
fn notes(core: &[u8]) -> Vec<(Vec<u8>, u32, Vec<u8>)> {
    let header = FileHeader64::<LE>::parse(core).unwrap();
    let segments = header.program_headers(LE, core).unwrap();
    let mut all = segments.iter().find_map(|segment| segment.notes(LE, core).unwrap()).expect("a segment of notes");
    let mut found = Vec::new();
    while let Some(note) = all.next().unwrap() {
        found.push((note.name().to_vec(), note.n_type(LE), note.desc().to_vec()));
    }
    found
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

#[test]
fn a_core_file_has_each_threads_registers_in_the_order_of_linux() {
    let (core, exported) = core(&small(), &process());
    assert_eq!((exported.threads, exported.threads_without_registers), (3, 0));
    let notes = notes(&core);
    assert!(notes.iter().all(|(name, ..)| name == b"CORE"));
    let of_kind = |kind: u32| notes.iter().filter(move |note| note.1 == kind).map(|note| note.2.as_slice());

    let statuses: Vec<&[u8]> = of_kind(elf::NT_PRSTATUS).collect();
    let ids: Vec<u32> = statuses.iter().map(|status| u32_at(status, 32)).collect();
    assert_eq!(ids, [THREADS[2], THREADS[0], THREADS[1]], "the one that crashed is the first");
    for (status, id) in statuses.iter().zip(&ids) {
        assert_eq!(status.len(), 336);
        let crashed = *id == THREADS[2];
        assert_eq!(u32_at(status, 0), if crashed { SIGNAL } else { 0 });
        assert_eq!(u32_at(status, 40), THREADS[0], "the process");
        let c = context(*id);
        // struct user_regs_struct of <sys/user.h>.
        let expected: [u64; 27] = [
            c.r15,
            c.r14,
            c.r13,
            c.r12,
            c.rbp,
            c.rbx,
            c.r11,
            c.r10,
            c.r9,
            c.r8,
            c.rax,
            c.rcx,
            c.rdx,
            c.rsi,
            c.rdi,
            u64::MAX,
            c.rip,
            0x33,
            0x246,
            c.rsp,
            0x2b,
            0,
            0,
            1,
            2,
            3,
            4,
        ];
        let found: Vec<u64> = (0..27).map(|number| u64_at(status, 112 + number * 8)).collect();
        assert_eq!(found, expected);
    }
    let floats: Vec<&[u8]> = of_kind(elf::NT_FPREGSET).collect();
    assert_eq!(floats.len(), 3);
    assert!(floats.iter().zip(&ids).all(|(floats, id)| *floats == context(*id).float_save));

    let signals: Vec<&[u8]> = of_kind(elf::NT_SIGINFO).collect();
    assert_eq!((signals.len(), u32_at(signals[0], 0), u32_at(signals[0], 8), u64_at(signals[0], 16)), (1, 11, 1, 0x10));
    let vectors: Vec<&[u8]> = of_kind(elf::NT_AUXV).collect();
    assert_eq!(vectors, [AUXILIARY.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>()]);
    let programs: Vec<&[u8]> = of_kind(elf::NT_PRPSINFO).collect();
    assert_eq!((programs.len(), programs[0].len(), &programs[0][40..47]), (1, 136, b"ledger\0".as_slice()));

    let files: Vec<&[u8]> = of_kind(elf::NT_FILE).collect();
    let words: Vec<u64> = (0..5).map(|number| u64_at(files[0], number * 8)).collect();
    assert_eq!(words, [1, 1, PROGRAM, PROGRAM + 0x4000, 0x1000]);
    assert_eq!(&files[0][40..], b"/opt/ledger/bin/ledger\0", "[heap] is no file");
}

#[test]
fn a_core_files_segments_are_the_readable_memory() {
    let memory = process();
    let (core, exported) = core(&small(), &memory);
    let (pages, unreadable) = pages(&memory);
    assert_eq!((exported.memory, exported.unreadable), ((pages.len() * PAGE) as u64, (unreadable * PAGE) as u64));

    let file = ElfFile64::<LE>::parse(core.as_slice()).unwrap();
    assert_eq!(file.elf_header().e_type(LE), elf::ET_CORE);
    let mut found = BTreeMap::new();
    for segment in file.elf_program_headers().iter().filter(|segment| segment.p_type(LE) == elf::PT_LOAD) {
        assert_eq!(segment.p_filesz(LE), segment.p_memsz(LE));
        assert_eq!(segment.p_offset(LE) % PAGE as u64, 0);
        let (address, bytes) = (segment.p_vaddr(LE), segment.data(LE, core.as_slice()).unwrap());
        let program = (PROGRAM..PROGRAM + 0x4000).contains(&address);
        assert_eq!(segment.p_flags(LE), if program { elf::PF_R | elf::PF_X } else { elf::PF_R | elf::PF_W });
        found.extend((address..).step_by(PAGE).zip(bytes.chunks(PAGE).map(<[u8]>::to_vec)));
    }
    assert!(found == pages, "{:#x?} and {:#x?}", found.keys(), pages.keys());
}

#[test]
fn a_core_file_is_a_source_of_the_same_memory() {
    let memory = process();
    let file = CoreFile::open(core(&small(), &memory).0).unwrap();
    assert_same_memory(&memory, &file);
    let first = &file.regions()[0];
    assert_eq!((first.address, first.protection, first.mapping.as_str()), (PROGRAM, 5, "/opt/ledger/bin/ledger"));
    assert_eq!(first.mapping_offset, 0x1000);
    let (again, _) = core(&small(), &file);
    assert_same_memory(&memory, &CoreFile::open(again).unwrap());
}

#[test]
fn core_files_of_other_machines_are_unsupported_and_say_of_which() {
    let cases = [
        (Processor::PROCESSOR_ARCHITECTURE_ARM64, PlatformId::Linux, "ARM64"),
        (Processor::PROCESSOR_ARCHITECTURE_INTEL, PlatformId::Linux, "x86"),
        (Processor::PROCESSOR_ARCHITECTURE_AMD64, PlatformId::VER_PLATFORM_WIN32_NT, "Windows"),
        (Processor::PROCESSOR_ARCHITECTURE_AMD64, PlatformId::MacOs, "macOS"),
    ];
    for (processor, platform, name) in cases {
        let dump = small_of(processor, platform);
        let mut out = Vec::new();
        let error = export::core(&dump, &process(), &mut out).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }) && error.to_string().contains(name), "{error}");
        assert!(out.is_empty());
        // As a minidump they can all be had.
        assert_same_memory(&process(), &FullMinidump::open(minidump(&dump, &process()).0).unwrap());
    }
}

#[test]
fn memory_that_cannot_be_read_at_all_leaves_files_without_memory() {
    let memory = Made::new([(0x1_0000, 0x5_0000)], |_| Page::Unreadable);
    let (full, exported) = minidump(&small(), &memory);
    assert_eq!((exported.memory, exported.unreadable), (0, 0x4_0000));
    assert!(FullMinidump::open(full).unwrap().regions().is_empty());
    let (core, exported) = core(&small(), &memory);
    assert_eq!((exported.memory, exported.unreadable), (0, 0x4_0000));
    assert!(CoreFile::open(core).unwrap().regions().is_empty());
}

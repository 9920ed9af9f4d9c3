//! A process that never was: its memory, made from addresses, and a small minidump of it.
#![allow(dead_code, unreachable_pub, reason = "a module of several test programs, each of which uses some of it")]

use std::io;

use minidump_common::format::{
    CONTEXT_AMD64, MINIDUMP_STREAM_TYPE, PlatformId, ProcessorArchitecture as Processor, XMM_SAVE_AREA32,
};
use minidump_synth::{
    DumpString, Exception, Memory, MiscStream, Module, SimpleStream, SynthMinidump, SystemInfo, Thread,
};
use report_format::memory::{PAGE, Source};
use report_format::schema::v1::MemoryRegion;
use scroll::{LE, Pwrite, ctx::SizeWith};
use test_assembler::{Endian, Section};

/// What a page holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    Zeros,
    Unreadable,
    /// Bytes made from a number: half of them random, half all alike.
    Made(u64),
}

impl Page {
    pub fn fill(self, bytes: &mut [u8]) -> io::Result<()> {
        match self {
            Page::Zeros => bytes.fill(0),
            Page::Unreadable => return Err(io::ErrorKind::PermissionDenied.into()),
            Page::Made(number) => {
                let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
                let (random, alike) = bytes.split_at_mut(PAGE / 2);
                for word in random.as_chunks_mut::<8>().0 {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    *word = state.to_le_bytes();
                }
                alike.fill(number as u8 | 1);
            }
        }
        Ok(())
    }
}

/// Memory of which each page is made from its address.
#[derive(Debug)]
pub struct Made {
    pub regions: Vec<MemoryRegion>,
    pub page: fn(u64) -> Page,
}

impl Made {
    /// Regions from an address to another.
    pub fn new(regions: impl IntoIterator<Item = (u64, u64)>, page: fn(u64) -> Page) -> Self {
        let region =
            |(address, end)| MemoryRegion { address, size: end - address, protection: 3, ..Default::default() };
        Self { regions: regions.into_iter().map(region).collect(), page }
    }
}

impl Source for Made {
    fn regions(&self) -> &[MemoryRegion] {
        &self.regions
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
        (address..)
            .step_by(PAGE)
            .zip(buffer.chunks_exact_mut(PAGE))
            .try_for_each(|(at, page)| (self.page)(at).fill(page))
    }

    fn zeros(&self, address: u64, limit: u64) -> u64 {
        let pages =
            (0..limit / PAGE as u64).take_while(|page| (self.page)(address + page * PAGE as u64) == Page::Zeros);
        pages.count() as u64 * PAGE as u64
    }
}

/// Of three pages one holds zeros, and of sixteen one cannot be read.
pub fn mixed(address: u64) -> Page {
    match address / PAGE as u64 {
        page if page % 16 == 5 => Page::Unreadable,
        page if page % 3 == 0 => Page::Zeros,
        page => Page::Made(page),
    }
}

/// Where the program is mapped, in the memory of [`process`] and in the minidump of [`small`].
pub const PROGRAM: u64 = 0x5555_0000_0000;

/// A program, its heap that follows it, a stack, and the highest addresses that a process has.
pub fn process() -> Made {
    let mut made = Made::new(
        [
            (PROGRAM, PROGRAM + 0x4000),
            (PROGRAM + 0x4000, PROGRAM + 0x2_4000),
            (0x7fff_f000_0000, 0x7fff_f001_0000),
            (0xffff_ffff_ff60_0000, 0xffff_ffff_ff60_1000),
            (0xffff_ffff_ffff_c000, 0xffff_ffff_ffff_f000),
        ],
        mixed,
    );
    let program = &mut made.regions[0];
    (program.protection, program.mapping, program.mapping_offset) = (5, "/opt/ledger/bin/ledger".into(), 0x1000);
    made.regions[1].mapping = "[heap]".into();
    made.regions[4].shared = true;
    made
}

/// Registers of which each is different.
pub fn context(thread: u32) -> CONTEXT_AMD64 {
    let value = |number: u64| u64::from(thread) << 32 | number;
    let mut float_save = [0; 512];
    let floats = XMM_SAVE_AREA32 { control_word: 0x37f, mx_csr: 0x1f80, ..Default::default() };
    float_save.pwrite_with(floats, 0, LE).unwrap();
    float_save[160..416].fill(thread as u8);
    CONTEXT_AMD64 {
        // All of it, of x86-64.
        context_flags: 0x0010_001f,
        mx_csr: 0x1f80,
        cs: 0x33,
        ds: 1,
        es: 2,
        fs: 3,
        gs: 4,
        ss: 0x2b,
        eflags: 0x246,
        rax: value(10),
        rcx: value(11),
        rdx: value(12),
        rbx: value(13),
        rsp: 0x7fff_f000_0100,
        rbp: value(15),
        rsi: value(16),
        rdi: value(17),
        r8: value(18),
        r9: value(19),
        r10: value(20),
        r11: value(21),
        r12: value(22),
        r13: value(23),
        r14: value(24),
        r15: value(25),
        rip: PROGRAM + 0x1234,
        float_save,
        ..Default::default()
    }
}

/// Threads of the minidump of [`small`]; the last one crashed.
pub const THREADS: [u32; 3] = [4711, 4712, 4720];
pub const SIGNAL: u32 = 11;
pub const AUXILIARY: [u64; 6] = [6, 4096, 9, PROGRAM + 0x1000, 0, 0];

/// A small minidump of [`process`] on x86-64 Linux.
pub fn small() -> Vec<u8> {
    small_of(Processor::PROCESSOR_ARCHITECTURE_AMD64, PlatformId::Linux)
}

/// The same with other claims about the machine.
pub fn small_of(processor: Processor, platform: PlatformId) -> Vec<u8> {
    let endian = Endian::Little;
    let system = SystemInfo::new(endian).set_processor_architecture(processor as u16).set_platform_id(platform as u32);
    let mut misc = MiscStream::new(endian);
    misc.process_id = Some(THREADS[0]);
    let auxiliary = AUXILIARY.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    let mut dump =
        SynthMinidump::with_endian(endian).add_system_info(system).add_stream(misc).add_stream(SimpleStream {
            stream_type: MINIDUMP_STREAM_TYPE::LinuxAuxv as u32,
            section: Section::with_endian(endian).append_bytes(&auxiliary),
        });
    for (number, id) in THREADS.into_iter().enumerate() {
        let mut registers = vec![0; CONTEXT_AMD64::size_with(&LE)];
        registers.pwrite_with(context(id), 0, LE).unwrap();
        let registers = Section::with_endian(endian).append_bytes(&registers);
        let stack_at = 0x7fff_f000_0000 + number as u64 * 0x1000;
        let stack = Memory::with_section(Section::with_endian(endian).append_repeated(7, 64), stack_at);
        dump = dump.add_thread(Thread::new(endian, id, &stack, &registers)).add(registers).add_memory(stack);
    }
    for (number, name) in ["/opt/ledger/bin/ledger", "/usr/lib/libm.so.6"].into_iter().enumerate() {
        let name = DumpString::new(name, endian);
        let address = PROGRAM + number as u64 * 0x1_0000;
        dump = dump.add_module(Module::new(endian, address, 0x4000, &name, 0, 0, None)).add(name);
    }
    let mut exception = Exception::new(endian);
    exception.thread_id = THREADS[2];
    exception.exception_record.exception_code = SIGNAL;
    exception.exception_record.exception_flags = 1;
    exception.exception_record.exception_address = 0x10;
    dump.add_exception(exception).finish().expect("all labels are known")
}

/// Panics unless both give the same bytes page for page, and the same pages that cannot be read.
#[track_caller]
pub fn assert_same_memory(expected: &dyn Source, found: &dyn Source) {
    let (mut left, mut right) = ([0; PAGE], [1; PAGE]);
    for region in expected.regions() {
        for at in (region.address..region.address + region.size).step_by(PAGE) {
            match (expected.read(at, &mut left), found.read(at, &mut right)) {
                (Ok(()), Ok(())) => assert!(left == right, "page {at:#x} differs"),
                (Err(_), Err(_)) => {}
                (expected, found) => panic!("page {at:#x}: {expected:?} became {found:?}"),
            }
        }
    }
}

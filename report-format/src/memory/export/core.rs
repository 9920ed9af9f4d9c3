//! A small minidump and a memory image → an ELF core file.

mod auxv;
mod notes;

use std::io::Write;

use minidump_common::format::{PlatformId, ProcessorArchitecture};
use num_traits::FromPrimitive;
use object::elf::{
    ELFCLASS64, ELFDATA2LSB, ELFMAG, ELFOSABI_NONE, EM_X86_64, ET_CORE, EV_CURRENT, FileHeader64, Ident, PF_R, PF_W,
    PF_X, PN_XNUM, PT_LOAD, PT_NOTE, ProgramHeader64, SHT_NULL, SectionHeader64,
};
use object::{LittleEndian as LE, U16, U32, U64, pod};

use super::{Exported, File, pieces};
use crate::Error;
use crate::memory::minidump::Minidump;
use crate::memory::{PAGE, Source};

const FILE_HEADER: u64 = size_of::<FileHeader64<LE>>() as u64;
const PROGRAM_HEADER: u64 = size_of::<ProgramHeader64<LE>>() as u64;
const SECTION_HEADER: u64 = size_of::<SectionHeader64<LE>>() as u64;

/// Writes an ELF core file of Linux on x86-64, as gdb reads it: the threads and registers of the minidump `dump`, the thread
/// that crashed first, and the memory.
///
/// `gdb PROGRAM FILE` then shows threads, backtraces and variables. Pages that cannot be read are in no segment: gdb says so,
/// or reads them from the mapped file if it has it.
///
/// # Errors
/// `Unsupported`, with its name, if `dump` is of another processor or operating system. `Format` if it is no minidump, or has
/// no registers of any thread. `Limit` if the memory is in more pieces than 2^22, or `dump` has
/// more threads than 65,536. `Io` if `out` fails, or `memory` fails to
/// give what it said to be readable.
pub fn core(dump: &[u8], memory: &dyn Source, out: impl Write) -> Result<Exported, Error> {
    let small = Minidump::open(dump)?;
    check_machine(&small)?;
    let notes = notes::notes(&small, memory)?;
    let (pieces, unreadable) = pieces(memory)?;

    // Where things stand: the headers, the notes, the memory from the next page on.
    let segments = 1 + pieces.len() as u64;
    let is_many = segments >= PN_XNUM.into();
    let table = FILE_HEADER + if is_many { SECTION_HEADER } else { 0 };
    let notes_at = table + segments * PROGRAM_HEADER;
    let memory_at = (notes_at + notes.bytes.len() as u64).next_multiple_of(PAGE as u64);

    let mut file = File::new(out);
    file.write(pod::bytes_of(&file_header(segments, table, is_many)))?;
    if is_many {
        file.write(pod::bytes_of(&counting_section(segments)))?;
    }
    let size = notes.bytes.len() as u64;
    file.write(pod::bytes_of(&ProgramHeader64::<LE> {
        p_type: U32::new(LE, PT_NOTE),
        p_flags: U32::new(LE, 0),
        p_offset: U64::new(LE, notes_at),
        p_vaddr: U64::new(LE, 0),
        p_paddr: U64::new(LE, 0),
        p_filesz: U64::new(LE, size),
        p_memsz: U64::new(LE, 0),
        p_align: U64::new(LE, 4),
    }))?;
    let mut offset = memory_at;
    for piece in &pieces {
        let protection = memory.regions()[piece.region].protection;
        let flag = |bit, flag| if protection & bit != 0 { flag } else { 0 };
        file.write(pod::bytes_of(&ProgramHeader64::<LE> {
            p_type: U32::new(LE, PT_LOAD),
            p_flags: U32::new(LE, flag(1, PF_R) | flag(2, PF_W) | flag(4, PF_X)),
            p_offset: U64::new(LE, offset),
            p_vaddr: U64::new(LE, piece.addresses.start),
            p_paddr: U64::new(LE, 0),
            p_filesz: U64::new(LE, piece.size()),
            p_memsz: U64::new(LE, piece.size()),
            p_align: U64::new(LE, PAGE as u64),
        }))?;
        // All pieces together are less than the addresses that there are, and the headers less than what these lack of 2^64.
        offset += piece.size();
    }
    file.write(&notes.bytes)?;
    file.pad()?;
    debug_assert_eq!(file.length, memory_at);
    for piece in &pieces {
        file.write_memory(memory, piece.addresses.clone())?;
    }
    let length = file.finish()?;
    Ok(Exported {
        length,
        memory: length - memory_at,
        unreadable,
        threads: notes.threads,
        threads_without_registers: notes.threads_without_registers,
    })
}

fn file_header(segments: u64, table: u64, is_many: bool) -> FileHeader64<LE> {
    FileHeader64 {
        e_ident: Ident {
            magic: ELFMAG,
            class: ELFCLASS64,
            data: ELFDATA2LSB,
            version: EV_CURRENT,
            os_abi: ELFOSABI_NONE,
            abi_version: 0,
            padding: [0; 7],
        },
        e_type: U16::new(LE, ET_CORE),
        e_machine: U16::new(LE, EM_X86_64),
        e_version: U32::new(LE, EV_CURRENT.into()),
        e_entry: U64::new(LE, 0),
        e_phoff: U64::new(LE, table),
        e_shoff: U64::new(LE, if is_many { FILE_HEADER } else { 0 }),
        e_flags: U32::new(LE, 0),
        e_ehsize: U16::new(LE, FILE_HEADER as u16),
        e_phentsize: U16::new(LE, PROGRAM_HEADER as u16),
        e_phnum: U16::new(LE, if is_many { PN_XNUM } else { segments as u16 }),
        e_shentsize: U16::new(LE, if is_many { SECTION_HEADER as u16 } else { 0 }),
        e_shnum: U16::new(LE, is_many.into()),
        e_shstrndx: U16::new(LE, 0),
    }
}

/// A section of no content that counts the segments, where 16 bits do not: as Linux writes it.
fn counting_section(segments: u64) -> SectionHeader64<LE> {
    SectionHeader64 {
        sh_name: U32::new(LE, 0),
        sh_type: U32::new(LE, SHT_NULL),
        sh_flags: U64::new(LE, 0),
        sh_addr: U64::new(LE, 0),
        sh_offset: U64::new(LE, 0),
        // The number of sections and the section of names, which the file header has already.
        sh_size: U64::new(LE, 1),
        sh_link: U32::new(LE, 0),
        sh_info: U32::new(LE, segments as u32),
        sh_addralign: U64::new(LE, 0),
        sh_entsize: U64::new(LE, 0),
    }
}

/// Registers differ from one processor to the next, and so do signals from one system to the next.
fn check_machine(dump: &Minidump<&[u8]>) -> Result<(), Error> {
    let Some(system) = dump.system_info()? else {
        return Err(Error::format(
            "the minidump does not tell its processor: it has no SystemInfoStream",
            "export a minidump instead, which needs no more than there is",
        ));
    };
    let (found, supported) =
        (system.processor_architecture, ProcessorArchitecture::PROCESSOR_ARCHITECTURE_AMD64 as u16);
    if found != supported {
        let what = match ProcessorArchitecture::from_u16(found) {
            Some(ProcessorArchitecture::PROCESSOR_ARCHITECTURE_INTEL) => "a core file for x86, processor architecture",
            Some(ProcessorArchitecture::PROCESSOR_ARCHITECTURE_ARM) => "a core file for ARM, processor architecture",
            Some(
                ProcessorArchitecture::PROCESSOR_ARCHITECTURE_ARM64
                | ProcessorArchitecture::PROCESSOR_ARCHITECTURE_ARM64_OLD,
            ) => "a core file for ARM64, processor architecture",
            Some(
                ProcessorArchitecture::PROCESSOR_ARCHITECTURE_MIPS
                | ProcessorArchitecture::PROCESSOR_ARCHITECTURE_MIPS64,
            ) => "a core file for MIPS, processor architecture",
            Some(
                ProcessorArchitecture::PROCESSOR_ARCHITECTURE_PPC | ProcessorArchitecture::PROCESSOR_ARCHITECTURE_PPC64,
            ) => "a core file for PowerPC, processor architecture",
            _ => "a core file for processor architecture",
        };
        return Err(Error::Unsupported { what, found: found.into(), supported: supported.into() });
    }
    let (found, supported) = (system.platform_id, PlatformId::Linux as u32);
    if found != supported && found != PlatformId::Android as u32 {
        let what = match PlatformId::from_u32(found) {
            Some(PlatformId::VER_PLATFORM_WIN32_NT) => "a core file of a Windows process, platform",
            Some(PlatformId::MacOs | PlatformId::Ios) => "a core file of a macOS process, platform",
            _ => "a core file for platform",
        };
        return Err(Error::Unsupported { what, found: found.into(), supported: supported.into() });
    }
    Ok(())
}

//! The auxiliary vector: where the kernel put the program.
//!
//! gdb needs it to find a position-independent program in the memory, and with it all else. Reports do not keep the process's own
//! (it holds user ids, and the address of the program's arguments), so it is made again from what the memory shows.

use object::elf::{
    DT_DEBUG, ELFCLASS64, ELFDATA2LSB, ELFMAG, ET_DYN, FileHeader64, PT_DYNAMIC, PT_LOAD, ProgramHeader64,
};
use object::{LittleEndian as LE, Pod, pod};

use crate::memory::{PAGE, Source};
use crate::schema::v1::MemoryRegion;

const AT_NULL: u64 = 0;
const AT_PHDR: u64 = 3;
const AT_PHENT: u64 = 4;
const AT_PHNUM: u64 = 5;
const AT_PAGESZ: u64 = 6;
const AT_BASE: u64 = 7;
const AT_ENTRY: u64 = 9;
const AT_SYSINFO_EHDR: u64 = 33;

/// Bytes of a copied vector: Linux has some 20 entries of 16 bytes.
const LARGEST: usize = 4096;
/// Program headers and dynamic entries of a program that are looked at.
const MOST_ENTRIES: u64 = 1024;

/// The vector as the minidump has it, with an end.
pub(super) fn ended(mut vector: Vec<u8>) -> Vec<u8> {
    vector.truncate(vector.len().min(LARGEST) / 16 * 16);
    let is_ended = vector.chunks_exact(16).any(|entry| entry[..8] == AT_NULL.to_le_bytes());
    if !is_ended {
        vector.extend([0; 16]);
    }
    vector
}

/// A vector made from the program at `base` in the memory; empty if there is none.
pub(super) fn made(base: u64, memory: &dyn Source) -> Vec<u8> {
    let Some(program) = Program::read(base, memory) else { return Vec::new() };
    let mut entries = vec![
        (AT_PHDR, program.headers_at),
        (AT_PHENT, size_of::<ProgramHeader64<LE>>() as u64),
        (AT_PHNUM, program.headers.len() as u64),
        (AT_PAGESZ, PAGE as u64),
        (AT_ENTRY, program.entry),
    ];
    entries.extend(program.loader(memory).map(|loader| (AT_BASE, loader)));
    let vdso = memory.regions().iter().find(|region| region.mapping == "[vdso]");
    entries.extend(vdso.map(|vdso| (AT_SYSINFO_EHDR, vdso.address)));
    entries.push((AT_NULL, 0));
    entries.iter().flat_map(|(kind, value)| [kind.to_le_bytes(), value.to_le_bytes()]).flatten().collect()
}

/// A program as it lies in memory.
struct Program {
    /// What to add to the addresses in its headers.
    bias: u64,
    headers: Vec<ProgramHeader64<LE>>,
    headers_at: u64,
    entry: u64,
}

impl Program {
    fn read(base: u64, memory: &dyn Source) -> Option<Self> {
        let header: FileHeader64<LE> = structure(memory, base)?;
        let ident = header.e_ident;
        if ident.magic != ELFMAG || ident.class != ELFCLASS64 || ident.data != ELFDATA2LSB {
            return None;
        }
        let count = u64::from(header.e_phnum.get(LE));
        if count > MOST_ENTRIES || usize::from(header.e_phentsize.get(LE)) != size_of::<ProgramHeader64<LE>>() {
            return None;
        }
        let headers_at = base.checked_add(header.e_phoff.get(LE))?;
        let step = size_of::<ProgramHeader64<LE>>() as u64;
        let headers: Vec<ProgramHeader64<LE>> = (0..count)
            .map(|number| structure(memory, headers_at.checked_add(number * step)?))
            .collect::<Option<_>>()?;
        let first = headers.iter().find(|header| header.p_type.get(LE) == PT_LOAD)?;
        let bias = match header.e_type.get(LE) {
            ET_DYN => base.wrapping_sub(first.p_vaddr.get(LE) / PAGE as u64 * PAGE as u64),
            _ => 0,
        };
        let entry = header.e_entry.get(LE).wrapping_add(bias);
        Some(Self { bias, headers, headers_at, entry })
    }

    /// Where the dynamic loader lies, which it told debuggers: `DT_DEBUG` points to its `struct r_debug`.
    fn loader(&self, memory: &dyn Source) -> Option<u64> {
        /// Of `r_ldbase` in it.
        const LOADER_BASE: u64 = 32;
        let dynamic = self.headers.iter().find(|header| header.p_type.get(LE) == PT_DYNAMIC)?;
        let start = dynamic.p_vaddr.get(LE).wrapping_add(self.bias);
        let count = (dynamic.p_memsz.get(LE) / 16).min(MOST_ENTRIES);
        for number in 0..count {
            let entry: [u8; 16] = structure(memory, start.checked_add(number * 16)?)?;
            let word = |at: usize| u64::from_le_bytes(entry[at..at + 8].try_into().unwrap_or_default());
            match word(0) {
                0 => return None,
                tag if tag == DT_DEBUG.into() => {
                    let base: [u8; 8] = structure(memory, word(8).checked_add(LOADER_BASE)?)?;
                    return Some(u64::from_le_bytes(base)).filter(|base| *base != 0);
                }
                _ => {}
            }
        }
        None
    }
}

/// A structure in the memory, wherever it lies in pages.
fn structure<T: Pod>(memory: &dyn Source, address: u64) -> Option<T> {
    let from = address - address % PAGE as u64;
    let into = (address - from) as usize;
    // Structures here are smaller than a page.
    let pages = (into + size_of::<T>()).div_ceil(PAGE);
    let mut bytes = vec![0; pages * PAGE];
    for (number, page) in bytes.chunks_exact_mut(PAGE).enumerate() {
        let at = from.checked_add((number * PAGE) as u64)?;
        region(memory.regions(), at)?;
        memory.read(at, page).ok()?;
    }
    pod::from_bytes(bytes.get(into..)?).map(|(found, _)| *found).ok()
}

fn region(regions: &[MemoryRegion], address: u64) -> Option<&MemoryRegion> {
    let before = regions.partition_point(|region| region.address <= address);
    regions.get(before.checked_sub(1)?).filter(|region| address - region.address < region.size)
}

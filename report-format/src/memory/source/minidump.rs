//! The memory in a full minidump.

use std::io;

use minidump_common::format::{MINIDUMP_MEMORY_INFO, MemoryState, MemoryType};

use crate::Error;
use crate::memory::minidump::{Minidump, Module};
use crate::memory::{PAGE, ReadAt, Source};
use crate::schema::v1::MemoryRegion;

use super::stored::Stored;

/// The memory in a minidump that has all of it (a `Memory64ListStream`): as Task Manager, `procdump -ma`, WinDbg's `.dump /ma`
/// or [`export::minidump`](crate::memory::export::minidump()) write it.
///
/// Regions have the protection that the minidump tells, and are cut where it changes; those that begin inside a module have its
/// name. Where the minidump tells no protection, they are taken for readable and writable. Memory that the file ends before
/// cannot be read.
///
/// ```no_run
/// use std::fs::File;
/// use report_format::memory::{FullMinidump, Source};
///
/// let dump = FullMinidump::open(File::open("ledger.dmp")?)?;
/// println!("{} regions", dump.regions().len());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FullMinidump<R> {
    stored: Stored<R>,
}

impl<R: ReadAt> FullMinidump<R> {
    /// Reads the lists in a full minidump.
    ///
    /// # Errors
    /// `Format` if it is no full minidump, or its memory is not whole pages of 4096 bytes, or overlaps. `Limit` if one of its
    /// lists has more than 256 MiB. `Io` if it cannot be read.
    pub fn open(file: R) -> Result<Self, Error> {
        let dump = Minidump::open(file)?;
        let Some((mut offset, ranges)) = dump.memory_64()? else {
            return Err(Error::format(
                "the minidump has no Memory64ListStream",
                "give one with full memory, as procdump -ma writes it",
            ));
        };
        // In the order of the file, each follows the one before it; then in the order of addresses.
        let mut places = Vec::with_capacity(ranges.len());
        for range in ranges.iter().filter(|range| range.data_size > 0) {
            places.push((range.start_of_memory_range, range.data_size, offset));
            offset = offset.checked_add(range.data_size).ok_or_else(|| {
                Error::format("the minidump's memory has no end", "the file is damaged; ask for it again")
            })?;
        }
        places.sort_unstable();
        let mut infos: Vec<MINIDUMP_MEMORY_INFO> = dump.memory_info()?;
        infos.retain(|info| info.state & MemoryState::MEM_COMMIT.bits() != 0);
        infos.sort_unstable_by_key(|info| info.base_address);
        let mut modules = dump.modules()?;
        modules.sort_by_key(|module| module.address);

        let mut stored = Stored::new(dump.file, dump.length);
        for (start, size, offset) in places {
            let (mut at, mut left) = (start, size);
            while left > 0 {
                let (info, length) = info_at(&infos, at, left);
                let region = region(at, length, info, &modules);
                stored.push(region, offset + (at - start), length)?;
                left -= length;
                at += length;
            }
        }
        Ok(Self { stored })
    }
}

/// What the minidump tells of an address, and for how many of the next `limit` bytes it does.
fn info_at(infos: &[MINIDUMP_MEMORY_INFO], address: u64, limit: u64) -> (Option<&MINIDUMP_MEMORY_INFO>, u64) {
    let after = infos.partition_point(|info| info.base_address <= address);
    let holds = |info: &&MINIDUMP_MEMORY_INFO| address - info.base_address < info.region_size;
    let info = after.checked_sub(1).map(|last| &infos[last]).filter(holds);
    let end = info.map_or(u64::MAX, |info| info.region_size - (address - info.base_address));
    // Lists of hostile files can overlap: the later one begins where it says, and the one before ends there.
    let next = infos.get(after).map_or(u64::MAX, |next| next.base_address - address);
    let length = limit.min(end).min(next);
    // No whole page: what it tells is not about pages, and does not cut any.
    if length % PAGE as u64 == 0 { (info, length) } else { (None, limit) }
}

fn region(address: u64, size: u64, info: Option<&MINIDUMP_MEMORY_INFO>, modules: &[Module]) -> MemoryRegion {
    let before = modules.partition_point(|module| module.address <= address).checked_sub(1);
    let module = before.map(|last| &modules[last]).filter(|module| address - module.address < module.size);
    MemoryRegion {
        address,
        size,
        protection: info.map_or(3, |info| protection(info.protection)),
        shared: info.is_some_and(|info| info._type & MemoryType::MEM_MAPPED.bits() != 0),
        mapping: module.map(|module| module.name.clone()).unwrap_or_default(),
        // Sections of an image lie in its file elsewhere than in memory.
        mapping_offset: 0,
    }
}

/// Bits as in the regions: read, write, execute. A guard page, which faults once, is as it will be afterwards.
fn protection(page: u32) -> u32 {
    match page & 0xff {
        0x02 => 1,
        // Copied on write, it is written to all the same.
        0x04 | 0x08 => 3,
        0x10 => 4,
        0x20 => 5,
        0x40 | 0x80 => 7,
        _ => 0,
    }
}

impl<R: ReadAt> Source for FullMinidump<R> {
    fn regions(&self) -> &[MemoryRegion] {
        self.stored.regions()
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.stored.read(address, buffer)
    }

    fn readable(&self, address: u64, limit: u64) -> Result<u64, u64> {
        self.stored.readable(address, limit)
    }
}

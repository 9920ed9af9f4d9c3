//! A small minidump and a memory image → a full minidump.

use std::io::Write;

use minidump_common::format::{
    MINIDUMP_DIRECTORY, MINIDUMP_HEADER, MINIDUMP_MEMORY_INFO, MINIDUMP_MEMORY_INFO_LIST, MINIDUMP_STREAM_TYPE,
    MemoryProtection, MemoryState, MemoryType,
};

use super::{Exported, File, Piece, pieces};
use crate::Error;
use crate::memory::minidump::{Minidump, Module, location, put};
use crate::memory::{PAGE, Source};
use crate::schema::v1::MemoryRegion;

/// `MiniDumpWithFullMemory` and `MiniDumpWithFullMemoryInfo`.
const FLAGS: u64 = 0x0002 | 0x0800;

const MEMORY_LIST: u32 = MINIDUMP_STREAM_TYPE::MemoryListStream as u32;
const MEMORY_64_LIST: u32 = MINIDUMP_STREAM_TYPE::Memory64ListStream as u32;
const MEMORY_INFO_LIST: u32 = MINIDUMP_STREAM_TYPE::MemoryInfoListStream as u32;
const UNUSED: u32 = MINIDUMP_STREAM_TYPE::UnusedStream as u32;

/// Writes the minidump `dump` once more, with the memory in it, as a full minidump (`MiniDumpWithFullMemory`).
///
/// The bytes of `dump` stay where they are, so all that its streams refer to stays right; a new directory and new streams
/// follow, and the memory last, in a [`Memory64ListStream`]. A `MemoryInfoListStream` is made from the regions unless `dump` has
/// one that covers them. A `MemoryListStream` is kept only where it holds what the image does not. Pages that cannot be read
/// are left out.
///
/// # Errors
/// `Format` if `dump` is no minidump, or a full one already. `Limit` if it is too large, or the memory is in more pieces than
/// 2^22. `Io` if `out` fails, or `memory` fails to give what it said to be readable.
///
/// [`Memory64ListStream`]: https://learn.microsoft.com/en-us/windows/win32/api/minidumpapiset/ns-minidumpapiset-minidump_memory64_list
pub fn minidump(dump: &[u8], memory: &dyn Source, out: impl Write) -> Result<Exported, Error> {
    let small = Minidump::open(dump)?;
    if small.directory.iter().any(|entry| entry.stream_type == MEMORY_64_LIST) {
        return Err(Error::format(
            "the minidump is a full one already",
            "it needs no memory image: open it in a debugger as it is",
        ));
    }
    let (pieces, unreadable) = pieces(memory)?;
    let ranges = merged(&pieces);

    let mut directory = small.directory.clone();
    directory.retain(|entry| entry.stream_type != UNUSED);
    if small.memory()?.iter().all(|old| covers(&ranges, old.start_of_memory_range, old.memory.data_size.into())) {
        directory.retain(|entry| entry.stream_type != MEMORY_LIST);
    }
    let regions = memory.regions();
    let known = ascending(small.memory_info()?.iter().map(|info| (info.base_address, info.region_size)));
    let info = match regions.iter().all(|region| covers(&known, region.address, region.size)) {
        true => Vec::new(),
        false => memory_info(regions, &small.modules()?)?,
    };
    if !info.is_empty() {
        directory.retain(|entry| entry.stream_type != MEMORY_INFO_LIST);
    }

    // Where things stand: the old file, the directory, the new streams, the memory from the next page on.
    let directory_at = small.length.next_multiple_of(8);
    let new_entries = 1 + usize::from(!info.is_empty());
    let info_at = directory_at + ((directory.len() + new_entries) * size_of::<MINIDUMP_DIRECTORY>()) as u64;
    let list_at = (info_at + info.len() as u64).next_multiple_of(8);
    let list_size = 16 + ranges.len() as u64 * 16;
    let memory_at = (list_at + list_size).next_multiple_of(PAGE as u64);
    if !info.is_empty() {
        let location = location(info_at, info.len() as u64)?;
        directory.push(MINIDUMP_DIRECTORY { stream_type: MEMORY_INFO_LIST, location });
    }
    let list = location(list_at, list_size)?;
    directory.push(MINIDUMP_DIRECTORY { stream_type: MEMORY_64_LIST, location: list });

    let mut header = Vec::new();
    put(
        &mut header,
        MINIDUMP_HEADER {
            stream_count: directory.len() as u32,
            stream_directory_rva: location(directory_at, 0)?.rva,
            // Nobody checks it, and it is that of another file.
            checksum: 0,
            flags: small.header.flags | FLAGS,
            ..small.header
        },
    )?;
    let mut new_streams = Vec::new();
    for entry in directory {
        put(&mut new_streams, entry)?;
    }
    new_streams.extend(&info);
    new_streams.resize((list_at - directory_at) as usize, 0);
    new_streams.extend((ranges.len() as u64).to_le_bytes());
    new_streams.extend(memory_at.to_le_bytes());
    for (address, size) in &ranges {
        new_streams.extend(address.to_le_bytes());
        new_streams.extend(size.to_le_bytes());
    }

    let mut file = File::new(out);
    file.write(&header)?;
    file.write(&dump[header.len()..])?;
    file.write_zeros(directory_at - small.length)?;
    file.write(&new_streams)?;
    file.pad()?;
    debug_assert_eq!(file.length, memory_at);
    // The same bytes in the same order: but a source is asked for what lies in one region.
    for piece in &pieces {
        file.write_memory(memory, piece.addresses.clone())?;
    }
    let length = file.finish()?;
    Ok(Exported { length, memory: length - memory_at, unreadable, ..Exported::default() })
}

/// Address and size of each stretch of readable memory: regions that follow one another are one.
fn merged(pieces: &[Piece]) -> Vec<(u64, u64)> {
    ascending(pieces.iter().map(|piece| (piece.addresses.start, piece.size())))
}

/// Ranges in ascending order, those that touch or overlap made one. Empty ones are left out, and so are those with no end.
fn ascending(ranges: impl Iterator<Item = (u64, u64)>) -> Vec<(u64, u64)> {
    let mut ranges: Vec<_> = ranges.filter(|(at, size)| *size > 0 && at.checked_add(*size).is_some()).collect();
    ranges.sort_unstable();
    ranges.dedup_by(|next, last| {
        let touches = next.0 <= last.0 + last.1;
        if touches {
            last.1 = last.1.max(next.0 + next.1 - last.0);
        }
        touches
    });
    ranges
}

/// Whether `ranges`, ascending and none touching another, hold all of the bytes.
fn covers(ranges: &[(u64, u64)], address: u64, size: u64) -> bool {
    let before = ranges.partition_point(|(start, _)| *start <= address);
    let inside = |(start, length): &(u64, u64)| address.checked_add(size).is_some_and(|end| end <= start + length);
    size == 0 || before.checked_sub(1).is_some_and(|last| inside(&ranges[last]))
}

/// A `MemoryInfoListStream` that tells each region's protection and type.
fn memory_info(regions: &[MemoryRegion], modules: &[Module]) -> Result<Vec<u8>, Error> {
    let images = ascending(modules.iter().map(|module| (module.address, module.size)));
    let mut stream = Vec::new();
    put(
        &mut stream,
        MINIDUMP_MEMORY_INFO_LIST {
            size_of_header: size_of::<MINIDUMP_MEMORY_INFO_LIST>() as u32,
            size_of_entry: size_of::<MINIDUMP_MEMORY_INFO>() as u32,
            number_of_entries: regions.len() as u64,
        },
    )?;
    for region in regions {
        let protection = protection(region.protection).bits();
        let kind = match region.shared {
            _ if covers(&images, region.address, 1) => MemoryType::MEM_IMAGE,
            true => MemoryType::MEM_MAPPED,
            false => MemoryType::MEM_PRIVATE,
        };
        put(
            &mut stream,
            MINIDUMP_MEMORY_INFO {
                base_address: region.address,
                allocation_base: region.address,
                allocation_protection: protection,
                __alignment1: 0,
                region_size: region.size,
                state: MemoryState::MEM_COMMIT.bits(),
                protection,
                _type: kind.bits(),
                __alignment2: 0,
            },
        )?;
    }
    Ok(stream)
}

/// Windows has no memory that can be written and not read.
fn protection(bits: u32) -> MemoryProtection {
    match (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0) {
        (false, false, false) => MemoryProtection::PAGE_NOACCESS,
        (true, false, false) => MemoryProtection::PAGE_READONLY,
        (_, true, false) => MemoryProtection::PAGE_READWRITE,
        (false, false, true) => MemoryProtection::PAGE_EXECUTE,
        (true, false, true) => MemoryProtection::PAGE_EXECUTE_READ,
        (_, true, true) => MemoryProtection::PAGE_EXECUTE_READWRITE,
    }
}

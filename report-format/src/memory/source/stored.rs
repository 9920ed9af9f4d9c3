//! Regions and where a file holds them: what core files and full minidumps have in common.

use std::io;

use crate::Error;
use crate::memory::{PAGE, ReadAt};
use crate::schema::v1::MemoryRegion;

/// Regions that a file may have: Linux allows a process 65,530, unless it is told otherwise.
const MOST_REGIONS: usize = 1 << 22;
/// Bytes of what all regions are called: one name in the file can be that of each of them.
const MOST_NAMES: u64 = 64 << 20;

#[derive(Debug)]
pub(super) struct Stored<R> {
    file: R,
    /// Bytes of the file.
    length: u64,
    regions: Vec<MemoryRegion>,
    /// For each region where its bytes begin in the file, and how many of them are there. The rest cannot be read.
    places: Vec<(u64, u64)>,
    /// Bytes of the regions' names.
    names: u64,
}

impl<R: ReadAt> Stored<R> {
    pub(super) fn new(file: R, length: u64) -> Self {
        Self { file, length, regions: Vec::new(), places: Vec::new(), names: 0 }
    }

    /// Adds the region that follows, of which the file holds `size` bytes from `offset` on, if it is that long.
    pub(super) fn push(&mut self, region: MemoryRegion, offset: u64, size: u64) -> Result<(), Error> {
        let MemoryRegion { address, size: length, .. } = region;
        let whole = |number: u64| number.is_multiple_of(PAGE as u64);
        if !whole(address) || !whole(length) {
            return Err(Error::format(
                format!("the memory of {length:#x} bytes at {address:#x} is not of whole pages of {PAGE} bytes"),
                "only memory in whole pages can be taken over; write the file anew with gcore or procdump -ma",
            ));
        }
        if address.checked_add(length).is_none() {
            return Err(Error::format(
                format!("the memory at {address:#x} is longer than addresses are"),
                "the file is damaged; ask for it again",
            ));
        }
        if let Some(last) = self.regions.last().filter(|last| last.address + last.size > address) {
            return Err(Error::format(
                format!("the memory at {address:#x} overlaps that at {:#x}", last.address),
                "the file is damaged; ask for it again",
            ));
        }
        if self.regions.len() == MOST_REGIONS {
            return Err(Error::Limit {
                what: "memory regions of the file",
                limit: MOST_REGIONS as u64,
                seen: MOST_REGIONS as u64 + 1,
            });
        }
        self.names += region.mapping.len() as u64;
        if self.names > MOST_NAMES {
            return Err(Error::Limit { what: "bytes of mappings' names", limit: MOST_NAMES, seen: self.names });
        }
        // Whole pages of what is there: a file that was cut ends anywhere.
        let there = self.length.saturating_sub(offset).min(size).min(length);
        self.places.push((offset, there - there % PAGE as u64));
        self.regions.push(region);
        Ok(())
    }

    pub(super) fn regions(&self) -> &[MemoryRegion] {
        &self.regions
    }

    /// Where in the file the byte at an address stands, and how many bytes from there on the file holds.
    fn find(&self, address: u64) -> (u64, u64) {
        let before = self.regions.partition_point(|region| region.address <= address);
        let Some(last) = before.checked_sub(1) else { return (0, 0) };
        let (offset, size) = self.places[last];
        let into = address - self.regions[last].address;
        // Nothing behind the end of the file is ever asked for, so this cannot run over.
        if into < size { (offset + into, size - into) } else { (0, 0) }
    }

    pub(super) fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
        let (offset, left) = self.find(address);
        if (buffer.len() as u64) > left {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file does not hold this memory"));
        }
        self.file.read_exact_at(offset, buffer)
    }

    /// [`Source::readable`](crate::memory::Source::readable), from what the headers say.
    pub(super) fn readable(&self, address: u64, limit: u64) -> Result<u64, u64> {
        let (_, left) = self.find(address);
        if left > 0 || limit == 0 { Ok(left.min(limit)) } else { Err(limit) }
    }
}

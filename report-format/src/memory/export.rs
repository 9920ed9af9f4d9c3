//! A minidump and a memory image together become one file that debuggers open.
//!
//! [`minidump()`] makes the full minidump that WinDbg, LLDB and minidump-stackwalk read, [`core()`] the core file that gdb reads. Both write from front to back, to a
//! file or a pipe, and go through the memory twice: once to learn what of it can be read, which the file's headers have to
//! say, and once to copy it. They hold no more of it than 1 MiB at a time, and are right over 4 GiB.
//!
//! Zeros that nobody stored come out as zeros in the file. [`Sparse`] makes them holes: they take no place on the disk, and next to no time.
//!
//! ```
//! use report_format::memory::{FullMinidump, PAGE, Source, export};
//! # use report_format::schema::v1::MemoryRegion;
//! # struct Buffer { region: [MemoryRegion; 1], bytes: Vec<u8> }
//! # impl Source for Buffer {
//! #     fn regions(&self) -> &[MemoryRegion] {
//! #         &self.region
//! #     }
//! #     fn read(&self, address: u64, buffer: &mut [u8]) -> std::io::Result<()> {
//! #         let from = (address - self.region[0].address) as usize;
//! #         buffer.copy_from_slice(&self.bytes[from..from + buffer.len()]);
//! #         Ok(())
//! #     }
//! # }
//! # let region = MemoryRegion { address: 0x10000, size: PAGE as u64, protection: 3, ..Default::default() };
//! # let memory = Buffer { region: [region], bytes: vec![7; PAGE] };
//! // As it was extracted from a report: here one without any streams.
//! let mut small = b"MDMP\x93\xa7\0\0".to_vec();
//! small.resize(32, 0);
//!
//! let mut file = Vec::new();
//! let exported = export::minidump(&small, &memory, &mut file)?;
//! assert_eq!(exported.length, file.len() as u64);
//!
//! let full = FullMinidump::open(file)?;
//! let mut page = [0; PAGE];
//! full.read(0x10000, &mut page)?;
//! assert_eq!(page, [7; PAGE]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod core;
mod minidump;
mod sparse;

use std::io::{self, Write};
use std::ops::Range;

pub use self::core::core;
pub use self::minidump::minidump;
pub use self::sparse::Sparse;

use super::{PAGE, Source};
use crate::Error;

/// What an export wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exported {
    /// Bytes of the file.
    pub length: u64,
    /// Bytes of memory in it.
    pub memory: u64,
    /// Bytes of the regions that are not in it, since they cannot be read.
    pub unreadable: u64,
    /// Threads in a core file. 0 for a minidump, which keeps those that it had.
    pub threads: u64,
    /// Threads that a core file cannot show, since the minidump has no registers of them.
    pub threads_without_registers: u64,
}

/// Pieces of memory, and segments of a core file. Linux allows a process 65,530 mappings, unless it is told otherwise.
const MOST_PIECES: usize = 1 << 22;
/// Bytes copied at a time.
const STEP: u64 = 1 << 20;

/// Memory that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    addresses: Range<u64>,
    /// Which region it lies in.
    region: usize,
}

impl Piece {
    fn size(&self) -> u64 {
        self.addresses.end - self.addresses.start
    }
}

/// What of the memory can be read, ascending: each region, less the pages in it that cannot. And how many bytes cannot.
fn pieces(memory: &dyn Source) -> Result<(Vec<Piece>, u64), Error> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut unreadable = 0;
    let mut free = 0;
    for (number, region) in memory.regions().iter().enumerate() {
        let whole = |number: u64| number.is_multiple_of(PAGE as u64);
        let end = region.address.checked_add(region.size);
        let (Some(end), true) = (end, region.size > 0 && region.address >= free) else {
            return Err(Error::format(
                format!("the memory region at {:#x} overlaps the one before it or has no end", region.address),
                "the report is damaged, or not written as the format says",
            ));
        };
        if !whole(region.address) || !whole(region.size) {
            return Err(Error::format(
                format!("the memory region at {:#x} is not of whole pages", region.address),
                "the report is damaged, or not written as the format says",
            ));
        }
        free = end;
        let mut at = region.address;
        while at < end {
            match memory.readable(at, end - at) {
                Ok(length) => {
                    let next = at + length.clamp(PAGE as u64, end - at);
                    match pieces.last_mut() {
                        Some(last) if last.region == number && last.addresses.end == at => last.addresses.end = next,
                        _ => pieces.push(Piece { addresses: at..next, region: number }),
                    }
                    at = next;
                }
                Err(length) => {
                    let length = length.clamp(PAGE as u64, end - at);
                    unreadable += length;
                    at += length;
                }
            }
            if pieces.len() > MOST_PIECES {
                return Err(Error::Limit {
                    what: "pieces of readable memory",
                    limit: MOST_PIECES as u64,
                    seen: pieces.len() as u64,
                });
            }
        }
    }
    Ok((pieces, unreadable))
}

/// A file that is written front to back.
struct File<W> {
    out: W,
    length: u64,
    zeros: Vec<u8>,
    buffer: Vec<u8>,
}

impl<W: Write> File<W> {
    fn new(out: W) -> Self {
        Self { out, length: 0, zeros: vec![0; STEP as usize], buffer: vec![0; STEP as usize] }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn write_zeros(&mut self, mut count: u64) -> io::Result<()> {
        self.length += count;
        while count > 0 {
            let step = count.min(STEP);
            self.out.write_all(&self.zeros[..step as usize])?;
            count -= step;
        }
        Ok(())
    }

    /// Zeros to the next page, where memory begins: so that holes can be pages of the file too.
    fn pad(&mut self) -> io::Result<()> {
        self.write_zeros(self.length.next_multiple_of(PAGE as u64) - self.length)
    }

    fn write_memory(&mut self, memory: &dyn Source, addresses: Range<u64>) -> io::Result<()> {
        let Range { start: mut at, end } = addresses;
        while at < end {
            let zeros = memory.zeros(at, end - at).min(end - at);
            if zeros > 0 {
                self.write_zeros(zeros)?;
                at += zeros;
                continue;
            }
            // Steps end at multiples of their size, so that a source that caches is asked for the same ones again.
            let step = (STEP - at % STEP).min(end - at);
            let bytes = &mut self.buffer[..step as usize];
            memory.read(at, bytes).map_err(|error| {
                let what = format!("{step} bytes of memory at {at:#x} could be read, and now cannot");
                io::Error::new(error.kind(), what + ": " + &error.to_string())
            })?;
            self.out.write_all(bytes)?;
            self.length += step;
            at += step;
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<u64> {
        self.out.flush()?;
        Ok(self.length)
    }
}

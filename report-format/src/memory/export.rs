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

pub use self::core::core;
pub use self::minidump::minidump;
pub use self::sparse::Sparse;

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

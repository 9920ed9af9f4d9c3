//! The memory in an ELF core file.

use std::io;

use crate::Error;
use crate::memory::{ReadAt, Source};
use crate::schema::v1::MemoryRegion;

/// The memory in a 64-bit little-endian ELF core file, as the kernel, gdb's `gcore` or [`export::core`](crate::memory::export::core()) write it.
///
/// Regions are the segments, with the paths of what was mapped. What the file does not hold of a segment (the kernel leaves out program text, and a
/// file may be cut) cannot be read.
///
/// ```no_run
/// use std::fs::File;
/// use report_format::memory::{CoreFile, Source};
///
/// let core = CoreFile::open(File::open("core.4711")?)?;
/// for region in core.regions() {
///     println!("{:#x} {} {}", region.address, region.size, region.mapping);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CoreFile<R> {
    file: R,
    regions: Vec<MemoryRegion>,
}

impl<R: ReadAt> CoreFile<R> {
    /// Reads the headers of a core file.
    ///
    /// # Errors
    /// `Format` if it is no core file, or its segments are not whole pages of 4096 bytes in order. `Unsupported` if it is of 32 bits or big-endian. `Limit` if it has more than 2^22
    /// segments. `Io` if it cannot be read.
    pub fn open(file: R) -> Result<Self, Error> {
        let _ = file;
        Err(Error::Usage("not built yet"))
    }
}

impl<R: ReadAt> Source for CoreFile<R> {
    fn regions(&self) -> &[MemoryRegion] {
        &self.regions
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(address, buffer)
    }
}

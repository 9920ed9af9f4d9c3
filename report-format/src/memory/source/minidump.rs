//! The memory in a full minidump.

use std::io;

use crate::Error;
use crate::memory::{ReadAt, Source};
use crate::schema::v1::MemoryRegion;

/// The memory in a minidump that has all of it (a `Memory64ListStream`): as Task Manager, `procdump -ma`, WinDbg's `.dump /ma` or
/// [`export::minidump`](crate::memory::export::minidump()) write it.
///
/// Regions have the protection that the minidump tells, and are cut where it changes; those inside a module have its name. Memory that the file ends before
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
    file: R,
    regions: Vec<MemoryRegion>,
}

impl<R: ReadAt> FullMinidump<R> {
    /// Reads the lists in a full minidump.
    ///
    /// # Errors
    /// `Format` if it is no full minidump, or its memory is not whole pages of 4096 bytes, or overlaps. `Limit` if it has more than 2^22 regions. `Io` if
    /// it cannot be read.
    pub fn open(file: R) -> Result<Self, Error> {
        let _ = file;
        Err(Error::Usage("not built yet"))
    }
}

impl<R: ReadAt> Source for FullMinidump<R> {
    fn regions(&self) -> &[MemoryRegion] {
        &self.regions
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(address, buffer)
    }
}

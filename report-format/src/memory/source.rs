//! Where memory comes from: a live process, a core file, a minidump, or an image in a report.

#[cfg(feature = "export")]
pub(super) mod core;
#[cfg(feature = "export")]
pub(super) mod minidump;
#[cfg(feature = "export")]
mod stored;

use std::io;

use crate::schema::v1::MemoryRegion;

/// Bytes of a page. The unit of memory images, whatever the machine's own pages are: those are a multiple of it.
pub const PAGE: usize = 4096;

/// Memory that can be encoded or exported: regions, and the bytes in them.
///
/// Reading takes `&self` and happens from several threads at once, in any order.
///
/// ```
/// use report_format::{memory::{PAGE, Source}, schema::v1::MemoryRegion};
///
/// struct Buffer { region: [MemoryRegion; 1], bytes: Vec<u8> }
///
/// impl Source for Buffer {
///     fn regions(&self) -> &[MemoryRegion] {
///         &self.region
///     }
///     fn read(&self, address: u64, buffer: &mut [u8]) -> std::io::Result<()> {
///         let from = (address - self.region[0].address) as usize;
///         buffer.copy_from_slice(&self.bytes[from..from + buffer.len()]);
///         Ok(())
///     }
/// }
///
/// let region = MemoryRegion { address: 0x10000, size: PAGE as u64, protection: 3, ..Default::default() };
/// let memory = Buffer { region: [region], bytes: vec![7; PAGE] };
/// let mut page = [0; PAGE];
/// memory.read(0x10000, &mut page)?;
/// assert_eq!(page, [7; PAGE]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait Source: Sync {
    /// The regions, in ascending order and without overlap. Addresses and sizes are multiples of [`PAGE`]; a size is never 0.
    fn regions(&self) -> &[MemoryRegion];

    /// Fills `buffer` with the bytes at `address`. The caller asks for whole pages inside one region.
    ///
    /// # Errors
    /// Any error says that at least one of these pages cannot be read; what `buffer` then holds does not matter. Callers ask
    /// again page by page, and take a page that still fails for unreadable.
    fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// How many of the `limit` bytes from `address` on are known, without reading, to hold only zeros: whole pages, counted
    /// from `address`. What is not known is 0, which is always right.
    fn zeros(&self, address: u64, limit: u64) -> u64 {
        let _ = (address, limit);
        0
    }

    /// How many of the `limit` bytes from `address` on, whole pages inside one region, are alike: all readable (`Ok`), or all not
    /// (`Err`). It is at least one page, if `limit` is, and never more than `limit`; there may be more alike behind them.
    ///
    /// Files name in their headers what memory follows, so an export asks this of all regions before it writes. As it is here,
    /// pages are read to learn it, 1 MiB at a time; a source that knows them answers at once.
    #[expect(clippy::missing_errors_doc, reason = "both sides are lengths, and neither is a failure")]
    fn readable(&self, address: u64, limit: u64) -> Result<u64, u64> {
        const STEP: u64 = 1 << 20;
        let zeros = self.zeros(address, limit);
        if zeros > 0 {
            return Ok(zeros.min(limit));
        }
        let limit = limit.min(STEP);
        let count_while = |readable: bool| {
            let mut page = [0; PAGE];
            let mut at = 0;
            while at < limit && self.read(address + at, &mut page).is_ok() == readable {
                at += PAGE as u64;
            }
            at.min(limit)
        };
        match count_while(false) {
            0 if self.read(address, &mut vec![0; limit as usize]).is_ok() => Ok(limit),
            0 => Ok(count_while(true)),
            unreadable => Err(unreadable),
        }
    }
}

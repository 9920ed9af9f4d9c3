//! Reading a memory image: any page of it, without decompressing more than two blocks.

use std::{
    fmt,
    io::{self, Read, Seek},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    PAGE, Source,
    block::{Content, Extent},
    blocks::{Blocks, entries},
    encode::check,
};
use crate::{
    error::Error,
    file::ReportFile,
    reader::SectionState,
    schema::v1::{MemoryRange, MemoryRegion, MemoryRegions, SectionKind},
};

/// The memory image of a report, read at random. What is read is checked: a page is what it was, or an error.
///
/// It keeps what it decompressed as long as later blocks may need it: up to 66 MiB. Reading from the first address to the last
/// decompresses each block once.
///
/// It is a [`Source`], so it can be exported, or encoded again.
///
/// ```
/// # use report_format::{Summary, Writer, memory::{PAGE, Source, Options, encode}, schema::v1::MemoryRegion};
/// # struct Bytes([MemoryRegion; 1], Vec<u8>);
/// # impl Source for Bytes {
/// #     fn regions(&self) -> &[MemoryRegion] { &self.0 }
/// #     fn read(&self, address: u64, buffer: &mut [u8]) -> std::io::Result<()> {
/// #         let from = (address - self.0[0].address) as usize;
/// #         Ok(buffer.copy_from_slice(&self.1[from..from + buffer.len()]))
/// #     }
/// # }
/// # let mut bytes = vec![0; 3 * PAGE];
/// # bytes[5000..5005].copy_from_slice(b"hello");
/// # let memory = Bytes([MemoryRegion { address: 0x10000, size: 3 * PAGE as u64, ..Default::default() }], bytes);
/// # let mut writer = Writer::new(Vec::new(), &Summary::default())?;
/// # encode(&mut writer, &memory, &Options::default())?;
/// # let (report, ..) = writer.finish()?;
/// use report_format::{Limits, ReportFile};
/// let mut file = ReportFile::open(std::io::Cursor::new(report), &Limits::default())?;
/// let image = file.memory()?.expect("this report has one");
/// let mut word = [0; 5];
/// image.read_at(0x10000 + 5000, &mut word)?;
/// assert_eq!(&word, b"hello");
/// # Ok::<(), report_format::Error>(())
/// ```
pub struct MemoryImage<'a, R> {
    regions: Vec<MemoryRegion>,
    erased: Vec<MemoryRange>,
    has_index: bool,
    blocks: Mutex<Blocks<'a, R>>,
}

/// What became of the pages of an image, as reading all of it finds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImageCheck {
    /// Pages in all regions, of 4096 bytes each.
    pub pages: u64,
    /// Pages that hold only zeros.
    pub zero: u64,
    /// Pages that hold something else.
    pub held: u64,
    /// Pages that could not be read when the image was made.
    pub unreadable: u64,
    /// Pages that the report lost since.
    pub lost: u64,
}

impl<R: Read + Seek> ReportFile<R> {
    /// The memory image, if the report has one. Reads its regions and its index; where the index is lost, all blocks.
    ///
    /// # Errors
    /// [`Error::Limit`] if the image covers more than [`Limits::memory_image`](crate::Limits::memory_image);
    /// [`Error::Format`] if its regions are lost or contradict one another; [`Error::Io`].
    pub fn memory(&mut self) -> Result<Option<MemoryImage<'_, R>>, Error> {
        let Some(section) = self.find(SectionKind::MemoryImage) else { return Ok(None) };
        let lost =
            || Error::format("the list of memory regions is damaged or missing", "the other sections can be used");
        let regions: Option<MemoryRegions> = self.message(SectionKind::MemoryRegions)?;
        let MemoryRegions { regions, erased } = regions.ok_or_else(lost)?;
        let total = check(&regions).map_err(|_| lost())?;
        if total > self.limits.memory_image {
            let limit = self.limits.memory_image;
            return Err(Error::Limit { what: "bytes that a memory image covers", limit, seen: total });
        }
        let index = match self.find(SectionKind::MemoryIndex) {
            // A block's frame is longer than its entry, so an honest index is shorter than the image.
            Some(index) => match self.section_within(&index, section.length) {
                Ok(index) if index.state == SectionState::Whole => entries(&index.bytes, &section),
                Ok(_) | Err(Error::Limit { .. }) => None,
                Err(error) => return Err(error),
            },
            None => None,
        };
        let blocks = Blocks::new(&mut self.frames, section, self.limits.raw_chunk, index)?;
        Ok(Some(MemoryImage { regions, erased, has_index: blocks.are_indexed(), blocks: Mutex::new(blocks) }))
    }
}

impl<'a, R: Read + Seek> MemoryImage<'a, R> {
    /// The regions that the image covers, in ascending order.
    pub fn regions(&self) -> &[MemoryRegion] {
        &self.regions
    }

    /// What was replaced by zeros before the image was made.
    pub fn erased(&self) -> &[MemoryRange] {
        &self.erased
    }

    /// Whether the index was there and the blocks where it says. If not, it was made again from the blocks that are whole.
    pub fn has_index(&self) -> bool {
        self.has_index
    }

    /// Fills `buffer` with the bytes at `address`, which need not be where a page begins.
    ///
    /// # Errors
    /// [`Error::Usage`] if the regions do not cover all of it; [`Error::Format`] if a page could not be read when the image
    /// was made, or is lost; [`Error::Io`]. What the buffer then holds is not defined.
    pub fn read_at(&self, address: u64, buffer: &mut [u8]) -> Result<(), Error> {
        let (mut address, mut buffer) = (address, buffer);
        while !buffer.is_empty() {
            let left = self.left_in_region(address).ok_or(Error::Usage("no region of memory covers this address"))?;
            let (now, later) = buffer.split_at_mut(left.min(buffer.len() as u64) as usize);
            self.read_in_region(address, now)?;
            address += now.len() as u64;
            buffer = later;
        }
        Ok(())
    }

    /// Reads all blocks and counts what is in them, in time linear in their size.
    ///
    /// # Errors
    /// [`Error::Io`]. What is lost is no error: see [`ImageCheck::lost`].
    pub fn check(&self) -> Result<ImageCheck, Error> {
        let mut blocks = self.lock();
        let pages = self.regions.iter().map(|region| region.size / PAGE as u64).sum();
        let mut count = ImageCheck { pages, ..ImageCheck::default() };
        // Of the blocks that are whole: the pages that they store. Else nothing.
        let mut stored = vec![0..0; blocks.entries().len()];
        let mut regions = &self.regions[..];
        for number in 0..stored.len() {
            let Some(block) = blocks.block(number)? else { continue };
            stored[number] = block.pages.first..block.pages.end();
            for extent in &block.extents {
                let behind = regions.iter().take_while(|region| region.address + region.size <= extent.address).count();
                regions = &regions[behind..];
                let covered = regions.iter().take_while(|region| region.address < extent.end());
                let covered = covered
                    .map(|region| extent.end().min(region.address + region.size) - extent.address.max(region.address));
                let pages = covered.sum::<u64>() / PAGE as u64;
                match extent.content {
                    Content::Zeros => count.zero += pages,
                    Content::Unreadable => count.unreadable += pages,
                    Content::Stored(page) => {
                        let last = page + u64::from(extent.pages) - 1;
                        let holder = blocks.storing(page).and_then(|holder| stored.get(holder));
                        if holder.is_some_and(|holder| holder.contains(&page) && holder.contains(&last)) {
                            count.held += pages;
                        }
                    }
                }
            }
        }
        count.lost = count.pages - count.zero - count.held - count.unreadable;
        Ok(count)
    }

    /// Bytes from an address to the end of its region.
    fn left_in_region(&self, address: u64) -> Option<u64> {
        let at = self.regions.partition_point(|region| region.address <= address).checked_sub(1)?;
        let region = &self.regions[at];
        region.size.checked_sub(address - region.address).filter(|left| *left > 0)
    }

    fn read_in_region(&self, mut address: u64, mut buffer: &mut [u8]) -> Result<(), Error> {
        let mut blocks = self.lock();
        while !buffer.is_empty() {
            let lost =
                || Error::format(format!("the memory at {address:#x} is lost"), "the report is damaged in its place");
            let (number, extent) = find(&mut blocks, address)?.ok_or_else(lost)?;
            let (now, later) = buffer.split_at_mut((extent.end() - address).min(buffer.len() as u64) as usize);
            match extent.content {
                Content::Zeros => now.fill(0),
                Content::Unreadable => {
                    let what = format!("the memory at {address:#x} could not be read when the image was made");
                    return Err(Error::format(what, "nobody knows what it held"));
                }
                Content::Stored(run) => {
                    let skip = (address - extent.address) as usize;
                    copy(&mut blocks, number, &extent, run, skip, now)?.ok_or_else(lost)?;
                }
            }
            address += now.len() as u64;
            buffer = later;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Blocks<'a, R>> {
        // Who panicked while reading left nothing half done: blocks are kept once they are whole.
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The extent that covers an address, and the number of its block. `None` if it is lost.
fn find<R: Read + Seek>(blocks: &mut Blocks<'_, R>, address: u64) -> Result<Option<(usize, Extent)>, Error> {
    let Some(number) = blocks.covering(address) else { return Ok(None) };
    let block = blocks.block(number)?;
    Ok(block.and_then(|block| block.extent(address).map(|extent| (number, *extent))))
}

/// Fills `buffer` from the run of stored pages of an extent of block `number`, behind `skip` bytes of it. `None` if they are lost.
fn copy<R: Read + Seek>(
    blocks: &mut Blocks<'_, R>,
    number: usize,
    extent: &Extent,
    run: u64,
    skip: usize,
    buffer: &mut [u8],
) -> Result<Option<()>, Error> {
    let Some(holder) = blocks.storing(run) else { return Ok(None) };
    let Some(pages) = blocks.pages(holder, number)? else { return Ok(None) };
    let bytes = pages.run(run, extent.pages.into()).and_then(|bytes| bytes.get(skip..skip + buffer.len()));
    Ok(bytes.map(|bytes| buffer.copy_from_slice(bytes)))
}

impl<R: Read + Seek + Send> Source for MemoryImage<'_, R> {
    fn regions(&self) -> &[MemoryRegion] {
        &self.regions
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.read_at(address, buffer).map_err(|error| match error {
            Error::Io(error) => error,
            other => io::Error::other(other),
        })
    }

    fn zeros(&self, address: u64, limit: u64) -> u64 {
        match find(&mut self.lock(), address) {
            Ok(Some((_, extent))) if extent.content == Content::Zeros => (extent.end() - address).min(limit),
            _ => 0,
        }
    }

    fn readable(&self, address: u64, limit: u64) -> Result<u64, u64> {
        let mut blocks = self.lock();
        let Ok(found) = find(&mut blocks, address) else { return Err(limit.min(PAGE as u64)) };
        let Some((number, extent)) = found else { return Err(self.lost(&mut blocks, address).min(limit)) };
        let length = (extent.end() - address).min(limit);
        match extent.content {
            Content::Zeros => Ok(length),
            Content::Unreadable => Err(length),
            Content::Stored(run) => match copy(&mut blocks, number, &extent, run, 0, &mut []) {
                Ok(Some(())) => Ok(length),
                _ => Err(length),
            },
        }
    }
}

impl<R: Read + Seek> MemoryImage<'_, R> {
    /// Bytes from a lost address to the next that a block tells of.
    fn lost(&self, blocks: &mut Blocks<'_, R>, address: u64) -> u64 {
        let number = blocks.covering(address);
        let here = number.and_then(|number| blocks.block(number).ok().flatten());
        let in_block =
            here.and_then(|block| block.extents.iter().map(|extent| extent.address).find(|at| *at > address));
        let next = number.map_or(0, |number| number + 1);
        let behind = blocks.entries().get(next).map(|entry| entry.address);
        in_block.or(behind).map_or(u64::MAX, |end| end - address)
    }
}

impl<R> fmt::Debug for MemoryImage<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryImage")
            .field("regions", &self.regions.len())
            .field("has_index", &self.has_index)
            .finish_non_exhaustive()
    }
}

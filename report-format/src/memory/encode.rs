//! The dump encoder: memory into sections of a report, with all processors and little memory of its own.
//!
//! Workers take jobs of up to 252 pages: each reads its pages, looks for zeros and takes fingerprints while they are in its cache, waits for its
//! turn to learn which pages are stored already, and compresses the others. The calling thread is one of them, and writes all blocks, in order: a
//! thread that only writes would have to be woken for each block, and take a processor from a worker each time. What is in flight is
//! bounded by the number of buffers, so memory does not grow with the image.

use std::{
    collections::BTreeMap,
    fmt,
    io::Write,
    ops::ControlFlow,
    panic,
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use prost::Message;

use super::{
    PAGE, Source,
    jobs::Jobs,
    worker::{Finished, Made, Shared, StopOthers, Worker},
};
use crate::{
    error::Error,
    schema::v1::{Category, MemoryRange, MemoryRegion, MemoryRegions, SectionKind},
    section::SectionHeader,
    writer::Writer,
};

/// How far an encoder has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes of memory dealt with.
    pub done: u64,
    /// Bytes of memory in all regions.
    pub total: u64,
    /// Bytes of the report so far.
    pub written: u64,
}

/// How memory is encoded. The default: all processors, nothing erased, nobody watches.
#[derive(Default, Clone, Copy)]
pub struct Options<'a> {
    /// Threads that compress: the calling one, which writes as well, and others; 0: as many as there are processors.
    pub threads: usize,
    /// Ranges that the source replaced by zeros, for the record in the report. Nothing is erased here.
    pub erased: &'a [MemoryRange],
    /// Called after each block, on the calling thread. If it answers `Break`, nothing more is read: what is left becomes *unreadable*
    /// in a report that is whole, and [`Stats::cancelled`] is set.
    pub progress: Option<&'a dyn Fn(Progress) -> ControlFlow<()>>,
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("threads", &self.threads).field("erased", &self.erased).finish_non_exhaustive()
    }
}

/// What became of the pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Pages in all regions, of 4096 bytes each.
    pub pages: u64,
    /// Pages that hold only zeros: they cost nothing.
    pub zero: u64,
    /// Pages stored.
    pub stored: u64,
    /// Pages equal to one that is stored.
    pub shared: u64,
    /// Pages that could not be read, or that nobody waited for.
    pub unreadable: u64,
    /// Bytes of the three sections in the report.
    pub written: u64,
    /// Whether [`Options::progress`] ended it early.
    pub cancelled: bool,
}

/// Writes the memory of `source` as three sections: regions, image and index.
///
/// Memory used: about 2 MiB for each thread and each of two more blocks, 1 MiB to know pages again, and 24 bytes for each MiB of `source`. The same
/// memory gives the same bytes, whatever the number of threads.
///
/// # Errors
/// [`Error::Io`] of the writer; [`Error::Usage`] for regions that are not what [`Source::regions`] promises. A page that cannot be
/// read is no error: it is counted in [`Stats::unreadable`].
///
/// # Panics
/// If the source, the writer's output or [`Options::progress`] does: their panic goes on to the caller once all threads have ended, and
/// the report is partial.
///
/// ```
/// use report_format::{Summary, Writer, memory::{self, PAGE, Source}, schema::v1::MemoryRegion};
///
/// struct Zeros([MemoryRegion; 1]);
/// impl Source for Zeros {
///     fn regions(&self) -> &[MemoryRegion] {
///         &self.0
///     }
///     fn read(&self, _: u64, buffer: &mut [u8]) -> std::io::Result<()> {
///         buffer.fill(0);
///         Ok(())
///     }
/// }
///
/// let memory = Zeros([MemoryRegion { address: 0x10000, size: 10 * PAGE as u64, ..Default::default() }]);
/// let mut writer = Writer::new(Vec::new(), &Summary::default())?;
/// let stats = memory::encode(&mut writer, &memory, &memory::Options::default())?;
/// assert_eq!((stats.pages, stats.zero), (10, 10));
/// let (report, ..) = writer.finish()?;
/// assert!(report.len() < 1000);
/// # Ok::<(), report_format::Error>(())
/// ```
pub fn encode<W: Write, S: Source + ?Sized>(
    writer: &mut Writer<W>,
    source: &S,
    options: &Options<'_>,
) -> Result<Stats, Error> {
    let regions = source.regions();
    let total = check(regions)?;
    let before = writer.position();
    let message = MemoryRegions { regions: regions.to_vec(), erased: options.erased.to_vec() };
    let mut section = writer.section(SectionHeader::new(SectionKind::MemoryRegions, Category::FullMemory))?;
    section.write_all(&message.encode_to_vec())?;
    section.finish()?;

    let (mut stats, index) = image(writer, source, options, total)?;
    let mut section = writer.section(SectionHeader::new(SectionKind::MemoryIndex, Category::FullMemory))?;
    section.write_all(&index)?;
    section.finish()?;
    stats.written = writer.position() - before;
    Ok(stats)
}

/// The bytes in all regions, if these are in order.
pub(super) fn check(regions: &[MemoryRegion]) -> Result<u64, Error> {
    let (mut end, mut total) = (0_u64, 0_u64);
    for region in regions {
        let whole = region.address.is_multiple_of(PAGE as u64) && region.size.is_multiple_of(PAGE as u64);
        if !whole || region.size == 0 {
            return Err(Error::Usage("a region of memory does not begin and end at pages of 4096 bytes"));
        }
        if region.address < end {
            return Err(Error::Usage("the regions of memory do not ascend without overlap"));
        }
        end = region.address.checked_add(region.size).ok_or(Error::Usage("a region ends behind the last address"))?;
        total = total.checked_add(region.size).ok_or(Error::Usage("the regions are larger than all addresses"))?;
    }
    Ok(total)
}

/// Writes the image section; the answer has the raw bytes of its index.
fn image<W: Write, S: Source + ?Sized>(
    writer: &mut Writer<W>,
    source: &S,
    options: &Options<'_>,
    total: u64,
) -> Result<(Stats, Vec<u8>), Error> {
    let mut section = writer.section(SectionHeader::new(SectionKind::MemoryImage, Category::FullMemory))?;
    let codec = section.codec();
    let processors = || thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = if options.threads > 0 { options.threads } else { processors() }.min(256);
    // Two more than workers: what waits for its turn to be written.
    let shared = Shared::new(Jobs::new(source.regions()), threads + 2);
    let start = section.position();
    let (mut stats, mut index, mut done) = (Stats { pages: total / PAGE as u64, ..Stats::default() }, Vec::new(), 0);

    let written = thread::scope(|scope| {
        // A panic of the output or the callback must not leave workers that wait for buffers: the scope would wait for them forever.
        let _guard = StopOthers(&shared);
        let (sender, finished) = channel();
        let mut others = Vec::with_capacity(threads);
        for _ in 1..threads {
            let (sender, worker): (Sender<_>, _) = (sender.clone(), Worker::new(source, codec, &shared));
            match thread::Builder::new().spawn_scoped(scope, move || worker.work(&sender)) {
                Ok(other) => others.push(other),
                // A machine short of threads or memory is where processes crash. Fewer workers make the same report.
                Err(_) => break,
            }
        }
        drop(sender);
        let written = in_order(Worker::new(source, codec, &shared), &finished, |mut block: Finished| {
            index.extend_from_slice(&block.address.to_le_bytes());
            index.extend_from_slice(&(section.position() - start).to_le_bytes());
            index.extend_from_slice(&block.first.to_le_bytes());
            section.write_encoded(&block.buffer.encoded, block.raw_length, block.raw_crc)?;
            stats.zero += block.zero;
            stats.stored += block.stored;
            stats.shared += block.shared;
            stats.unreadable += block.unreadable;
            done += (block.zero + block.stored + block.shared + block.unreadable) * PAGE as u64;
            block.buffer.encoded.clear();
            shared.give_back(block.buffer);
            let progress = Progress { done, total, written: section.position() };
            if options.progress.is_some_and(|progressed| progressed(progress).is_break()) && !stats.cancelled {
                stats.cancelled = true;
                shared.cancel();
            }
            Ok(())
        });
        // Whoever still works for a report that failed need not go on.
        shared.stop();
        for other in others {
            if let Err(payload) = other.join() {
                panic::resume_unwind(payload);
            }
        }
        written
    });
    written?;
    section.finish()?;
    Ok((stats, index))
}

/// Gives blocks to `write` in the order of their jobs, those of others and, as long as there is nothing to write, those of its own worker. Ends when there are no
/// more, or one of them or `write` failed.
fn in_order<S: Source + ?Sized>(
    mut own: Worker<'_, '_, S>,
    others: &Receiver<Result<Finished, Error>>,
    mut write: impl FnMut(Finished) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut early = BTreeMap::new();
    let mut next = 0;
    loop {
        while let Some(block) = early.remove(&next) {
            write(block)?;
            next += 1;
        }
        let block = match others.try_recv() {
            Ok(block) => block,
            Err(_) => match own.make_one() {
                Made::Block(block) => block,
                // What is to be written next is with another worker. If all have ended, everything is written, or one of them has panicked, which its join tells.
                Made::NoBuffer | Made::End => match others.recv() {
                    Ok(block) => block,
                    Err(_) => return Ok(()),
                },
            },
        }?;
        early.insert(block.job, block);
    }
}

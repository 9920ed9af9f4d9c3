//! The memory of a process that stands still, read from outside.
//!
//! All that can be read is in it, with these exceptions: what the process keeps out of dumps (`MADV_DONTDUMP`), memory of devices, which reading could
//! change, and what the kernel maps into each process for itself. Arguments, environment and what the product excludes read as zeros.
//!
//! A heap has many pages that nobody has written to yet. The kernel knows them (`/proc/PID/pagemap`), and to read them would give each of them its place in the
//! page tables of a process that may be short of memory already: they are zeros, and never touched.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

use report_format::memory::{PAGE, Source};
use report_format::schema::v1::{self, MemoryRange, MemoryRegion};

use super::argument_block::ArgumentBlock;
use super::procfs;
use super::smaps::{self, Area};
use crate::handler::memory_plan::{self, Erased, MemoryPlan, Piece, overlapping};
use crate::handler::{soft_error, soft_note};
use crate::redact::file_path;

/// There is no image of the memory.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the memory map of process {pid}")]
pub(crate) struct MemoryError {
    pid: u32,
    source: io::Error,
}

/// The memory of a process whose threads are held.
#[derive(Debug)]
pub(crate) struct ProcessMemory {
    pid: i32,
    regions: Vec<MemoryRegion>,
    /// Ascending, without overlap: whole pages that nobody has written to.
    untouched: Vec<Range<u64>>,
    erased: Erased,
    /// For where one process may not read another directly.
    file: Option<File>,
    gone: AtomicBool,
}

/// `smaps` of a process with 65,530 mappings has 48 MB.
const LARGEST_MAP: u64 = 64 << 20;
/// Shorter runs of untouched pages are read: a list of all of them could be as long as the list of pages.
const SHORTEST_RUN: u64 = 8 * PAGE as u64;

impl ProcessMemory {
    /// Takes the map of process `pid`, whose threads must be held. `argument_block` is erased besides what `plan` excludes.
    pub(crate) fn open(
        pid: u32,
        argument_block: &ArgumentBlock,
        plan: &MemoryPlan,
        soft_errors: &mut Vec<v1::SoftError>,
    ) -> Result<Self, MemoryError> {
        let failed = |source| MemoryError { pid, source };
        let number = i32::try_from(pid).map_err(|error| failed(io::Error::other(error)))?;
        let text = read_map(pid, "smaps").or_else(|error| {
            let what = "what the product keeps out of dumps is not known, and is in the image";
            soft_errors.push(soft_note("memory", format!("{what}: {}", soft_error("", &failed(error)).message)));
            read_map(pid, "maps")
        });
        let mut areas = smaps::areas(&text.map_err(failed)?);
        let kept_out: u64 = areas.iter().filter(|area| area.dont_dump && !area.is_kernels()).map(Area::size).sum();
        if kept_out > 0 {
            let message = format!("{kept_out} bytes that the product keeps out of dumps (MADV_DONTDUMP) are left out");
            soft_errors.push(soft_note("memory", message));
        }
        areas.retain(|area| area.protection & 1 != 0 && !(area.dont_dump || area.device || area.is_kernels()));
        let untouched = untouched(pid, &areas).unwrap_or_else(|error| {
            soft_errors.push(soft_note("memory", format!("which pages were never written to is not known: {error}")));
            Vec::new()
        });
        limit(&mut areas, &untouched, plan.most_bytes, soft_errors);
        let erased = Erased::new(argument_block.ranges.iter().chain(&plan.excluded).cloned());
        Ok(Self {
            pid: number,
            regions: areas.iter().map(region).collect(),
            untouched,
            erased,
            file: procfs::path(pid, "mem").and_then(File::open).ok(),
            gone: AtomicBool::new(false),
        })
    }

    /// What reads as zeros of the regions, for the report's record.
    pub(crate) fn erased(&self) -> Vec<MemoryRange> {
        self.erased.within(&self.regions)
    }

    /// Whether the process was still there when it was read last: one that is killed meanwhile has no memory any more.
    pub(crate) fn is_alive(&self) -> bool {
        !self.gone.load(Ordering::Relaxed)
    }

    /// Reads all of `buffer`, or says how much of it could be.
    fn read_directly(&self, address: u64, buffer: &mut [u8]) -> Result<(), (usize, io::Error)> {
        let mut done = 0;
        while done < buffer.len() {
            let rest = &mut buffer[done..];
            let local = libc::iovec { iov_base: rest.as_mut_ptr().cast(), iov_len: rest.len() };
            let remote = libc::iovec { iov_base: (address + done as u64) as *mut libc::c_void, iov_len: rest.len() };
            // SAFETY: the kernel writes at most `rest.len()` bytes to `rest`, which is ours alone; the other address is of another process, which the kernel
            // checks there.
            let read = unsafe { libc::process_vm_readv(self.pid, &raw const local, 1, &raw const remote, 1, 0) };
            match read {
                1.. => done += read.cast_unsigned(),
                0 => return Err((done, io::ErrorKind::UnexpectedEof.into())),
                _ => return Err((done, io::Error::last_os_error())),
            }
        }
        Ok(())
    }
}

impl Source for ProcessMemory {
    fn regions(&self) -> &[MemoryRegion] {
        &self.regions
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
        let range = address..address.saturating_add(buffer.len() as u64);
        if self.erased.covers(&range) {
            buffer.fill(0);
            return Ok(());
        }
        if let Err((done, error)) = self.read_directly(address, buffer) {
            if error.raw_os_error() == Some(libc::ESRCH) {
                self.gone.store(true, Ordering::Relaxed);
                return Err(error);
            }
            // Situation: a sandbox refuses the system call, or a page is one that only ptrace may read. Handling: the file takes another way to the same memory.
            let Some(file) = &self.file else { return Err(error) };
            file.read_exact_at(&mut buffer[done..], address + done as u64)?;
        }
        self.erased.clear(address, buffer);
        Ok(())
    }

    fn zeros(&self, address: u64, limit: u64) -> u64 {
        let next = self.untouched.partition_point(|run| run.end <= address);
        match self.untouched.get(next) {
            Some(run) if run.start <= address => (run.end - address).min(limit),
            _ => 0,
        }
    }
}

fn read_map(pid: u32, name: &str) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(procfs::path(pid, name)?)?.take(LARGEST_MAP).read_to_end(&mut text)?;
    match text.len() as u64 {
        // Of a process that has ended.
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        // What lies behind it would be missing without a word.
        LARGEST_MAP => Err(io::Error::other(format!("/proc/{pid}/{name} has more than {LARGEST_MAP} bytes"))),
        _ => Ok(text),
    }
}

fn region(area: &Area) -> MemoryRegion {
    MemoryRegion {
        address: area.range.start,
        size: area.size(),
        protection: area.protection,
        shared: area.shared,
        mapping: file_path(&String::from_utf8_lossy(&area.name)).into_owned(),
        mapping_offset: area.offset,
    }
}

/// Runs of pages of private memory without a file that are neither in memory nor swapped: nobody has written to them.
fn untouched(pid: u32, areas: &[Area]) -> io::Result<Vec<Range<u64>>> {
    /// A number for each page.
    const ENTRY: u64 = 8;
    const PRESENT_OR_SWAPPED: u64 = 0b11 << 62;
    let page = rustix::param::page_size() as u64;
    let pagemap = File::open(procfs::path(pid, "pagemap")?)?;
    let mut entries = vec![0; 64 << 10];
    let mut runs: Vec<Range<u64>> = Vec::new();
    for area in areas.iter().filter(|area| !area.shared && !area.is_of_file()) {
        let mut run: Option<Range<u64>> = None;
        let mut keep = |run: Option<Range<u64>>| runs.extend(run.filter(|run| run.end - run.start >= SHORTEST_RUN));
        let mut at = area.range.start;
        while at < area.range.end {
            let pages = ((area.range.end - at) / page).min(entries.len() as u64 / ENTRY);
            let bytes = &mut entries[..(pages * ENTRY) as usize];
            pagemap.read_exact_at(bytes, at / page * ENTRY)?;
            for entry in bytes.as_chunks::<8>().0 {
                if u64::from_ne_bytes(*entry) & PRESENT_OR_SWAPPED != 0 {
                    keep(run.take());
                } else {
                    run.get_or_insert(at..at).end = at + page;
                }
                at += page;
            }
        }
        keep(run);
    }
    Ok(runs)
}

/// Leaves areas out until no more than `most` bytes are to be read, those first that say the least of what the product did.
fn limit(areas: &mut Vec<Area>, untouched: &[Range<u64>], most: u64, soft_errors: &mut Vec<v1::SoftError>) {
    let to_read = |area: &Area| {
        let zeros = overlapping(untouched, &area.range).map(|run| run.end - run.start);
        area.size().saturating_sub(zeros.sum())
    };
    let rank = |area: &Area| match area {
        area if area.is_of_file() && area.shared => 0,
        area if area.is_of_file() && area.anonymous == 0 => 1,
        _ => 2,
    };
    let piece = |area: &Area| Piece { rank: rank(area), start: area.range.start, to_read: to_read(area) };
    let pieces: Vec<_> = areas.iter().map(piece).collect();
    let left_out = memory_plan::left_out(&pieces, most, soft_errors);
    areas.retain(|area| !left_out.contains(&area.range.start));
}

#[cfg(all(test, target_arch = "x86_64"))]
mod debuggers;
#[cfg(test)]
mod tests;

//! The memory of a process that stands still, read from outside.
//!
//! All that is committed and can be read is in it, less what reading would change: guard pages, which are how stacks grow. Arguments, environment, copies of them, and what the product excludes read
//! as zeros. What a process keeps out of the system's own reports (`WerRegisterExcludedMemoryBlock`) is not to be known from outside.
//!
//! Pages that nobody has written to yet are read, too: the system tells which pages are in memory (`QueryWorkingSetEx`), but not of one that is not whether it is in the page file or was
//! never touched. They are zeros, and cost no room.

use std::ffi::OsString;
use std::io;
use std::ops::Range;
use std::os::windows::ffi::OsStringExt;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use report_format::memory::{PAGE, Source};
use report_format::schema::v1::{self, MemoryRange, MemoryRegion};
use windows_sys::Win32::Foundation::{WAIT_OBJECT_0, WAIT_TIMEOUT};
use windows_sys::Win32::System::Memory::{
    MEM_COMMIT, MEM_IMAGE, MEM_MAPPED, MEMORY_BASIC_INFORMATION, PAGE_EXECUTE_READ, PAGE_EXECUTE_READWRITE,
    PAGE_EXECUTE_WRITECOPY, PAGE_GUARD, PAGE_NOACCESS, PAGE_READONLY, PAGE_READWRITE, PAGE_WRITECOPY,
};
use windows_sys::Win32::System::ProcessStatus::K32GetMappedFileNameW;
use windows_sys::Win32::System::Threading::{OpenProcess, PROCESS_SYNCHRONIZE, WaitForSingleObject};

use super::argument_block::ArgumentBlock;
use super::copies::Copies;
use super::process::Process;
use crate::handler::memory_plan::{self, Erased, MemoryPlan, Piece};
use crate::handler::soft_note;
use crate::redact::file_path;

/// There is no image of the memory.
#[derive(Debug, thiserror::Error)]
#[error("cannot look into process {pid}")]
pub(crate) struct MemoryError {
    pid: u32,
    source: io::Error,
}

/// The memory of a process whose threads are held.
#[derive(Debug)]
pub(crate) struct ProcessMemory {
    process: Process,
    pid: u32,
    regions: Vec<MemoryRegion>,
    erased: Erased,
    copies: Copies,
    gone: AtomicBool,
}

/// Regions of a process that has more of them than makes sense.
const MOST_REGIONS: usize = 1 << 20;
/// What the kernel shows to each process of itself: the same everywhere, and none of the process's.
const KERNELS: Range<u64> = 0x7ffe_0000..0x7fff_0000;

impl ProcessMemory {
    /// Takes the map of process `pid`, whose threads must be held. `argument_block` is erased besides what `plan` excludes.
    pub(crate) fn open(
        pid: u32,
        argument_block: &ArgumentBlock,
        plan: &MemoryPlan,
        soft_errors: &mut Vec<v1::SoftError>,
    ) -> Result<Self, MemoryError> {
        let failed = |source| MemoryError { pid, source };
        let process = Process::open(pid).map_err(failed)?;
        let mut areas = areas(&process);
        if areas.is_empty() {
            // Of a process that has ended.
            return Err(failed(io::ErrorKind::UnexpectedEof.into()));
        }
        if areas.len() >= MOST_REGIONS {
            soft_errors.push(soft_note("memory", format!("no more than {MOST_REGIONS} regions are read")));
        }
        let piece = |area: &Area| Piece { rank: area.rank(), start: area.region.address, to_read: area.region.size };
        let pieces: Vec<_> = areas.iter().map(piece).collect();
        let left_out = memory_plan::left_out(&pieces, plan.most_bytes, soft_errors);
        areas.retain(|area| !left_out.contains(&area.region.address));
        let erased = Erased::new(argument_block.ranges.iter().chain(&plan.excluded).cloned());
        let copies = Copies::of(&argument_block.texts);
        let regions = areas.into_iter().map(|area| area.region).collect();
        Ok(Self { process, pid, regions, erased, copies, gone: AtomicBool::new(false) })
    }

    /// What read as zeros of the regions, for the report's record.
    pub(crate) fn erased(&self) -> Vec<MemoryRange> {
        self.erased.and(self.copies.found()).within(&self.regions)
    }

    /// The region that has this address, if it is the process's alone.
    fn own_region(&self, address: u64) -> Option<Range<u64>> {
        let after = self.regions.partition_point(|region| region.address <= address);
        let region = self.regions.get(after.checked_sub(1)?)?;
        let is_own = !region.shared && (region.mapping.is_empty() || region.protection & WRITE != 0);
        is_own.then(|| region.address..region.address.saturating_add(region.size))
    }

    /// Whether the process was still there when it was read last: one that is killed meanwhile has no memory any more.
    pub(crate) fn is_alive(&self) -> bool {
        !self.gone.load(Ordering::Relaxed)
    }
}

impl Source for ProcessMemory {
    fn regions(&self) -> &[MemoryRegion] {
        &self.regions
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
        if self.erased.covers(&(address..address.saturating_add(buffer.len() as u64))) {
            buffer.fill(0);
            return Ok(());
        }
        let read = match self.own_region(address) {
            Some(region) => self.copies.read(&self.process, &region, address, buffer),
            None => self.process.read(address, buffer),
        };
        if let Err(error) = read {
            // A page that cannot be read and a process that has none any more fail alike.
            if has_ended(self.pid) {
                self.gone.store(true, Ordering::Relaxed);
            }
            return Err(error);
        }
        self.erased.clear(address, buffer);
        Ok(())
    }
}

/// Whether there is no such process any more. One that is not to be looked at is still there.
fn has_ended(pid: u32) -> bool {
    use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
    // SAFETY: takes numbers only.
    let process = unsafe { OpenProcess(PROCESS_SYNCHRONIZE, 0, pid) };
    if process.is_null() {
        return io::Error::last_os_error().kind() != io::ErrorKind::PermissionDenied;
    }
    // SAFETY: just made, and nobody else's.
    let process = unsafe { OwnedHandle::from_raw_handle(process) };
    // SAFETY: a process that we hold.
    match unsafe { WaitForSingleObject(process.as_raw_handle(), 0) } {
        WAIT_OBJECT_0 => true,
        WAIT_TIMEOUT => false,
        _ => false,
    }
}

/// A region, and what kind of memory it is.
struct Area {
    region: MemoryRegion,
    kind: u32,
}

impl Area {
    /// Other processes' data and programs say the least; what the process has written itself says the most.
    fn rank(&self) -> u8 {
        match self.kind {
            MEM_MAPPED => 0,
            MEM_IMAGE if self.region.protection & WRITE == 0 => 1,
            _ => 2,
        }
    }
}

const READ: u32 = 1;
const WRITE: u32 = 2;
const EXECUTE: u32 = 4;

/// What can be read, in the order of the addresses.
fn areas(process: &Process) -> Vec<Area> {
    let mut areas: Vec<Area> = Vec::new();
    let mut name = Mapped::default();
    let mut next = 0;
    while let Some(pages) = process.pages(next) {
        let (start, size) = (pages.BaseAddress as u64, pages.RegionSize as u64);
        let Some(end) = start.checked_add(size).filter(|end| *end > next) else { break };
        next = end;
        let Some(protection) = readable(&pages) else { continue };
        let page = PAGE as u64;
        let is_whole = start.is_multiple_of(page) && size.is_multiple_of(page);
        if !is_whole || KERNELS.contains(&start) {
            continue;
        }
        let region = MemoryRegion {
            address: start,
            size,
            protection,
            shared: pages.Type == MEM_MAPPED,
            mapping: if pages.Type == MEM_IMAGE || pages.Type == MEM_MAPPED {
                name.of(process, &pages).to_owned()
            } else {
                String::new()
            },
            // Not to be known from outside: an image's sections lie elsewhere in its file than in memory.
            mapping_offset: 0,
        };
        areas.push(Area { region, kind: pages.Type });
        if areas.len() >= MOST_REGIONS {
            break;
        }
    }
    areas
}

/// How the pages may be used; `None` where they cannot be read, or must not be.
fn readable(pages: &MEMORY_BASIC_INFORMATION) -> Option<u32> {
    if pages.State != MEM_COMMIT || pages.Protect & (PAGE_GUARD | PAGE_NOACCESS) != 0 {
        return None;
    }
    match pages.Protect & 0xff {
        PAGE_READONLY => Some(READ),
        PAGE_READWRITE | PAGE_WRITECOPY => Some(READ | WRITE),
        PAGE_EXECUTE_READ => Some(READ | EXECUTE),
        PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY => Some(READ | WRITE | EXECUTE),
        _ => None,
    }
}

/// The name of the file that was mapped last: a file's regions follow each other.
#[derive(Default)]
struct Mapped {
    allocation: usize,
    name: String,
}

impl Mapped {
    fn of(&mut self, process: &Process, pages: &MEMORY_BASIC_INFORMATION) -> &str {
        const LONGEST: usize = 32 << 10;
        let allocation = pages.AllocationBase.addr();
        if self.allocation != allocation {
            let mut name = vec![0; LONGEST];
            let start = ptr::without_provenance(allocation);
            // SAFETY: writes at most as many characters as it is told that there are; the address is looked up in the process.
            let length =
                unsafe { K32GetMappedFileNameW(process.handle(), start, name.as_mut_ptr(), name.len() as u32) };
            let path = OsString::from_wide(&name[..(length as usize).min(LONGEST)]);
            self.name = file_path(&path.to_string_lossy()).into_owned();
            self.allocation = allocation;
        }
        &self.name
    }
}

#[cfg(test)]
mod tests;

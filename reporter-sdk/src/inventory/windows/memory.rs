//! Memory of the machine, and the files that it is paged out to.

use std::io;

use report_format::schema::v1::MachineMemory;
use windows_sys::Win32::System::ProcessStatus::{GetPerformanceInfo, PERFORMANCE_INFORMATION};
use windows_sys::Win32::System::SystemInformation::{GlobalMemoryStatusEx, MEMORYSTATUSEX};

use super::machine::Machine;
use crate::inventory::notes::Notes;

pub(in crate::inventory) fn collect(_: &Machine, notes: &mut Notes) -> MachineMemory {
    let memory = notes.of("GlobalMemoryStatusEx", memory()).unwrap_or_default();
    let (commit_limit, commit_total) = notes.of("GetPerformanceInfo", commit()).unwrap_or_default();
    // What may be promised to programs is memory and paging files together.
    let swap_total = commit_limit.saturating_sub(memory.ullTotalPhys);
    MachineMemory {
        total: memory.ullTotalPhys,
        available: memory.ullAvailPhys,
        swap_total,
        swap_free: commit_limit.saturating_sub(commit_total).min(swap_total),
        sources: Vec::new(),
    }
}

fn memory() -> io::Result<MEMORYSTATUSEX> {
    let mut status = MEMORYSTATUSEX { dwLength: size_of::<MEMORYSTATUSEX>() as u32, ..MEMORYSTATUSEX::default() };
    // SAFETY: a structure that says its own size.
    if unsafe { GlobalMemoryStatusEx(&raw mut status) } == 0 { Err(io::Error::last_os_error()) } else { Ok(status) }
}

/// How much may be promised to programs, and how much is, in bytes. `MEMORYSTATUSEX` has them too, but no more than this process may have.
fn commit() -> io::Result<(u64, u64)> {
    let size = size_of::<PERFORMANCE_INFORMATION>() as u32;
    let mut told = PERFORMANCE_INFORMATION { cb: size, ..PERFORMANCE_INFORMATION::default() };
    // SAFETY: a structure of this size.
    if unsafe { GetPerformanceInfo(&raw mut told, size) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let bytes = |pages: usize| (pages as u64).saturating_mul(told.PageSize as u64);
    Ok((bytes(told.CommitLimit), bytes(told.CommitTotal)))
}

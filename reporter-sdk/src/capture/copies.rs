//! Another copy of this library in the same process: a host and its plug-in that each have their own.
//!
//! Two would report each crash twice, and the second would take the first one's handlers for a product's. The copies share no variable, and may be of different
//! releases. But the shared memory of a copy that reports is a mapping of this process, named in `/proc/self/maps`, and its header says whose it is and
//! whether it has ended. A forked child inherits the mapping; the header has its parent's id.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
};

use crate::shared::layout::{self, header};

/// Whether another copy reports for this process, while this one does not. Where `/proc` is not to be had, nobody is seen.
pub(crate) fn another_reports() -> bool {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut starts = maps.lines().filter(|line| line.contains(NAME)).filter_map(|line| {
        let (start, _) = line.split_once('-')?;
        usize::from_str_radix(start, 16).ok()
    });
    let Ok(memory) = File::open("/proc/self/mem") else { return false };
    starts.any(|start| is_in_force(&memory, start).unwrap_or(false))
}

const NAME: &str = " /memfd:reporter (deleted)";

/// Read as a file, since its owner may unmap it any time.
fn is_in_force(memory: &File, start: usize) -> io::Result<bool> {
    let word = |at: usize| {
        let mut bytes = [0; 8];
        memory.read_exact_at(&mut bytes, (start + at * 8) as u64)?;
        io::Result::Ok(u64::from_ne_bytes(bytes))
    };
    Ok(word(header::MAGIC)? == layout::MAGIC
        && word(header::PID)? == u64::from(std::process::id())
        && word(header::CLEAN_EXIT)? == 0)
}

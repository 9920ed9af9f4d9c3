//! What the kernel tells of the product in files.
//!
//! Situation: these are many small files, each made up as it is read. Example: the names of 500 threads are 500 files, a fifth of the time that a product is
//! held. Handling: where there are many, they are read beside the one who reads registers and memory, who alone may: the kernel gives registers to the
//! thread that traces.

use std::os::fd::OwnedFd;
use std::sync::LazyLock;
use std::thread::{Scope, ScopedJoinHandle};

use report_format::schema::v1;
use rustix::fs::{Mode, OFlags};

use super::argument_block::{ArgumentBlock, ArgumentBlockError};
use super::memory_map;
use super::suspend::Held;
use crate::handler::minidump_filter::stream;
use crate::handler::soft_note;

/// Of a thread's name: the kernel's 16, those of its own threads more.
const LONGEST_NAME: usize = 64;

/// With fewer threads they are read in less time than it can take to wake a processor for another thread of ours.
const FEW: usize = 32;

/// A stream's type and its content, or why there is none.
type Fact = (u32, Result<Vec<u8>, String>);

/// What does not change while a product runs, or why it is not known: read when the handler starts. For `/proc/cpuinfo` the kernel asks each processor how fast
/// it runs right now, and wakes it for that.
static MACHINE: LazyLock<[Fact; 2]> = LazyLock::new(|| {
    let files = [(stream::CPU_INFO, "/proc/cpuinfo"), (stream::OS_RELEASE, "/etc/os-release")];
    files.map(|(stream, path)| (stream, read(path)))
});

/// Reads what every dump has.
pub(in crate::handler) fn prepare() {
    LazyLock::force(&MACHINE);
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{path}: {error}"))
}

pub(in crate::handler) struct ProcFiles {
    pub(in crate::handler) maps: Vec<u8>,
    pub(in crate::handler) argument_block: Result<ArgumentBlock, ArgumentBlockError>,
    /// Of the threads, by their ids.
    pub(in crate::handler) names: Vec<(i32, String)>,
    /// Facts of the machine, and the limits of the process, as streams of a dump.
    pub(in crate::handler) facts: Vec<(u32, Vec<u8>)>,
    pub(in crate::handler) soft_errors: Vec<v1::SoftError>,
}

/// Files that are being read.
pub(in crate::handler) struct Reading<'scope>(Result<ScopedJoinHandle<'scope, ProcFiles>, ProcFiles>);

/// Begins to read them on a thread of its own. Where there is none to be had, or they are not worth one, they are read at once.
pub(in crate::handler) fn begin<'scope>(
    scope: &'scope Scope<'scope, '_>,
    pid: u32,
    held: &'scope Held,
) -> Reading<'scope> {
    if held.threads().len() < FEW {
        return Reading(Err(ProcFiles::read(pid, held)));
    }
    let thread = std::thread::Builder::new().name("files".into());
    Reading(thread.spawn_scoped(scope, move || ProcFiles::read(pid, held)).map_err(|_| ProcFiles::read(pid, held)))
}

impl Reading<'_> {
    /// Waits for them.
    pub(in crate::handler) fn finish(self) -> ProcFiles {
        // A panic of theirs is one of ours.
        let joined =
            |thread: ScopedJoinHandle<'_, _>| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        self.0.map_or_else(|files| files, joined)
    }
}

impl ProcFiles {
    fn read(pid: u32, held: &Held) -> Self {
        let mut soft_errors = Vec::new();
        let maps = memory_map::read(pid).unwrap_or_else(|error| {
            soft_errors.push(soft_note("dump", format!("/proc/{pid}/maps: {error}")));
            Vec::new()
        });
        let argument_block = ArgumentBlock::read(pid, &maps);
        let limits = (stream::LIMITS, read(&format!("/proc/{pid}/limits")));
        let mut facts = Vec::new();
        for (stream, content) in MACHINE.iter().cloned().chain([limits]) {
            match content {
                Ok(content) => facts.push((stream, content)),
                Err(error) => soft_errors.push(soft_note("dump", error)),
            }
        }
        let names = names(pid, held).unwrap_or_else(|error| {
            soft_errors.push(soft_note("dump", format!("/proc/{pid}/task: {error}")));
            Vec::new()
        });
        Self { maps, argument_block, names, facts, soft_errors }
    }
}

/// Opened below their directory, and read at once.
fn names(pid: u32, held: &Held) -> rustix::io::Result<Vec<(i32, String)>> {
    let directory = rustix::fs::open(format!("/proc/{pid}/task"), OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    // A thread can have been killed.
    Ok(held.threads().filter_map(|tid| Some((tid, name(&directory, tid)?))).collect())
}

fn name(directory: &OwnedFd, tid: i32) -> Option<String> {
    let file = rustix::fs::openat(directory, format!("{tid}/comm"), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    let mut name = [0; LONGEST_NAME];
    let size = rustix::io::read(file.ok()?, &mut name).ok()?;
    Some(String::from_utf8_lossy(&name[..size]).trim_end().to_owned())
}

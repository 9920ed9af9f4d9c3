//! Takes out of a minidump what must not leave the machine.
//!
//! On Linux minidump-writer always writes the environment, the command line, the memory map with its paths and the paths of open files. A list of
//! what to remove would miss the next stream it learns to write, and bytes that a stream refers to but does not hold (names of open files
//! lie beside their stream). So this works the other way round: each byte that a *kept* stream reaches is marked, and every other byte
//! becomes zero. Kept are:
//!
//! | stream | why it can carry no environment, argument or path |
//! |---|---|
//! | threads, memory (both forms) | raw memory, which *memory* covers; the argument block in it is zeroed, and of a product that chose so only addresses stay |
//! | modules, unloaded modules | names, with users and local addresses replaced; of the debug record only an ELF build id, or a PDB's with its file's name |
//! | exception, memory info, thread info | numbers |
//! | thread names | given by the product's code; users and local addresses replaced |
//! | system info | without *system* only what it takes to read the dump at all: architecture and platform |
//! | `/proc/cpuinfo` | only with *system*, and of it only [`CPU_FIELDS`]: boards have their serial number in there |
//! | `os-release`, limits | facts of the machine; only with *system* |
//!
//! Not kept, though harmless at first sight: `/proc/PID/status` (user and group ids), the auxiliary vector (the same), the linker's debug
//! stream (library paths); of Windows' streams misc info (time zone, names of builds), handles and tokens (names, users), comments.
//!
//! The dump is hostile: it was made of a process that had gone wrong. All offsets are checked, all work is linear in its size.

use std::ops::Range;

use super::sanitise::{self, Addresses};
use crate::redact::{file_path, prose};

/// What to take out besides what always goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct FilterPlan {
    /// Addresses in the process whose content becomes zero wherever the dump holds it.
    pub(crate) zero: Vec<Range<u64>>,
    /// The category *system* is granted: facts of CPU and operating system stay.
    pub(crate) system: bool,
    /// Where code is, if of all other memory only addresses are to stay.
    pub(crate) sanitise: Option<Addresses>,
}

/// What was taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FilterReport {
    /// Stream types, in the directory's order.
    pub(crate) dropped_streams: Vec<u32>,
    /// Bytes of [`FilterPlan::zero`] that the dump held.
    pub(crate) zeroed_bytes: u64,
    /// Bytes of memory that were replaced, since they are no address.
    pub(crate) sanitised_bytes: u64,
}

/// The dump cannot be filtered, so it must not be kept.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum FilterError {
    #[error("the minidump's {what} needs {size} bytes at {offset:#x}, past its end")]
    Truncated { what: &'static str, offset: u64, size: u64 },
    #[error("the minidump's {what} holds {count} entries but has {size} bytes")]
    Count { what: &'static str, count: u64, size: usize },
    #[error("not a minidump")]
    Signature,
    #[error("the minidump is larger than {limit} bytes")]
    Size { limit: usize },
}

/// Numbers of streams: Microsoft's, then Breakpad's and Mozilla's for files of the system.
pub(crate) mod stream {
    pub(crate) const THREADS: u32 = 3;
    pub(crate) const MODULES: u32 = 4;
    pub(crate) const MEMORY: u32 = 5;
    pub(crate) const EXCEPTION: u32 = 6;
    pub(crate) const SYSTEM_INFO: u32 = 7;
    pub(crate) const MEMORY_64: u32 = 9;
    pub(crate) const UNLOADED_MODULES: u32 = 14;
    pub(crate) const MEMORY_INFO: u32 = 16;
    pub(crate) const THREAD_INFO: u32 = 17;
    pub(crate) const THREAD_NAMES: u32 = 24;
    pub(crate) const CPU_INFO: u32 = 0x4767_0003;
    pub(crate) const OS_RELEASE: u32 = 0x4767_0005;
    #[cfg(target_os = "linux")]
    pub(crate) const MAPS: u32 = 0x4767_0009;
    pub(crate) const LIMITS: u32 = 0x4d7a_0003;
}

/// What stands in `/proc/cpuinfo` of a processor and of no single machine, on x86 and on ARM.
const CPU_FIELDS: [&[u8]; 24] = [
    b"processor",
    b"vendor_id",
    b"cpu family",
    b"model",
    b"model name",
    b"stepping",
    b"microcode",
    b"cpu MHz",
    b"cache size",
    b"physical id",
    b"siblings",
    b"core id",
    b"cpu cores",
    b"flags",
    b"bugs",
    b"bogomips",
    b"BogoMIPS",
    b"Features",
    b"CPU implementer",
    b"CPU architecture",
    b"CPU variant",
    b"CPU part",
    b"CPU revision",
    b"Hardware",
];

const HEADER: usize = 32;
const DIRECTORY_ENTRY: usize = 12;
const THREAD: usize = 48;
const MODULE: usize = 108;
const SYSTEM: usize = 56;
/// "BpEL": the debug record is an ELF build id and nothing else.
const CV_ELF: u32 = 0x4270_454c;
/// "RSDS": the debug record is a PDB's signature and age, and its path.
const CV_PDB: u32 = 0x5344_5352;
/// Before the path.
const PDB: usize = 24;
/// An entry of the unloaded modules, and its head.
const UNLOADED: usize = 24;
const UNLOADED_HEAD: usize = 12;
/// Bytes of a name: twice the longest path that Windows takes.
const LONGEST_TEXT: usize = 2 * (32 << 10);
/// Offsets in a minidump are 32 bits.
const LARGEST: usize = u32::MAX as usize;

/// Filters `dump` in place. Filtering again changes nothing, unless the plan takes out more.
///
/// On an error `dump` is in no defined state: drop it.
pub(crate) fn filter(dump: &mut Vec<u8>, plan: &FilterPlan) -> Result<FilterReport, FilterError> {
    if dump.len() > LARGEST {
        return Err(FilterError::Size { limit: LARGEST });
    }
    let mut work = Work {
        dump,
        plan,
        kept: Ranges::default(),
        zero: Ranges::default(),
        memory: Vec::new(),
        stacks: Vec::new(),
        names: Vec::new(),
        empty: None,
        dropped: Vec::new(),
    };
    let directory = work.header()?;
    for entry in directory {
        work.stream(entry)?;
    }
    work.rename()?;
    let sanitised_bytes = work.sanitise();
    let Work { mut kept, mut zero, dropped, .. } = work;
    let mut end = 0;
    for range in kept.merged() {
        dump[end..range.start].fill(0);
        end = range.end;
    }
    dump.truncate(end);
    // The terminator of a text that ends the file.
    dump.extend([0, 0]);
    let mut zeroed_bytes = 0;
    for range in zero.merged() {
        zeroed_bytes += range.len() as u64;
        dump[range].fill(0);
    }
    // Streams that lie about their place can lie over header or directory.
    minidump::Minidump::read(&dump[..]).map_err(|_| FilterError::Signature)?;
    Ok(FilterReport { dropped_streams: dropped, zeroed_bytes, sanitised_bytes })
}

/// A stream's place in the directory and in the file.
struct Stream {
    entry: usize,
    kind: u32,
    body: Range<usize>,
}

struct Work<'a> {
    dump: &'a mut Vec<u8>,
    plan: &'a FilterPlan,
    /// Places in the file that stay.
    kept: Ranges,
    /// Places in the file that hold memory which the plan takes out.
    zero: Ranges,
    /// All memory: from which address on, and its place in the file.
    memory: Vec<(u64, Range<usize>)>,
    /// Addresses of the threads' stacks.
    stacks: Vec<Range<u64>>,
    /// Where a 4-byte offset of a name stands.
    names: Vec<usize>,
    /// Where an empty text was put.
    empty: Option<u32>,
    dropped: Vec<u32>,
}

impl Work<'_> {
    fn header(&mut self) -> Result<Vec<Stream>, FilterError> {
        if self.dump.get(..4) != Some(b"MDMP") {
            return Err(FilterError::Signature);
        }
        self.keep("header", 0, HEADER)?;
        let count = self.u32(8)? as usize;
        let start = self.u32(12)? as usize;
        let directory = self.keep("directory", start, count.saturating_mul(DIRECTORY_ENTRY))?;
        directory
            .step_by(DIRECTORY_ENTRY)
            .map(|entry| {
                let (kind, size, at) = (self.u32(entry)?, self.u32(entry + 4)? as usize, self.u32(entry + 8)? as usize);
                // A writer that failed leaves an entry unused, with whatever else in it.
                let body = if kind == 0 { 0..0 } else { self.range("stream", at, size)? };
                Ok(Stream { entry, kind, body })
            })
            .collect()
    }

    fn stream(&mut self, found: Stream) -> Result<(), FilterError> {
        let Stream { entry, kind, body } = found;
        match kind {
            stream::THREADS => self.threads(body),
            stream::MODULES => self.modules(body),
            stream::MEMORY => self.memory(body),
            stream::MEMORY_64 => self.memory_64(body),
            stream::EXCEPTION => self.exception(body),
            stream::SYSTEM_INFO => self.system_info(body),
            stream::THREAD_NAMES => self.thread_names(body),
            stream::MEMORY_INFO => self.keep("memory info", body.start, body.len()).map(drop),
            stream::THREAD_INFO => self.keep("thread info", body.start, body.len()).map(drop),
            stream::UNLOADED_MODULES => self.unloaded_modules(body),
            stream::CPU_INFO if self.plan.system => self.cpu_info(body),
            stream::OS_RELEASE | stream::LIMITS if self.plan.system => {
                self.keep("system file", body.start, body.len()).map(drop)
            }
            0 => self.clear_entry(entry),
            _ => {
                self.dropped.push(kind);
                self.clear_entry(entry)
            }
        }
    }

    fn clear_entry(&mut self, entry: usize) -> Result<(), FilterError> {
        let entry = self.range("directory", entry, DIRECTORY_ENTRY)?;
        self.dump[entry].fill(0);
        Ok(())
    }

    fn threads(&mut self, body: Range<usize>) -> Result<(), FilterError> {
        for at in self.list("thread list", body, THREAD)? {
            let (start, size, rva) = (self.u64(at + 24)?, self.u32(at + 32)?, self.u32(at + 36)?);
            self.memory_range(start, u64::from(size), u64::from(rva))?;
            self.stacks.push(start..start.saturating_add(u64::from(size)));
            self.location("thread context", at + 40)?;
        }
        Ok(())
    }

    fn memory(&mut self, body: Range<usize>) -> Result<(), FilterError> {
        for at in self.list("memory list", body, 16)? {
            let (start, size, rva) = (self.u64(at)?, self.u32(at + 8)?, self.u32(at + 12)?);
            self.memory_range(start, u64::from(size), u64::from(rva))?;
        }
        Ok(())
    }

    fn memory_64(&mut self, body: Range<usize>) -> Result<(), FilterError> {
        let what = "64-bit memory list";
        self.keep(what, body.start, body.len())?;
        let (count, mut rva) = (self.u64(body.start)?, self.u64(body.start + 8)?);
        let entries = self.entries(what, body.start + 16..body.end, count, 16)?;
        for at in entries {
            let (start, size) = (self.u64(at)?, self.u64(at + 8)?);
            self.memory_range(start, size, rva)?;
            rva = rva.saturating_add(size);
        }
        Ok(())
    }

    /// Keeps a piece of the process's memory, less what the plan takes out of it.
    fn memory_range(&mut self, start: u64, size: u64, rva: u64) -> Result<(), FilterError> {
        let file = self.keep("memory", to_usize(rva), to_usize(size))?;
        self.memory.push((start, file.clone()));
        let end = start.saturating_add(size);
        for zero in &self.plan.zero {
            let (from, to) = (zero.start.max(start), zero.end.min(end));
            if from < to {
                // Both lie in start..end, whose length is that of `file`.
                self.zero.add(file.start + to_usize(from - start)..file.start + to_usize(to - start));
            }
        }
        Ok(())
    }

    /// Takes all but addresses out of the memory, where the plan wants that. Returns how many bytes went.
    fn sanitise(&mut self) -> u64 {
        let Some(code) = &self.plan.sanitise else { return 0 };
        let stacks = self.stacks.drain(..).collect();
        // Several ranges can be of one place in the file, each stack is: it is done once, whatever a hostile dump says.
        self.memory.sort_by_key(|(_, file)| file.start);
        let (mut replaced, mut end) = (0, 0);
        for (start, file) in self.memory.drain(..).filter(|(_, file)| !file.is_empty()) {
            let fresh = file.start.max(end)..file.end.max(end);
            let start = start.saturating_add((fresh.start - file.start) as u64);
            end = fresh.end;
            replaced += sanitise::sanitise(&mut self.dump[fresh], start, code, &stacks);
        }
        replaced
    }

    fn modules(&mut self, body: Range<usize>) -> Result<(), FilterError> {
        for at in self.list("module list", body, MODULE)? {
            self.names.push(at + 20);
            let (size, rva) = (self.u32(at + 76)? as usize, self.u32(at + 80)? as usize);
            let is_there = size >= 4 && self.range("debug record", rva, size).is_ok();
            match if is_there { self.u32(rva)? } else { 0 } {
                CV_ELF => self.keep("debug record", rva, size).map(drop)?,
                CV_PDB if size > PDB => self.pdb(at, rva, size)?,
                _ => self.dump[at + 76..at + 84].fill(0),
            }
            self.dump[at + 84..at + 92].fill(0);
        }
        Ok(())
    }

    /// Keeps a PDB's debug record, of its path the last part: the rest is of the machine that built it, whose user it can name.
    fn pdb(&mut self, module: usize, rva: usize, size: usize) -> Result<(), FilterError> {
        let path = &self.dump[rva + PDB..rva + size];
        let end = path.iter().position(|byte| *byte == 0).unwrap_or(path.len() - 1);
        let start = path[..end].iter().rposition(|byte| matches!(byte, b'\\' | b'/')).map_or(0, |at| at + 1);
        let kept = PDB + end - start + 1;
        // A record that others refer to as well would be shortened under them.
        if start > 0 {
            let name = [&self.dump[rva..rva + PDB], &self.dump[rva + PDB + start..rva + PDB + end], &[0]].concat();
            let moved = self.append(&name)?;
            self.dump[module + 80..module + 84].copy_from_slice(&moved.to_le_bytes());
        } else {
            self.keep("debug record", rva, kept)?;
        }
        self.dump[module + 76..module + 80].copy_from_slice(&(kept as u32).to_le_bytes());
        Ok(())
    }

    /// Numbers, and names as modules have them.
    fn unloaded_modules(&mut self, body: Range<usize>) -> Result<(), FilterError> {
        let what = "unloaded modules";
        self.keep(what, body.start, body.len())?;
        if body.len() < UNLOADED_HEAD {
            return Err(FilterError::Truncated { what, offset: body.start as u64, size: UNLOADED_HEAD as u64 });
        }
        let [head, size, count] = [self.u32(body.start)?, self.u32(body.start + 4)?, self.u32(body.start + 8)?];
        // Larger entries would hold what we do not know.
        if head as usize != UNLOADED_HEAD || size as usize != UNLOADED {
            return Err(FilterError::Count { what, count: count.into(), size: body.len() });
        }
        let entries = self.entries(what, body.start + UNLOADED_HEAD..body.end, count.into(), UNLOADED)?;
        self.names.extend(entries.map(|at| at + 20));
        Ok(())
    }

    fn exception(&mut self, body: Range<usize>) -> Result<(), FilterError> {
        let what = "exception";
        self.keep(what, body.start, body.len())?;
        if body.len() < 168 {
            return Err(FilterError::Truncated { what, offset: body.start as u64, size: 168 });
        }
        self.location("exception context", body.start + 160)
    }

    fn system_info(&mut self, body: Range<usize>) -> Result<(), FilterError> {
        let what = "system info";
        if body.len() < SYSTEM {
            return Err(FilterError::Truncated { what, offset: body.start as u64, size: SYSTEM as u64 });
        }
        let at = body.start;
        self.keep(what, at, SYSTEM)?;
        if self.plan.system {
            self.names.push(at + 24);
        } else {
            // The architecture (at 0) and the platform (at 20) stay: without them nobody can read the registers.
            self.dump[at + 2..at + 20].fill(0);
            self.dump[at + 28..at + SYSTEM].fill(0);
            self.set_empty_text(at + 24)?;
        }
        Ok(())
    }

    /// Keeps the fields that are named, for each processor, and blanks out the rest.
    fn cpu_info(&mut self, body: Range<usize>) -> Result<(), FilterError> {
        let kept = self.keep("/proc/cpuinfo", body.start, body.len())?;
        for line in self.dump[kept].split_mut(|byte| *byte == b'\n') {
            let key = line.split(|byte| *byte == b':').next().unwrap_or_default();
            if !CPU_FIELDS.contains(&key.trim_ascii()) {
                line.fill(b' ');
            }
        }
        Ok(())
    }

    fn thread_names(&mut self, body: Range<usize>) -> Result<(), FilterError> {
        for at in self.list("thread names", body, 12)? {
            // The offset has 64 bits; only the lower half can be within the file.
            if self.u32(at + 8)? != 0 {
                self.dump[at + 4..at + 12].fill(0);
            }
            self.names.push(at + 4);
        }
        Ok(())
    }

    /// Keeps the names, and replaces the users in them. A name that gets longer moves to the end of the file.
    fn rename(&mut self) -> Result<(), FilterError> {
        for at in std::mem::take(&mut self.names) {
            let Ok(text) = self.text_at(at) else {
                self.set_empty_text(at)?;
                continue;
            };
            let units: Vec<u16> =
                self.dump[text.start + 4..text.end].chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
            let name = String::from_utf16_lossy(&units);
            let redacted = if is_path(&name) { file_path(&name) } else { prose(&name) };
            if redacted == name {
                self.keep("name", text.start, text.len())?;
                continue;
            }
            let units: Vec<u16> = redacted.encode_utf16().collect();
            let mut bytes = u32::try_from(units.len() * 2).unwrap_or(0).to_le_bytes().to_vec();
            bytes.extend(units.iter().flat_map(|u| u.to_le_bytes()));
            let moved = self.append(&bytes)?;
            self.dump[at..at + 4].copy_from_slice(&moved.to_le_bytes());
        }
        Ok(())
    }

    /// The length-prefixed UTF-16 text to which the offset at `at` points, its length included, its terminator not.
    fn text_at(&self, at: usize) -> Result<Range<usize>, FilterError> {
        let start = self.u32(at)? as usize;
        let size = self.u32(start)? as usize;
        if size > LONGEST_TEXT {
            return Err(FilterError::Truncated { what: "text", offset: start as u64, size: size as u64 });
        }
        self.range("text", start, size + 4)
    }

    /// Readers follow an offset without asking: it must lead to a text, if an empty one.
    fn set_empty_text(&mut self, at: usize) -> Result<(), FilterError> {
        if let Ok(text) = self.text_at(at)
            && text.len() == 4
        {
            return self.keep("text", text.start, text.len()).map(drop);
        }
        let empty = match self.empty {
            Some(empty) => empty,
            None => self.append(&[0; 4])?,
        };
        self.empty = Some(empty);
        self.dump[at..at + 4].copy_from_slice(&empty.to_le_bytes());
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> Result<u32, FilterError> {
        let at = self.dump.len().next_multiple_of(4);
        let offset = u32::try_from(at).map_err(|_| FilterError::Size { limit: LARGEST })?;
        self.dump.resize(at, 0);
        self.dump.extend_from_slice(bytes);
        self.kept.add(at..self.dump.len());
        Ok(offset)
    }

    /// Keeps what a size and an offset at `at` describe.
    fn location(&mut self, what: &'static str, at: usize) -> Result<(), FilterError> {
        let (size, rva) = (self.u32(at)? as usize, self.u32(at + 4)? as usize);
        self.keep(what, rva, size).map(drop)
    }

    /// Keeps a list: a count, then entries of `size` bytes; some writers put 4 bytes of padding between.
    fn list(
        &mut self,
        what: &'static str,
        body: Range<usize>,
        size: usize,
    ) -> Result<impl Iterator<Item = usize> + use<>, FilterError> {
        self.keep(what, body.start, body.len())?;
        if body.len() < 4 {
            return Err(FilterError::Truncated { what, offset: body.start as u64, size: 4 });
        }
        let count = u64::from(self.u32(body.start)?);
        let padded = (body.len() - 4) as u64 == count * size as u64 + 4;
        self.entries(what, body.start + if padded { 8 } else { 4 }..body.end, count, size)
    }

    fn entries(
        &self,
        what: &'static str,
        body: Range<usize>,
        count: u64,
        size: usize,
    ) -> Result<impl Iterator<Item = usize> + use<>, FilterError> {
        let needed = to_usize(count).saturating_mul(size);
        if body.start > body.end || needed > body.len() {
            return Err(FilterError::Count { what, count, size: body.end.saturating_sub(body.start) });
        }
        Ok((body.start..body.start + needed).step_by(size))
    }

    fn keep(&mut self, what: &'static str, start: usize, size: usize) -> Result<Range<usize>, FilterError> {
        let range = self.range(what, start, size)?;
        self.kept.add(range.clone());
        Ok(range)
    }

    fn range(&self, what: &'static str, start: usize, size: usize) -> Result<Range<usize>, FilterError> {
        match start.checked_add(size) {
            Some(end) if end <= self.dump.len() => Ok(start..end),
            // Nothing, wherever it says to be: a thread without a stack.
            _ if size == 0 => Ok(0..0),
            _ => Err(FilterError::Truncated { what, offset: start as u64, size: size as u64 }),
        }
    }

    fn u32(&self, at: usize) -> Result<u32, FilterError> {
        let range = self.range("number", at, 4)?;
        Ok(u32::from_le_bytes(self.dump[range].try_into().unwrap_or_default()))
    }

    fn u64(&self, at: usize) -> Result<u64, FilterError> {
        let range = self.range("number", at, 8)?;
        Ok(u64::from_le_bytes(self.dump[range].try_into().unwrap_or_default()))
    }
}

/// Of any system: `/opt/x`, `\Device\x`, `C:\x`.
fn is_path(name: &str) -> bool {
    name.starts_with(['/', '\\']) || name.as_bytes().get(1..3) == Some(b":\\")
}

/// On a 32-bit machine too large is past the end, as it should be.
fn to_usize(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// Places in the file, in any order.
#[derive(Default)]
struct Ranges(Vec<Range<usize>>);

impl Ranges {
    fn add(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.0.push(range);
        }
    }

    /// The same places in order, none twice.
    fn merged(&mut self) -> impl Iterator<Item = Range<usize>> + '_ {
        self.0.sort_by_key(|r| r.start);
        let mut end = 0;
        self.0.iter().filter_map(move |r| {
            let fresh = r.start.max(end)..r.end;
            end = end.max(r.end);
            (!fresh.is_empty()).then_some(fresh)
        })
    }
}

#[cfg(test)]
mod tests;

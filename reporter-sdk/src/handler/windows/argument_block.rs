//! Where a process keeps its arguments and its environment, so that they can be taken out of copies of its memory.
//!
//! Situation: the system hands both over in memory of the process (its *process parameters*), beside them the paths of the program and of the folder that it
//! was started in. Handling: the places are read while the process is held, and zeroed in every piece of memory that is kept.
//!
//! Situation: the C library makes copies before `main` runs, in the code page of the machine. Example: a token in the environment of a service was found in
//! the heap of each of its C++ programs. Handling: where the library tells their place, as `msvcrt.dll` does by its variables, they are zeroed, too. The Universal CRT
//! and one that is linked into the program tell nobody: what is in their heap can get into an image of all memory. A dump holds no heap.

use std::io;
use std::mem::{self, MaybeUninit, offset_of};
use std::ops::Range;

use windows_sys::Wdk::System::Threading::{NtQueryInformationProcess, ProcessBasicInformation};
use windows_sys::Win32::System::Threading::{PEB, PROCESS_BASIC_INFORMATION};

use super::module_file::ModuleFile;
use super::process::Process;
use crate::handler::modules::LoadedModules;

/// The ranges to zero, in addresses of the process; disjoint or not, never reversed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ArgumentBlock {
    pub(crate) ranges: Vec<Range<u64>>,
}

/// Why the block's place is unknown. Memory must not be kept then.
#[derive(Debug, thiserror::Error)]
#[error("where process {pid} has its arguments and its environment is not known")]
pub(crate) struct ArgumentBlockError {
    pid: u32,
    source: io::Error,
}

/// UNICODE_STRING.
#[repr(C)]
#[derive(Clone, Copy)]
struct Text {
    length: u16,
    room: u16,
    start: usize,
}

/// RTL_USER_PROCESS_PARAMETERS, of which windows-sys has the first few fields. The same since Windows Vista.
#[repr(C)]
struct Parameters {
    sizes: [u32; 4],
    console: usize,
    console_flags: u32,
    standard: [usize; 3],
    folder: Text,
    folder_handle: usize,
    library_path: Text,
    program: Text,
    command_line: Text,
    environment: usize,
    window: [u32; 9],
    title: Text,
    desktop: Text,
    shell: Text,
    runtime: Text,
    drives: [Drive; 32],
    environment_size: usize,
}

/// RTL_DRIVE_LETTER_CURDIR.
#[repr(C)]
#[derive(Clone, Copy)]
struct Drive {
    flags: [u16; 2],
    time: u32,
    folder: Text,
}

#[cfg(target_pointer_width = "64")]
const _: () = assert!(
    offset_of!(Parameters, command_line) == 0x70
        && offset_of!(Parameters, environment) == 0x80
        && offset_of!(Parameters, environment_size) == 0x3f0
);
#[cfg(target_pointer_width = "32")]
const _: () = assert!(
    offset_of!(Parameters, command_line) == 0x40
        && offset_of!(Parameters, environment) == 0x48
        && offset_of!(Parameters, environment_size) == 0x290
);

/// Bytes of an environment; Windows itself had a limit of 64 KiB for long.
const LARGEST_ENVIRONMENT: u64 = 16 << 20;

impl ArgumentBlock {
    /// Reads the places. The process must be alive, and held: it can move them.
    pub(crate) fn of_process(pid: u32) -> Result<Self, ArgumentBlockError> {
        let failed = |source| ArgumentBlockError { pid, source };
        let process = Process::open(pid).map_err(failed)?;
        let mut ranges = parameters(&process).map_err(failed)?;
        ranges.extend(copies(&process, pid));
        ranges.retain(|range| range.start < range.end);
        Ok(Self { ranges })
    }
}

fn parameters(process: &Process) -> io::Result<Vec<Range<u64>>> {
    let at = process.pointer(peb(process)? + offset_of!(PEB, ProcessParameters) as u64)?;
    let mut bytes = [0; size_of::<Parameters>()];
    process.read(at, &mut bytes)?;
    // SAFETY: integers alone, for which any bytes are a value, and as many of them.
    let parameters: Parameters = unsafe { mem::transmute(bytes) };
    if parameters.command_line.start == 0 || parameters.environment == 0 {
        return Err(io::Error::other("the process has given them up"));
    }
    let Parameters { folder, library_path, program, command_line, title, desktop, shell, runtime, .. } = parameters;
    let texts = [folder, library_path, program, command_line, title, desktop, shell, runtime];
    let texts = texts.into_iter().chain(parameters.drives.iter().map(|drive| drive.folder));
    let mut ranges: Vec<_> = texts
        .filter(|text| text.start != 0)
        .map(|text| {
            let start = text.start as u64;
            start..start.saturating_add(text.room.max(text.length).into())
        })
        .collect();
    let start = parameters.environment as u64;
    // What lies behind its end belongs to no other kind of data, but to the heap. Where the size is not told, all of it goes.
    let size = match parameters.environment_size as u64 {
        0 => process.pages(start).map_or(LARGEST_ENVIRONMENT, |pages| {
            (pages.BaseAddress as u64).saturating_add(pages.RegionSize as u64).saturating_sub(start)
        }),
        size => size,
    };
    ranges.push(start..start.saturating_add(size.min(LARGEST_ENVIRONMENT)));
    Ok(ranges)
}

fn peb(process: &Process) -> io::Result<u64> {
    // SAFETY: integers and pointers, for which zero is a value.
    let mut basic: PROCESS_BASIC_INFORMATION = unsafe { MaybeUninit::zeroed().assume_init() };
    let size = size_of_val(&basic) as u32;
    let (information, length) = ((&raw mut basic).cast(), std::ptr::null_mut());
    // SAFETY: writes to a value of the size that it is told.
    let status =
        unsafe { NtQueryInformationProcess(process.handle(), ProcessBasicInformation, information, size, length) };
    match basic.PebBaseAddress as u64 {
        _ if status < 0 => Err(io::Error::other(format!("NtQueryInformationProcess: {status:#010x}"))),
        0 => Err(io::Error::other("the process has no environment block")),
        peb => Ok(peb),
    }
}

/// The C library's own copies, as far as it tells their places.
fn copies(process: &Process, pid: u32) -> Vec<Range<u64>> {
    let mut ranges = Vec::new();
    let modules = LoadedModules::of_process(pid).unwrap_or_default();
    let is_library = |path: &std::path::Path| path.file_name().is_some_and(|n| n.eq_ignore_ascii_case("msvcrt.dll"));
    let Some(library) = modules.all.iter().find(|module| is_library(&module.path)) else { return ranges };
    let Ok((file, _)) = ModuleFile::identify(&library.path) else { return ranges };
    // Each by the size of its characters.
    let lines = [("_acmdln", 1), ("_wcmdln", 2)];
    let lists = [("__argv", 1), ("__wargv", 2), ("_environ", 1), ("_wenviron", 2), ("__initenv", 1), ("__winitenv", 2)];
    let places = lines.map(|(name, size)| (name, size, false)).into_iter();
    let places = places.chain(lists.map(|(name, size)| (name, size, true)));
    let names: Vec<_> = places.clone().map(|(name, ..)| name).collect();
    let Ok(variables) = file.exports(&names) else { return ranges };
    for ((_, size, is_list), variable) in places.zip(variables) {
        let Some(start) = variable.and_then(|rva| process.pointer(library.range.start + u64::from(rva)).ok()) else {
            continue;
        };
        if is_list {
            ranges.extend(list(process, start).into_iter().filter_map(|start| text(process, start, size)));
        } else {
            ranges.extend(text(process, start, size));
        }
    }
    ranges
}

/// Arguments and variables: none has more.
const MOST_TEXTS: usize = 4096;
/// Characters of a variable or of a command line: Windows takes no more.
const LONGEST_TEXT: u64 = 32 << 10;

/// The addresses that stand one after the other, up to a null.
fn list(process: &Process, start: u64) -> Vec<u64> {
    let addresses = (0..MOST_TEXTS as u64).map(|number| start.saturating_add(number * size_of::<usize>() as u64));
    addresses.map_while(|at| process.pointer(at).ok().filter(|text| *text != 0)).collect()
}

/// A text up to its zero.
fn text(process: &Process, start: u64, size: usize) -> Option<Range<u64>> {
    const STEP: usize = 256;
    let most = LONGEST_TEXT * size as u64;
    let (mut length, mut piece) = (0, [0; STEP]);
    while length < most {
        let at = start.checked_add(length)?;
        // Not past the page, behind which there may be nothing.
        let here = STEP.min(0x1000 - (at & 0xfff) as usize);
        let piece = &mut piece[..here];
        if process.read(at, piece).is_err() {
            break;
        }
        if let Some(end) = piece.chunks_exact(size).position(|character| character.iter().all(|byte| *byte == 0)) {
            length += (end * size) as u64;
            break;
        }
        length += here as u64;
    }
    Some(start..start.checked_add(length)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::live_child::{CANARY, LiveChild};

    #[test]
    fn the_block_of_a_live_process_holds_its_arguments_and_its_environment() {
        let child = LiveChild::start();
        let block = ArgumentBlock::of_process(child.pid()).unwrap();
        let process = Process::open(child.pid()).unwrap();
        let texts: Vec<String> = block
            .ranges
            .iter()
            .map(|range| {
                let mut bytes = vec![0; (range.end - range.start) as usize];
                process.read(range.start, &mut bytes).unwrap();
                let units: Vec<_> = bytes.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
                String::from_utf16_lossy(&units)
            })
            .collect();
        let holds = |what: &str| texts.iter().any(|text| text.contains(what));
        assert!(holds(&format!("handler::live_child::child {CANARY}")), "the command line");
        assert!(holds(&format!("SECRET_TOKEN={CANARY}")), "the environment");
    }

    #[test]
    fn a_process_that_is_gone_has_none() {
        assert!(ArgumentBlock::of_process(u32::MAX).unwrap_err().to_string().contains("is not known"));
    }
}

//! Where a process keeps its arguments and its environment, so that they can be taken out of copies of its memory.
//!
//! Situation: the system hands both over in memory of the process (its *process parameters*), beside them the paths of the program and of the folder that it
//! was started in. Handling: the places are read while the process is held, and zeroed in every piece of memory that is kept.
//! For what the process made of it, see `copies.rs`.

use std::io;
use std::mem::{self, MaybeUninit, offset_of};
use std::ops::Range;

use windows_sys::Wdk::System::Threading::{NtQueryInformationProcess, ProcessBasicInformation};
use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::System::Threading::{PEB, PROCESS_BASIC_INFORMATION};
use windows_sys::Win32::UI::Shell::CommandLineToArgvW;

use super::copies::Texts;
use super::process::Process;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ArgumentBlock {
    /// The ranges to zero, in addresses of the process; disjoint or not, never reversed.
    pub(crate) ranges: Vec<Range<u64>>,
    /// What the environment and the command line are, of which there can be copies elsewhere.
    pub(crate) texts: Texts,
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
        Self::read(&process).map_err(failed)
    }

    fn read(process: &Process) -> io::Result<Self> {
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
        let environment = start..start.saturating_add(size.min(LARGEST_ENVIRONMENT));
        let line = command_line.start as u64..(command_line.start as u64).saturating_add(command_line.length.into());
        let mut texts = Texts::default();
        texts.take(&units(process, &environment)?);
        let line = units(process, &line)?;
        texts.take(&line);
        texts.take_arguments(&arguments(line));
        ranges.push(environment);
        ranges.retain(|range| range.start < range.end);
        Ok(Self { ranges, texts })
    }
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

/// What is in that memory.
fn units(process: &Process, range: &Range<u64>) -> io::Result<Vec<u16>> {
    let mut bytes = vec![0; usize::try_from(range.end - range.start).map_err(io::Error::other)?];
    process.read(range.start, &mut bytes)?;
    Ok(bytes.as_chunks().0.iter().map(|unit| u16::from_le_bytes(*unit)).collect())
}

/// As the C libraries split a command line.
fn arguments(mut line: Vec<u16>) -> Vec<Vec<u16>> {
    line.push(0);
    let mut count = 0;
    // SAFETY: the line ends in a zero, and `count` lives here.
    let list = unsafe { CommandLineToArgvW(line.as_ptr(), &raw mut count) };
    if list.is_null() {
        return Vec::new();
    }
    let of = |number| {
        // SAFETY: the list has `count` addresses.
        let text: *const u16 = unsafe { *list.add(number) };
        // SAFETY: each is of a text up to a zero.
        let length = (0..).take_while(|at| unsafe { *text.add(*at) } != 0).count();
        // SAFETY: as many characters, just counted.
        unsafe { std::slice::from_raw_parts(text, length) }.to_vec()
    };
    let arguments = (0..usize::try_from(count).unwrap_or_default()).map(of).collect();
    // SAFETY: made by the call above, and read for the last time.
    unsafe { LocalFree(list.cast()) };
    arguments
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
        assert!(holds(&format!(" {CANARY}")), "the command line");
        assert!(holds(&format!("SECRET_TOKEN={CANARY}")), "the environment");
    }

    #[test]
    fn a_process_that_is_gone_has_none() {
        assert!(ArgumentBlock::of_process(u32::MAX).unwrap_err().to_string().contains("is not known"));
    }
}

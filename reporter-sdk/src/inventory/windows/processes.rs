//! Programs that run, grouped by path. Only name, program file, owner and memory of a process are asked for: never its arguments, environment or working
//! directory. The version is the program file's.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::time::{Duration, Instant};

use report_format::schema::v1::Process;
use windows_sys::Win32::Foundation::INVALID_HANDLE_VALUE;
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};
use windows_sys::Win32::System::ProcessStatus::{K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS};
use windows_sys::Win32::System::Threading::{
    OpenProcess, PROCESS_NAME_WIN32, PROCESS_QUERY_LIMITED_INFORMATION, QueryFullProcessImageNameW,
};

use super::account::{SERVICES_SESSION, session_of};
use super::file_version;
use super::machine::Machine;
use super::token::Token;
use super::wide::narrow;
use crate::inventory::notes::{Notes, text};
use crate::inventory::program_groups::{Running, grouped};

const PLACE: &str = "process snapshot";

/// Of the processes of a machine.
const LIMIT: usize = 10_000;

/// For looking into program files. Their place in the report is next to what is worth more: it must not be lost for them.
const VERSIONS_TIME: Duration = Duration::from_secs(1);

/// Idle time, which the system counts as a process.
const IDLE: u32 = 0;

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Vec<Process> {
    let running = notes.of(PLACE, listed()).unwrap_or_default();
    let running: Vec<Running> = running.into_iter().map(|(id, name)| running_process(id, name)).collect();
    let versions = versions(&running, machine.deadline(VERSIONS_TIME), notes);
    let mut processes = grouped(running.into_iter());
    for process in &mut processes {
        process.version = versions.get(&process.path).cloned().unwrap_or_default();
    }
    processes
}

/// By the path as it is told.
fn versions(running: &[Running], deadline: Instant, notes: &mut Notes) -> HashMap<String, String> {
    let paths: BTreeSet<&str> = running.iter().map(|process| process.path.as_str()).collect();
    let mut versions = HashMap::new();
    for path in paths {
        if Instant::now() > deadline {
            notes.trouble("versions of programs", &"no time to look into all files");
            break;
        }
        versions.insert(text(path), file_version::of(path));
    }
    versions
}

/// Number and name of each process.
fn listed() -> io::Result<Vec<(u32, String)>> {
    // SAFETY: numbers.
    let snapshot = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0) };
    if snapshot == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, and nobody else's.
    let snapshot = unsafe { OwnedHandle::from_raw_handle(snapshot) };
    let mut entry = PROCESSENTRY32W { dwSize: size_of::<PROCESSENTRY32W>() as u32, ..PROCESSENTRY32W::default() };
    let mut found = Vec::new();
    // SAFETY: an open snapshot, and a structure that says its own size.
    let mut more = unsafe { Process32FirstW(snapshot.as_raw_handle(), &raw mut entry) } != 0;
    while more && found.len() < LIMIT {
        if entry.th32ProcessID != IDLE {
            found.push((entry.th32ProcessID, narrow(&entry.szExeFile)));
        }
        // SAFETY: as before.
        more = unsafe { Process32NextW(snapshot.as_raw_handle(), &raw mut entry) } != 0;
    }
    Ok(found)
}

/// What can be had of it: protected ones, and those of others, tell less.
fn running_process(id: u32, name: String) -> Running {
    let opened = open(id);
    let opened = opened.as_ref().map(AsHandle::as_handle);
    let is_of_a_person = opened.and_then(|process| Token::of(process).ok()?.is_of_a_person().ok());
    Running {
        path: opened.and_then(path).unwrap_or_default(),
        name,
        system: is_of_a_person.map_or_else(|| session_of(id) == Some(SERVICES_SESSION), |person| !person),
        memory: opened.map_or(0, memory),
    }
}

fn open(id: u32) -> Option<OwnedHandle> {
    // SAFETY: numbers.
    let process = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, id) };
    // SAFETY: just made, and nobody else's.
    (!process.is_null()).then(|| unsafe { OwnedHandle::from_raw_handle(process) })
}

fn path(process: BorrowedHandle<'_>) -> Option<String> {
    let mut path = vec![0; 1 << 15];
    let mut length = path.len() as u32;
    let handle = process.as_raw_handle();
    // SAFETY: an open process, a place of this length, and one for the length that it then has.
    let told = unsafe { QueryFullProcessImageNameW(handle, PROCESS_NAME_WIN32, path.as_mut_ptr(), &raw mut length) };
    (told != 0).then(|| narrow(&path))
}

/// In physical memory, in bytes.
fn memory(process: BorrowedHandle<'_>) -> u64 {
    let size = size_of::<PROCESS_MEMORY_COUNTERS>() as u32;
    let mut counters = PROCESS_MEMORY_COUNTERS { cb: size, ..PROCESS_MEMORY_COUNTERS::default() };
    // SAFETY: an open process, and a place of this size.
    let told = unsafe { K32GetProcessMemoryInfo(process.as_raw_handle(), &raw mut counters, size) };
    if told == 0 { 0 } else { counters.WorkingSetSize as u64 }
}

//! Ends the handlers that run: before an update, or to have done with them.

use std::ffi::OsString;
use std::io;
use std::os::windows::ffi::OsStringExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::INVALID_HANDLE_VALUE;
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};
use windows_sys::Win32::System::Threading::{
    OpenProcess, PROCESS_NAME_WIN32, PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE, QueryFullProcessImageNameW,
};

use crate::ipc::socket::wait;
use crate::stopping;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Handlers that have ended.
    pub ended: usize,
    /// Those that still had something to do when the time was over. They end once it is done.
    pub busy: usize,
}

/// Asks the handlers that run `program` to end, and waits for that up to `timeout`. They finish the report at hand, and put off a question that is open; their
/// products go on. Those of the calling user's session.
///
/// A handler is known by the file that it runs and by the event that it waits for.
///
/// # Errors
/// The processes cannot be listed.
pub fn stop(program: &Path, timeout: Duration) -> io::Result<Stopped> {
    let program = std::fs::canonicalize(program)?;
    let mut asked = Vec::new();
    for pid in processes()? {
        // Held first: whoever is looked at is who is asked.
        let Some(held) = open(pid) else { continue };
        let is_handler = image(&held).and_then(std::fs::canonicalize).is_ok_and(|path| path == program);
        if pid != std::process::id() && is_handler && stopping::ask(pid) {
            asked.push(held);
        }
    }
    let started = Instant::now();
    let ended = asked.iter().filter(|held| wait(*held, timeout.saturating_sub(started.elapsed()))).count();
    Ok(Stopped { ended, busy: asked.len() - ended })
}

fn processes() -> io::Result<Vec<u32>> {
    // SAFETY: takes numbers.
    let snapshot = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0) };
    if snapshot == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, and nobody else's.
    let snapshot = unsafe { OwnedHandle::from_raw_handle(snapshot) };
    // SAFETY: integers, for which zero is a value.
    let mut entry: PROCESSENTRY32W = unsafe { std::mem::zeroed() };
    entry.dwSize = size_of::<PROCESSENTRY32W>() as u32;
    let mut pids = Vec::new();
    // SAFETY: a snapshot of processes, and an entry of the size that it tells.
    let mut more = unsafe { Process32FirstW(snapshot.as_raw_handle(), &raw mut entry) };
    while more != 0 {
        pids.push(entry.th32ProcessID);
        // SAFETY: as above.
        more = unsafe { Process32NextW(snapshot.as_raw_handle(), &raw mut entry) };
    }
    Ok(pids)
}

fn open(pid: u32) -> Option<OwnedHandle> {
    // SAFETY: takes numbers.
    let process = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE, 0, pid) };
    // SAFETY: just made, and nobody else's.
    (!process.is_null()).then(|| unsafe { OwnedHandle::from_raw_handle(process) })
}

/// The file that a process runs.
fn image(process: &OwnedHandle) -> io::Result<PathBuf> {
    // Windows has no longer ones.
    let mut name = vec![0; 32 << 10];
    let mut length = name.len() as u32;
    let (handle, room) = (process.as_raw_handle(), name.as_mut_ptr());
    // SAFETY: a process's handle, and the room that is told.
    if unsafe { QueryFullProcessImageNameW(handle, PROCESS_NAME_WIN32, room, &raw mut length) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(OsString::from_wide(&name[..length as usize]).into())
}

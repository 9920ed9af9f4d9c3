//! What the system tells of a process's threads.

use std::ffi::OsString;
use std::io;
use std::os::windows::ffi::OsStringExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};

use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::System::Diagnostics::Debug::CheckRemoteDebuggerPresent;
use windows_sys::Win32::System::Threading::{
    GetThreadDescription, OpenProcess, PROCESS_QUERY_INFORMATION, THREAD_QUERY_LIMITED_INFORMATION,
};
use windows_sys::core::PWSTR;

use super::suspend;

/// Longer names are cut: they are for people.
const LONGEST_NAME: usize = 256;

/// The name of a thread, if it is one of this process; empty where it has none.
pub(in crate::handler) fn name(pid: u32, thread: u32) -> io::Result<String> {
    let Some(handle) = suspend::open(pid, thread, THREAD_QUERY_LIMITED_INFORMATION) else {
        return Err(io::Error::other(format!("thread {thread} is not one of process {pid}")));
    };
    let mut text: PWSTR = std::ptr::null_mut();
    // Windows 10 1607.
    // SAFETY: a thread's handle, and a place for the text.
    let result = unsafe { GetThreadDescription(handle.as_raw_handle(), &raw mut text) };
    if result < 0 || text.is_null() {
        return Ok(String::new());
    }
    let mut units = Vec::new();
    for at in 0..LONGEST_NAME {
        // SAFETY: a text of the system's with a zero at its end, behind which nothing is read.
        match unsafe { text.add(at).read() } {
            0 => break,
            unit => units.push(unit),
        }
    }
    // SAFETY: the system allocated it for us.
    unsafe { LocalFree(text.cast()) };
    Ok(OsString::from_wide(&units).to_string_lossy().into_owned())
}

/// The process's first thread, as far as the system lists them in order; 0 where it has none any more.
pub(in crate::handler) fn main(pid: u32) -> u32 {
    suspend::threads(pid).ok().and_then(|threads| threads.first().copied()).unwrap_or(0)
}

/// Whether somebody is debugging the process: then it cannot be blamed for not answering.
pub(in crate::handler) fn is_stopped(pid: u32) -> io::Result<bool> {
    // SAFETY: takes numbers.
    let handle = unsafe { OpenProcess(PROCESS_QUERY_INFORMATION, 0, pid) };
    if handle.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, and nobody else's.
    let handle = unsafe { OwnedHandle::from_raw_handle(handle) };
    let mut debugged = 0;
    // SAFETY: a process's handle, and a place for the answer.
    if unsafe { CheckRemoteDebuggerPresent(handle.as_raw_handle(), &raw mut debugged) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(debugged != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_has_its_name_and_its_process() {
        let thread = std::thread::Builder::new().name("reader".into());
        let (told, id) = std::sync::mpsc::channel();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let thread = thread.spawn(move || {
            told.send(crate::shared::writer::thread_id()).unwrap();
            let _ = stopped.recv();
        });
        let id = id.recv().unwrap();
        let name = name(std::process::id(), id).unwrap();
        // Wine keeps no names before release 9.
        assert!(name == "reader" || name.is_empty(), "{name}");
        assert!(super::name(std::process::id() + 1, id).is_err(), "another process");
        drop(stop);
        thread.unwrap().join().unwrap();
        assert!(!is_stopped(std::process::id()).unwrap());
        assert_ne!(main(std::process::id()), 0);
    }
}

//! Holds the threads of the product.
//!
//! Situation: a suspended thread outlives the one who suspended it; nothing lets it go as we end, as Linux lets go what is traced. Example: a handler that is
//! killed while it reads the memory leaves a product that stands still. Handling: the thread that waits for us is spared. It is blocked in our own code, so
//! there is nothing to hold; it sees our end by its pipe, and ends the process of its fault, which takes the suspended threads along. What remains is a product
//! that would have gone on (a simulated crash, a hang) and whose handler is killed in just these moments: its other threads stand still until somebody ends it.

use std::collections::BTreeSet;
use std::io;
use std::mem::MaybeUninit;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};

use report_format::schema::v1;
use windows_sys::Win32::Foundation::{ERROR_NO_MORE_FILES, INVALID_HANDLE_VALUE};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, TH32CS_SNAPTHREAD, THREADENTRY32, Thread32First, Thread32Next,
};
use windows_sys::Win32::System::Threading::{
    GetProcessIdOfThread, OpenThread, ResumeThread, SuspendThread, THREAD_QUERY_LIMITED_INFORMATION,
    THREAD_SUSPEND_RESUME,
};

use crate::handler::{soft_error, soft_note};

/// Looks for threads that others have started meanwhile: a process that starts them without end would keep us here.
const MOST_LOOKS: usize = 64;

/// Threads that stand still. They go on when it is dropped.
#[derive(Debug, Default)]
pub(in crate::handler) struct Held(Vec<OwnedHandle>);

/// Holds all threads of `pid`.
#[cfg(feature = "bench")]
pub(in crate::handler) fn hold(pid: u32, soft_errors: &mut Vec<v1::SoftError>) -> Held {
    hold_others(pid, None, soft_errors)
}

/// Holds all threads of `pid` but `spared`. Those that had ended by then are left out; of others that are, the first is told.
pub(super) fn hold_others(pid: u32, spared: Option<u32>, soft_errors: &mut Vec<v1::SoftError>) -> Held {
    let mut held = Held::default();
    let mut seen: BTreeSet<u32> = spared.into_iter().collect();
    let mut refused = None;
    // One that has not stopped yet can start another: only once a look shows none that is new there is none.
    for _ in 0..MOST_LOOKS {
        let threads = match threads(pid) {
            Ok(threads) => threads,
            Err(error) => {
                soft_errors.push(soft_error("dump", &error));
                return held;
            }
        };
        let before = seen.len();
        for tid in threads.into_iter().filter(|tid| seen.insert(*tid)) {
            match suspend(pid, tid) {
                Ok(thread) => held.0.extend(thread),
                Err(error) => refused = refused.or(Some((tid, error))),
            }
        }
        if seen.len() == before {
            break;
        }
    }
    if let Some((tid, error)) = refused {
        soft_errors.push(soft_note("dump", format!("thread {tid} cannot be held: {error}")));
    }
    held
}

/// The threads of a process.
pub(super) fn threads(pid: u32) -> io::Result<Vec<u32>> {
    // SAFETY: takes numbers only. Of threads there is only a list of all of the machine.
    let snapshot = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0) };
    if snapshot == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, and nobody else's.
    let snapshot = unsafe { OwnedHandle::from_raw_handle(snapshot) };
    // SAFETY: integers, for which zero is a value.
    let mut entry: THREADENTRY32 = unsafe { MaybeUninit::zeroed().assume_init() };
    entry.dwSize = size_of::<THREADENTRY32>() as u32;
    let mut threads = Vec::new();
    // SAFETY: writes to the entry, which has the size that it says.
    let mut more = unsafe { Thread32First(snapshot.as_raw_handle(), &raw mut entry) };
    while more != 0 {
        if entry.th32OwnerProcessID == pid {
            threads.push(entry.th32ThreadID);
        }
        // SAFETY: as above.
        more = unsafe { Thread32Next(snapshot.as_raw_handle(), &raw mut entry) };
    }
    let error = io::Error::last_os_error();
    if error.raw_os_error() == Some(ERROR_NO_MORE_FILES.cast_signed()) { Ok(threads) } else { Err(error) }
}

/// A thread of this process, with these rights; `None` where it has ended, or the number is another's by now.
pub(super) fn open(pid: u32, tid: u32, rights: u32) -> Option<OwnedHandle> {
    // SAFETY: takes numbers only.
    let thread = unsafe { OpenThread(rights | THREAD_QUERY_LIMITED_INFORMATION, 0, tid) };
    if thread.is_null() {
        return None;
    }
    // SAFETY: just made, and nobody else's.
    let thread = unsafe { OwnedHandle::from_raw_handle(thread) };
    // SAFETY: a thread that we hold, with the right to ask that.
    let owner = unsafe { GetProcessIdOfThread(thread.as_raw_handle()) };
    (owner == pid).then_some(thread)
}

fn suspend(pid: u32, tid: u32) -> io::Result<Option<OwnedHandle>> {
    let Some(thread) = open(pid, tid, THREAD_SUSPEND_RESUME) else { return Ok(None) };
    // SAFETY: a thread of another process, which can hold no lock of ours.
    let before = unsafe { SuspendThread(thread.as_raw_handle()) };
    if before == u32::MAX { Err(io::Error::last_os_error()) } else { Ok(Some(thread)) }
}

impl Drop for Held {
    fn drop(&mut self) {
        for thread in &self.0 {
            // It may have been ended.
            // SAFETY: a thread that was suspended here, once.
            unsafe { ResumeThread(thread.as_raw_handle()) };
        }
    }
}

/// How often a thread is held.
#[cfg(test)]
fn count(pid: u32, tid: u32) -> u32 {
    let thread = open(pid, tid, THREAD_SUSPEND_RESUME).expect("it is there");
    // SAFETY: a thread of another process.
    let count = unsafe { SuspendThread(thread.as_raw_handle()) };
    // SAFETY: as above.
    unsafe { ResumeThread(thread.as_raw_handle()) };
    count
}

/// Whether a thread of this process is held, other than `spared`.
#[cfg(test)]
pub(in crate::handler) fn is_held(pid: u32, spared: u32) -> bool {
    threads(pid).unwrap().into_iter().filter(|tid| *tid != spared).any(|tid| count(pid, tid) > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::live_child::LiveChild;

    #[test]
    fn all_threads_but_the_one_that_waits_are_held_and_let_go() {
        let child = LiveChild::start();
        let all = threads(child.pid()).unwrap();
        assert!(all.contains(&child.tid) && all.len() >= 3, "{all:?}");
        let mut soft_errors = Vec::new();
        let held = hold_others(child.pid(), Some(child.tid), &mut soft_errors);
        assert_eq!((held.0.len(), soft_errors), (all.len() - 1, vec![]));
        let other = *all.iter().find(|tid| **tid != child.tid).unwrap();
        assert_eq!((count(child.pid(), other), count(child.pid(), child.tid)), (1, 0));
        drop(held);
        assert_eq!(count(child.pid(), other), 0);
    }
}

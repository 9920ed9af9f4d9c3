//! Another copy of this library in the same process: a host and its plug-in that each have their own.
//!
//! Two would report each crash twice. The copies share no variable, and may be of different releases: what they share is the process's number, and with it a
//! name that only one can have at a time, which is gone with its owner.

use std::{
    io,
    os::windows::io::{FromRawHandle, OwnedHandle},
    ptr,
    sync::{Mutex, PoisonError},
};

use windows_sys::Win32::{
    Foundation::{ERROR_ALREADY_EXISTS, GetLastError},
    System::Threading::CreateEventW,
};

use crate::reporter;

/// Held while this copy reports.
static NAME: Mutex<Option<OwnedHandle>> = Mutex::new(None);

/// The right to start a reporter in this process, until dropped. Taken with the name itself: two copies that start at the same instant cannot both have it.
#[derive(Debug)]
pub(crate) struct Turn;

impl Turn {
    pub(crate) fn take() -> Self {
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // A start that has failed leaves the name to others.
        if reporter::active().is_none() {
            leave();
        }
    }
}

/// Whether another copy reports for this process, while this one does not. Else this one has the name from here on, until [`leave`].
pub(crate) fn another_reports() -> bool {
    let mut ours = NAME.lock().unwrap_or_else(PoisonError::into_inner);
    if ours.is_some() {
        return false;
    }
    let (handle, existed) = name().map_or((None, false), |(handle, existed)| (Some(handle), existed));
    if !existed {
        *ours = handle;
    }
    existed
}

/// This copy reports no longer.
pub(crate) fn leave() {
    NAME.lock().unwrap_or_else(PoisonError::into_inner).take();
}

/// The object, and whether somebody has it already. A name is the session's, and anyone of this user can take one: then nothing is reported, which is told.
fn name() -> io::Result<(OwnedHandle, bool)> {
    let name: Vec<u16> = format!("Local\\error-reporting-{}\0", std::process::id()).encode_utf16().collect();
    // SAFETY: the name ends in a zero.
    let handle = unsafe { CreateEventW(ptr::null(), 1, 0, name.as_ptr()) };
    // SAFETY: reads a value of this thread's own.
    let existed = unsafe { GetLastError() } == ERROR_ALREADY_EXISTS;
    if handle.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, and nobody else's.
    Ok((unsafe { OwnedHandle::from_raw_handle(handle) }, existed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_copy_is_seen_until_the_first_has_left() {
        let (first, existed) = name().unwrap();
        assert!(!existed || NAME.lock().unwrap().is_some(), "of another test of this process");
        assert!(name().unwrap().1);
        drop(first);
    }
}

//! The product's end of the crash channel, used from outside.

use std::{
    io,
    os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle},
    ptr,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use windows_sys::Win32::{
    Foundation::{ERROR_IO_PENDING, ERROR_MORE_DATA, WAIT_OBJECT_0},
    Storage::FileSystem::{FILE_TYPE_PIPE, GetFileType, ReadFile, WriteFile},
    System::{
        IO::{CancelIoEx, GetOverlappedResult, OVERLAPPED},
        LibraryLoader::{GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW},
        Threading::{CreateEventW, WaitForSingleObject},
    },
};

use crate::{product::Process, registration::Registration};

/// The SDK's words (`ipc/mod.rs`, `ipc/windows/socket.rs`): a datagram starts with how many handles come with it and five words for their numbers in all.
pub(crate) const HEADER: usize = 40;
pub(crate) const DATAGRAM: usize = HEADER + 1;
/// The crash slot is filled.
pub(crate) const CRASHED: u8 = b'C';
/// The handler has what it needs. Any other byte is a sign of progress.
pub(crate) const DONE: u8 = b'D';

/// What the pipe has no room for goes nowhere.
const WRITING: Duration = Duration::from_secs(1);
/// For the end of what was called off.
const GRACE: Duration = Duration::from_secs(2);

/// Tells the handler, and waits until it is done, gives no sign of life, or all the time has passed.
///
/// On a thread of its own: what the product calls its pipe may be anything, and one that was opened without the means to call a call off would hold us for good.
pub(crate) fn tell(process: &Process, registration: &Registration) -> Option<()> {
    let pipe = process.copy_of(registration.pipe)?;
    let (without_progress, longest) = registration.patience();
    let (done, told) = mpsc::channel();
    stay_loaded();
    let work = move || {
        // Nobody listens any more once the time has passed.
        let _ = done.send(Pipe::new(pipe).and_then(|pipe| pipe.report(without_progress, longest)));
    };
    thread::Builder::new().spawn(work).ok()?;
    told.recv_timeout(longest + WRITING + GRACE).ok()?
}

/// A thread that is left behind must not lose its code.
fn stay_loaded() {
    let flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN;
    let mut module = ptr::null_mut();
    // SAFETY: with these flags the name is an address that is only compared.
    unsafe { GetModuleHandleExW(flags, stay_loaded as *const () as *const u16, &raw mut module) };
}

struct Pipe {
    pipe: OwnedHandle,
    event: OwnedHandle,
}

impl Pipe {
    fn new(pipe: OwnedHandle) -> Option<Self> {
        // SAFETY: a handle of ours.
        if unsafe { GetFileType(pipe.as_raw_handle()) } != FILE_TYPE_PIPE {
            return None;
        }
        // SAFETY: without attributes or a name it takes numbers only.
        let event = unsafe { CreateEventW(ptr::null(), 1, 0, ptr::null()) };
        // SAFETY: just made, and nobody else's.
        (!event.is_null()).then(|| Self { pipe, event: unsafe { OwnedHandle::from_raw_handle(event) } })
    }

    /// `None` where the handler did not say that it is done.
    ///
    /// A read that the product itself has begun would take the first answer from us, and only the product could call it off: it leaves none behind (`capture/windows/wake.rs`).
    /// One that waits while the product stands still, for a report of another thread, takes a sign of progress or costs us the wait for one.
    fn report(&self, without_progress: Duration, longest: Duration) -> Option<()> {
        let mut datagram = [0; DATAGRAM];
        *datagram.last_mut()? = CRASHED;
        self.write(&datagram)?;
        let end = Instant::now() + longest;
        loop {
            let patience = without_progress.min(end.saturating_duration_since(Instant::now()));
            if self.read(patience)? == Some(DONE) {
                return Some(());
            }
        }
    }

    fn write(&self, datagram: &[u8; DATAGRAM]) -> Option<()> {
        let mut overlapped = OVERLAPPED { hEvent: self.event.as_raw_handle(), ..Default::default() };
        let (pipe, bytes) = (self.pipe.as_raw_handle(), datagram.as_ptr());
        // SAFETY: both live until the write has ended, for which `ended` waits.
        let done = unsafe { WriteFile(pipe, bytes, DATAGRAM as u32, ptr::null_mut(), &raw mut overlapped) };
        let begun = done != 0 || last_error() == ERROR_IO_PENDING;
        (begun && self.ended(&mut overlapped, WRITING)? == DATAGRAM).then_some(())
    }

    /// The byte of the next datagram; `Some(None)` for one that has another size. `None` for the end, and where none came in that time.
    fn read(&self, patience: Duration) -> Option<Option<u8>> {
        let mut datagram = [0; DATAGRAM];
        let mut overlapped = OVERLAPPED { hEvent: self.event.as_raw_handle(), ..Default::default() };
        let (pipe, room) = (self.pipe.as_raw_handle(), datagram.as_mut_ptr());
        // SAFETY: both live until the read has ended, for which `ended` waits.
        let done = unsafe { ReadFile(pipe, room, DATAGRAM as u32, ptr::null_mut(), &raw mut overlapped) };
        let begun = done != 0 || matches!(last_error(), ERROR_IO_PENDING | ERROR_MORE_DATA);
        let size = if begun { self.ended(&mut overlapped, patience)? } else { return None };
        Some(datagram.last().copied().filter(|_| size == DATAGRAM))
    }

    /// Waits for the end of a call, and calls it off after `patience`. The bytes; `None` where it failed. When it returns, the call has ended.
    fn ended(&self, overlapped: &mut OVERLAPPED, patience: Duration) -> Option<usize> {
        let millis = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX - 1);
        let pipe = self.pipe.as_raw_handle();
        // SAFETY: an event of ours.
        if unsafe { WaitForSingleObject(self.event.as_raw_handle(), millis) } != WAIT_OBJECT_0 {
            // SAFETY: the structure of the call that was begun.
            unsafe { CancelIoEx(pipe, overlapped) };
        }
        let mut size = 0;
        // SAFETY: as above; waits for its end, which has come or was just asked for.
        let done = unsafe { GetOverlappedResult(pipe, overlapped, &raw mut size, 1) };
        match done {
            // A datagram that is longer than ours: no end.
            0 if last_error() == ERROR_MORE_DATA => Some(0),
            0 => None,
            _ => Some(size as usize),
        }
    }
}

fn last_error() -> u32 {
    io::Error::last_os_error().raw_os_error().map_or(0, i32::cast_unsigned)
}

//! The product's end of the crash channel. Everything here is safe in an exception handler: memory that was made before, and system calls.

use std::{
    cell::UnsafeCell,
    io,
    os::windows::io::{AsRawHandle, OwnedHandle, RawHandle},
    ptr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use windows_sys::Win32::{
    Foundation::{ERROR_IO_PENDING, ERROR_MORE_DATA, ERROR_OPERATION_ABORTED, HANDLE, WAIT_OBJECT_0},
    Storage::FileSystem::{ReadFile, WriteFile},
    System::{
        IO::{CancelIoEx, GetOverlappedResult, OVERLAPPED},
        Threading::{Sleep, WaitForSingleObject},
    },
};

use super::{lost, wer};
use crate::{
    capture::claim::Outcome,
    ipc::{
        self,
        socket::{self, Socket},
    },
    shared::clock,
};

/// A byte as a datagram without handles.
const DATAGRAM: usize = socket::HEADER + 1;

/// The crash channel, and how long to wait on it.
#[derive(Debug)]
pub(crate) struct Channel {
    pipe: OwnedHandle,
    read: OwnedHandle,
    written: OwnedHandle,
    buffers: UnsafeCell<Buffers>,
    without_progress: u64,
    longest: u64,
    numbers: AtomicU64,
}

// SAFETY: the buffers are used by whoever holds the claim, one thread at a time.
unsafe impl Sync for Channel {}
// SAFETY: handles and bytes.
unsafe impl Send for Channel {}

/// What the kernel reads and writes: in memory that is never freed, so that no wait for a call's end can hang us.
struct Buffers {
    reading: OVERLAPPED,
    writing: OVERLAPPED,
    /// A read waits in the kernel.
    pending: bool,
    received: [u8; DATAGRAM],
    sent: [u8; DATAGRAM],
}

impl std::fmt::Debug for Buffers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Buffers").field("pending", &self.pending).finish_non_exhaustive()
    }
}

enum Received {
    Byte(u8),
    Nothing,
    /// The read has ended without anything.
    CalledOff,
    End,
}

impl Channel {
    /// Leaked by its owner. Where the system has no events left, nothing can be sent.
    pub(crate) fn new(socket: Socket, without_progress: Duration, longest: Duration) -> io::Result<Self> {
        let nanos = |wait: Duration| u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        let (read, written) = (socket::event()?, socket::event()?);
        let of = |event: &OwnedHandle| OVERLAPPED { hEvent: event.as_raw_handle(), ..Default::default() };
        let buffers = Buffers {
            reading: of(&read),
            writing: of(&written),
            pending: false,
            received: [0; DATAGRAM],
            sent: [0; DATAGRAM],
        };
        Ok(Self {
            pipe: socket.into(),
            read,
            written,
            buffers: UnsafeCell::new(buffers),
            without_progress: nanos(without_progress),
            longest: nanos(longest),
            numbers: AtomicU64::new(1),
        })
    }

    /// The number of the next report that uses the crash slot.
    pub(crate) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// What this process calls its end, for who uses it from outside.
    pub(super) fn pipe(&self) -> RawHandle {
        self.pipe.as_raw_handle()
    }

    /// The longest wait, in nanoseconds.
    pub(crate) fn longest(&self) -> u64 {
        self.longest
    }

    /// Tells the handler that the crash slot is filled, and waits. Where it is lost, what it has not taken is left for the next one. Must hold the claim.
    pub(crate) fn report(&self) -> Outcome {
        // An answer to an earlier report that was given up is no answer to this one.
        while let Received::Byte(_) = self.receive(0) {}
        let outcome = if self.send(ipc::CRASHED) { self.wait() } else { Outcome::Gone };
        self.call_off();
        if outcome == Outcome::Gone {
            wer::unregister();
        }
        if outcome != Outcome::Done {
            lost::leave();
        }
        outcome
    }

    /// Whether the handler has shown progress since the last look. Must hold the claim.
    pub(crate) fn take_progress(&self) -> bool {
        let mut any = false;
        while let Received::Byte(_) = self.receive(0) {
            any = true;
        }
        self.call_off();
        any
    }

    /// Calls a read off that still waits. Must hold the claim.
    ///
    /// Situation: a fault that no hook here sees is told of from outside, by the same pipe (see [`wer`]), and a read of ours would take the answer, while this process stands
    /// still; nobody else can call it off. Handling: none is left behind.
    fn call_off(&self) {
        // SAFETY: the claim makes this the only use.
        let (pending, reading) = unsafe { ((*self.buffers.get()).pending, &raw const (*self.buffers.get()).reading) };
        if pending {
            // SAFETY: the structure of the call that was begun, which is never freed. The next look finds out how it has ended.
            unsafe { CancelIoEx(self.pipe.as_raw_handle(), reading) };
        }
    }

    fn wait(&self) -> Outcome {
        let started = clock::monotonic();
        let mut progress = started;
        loop {
            let now = clock::monotonic();
            let end = progress.saturating_add(self.without_progress).min(started.saturating_add(self.longest));
            let Some(left) = end.checked_sub(now).filter(|left| *left > 0) else { return Outcome::TimedOut };
            let millis = left.div_ceil(1_000_000).min(u64::from(u32::MAX - 1)) as u32;
            match self.receive(millis) {
                Received::Byte(ipc::DONE) => return Outcome::Done,
                Received::Byte(_) => progress = clock::monotonic(),
                Received::Nothing | Received::CalledOff => {}
                Received::End => return Outcome::Gone,
            }
        }
    }

    fn send(&self, byte: u8) -> bool {
        let buffers = self.buffers.get();
        // SAFETY: the claim makes this the only use; a write that was given up has ended, or its buffer has the same bytes.
        unsafe { (*buffers).sent[DATAGRAM - 1] = byte };
        // SAFETY: as above.
        let (sent, writing) = unsafe { (&raw const (*buffers).sent, &raw mut (*buffers).writing) };
        let pipe = self.pipe.as_raw_handle();
        // SAFETY: both are never freed.
        let written = unsafe { WriteFile(pipe, sent.cast(), DATAGRAM as u32, ptr::null_mut(), writing) };
        if written != 0 {
            return true;
        }
        // One that waits for room: nobody has read what was sent before.
        last_error() == ERROR_IO_PENDING && finished(pipe, self.written.as_raw_handle(), writing, 1000)
    }

    /// Waits for a byte, so many milliseconds at most.
    fn receive(&self, millis: u32) -> Received {
        match self.look(millis) {
            // Situation: we have called the read off, or the thread that began it, for an earlier report, has ended since, and the kernel calls off what a thread has begun. Handling: another
            // one; nothing is lost by it.
            Received::CalledOff => self.look(millis),
            received => received,
        }
    }

    fn look(&self, millis: u32) -> Received {
        let buffers = self.buffers.get();
        let pipe = self.pipe.as_raw_handle();
        // SAFETY: the claim makes this the only use; while a read is pending only the kernel writes to what it was given.
        let (pending, received, reading) =
            unsafe { (&mut (*buffers).pending, &raw mut (*buffers).received, &raw mut (*buffers).reading) };
        if !*pending {
            // SAFETY: both are never freed.
            let read = unsafe { ReadFile(pipe, received.cast(), DATAGRAM as u32, ptr::null_mut(), reading) };
            if read == 0 && !matches!(last_error(), ERROR_IO_PENDING | ERROR_MORE_DATA) {
                return Received::End;
            }
            *pending = true;
        }
        // SAFETY: an event of ours.
        if unsafe { WaitForSingleObject(self.read.as_raw_handle(), millis) } != WAIT_OBJECT_0 {
            return Received::Nothing;
        }
        *pending = false;
        let mut size = 0;
        // SAFETY: the read that was begun, which has ended.
        let done = unsafe { GetOverlappedResult(pipe, reading, &raw mut size, 0) };
        // SAFETY: the kernel has written to it, and does no more.
        let last = unsafe { (*received)[DATAGRAM - 1] };
        match done {
            0 if last_error() == ERROR_OPERATION_ABORTED => Received::CalledOff,
            // Not ours, and no sign of the end.
            0 if last_error() == ERROR_MORE_DATA => Received::Nothing,
            0 => Received::End,
            _ if size as usize == DATAGRAM => Received::Byte(last),
            _ => Received::Nothing,
        }
    }
}

/// Whether a call ends well in that time; else it is called off.
fn finished(pipe: HANDLE, event: HANDLE, overlapped: *mut OVERLAPPED, millis: u32) -> bool {
    // SAFETY: an event of ours.
    if unsafe { WaitForSingleObject(event, millis) } != WAIT_OBJECT_0 {
        // SAFETY: the structure of the call that was begun, which is never freed.
        unsafe { CancelIoEx(pipe, overlapped) };
        return false;
    }
    let mut size = 0;
    // SAFETY: as above; it has ended.
    unsafe { GetOverlappedResult(pipe, overlapped, &raw mut size, 0) != 0 }
}

fn last_error() -> u32 {
    // SAFETY: reads a value of this thread's own.
    unsafe { windows_sys::Win32::Foundation::GetLastError() }
}

/// Lets two milliseconds pass.
pub(crate) fn pause() {
    // SAFETY: takes a number.
    unsafe { Sleep(2) };
}

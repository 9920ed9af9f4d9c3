//! The product's end of the crash channel. Everything here is async-signal-safe.

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};

use super::{lost, record};
use crate::{
    capture::claim::Outcome,
    ipc::{self, socket::Socket},
    reporter,
    shared::clock,
};

/// The crash channel, and how long to wait on it.
#[derive(Debug)]
pub(crate) struct Channel {
    socket: OwnedFd,
    without_progress: u64,
    longest: u64,
    numbers: AtomicU64,
}

impl Channel {
    /// Elsewhere the system may refuse what is needed to wait.
    #[allow(clippy::unnecessary_wraps, reason = "as elsewhere")]
    pub(crate) fn new(socket: Socket, without_progress: Duration, longest: Duration) -> io::Result<Self> {
        let nanos = |wait: Duration| u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        let (without_progress, longest) = (nanos(without_progress), nanos(longest));
        Ok(Self { socket: socket.into(), without_progress, longest, numbers: AtomicU64::new(1) })
    }

    /// The number of the next report that uses the crash slot.
    pub(crate) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// The longest wait, in nanoseconds.
    pub(crate) fn longest(&self) -> u64 {
        self.longest
    }

    /// Tells the handler that the crash slot is filled, and waits. Where it is lost, what it has not taken is left for the next one.
    pub(crate) fn report(&self) -> Outcome {
        // An answer to an earlier report that was given up is no answer to this one.
        while let Received::Byte(_) = receive(self.socket.as_fd()) {}
        let outcome = if self.send(ipc::CRASHED) { self.wait(self.socket.as_fd()) } else { Outcome::Gone };
        if outcome != Outcome::Done {
            lost::leave();
        }
        outcome
    }

    fn send(&self, byte: u8) -> bool {
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        // SAFETY: send(2) is async-signal-safe; the buffer is one byte that lives here.
        unsafe { libc::send(self.socket.as_raw_fd(), (&raw const byte).cast(), 1, flags) == 1 }
    }

    /// Tells the handler of a crash of another process than the product, whose answer comes on `ours`; `theirs` is the other end of it.
    pub(crate) fn hand_over(&self, record: &[u8], context: &[u8], theirs: OwnedFd, ours: &OwnedFd) -> Outcome {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let rights = [theirs.as_fd()];
        // The space is for just this one.
        ancillary.push(SendAncillaryMessage::ScmRights(&rights));
        let parts = [IoSlice::new(record), IoSlice::new(context)];
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        // sendmsg(2) is async-signal-safe, and rustix adds nothing to it but the layout in `space`.
        let sent = rustix::net::sendmsg(&self.socket, &parts, &mut ancillary, flags);
        // From here on the handler's copy is the only one: its end is the end of the wait.
        drop(theirs);
        if sent.is_ok() { self.wait(ours.as_fd()) } else { Outcome::Gone }
    }

    fn wait(&self, socket: BorrowedFd<'_>) -> Outcome {
        let started = clock::monotonic();
        let mut progress = started;
        loop {
            let now = clock::monotonic();
            let end = progress.saturating_add(self.without_progress).min(started.saturating_add(self.longest));
            let Some(left) = end.checked_sub(now).filter(|left| *left > 0) else { return Outcome::TimedOut };
            let mut poll = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            let millis = left.div_ceil(1_000_000).min(i32::MAX as u64) as i32;
            // SAFETY: poll(2) is async-signal-safe; `poll` is the one entry that is announced.
            unsafe { libc::poll(&raw mut poll, 1, millis) };
            match receive(socket) {
                Received::Byte(ipc::DONE) => return Outcome::Done,
                Received::Byte(ipc::RECORD) => {
                    if let Some(state) = reporter::active() {
                        record::write(&state.shared);
                    }
                    if !self.send(ipc::RECORDED) {
                        return Outcome::Gone;
                    }
                    progress = clock::monotonic();
                }
                Received::Byte(_) => progress = clock::monotonic(),
                Received::Nothing => {}
                Received::End => return Outcome::Gone,
            }
        }
    }

    /// Whether the handler has shown progress since the last look, for waits on the other socket. Must hold the claim.
    pub(crate) fn take_progress(&self) -> bool {
        let mut any = false;
        while let Received::Byte(_) = receive(self.socket.as_fd()) {
            any = true;
        }
        any
    }
}

fn receive(socket: BorrowedFd<'_>) -> Received {
    let mut byte = 0u8;
    // SAFETY: recv(2) is async-signal-safe; the buffer is one byte that lives here.
    let size = unsafe { libc::recv(socket.as_raw_fd(), (&raw mut byte).cast(), 1, libc::MSG_DONTWAIT) };
    match size {
        1 => Received::Byte(byte),
        0 => Received::End,
        _ => match io::Error::last_os_error().raw_os_error() {
            Some(libc::EAGAIN | libc::EINTR) => Received::Nothing,
            _ => Received::End,
        },
    }
}

enum Received {
    Byte(u8),
    Nothing,
    End,
}

/// Lets two milliseconds pass.
pub(crate) fn pause() {
    let pause = libc::timespec { tv_sec: 0, tv_nsec: 2_000_000 };
    // SAFETY: nanosleep(2) is async-signal-safe; the remainder is not asked for.
    unsafe { libc::nanosleep(&raw const pause, std::ptr::null_mut()) };
}

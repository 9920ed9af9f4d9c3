//! SIGTERM.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What can be waited for together with other things.
pub(crate) type Waitable<'a> = BorrowedFd<'a>;

/// Readable from the first SIGTERM on, since nobody reads it.
static SIGNAL: OnceLock<OwnedFd> = OnceLock::new();

/// Takes SIGTERM out of its ordinary way, for this thread and those that it starts. Programs that it starts must unblock it.
pub(crate) fn listen() -> io::Result<()> {
    // SAFETY: integers, for which zero is a value.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: a set that lives here, and a signal's number.
    unsafe { libc::sigaddset(&raw mut set, libc::SIGTERM) };
    // SAFETY: as above; the former mask is not asked for.
    let error = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
    if error != 0 {
        return Err(io::Error::from_raw_os_error(error));
    }
    // SAFETY: a new descriptor; the set is whole.
    let fd = unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, and nobody else's.
    let _ = SIGNAL.set(unsafe { OwnedFd::from_raw_fd(fd) });
    Ok(())
}

/// Readable once this program is to end; `None` where nobody listens.
pub(crate) fn wish() -> Option<Waitable<'static>> {
    SIGNAL.get().map(AsFd::as_fd)
}

/// Waits for so long, or until this program is to end. Returns whether it is.
pub(crate) fn rest(time: Duration) -> bool {
    let Some(wish) = wish() else {
        std::thread::sleep(time);
        return false;
    };
    let started = std::time::Instant::now();
    loop {
        let left = Timespec::try_from(time.saturating_sub(started.elapsed())).ok();
        match poll(&mut [PollFd::from_borrowed_fd(wish, PollFlags::IN)], left.as_ref()) {
            Err(rustix::io::Errno::INTR) => {}
            polled => return polled.is_ok_and(|ready| ready > 0),
        }
    }
}

//! Waits for one of several things.

use std::{io, os::fd::BorrowedFd, time::Duration};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What can be waited for: a descriptor that becomes readable.
pub(crate) type Waitable<'a> = BorrowedFd<'a>;

/// Waits until at least one is ready, or for so long; says which are. None may be, without reason.
pub(crate) fn ready<const N: usize>(of: [Waitable<'_>; N], timeout: Option<Duration>) -> io::Result<[bool; N]> {
    let mut polled = of.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    match poll(&mut polled, timeout.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(polled.map(|polled| !polled.revents().is_empty())),
        Err(error) => Err(error.into()),
    }
}

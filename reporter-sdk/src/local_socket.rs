//! Connections to servers of this machine: by their Unix sockets, in a limited time, and to no stranger's.

use std::io;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{Timeout, set_socket_timeout, socket_peercred};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect as connect_socket, socket_with};
use rustix::process::{geteuid, getuid};

/// A connection whose server is root's or our own. Any user can bind a name of the abstract namespace, or a path in /tmp, before the true server
/// does, and would be told what we have to tell. Root asks a user's display, so to root nobody is a stranger.
pub(crate) fn connect(address: &SocketAddrUnix, deadline: Instant) -> io::Result<UnixStream> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // A server that hangs accepts nobody, and then connecting waits as well; for that it is sending.
    set_socket_timeout(&socket, Timeout::Send, Some(left(deadline)?))?;
    connect_socket(&socket, address).map_err(|error| match error {
        rustix::io::Errno::AGAIN => io::ErrorKind::TimedOut.into(),
        error => io::Error::from(error),
    })?;
    let server = socket_peercred(&socket)?.uid;
    if ![getuid(), geteuid()].iter().any(|own| *own == server || own.is_root()) && !server.is_root() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the server is another user's"));
    }
    Ok(UnixStream::from(socket))
}

/// The time until then, or that it is over.
pub(crate) fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

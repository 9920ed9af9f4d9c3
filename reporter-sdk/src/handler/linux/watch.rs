//! How the product ended.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::pipe::PipeFlags;
use rustix::process::{Pid, PidfdFlags};

use super::connection::Connection;
use super::procfs;
use crate::handler::ServeError;
use crate::ipc::wait::Waitable;
use crate::shared::snapshot::Signal;

/// The product's process. Its descriptor is readable once the process has ended; its number can then be another's.
#[derive(Debug)]
pub(crate) struct Product {
    pid: Pid,
    pidfd: OwnedFd,
    /// Before we could get hold of it; the descriptor is of something else that is readable.
    ended_before: bool,
}

/// What is known of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// By `exit` or `_exit`.
    Exited(i32),
    /// By a signal.
    Killed(i32),
    /// Not told, and before we ran.
    Before,
    /// Not told: only the parent may wait for a process. Before Linux 6.15 the status is gone as soon as the parent has asked for it.
    Unknown,
}

impl Ending {
    /// Somebody, or the product itself, wanted it so: `exit`, Ctrl-C, logout, shutdown. The opposite need not be an error; but no one can tell.
    pub(crate) fn is_wanted(self) -> bool {
        // One that ends in its first milliseconds is rather a command that had nothing to do, and would be reported each time.
        matches!(self, Ending::Before | Ending::Exited(_) | Ending::Killed(libc::SIGTERM | libc::SIGINT | libc::SIGHUP))
    }

    /// Whether a process that has crashed ends so, unless somebody else ends it.
    pub(crate) fn can_follow_a_crash(self) -> bool {
        match self {
            Ending::Killed(signal) => !matches!(signal, libc::SIGKILL | libc::SIGTERM | libc::SIGINT | libc::SIGHUP),
            // A runtime below us turns a fault into an exit status, and only the parent is told how its child ended.
            Ending::Exited(status) => status != 0,
            Ending::Unknown => true,
            Ending::Before => false,
        }
    }

    /// Whether it is the end of a panic or of an exception that nothing catches. A panic of one thread need not be the end; the status of a panic in `main` is 101.
    pub(crate) fn follows_a_panic(self) -> bool {
        matches!(self, Ending::Killed(libc::SIGABRT) | Ending::Exited(101))
    }

    /// Whether it can be the abort that comes after what nothing catches.
    pub(crate) fn can_be_an_abort(self) -> bool {
        matches!(self, Ending::Killed(libc::SIGABRT) | Ending::Unknown)
    }

    /// The fault that it was the end of, where no hook of ours has seen it. Here each that ends a process is a signal that was ours to catch, or somebody's.
    pub(crate) fn fault(self) -> Option<Signal> {
        None
    }

    fn from_status(status: i32) -> Self {
        if libc::WIFSIGNALED(status) {
            Ending::Killed(libc::WTERMSIG(status))
        } else {
            Ending::Exited(libc::WEXITSTATUS(status))
        }
    }
}

/// Whether somebody has sent this signal: SI_USER and SI_QUEUE, `kill`. What the process raises itself has SI_TKILL, a fault a code of its own.
pub(crate) fn was_sent(signal: Signal) -> bool {
    matches!(signal.code, libc::SI_USER | libc::SI_QUEUE)
}

impl Product {
    /// Whoever made the control socket, as the kernel knows it: it alone is served, and dumped.
    pub(crate) fn of(connection: &Connection) -> Result<Self, ServeError> {
        let peer = rustix::net::sockopt::socket_peercred(&connection.control).map_err(io::Error::from)?;
        if peer.uid != rustix::process::geteuid() {
            return Err(ServeError::Refused(format!(
                "the product runs as user {}, the handler does not",
                peer.uid.as_raw()
            )));
        }
        Ok(Self::of_peer(&connection.control, peer.pid)?)
    }

    /// The process with this number, which must be alive.
    pub(crate) fn open(pid: Pid) -> io::Result<Self> {
        let pidfd = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
        Ok(Self { pid, pidfd, ended_before: false })
    }

    /// The process `pid` that has made `socket` and started us. It does not wait until we run, and may have ended since.
    pub(crate) fn of_peer(socket: impl AsFd, pid: Pid) -> io::Result<Self> {
        if let Some(pidfd) = peer(socket.as_fd()) {
            return Ok(Self { pid, pidfd, ended_before: false });
        }
        match Self::open(pid) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {
                let (end_without_the_other, _) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
                Ok(Self { pid, pidfd: end_without_the_other, ended_before: true })
            }
            opened => opened,
        }
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    pub(crate) fn id(&self) -> u32 {
        self.pid.as_raw_nonzero().get().cast_unsigned()
    }

    /// Ready once it has ended.
    pub(crate) fn end(&self) -> Waitable<'_> {
        self.pidfd.as_fd()
    }

    /// How it ended. Call it when the descriptor is readable.
    pub(crate) fn ending(&self) -> Ending {
        if self.ended_before {
            return Ending::Before;
        }
        // The parent may reap it between the two: so first, second, first.
        let status = self.kept_status().or_else(|| self.zombie_status()).or_else(|| self.kept_status());
        status.map_or(Ending::Unknown, Ending::from_status)
    }

    /// Of a process that its parent has asked about (Linux 6.15).
    fn kept_status(&self) -> Option<i32> {
        /// `struct pidfd_info` in its first size.
        #[repr(C)]
        struct Info {
            mask: u64,
            cgroup: u64,
            ids: [u32; 11],
            exit_code: i32,
        }
        const EXIT: u64 = 1 << 3;
        /// `_IOWR(0xFF, 11, struct pidfd_info)`
        const GET_INFO: libc::Ioctl = 3 << 30 | (size_of::<Info>() as libc::Ioctl) << 16 | 0xff << 8 | 11;
        const { assert!(size_of::<Info>() == 64) };
        let mut info = Info { mask: EXIT, cgroup: 0, ids: [0; 11], exit_code: 0 };
        // SAFETY: the request's number says that the kernel reads and writes 64 bytes, which `info` has; all of them are integers.
        let result = unsafe { libc::ioctl(self.pidfd.as_raw_fd(), GET_INFO, &raw mut info) };
        (result == 0 && info.mask & EXIT != 0).then_some(info.exit_code)
    }

    /// Of a process that its parent has not yet asked about: field 52 of `/proc/PID/stat`. The number is still its own then.
    fn zombie_status(&self) -> Option<i32> {
        let stat = std::fs::read(procfs::path(self.pid.as_raw_nonzero().get().cast_unsigned(), "stat").ok()?).ok()?;
        let text = str::from_utf8(&stat[stat.iter().rposition(|&b| b == b')')? + 1..]).ok()?;
        let mut fields = text.split_ascii_whitespace();
        let is_zombie = matches!(fields.next(), Some("Z" | "X"));
        let status = fields.nth(52 - 4)?.parse().ok()?;
        is_zombie.then_some(status)
    }
}

/// The process that made a socket, though it may have ended (Linux 6.16; of one that has not, Linux 6.5).
fn peer(socket: BorrowedFd<'_>) -> Option<OwnedFd> {
    let mut fd: libc::c_int = -1;
    let mut size = size_of_val(&fd) as libc::socklen_t;
    // SAFETY: the option's value is a number, for which there is room.
    let result = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PEERPIDFD, (&raw mut fd).cast(), &raw mut size)
    };
    // SAFETY: just made by the kernel, for us alone.
    (result == 0 && fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd) })
}

impl AsFd for Product {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::process::{Child, Command};

    use rustix::event::{PollFd, PollFlags, Timespec};

    use super::*;

    fn watched(child: &Child) -> Product {
        Product::open(Pid::from_child(child)).unwrap()
    }

    fn wait(product: &Product) {
        rustix::event::poll(&mut [PollFd::new(product, PollFlags::IN)], None).unwrap();
    }

    #[test]
    fn an_end_is_told_before_the_parent_asks() {
        for (script, expected) in [
            ("exit 3", Ending::Exited(3)),
            ("kill -KILL $$", Ending::Killed(libc::SIGKILL)),
            ("kill -TERM $$", Ending::Killed(libc::SIGTERM)),
        ] {
            let mut child = Command::new("sh").args(["-c", script]).spawn().unwrap();
            let product = watched(&child);
            wait(&product);
            assert_eq!(product.ending(), expected, "{script}");
            child.wait().unwrap();
            // Where the kernel keeps it, afterwards too; never a wrong one.
            assert!([expected, Ending::Unknown].contains(&product.ending()), "{script}");
        }
    }

    #[test]
    fn a_product_that_ended_before_we_ran_has_ended() {
        let mut child = Command::new("true").spawn().unwrap();
        let pid = Pid::from_child(&child);
        child.wait().unwrap();
        // Of no process.
        let product = Product::of_peer(File::open("/dev/null").unwrap(), pid).unwrap();
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        assert_eq!(rustix::event::poll(&mut [PollFd::new(&product, PollFlags::IN)], Some(&now)), Ok(1));
        assert_eq!(product.ending(), Ending::Before);
        // And one that runs is known by its socket.
        let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let product = Product::of_peer(socket, rustix::process::getpid()).unwrap();
        assert_eq!(rustix::event::poll(&mut [PollFd::new(&product, PollFlags::IN)], Some(&now)), Ok(0));
    }

    #[test]
    fn ends_that_somebody_wanted_are_no_errors() {
        assert!(Ending::Exited(1).is_wanted() && Ending::Killed(libc::SIGINT).is_wanted());
        assert!(!Ending::Killed(libc::SIGKILL).is_wanted() && !Ending::Unknown.is_wanted());
    }
}

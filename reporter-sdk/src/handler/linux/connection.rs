//! What the product gives the handler as it starts it, and how that becomes a process of its own: no holder of the product's files, no victim of its signals.
//! No child of the product and no member of its process group it is from its start: see `ipc::spawn`.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use rustix::fs::{Mode, OFlags};
use rustix::process::DumpableBehavior;

use crate::ipc::socket::Socket;
use crate::stopping;

/// The product at the other end of two sockets.
#[derive(Debug)]
pub struct Connection {
    pub(in crate::handler) control: Socket,
    pub(in crate::handler) crash_channel: Socket,
}

impl Connection {
    /// Standard input (control) and standard output (crash channel) of this process.
    ///
    /// # Errors
    /// They are no sockets: no product has started this program.
    pub fn inherited() -> io::Result<Self> {
        // By other numbers, out of the way of what takes the place of the standard ones.
        let socket = |fd: BorrowedFd<'_>| {
            rustix::net::sockopt::socket_type(fd)?;
            io::Result::Ok(Socket::from(rustix::io::fcntl_dupfd_cloexec(fd, 3)?))
        };
        Ok(Self { control: socket(io::stdin().as_fd())?, crash_channel: socket(io::stdout().as_fd())? })
    }

    /// Of these ends.
    #[cfg(test)]
    pub(in crate::handler) fn of(control: Socket, crash_channel: Socket) -> Self {
        Self { control, crash_channel }
    }

    pub(in crate::handler) fn into_parts(self) -> (Socket, Socket) {
        (self.control, self.crash_channel)
    }

    /// Makes the calling process independent of the product that has started it. Call it before any file is opened.
    ///
    /// It keeps the sockets and no other files, stands in `/`, reads and writes `/dev/null`, makes files for its owner only, and stays in the
    /// product's session: a session of its own would have no terminal to ask in. From here on SIGTERM lets it finish what it is doing.
    ///
    /// # Errors
    /// The system had no `/dev/null` to give.
    pub fn detach(&self) -> io::Result<()> {
        for signal in
            [libc::SIGINT, libc::SIGHUP, libc::SIGQUIT, libc::SIGPIPE, libc::SIGTTOU, libc::SIGTTIN, libc::SIGTSTP]
        {
            // SAFETY: SIG_IGN is no code of ours.
            unsafe { libc::signal(signal, libc::SIG_IGN) };
        }
        std::env::set_current_dir("/")?;
        rustix::process::umask(Mode::RWXG | Mode::RWXO);
        close_all_but(&[self.control.as_fd().as_raw_fd(), self.crash_channel.as_fd().as_raw_fd()])?;
        stopping::listen()?;
        let null = rustix::fs::open("/dev/null", OFlags::RDWR, Mode::empty())?;
        rustix::stdio::dup2_stdin(&null)?;
        rustix::stdio::dup2_stdout(&null)?;
        rustix::stdio::dup2_stderr(&null)?;
        // It holds the mail server's password: no core file of it, no tracer from outside. A debugger is welcome in a debug build.
        if !cfg!(debug_assertions) {
            rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        }
        Ok(())
    }
}

fn close_all_but(keep: &[RawFd]) -> io::Result<()> {
    let mut keep: Vec<u32> = keep.iter().filter_map(|fd| u32::try_from(*fd).ok()).filter(|fd| *fd > 2).collect();
    keep.sort_unstable();
    let mut from = 3;
    for fd in keep.into_iter().chain([u32::MAX]) {
        if from < fd {
            let to = if fd == u32::MAX { fd } else { fd - 1 };
            // SAFETY: no descriptor in the range belongs to a value of this program: it has opened none before it calls this.
            if unsafe { libc::syscall(libc::SYS_close_range, from, to, 0) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        from = fd.saturating_add(1);
    }
    Ok(())
}

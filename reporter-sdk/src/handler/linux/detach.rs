//! Makes the handler a process of its own: no holder of the product's files, no victim of its signals. No child of the product and no member of its
//! process group it is from its start: see `ipc::spawn`.

use std::io;
use std::os::fd::RawFd;

use rustix::fs::{Mode, OFlags};
use rustix::process::DumpableBehavior;

use crate::stopping;

/// Makes the calling process independent of the product that has started it. Call it before any file is opened.
///
/// It keeps the descriptors in `keep` and no others, stands in `/`, reads and writes `/dev/null`, makes files for its owner only, and stays in the
/// product's session: a session of its own would have no terminal to ask in. From here on SIGTERM lets it finish what it is doing.
///
/// # Errors
/// The system had no `/dev/null` to give.
pub fn detach(keep: &[RawFd]) -> io::Result<()> {
    for signal in
        [libc::SIGINT, libc::SIGHUP, libc::SIGQUIT, libc::SIGPIPE, libc::SIGTTOU, libc::SIGTTIN, libc::SIGTSTP]
    {
        // SAFETY: SIG_IGN is no code of ours.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    std::env::set_current_dir("/")?;
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    close_all_but(keep)?;
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

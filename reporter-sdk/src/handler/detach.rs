//! Makes the handler a process of its own: no child of the product, no holder of its files, no victim of its signals.

use std::io;
use std::os::fd::RawFd;

use rustix::fs::{Mode, OFlags};
use rustix::process::DumpableBehavior;

/// Goes on in a new process that has no parent worth the name; the calling one ends here, with success. Call it before any thread exists.
///
/// The new process keeps the descriptors in `keep` and no others, stands in `/`, reads and writes `/dev/null`, makes files for its owner only, and
/// stays in the product's session: a session of its own would have no terminal to ask in.
///
/// # Errors
/// The system had no process, or no `/dev/null`, to give.
pub fn detach(keep: &[RawFd]) -> io::Result<()> {
    // SAFETY: the caller has no threads yet, so the child is as whole as the parent.
    match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {}
        // SAFETY: _exit runs nothing of this process, whose product waits for its end.
        _ => unsafe { libc::_exit(0) },
    }
    // The product's group gets the terminal's Ctrl-C: it must not end the report of the crash that it caused.
    rustix::process::setpgid(None, None)?;
    for signal in
        [libc::SIGINT, libc::SIGHUP, libc::SIGQUIT, libc::SIGPIPE, libc::SIGTTOU, libc::SIGTTIN, libc::SIGTSTP]
    {
        // SAFETY: SIG_IGN is no code of ours.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    std::env::set_current_dir("/")?;
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    close_all_but(keep)?;
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

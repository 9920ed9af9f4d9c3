//! How a product is started so that it finds all as if a person had started it.

use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::fs::Mode;

use super::procfs;

/// What it does not get from its command line.
#[derive(Debug)]
pub(in crate::handler) struct Manners {
    /// What the product's files are made with; ours are made for their owner alone.
    umask: Mode,
}

impl Manners {
    /// Those of process `pid`.
    pub(in crate::handler) fn of(pid: u32) -> Self {
        Self { umask: umask_of(pid).unwrap_or(Mode::RWXG | Mode::RWXO) }
    }

    /// Has `command` start with them.
    pub(in crate::handler) fn give(&self, command: &mut Command) {
        let umask = self.umask;
        let as_a_product = move || {
            // A session of its own: the shell believes that the product has ended, and has taken the terminal back.
            rustix::process::setsid()?;
            rustix::process::umask(umask);
            for signal in 1..=libc::SIGRTMAX() {
                // SAFETY: async-signal-safe, and SIG_DFL is no code of ours. Those that cannot be set are as they should be.
                unsafe { libc::signal(signal, libc::SIG_DFL) };
            }
            // We keep SIGTERM to ourselves.
            // SAFETY: zero is a value, and says that no signal is blocked.
            let none: libc::sigset_t = unsafe { std::mem::zeroed() };
            // SAFETY: async-signal-safe; the set is whole, and the former one is not asked for.
            unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut()) };
            // All of ours are close-on-exec. Those of libraries should be.
            // SAFETY: marks descriptors, closes none; a kernel that knows the call but not the flag refuses it.
            unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
            Ok(())
        };
        // SAFETY: between fork and exec only system calls are made, which are async-signal-safe.
        unsafe { command.pre_exec(as_a_product) };
    }
}

/// What the kernel says of the process.
fn umask_of(pid: u32) -> Option<Mode> {
    let status = std::fs::read_to_string(procfs::path(pid, "status").ok()?).ok()?;
    let octal = status.lines().find_map(|line| line.strip_prefix("Umask:"))?.trim();
    u32::from_str_radix(octal, 8).ok().map(Mode::from_raw_mode)
}

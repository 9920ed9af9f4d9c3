//! Ends the handlers that run: before an update, or to have done with them.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, Signal};

use super::procfs;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Handlers that have ended.
    pub ended: usize,
    /// Those that still had something to do when the time was over. They end once it is done.
    pub busy: usize,
}

/// Asks the handlers that run `program` to end, and waits for that up to `timeout`. They finish the report at hand, and put off a question that is open; their
/// products go on. Those of the calling user; root's call is to those of all users.
///
/// `program` is what its file is called, whether or not another file has this name since. A handler is known by the arguments that its product has given it
/// and by its user, since a process that cannot be traced does not tell its file. Who gives other processes of their own these arguments ends these.
///
/// # Errors
/// The processes cannot be listed.
pub fn stop(program: &Path, timeout: Duration) -> io::Result<Stopped> {
    procfs::check()?;
    let mut asked = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| Pid::from_raw(name.parse().ok()?)) else {
            continue;
        };
        // Held first: whoever is looked at is who is asked.
        let Ok(held) = rustix::process::pidfd_open(pid, PidfdFlags::empty()) else { continue };
        if is_handler(pid, program) && rustix::process::pidfd_send_signal(&held, Signal::TERM).is_ok() {
            asked.push(held);
        }
    }
    let started = Instant::now();
    let ended = asked.iter().filter(|held| ends(held, timeout.saturating_sub(started.elapsed()))).count();
    Ok(Stopped { ended, busy: asked.len() - ended })
}

fn is_handler(pid: Pid, program: &Path) -> bool {
    let file = |name: &str| {
        let path = procfs::path(pid.as_raw_nonzero().get().cast_unsigned(), name)?;
        std::fs::read(path)
    };
    let (Ok(status), Ok(arguments)) = (file("status"), file("cmdline")) else { return false };
    let ours = rustix::process::geteuid();
    let is_of_user = ours.is_root() || effective_user(&status) == Some(ours.as_raw());
    is_of_user && serves(&arguments, program)
}

/// The second number of `Uid:`.
fn effective_user(status: &[u8]) -> Option<u32> {
    let line = status.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"Uid:"))?;
    str::from_utf8(line).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Whether these are the arguments of a handler of this program, by this name or by a link to it.
fn serves(arguments: &[u8], program: &Path) -> bool {
    let mut arguments = arguments.split(|byte| *byte == 0);
    let path = Path::new(std::ffi::OsStr::from_bytes(arguments.next().unwrap_or_default()));
    let is_program = || path == program || std::fs::canonicalize(path).is_ok_and(|path| path == program);
    path.is_absolute() && arguments.any(|argument| argument == b"--serve") && is_program()
}

fn ends(held: &OwnedFd, timeout: Duration) -> bool {
    let timeout = Timespec::try_from(timeout).ok();
    rustix::event::poll(&mut [PollFd::new(held, PollFlags::IN)], timeout.as_ref()).is_ok_and(|ready| ready > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_is_known_by_its_path_and_its_first_argument() {
        let program = Path::new("/opt/ledger/reporter-handler");
        assert!(serves(b"/opt/ledger/reporter-handler\0--serve\0", program));
        assert!(!serves(b"/opt/ledger/reporter-handler\0stop\0", program));
        assert!(!serves(b"/opt/other/reporter-handler\0--serve\0", program));
        assert!(!serves(b"reporter-handler\0--serve\0", program) && !serves(b"", program));
        // By a link.
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/bin/sh", &link).unwrap();
        let real = std::fs::canonicalize("/bin/sh").unwrap();
        assert!(serves(&[link.as_os_str().as_bytes(), b"\0--serve\0"].concat(), &real));
    }

    #[test]
    fn the_user_is_the_one_whose_rights_count() {
        assert_eq!(effective_user(b"Name:\tx\nUid:\t1000\t0\t1000\t1000\nGid:\t5\n"), Some(0));
        assert_eq!(effective_user(b"Uid:\t1000\n"), None);
    }
}

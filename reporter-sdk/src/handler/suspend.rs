//! Stops the threads of the product side by side, for a writer that would stop them one after the other.
//!
//! minidump-writer (0.13) begins with `kill(pid, SIGSTOP)`, waits for it in steps of a millisecond, then attaches to each thread and waits until it has
//! stopped before it turns to the next, and ends with `SIGCONT`. Two things are wrong with that.
//!
//! Situation: a stopped process is told to its parent. Example: the shell of an interactive product reports the job as stopped and takes the terminal
//! back, in which the person is about to be asked. The stop is also not needed: each thread is held by ptrace.
//!
//! Situation: a thread needs to be woken and scheduled before it stops. Example: 500 threads on two cores are 500 waits in a row, most of the time of
//! a dump.
//!
//! Handling: the writer has no switch for either, but it goes on when the stop fails, and asks nothing of an attachment but that the thread stops. So
//! the dump is made in a thread of its own for which the kernel refuses those two signals and takes `PTRACE_ATTACH` as done (a seccomp filter, which ends
//! with the thread). The attachments are made here before, all of them at once. A thread that could not be attached to is no tracee of ours: the
//! writer's wait for it fails, and the dump is without it, as it would have been.

use std::collections::HashSet;
use std::io;
use std::ptr;

use report_format::schema::v1;

use super::{soft_error, soft_note};

/// Makes an attachment of ours, in the argument that the kernel does not look at. All others are the writer's.
const OURS: usize = 1;

/// Makes the kernel do these things for the calling thread, until it ends: refuse `kill` with SIGSTOP and SIGCONT, with EPERM; take `PTRACE_ATTACH` as
/// done, unless it is [`side_by_side`]'s.
#[allow(clippy::cast_possible_truncation)]
pub(super) fn take_over() -> io::Result<()> {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    /// Of the low half of an argument in `struct seccomp_data`, little-endian.
    const fn argument(number: u32) -> u32 {
        16 + 8 * number
    }
    const { assert!(cfg!(target_endian = "little")) };
    let op = |code, k, jt, jf| libc::sock_filter { code, jt, jf, k };
    // The architecture need not be checked: a system call of another one would be misread, but this thread makes none, and what
    // is at stake is a signal, not a sandbox.
    let program = [
        op(LOAD, 0, 0, 0),
        op(EQUAL, libc::SYS_ptrace as u32, 0, 5),
        op(LOAD, argument(0), 0, 0),
        op(EQUAL, libc::PTRACE_ATTACH, 0, 8),
        op(LOAD, argument(2), 0, 0),
        op(EQUAL, OURS as u32, 6, 0),
        // An error of number 0 is a success.
        op(RETURN, libc::SECCOMP_RET_ERRNO, 0, 0),
        op(EQUAL, libc::SYS_kill as u32, 0, 4),
        op(LOAD, argument(1), 0, 0),
        op(EQUAL, libc::SIGSTOP as u32, 1, 0),
        op(EQUAL, libc::SIGCONT as u32, 0, 1),
        op(RETURN, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32, 0, 0),
        op(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    rustix::thread::set_no_new_privs(true)?;
    // SAFETY: `filter` describes `program`, which outlives the call; the kernel copies it and writes to neither. Flags 0: this thread only.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const filter) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Threads that are attached to, and have stopped. Those that are still so when it is dropped go on.
#[derive(Debug)]
pub(super) struct Attached(Vec<i32>);

/// Attaches to all threads of `pid`, and returns once all of them have stopped. Those that had ended by then are left out; of others that are, the first is
/// told.
pub(super) fn side_by_side(pid: i32, soft_errors: &mut Vec<v1::SoftError>) -> Attached {
    let mut attached = Attached(Vec::new());
    let mut seen = HashSet::new();
    let mut refused = None;
    // A thread that has not stopped yet can start another: only once a look shows none that is new, and all others stand still, there is none.
    loop {
        let threads = match threads(pid) {
            Ok(threads) => threads,
            Err(error) => {
                soft_errors.push(soft_error("dump", &error));
                return attached;
            }
        };
        let before = attached.0.len();
        for thread in threads.into_iter().filter(|thread| seen.insert(*thread)) {
            match attach(thread) {
                Ok(()) => attached.0.push(thread),
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
                Err(error) => refused = refused.or(Some((thread, error))),
            }
        }
        if attached.0.len() == before {
            break;
        }
        attached.0[before..].iter().for_each(|thread| wait_for_stop(*thread));
    }
    if let Some((thread, error)) = refused {
        soft_errors.push(soft_note("dump", format!("thread {thread} cannot be traced: {error}")));
    }
    attached
}

fn threads(pid: i32) -> io::Result<Vec<i32>> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/task"))?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
}

fn attach(thread: i32) -> io::Result<()> {
    let ours = ptr::without_provenance_mut::<libc::c_void>(OURS);
    // SAFETY: the request reads and writes no memory of this process.
    let result = unsafe { libc::ptrace(libc::PTRACE_ATTACH, thread, ours, ptr::null_mut::<libc::c_void>()) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Waits until the thread has stopped, or has ended. What the wait found is left to be found again, by the writer's own.
fn wait_for_stop(thread: i32) {
    let options = libc::WSTOPPED | libc::WEXITED | libc::WNOWAIT | libc::__WALL;
    loop {
        // SAFETY: zero is a value for the integers that it is made of.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: `info` lives here; the kernel keeps no hold of it.
        let result = unsafe { libc::waitid(libc::P_PID, thread.cast_unsigned(), &raw mut info, options) };
        if result == 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return;
        }
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        for thread in &self.0 {
            // SAFETY: as above. The writer has let go of all threads that it took over; of the others, the end of this thread would leave the SIGSTOP to
            // take effect.
            unsafe {
                libc::ptrace(
                    libc::PTRACE_DETACH,
                    *thread,
                    ptr::null_mut::<libc::c_void>(),
                    ptr::null_mut::<libc::c_void>(),
                )
            };
        }
    }
}

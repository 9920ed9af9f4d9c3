//! Holds the threads of the product, all side by side, for a writer that would stop them one after the other.
//!
//! minidump-writer (0.13) begins with `kill(pid, SIGSTOP)`, waits for it in steps of a millisecond, then attaches to each thread and waits until it has
//! stopped before it turns to the next, and ends with `SIGCONT`. Three things are wrong with that.
//!
//! Situation: a stopped process is told to its parent. Example: the shell of an interactive product reports the job as stopped and takes the terminal
//! back, in which the person is about to be asked. The stop is also not needed: each thread is held by ptrace.
//!
//! Situation: an attachment is a SIGSTOP, too, which outlives the one who sent it. Example: a handler that is killed while the threads are about to stop leaves
//! a product that stands still for good. To seize and interrupt a thread takes no signal, and the kernel lets it go as we end.
//!
//! Situation: a thread needs to be woken and scheduled before it stops. Example: 500 threads on two cores are 500 waits in a row, most of the time of
//! a dump.
//!
//! Handling: the threads are held here, before the writer comes: all are seized while they sleep, then all are interrupted, then all are waited for. The writer
//! has no switch for it, but it goes on when it can neither stop the product nor list its threads, and a thread that it does not know it neither attaches to nor
//! lets go. So the dump is made in a thread of its own for which the kernel refuses those two signals and the opening of a directory (a seccomp filter, which
//! ends with the thread).

use std::collections::BTreeSet;
use std::io;
use std::ptr;

use report_format::schema::v1;

use crate::handler::{soft_error, soft_note};

/// Makes the kernel refuse these things to the calling thread, until it ends, with EPERM: `kill` with SIGSTOP and SIGCONT, and opening a directory.
#[allow(clippy::cast_possible_truncation)]
pub(in crate::handler) fn take_over() -> io::Result<()> {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const HAS_BIT: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
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
        op(EQUAL, libc::SYS_openat as u32, 0, 2),
        op(LOAD, argument(2), 0, 0),
        op(HAS_BIT, libc::O_DIRECTORY as u32, 5, 4),
        op(EQUAL, libc::SYS_kill as u32, 0, 3),
        op(LOAD, argument(1), 0, 0),
        op(EQUAL, libc::SIGSTOP as u32, 2, 0),
        op(EQUAL, libc::SIGCONT as u32, 1, 0),
        op(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0),
        op(RETURN, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32, 0, 0),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    rustix::thread::set_no_new_privs(true)?;
    // SAFETY: `filter` describes `program`, which outlives the call; the kernel copies it and writes to neither. Flags 0: this thread only.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const filter) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Threads that stand still. They go on when it is dropped, which the thread that holds them does.
#[derive(Debug, Default)]
pub(in crate::handler) struct Held(Vec<HeldThread>);

#[derive(Debug)]
struct HeldThread {
    tid: i32,
    /// Was about to be delivered when it stopped, and goes with it as it goes on; 0 for none.
    signal: i32,
}

impl Held {
    /// Their ids.
    pub(in crate::handler) fn threads(&self) -> impl ExactSizeIterator<Item = i32> {
        self.0.iter().map(|thread| thread.tid)
    }
}

/// Holds all threads of `pid`, and returns once they stand still. Those that had ended by then are left out; of others that are, the first is told.
pub(in crate::handler) fn hold(pid: u32, soft_errors: &mut Vec<v1::SoftError>) -> Held {
    let mut held = Held::default();
    let mut seen = BTreeSet::new();
    let mut refused = None;
    // A thread that has not stopped yet can start another: only once a look shows none that is new, and all others stand still, there is none.
    loop {
        let threads = match threads(pid) {
            Ok(threads) => threads,
            Err(error) => {
                soft_errors.push(soft_error("dump", &error));
                return held;
            }
        };
        let before = held.0.len();
        for tid in threads.into_iter().filter(|tid| seen.insert(*tid)) {
            match seize(tid) {
                Ok(()) => held.0.push(HeldThread { tid, signal: 0 }),
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
                Err(error) => refused = refused.or(Some((tid, error))),
            }
        }
        if held.0.len() == before {
            break;
        }
        held.0[before..].iter().for_each(|thread| interrupt(thread.tid));
        let stopped = held.0.split_off(before).into_iter();
        held.0
            .extend(stopped.filter_map(|HeldThread { tid, .. }| Some(HeldThread { tid, signal: wait_for_stop(tid)? })));
    }
    if let Some((tid, error)) = refused {
        soft_errors.push(soft_note("dump", format!("thread {tid} cannot be traced: {error}")));
    }
    held
}

fn threads(pid: u32) -> io::Result<Vec<i32>> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/task"))?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
}

fn seize(tid: i32) -> io::Result<()> {
    ptrace(libc::PTRACE_SEIZE, tid, 0)
}

fn interrupt(tid: i32) {
    // One that has ended meanwhile is found out by the wait.
    let _ = ptrace(libc::PTRACE_INTERRUPT, tid, 0);
}

/// One of the requests that read and write no memory of this process.
fn ptrace(request: libc::c_uint, tid: i32, data: i32) -> io::Result<()> {
    let data = ptr::without_provenance_mut::<libc::c_void>(data.cast_unsigned() as usize);
    // SAFETY: as said above: `data` is a number.
    let result = unsafe { libc::ptrace(request, tid, ptr::null_mut::<libc::c_void>(), data) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Of `linux/ptrace.h`: what a stop is said to be that is no signal's.
const PTRACE_EVENT_STOP: libc::c_int = 128;

/// Waits until the thread has stopped, and returns the signal that it stopped at, 0 if it was our interruption. `None` where it has ended.
fn wait_for_stop(tid: i32) -> Option<i32> {
    loop {
        let mut status = 0;
        // SAFETY: `status` lives here; the kernel keeps no hold of it.
        let result = unsafe { libc::waitpid(tid, &raw mut status, libc::__WALL) };
        if result == tid {
            let is_interruption = status >> 16 == PTRACE_EVENT_STOP;
            let signal = if is_interruption { 0 } else { libc::WSTOPSIG(status) };
            return libc::WIFSTOPPED(status).then_some(signal);
        }
        if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return None;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for HeldThread { tid, signal } in &self.0 {
            // It may have been killed.
            let _ = ptrace(libc::PTRACE_DETACH, *tid, *signal);
        }
    }
}

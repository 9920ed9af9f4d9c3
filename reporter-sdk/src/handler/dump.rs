//! A minidump of the product, into memory.
//!
//! minidump-writer (0.13) begins with `kill(pid, SIGSTOP)`, waits for it in steps of a millisecond, and ends with `SIGCONT`. Situation: a stopped
//! process is told to its parent. Example: the shell of an interactive product reports the job as stopped and takes the terminal back, in
//! which the person is about to be asked. The stop is also not needed: each thread is attached by ptrace and held by that. Handling: the
//! writer has no switch for it but goes on when the stop fails, so the dump is made in a thread of its own in which the kernel refuses
//! those two signals (a seccomp filter, which ends with the thread). Where filters are not to be had, the writer does as it likes.

use std::io::Cursor;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crash_context::CrashContext;
use minidump::{Minidump, MinidumpThreadList};
use minidump_writer::CrashContextExt;
use minidump_writer::minidump_writer::MinidumpWriterConfig;
use report_format::schema::v1;

use super::argument_block::{ArgumentBlock, ArgumentBlockError};
use super::{soft_error, soft_note};

/// Whom to dump.
pub(crate) struct DumpRequest {
    pub(crate) pid: u32,
    /// The thread in which it happened.
    pub(crate) tid: u32,
    /// Registers and signal at the fault; without them the thread's present ones are taken.
    pub(crate) context: Option<CrashContext>,
    /// The longest wait for the dump.
    pub(crate) timeout: Duration,
}

/// A dump as the writer made it: environment, arguments and paths in it. Filter it before anything else sees it.
pub(crate) struct RawDump {
    pub(crate) bytes: Vec<u8>,
    pub(crate) argument_block: Result<ArgumentBlock, ArgumentBlockError>,
    pub(crate) soft_errors: Vec<v1::SoftError>,
    /// How long the product's threads were held, and the writing took.
    pub(crate) took: Duration,
}

/// There is no dump.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DumpError {
    #[error("cannot write a minidump of process {pid}")]
    Writer { pid: u32, source: Box<dyn std::error::Error + Send + Sync> },
    #[error(
        "the minidump of process {pid} holds no thread: tracing is not permitted (kernel.yama.ptrace_scope is {scope})"
    )]
    NoThread { pid: u32, scope: String },
    #[error("the minidump of process {pid} cannot be read back")]
    Unreadable { pid: u32, source: minidump::Error },
    #[error("the minidump of process {pid} was not ready in {} ms", waited.as_millis())]
    TimedOut { pid: u32, waited: Duration },
    #[error("cannot start a thread for the minidump")]
    Thread(#[source] std::io::Error),
    #[error("the writer of the minidump of process {pid} panicked")]
    Panicked { pid: u32 },
    #[error("{id} is no process or thread id")]
    Id { id: u32 },
}

/// Where threads beyond the 20th get 2 KiB of stack only. Estimated by the writer at 8 KiB a thread: reached by some 8,000 threads.
const SIZE_LIMIT: u64 = 64 << 20;

/// Writes a minidump. The product's threads are held meanwhile and go on afterwards.
pub(crate) fn take(request: DumpRequest) -> Result<RawDump, DumpError> {
    let DumpRequest { pid, timeout, .. } = request;
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::Builder::new()
        .name("dump".into())
        .spawn(move || {
            let quiet = stop_signals_refused();
            // Nobody waits any more after a time-out.
            let _ = sender.send(write(request, quiet.is_ok()));
        })
        .map_err(DumpError::Thread)?;
    match receiver.recv_timeout(timeout) {
        Ok(result) => result,
        // The thread is left behind: if it comes back, the kernel lets the product's threads go as it ends.
        Err(mpsc::RecvTimeoutError::Timeout) => Err(DumpError::TimedOut { pid, waited: timeout }),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(DumpError::Panicked { pid }),
    }
}

fn write(request: DumpRequest, quiet: bool) -> Result<RawDump, DumpError> {
    let started = Instant::now();
    let DumpRequest { pid, tid, context, .. } = request;
    let id = |id: u32| i32::try_from(id).ok().filter(|id| *id > 0).ok_or(DumpError::Id { id });
    let mut config = MinidumpWriterConfig::new(id(pid)?, id(tid)?);
    config.set_minidump_size_limit(SIZE_LIMIT);
    if let Some(inner) = context {
        config.set_crash_context(CrashContextExt { inner });
    }
    let argument_block = ArgumentBlock::read(pid);
    let bytes = config
        .write(&mut Cursor::new(Vec::new()))
        .map_err(|source| DumpError::Writer { pid, source: Box::new(source) })?;
    let took = started.elapsed();
    let soft_errors = check(pid, &bytes, quiet)?;
    Ok(RawDump { bytes, argument_block, soft_errors, took })
}

/// What the writer could not get; an error where the dump would be worthless. With ptrace refused the writer says Ok to a dump of nothing.
fn check(pid: u32, bytes: &[u8], quiet: bool) -> Result<Vec<v1::SoftError>, DumpError> {
    let unreadable = |source| DumpError::Unreadable { pid, source };
    let dump = Minidump::read(bytes).map_err(unreadable)?;
    let threads = dump.get_stream::<MinidumpThreadList<'_>>().map_err(unreadable)?;
    if threads.threads.is_empty() {
        let scope = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope");
        return Err(DumpError::NoThread {
            pid,
            scope: scope.map_or_else(|_| "not set".into(), |s| s.trim().to_owned()),
        });
    }
    let mut soft_errors = Vec::new();
    match dump.get_raw_stream(MOZ_SOFT_ERRORS) {
        Ok(text) => writer_errors(text, quiet, &mut soft_errors),
        Err(error) => soft_errors.push(soft_error("dump", &error)),
    }
    Ok(soft_errors)
}

const MOZ_SOFT_ERRORS: u32 = 0x4d7a_0004;
/// Of the writer's soft errors: one lost file can bring hundreds.
const MOST_SOFT_ERRORS: usize = 16;
const LONGEST_SOFT_ERROR: usize = 300;

/// The writer's soft errors are a JSON array. Each element becomes one of ours, less the refused stop signals, which are our doing.
fn writer_errors(json: &[u8], quiet: bool, out: &mut Vec<v1::SoftError>) {
    let list = match serde_json::from_slice(json) {
        Ok(serde_json::Value::Array(list)) => list,
        Ok(other) => vec![other],
        Err(error) => return out.push(soft_error("dump", &error)),
    };
    let mut texts: Vec<String> = list.iter().flat_map(|error| leaves(error, quiet)).collect();
    let more = texts.len().saturating_sub(MOST_SOFT_ERRORS);
    texts.truncate(MOST_SOFT_ERRORS);
    out.extend(texts.into_iter().map(|text| soft_note("dump", text)));
    if more > 0 {
        out.push(soft_note("dump", format!("{more} more errors of the minidump writer")));
    }
}

/// `{"InitErrors": [a, b]}` becomes `InitErrors: a` and `InitErrors: b`.
fn leaves(error: &serde_json::Value, quiet: bool) -> Vec<String> {
    if let serde_json::Value::Object(fields) = error
        && let Some((group, serde_json::Value::Array(inner))) = fields.iter().next()
        && fields.len() == 1
    {
        return inner.iter().flat_map(|e| leaves(e, quiet)).map(|text| format!("{group}: {text}")).collect();
    }
    let text = error.to_string();
    if quiet && text.contains("StopProcessFailed") {
        return Vec::new();
    }
    vec![text.chars().take(LONGEST_SOFT_ERROR).collect()]
}

/// Makes the kernel refuse `kill` with SIGSTOP and SIGCONT to the calling thread, with EPERM, until it ends.
#[allow(clippy::cast_possible_truncation)]
fn stop_signals_refused() -> std::io::Result<()> {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    /// Of the second argument's low half in `struct seccomp_data`, little-endian.
    const SIGNAL: u32 = 24;
    const { assert!(cfg!(target_endian = "little")) };
    let op = |code, k, jt, jf| libc::sock_filter { code, jt, jf, k };
    // The architecture need not be checked: a system call of another one would be misread, but this thread makes none, and what
    // is at stake is a signal, not a sandbox.
    let program = [
        op(LOAD, 0, 0, 0),
        op(EQUAL, libc::SYS_kill as u32, 0, 4),
        op(LOAD, SIGNAL, 0, 0),
        op(EQUAL, libc::SIGSTOP as u32, 1, 0),
        op(EQUAL, libc::SIGCONT as u32, 0, 1),
        op(RETURN, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32, 0, 0),
        op(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_ptr().cast_mut() };
    rustix::thread::set_no_new_privs(true)?;
    // SAFETY: `filter` describes `program`, which outlives the call; the kernel copies it and writes to neither. Flags 0: this thread only.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const filter) };
    if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::live_child::LiveChild;

    fn request(pid: u32, tid: u32) -> DumpRequest {
        DumpRequest { pid, tid, context: None, timeout: Duration::from_secs(10) }
    }

    #[test]
    fn a_live_process_is_dumped_and_goes_on() {
        let mut child = LiveChild::start();
        let dump = take(request(child.pid(), child.tid)).unwrap();
        let parsed = Minidump::read(&dump.bytes[..]).unwrap();
        let threads = parsed.get_stream::<MinidumpThreadList<'_>>().unwrap();
        assert!(threads.threads.iter().any(|t| t.raw.thread_id == child.tid), "the named thread");
        assert!(threads.threads.len() >= 3, "the first thread, the test's, the bystander: {}", threads.threads.len());
        assert_eq!(dump.soft_errors, [], "none but those we caused");
        assert!(child.is_running());
    }

    #[test]
    fn the_product_is_never_stopped() {
        let child = LiveChild::start();
        take(request(child.pid(), child.tid)).unwrap();
        // A stop, or its end, would be waiting for the parent now.
        let pid = rustix::process::Pid::from_raw(child.pid().cast_signed()).unwrap();
        let options = rustix::process::WaitIdOptions::STOPPED
            | rustix::process::WaitIdOptions::CONTINUED
            | rustix::process::WaitIdOptions::NOHANG;
        let event = rustix::process::waitid(rustix::process::WaitId::Pid(pid), options).unwrap();
        assert!(event.is_none(), "{event:?}");
    }

    #[test]
    fn a_process_that_is_gone_is_an_error() {
        let child = LiveChild::start();
        let (pid, tid) = (child.pid(), child.tid);
        drop(child);
        let error = take(request(pid, tid)).err().expect("no dump of a process that is gone");
        assert!(matches!(error, DumpError::Writer { .. } | DumpError::NoThread { .. }), "{error}");
        assert!(matches!(take(request(0, 0)), Err(DumpError::Id { id: 0 })));
    }

    #[test]
    fn soft_errors_of_the_writer_become_ours() {
        let mut out = Vec::new();
        let json =
            br#"[{"InitErrors":[{"StopProcessFailed":{"Stop":"x"}},{"ReadThreadNameFailed":"no"}]},"SuspendFailed"]"#;
        writer_errors(json, true, &mut out);
        let texts: Vec<_> = out.iter().map(|e| e.message.as_str()).collect();
        assert_eq!(texts, [r#"InitErrors: {"ReadThreadNameFailed":"no"}"#, r#""SuspendFailed""#]);
        out.clear();
        writer_errors(b"[1,", false, &mut out);
        assert_eq!(out.len(), 1);
    }
}

//! A minidump of the product, into memory.
//!
//! minidump-writer makes it, stream by stream: its own sequence would also read the environment, the command line and the paths of open files, and what is
//! never read can never leak. Its way of stopping the product is replaced as well; see [`suspend`](super::suspend). The memory map is read once more than by the
//! writer itself, which wants modules of it, and serves all the rest.

use std::error::Error;
use std::sync::mpsc;
use std::time::{Duration, Instant};

pub(crate) use crash_context::CrashContext;
use error_graph::ErrorList;
use minidump_writer::CrashContextExt;
use minidump_writer::maps_reader::MappingInfo;
use minidump_writer::minidump_format::MDRawDirectory;
use minidump_writer::minidump_writer::{MinidumpWriter, MinidumpWriterConfig, systeminfo_stream};
use report_format::schema::v1;

use super::argument_block::{ArgumentBlock, ArgumentBlockError};
use super::dump_file::DumpFile;
use super::last_resort::LastResort;
use super::proc_files::{self, ProcFiles, Reading};
use super::suspend::{self, Held};
use super::{memory_map, module_list, procfs, thread_list};
use crate::fail_points::{self, Point};
use crate::handler::minidump_filter::stream;
use crate::handler::{soft_error, soft_note};

/// The longest wait for a dump.
pub(crate) const TIME: Duration = Duration::from_secs(8);

/// Whom to dump.
pub(crate) struct DumpRequest {
    pub(crate) pid: u32,
    /// The thread in which it happened.
    pub(crate) tid: u32,
    /// Registers and signal at the fault; without them the thread's present ones are taken.
    pub(crate) context: Option<CrashContext>,
    /// The longest wait for the dump.
    pub(crate) timeout: Duration,
    /// Whether the threads are to stand still until [`RawDump::held`] is dropped. Else they go on as soon as the dump is there.
    pub(crate) hold: bool,
}

/// A dump as the writer made it: arguments and environment on a stack, and paths, in it. Filter it before anything else sees it.
pub(crate) struct RawDump {
    pub(crate) bytes: Vec<u8>,
    pub(crate) argument_block: Result<ArgumentBlock, ArgumentBlockError>,
    pub(crate) soft_errors: Vec<v1::SoftError>,
    /// How long it took, during which the product's threads were held.
    pub(crate) took: Duration,
    /// `None` where they go on already.
    pub(crate) held: Option<StandStill>,
}

/// Threads of the product that stand still until this is dropped, for [`LONGEST_STANDSTILL`] from its making or its last renewal at most.
pub(crate) struct StandStill {
    /// Its end is what is waited for.
    longer: mpsc::Sender<()>,
    since: Instant,
}

impl StandStill {
    /// Whoever reads on shows that it gets on. False: that came too late, and the threads have gone on.
    pub(crate) fn renew(&self) -> bool {
        self.longer.send(()).is_ok()
    }

    /// Since when they stand still.
    pub(crate) fn since(&self) -> Instant {
        self.since
    }
}

/// Threads do not stand still for longer once they are dumped, unless somebody shows that it is still reading, whatever holds up who is to let them go, such as a disk that does not answer: among them is the one
/// that waits for us, and gives up on its own after a while.
const LONGEST_STANDSTILL: Duration = Duration::from_secs(2);

/// There is no dump.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DumpError {
    #[error("cannot write a minidump of process {pid}")]
    Writer { pid: u32, source: Box<dyn Error + Send + Sync> },
    #[error(
        "thread {tid} of process {pid}, in which it happened, cannot be traced (kernel.yama.ptrace_scope is {scope})"
    )]
    NoThread { pid: u32, tid: u32, scope: String },
    #[error("the minidump of process {pid} was not ready in {} ms", waited.as_millis())]
    TimedOut { pid: u32, waited: Duration },
    #[error("process {pid} cannot be dumped")]
    Proc { pid: u32, source: std::io::Error },
    #[error("cannot start a thread for the minidump")]
    Thread(#[source] std::io::Error),
    #[error("the writer of the minidump of process {pid} panicked")]
    Panicked { pid: u32 },
    #[error("{id} is no process or thread id")]
    Id { id: u32 },
}

/// A dump that is being made.
pub(crate) struct Dumping {
    pid: u32,
    timeout: Duration,
    result: mpsc::Receiver<Result<RawDump, DumpError>>,
}

/// What the crash slot holds of the registers; `None` where that is no such thing.
pub(crate) fn context(bytes: &[u8]) -> Option<CrashContext> {
    CrashContext::from_bytes(bytes)
}

/// Reads what every dump has.
pub(crate) fn prepare() {
    proc_files::prepare();
}

/// Begins to write a minidump, on a thread of its own. The product's threads are held meanwhile.
pub(crate) fn begin(request: DumpRequest) -> Result<Dumping, DumpError> {
    let DumpRequest { pid, timeout, .. } = request;
    procfs::check().map_err(|source| DumpError::Proc { pid, source })?;
    let (sender, result) = mpsc::sync_channel(1);
    let work = move || {
        let hold = request.hold;
        // Nobody waits any more after a time-out.
        let tell = |result| drop(sender.send(result));
        let last_resort = LastResort::after(timeout.saturating_add(LONGEST_STANDSTILL));
        match write(request) {
            Ok((mut dump, held)) => {
                let (longer, renewed) = mpsc::channel::<()>();
                let since = Instant::now().checked_sub(dump.took).unwrap_or_else(Instant::now);
                dump.held = hold.then_some(StandStill { longer, since });
                tell(Ok(dump));
                // Ends at once where nobody has what is to be dropped.
                while renewed.recv_timeout(LONGEST_STANDSTILL).is_ok() {
                    last_resort.iter().for_each(LastResort::renew);
                }
                // First: who renews must not be told that they stand when they do not.
                drop(renewed);
                drop(held);
                drop(last_resort);
            }
            Err(error) => tell(Err(error)),
        }
    };
    std::thread::Builder::new().name("dump".into()).spawn(work).map_err(DumpError::Thread)?;
    Ok(Dumping { pid, timeout, result })
}

impl Dumping {
    /// Waits for it.
    pub(crate) fn finish(self) -> Result<RawDump, DumpError> {
        let Self { pid, timeout, result } = self;
        match result.recv_timeout(timeout) {
            Ok(result) => result,
            // The thread is left behind: if it comes back, the kernel lets the product's threads go as it ends.
            Err(mpsc::RecvTimeoutError::Timeout) => Err(DumpError::TimedOut { pid, waited: timeout }),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(DumpError::Panicked { pid }),
        }
    }
}

/// A dump of a process that goes on at once.
#[cfg(test)]
pub(crate) fn take(pid: u32, tid: u32) -> Result<RawDump, DumpError> {
    begin(DumpRequest { pid, tid, context: None, timeout: Duration::from_secs(10), hold: false })?.finish()
}

fn write(request: DumpRequest) -> Result<(RawDump, Held), DumpError> {
    let started = Instant::now();
    let DumpRequest { pid, tid, context, .. } = request;
    fail_points::reach(Point::Dump).map_err(|source| DumpError::Writer { pid, source: Box::new(source) })?;
    let id = |id: u32| i32::try_from(id).ok().filter(|id| *id > 0).ok_or(DumpError::Id { id });
    let (process, thread) = (id(pid)?, id(tid)?);
    let mut config = MinidumpWriterConfig::new(process, thread);
    if let Some(inner) = context {
        config.set_crash_context(CrashContextExt { inner });
    }
    let mut soft_errors = Vec::new();
    let held = suspend::hold(pid, &mut soft_errors);
    if !held.threads().any(|held| held == thread) {
        let scope = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope");
        let scope = scope.map_or_else(|_| "not set".into(), |s| s.trim().to_owned());
        return Err(DumpError::NoThread { pid, tid, scope });
    }
    let (bytes, files) = std::thread::scope(|scope| {
        let reading = proc_files::begin(scope, pid, &held);
        // Where filters are not to be had, the writer sends its two signals, and finds that all threads are traced already.
        let taken_over = suspend::take_over().is_ok();
        let mut found = ErrorList::default();
        let mut writer = config
            .build_for_testing(&mut found)
            .map_err(|source| DumpError::Writer { pid, source: Box::new(source) })?;
        writer_errors(&found, taken_over, &mut soft_errors);
        join_segments(&mut writer.mappings);
        streams(&mut writer, pid, &held, reading, &mut soft_errors)
    })?;
    let ProcFiles { argument_block, soft_errors: more, .. } = files;
    soft_errors.extend(more);
    Ok((RawDump { bytes, argument_block, soft_errors, took: started.elapsed(), held: None }, held))
}

/// Makes one module of the segments of one file.
///
/// Situation: a linker leaves a page between two segments of a program. Example: lld, where the code begins at an address that its offset in the file does not
/// reach. Handling: the writer takes what does not touch for two modules, of which the second lacks the start that all addresses in the file are counted
/// from; what follows closely, from further on in the same file, belongs to what is before it.
fn join_segments(mappings: &mut Vec<MappingInfo>) {
    /// Segments are aligned to this at most.
    const GAP: usize = 2 << 20;
    // The program itself is the first, and stays it.
    let Some(program) = mappings.first().map(|mapping| mapping.start_address) else { return };
    mappings.sort_by_key(|mapping| mapping.start_address);
    mappings.dedup_by(|next, last| {
        let follows = last.name_is_path()
            && last.name == next.name
            && next.offset > last.offset
            && next.start_address.saturating_sub(last.end_address()) < GAP;
        if follows {
            last.size = next.end_address() - last.start_address;
            last.system_mapping_info.end_address = next.system_mapping_info.end_address;
            last.permissions |= next.permissions;
        }
        follows
    });
    let holds = |mapping: &MappingInfo| (mapping.start_address..mapping.end_address()).contains(&program);
    if let Some(at) = mappings.iter().position(holds) {
        mappings.swap(0, at);
    }
}

/// Writes the threads, which are held, and what else stays in a report. Only a dump without threads is an error.
fn streams(
    writer: &mut MinidumpWriter,
    pid: u32,
    held: &Held,
    reading: Reading<'_>,
    soft_errors: &mut Vec<v1::SoftError>,
) -> Result<(Vec<u8>, ProcFiles), DumpError> {
    let mut file = DumpFile::new();
    thread_list::write(writer, held, &mut file, soft_errors)
        .map_err(|source| DumpError::Writer { pid, source: Box::new(source) })?;

    let out = &mut file.out;
    let mut system_errors = ErrorList::default();
    let mut written: Vec<Result<MDRawDirectory, Box<dyn Error>>> = vec![
        writer.write_memory_list_stream(out).map_err(Into::into),
        module_list::write(writer, out).map_err(Into::into),
        writer.write_exception_stream(out).map_err(Into::into),
        systeminfo_stream::write(&writer.process_inspector, out, &mut system_errors).map_err(Into::into),
    ];
    let files = reading.finish();
    written.push(memory_map::write(out, &files.maps).map_err(Into::into));
    written.push(thread_list::write_names(&files.names, out).map_err(Into::into));
    for stream in written {
        match stream {
            Ok(stream) => file.enter(stream),
            Err(error) => soft_errors.push(soft_error("dump", &*error)),
        }
    }
    soft_errors.extend(system_errors.iter().map(|error| soft_error("dump", error)));
    // The paths of the modules' files, which the module list does not always have.
    file.bytes(stream::MAPS, &files.maps);
    for (stream, content) in &files.facts {
        file.bytes(*stream, content);
    }
    Ok((file.finish(), files))
}

/// Of the writer's soft errors: one lost file can bring hundreds.
const MOST_SOFT_ERRORS: usize = 16;
const LONGEST_SOFT_ERROR: usize = 300;

/// The writer's soft errors are a tree. Each leaf becomes one of ours, less what is our doing: the refused stop, and that it finds no threads.
fn writer_errors(errors: &impl serde::Serialize, taken_over: bool, out: &mut Vec<v1::SoftError>) {
    let list = match serde_json::to_value(errors) {
        Ok(serde_json::Value::Array(list)) => list,
        Ok(other) => vec![other],
        Err(error) => return out.push(soft_error("dump", &error)),
    };
    let mut texts: Vec<String> = list.iter().flat_map(|error| leaves(error, taken_over)).collect();
    let more = texts.len().saturating_sub(MOST_SOFT_ERRORS);
    texts.truncate(MOST_SOFT_ERRORS);
    out.extend(texts.into_iter().map(|text| soft_note("dump", text)));
    if more > 0 {
        out.push(soft_note("dump", format!("{more} more errors of the minidump writer")));
    }
}

/// `{"SuspendThreadsErrors": [a, b]}` becomes `SuspendThreadsErrors: a` and `SuspendThreadsErrors: b`.
fn leaves(error: &serde_json::Value, taken_over: bool) -> Vec<String> {
    if let serde_json::Value::Object(fields) = error
        && let Some((group, serde_json::Value::Array(inner))) = fields.iter().next()
        && fields.len() == 1
    {
        return inner.iter().flat_map(|e| leaves(e, taken_over)).map(|text| format!("{group}: {text}")).collect();
    }
    let text = without_names(error).to_string();
    let ours = ["StopProcessFailed", "EnumerateThreadsFailed", "SuspendNoThreadsLeft"];
    if taken_over && ours.iter().any(|ours| text.contains(ours)) {
        return Vec::new();
    }
    vec![text.chars().take(LONGEST_SOFT_ERROR).collect()]
}

/// Keeps the names of errors, numbers, and the system's words. What else stands there can be a library's path, which is of the category *memory*: soft errors are in
/// every report.
fn without_names(error: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || " _()".contains(c));
    match error {
        Value::String(text) if !plain(text) => Value::String("…".into()),
        Value::Array(values) => values.iter().map(without_names).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), without_names(value))).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use minidump::{Minidump, MinidumpModuleList, MinidumpThreadList, MinidumpThreadNames, Module};

    use super::*;
    use crate::handler::live_child::LiveChild;

    #[test]
    fn the_writers_errors_are_told_without_the_names_in_them() {
        let errors = serde_json::json!([
            {"WriteModuleErrors": [{"OpenFailed": ["/home/anna/lib/libsecret.so", "No such file or directory (os error 2)"]}]},
            "SuspendNoThreadsLeft",
        ]);
        let mut told = Vec::new();
        writer_errors(&errors, true, &mut told);
        let told: Vec<_> = told.iter().map(|error| error.message.as_str()).collect();
        let expected = [
            r#"WriteModuleErrors: OpenFailed: "…""#,
            r#"WriteModuleErrors: OpenFailed: "No such file or directory (os error 2)""#,
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_live_process_is_dumped_and_goes_on() {
        let mut child = LiveChild::start();
        let dump = take(child.pid(), child.tid).unwrap();
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
        take(child.pid(), child.tid).unwrap();
        // A stop, or its end, would be waiting for the parent now.
        let pid = rustix::process::Pid::from_raw(child.pid().cast_signed()).unwrap();
        let options = rustix::process::WaitIdOptions::STOPPED
            | rustix::process::WaitIdOptions::CONTINUED
            | rustix::process::WaitIdOptions::NOHANG;
        let event = rustix::process::waitid(rustix::process::WaitId::Pid(pid), options).unwrap();
        assert!(event.is_none(), "{event:?}");
    }

    /// Begins a dump of it, after which its threads stand still.
    fn hold(child: &LiveChild) -> Dumping {
        let timeout = Duration::from_secs(10);
        begin(DumpRequest { pid: child.pid(), tid: child.tid, context: None, timeout, hold: true }).unwrap()
    }

    #[test]
    fn threads_stand_still_until_they_are_let_go_where_that_is_wanted() {
        let child = LiveChild::start();
        let dump = hold(&child).finish().unwrap();
        assert!(child.is_still());
        drop(dump);
        let let_go = Instant::now();
        while child.is_still() {
            assert!(let_go.elapsed() < LONGEST_STANDSTILL / 2, "it takes the longest time to be let go");
            std::thread::yield_now();
        }
    }

    #[test]
    fn threads_stand_still_for_longer_than_the_longest_only_if_somebody_renews_it() {
        let child = LiveChild::start();
        let held = hold(&child).finish().unwrap().held.unwrap();
        while held.since().elapsed() < LONGEST_STANDSTILL + Duration::from_millis(500) {
            assert!(held.renew() && child.is_still());
            std::thread::sleep(Duration::from_millis(50));
        }
        let stopped = Instant::now();
        while held.renew() && stopped.elapsed() < Duration::from_secs(30) {
            // As who writes to a disk that does not answer.
            std::thread::sleep(LONGEST_STANDSTILL + Duration::from_secs(1));
        }
        assert!(!held.renew());
        while child.is_still() {
            assert!(stopped.elapsed() < Duration::from_secs(30), "they go on");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_process_that_is_gone_is_an_error() {
        let child = LiveChild::start();
        let (pid, tid) = (child.pid(), child.tid);
        drop(child);
        let error = take(pid, tid).err().expect("no dump of a process that is gone");
        assert!(matches!(error, DumpError::NoThread { .. }), "{error}");
        assert!(matches!(take(0, 0), Err(DumpError::Id { id: 0 })));
    }

    #[test]
    fn soft_errors_of_the_writer_become_ours() {
        let mut out = Vec::new();
        let tree = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let stop_failed = r#"{"StopProcessFailed":{"Stop":"x"}}"#;
        let errors =
            tree(&format!(r#"[{{"InitErrors":[{stop_failed},{{"ReadThreadNameFailed":"no"}}]}},"SuspendFailed"]"#));
        writer_errors(&errors, true, &mut out);
        let texts = |out: &[v1::SoftError]| out.iter().map(|e| e.message.clone()).collect::<Vec<_>>();
        assert_eq!(texts(&out), [r#"InitErrors: {"ReadThreadNameFailed":"no"}"#, r#""SuspendFailed""#]);
        out.clear();
        writer_errors(&tree(&format!("[{stop_failed}]")), false, &mut out);
        assert_eq!(texts(&out), [stop_failed], "where the stop is the writer's own");
        out.clear();
        writer_errors(&vec!["lost"; 100], true, &mut out);
        assert_eq!((out.len(), &*out[16].message), (17, "84 more errors of the minidump writer"));
    }

    #[test]
    fn modules_have_build_ids_and_threads_their_names() {
        let child = LiveChild::start();
        let dump = take(child.pid(), child.tid).unwrap();
        let parsed = Minidump::read(&dump.bytes[..]).unwrap();
        let names = parsed.get_stream::<MinidumpThreadNames>().unwrap();
        let threads = parsed.get_stream::<MinidumpThreadList<'_>>().unwrap();
        let named: Vec<_> = threads.threads.iter().filter_map(|thread| names.get_name(thread.raw.thread_id)).collect();
        assert!(named.len() == threads.threads.len() && named.iter().any(|name| name == "bystander"), "{named:?}");
        let modules = parsed.get_stream::<MinidumpModuleList>().unwrap();
        let path = std::env::current_exe().unwrap();
        let (_, expected) = crate::handler::sys::elf::ElfFile::identify(&path).unwrap();
        let main = modules.main_module().unwrap();
        let Some(minidump::CodeView::Elf(elf)) = &main.codeview_info else { panic!("{main:?}") };
        assert_eq!(elf.build_id, expected.build_id);
        for module in modules.iter() {
            assert!(module.code_identifier().is_some(), "{module:?}");
        }
    }

    #[test]
    fn nothing_is_read_of_the_environment_the_arguments_and_the_open_files() {
        const ENVIRON: u32 = 0x4767_0007;
        const COMMAND_LINE: u32 = 0x4767_0006;
        const AUXILIARY_VECTOR: u32 = 0x4767_0008;
        const HANDLES: u32 = 12;
        let child = LiveChild::start();
        let dump = take(child.pid(), child.tid).unwrap();
        let parsed = Minidump::read(&dump.bytes[..]).unwrap();
        for stream in [ENVIRON, COMMAND_LINE, AUXILIARY_VECTOR, HANDLES] {
            assert!(parsed.get_raw_stream(stream).is_err(), "{stream:#x}");
        }
    }

    #[test]
    fn a_thread_that_a_debugger_holds_is_told_and_a_dump_without_the_one_that_counts_is_none() {
        let child = LiveChild::start();
        let Some(_debugger) = Debugger::of(child.tid) else { return eprintln!("skipped: no right to trace") };
        let error = take(child.pid(), child.tid).err().expect("the thread is held");
        assert!(matches!(error, DumpError::NoThread { tid, .. } if tid == child.tid), "{error}");
        let dump = take(child.pid(), child.pid()).unwrap();
        let told = format!("thread {} cannot be traced", child.tid);
        assert!(dump.soft_errors.iter().any(|e| e.message.starts_with(&told)), "{:?}", dump.soft_errors);
    }

    /// A process that traces a thread until it is dropped. Not a thread of ours: our own waits would find its tracees.
    struct Debugger(i32);

    impl Debugger {
        /// `None` where it may not.
        fn of(tid: u32) -> Option<Self> {
            let (ready, told) = std::io::pipe().unwrap();
            let told = std::os::fd::AsRawFd::as_raw_fd(&told);
            let null = std::ptr::null_mut::<libc::c_void>();
            // SAFETY: the child makes system calls alone, and ends by a signal.
            let debugger = unsafe { libc::fork() };
            if debugger == 0 {
                // SAFETY: the request reads and writes no memory of this process.
                let attached = unsafe { libc::ptrace(libc::PTRACE_SEIZE, tid.cast_signed(), null, null) } == 0;
                // SAFETY: one byte that lives here.
                unsafe { libc::write(told, (&raw const attached).cast(), 1) };
                loop {
                    // SAFETY: waits for a signal.
                    unsafe { libc::pause() };
                }
            }
            let mut attached = [0];
            std::io::Read::read_exact(&mut { ready }, &mut attached).unwrap();
            let debugger = Self(debugger);
            (attached == [1]).then_some(debugger)
        }
    }

    impl Drop for Debugger {
        fn drop(&mut self) {
            // SAFETY: a child of ours, not yet waited for.
            unsafe { libc::kill(self.0, libc::SIGKILL) };
            // SAFETY: as above; the status is not asked for.
            unsafe { libc::waitpid(self.0, std::ptr::null_mut(), 0) };
        }
    }
}

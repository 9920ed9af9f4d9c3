//! A minidump of the product, into memory.
//!
//! minidump-writer has the system's own library write it. That one can write the environment, the command line and the names of what is open, too: which kinds of data
//! it writes are chosen here, and what is never read can never leak.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::windows::io::FromRawHandle;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use minidump::{Minidump, MinidumpThreadList};
use minidump_writer::minidump_writer::MinidumpWriter;
use minidump_writer::{MinidumpType, errors::Error as WriterError};
use report_format::schema::v1;
use windows_sys::Win32::Foundation::{GENERIC_READ, GENERIC_WRITE, INVALID_HANDLE_VALUE};
use windows_sys::Win32::Storage::FileSystem::{
    CREATE_NEW, CreateFileW, FILE_ATTRIBUTE_NOT_CONTENT_INDEXED, FILE_ATTRIBUTE_TEMPORARY, FILE_FLAG_DELETE_ON_CLOSE,
};
use windows_sys::Win32::System::Diagnostics::Debug::{SYMOPT_DEFERRED_LOADS, SymGetOptions, SymSetOptions};

use super::argument_block::{ArgumentBlock, ArgumentBlockError};
use super::dump_file::DumpFile;
use super::suspend::{self, Held};
use super::threads;
use crate::capture::sys::context::Context;
use crate::fail_points::{self, Point};
use crate::handler::minidump_filter::stream;
use crate::handler::soft_error;
use crate::ipc::spawn::wide;
use crate::security::Descriptor;

/// What is known of the registers.
pub(crate) type CrashContext = Box<Context>;

/// The longest wait for a dump.
///
/// Situation: the system's library looks at the file of each module, and somebody else at each file that is opened. Example: a virus scanner; Wine, whose own library reads
/// all debug information first and takes up to ten seconds. Handling: patience. The product sees every second that we are at work.
pub(crate) const TIME: Duration = Duration::from_secs(40);

/// Whom to dump.
pub(crate) struct DumpRequest {
    pub(crate) pid: u32,
    /// The thread in which it happened. It waits for us.
    pub(crate) tid: u32,
    /// Registers and exception; without them the thread's present ones are taken.
    pub(crate) context: Option<CrashContext>,
    /// The longest wait for the dump.
    pub(crate) timeout: Duration,
    /// Whether the threads are to stand still until [`RawDump::held`] is dropped. Else they go on as soon as the dump is there.
    pub(crate) hold: bool,
}

/// A dump as the writer made it: paths in it. Filter it before anything else sees it.
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

/// Threads do not stand still for longer once they are dumped, unless somebody shows that it is still reading, whatever holds up who is to let them go, such as a disk that does not answer.
const LONGEST_STANDSTILL: Duration = Duration::from_secs(2);
/// Bytes of a dump. A thread's stack has 1 MiB, unless the product wants more.
const LARGEST: u64 = 512 << 20;

/// There is no dump.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DumpError {
    #[error("cannot write a minidump of process {pid}")]
    Writer { pid: u32, source: WriterError },
    #[error("the minidump of process {pid} lacks thread {tid}, in which it happened")]
    NoThread { pid: u32, tid: u32 },
    #[error("the minidump of process {pid} was not ready in {} ms", waited.as_millis())]
    TimedOut { pid: u32, waited: Duration },
    #[error("no file for the minidump of process {pid}")]
    File { pid: u32, source: io::Error },
    #[error("the minidump of process {pid} has {size} bytes, more than {LARGEST}")]
    Size { pid: u32, size: u64 },
    #[error("the minidump of process {pid} is none")]
    Format { pid: u32, source: minidump::Error },
    #[error("cannot start a thread for the minidump")]
    Thread(#[source] io::Error),
    #[error("the writer of the minidump of process {pid} panicked")]
    Panicked { pid: u32 },
}

/// Threads that are held by the thread that dumps, unless somebody has let them go.
type Holding = Arc<Mutex<Held>>;

/// A dump that is being made.
pub(crate) struct Dumping {
    pid: u32,
    timeout: Duration,
    holding: Holding,
    result: mpsc::Receiver<Result<RawDump, DumpError>>,
}

/// What the crash slot holds of the registers; `None` where that is no such thing.
pub(crate) fn context(bytes: &[u8]) -> Option<CrashContext> {
    Context::from_bytes(bytes)
}

/// Has the system's library look into no module for symbols, which no dump needs.
///
/// Situation: it loads the symbols of each module before it writes. Example: Wine's (8.0) faults over the debug information (DWARF 5) of a product that was built with any, and the handler
/// is gone. Handling: symbols are loaded when somebody asks for them, and nobody does.
pub(crate) fn prepare() {
    // SAFETY: returns a number of this process.
    let options = unsafe { SymGetOptions() };
    // SAFETY: takes a number.
    unsafe { SymSetOptions(options | SYMOPT_DEFERRED_LOADS) };
}

/// Begins to write a minidump, on a thread of its own. The product's threads are held meanwhile.
pub(crate) fn begin(request: DumpRequest) -> Result<Dumping, DumpError> {
    let DumpRequest { pid, timeout, .. } = request;
    let (sender, result) = mpsc::sync_channel(1);
    let holding = Holding::default();
    let ours = Arc::clone(&holding);
    let work = move || {
        let hold = request.hold;
        // Nobody waits any more after a time-out.
        let tell = |result| drop(sender.send(result));
        match write(request, &ours) {
            Ok(mut dump) => {
                let (longer, renewed) = mpsc::channel::<()>();
                let since = Instant::now().checked_sub(dump.took).unwrap_or_else(Instant::now);
                dump.held = hold.then_some(StandStill { longer, since });
                tell(Ok(dump));
                // Ends at once where nobody has what is to be dropped.
                while renewed.recv_timeout(LONGEST_STANDSTILL).is_ok() {}
                // First: who renews must not be told that they stand when they do not.
                drop(renewed);
                let_go(&ours);
            }
            Err(error) => {
                let_go(&ours);
                tell(Err(error));
            }
        }
    };
    std::thread::Builder::new().name("dump".into()).spawn(work).map_err(DumpError::Thread)?;
    Ok(Dumping { pid, timeout, holding, result })
}

fn let_go(holding: &Holding) {
    drop(std::mem::take(&mut *holding.lock().unwrap_or_else(PoisonError::into_inner)));
}

impl Dumping {
    /// Waits for it.
    pub(crate) fn finish(self) -> Result<RawDump, DumpError> {
        let Self { pid, timeout, holding, result } = self;
        let result = result.recv_timeout(timeout);
        result.unwrap_or_else(|error| {
            // The thread is left behind, which may be stuck in the system's library; the product must not stand still for as long.
            let_go(&holding);
            Err(match error {
                mpsc::RecvTimeoutError::Timeout => DumpError::TimedOut { pid, waited: timeout },
                mpsc::RecvTimeoutError::Disconnected => DumpError::Panicked { pid },
            })
        })
    }
}

/// A dump of a process that goes on at once. Wine reads another process word by word: under load that takes its time.
#[cfg(test)]
pub(crate) fn take(pid: u32, tid: u32) -> Result<RawDump, DumpError> {
    begin(DumpRequest { pid, tid, context: None, timeout: Duration::from_secs(120), hold: false })?.finish()
}

/// Which kinds of data are written. Not among them: the environment and the command line (`WithProcessThreadData`), what is open (`WithHandleData`), and the heap, of which
/// pieces come with what a stack refers to (`WithIndirectlyReferencedMemory`): the C library's copies of arguments and environment lie there.
fn kinds() -> MinidumpType {
    MinidumpType::WithThreadInfo
        | MinidumpType::WithUnloadedModules
        | MinidumpType::WithFullMemoryInfo
        | MinidumpType::WithModuleHeaders
        | MinidumpType::IgnoreInaccessibleMemory
}

fn write(request: DumpRequest, holding: &Holding) -> Result<RawDump, DumpError> {
    let started = Instant::now();
    let DumpRequest { pid, tid, context, .. } = request;
    let no_file = |source| DumpError::File { pid, source };
    fail_points::reach(Point::Dump).map_err(no_file)?;
    let mut soft_errors = Vec::new();
    *holding.lock().unwrap_or_else(PoisonError::into_inner) = suspend::hold_others(pid, Some(tid), &mut soft_errors);
    prepare();
    let mut file = temporary_file().map_err(no_file)?;
    let about = |context: Option<&Context>| crash_context::CrashContext {
        // Where the product's memory has it: the library reads it there.
        exception_pointers: ptr::without_provenance(context.map_or(0, |context| context.address as usize)),
        exception_code: context.map_or(0, |context| context.record.ExceptionCode),
        process_id: pid,
        thread_id: tid,
    };
    // The library opens the process once more, by its number and with all rights: the handle that the product gave us has not as many, and the writer takes none. Where
    // the product may not be opened so, there is no dump.
    let written = MinidumpWriter::dump_crash_context(&about(context.as_deref()), Some(kinds()), &mut file);
    let written = written.or_else(|error| {
        if context.is_none() {
            return Err(error);
        }
        // What the product says of its exception may be nowhere: then its threads as they are now say more than nothing.
        soft_errors.push(soft_error("dump", &error));
        file.set_len(0)?;
        file.rewind()?;
        MinidumpWriter::dump_crash_context(&about(None), Some(kinds()), &mut file)
    });
    written.map_err(|source| DumpError::Writer { pid, source })?;
    let bytes = read_back(&mut file, pid)?;
    drop(file);
    let argument_block = ArgumentBlock::of_process(pid);
    check(&bytes, pid, tid)?;
    Ok(RawDump { bytes: with_names(bytes, pid), argument_block, soft_errors, took: started.elapsed(), held: None })
}

/// A file without a name that lasts: nobody else can open it while we have it, and it is gone with us, however that comes. In the folder of temporary files, which is the
/// user's own; of a handler with more rights than its user it is the machine's.
fn temporary_file() -> io::Result<File> {
    let name = format!("{}.dmp", uuid::Uuid::now_v7().simple());
    let path = wide(std::env::temp_dir().join(name).as_os_str())?;
    let owner = Descriptor::owner_only()?;
    let attributes = owner.attributes(false);
    let flags = FILE_ATTRIBUTE_TEMPORARY | FILE_ATTRIBUTE_NOT_CONTENT_INDEXED | FILE_FLAG_DELETE_ON_CLOSE;
    let access = GENERIC_READ | GENERIC_WRITE;
    // SAFETY: the path ends in a zero, and both it and the attributes live until the call returns.
    let file =
        unsafe { CreateFileW(path.as_ptr(), access, 0, &raw const attributes, CREATE_NEW, flags, ptr::null_mut()) };
    if file == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, and nobody else's.
    Ok(unsafe { File::from_raw_handle(file) })
}

fn read_back(file: &mut File, pid: u32) -> Result<Vec<u8>, DumpError> {
    let failed = |source| DumpError::File { pid, source };
    let size = file.metadata().map_err(failed)?.len();
    if size > LARGEST {
        return Err(DumpError::Size { pid, size });
    }
    let mut bytes = Vec::with_capacity(size as usize);
    file.rewind().map_err(failed)?;
    file.take(LARGEST).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// A dump without the thread that counts is none.
fn check(bytes: &[u8], pid: u32, tid: u32) -> Result<(), DumpError> {
    let threads = Minidump::read(bytes).and_then(|dump| {
        let threads = dump.get_stream::<MinidumpThreadList<'_>>()?;
        Ok(threads.threads.iter().any(|thread| thread.raw.thread_id == tid))
    });
    match threads {
        Ok(true) => Ok(()),
        Ok(false) => Err(DumpError::NoThread { pid, tid }),
        Err(source) => Err(DumpError::Format { pid, source }),
    }
}

/// Adds the names of the threads, where the library does not know them. Example: Wine's, and Windows' own before 10.
fn with_names(bytes: Vec<u8>, pid: u32) -> Vec<u8> {
    let threads = suspend::threads(pid).unwrap_or_default();
    let names: Vec<_> = threads
        .into_iter()
        .filter_map(|tid| Some((tid, threads::name(pid, tid).ok().filter(|name| !name.is_empty())?)))
        .collect();
    if names.is_empty() {
        return bytes;
    }
    let Some(mut file) = DumpFile::of(bytes.clone()).filter(|file| !file.has(stream::THREAD_NAMES)) else {
        return bytes;
    };
    let mut content = (names.len() as u32).to_le_bytes().to_vec();
    for (tid, name) in names {
        content.extend(tid.to_le_bytes());
        content.extend(u64::from(file.text(&name)).to_le_bytes());
    }
    file.stream(stream::THREAD_NAMES, &content);
    file.finish()
}

#[cfg(test)]
mod tests;

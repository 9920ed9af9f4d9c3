//! For faults that no hook of this process sees: Windows Error Reporting asks a module of ours (the package `reporter-wer`), which tells the handler in our place.
//!
//! Windows asks those modules only that an administrator has listed, so that this is without effect where the installer has not done it.

use std::{
    io,
    os::windows::io::RawHandle,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use windows_sys::Win32::System::ErrorReporting::{
    WerRegisterRuntimeExceptionModule, WerUnregisterRuntimeExceptionModule,
};

use super::exceptions;
use crate::{
    ErrorKind,
    capture::{claim, handled, panic},
    ipc::spawn::wide,
    reporter::State,
    shared::layout::{self, crash},
};

/// As it is called beside the handler.
const MODULE: &str = "reporter_wer.dll";

/// What the module expects to find. It compares them: module and product come from the same release.
const MAGIC: u64 = u64::from_le_bytes(*b"ReportWE");
const VERSION: u64 = 1;
const WORDS: usize = 11;

/// What the module reads of this process: a constant number of words, in the order of `reporter_wer::Registration`. Never freed: Windows knows its address.
static REGISTRATION: [AtomicU64; WORDS] = [const { AtomicU64::new(0) }; WORDS];
/// Held while it is changed; the module that Windows knows it with.
static REGISTERED: Mutex<Option<PathBuf>> = Mutex::new(None);

/// What the module is to know of what this process reports itself, so that nothing is reported twice.
#[derive(Debug)]
struct Marks {
    /// A fault is reported and runs its course.
    ending: &'static AtomicBool,
    /// The thread whose panic was reported last: it may end by a fast fail.
    panicked: &'static AtomicU32,
    /// Threads whose faults and exceptions were reported before a managed runtime ends the process for them; 0 for none.
    reported: [&'static AtomicU32; 2],
}

/// The shared memory and the product's end of the crash channel, and how long a crash waits on it.
#[derive(Debug)]
struct Ways {
    words: &'static [AtomicU64],
    pipe: RawHandle,
    without_progress: Duration,
    longest: Duration,
}

/// Has Windows ask the module that lies beside the handler. That there is none is no error: the installer decides.
pub(crate) fn begin(state: &'static State, handler: &Path) -> io::Result<()> {
    let Some(folder) = handler.parent().filter(|folder| folder.is_absolute()) else { return Ok(()) };
    if !state.options.wants(ErrorKind::Crash) {
        return Ok(());
    }
    let ways = Ways {
        words: state.shared.words(),
        pipe: state.crash.pipe(),
        without_progress: state.options.without_progress,
        longest: state.options.longest,
    };
    let marks = Marks {
        ending: claim::ending(),
        panicked: panic::reported(),
        reported: [exceptions::first_chance_thread(), handled::unhandled_in()],
    };
    register(&folder.join(MODULE), &ways, &marks).map(drop)
}

/// Has Windows ask `module`. `Ok(false)` where there is no such file.
fn register(module: &Path, ways: &Ways, marks: &Marks) -> io::Result<bool> {
    if !module.is_file() {
        return Ok(false);
    }
    let mut registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    fill(ways, marks);
    // A second registration of the same would be refused; of another one, beside it, both would be asked.
    if registered.as_deref() != Some(module) {
        if let Some(other) = registered.take().and_then(|other| wide(other.as_os_str()).ok()) {
            // SAFETY: the path ends in a zero; path and context are those of a registration.
            unsafe { WerUnregisterRuntimeExceptionModule(other.as_ptr(), REGISTRATION.as_ptr().cast()) };
        }
        let path = wide(module.as_os_str())?;
        // SAFETY: the path ends in a zero; of the context only the address is kept, which stays valid.
        let result = unsafe { WerRegisterRuntimeExceptionModule(path.as_ptr(), REGISTRATION.as_ptr().cast()) };
        if result < 0 {
            unregister();
            return Err(io::Error::other(format!("Windows Error Reporting does not take the module ({result:#x})")));
        }
        *registered = Some(module.to_owned());
    }
    Ok(true)
}

/// The module finds nothing from here on. Windows goes on to know it, since this is safe in an exception handler: a store.
pub(crate) fn unregister() {
    REGISTRATION[0].store(0, Ordering::Release);
}

fn fill(ways: &Ways, marks: &Marks) {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let slot = &ways.words[layout::CRASH_AT..layout::CRASH_AT + crash::WORDS];
    let [first, second] = marks.reported.map(|thread| thread.as_ptr() as u64);
    let words = [
        MAGIC,
        VERSION,
        std::process::id().into(),
        slot.as_ptr() as u64,
        ways.pipe as u64,
        marks.ending.as_ptr() as u64,
        marks.panicked.as_ptr() as u64,
        first,
        second,
        millis(ways.without_progress),
        millis(ways.longest),
    ];
    // The magic last: without it the rest is nothing, and that of a former reporter goes first.
    unregister();
    for (word, value) in REGISTRATION.iter().zip(words).skip(1) {
        word.store(value, Ordering::Relaxed);
    }
    REGISTRATION[0].store(MAGIC, Ordering::Release);
}

#[cfg(test)]
pub(super) mod tests {
    use std::{mem::MaybeUninit, ptr, sync::MutexGuard, thread};

    use report_format::schema::v1::ErrorKind;
    use windows_sys::{
        Win32::{
            Foundation::{CloseHandle, NTSTATUS, S_OK, STATUS_HEAP_CORRUPTION},
            System::{
                ErrorReporting::WER_RUNTIME_EXCEPTION_INFORMATION,
                Threading::{
                    GetCurrentThreadId, OpenProcess, OpenThread, PROCESS_ALL_ACCESS, THREAD_QUERY_LIMITED_INFORMATION,
                },
            },
        },
        core::HRESULT,
    };

    use super::*;
    use crate::{
        capture::windows::context::Context,
        ipc::{self, socket::Socket},
        shared::{
            mapping::Mapping,
            snapshot::{Signal, Snapshot},
        },
    };

    /// Held by the one test that uses it.
    fn registration() -> MutexGuard<'static, ()> {
        static TEST: Mutex<()> = Mutex::new(());
        TEST.lock().unwrap_or_else(PoisonError::into_inner)
    }

    const PATIENT: Duration = Duration::from_secs(60);

    static ENDING: AtomicBool = AtomicBool::new(false);
    static THREADS: [AtomicU32; 3] = [const { AtomicU32::new(0) }; 3];

    fn marks() -> Marks {
        let [panicked, first, second] = &THREADS;
        Marks { ending: &ENDING, panicked, reported: [first, second] }
    }

    #[test]
    fn the_module_reads_what_is_written_here() {
        assert_eq!((MAGIC, VERSION), (reporter_wer::MAGIC, reporter_wer::VERSION));
        assert_eq!(size_of_val(&REGISTRATION), size_of::<reporter_wer::Registration>());
    }

    /// Has the module asked as Windows does it, of a fault of a thread.
    pub(in crate::capture::windows) fn ask(process: u32, thread: u32, context: u64, code: NTSTATUS) -> HRESULT {
        // SAFETY: takes numbers.
        let thread = unsafe { OpenThread(THREAD_QUERY_LIMITED_INFORMATION, 0, thread) };
        // SAFETY: takes numbers.
        let process = unsafe { OpenProcess(PROCESS_ALL_ACCESS, 0, process) };
        assert!(!thread.is_null() && !process.is_null(), "{}", io::Error::last_os_error());
        // SAFETY: integers, arrays of them and raw pointers, for which zero is a value.
        let mut information: WER_RUNTIME_EXCEPTION_INFORMATION = unsafe { MaybeUninit::zeroed().assume_init() };
        information.dwSize = size_of::<WER_RUNTIME_EXCEPTION_INFORMATION>() as u32;
        (information.hProcess, information.hThread) = (process, thread);
        information.exceptionRecord.ExceptionCode = code;
        information.bIsFatal = 1;
        let none = ptr::null_mut::<core::ffi::c_void>();
        let context = ptr::with_exposed_provenance(context as usize);
        // SAFETY: as Windows calls it.
        let result = unsafe {
            reporter_wer::OutOfProcessExceptionEventCallback(
                context,
                &raw const information,
                none.cast(),
                none.cast(),
                none.cast(),
                none.cast(),
            )
        };
        for handle in [process, thread] {
            // SAFETY: opened above.
            unsafe { CloseHandle(handle) };
        }
        result
    }

    /// The module is called as by Windows, for this very process.
    #[test]
    fn a_fault_that_the_module_tells_of_is_read_as_one_of_our_own() {
        let _registration = registration();
        let (product, section) = Mapping::create().unwrap();
        let product: &'static Mapping = Box::leak(Box::new(product));
        let handler = Mapping::open(&section).unwrap();
        let (ours, theirs) = Socket::pair().unwrap();
        let ways = Ways { words: product.words(), pipe: ours.raw(), without_progress: PATIENT, longest: PATIENT };
        // Windows itself is not told: it would go on to call into this process.
        fill(&ways, &marks());
        let served = thread::spawn(move || {
            let mut byte = [0; 8];
            let (size, descriptors) = theirs.receive_bytes(&mut byte, PATIENT).unwrap();
            assert_eq!((&byte[..size], descriptors.len()), (&[ipc::CRASHED][..], 0));
            let snapshot = Snapshot::read(&handler).unwrap();
            theirs.send_bytes(&[ipc::PROGRESS], &[], PATIENT).unwrap();
            theirs.send_bytes(&[ipc::DONE], &[], PATIENT).unwrap();
            snapshot
        });
        // SAFETY: reads a value of this thread's own.
        let thread = unsafe { GetCurrentThreadId() };
        let result = ask(std::process::id(), thread, registration_address(), STATUS_HEAP_CORRUPTION);
        assert_eq!(result, S_OK);
        let crash = served.join().unwrap().crash.expect("it is whole");
        assert_eq!((crash.kind, crash.pid, crash.tid), (ErrorKind::Crash, std::process::id(), thread));
        assert_eq!(crash.signal, Some(Signal { number: STATUS_HEAP_CORRUPTION, code: 0 }));
        let context = Context::from_bytes(&crash.context).unwrap();
        assert_eq!(context.record.ExceptionCode, STATUS_HEAP_CORRUPTION);
        let at = product.words()[layout::CRASH_AT + crash::CONTEXT..].as_ptr() as u64;
        let pointers = (&raw const *context) as u64;
        let within = |part: u64| at + (part - pointers);
        assert_eq!(context.address, within(&raw const context.pointers as u64));
        assert_eq!(context.pointers.ExceptionRecord as u64, within(&raw const context.record as u64));
        assert_eq!(context.pointers.ContextRecord as u64, within(&raw const context.registers as u64));
        unregister();
    }

    /// What Windows knows to be the module's.
    pub(in crate::capture::windows) fn registration_address() -> u64 {
        REGISTRATION.as_ptr() as u64
    }

    #[test]
    fn windows_takes_the_registration_of_a_module_that_is_there() {
        let _registration = registration();
        let folder = tempfile::tempdir().unwrap();
        let module = folder.path().join(MODULE);
        let (product, _section) = Mapping::create().unwrap();
        let product: &'static Mapping = Box::leak(Box::new(product));
        let (ours, _theirs) = Socket::pair().unwrap();
        let ways = Ways { words: product.words(), pipe: ours.raw(), without_progress: PATIENT, longest: PATIENT };
        assert!(!register(&module, &ways, &marks()).unwrap(), "there is none");
        std::fs::write(&module, "").unwrap();
        for _ in 0..2 {
            assert!(register(&module, &ways, &marks()).unwrap());
            assert_eq!(REGISTRATION[0].load(Ordering::Relaxed), MAGIC);
        }
        // The next reporter's handler can lie elsewhere.
        let other = folder.path().join("other.dll");
        std::fs::write(&other, "").unwrap();
        assert!(register(&other, &ways, &marks()).unwrap());
        assert_eq!(REGISTERED.lock().unwrap().as_deref(), Some(&*other));
        unregister();
        assert_eq!(REGISTRATION[0].load(Ordering::Relaxed), 0);
    }
}

//! For faults that no hook of this process sees: Windows Error Reporting asks a module of ours (the package `reporter-wer`), which tells the handler in our place.
//!
//! Windows asks those modules only that an administrator has listed, so that this is without effect where the installer has not done it.

use std::{
    io,
    os::windows::io::RawHandle,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use windows_sys::Win32::System::ErrorReporting::WerRegisterRuntimeExceptionModule;

use crate::{
    ipc::spawn::wide,
    shared::layout::{self, crash},
};

/// As it is called beside the handler.
pub(crate) const MODULE: &str = "reporter_wer.dll";

/// What the module expects to find. It compares them: module and product come from the same release.
const MAGIC: u64 = u64::from_le_bytes(*b"ReportWE");
const VERSION: u64 = 1;
const WORDS: usize = 11;

/// What the module reads of this process: a constant number of words, in the order of `reporter_wer::Registration`. Never freed: Windows knows its address.
static REGISTRATION: [AtomicU64; WORDS] = [const { AtomicU64::new(0) }; WORDS];
/// Held while it is changed; whether Windows knows it.
static REGISTERED: Mutex<bool> = Mutex::new(false);

/// What the module is to know of what this process reports itself, so that nothing is reported twice.
#[derive(Debug)]
pub(crate) struct Marks {
    /// A fault is reported and runs its course.
    pub(crate) ending: &'static AtomicBool,
    /// The thread whose panic was reported last: it may end by a fast fail.
    pub(crate) panicked: &'static AtomicU32,
    /// Threads whose faults and exceptions were reported before a managed runtime ends the process for them; 0 for none.
    pub(crate) reported: [&'static AtomicU32; 2],
}

/// The shared memory and the product's end of the crash channel, and how long a crash waits on it.
#[derive(Debug)]
pub(crate) struct Ways {
    pub(crate) words: &'static [AtomicU64],
    pub(crate) pipe: RawHandle,
    pub(crate) without_progress: Duration,
    pub(crate) longest: Duration,
}

/// Has Windows ask `module`. `Ok(false)` where there is no such file.
pub(crate) fn register(module: &Path, ways: &Ways, marks: &Marks) -> io::Result<bool> {
    if !module.is_file() {
        return Ok(false);
    }
    let mut registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    fill(ways, marks);
    if !*registered {
        let path = wide(module.as_os_str())?;
        // SAFETY: the path ends in a zero; of the context only the address is kept, which stays valid.
        let result = unsafe { WerRegisterRuntimeExceptionModule(path.as_ptr(), REGISTRATION.as_ptr().cast()) };
        if result < 0 {
            unregister();
            return Err(io::Error::other(format!("Windows Error Reporting does not take the module ({result:#x})")));
        }
        *registered = true;
    }
    Ok(true)
}

/// The module finds nothing from here on. Windows goes on to know it: another registration would be refused.
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
    // The magic last: without it the rest is nothing.
    for (word, value) in REGISTRATION.iter().zip(words).skip(1) {
        word.store(value, Ordering::Relaxed);
    }
    REGISTRATION[0].store(MAGIC, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use std::{mem::MaybeUninit, ptr, sync::MutexGuard, thread};

    use report_format::schema::v1::ErrorKind;
    use windows_sys::Win32::{
        Foundation::{CloseHandle, S_OK, STATUS_HEAP_CORRUPTION},
        System::{
            ErrorReporting::WER_RUNTIME_EXCEPTION_INFORMATION,
            Threading::{
                GetCurrentThreadId, OpenProcess, OpenThread, PROCESS_ALL_ACCESS, THREAD_QUERY_LIMITED_INFORMATION,
            },
        },
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
        // SAFETY: takes numbers.
        let thread_handle = unsafe { OpenThread(THREAD_QUERY_LIMITED_INFORMATION, 0, thread) };
        // SAFETY: takes numbers.
        let process = unsafe { OpenProcess(PROCESS_ALL_ACCESS, 0, std::process::id()) };
        // SAFETY: integers, arrays of them and raw pointers, for which zero is a value.
        let mut information: WER_RUNTIME_EXCEPTION_INFORMATION = unsafe { MaybeUninit::zeroed().assume_init() };
        information.dwSize = size_of::<WER_RUNTIME_EXCEPTION_INFORMATION>() as u32;
        (information.hProcess, information.hThread) = (process, thread_handle);
        information.exceptionRecord.ExceptionCode = STATUS_HEAP_CORRUPTION;
        information.bIsFatal = 1;
        let none = ptr::null_mut::<core::ffi::c_void>();
        // SAFETY: as Windows calls it.
        let result = unsafe {
            reporter_wer::OutOfProcessExceptionEventCallback(
                REGISTRATION.as_ptr().cast(),
                &raw const information,
                none.cast(),
                none.cast(),
                none.cast(),
                none.cast(),
            )
        };
        assert_eq!(result, S_OK);
        for handle in [process, thread_handle] {
            // SAFETY: opened above.
            unsafe { CloseHandle(handle) };
        }
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
        unregister();
        assert_eq!(REGISTRATION[0].load(Ordering::Relaxed), 0);
    }
}

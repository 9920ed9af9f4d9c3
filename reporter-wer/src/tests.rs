//! With a product in another process, which is this test's own executable once more. Its handler is a thread of it.

use std::{
    collections::HashMap,
    env,
    ffi::c_void,
    io::{BufRead, BufReader, Read},
    mem::MaybeUninit,
    os::windows::io::AsRawHandle,
    process::{Child, ChildStdout, Command, Stdio},
    ptr,
    sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use windows_sys::Win32::{
    Foundation::{
        CloseHandle, EXCEPTION_ACCESS_VIOLATION, GENERIC_READ, GENERIC_WRITE, HANDLE, INVALID_HANDLE_VALUE, NTSTATUS,
        STATUS_HEAP_CORRUPTION, STATUS_STACK_BUFFER_OVERRUN,
    },
    Storage::FileSystem::{CreateFileW, FILE_FLAG_OVERLAPPED, OPEN_EXISTING, PIPE_ACCESS_DUPLEX, ReadFile, WriteFile},
    System::{
        Pipes::{CreateNamedPipeW, PIPE_READMODE_MESSAGE, PIPE_TYPE_MESSAGE, PIPE_WAIT, SetNamedPipeHandleState},
        Threading::{GetCurrentThreadId, OpenThread, THREAD_QUERY_LIMITED_INFORMATION},
    },
};

use super::*;
use crate::pipe::{CRASHED, DATAGRAM, HEADER};

const PRODUCT: &str = "WER_TEST_PRODUCT";

static SLOT: [AtomicU64; 1024] = [const { AtomicU64::new(0) }; 1024];
static ENDING: AtomicU8 = AtomicU8::new(0);
static PANICKED: AtomicU32 = AtomicU32::new(0);
static REPORTED: AtomicU32 = AtomicU32::new(0);

/// Not a test, unless it is told to be the product, and in what it differs from the usual one.
#[test]
fn product() {
    let Ok(told) = env::var(PRODUCT) else { return };
    let told: HashMap<&str, &str> = told.split(',').filter_map(|pair| pair.split_once('=')).collect();
    let number = |key: &str, usual: u64| told.get(key).map_or(usual, |value| value.parse().unwrap());
    // SAFETY: reads a value of this thread's own.
    let thread = unsafe { GetCurrentThreadId() };
    SLOT[1].store(7, Ordering::Relaxed);
    ENDING.store(number("ends", 0) as u8, Ordering::Relaxed);
    for (key, word) in [("panicked", &PANICKED), ("reported", &REPORTED)] {
        word.store(if told.contains_key(key) { thread } else { thread + 4 }, Ordering::Relaxed);
    }
    let (handler, pipe) = pipes(!told.contains_key("synchronous"));
    let registration = Box::leak(Box::new(Registration {
        magic: number("magic", MAGIC),
        version: number("version", VERSION),
        pid: number("pid", std::process::id().into()),
        slot: number("slot", SLOT.as_ptr() as u64),
        pipe: number("pipe", pipe as u64),
        ending: ENDING.as_ptr() as u64,
        panicked: PANICKED.as_ptr() as u64,
        reported: [0, REPORTED.as_ptr() as u64],
        without_progress_millis: number("patience", 20_000),
        longest_millis: number("longest", 30_000),
    }));
    let answers = told.get("answers").copied().unwrap_or("PPD").to_owned();
    let handler = handler as usize;
    thread::spawn(move || handle(handler as HANDLE, &answers));
    println!("product {} {thread} {}", ptr::from_mut(registration) as u64, SLOT.as_ptr() as u64);
    let _ = std::io::stdin().read(&mut [0]);
}

/// The handler's end, and the product's.
fn pipes(overlapped: bool) -> (HANDLE, HANDLE) {
    let name = format!(r"\\.\pipe\wer-test-{}", std::process::id());
    let name: Vec<u16> = name.encode_utf16().chain([0]).collect();
    let mode = PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE | PIPE_WAIT;
    // SAFETY: the name ends in a zero.
    let handler = unsafe { CreateNamedPipeW(name.as_ptr(), PIPE_ACCESS_DUPLEX, mode, 1, 4096, 4096, 0, ptr::null()) };
    assert_ne!(handler, INVALID_HANDLE_VALUE);
    let flags = if overlapped { FILE_FLAG_OVERLAPPED } else { 0 };
    let access = GENERIC_READ | GENERIC_WRITE;
    // SAFETY: as above.
    let product = unsafe { CreateFileW(name.as_ptr(), access, 0, ptr::null(), OPEN_EXISTING, flags, ptr::null_mut()) };
    assert_ne!(product, INVALID_HANDLE_VALUE);
    let mode = PIPE_READMODE_MESSAGE;
    // SAFETY: a pipe, and a number that lives here.
    unsafe { SetNamedPipeHandleState(product, &raw const mode, ptr::null(), ptr::null()) };
    (handler, product)
}

/// Tells on the standard output what came and what is in the slot by then.
fn handle(pipe: HANDLE, answers: &str) {
    let mut datagram = [0_u8; 100];
    let mut size = 0;
    // SAFETY: room of this size.
    let read = unsafe { ReadFile(pipe, datagram.as_mut_ptr(), 100, &raw mut size, ptr::null_mut()) };
    if read == 0 {
        return;
    }
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let slot: Vec<_> = SLOT.iter().flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes()).collect();
    println!("datagram {} {}", hex(&datagram[..size as usize]), hex(&slot));
    for answer in answers.bytes() {
        let mut datagram = [0; DATAGRAM];
        datagram[DATAGRAM - 1] = answer;
        // SAFETY: bytes of this size.
        unsafe { WriteFile(pipe, datagram.as_ptr(), DATAGRAM as u32, &raw mut size, ptr::null_mut()) };
    }
}

struct Product {
    process: Child,
    says: BufReader<ChildStdout>,
    registration: u64,
    thread: u32,
    slot: u64,
}

/// What its handler was told: the datagram, and the slot.
type Told = Option<(Vec<u8>, Vec<u8>)>;

impl Product {
    fn starts(differs: &str) -> Self {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "--nocapture", "tests::product"]).env(PRODUCT, differs);
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut says = BufReader::new(process.stdout.take().unwrap());
        let line = loop {
            let mut line = String::new();
            assert!(says.read_line(&mut line).unwrap() > 0, "it has ended");
            if let Some((_, numbers)) = line.split_once("product ") {
                break numbers.to_owned();
            }
        };
        let numbers: Vec<u64> = line.split_whitespace().map(|number| number.parse().unwrap()).collect();
        let [registration, thread, slot] = numbers[..] else { panic!("{line}") };
        Self { process, says, registration, thread: thread as u32, slot }
    }

    /// As Windows does when it fails.
    fn fails(&self, code: NTSTATUS, parameters: &[usize], is_fatal: bool) -> HRESULT {
        self.fails_with(self.registration, code, parameters, is_fatal)
    }

    fn fails_with(&self, context: u64, code: NTSTATUS, parameters: &[usize], is_fatal: bool) -> HRESULT {
        // SAFETY: integers, arrays of them and raw pointers, for which zero is a value.
        let mut information: WER_RUNTIME_EXCEPTION_INFORMATION = unsafe { MaybeUninit::zeroed().assume_init() };
        information.dwSize = size_of::<WER_RUNTIME_EXCEPTION_INFORMATION>() as u32;
        information.hProcess = self.process.as_raw_handle();
        // SAFETY: takes numbers.
        information.hThread = unsafe { OpenThread(THREAD_QUERY_LIMITED_INFORMATION, 0, self.thread) };
        assert!(!information.hThread.is_null());
        information.exceptionRecord.ExceptionCode = code;
        information.exceptionRecord.NumberParameters = parameters.len() as u32;
        information.exceptionRecord.ExceptionInformation[..parameters.len()].copy_from_slice(parameters);
        information.context.ContextFlags = 0x10_004b;
        information.bIsFatal = is_fatal.into();
        let (none, mut claimed) = (ptr::null_mut(), 1);
        // SAFETY: as Windows calls it.
        let result = unsafe {
            OutOfProcessExceptionEventCallback(
                context as *const c_void,
                &raw const information,
                &raw mut claimed,
                none,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        // SAFETY: opened above.
        unsafe { CloseHandle(information.hThread) };
        assert_eq!(claimed, 0, "Windows goes on");
        result
    }

    fn ends(mut self) -> Told {
        drop(self.process.stdin.take());
        let mut rest = String::new();
        self.says.read_to_string(&mut rest).unwrap();
        self.process.wait().unwrap();
        let (_, told) = rest.split_once("datagram ")?;
        let mut parts = told.split_whitespace().map(|hex| {
            let digits = hex.as_bytes().as_chunks::<2>().0.iter();
            digits.map(|digits| u8::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap()).collect::<Vec<u8>>()
        });
        Some((parts.next()?, parts.next()?))
    }
}

fn words(bytes: &[u8]) -> Vec<u64> {
    bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect()
}

#[test]
fn a_fault_that_nobody_saw_is_in_the_slot_when_the_handler_is_told() {
    let product = Product::starts("");
    let (pid, thread, slot) = (product.process.id(), product.thread, product.slot);
    assert_eq!(product.fails(STATUS_HEAP_CORRUPTION, &[1, 2], true), S_OK);
    let (datagram, bytes) = product.ends().unwrap();
    assert_eq!(datagram, [&[0; HEADER][..], &[CRASHED]].concat());
    let found = words(&bytes);
    assert_eq!(found[..4], [2, 8, 1, u64::from(pid) | u64::from(thread) << 32]);
    assert!(found[4] > 0 && found[5] > 1_600_000_000_000_000_000, "{:?}", &found[..10]);
    assert_eq!(found[6..9], [u64::from(STATUS_HEAP_CORRUPTION.cast_unsigned()), 0, 0], "no address");
    let context = slot + 80;
    // EXCEPTION_POINTERS and EXCEPTION_RECORD have pointers in them; a context begins with its flags, or with six words of 64 bits.
    let (pointers, record, flags) = if cfg!(target_pointer_width = "64") { (16, 152, 48) } else { (8, 80, 0) };
    let places = [context + 8, context + 8 + pointers, context + 8 + pointers + record];
    let size = size_of::<usize>();
    let told: Vec<_> = [80, 88, 88 + size]
        .map(|at| bytes[at..][..size].iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)))
        .into();
    assert_eq!(told, places, "where a writer of minidumps finds it");
    let copied = 80 + (places[2] - context) as usize;
    assert_eq!(words(&bytes[copied + flags..])[0] as u32, 0x10_000b, "without what was not copied");
    let code = bytes[80 + 8 + pointers as usize..][..4].try_into().map(i32::from_le_bytes).unwrap();
    assert_eq!(code, STATUS_HEAP_CORRUPTION);
}

#[test]
fn a_fault_of_memory_tells_which() {
    let product = Product::starts("answers=D");
    assert_eq!(product.fails(EXCEPTION_ACCESS_VIOLATION, &[1, 0x1234], true), S_OK);
    assert_eq!(words(&product.ends().unwrap().1)[6..9], [0x1_c000_0005, 1, 0x1234]);
}

#[test]
fn what_the_product_has_reported_itself_is_not_reported_again() {
    const ABORT: usize = 7;
    const COOKIE: usize = 2;
    for (differs, parameters, is_fatal, told) in [
        ("ends=1", [COOKIE], true, false),
        ("panicked=1", [ABORT], true, false),
        ("panicked=1", [COOKIE], true, true),
        ("reported=1", [COOKIE], true, false),
        ("", [ABORT], true, true),
        ("", [COOKIE], false, false),
    ] {
        let product = Product::starts(differs);
        assert_eq!(product.fails(STATUS_STACK_BUFFER_OVERRUN, &parameters, is_fatal), S_OK, "{differs} {parameters:?}");
        assert_eq!(product.ends().is_some(), told, "{differs} {parameters:?} {is_fatal}");
    }
}

#[test]
fn a_forged_registration_is_refused() {
    for differs in ["magic=0", "version=99", "pid=4", "slot=0", "slot=12345", "slot=18446744073709551608", "pipe=0"] {
        let product = Product::starts(differs);
        assert_eq!(product.fails(STATUS_HEAP_CORRUPTION, &[], true), E_FAIL, "{differs}");
        assert_eq!(product.ends(), None, "{differs}");
    }
    let product = Product::starts("");
    for address in [0, 8, u64::MAX, u64::MAX - 7] {
        assert_eq!(product.fails_with(address, STATUS_HEAP_CORRUPTION, &[], true), E_FAIL, "{address:#x}");
    }
    assert_eq!(product.ends(), None);
}

#[test]
fn what_windows_does_not_tell_in_full_is_refused() {
    // SAFETY: null is what is to be refused.
    assert!(unsafe { Fault::of(ptr::null()) }.is_none());
    // SAFETY: integers, arrays of them and raw pointers, for which zero is a value.
    let mut information: WER_RUNTIME_EXCEPTION_INFORMATION = unsafe { MaybeUninit::zeroed().assume_init() };
    information.dwSize = 24;
    // SAFETY: it has more than its size.
    assert!(unsafe { Fault::of(&raw const information) }.is_none());
}

#[test]
fn a_handler_that_is_silent_is_not_waited_for() {
    // On a pipe whose reads cannot be called off, too.
    for differs in
        ["answers=,patience=200", "answers=P,patience=200", "answers=,synchronous=1,patience=200,longest=500"]
    {
        let product = Product::starts(differs);
        let started = Instant::now();
        assert_eq!(product.fails(STATUS_HEAP_CORRUPTION, &[], true), E_FAIL, "{differs}");
        assert!(started.elapsed() < Duration::from_secs(15), "{differs}: {:?}", started.elapsed());
        assert_eq!(product.ends().map(|(datagram, _)| datagram.len()), Some(DATAGRAM), "{differs}");
    }
}

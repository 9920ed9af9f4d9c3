//! Alternate stacks for the threads that are alive when the reporter starts, and may never call the SDK.
//!
//! A library that a host opens comes late: most threads are there, the host's main thread among them, and pthread_create() can not be interposed. Only a thread
//! itself can set its alternate stack, so each gets a signal. Calling sigaltstack() in the handler is no use: on the way back the kernel sets what the
//! signal frame says. So the handler changes the frame.
//!
//! Which signal? One that nobody misses and that is ignored where we are late: the *default* of a signal that is still pending when its handler has
//! been taken out ends the process for most, SIGUSR1 and the real-time ones among them. SIGURG and SIGWINCH are ignored by default, and whoever handles one
//! has to expect it at any time; only a disposition that is the default is borrowed. A thread that blocks the signal may wait for it in sigwait(), and
//! is left alone. System calls are restarted; those that never are, such as poll() and nanosleep(), end with EINTR, once. A thread that has an
//! alternate stack, as all have that Go, Mono and CoreCLR made, keeps it; the JVM's threads have none, and its handlers do not use any.

use std::{
    fs, io,
    mem::{self, MaybeUninit},
    os::unix::fs::MetadataExt,
    ptr,
    sync::atomic::{AtomicPtr, AtomicUsize, Ordering},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::altstack::Memory;
use crate::ipc::spawn::SignalsBlocked;

/// How long threads have to answer. One that is stopped or deep in the kernel will not.
const PATIENCE: Duration = Duration::from_millis(250);
/// For the thread that gives the stacks. The C library takes the variables of all threads' libraries from it.
const GIVER_STACK: usize = 256 << 10;

/// Stacks that threads may take. Leaked: a handler may be reading.
struct Offer {
    stacks: Vec<libc::stack_t>,
    /// The next to be taken; goes on counting when all are.
    taken: AtomicUsize,
    answers: AtomicUsize,
    pid: i32,
}

static OFFER: AtomicPtr<Offer> = AtomicPtr::new(ptr::null_mut());

/// Gives each other thread of the process an alternate stack, where it has none. One caller at a time.
///
/// They keep it for good: nobody learns of their end. It is 128 KiB of addresses, and memory once a signal has used it.
///
/// A thread of ours does it, which ends when it has: hundreds of threads take milliseconds, for which nobody should wait. A process of one thread gets no second
/// one by it.
pub(crate) fn give_stacks() -> io::Result<Option<JoinHandle<io::Result<()>>>> {
    // The kernel counts a link for each thread, beside the two that each directory has.
    let links = fs::metadata("/proc/self/task")?.nlink();
    if links <= 2 + 1 {
        return Ok(None);
    }
    let caller = own_id();
    // What is sent to the process is for the product's threads. A thread inherits what is blocked.
    let _blocked = SignalsBlocked::all();
    let giver = thread::Builder::new().name("reporter".into()).stack_size(GIVER_STACK);
    Ok(Some(giver.spawn(move || give_stacks_to_all_but(caller))?))
}

fn give_stacks_to_all_but(caller: i32) -> io::Result<()> {
    let Some(signal) = [libc::SIGURG, libc::SIGWINCH].into_iter().find(|signal| is_free(*signal)) else {
        return Err(io::Error::other(
            "SIGURG and SIGWINCH are both in use: threads that never call the reporter have no alternate stack",
        ));
    };
    let threads: Vec<_> = others()?.into_iter().filter(|id| *id != caller && takes(*id, signal)).collect();
    if threads.is_empty() {
        return Ok(());
    }
    let memory: Vec<_> = threads.iter().map_while(|_| Memory::new()).collect();
    let offer: &'static Offer = Box::leak(Box::new(Offer {
        stacks: memory.iter().map(Memory::stack).collect(),
        taken: AtomicUsize::new(0),
        answers: AtomicUsize::new(0),
        pid: std::process::id().cast_signed(),
    }));
    OFFER.store(ptr::from_ref(offer).cast_mut(), Ordering::Release);

    let mut action = none();
    action.sa_sigaction = on_offer as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
    let mut previous = none();
    // SAFETY: the handler is async-signal-safe, takes the arguments of SA_SIGINFO, and lives as long as the program does.
    if unsafe { libc::sigaction(signal, &raw const action, &raw mut previous) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let asked = threads.iter().filter(|thread| ask(offer.pid, **thread, signal)).count();
    let started = Instant::now();
    while offer.answers.load(Ordering::Acquire) < asked && started.elapsed() < PATIENCE {
        thread::sleep(Duration::from_micros(50));
    }
    // The product may have put a handler of its own there meanwhile.
    if current(signal).is_some_and(|current| current.sa_sigaction == action.sa_sigaction) {
        // SAFETY: what was in force before: the default, which drops what is pending, or being ignored.
        unsafe { libc::sigaction(signal, &raw const previous, ptr::null_mut()) };
    }

    // A thread that was late may be taking one this very moment: then nothing is given back.
    let late = offer.answers.load(Ordering::Acquire) < asked;
    let mut memory = memory.into_iter();
    let taken = if late { usize::MAX } else { offer.taken.load(Ordering::Acquire) };
    memory.by_ref().take(taken).for_each(mem::forget);
    Ok(())
}

fn none() -> libc::sigaction {
    // SAFETY: zero is a value for all fields.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

fn is_free(signal: i32) -> bool {
    current(signal).is_some_and(|current| matches!(current.sa_sigaction, libc::SIG_DFL | libc::SIG_IGN))
}

fn current(signal: i32) -> Option<libc::sigaction> {
    let mut current = none();
    // SAFETY: only asks; `current` has the type that is filled.
    let asked = unsafe { libc::sigaction(signal, ptr::null(), &raw mut current) };
    (asked == 0).then_some(current)
}

/// The calling thread's id. Async-signal-safe: the system call itself, since glibc has a function for it from 2.30 on alone, and ours has to load with older ones.
pub(super) fn own_id() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}

/// The ids of all other threads.
fn others() -> io::Result<Vec<i32>> {
    let this = own_id();
    let entries = fs::read_dir("/proc/self/task")?;
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(ids.filter(|id| *id != this).collect())
}

/// Whether a thread does not block the signal.
fn takes(thread: i32, signal: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/self/task/{thread}/status")).unwrap_or_default();
    let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
    let blocked = blocked.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    blocked.is_some_and(|mask| mask & 1 << (signal - 1) == 0)
}

/// Sends the signal to a thread. Whether it is still there.
fn ask(process: i32, thread: i32, signal: i32) -> bool {
    // SAFETY: integers and pointers, for all of which zero is a value.
    let mut info: libc::siginfo_t = unsafe { MaybeUninit::zeroed().assume_init() };
    info.si_signo = signal;
    info.si_code = libc::SI_QUEUE;
    // SAFETY: a system call to a thread of this process; `info` is whole.
    unsafe { libc::syscall(libc::SYS_rt_tgsigqueueinfo, process, thread, signal, &raw const info) == 0 }
}

/// # Safety
/// For the kernel.
unsafe extern "C" fn on_offer(_: i32, info: *mut libc::siginfo_t, ucontext: *mut libc::c_void) {
    // SAFETY: null or leaked by `give_stacks`, and not written to but by atomics.
    let Some(offer) = (unsafe { OFFER.load(Ordering::Acquire).as_ref() }) else { return };
    // SAFETY: the kernel's own, whole and alive as long as this runs.
    let info = unsafe { &*info };
    // SAFETY: getpid(2) is async-signal-safe.
    let process = unsafe { libc::getpid() };
    // Any other was meant to be ignored; a child of fork() has its own threads.
    if info.si_code != libc::SI_QUEUE || process != offer.pid {
        return;
    }
    let stack = ucontext.wrapping_byte_add(mem::offset_of!(libc::ucontext_t, uc_stack)).cast::<libc::stack_t>();
    // SAFETY: this field lies in the part of the structure that the kernel has as well.
    let current = unsafe { stack.read() };
    // The thread that exec() left has none, and the kernel does not say SS_DISABLE of it here.
    let has_none = current.ss_size == 0 || current.ss_flags & libc::SS_DISABLE != 0;
    if has_none && let Some(offered) = offer.stacks.get(offer.taken.fetch_add(1, Ordering::AcqRel)) {
        // SAFETY: the kernel reads it when this handler returns. The memory is this thread's from now on.
        unsafe { stack.write(*offered) };
    }
    offer.answers.fetch_add(1, Ordering::AcqRel);
}

//! The handlers that were there before ours, and how a fault gets on to them.
//!
//! A reported fault goes its ordinary way: core dumps, debuggers, the exit status and others' handlers see what they would have seen without us.

use std::{
    cell::UnsafeCell,
    io,
    mem::MaybeUninit,
    ptr,
    sync::atomic::{AtomicBool, Ordering},
};

/// What is caught. SIGSYS comes from a seccomp filter.
pub(crate) const SIGNALS: [i32; 7] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGABRT, libc::SIGSYS];

/// A handler as `SA_SIGINFO` wants it.
pub(crate) type Handler = unsafe extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void);

/// What was there before us, for one signal.
struct Link {
    previous: UnsafeCell<MaybeUninit<libc::sigaction>>,
    /// `previous` is set, and does not change while our handler can run.
    set: AtomicBool,
    /// A fault was passed on to `previous`.
    passed: AtomicBool,
}

// SAFETY: `previous` is written by `install` alone, which the start of the reporter calls one at a time, before `set`.
unsafe impl Sync for Link {}

static LINKS: [Link; SIGNALS.len()] = [const {
    Link {
        previous: UnsafeCell::new(MaybeUninit::zeroed()),
        set: AtomicBool::new(false),
        passed: AtomicBool::new(false),
    }
}; SIGNALS.len()];

fn link(signal: i32) -> Option<&'static Link> {
    SIGNALS.iter().position(|known| *known == signal).map(|at| &LINKS[at])
}

impl Link {
    /// Async-signal-safe.
    fn previous(&self) -> libc::sigaction {
        if self.set.load(Ordering::Acquire) {
            // SAFETY: `set` says that it is written, and it is not written again while our handler is installed.
            unsafe { self.previous.get().cast::<libc::sigaction>().read() }
        } else {
            default()
        }
    }
}

fn default() -> libc::sigaction {
    // SAFETY: zero is a value for all fields; SIG_DFL is 0.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

fn current(signal: i32) -> io::Result<libc::sigaction> {
    let mut current = default();
    // SAFETY: only asks; `current` has the type that is filled.
    match unsafe { libc::sigaction(signal, ptr::null(), &raw mut current) } {
        0 => Ok(current),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Puts `handler` on top of what is there for `signal`, one of [`SIGNALS`]. Not for two threads at once.
pub(crate) fn install(signal: i32, handler: Handler) -> io::Result<()> {
    let Some(link) = link(signal) else { return Ok(()) };
    let previous = current(signal)?;
    if previous.sa_sigaction == handler as usize {
        return Ok(());
    }
    // Ours is not the handler now. One that came on top of us before a restart may still call us: until `set`, it finds the default.
    link.set.store(false, Ordering::Release);
    // SAFETY: with `set` taken back, nobody reads this.
    unsafe { (*link.previous.get()).write(previous) };
    link.passed.store(false, Ordering::Relaxed);
    link.set.store(true, Ordering::Release);
    let mut ours = default();
    ours.sa_sigaction = handler as usize;
    // A handler that runs on the thread's own stack wants that: CoreCLR's for SIGFPE breaks on another.
    let stack = match previous.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => libc::SA_ONSTACK,
        _ => previous.sa_flags & libc::SA_ONSTACK,
    };
    ours.sa_flags = libc::SA_SIGINFO | stack;
    // All of ours are blocked in the handler: a fault in it then ends the process instead of coming back to it.
    for signal in SIGNALS {
        // SAFETY: a set that is part of `ours`, and a signal that exists.
        unsafe { libc::sigaddset(&raw mut ours.sa_mask, signal) };
    }
    // SAFETY: `handler` is async-signal-safe, takes the arguments of SA_SIGINFO, and lives as long as the program does.
    match unsafe { libc::sigaction(signal, &raw const ours, ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Puts back what was there, unless someone has come on top of us: they go on calling us, and we pass on.
pub(crate) fn uninstall(signal: i32, handler: Handler) {
    let on_top = current(signal).is_ok_and(|current| current.sa_sigaction == handler as usize);
    if let Some(link) = link(signal).filter(|_| on_top) {
        let previous = link.previous();
        // SAFETY: an action that was in force before.
        unsafe { libc::sigaction(signal, &raw const previous, ptr::null_mut()) };
    }
}

/// Whether the signal would have had no effect without us: somebody sent one that the product ignores. Async-signal-safe.
pub(crate) fn is_ignored(info: &libc::siginfo_t) -> bool {
    // abort() does not take being ignored for an answer.
    info.si_signo != libc::SIGABRT
        && info.si_code <= 0
        && link(info.si_signo).is_some_and(|link| link.previous().sa_sigaction == libc::SIG_IGN)
}

/// Whether the instruction runs again when the handler returns, and faults again.
fn comes_back(info: &libc::siginfo_t) -> bool {
    // An int3 is over once it is taken, and a system call that was refused counts as done; so does news of bad memory that nobody used.
    info.si_code > 0
        && matches!(info.si_signo, libc::SIGSEGV | libc::SIGBUS | libc::SIGILL | libc::SIGFPE)
        && !(info.si_signo == libc::SIGBUS && info.si_code == libc::BUS_MCEERR_AO)
}

/// Lets the signal run its course: our handler gives way to what was there before, and returns to meet it. Async-signal-safe.
pub(crate) fn pass_on(info: &libc::siginfo_t) {
    let signal = info.si_signo;
    let mut next = default();
    if let Some(link) = link(signal) {
        // The second time, the one before us has put us back or calls us as *its* previous handler: going on in turns would never end.
        if !link.passed.swap(true, Ordering::AcqRel) {
            next = link.previous();
        }
    }
    // SAFETY: sigaction(2) is async-signal-safe; `next` is an action that was in force before, or the default.
    unsafe { libc::sigaction(signal, &raw const next, ptr::null_mut()) };
    if comes_back(info) {
        return;
    }
    // Blocked until the handler returns, then delivered with all that came with it: who sent it, and why.
    // SAFETY: getpid(2) is async-signal-safe.
    let process = unsafe { libc::getpid() };
    // SAFETY: gettid(2) is async-signal-safe.
    let thread = unsafe { libc::gettid() };
    // SAFETY: a system call on this very thread; `info` is whole.
    let queued = unsafe { libc::syscall(libc::SYS_rt_tgsigqueueinfo, process, thread, signal, &raw const *info) };
    if queued != 0 {
        // SAFETY: as above. A queue that is full still takes a plain signal.
        unsafe { libc::syscall(libc::SYS_tgkill, process, thread, signal) };
    }
}

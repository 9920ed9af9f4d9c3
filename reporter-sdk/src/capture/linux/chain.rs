//! The handlers that were there before ours, and how a fault gets on to them.
//!
//! A reported fault goes its ordinary way: core dumps, debuggers, the exit status and others' handlers see what they would have seen without us. A fault
//! that may be a managed runtime's own goes to that runtime first: see [`Runtime`].
//!
//! Others come on top of us: a driver, Qt, Mono that is loaded later. [`arm`] then puts us on top of them. Whoever is found there is called, or
//! put in force, before those that were there earlier; and it may call us, as the handler that *it* found.

use std::{
    io, iter,
    mem::{self, MaybeUninit},
    ptr, slice,
    sync::atomic::{AtomicPtr, AtomicUsize, Ordering},
};

use super::{
    context,
    runtime::{Fault, Runtime},
    threads,
};

/// What is caught. SIGSYS comes from a seccomp filter.
pub(crate) const SIGNALS: [i32; 7] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGABRT, libc::SIGSYS];

/// A handler as `SA_SIGINFO` wants it. Exceptions may pass: a runtime or a product may unwind out of a handler below.
pub(crate) type Handler = unsafe extern "C-unwind" fn(i32, *mut libc::siginfo_t, *mut libc::c_void);

/// A handler that we found in force.
#[derive(Clone)]
struct Link {
    action: libc::sigaction,
    runtime: Option<Runtime>,
}

/// One signal.
struct Chain {
    /// Those before us, newest first. Replaced as a whole and never freed: a handler may be reading. Null for none.
    links: AtomicPtr<Vec<Link>>,
    /// All that these ever were. What comes again, as with each start and end, is there already; what does not is found by a leak checker.
    kept: AtomicPtr<Kept>,
    /// How many of them a fault was passed on to.
    passed: AtomicUsize,
}

/// A list that was in use, and those before it.
struct Kept {
    links: Vec<Link>,
    older: Option<&'static Kept>,
}

static CHAINS: [Chain; SIGNALS.len()] = [const { Chain::new() }; SIGNALS.len()];

fn chain(signal: i32) -> Option<&'static Chain> {
    SIGNALS.iter().position(|known| *known == signal).map(|at| &CHAINS[at])
}

impl Chain {
    /// Nobody was there before us.
    const fn new() -> Self {
        Self {
            links: AtomicPtr::new(ptr::null_mut()),
            kept: AtomicPtr::new(ptr::null_mut()),
            passed: AtomicUsize::new(0),
        }
    }

    /// Async-signal-safe.
    fn links(&self) -> &'static [Link] {
        // SAFETY: null or a part of what comes from `Box::leak`, and not written to since.
        unsafe { self.links.load(Ordering::Acquire).as_ref() }.map(Vec::as_slice).unwrap_or_default()
    }

    fn push(&self, link: &Link) {
        /// More than ever come on top of one another.
        const LONGEST: usize = 8;
        let before = self.links();
        // One that is installed again and again, which knows nothing of us, has its place once.
        let others = before.iter().filter(|other| other.action.sa_sigaction != link.action.sa_sigaction).cloned();
        let mut links: Vec<_> = iter::once(link.clone()).chain(others).collect();
        links.truncate(LONGEST);
        self.replace(links);
    }

    /// Not for two threads at once.
    fn replace(&self, links: Vec<Link>) {
        // SAFETY: null or from `Box::leak`, and not written to since.
        let newest: Option<&'static Kept> = unsafe { self.kept.load(Ordering::Acquire).as_ref() };
        let known = iter::successors(newest, |kept| kept.older).find(|kept| are_same(&kept.links, &links));
        let kept = known.unwrap_or_else(|| {
            let kept: &'static Kept = Box::leak(Box::new(Kept { links, older: newest }));
            self.kept.store(ptr::from_ref(kept).cast_mut(), Ordering::Release);
            kept
        });
        self.links.store(ptr::from_ref(&kept.links).cast_mut(), Ordering::Release);
    }
}

fn are_same(links: &[Link], others: &[Link]) -> bool {
    links.len() == others.len() && links.iter().zip(others).all(|(link, other)| is_same(&link.action, &other.action))
}

fn is_same(a: &libc::sigaction, b: &libc::sigaction) -> bool {
    let bytes = |mask: &libc::sigset_t| {
        // SAFETY: an array of integers, without padding.
        unsafe { slice::from_raw_parts(ptr::from_ref(mask).cast::<u8>(), mem::size_of::<libc::sigset_t>()) }.to_vec()
    };
    a.sa_sigaction == b.sa_sigaction && a.sa_flags == b.sa_flags && bytes(&a.sa_mask) == bytes(&b.sa_mask)
}

fn default() -> libc::sigaction {
    // SAFETY: zero is a value for all fields; SIG_DFL is 0.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

/// What is in force. Async-signal-safe.
fn current(signal: i32) -> io::Result<libc::sigaction> {
    let mut current = default();
    // SAFETY: sigaction(2) is async-signal-safe, and only asked; `current` has the type that is filled.
    match unsafe { libc::sigaction(signal, ptr::null(), &raw mut current) } {
        0 => Ok(current),
        _ => Err(io::Error::last_os_error()),
    }
}

fn is_in_force(signal: i32, handler: Handler) -> bool {
    current(signal).is_ok_and(|current| current.sa_sigaction == handler as usize)
}

/// All of ours.
fn all() -> libc::sigset_t {
    let mut set = default().sa_mask;
    for signal in SIGNALS {
        // SAFETY: async-signal-safe; a set that is whole, and a signal that exists.
        unsafe { libc::sigaddset(&raw mut set, signal) };
    }
    set
}

/// Puts `handler` on top of what is there for `signal`, one of [`SIGNALS`]; a system call and no more where it is there already. Not for two threads
/// at once.
pub(crate) fn arm(signal: i32, handler: Handler) -> io::Result<()> {
    let Some(chain) = chain(signal) else { return Ok(()) };
    let found = current(signal)?;
    if found.sa_sigaction == handler as usize {
        return Ok(());
    }
    chain.push(&Link { action: found, runtime: Runtime::of(found.sa_sigaction) });
    chain.passed.store(0, Ordering::Release);

    let mut ours = default();
    ours.sa_sigaction = handler as usize;
    ours.sa_flags = libc::SA_SIGINFO;
    if let Some(link) = chain.links().iter().find(|link| link.runtime.is_some()) {
        // Its handler runs inside ours, and is to find what it would have found. CoreCLR's for SIGFPE breaks on an alternate stack; and where it unwinds
        // out of both, it unblocks that one signal: all others that were blocked would stay so. (The JVM's are without an alternate stack: an overflow of native
        // code then ends the process unseen, as it does without us.)
        ours.sa_flags |= link.action.sa_flags & (libc::SA_ONSTACK | libc::SA_NODEFER | libc::SA_RESTART);
        ours.sa_mask = link.action.sa_mask;
    } else {
        ours.sa_flags |= libc::SA_ONSTACK;
        ours.sa_mask = all();
    }
    // SAFETY: `handler` is async-signal-safe, takes the arguments of SA_SIGINFO, and lives as long as the program does.
    match unsafe { libc::sigaction(signal, &raw const ours, ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Puts back what was there, unless someone has come on top of us: they go on calling us, and we pass on. Not for two threads at once.
pub(crate) fn disarm(signal: i32, handler: Handler) {
    let Some(chain) = chain(signal).filter(|_| is_in_force(signal, handler)) else { return };
    let (previous, rest) = chain.links().split_first().map_or((default(), &[][..]), |(link, rest)| (link.action, rest));
    // SAFETY: an action that was in force before.
    unsafe { libc::sigaction(signal, &raw const previous, ptr::null_mut()) };
    // It may call us, as the handler that it found.
    chain.replace(rest.to_vec());
}

/// Whether the signal would have had no effect without us: somebody sent one that the product ignores. Async-signal-safe.
pub(crate) fn is_ignored(info: &libc::siginfo_t) -> bool {
    // abort() does not take being ignored for an answer.
    info.si_signo != libc::SIGABRT
        && info.si_code <= 0
        && chain(info.si_signo)
            .and_then(|chain| chain.links().first())
            .is_some_and(|link| link.action.sa_sigaction == libc::SIG_IGN)
}

/// Blocks all of ours: a fault in what follows then ends the process instead of coming back to it. Async-signal-safe.
pub(crate) fn block() {
    let set = all();
    // SAFETY: sigprocmask(2), which is what this is for the calling thread, is async-signal-safe. The kernel or whoever called us puts the mask back.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) };
}

/// Says in the unused end of a siginfo that its fault is with a runtime: one that came on top of us calls us when it gives up. (The kernel has left
/// zeros there since Linux 4.18.)
struct Mark(*mut u64);

impl Mark {
    const OFFERED: u64 = u64::from_le_bytes(*b"Offered\0");

    fn of(info: &mut libc::siginfo_t) -> Self {
        let end = ptr::from_mut(info).wrapping_add(1);
        Self(end.cast::<u64>().wrapping_sub(1))
    }

    fn is_set(&self) -> bool {
        // SAFETY: the last 8 of the structure's 128 bytes, which is aligned for it.
        unsafe { self.0.read() == Self::OFFERED }
    }

    fn set(&self, value: u64) {
        // SAFETY: as above; the kernel made the structure for this very call.
        unsafe { self.0.write(value) };
    }
}

/// Gives a fault that may be a runtime's own to that runtime's handler, which may not return. Whether it is settled. Async-signal-safe, as far as the runtime's
/// handler is.
///
/// # Safety
/// Arguments of the running `handler`, whose caller expects nothing of it afterwards but to return.
pub(crate) unsafe fn is_resolved(info: &mut libc::siginfo_t, ucontext: *mut libc::c_void, handler: Handler) -> bool {
    let signal = info.si_signo;
    let Some(chain) = chain(signal) else { return false };
    let links = chain.links();
    // SAFETY: the caller's promise.
    let fault = unsafe { Fault::new(info, ucontext) };
    let found = links.iter().enumerate().find_map(|(at, link)| {
        let runtime = link.runtime.filter(|runtime| runtime.may_resolve(&fault))?;
        Some((at, link, runtime))
    });
    let Some((at, link, runtime)) = found else { return false };

    let mark = Mark::of(info);
    if mark.is_set() {
        // Its last word is this call.
        mark.set(0);
        return false;
    }
    // The one that was there first can not know us. Where it never returns, as CoreCLR, an older kernel might show us the mark again.
    if at + 1 < links.len() {
        mark.set(Mark::OFFERED);
    }
    // SAFETY: the caller's promise, handed on.
    unsafe { call(&link.action, signal, info, ucontext) };
    mark.set(0);
    // SAFETY: the caller's promise.
    let (instruction, _) = unsafe { context::position(ucontext) };
    if instruction != fault.instruction {
        return true;
    }
    if is_in_force(signal, handler) && (runtime.opens_guard_pages() || !comes_back(info)) {
        return true;
    }
    if at == 0 {
        // It had its turn. CoreCLR would write a second dump file.
        chain.passed.fetch_max(1, Ordering::AcqRel);
    }
    false
}

/// # Safety
/// `action` was in force; the arguments are those of a running handler.
unsafe fn call(action: &libc::sigaction, signal: i32, info: *mut libc::siginfo_t, ucontext: *mut libc::c_void) {
    // SAFETY: a runtime's handler, as sigaction(2) was given it; a plain one just does not look at two of the arguments.
    let handler = unsafe { mem::transmute::<usize, Handler>(action.sa_sigaction) };
    // SAFETY: what the kernel would have passed; blocked and stacked as the action says, by `arm`.
    unsafe { handler(signal, info, ucontext) };
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
    // One after another, and the default behind the last: some put back what they found or call it, which is us, and going on in turns would never end.
    let next = chain(signal)
        .and_then(|chain| chain.links().get(chain.passed.fetch_add(1, Ordering::AcqRel)))
        .map_or(default(), |link| link.action);
    // SAFETY: sigaction(2) is async-signal-safe; `next` is an action that was in force before, or the default.
    unsafe { libc::sigaction(signal, &raw const next, ptr::null_mut()) };
    if comes_back(info) {
        return;
    }
    // Blocked until the handler returns, then delivered with all that came with it: who sent it, and why.
    // SAFETY: getpid(2) is async-signal-safe.
    let process = unsafe { libc::getpid() };
    let thread = threads::own_id();
    // SAFETY: a system call on this very thread; `info` is whole.
    let queued = unsafe { libc::syscall(libc::SYS_rt_tgsigqueueinfo, process, thread, signal, &raw const *info) };
    if queued != 0 {
        // SAFETY: as above. A queue that is full still takes a plain signal.
        unsafe { libc::syscall(libc::SYS_tgkill, process, thread, signal) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(handler: usize, flags: i32) -> Link {
        Link { action: libc::sigaction { sa_sigaction: handler, sa_flags: flags, ..default() }, runtime: None }
    }

    #[test]
    fn the_newest_handler_is_first_and_each_is_there_once() {
        let chain = Chain::new();
        let handlers = || chain.links().iter().map(|link| link.action.sa_sigaction).collect::<Vec<_>>();
        assert_eq!(handlers(), [] as [usize; 0]);
        for handler in [libc::SIG_DFL, 10, 20, 10] {
            chain.push(&link(handler, 0));
        }
        assert_eq!(handlers(), [10, 20, libc::SIG_DFL]);
        // Whoever does it again and again takes no memory.
        let before = chain.links().as_ptr();
        chain.push(&link(10, 0));
        assert_eq!(chain.links().as_ptr(), before);
        chain.push(&link(10, libc::SA_ONSTACK));
        assert_eq!((handlers().len(), chain.links()[0].action.sa_flags), (3, libc::SA_ONSTACK));
        (100..200).for_each(|handler| chain.push(&link(handler, 0)));
        assert_eq!((handlers().len(), handlers()[0]), (8, 199));
    }

    #[test]
    fn the_mark_lies_in_the_last_bytes_of_a_siginfo() {
        // SAFETY: integers and pointers, for all of which zero is a value.
        let mut two: [libc::siginfo_t; 2] = unsafe { MaybeUninit::zeroed().assume_init() };
        let mark = Mark::of(&mut two[0]);
        assert_eq!((mark.is_set(), mark.0 as usize - (&raw const two).addr()), (false, 120));
        mark.set(Mark::OFFERED);
        assert!(mark.is_set() && two[0].si_signo == 0 && two[1].si_signo == 0);
        mark.set(0);
        assert!(!mark.is_set());
    }
}

//! Faults: the signals that end a process by its own doing.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

use report_format::schema::v1::ErrorKind;

use super::{chain, child, context, terminate, threads};
use crate::{
    capture::{
        claim::{self, Claim, Claimed},
        handled, panic,
    },
    reporter,
    shared::writer::Crash,
};

/// Held while handlers are put in force or taken out. Never taken in a signal handler.
static ARMING: Mutex<()> = Mutex::new(());

/// Puts our handler on top of what is there, for as long as a reporter is active: at its start, and whenever somebody may have replaced ours since.
///
/// Seven system calls where nothing changed. Nothing is done once a fault was reported: those that were there before are in force to finish the process.
pub(crate) fn rearm() -> io::Result<()> {
    let _arming = ARMING.lock().unwrap_or_else(PoisonError::into_inner);
    if reporter::active().is_none() || claim::is_ending() {
        return Ok(());
    }
    terminate::install();
    chain::SIGNALS.into_iter().try_for_each(|signal| chain::arm(signal, on_signal))
}

/// Puts back what was there, once no reporter is active.
pub(crate) fn disarm() {
    let _arming = ARMING.lock().unwrap_or_else(PoisonError::into_inner);
    for signal in chain::SIGNALS {
        chain::disarm(signal, on_signal);
    }
}

/// Reports what no runtime resolves, then lets the signal run its course. From here on everything is async-signal-safe.
///
/// # Safety
/// For the kernel, or for a handler that passes its own arguments on.
unsafe extern "C-unwind" fn on_signal(_: i32, info: *mut libc::siginfo_t, ucontext: *mut libc::c_void) {
    // SAFETY: the calling thread's own errno, which the interrupted code may be about to read.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: it lives as long as the thread does.
    let errno = unsafe { place.read() };
    // SAFETY: SA_SIGINFO handlers are given a whole siginfo that lives as long as they run, and is theirs.
    let info = unsafe { &mut *info };
    // Before anything is claimed or blocked: a runtime's handler may never return, or fault itself.
    // SAFETY: the caller's promise.
    let settled = chain::is_ignored(info) || unsafe { chain::is_resolved(info, ucontext, on_signal) };
    if !settled {
        chain::block();
        // SAFETY: the caller's promise.
        unsafe { report(info, ucontext) };
        chain::pass_on(info);
    }
    // SAFETY: as above.
    unsafe { place.write(errno) };
}

/// # Safety
/// As for [`on_signal`].
unsafe fn report(info: &libc::siginfo_t, ucontext: *mut libc::c_void) {
    let Some(state) = reporter::active() else {
        // SAFETY: the caller's promise.
        return unsafe { child::report(info, ucontext) };
    };
    // SAFETY: getpid(2) is async-signal-safe.
    let pid = unsafe { libc::getpid() } as u32;
    let tid = threads::own_id() as u32;
    // A child that was cloned past the fork handlers shares our memory and our sockets, and its crash is not the product's.
    if pid != state.pid || !state.options.wants(ErrorKind::Crash) {
        return;
    }
    if info.si_signo == libc::SIGABRT && (panic::is_ending(tid) || handled::is_ending(tid)) {
        return;
    }
    match Claim::take(tid, state.crash.longest()) {
        Claimed::Yes(mut claim) => {
            // SAFETY: the caller's promise.
            let context = unsafe { context::of_signal(&mut claim, info, ucontext, pid, tid) };
            state.shared.crashed(&Crash {
                number: state.crash.next_number(),
                kind: ErrorKind::Crash.into(),
                pid,
                tid,
                signal: Some((info.si_signo, info.si_code)),
                address: context::address(info),
                context: context.as_bytes(),
            });
            state.crash.report();
            claim.keep();
        }
        // A fault in our own work, or after a fault that was reported; or another thread's report that takes too long. No second word on it.
        Claimed::Already | Claimed::TimedOut => {}
    }
}

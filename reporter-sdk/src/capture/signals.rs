//! Faults: the signals that end a process by its own doing.

use std::io;

use report_format::schema::v1::ErrorKind;

use super::{
    chain, child, context, panic,
    wake::{Claim, Claimed},
};
use crate::{reporter, shared::writer::Crash};

/// Puts our handler on top of what is there.
pub(crate) fn install() -> io::Result<()> {
    chain::SIGNALS.into_iter().try_for_each(|signal| chain::install(signal, on_signal))
}

/// Puts back what was there.
pub(crate) fn uninstall() {
    for signal in chain::SIGNALS {
        chain::uninstall(signal, on_signal);
    }
}

/// Reports, then lets the signal run its course. From here on everything is async-signal-safe.
///
/// # Safety
/// For the kernel, or for a handler that passes its own arguments on.
unsafe extern "C" fn on_signal(_: i32, info: *mut libc::siginfo_t, ucontext: *mut libc::c_void) {
    // SAFETY: the calling thread's own errno, which the interrupted code may be about to read.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: it lives as long as the thread does.
    let errno = unsafe { place.read() };
    // SAFETY: SA_SIGINFO handlers are given a whole siginfo that lives as long as they run.
    let info = unsafe { &*info };
    if chain::is_ignored(info) {
        return;
    }
    // SAFETY: the caller's promise.
    unsafe { report(info, ucontext) };
    chain::pass_on(info);
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
    // SAFETY: gettid(2) is async-signal-safe.
    let tid = unsafe { libc::gettid() } as u32;
    // A child that was cloned past the fork handlers shares our memory and our sockets, and its crash is not the product's.
    if pid != state.pid || !state.options.wants(ErrorKind::Crash) {
        return;
    }
    if info.si_signo == libc::SIGABRT && panic::is_ending(tid) {
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

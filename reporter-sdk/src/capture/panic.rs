//! Rust panics: reported from the hook, before the stack unwinds or the process aborts.

use std::{
    panic::{self, Location, PanicHookInfo},
    sync::{
        Once,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use report_format::schema::v1::ErrorKind;

use super::claim::{Claim, Claimed};
use crate::{
    reporter::{self, State},
    shared::writer::{self, Panic},
};

/// The thread whose panic was reported last.
static REPORTED: AtomicU32 = AtomicU32::new(0);

/// Puts our hook before the one that is there. Once for the process: a hook can not be taken out from under another that was put on top.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    // Setting a hook while panicking is a panic itself.
    if thread::panicking() {
        return;
    }
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            // First, since a product's own hook may well end the process.
            if let Some(state) = reporter::entered() {
                report(state, info);
            }
            previous(info);
        }));
    });
}

/// Whether a SIGABRT in this thread is the end of a panic that is reported already: `panic = "abort"`, a panic while unwinding, one
/// that meets a C caller. Async-signal-safe in a thread that has panicked, whose panic count is in place.
#[cfg(any(target_os = "linux", windows))]
pub(crate) fn is_ending(tid: u32) -> bool {
    REPORTED.load(Ordering::Relaxed) == tid && thread::panicking()
}

/// The thread whose panic was reported last, for who reads this process's memory.
#[cfg(windows)]
pub(crate) fn reported() -> &'static AtomicU32 {
    &REPORTED
}

fn report(state: &State, info: &PanicHookInfo<'_>) {
    if !state.options.wants(ErrorKind::Panic) {
        return;
    }
    let tid = writer::thread_id();
    let message = info.payload_as_str().unwrap_or("Box<dyn Any>");
    // A panic that meets a C caller or comes up while unwinding starts a second one, with these words of the standard library, in the same
    // thread. The first is the one that tells something.
    let follows = ["panic in a function that cannot unwind", "panic in a destructor during cleanup"].contains(&message);
    if follows && REPORTED.load(Ordering::Relaxed) == tid {
        return;
    }
    // Another thread may be reporting, and goes on after it unless it crashed.
    let Claimed::Yes(mut claim) = Claim::take(tid, state.crash.longest()) else { return };
    REPORTED.store(tid, Ordering::Relaxed);
    let thread = thread::current();
    state.shared.panicked(&Panic {
        message,
        file: info.location().map_or("", |location| location.file()),
        line: info.location().map_or(0, Location::line),
        column: info.location().map_or(0, Location::column),
        thread_name: thread.name().unwrap_or(""),
    });
    state.report_here(&mut claim, state.crash.next_number(), ErrorKind::Panic, tid);
}

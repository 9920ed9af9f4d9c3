//! Who of the threads that fail at once may report. Everything here is safe in signal and exception handlers.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::sys;
use crate::shared::clock;

/// How a wait for the handler ended. Whichever it is, the product goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It has what it needs.
    Done,
    /// It is gone.
    Gone,
    /// No sign of life in time, or not done in time.
    TimedOut,
}

/// The thread that is reporting; 0 for none.
static OWNER: AtomicU32 = AtomicU32::new(0);

/// Set when the owner has reported a fault and lets it run its course: the process is about to end.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Whether a fault was reported and runs its course.
pub(crate) fn is_ending() -> bool {
    ENDING.load(Ordering::Acquire)
}

/// The same, for who reads this process's memory.
#[cfg(windows)]
pub(crate) fn ending() -> &'static AtomicBool {
    &ENDING
}

/// How long other threads that crash leave an ending process the time to end, in nanoseconds.
const END_GRACE: u64 = 2_000_000_000;

/// The right to fill the crash slot and to use the crash channel.
#[derive(Debug)]
pub(crate) struct Claim(());

#[derive(Debug)]
pub(crate) enum Claimed {
    Yes(Claim),
    /// This very thread has it: whatever happens now, happens inside our own work.
    Already,
    /// Another thread has it, and did not give it back in time.
    TimedOut,
}

impl Claim {
    /// Takes the claim for the calling thread, waiting for another thread that has it up to `timeout` nanoseconds. Async-signal-safe.
    pub(crate) fn take(thread: u32, timeout: u64) -> Claimed {
        let started = clock::monotonic();
        loop {
            match OWNER.compare_exchange(0, thread, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Claimed::Yes(Self(())),
                Err(owner) if owner == thread => return Claimed::Already,
                Err(_) => {}
            }
            let timeout = if ENDING.load(Ordering::Acquire) { timeout.min(END_GRACE) } else { timeout };
            if clock::monotonic().saturating_sub(started) >= timeout {
                return Claimed::TimedOut;
            }
            sys::pause();
        }
    }

    /// Gives it back in the name of threads that are not there any more: a forked child has one only. Async-signal-safe.
    #[cfg_attr(windows, expect(dead_code, reason = "no process forks"))]
    pub(crate) fn forget() {
        OWNER.store(0, Ordering::Release);
        ENDING.store(false, Ordering::Release);
    }

    /// Keeps it for the rest of the process: nothing is reported after a fault.
    pub(crate) fn keep(self) {
        ENDING.store(true, Ordering::Release);
        std::mem::forget(self);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        OWNER.store(0, Ordering::Release);
    }
}

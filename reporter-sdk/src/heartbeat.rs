//! The sign of life of the product's main loop.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{capture::sys, reporter, shared::clock};

/// Between two looks at whether our signal handlers are still in force, in nanoseconds.
const REARM_EVERY: u64 = 1_000_000_000;

/// Tells that the product answers: to be called in each round of its main loop, by the thread that must not hang.
///
/// Costs a few nanoseconds; once a second it also looks whether another party has replaced our signal handlers, as [`rearm`](crate::rearm) does. From the first call on the product is watched, if [`Options::hang_after`](crate::Options::hang_after) is
/// set: when no other follows for so long, the thread that gave the last one is reported as hanging. While the product waits on purpose, call
/// [`heartbeat_pause`].
///
/// ```
/// for event in ["opened", "resized", "closed"] {
///     reporter_sdk::heartbeat();
///     println!("{event}");
/// }
/// reporter_sdk::heartbeat_pause();
/// ```
pub fn heartbeat() {
    if let Some(state) = reporter::entered() {
        state.shared.heartbeat();
        if is_due()
            && let Err(error) = sys::rearm()
        {
            log::warn!("signal handlers could not be put on top again: {error}");
        }
    }
}

/// Whether the last look is long enough ago. True for one of several threads that ask at once.
fn is_due() -> bool {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let (last, now) = (LAST.load(Ordering::Relaxed), clock::coarse());
    now.saturating_sub(last) >= REARM_EVERY
        && LAST.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

/// Stops the watch until the next [`heartbeat`]: for a modal dialog with a loop of its own, a long wait, the end of the main loop.
pub fn heartbeat_pause() {
    if let Some(state) = reporter::entered() {
        state.shared.pause_heartbeat();
    }
}

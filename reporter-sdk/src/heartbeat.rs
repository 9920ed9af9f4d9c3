//! The sign of life of the product's main loop.

use crate::reporter;

/// Tells that the product answers: to be called in each round of its main loop, by the thread that must not hang.
///
/// Costs a few nanoseconds and no system call. From the first call on the product is watched, if [`Options::hang_after`](crate::Options::hang_after) is
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
    }
}

/// Stops the watch until the next [`heartbeat`]: for a modal dialog with a loop of its own, a long wait, the end of the main loop.
pub fn heartbeat_pause() {
    if let Some(state) = reporter::entered() {
        state.shared.pause_heartbeat();
    }
}

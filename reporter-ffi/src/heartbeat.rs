//! The sign of life of the product's main loop.

use crate::{ffi::boundary, status::reporter_status_t};

/// Tells that the product answers: to be called in each round of its main loop, by the thread that must not hang.
///
/// Costs a few nanoseconds; about once a second it also looks whether the library's signal handlers are still on top, and puts them back where another
/// party has replaced them, as reporter_rearm() does. From the first call on the product is watched, if reporter_options_set_hang_after() was called:
/// when no other follows for so long, the thread that gave the last one is reported as hanging. While the product waits on purpose, call
/// reporter_heartbeat_pause().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_heartbeat() -> reporter_status_t {
    boundary(|| {
        reporter_sdk::heartbeat();
        Ok(())
    })
}

/// Stops the watch until the next reporter_heartbeat(): for a modal dialog with a loop of its own, a long wait, the end of the main loop.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_heartbeat_pause() -> reporter_status_t {
    boundary(|| {
        reporter_sdk::heartbeat_pause();
        Ok(())
    })
}

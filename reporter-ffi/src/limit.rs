//! Options about hangs, and about how many reports there may be.

use std::time::Duration;

use crate::{
    ffi::Failure,
    options::{edit, reporter_options_t},
    status::reporter_status_t::{self, *},
};

/// Reports a hang: reporter_heartbeat() was called, and then is not called for so many milliseconds. Default: 0, hangs are not looked for.
/// Else at least 100 and at most a day; 10,000 or more tell a hang from a slow disk. The product goes on untouched.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_hang_after(
    options: *mut reporter_options_t,
    silence: u32,
) -> reporter_status_t {
    const DAY: u32 = 24 * 60 * 60 * 1000;
    // SAFETY: the caller answers for the pointer.
    unsafe {
        edit(options, [], |options, []| {
            if silence != 0 && !(100..=DAY).contains(&silence) {
                let text = format!("a hang after {silence} ms: 0 for never, else 100 ms to {DAY} ms");
                return Err(Failure::new(REPORTER_ERROR_ARGUMENT, text));
            }
            options.change(|sdk| sdk.hang_after(Duration::from_millis(silence.into())));
            Ok(())
        })
    }
}

/// Reports within 24 hours: of errors with the same signature, and of all. 0 is no limit. Default: 5 and 25. Errors beyond are counted, and nobody is
/// asked about them; the next report of that signature tells how many there were.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_limits(
    options: *mut reporter_options_t,
    per_signature: u32,
    per_day: u32,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointer.
    unsafe {
        edit(options, [], |options, []| {
            options.change(|sdk| sdk.limits(per_signature, per_day));
            Ok(())
        })
    }
}

/// What the spool holds at most: reports that nobody has decided about, reports that wait for delivery, and bytes of each of the two. 0 is no limit.
/// Default: 20, 100 and 268,435,456. The oldest give way to a new one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_spool_limits(
    options: *mut reporter_options_t,
    undecided: u32,
    outgoing: u32,
    bytes: u64,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointer.
    unsafe {
        edit(options, [], |options, []| {
            options.change(|sdk| sdk.spool_limits(undecided, outgoing, bytes));
            Ok(())
        })
    }
}

/// The most bytes of memory that are read for a REPORTER_DUMP_FULL_MEMORY; 0 is no limit. Default: 8,589,934,592. Memory that was never written to does not
/// count. A product that has more loses what says the least of it first, and the report says how much is missing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_full_memory_limit(
    options: *mut reporter_options_t,
    bytes: u64,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointer.
    unsafe {
        edit(options, [], |options, []| {
            options.change(|sdk| sdk.full_memory_limit(bytes));
            Ok(())
        })
    }
}

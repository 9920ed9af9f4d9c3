//! The clocks, in nanoseconds. By the vDSO: no system call, and safe in a signal handler.
//!
//! Through the C library, which knows whether there is a vDSO: rustix takes its place from the kernel's own auxiliary vector, and under Valgrind,
//! which hides it from the process, reading there was a fault.

use libc::{CLOCK_MONOTONIC, CLOCK_MONOTONIC_COARSE, CLOCK_REALTIME, clockid_t, timespec};

fn nanos(time: timespec) -> u64 {
    // All clocks are after 0, and 2^64 ns are 584 years.
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
}

#[inline]
fn now(clock: clockid_t) -> u64 {
    let mut time = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: clock_gettime(2) is async-signal-safe and fills `time`, which lives here. These clocks always exist.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    nanos(time)
}

/// Since the machine started; the same clock in all processes.
pub(crate) fn monotonic() -> u64 {
    now(CLOCK_MONOTONIC)
}

/// [`monotonic`] as it was at the kernel's last tick: never later than it, and [`coarse_resolution`] earlier at most. What makes a clock slow is the
/// CPU's counter, tens of nanoseconds in a virtual machine; this one is read from memory.
#[inline]
pub(crate) fn coarse() -> u64 {
    now(CLOCK_MONOTONIC_COARSE)
}

/// Between two ticks of [`coarse`]: 1 to 10 ms, by the kernel's configuration.
pub(crate) fn coarse_resolution() -> u64 {
    let mut time = timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: as above.
    unsafe { libc::clock_getres(CLOCK_MONOTONIC_COARSE, &raw mut time) };
    nanos(time)
}

/// Since 1970-01-01T00:00:00Z.
pub(crate) fn realtime() -> u64 {
    now(CLOCK_REALTIME)
}

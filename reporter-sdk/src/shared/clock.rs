//! The two clocks, in nanoseconds. By the vDSO: no system call, and safe in a signal handler.

use rustix::time::{ClockId, Timespec, clock_gettime};

fn nanos(time: Timespec) -> u64 {
    // Both clocks are after 0, and 2^64 ns are 584 years.
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
}

/// Since the machine started; the same clock in all processes.
pub(crate) fn monotonic() -> u64 {
    nanos(clock_gettime(ClockId::Monotonic))
}

/// Since 1970-01-01T00:00:00Z.
pub(crate) fn realtime() -> u64 {
    nanos(clock_gettime(ClockId::Realtime))
}

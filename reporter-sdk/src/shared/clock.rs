//! The clocks, in nanoseconds. By the vDSO: no system call, and safe in a signal handler.

use rustix::time::{ClockId, Timespec, clock_getres, clock_gettime};

fn nanos(time: Timespec) -> u64 {
    // All clocks are after 0, and 2^64 ns are 584 years.
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
}

/// Since the machine started; the same clock in all processes.
pub(crate) fn monotonic() -> u64 {
    nanos(clock_gettime(ClockId::Monotonic))
}

/// [`monotonic`] as it was at the kernel's last tick: never later than it, and [`coarse_resolution`] earlier at most. What makes a clock slow is the
/// CPU's counter, tens of nanoseconds in a virtual machine; this one is read from memory.
#[inline]
pub(crate) fn coarse() -> u64 {
    nanos(clock_gettime(ClockId::MonotonicCoarse))
}

/// Between two ticks of [`coarse`]: 1 to 10 ms, by the kernel's configuration.
pub(crate) fn coarse_resolution() -> u64 {
    nanos(clock_getres(ClockId::MonotonicCoarse))
}

/// Since 1970-01-01T00:00:00Z.
pub(crate) fn realtime() -> u64 {
    nanos(clock_gettime(ClockId::Realtime))
}

//! The clocks, in nanoseconds. Read without a lock: safe in an exception handler.

use std::sync::atomic::{AtomicU64, Ordering};

use windows_sys::Win32::{
    Foundation::FILETIME,
    System::{
        Performance::{QueryPerformanceCounter, QueryPerformanceFrequency},
        SystemInformation::GetSystemTimePreciseAsFileTime,
    },
};

const SECOND: u64 = 1_000_000_000;

/// Counts of the performance counter in a second. It never changes while the machine runs.
fn frequency() -> u64 {
    static FREQUENCY: AtomicU64 = AtomicU64::new(0);
    match FREQUENCY.load(Ordering::Relaxed) {
        0 => {
            let mut counts = 0;
            // SAFETY: fills a number that lives here. It never fails since Windows XP.
            unsafe { QueryPerformanceFrequency(&raw mut counts) };
            let counts = counts.cast_unsigned().max(1);
            FREQUENCY.store(counts, Ordering::Relaxed);
            counts
        }
        counts => counts,
    }
}

/// Since the machine started; the same clock in all processes.
pub(crate) fn monotonic() -> u64 {
    let mut counts = 0;
    // SAFETY: as above.
    unsafe { QueryPerformanceCounter(&raw mut counts) };
    let (counts, frequency) = (counts.cast_unsigned(), frequency());
    // In two parts: a product of 64 bits overflows after half an hour at 10 GHz.
    (counts / frequency) * SECOND + (counts % frequency) * SECOND / frequency
}

/// [`monotonic`]: the counter is read from memory and a register, and there is no cheaper clock with the same origin.
#[inline]
pub(crate) fn coarse() -> u64 {
    monotonic()
}

/// Between two ticks of [`coarse`]: 100 ns on all that is sold since Windows 10.
pub(crate) fn coarse_resolution() -> u64 {
    SECOND.div_ceil(frequency())
}

/// Since 1970-01-01T00:00:00Z.
pub(crate) fn realtime() -> u64 {
    /// Between 1601 and 1970, in units of 100 ns.
    const EPOCH: u64 = 11_644_473_600 * (SECOND / 100);
    let mut time = FILETIME { dwLowDateTime: 0, dwHighDateTime: 0 };
    // SAFETY: fills a structure that lives here.
    unsafe { GetSystemTimePreciseAsFileTime(&raw mut time) };
    let hundreds = u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime);
    hundreds.saturating_sub(EPOCH).saturating_mul(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_go_on_and_tell_the_present() {
        let (before, real) = (monotonic(), realtime());
        std::thread::sleep(std::time::Duration::from_millis(20));
        let passed = monotonic() - before;
        assert!((15_000_000..20_000_000_000).contains(&passed), "{passed}");
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
        assert!(now.abs_diff(real.into()) < 30_000_000_000, "{now} {real}");
        assert!((1..=1_000_000).contains(&coarse_resolution()));
    }
}

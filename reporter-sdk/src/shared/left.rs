//! The name of the file that a product leaves of the shared memory where its handler is lost.

use std::ffi::CStr;

/// Ends the names of such files.
pub(crate) const ENDING: &str = ".lost";

const DIGITS: usize = 16;
const BYTES: usize = 3 * DIGITS + 2 + ENDING.len() + 1;
/// As the spool names what is being written, so that it is swept where it stays behind.
const TEMPORARY_BYTES: usize = 1 + BYTES + 4;

/// One crash of one process, as a name in a folder: start of the process in nanoseconds since 1970, process, number of the crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// `.NAME.tmp` and a zero.
    text: [u8; TEMPORARY_BYTES],
    /// `NAME` and a zero.
    last: [u8; BYTES],
}

impl Name {
    /// Async-signal-safe: writes digits.
    pub(crate) fn of(started_realtime: u64, pid: u32, number: u64) -> Self {
        let mut last = [0; BYTES];
        for (at, value) in [started_realtime, u64::from(pid), number].into_iter().enumerate() {
            let start = at * (DIGITS + 1);
            for digit in 0..DIGITS {
                last[start + digit] = b"0123456789abcdef"[(value >> (4 * (DIGITS - 1 - digit)) & 15) as usize];
            }
            if at < 2 {
                last[start + DIGITS] = b'-';
            }
        }
        last[BYTES - 1 - ENDING.len()..BYTES - 1].copy_from_slice(ENDING.as_bytes());
        let mut text = [0; TEMPORARY_BYTES];
        text[0] = b'.';
        text[1..BYTES].copy_from_slice(&last[..BYTES - 1]);
        text[BYTES..BYTES + 4].copy_from_slice(b".tmp");
        Self { text, last }
    }

    /// While it is being written. Async-signal-safe.
    #[cfg(any(target_os = "linux", windows))]
    pub(crate) fn temporary(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.text).unwrap_or_default()
    }

    /// Once it is whole. Async-signal-safe.
    pub(crate) fn whole(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.last).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_has_a_name_of_its_own_that_sorts_by_time() {
        let name = Name::of(0x1234, 77, 2);
        assert_eq!(name.whole(), c"0000000000001234-000000000000004d-0000000000000002.lost");
        assert_eq!(name.temporary(), c".0000000000001234-000000000000004d-0000000000000002.lost.tmp");
        let largest = Name::of(u64::MAX, u32::MAX, u64::MAX);
        assert!(largest.whole() > name.whole());
    }
}

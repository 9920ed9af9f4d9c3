//! The clock on the wall.

use std::mem::MaybeUninit;

use windows_sys::Win32::Foundation::{FILETIME, SYSTEMTIME};
use windows_sys::Win32::System::Time::{FileTimeToSystemTime, SystemTimeToFileTime, SystemTimeToTzSpecificLocalTime};

/// From 1601, where the system's times begin, to 1970, in seconds.
const TO_1970: i64 = 11_644_473_600;
/// The system counts in these.
const TICKS_PER_SECOND: i64 = 10_000_000;

/// The distance of local time from UTC at this time, in seconds since 1970, in seconds; 0 where it is not known.
pub(in crate::handler) fn utc_offset(seconds: i64) -> i32 {
    offset(seconds).unwrap_or(0)
}

fn offset(seconds: i64) -> Option<i32> {
    let ticks = seconds.checked_add(TO_1970)?.checked_mul(TICKS_PER_SECOND)?.cast_unsigned();
    let utc = FILETIME { dwLowDateTime: ticks as u32, dwHighDateTime: (ticks >> 32) as u32 };
    // SAFETY: integers, for which zero is a value.
    let (mut there, mut here): (SYSTEMTIME, SYSTEMTIME) = unsafe { MaybeUninit::zeroed().assume_init() };
    let mut local = FILETIME { dwLowDateTime: 0, dwHighDateTime: 0 };
    // SAFETY: reads and writes values that live here.
    let told = unsafe { FileTimeToSystemTime(&raw const utc, &raw mut there) };
    // SAFETY: as above. Without a time zone it is the machine's, with the rules of that year.
    let told =
        told != 0 && unsafe { SystemTimeToTzSpecificLocalTime(std::ptr::null(), &raw const there, &raw mut here) } != 0;
    // SAFETY: as above.
    let told = told && unsafe { SystemTimeToFileTime(&raw const here, &raw mut local) } != 0;
    let local = (u64::from(local.dwHighDateTime) << 32 | u64::from(local.dwLowDateTime)).cast_signed();
    let here = told.then(|| local / TICKS_PER_SECOND - TO_1970)?;
    i32::try_from(here - seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_is_a_time_zone_s_and_no_time_has_none() {
        let now = offset(1_790_000_000).unwrap();
        assert!(now % 900 == 0 && (-12 * 3600..=14 * 3600).contains(&now), "{now}");
        assert_eq!((utc_offset(i64::MAX), utc_offset(i64::MIN)), (0, 0));
    }
}

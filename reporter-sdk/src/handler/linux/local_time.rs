//! The clock on the wall.

/// The distance of local time from UTC at this time, in seconds since 1970, in seconds; 0 where it is not known.
pub(in crate::handler) fn utc_offset(seconds: i64) -> i32 {
    let seconds = seconds as libc::time_t;
    // SAFETY: all fields are integers and a pointer, for which zero is a value.
    let mut local: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both point to values that live here; localtime_r keeps neither. This program never changes its environment.
    let result = unsafe { libc::localtime_r(&raw const seconds, &raw mut local) };
    if result.is_null() { 0 } else { i32::try_from(local.tm_gmtoff).unwrap_or(0) }
}

//! Single values in words: times, spans, sizes, ids.

use jiff::Timestamp;
use jiff::tz::Offset;
use report_format::schema::v1::MemoryRegions;
use sha2::{Digest, Sha256};

/// Nanoseconds since the epoch in RFC 3339.
pub(crate) fn rfc3339(nanos: u64) -> String {
    timestamp(nanos).map_or_else(|| nanos.to_string(), |time| time.to_string())
}

/// Nanoseconds since the epoch as `2026-11-23 21:26:16 UTC`.
pub(crate) fn time(nanos: u64) -> String {
    timestamp(nanos)
        .map_or_else(|| format!("{nanos} ns after 1970"), |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// The same moment on a clock `offset` seconds ahead of UTC: `22:26:16 (UTC+01)`, with the day where it is another
/// one. `None` for an offset that no clock has.
pub(crate) fn local_time(nanos: u64, offset: i32) -> Option<String> {
    let time = timestamp(nanos)?;
    let offset = Offset::from_seconds(offset).ok()?;
    let (local, utc) = (offset.to_datetime(time), Offset::UTC.to_datetime(time));
    let format = if local.date() == utc.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
    Some(format!("{} (UTC{offset})", local.strftime(format)))
}

/// Every u64 of nanoseconds lies before the year 2555, so this is `None` for no value; the types do not know.
fn timestamp(nanos: u64) -> Option<Timestamp> {
    Timestamp::from_nanosecond(i128::from(nanos)).ok()
}

/// A span as people say it: `1.9 ms`, `4 min 12 s`, `3 d 4 h`.
pub(crate) fn span(nanos: u64) -> String {
    let seconds = nanos / 1_000_000_000;
    let two = |large: u64, unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {small_unit}"),
    };
    match seconds {
        0 if nanos < 1_000 => format!("{nanos} ns"),
        0 if nanos < 1_000_000 => format!("{} µs", tenths(nanos, 1_000)),
        0 => format!("{} ms", tenths(nanos, 1_000_000)),
        1..60 => format!("{} s", tenths(nanos, 1_000_000_000)),
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => two(seconds / 3600, "h", seconds / 60 % 60, "min"),
        _ => two(seconds / 86_400, "d", seconds / 3600 % 24, "h"),
    }
}

/// How long before the error, to three digits: `-640 µs`, `-12.3 ms`, `-4.21 s`; from a minute on in two units, the second
/// with a leading zero so that a column of them lines up: `-3 min 02 s`.
pub(crate) fn before(nanos: u64) -> String {
    const SECOND: u64 = 1_000_000_000;
    const UNITS: [(&str, u64); 4] = [("s", SECOND), ("ms", 1_000_000), ("µs", 1_000), ("ns", 1)];
    let seconds = nanos / SECOND;
    let two = |large: u64, unit: &str, small: u64, small_unit: &str| format!("-{large} {unit} {small:02} {small_unit}");
    match seconds {
        0..60 => {
            let (name, unit) = UNITS.into_iter().find(|(_, unit)| nanos >= *unit).unwrap_or(("s", SECOND));
            let (whole, thousandths) = (nanos / unit, nanos % unit * 1000 / unit);
            match whole {
                _ if unit == 1 || nanos == 0 => format!("-{whole} {name}"),
                0..10 => format!("-{whole}.{:02} {name}", thousandths / 10),
                10..100 => format!("-{whole}.{} {name}", thousandths / 100),
                _ => format!("-{whole} {name}"),
            }
        }
        60..3600 => two(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => two(seconds / 3600, "h", seconds / 60 % 60, "min"),
        _ => two(seconds / 86_400, "d", seconds / 3600 % 24, "h"),
    }
}

/// A count of bytes: `512 bytes`, `1.5 KiB`, `16 GiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    match bytes {
        1 => "1 byte".to_owned(),
        0..1024 => format!("{bytes} bytes"),
        _ => {
            let power = (63 - bytes.leading_zeros()) / 10;
            format!("{} {}", tenths(bytes, 1 << (10 * power)), UNITS[power as usize - 1])
        }
    }
}

/// `value / unit` with a decimal place where it says something: below 100 and not zero. Rounds down: 1023.9 KiB is
/// never called a MiB.
fn tenths(value: u64, unit: u64) -> String {
    let (whole, tenth) = (value / unit, (u128::from(value % unit) * 10 / u128::from(unit)) as u8);
    if tenth == 0 || whole >= 100 { whole.to_string() } else { format!("{whole}.{tenth}") }
}

/// Bytes in all regions of an image of memory.
pub(crate) fn covered_bytes(regions: &MemoryRegions) -> u64 {
    regions.regions.iter().fold(0, |sum, region| sum.saturating_add(region.size))
}

/// What an image of memory covers: `4 GiB in 123 regions`.
pub(crate) fn covered(regions: &MemoryRegions) -> String {
    format!("{} in {}", size(covered_bytes(regions)), count(regions.regions.len(), "region"))
}

/// `count thing` or `count things`.
pub(crate) fn count(count: usize, thing: &str) -> String {
    match (count, thing.strip_suffix('y')) {
        (1, _) => format!("1 {thing}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        (_, None) if thing.ends_with('s') => format!("{count} {thing}es"),
        _ => format!("{count} {thing}s"),
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
        .collect()
}

/// Sixteen bytes in the notation of UUIDs; any other number of bytes in hexadecimal.
pub(crate) fn uuid(bytes: &[u8]) -> String {
    let hex = hex(bytes);
    if bytes.len() != 16 {
        return hex;
    }
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// The SHA-256 of `bytes` in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_at_most_two_units() {
        for (nanos, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_900_000, "1.9 ms"),
            (12_000_000, "12 ms"),
            (1_200_000_000, "1.2 s"),
            (59_999_999_999, "59.9 s"),
            (252_000_000_000, "4 min 12 s"),
            (3_600_000_000_000, "1 h"),
            (273_600_000_000_000, "3 d 4 h"),
            (u64::MAX, "213503 d 23 h"),
        ] {
            assert_eq!(span(nanos), text);
        }
    }

    #[test]
    fn times_before_the_error_have_the_unit_of_their_size() {
        for (nanos, text) in [
            (0, "-0 s"),
            (7, "-7 ns"),
            (640_000, "-640 µs"),
            (1_999_999, "-1.99 ms"),
            (12_345_678, "-12.3 ms"),
            (999_999_999, "-999 ms"),
            (4_210_000_000, "-4.21 s"),
            (59_999_999_999, "-59.9 s"),
            (182_000_000_000, "-3 min 02 s"),
            (7_380_000_000_000, "-2 h 03 min"),
            (u64::MAX, "-213503 d 23 h"),
        ] {
            assert_eq!(before(nanos), text);
        }
    }

    #[test]
    fn sizes_are_in_powers_of_1024() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1 KiB"),
            (1_048_575, "1023 KiB"),
            (1_572_864, "1.5 MiB"),
            (17_179_869_184, "16 GiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn times_are_in_utc_and_on_the_users_clock() {
        let nanos = 1_763_936_776_000_000_000;
        assert_eq!(time(nanos), "2025-11-23 22:26:16 UTC");
        assert_eq!(local_time(nanos, 3600).unwrap(), "23:26:16 (UTC+01)");
        assert_eq!(local_time(nanos, 7200).unwrap(), "2025-11-24 00:26:16 (UTC+02)");
        assert_eq!(local_time(nanos, i32::MAX), None);
        assert_eq!(rfc3339(u64::MAX), "2554-07-21T23:34:33.709551615Z");
    }

    #[test]
    fn ids_of_a_wrong_length_are_still_shown() {
        assert_eq!(uuid(&[0xab; 16]), "abababab-abab-abab-abab-abababababab");
        assert_eq!(uuid(&[0xab; 3]), "ababab");
    }

    #[test]
    fn counts_know_the_plural() {
        assert_eq!(
            [count(1, "entry"), count(2, "entry"), count(0, "frame"), count(3, "process")].join(", "),
            "1 entry, 2 entries, 0 frames, 3 processes"
        );
    }
}

//! Counts of bytes for people.

use crate::texts::Texts;

/// In the largest unit of which there is at least one, with one decimal.
pub fn size(texts: &Texts, bytes: u64) -> String {
    let (unit, divisor) = match bytes {
        0..1_000 => return texts.with("size-bytes", &[("number", &bytes.to_string())]),
        1_000..1_000_000 => ("size-kilobytes", 1_000),
        1_000_000..1_000_000_000 => ("size-megabytes", 1_000_000),
        _ => ("size-gigabytes", 1_000_000_000),
    };
    // Down, so that it is never a thousand of a unit.
    let (whole, tenth) = (bytes / divisor, bytes % divisor / (divisor / 10));
    texts.with(unit, &[("number", &format!("{whole}{}{tenth}", texts.get("decimal-sign")))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_units_that_people_know() {
        let english = Texts::of("en");
        let said =
            [0, 999, 1_000, 71_234, 999_999, 1_500_000, 2_000_000_000, u64::MAX].map(|bytes| size(&english, bytes));
        let expected =
            ["0 bytes", "999 bytes", "1.0 kB", "71.2 kB", "999.9 kB", "1.5 MB", "2.0 GB", "18446744073.7 GB"];
        assert_eq!(said, expected);
        assert_eq!(size(&Texts::of("de"), 1_500_000), "1,5 MB");
    }
}

//! Days, without the weight of a crate for dates.

/// The last day that has four digits for its year.
const LAST_DAY: u64 = 2_932_896;

/// The UTC day of a time in seconds since 1970, as ISO 8601 writes it: `2026-11-20`. `None` after the year 9999: files and packages can claim
/// any time.
pub(crate) fn day_of(seconds: u64) -> Option<String> {
    let days = seconds / 86_400;
    (days <= LAST_DAY).then(|| day(days))
}

/// Days since 1970 to a date: Howard Hinnant's civil_from_days.
pub(crate) fn day(days: u64) -> String {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_right_at_the_edges() {
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(11_016), "2000-02-29");
        assert_eq!(day_of(11_017 * 86_400 - 1).as_deref(), Some("2000-02-29"));
        assert_eq!(day(LAST_DAY), "9999-12-31");
        assert_eq!(day_of((LAST_DAY + 1) * 86_400), None);
        assert_eq!(day_of(u64::MAX), None);
    }
}

//! Days, as they stand in files of keys.

use std::{fmt, str::FromStr};

use crate::error::Error;

/// A day of the calendar, written `2026-11-23` (the full-date of RFC 3339). This crate asks no clock: who does gives the day.
///
/// ```
/// use report_format::seal::Date;
/// let (first, later): (Date, Date) = ("2026-11-23".parse()?, "2027-01-01".parse()?);
/// assert!(first < later);
/// assert_eq!(first.to_string(), "2026-11-23");
/// # Ok::<(), report_format::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// A day by its numbers: year up to 9999, month 1 to 12, day from 1. `None` if there is no such day.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            2 => 28 + u8::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => 0,
        };
        (year <= 9999 && (1..=days).contains(&day)).then_some(Self { year, month, day })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = Error;

    /// # Errors
    /// [`Error::Format`] if the text is anything else than a day.
    fn from_str(text: &str) -> Result<Self, Error> {
        let parts = || {
            let shape =
                |(at, byte): (usize, u8)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
            if text.len() != 10 || !text.bytes().enumerate().all(shape) {
                return None;
            }
            Self::new(text[..4].parse().ok()?, text[5..7].parse().ok()?, text[8..].parse().ok()?)
        };
        parts().ok_or_else(|| Error::format("this is no date", "write a day like 2026-11-23"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_do_not_exist_are_refused() {
        for text in [
            "2026-02-29",
            "1900-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-04-31",
            "2026-1-1",
            "",
            "2026/01/01",
            "２026-01-1",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
        for text in ["2024-02-29", "2000-02-29", "9999-12-31"] {
            assert_eq!(text.parse::<Date>().expect("a day").to_string(), text);
        }
    }
}

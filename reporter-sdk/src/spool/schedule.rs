//! When to try again.

use std::time::Duration;

/// After this time since the first attempt a report is tried no more. It is kept.
pub const GIVE_UP_AFTER: Duration = Duration::from_hours(14 * 24);

/// The first tries catch a short outage; after that a mail server wants to be left alone for half an hour and more.
const WAITS: [Duration; 10] = [
    Duration::from_secs(10),
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(4),
    Duration::from_hours(8),
    Duration::from_hours(16),
    Duration::from_hours(24),
];

/// How long to wait after so many failed attempts (1 or more).
pub(super) fn wait_after(attempts: u32) -> Duration {
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    WAITS[index.min(WAITS.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_are_half_an_hour_or_more_after_the_first_quick_tries() {
        for attempts in 1..40 {
            assert!(wait_after(attempts) <= wait_after(attempts + 1));
            assert!(attempts < 4 || wait_after(attempts) >= Duration::from_mins(30));
        }
        assert_eq!(wait_after(u32::MAX), Duration::from_hours(24));
        assert_eq!(wait_after(0), wait_after(1));
    }
}

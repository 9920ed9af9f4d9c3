//! When to try again: a pure function of what is known, so that a restart changes nothing.

use std::time::Duration;

/// Delay after the first, second, ... failed attempt. The first ones are for a network that is just coming up; from
/// then on a server is left alone for half an hour at least, as mail servers ask of each other. The last one repeats.
const DELAYS: [Duration; 8] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(4),
    Duration::from_hours(8),
    Duration::from_hours(12),
];

/// How many of [`DELAYS`] are quick ones, of no use where somebody has to change something first.
const QUICK: usize = 2;

/// A report that nobody took in this time is given up: it stays in the spool, and is not tried again by itself.
pub const GIVE_UP_AFTER: Duration = Duration::from_hours(14 * 24);

/// When to try again after the `attempts`-th failed attempt (the first is 1), in nanoseconds since the epoch, as the other times are. `None`
/// where the patience is over. `permanent`: it fails as long as nobody changes something.
pub(super) fn next(attempts: u32, first_attempt: u64, now: u64, permanent: bool) -> Option<u64> {
    // A clock that was set back counts as no time passed: too long a patience harms less than none.
    if Duration::from_nanos(now.saturating_sub(first_attempt)) >= GIVE_UP_AFTER {
        return None;
    }
    let made = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let made = if permanent { made.max(QUICK) } else { made };
    let delay = DELAYS[made.min(DELAYS.len() - 1)];
    Some(now.saturating_add(u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const MINUTE: u64 = 60 * SECOND;
    const START: u64 = 1_795_000_000 * SECOND;

    fn delay(attempts: u32, permanent: bool) -> u64 {
        next(attempts, START, START, permanent).expect("not given up at once") - START
    }

    #[test]
    fn two_quick_tries_then_half_an_hour_and_never_less() {
        assert_eq!(delay(1, false), 5 * SECOND);
        assert_eq!(delay(2, false), 30 * SECOND);
        assert_eq!(delay(3, false), 30 * MINUTE);
        assert!((3..100).all(|n| delay(n, false) >= 30 * MINUTE && delay(n + 1, false) >= delay(n, false)));
        assert_eq!(delay(u32::MAX, false), 12 * 60 * MINUTE);
    }

    #[test]
    fn where_somebody_must_change_something_the_quick_tries_are_left_out() {
        assert_eq!(delay(1, true), 30 * MINUTE);
        assert_eq!(delay(3, true), 30 * MINUTE);
        assert_eq!(delay(4, true), 60 * MINUTE);
    }

    #[test]
    fn a_whole_life_has_a_bounded_number_of_attempts_and_ends_after_fourteen_days() {
        let (mut now, mut attempts) = (START, 1);
        while let Some(time) = next(attempts, START, now, false) {
            (now, attempts) = (time, attempts + 1);
        }
        assert!(now - START >= 14 * 24 * 60 * MINUTE && now - START < 15 * 24 * 60 * MINUTE);
        assert!((30..50).contains(&attempts), "{attempts} attempts");
    }

    #[test]
    fn no_clock_breaks_it() {
        assert_eq!(next(1, START, 0, false), Some(5 * SECOND));
        assert_eq!(next(1, u64::MAX, u64::MAX, false), Some(u64::MAX));
        assert_eq!(next(0, START, START, false), Some(START + 5 * SECOND));
        assert_eq!(next(1, 0, u64::MAX, false), None);
    }
}

//! How often what was reported lately, so that the same crash in a loop makes a bounded number of reports; and when the product was started
//! again, so that this never goes on in a loop.
//!
//! Both are small files that no one has to trust: one that is damaged, or of a later version, begins anew. All processes of a product share them.

use std::io::Read;
use std::time::{Duration, Instant, SystemTime};

use prost::Message;

use super::directory::Temporary;
use super::drafts::nanos;
use super::{Spool, SpoolError};
use crate::schema::{ReportCount, ReportCounts, Restarts};

pub(super) const COUNTS: &str = "counts";
pub(super) const RESTARTS: &str = "restarts";
const VERSION: u32 = 1;
/// Bytes that are read of either file.
const LARGEST: u64 = 64 << 10;
/// Signatures that are remembered; the one that was seen least lately makes room.
const MOST_SIGNATURES: usize = 256;
const DAY: u64 = 24 * 60 * 60 * 1_000_000_000;
const HOUR: u64 = DAY / 24;
/// Other processes need the files for as long as a write takes.
const PATIENCE: Duration = Duration::from_secs(3);

/// Groups errors that are probably the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signature(pub [u8; 16]);

/// Reports within 24 hours. Zero is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportLimits {
    /// Of errors with the same signature.
    pub per_signature: u32,
    /// Of all errors.
    pub per_day: u32,
}

impl ReportLimits {
    /// None: nothing need be counted.
    pub const NONE: Self = Self { per_signature: 0, per_day: 0 };
}

/// Whether an error is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is.
    Report {
        /// Errors of its signature that were not, since the last one that was.
        suppressed: u64,
    },
    /// It is not, and counted.
    Suppressed,
}

/// The counts, held: other processes wait. Dropped without [`Counting::keep`], nothing was counted.
#[derive(Debug)]
pub struct Counting<'a> {
    file: Temporary<'a>,
    counts: ReportCounts,
}

impl Counting<'_> {
    /// Counts an error.
    pub fn admit(&mut self, signature: Signature, limits: ReportLimits, now: SystemTime) -> Admission {
        let now = nanos(now);
        let all = self.counts.all.get_or_insert_default();
        renew(all, now);
        let known = self.counts.signatures.iter().position(|count| count.signature == signature.0);
        let at = known.unwrap_or_else(|| {
            let signatures = &mut self.counts.signatures;
            signatures.push(ReportCount { signature: signature.0.into(), since: now, ..ReportCount::default() });
            signatures.len() - 1
        });
        let one = &mut self.counts.signatures[at];
        renew(one, now);
        one.last = now;
        let is_over = |count: &ReportCount, limit: u32| limit > 0 && count.reported >= limit;
        if is_over(one, limits.per_signature) || is_over(all, limits.per_day) {
            one.suppressed = one.suppressed.saturating_add(1);
            return Admission::Suppressed;
        }
        for count in [&mut *one, all] {
            if count.reported == 0 {
                count.since = now;
            }
            count.reported = count.reported.saturating_add(1);
        }
        Admission::Report { suppressed: std::mem::take(&mut one.suppressed) }
    }

    /// Whether an error of any kind could be one too many.
    pub fn can_suppress(&self, limits: ReportLimits, now: SystemTime) -> bool {
        let now = nanos(now);
        let is_over = |count: &ReportCount, limit: u32| {
            let mut count = count.clone();
            renew(&mut count, now);
            limit > 0 && count.reported >= limit
        };
        self.counts.all.as_ref().is_some_and(|all| is_over(all, limits.per_day))
            || self.counts.signatures.iter().any(|count| is_over(count, limits.per_signature))
    }

    /// Writes what was counted.
    ///
    /// # Errors
    /// It could not be written: the counts are what they were.
    pub fn keep(mut self) -> Result<(), SpoolError> {
        let signatures = &mut self.counts.signatures;
        signatures.sort_unstable_by_key(|count| std::cmp::Reverse(count.last));
        signatures.truncate(MOST_SIGNATURES);
        self.counts.version = VERSION;
        self.file.fill(&self.counts.encode_to_vec())?.publish().map(drop)
    }
}

/// A day after its first report, a count begins anew. So it does a day after a clock was set back, whatever the clock had said before.
fn renew(count: &mut ReportCount, now: u64) {
    count.since = count.since.min(now);
    if now - count.since >= DAY {
        (count.since, count.reported) = (now, 0);
    }
}

impl Spool {
    /// Takes the counts to admit an error. `None` where another process has them and does not give them back.
    ///
    /// # Errors
    /// The spool cannot be read or written.
    pub fn count(&self) -> Result<Option<Counting<'_>>, SpoolError> {
        let Some(file) = self.hold(COUNTS)? else { return Ok(None) };
        let counts = self.read_small(COUNTS)?.and_then(|bytes| ReportCounts::decode(bytes.as_slice()).ok());
        let counts = counts.filter(|counts| counts.version == VERSION).unwrap_or_default();
        Ok(Some(Counting { file, counts }))
    }

    /// Notes that the product is about to be started again, and tells how often within the last hour, this time included. `None` where that would be more
    /// often than `most`: it must not be.
    ///
    /// # Errors
    /// That could not be noted: the product must not be started then either.
    pub fn note_restart(&self, most: usize, now: SystemTime) -> Result<Option<usize>, SpoolError> {
        let Some(file) = self.hold(RESTARTS)? else { return Ok(None) };
        let now = nanos(now);
        let noted = self.read_small(RESTARTS)?.and_then(|bytes| Restarts::decode(bytes.as_slice()).ok());
        let mut times = noted.filter(|noted| noted.version == VERSION).unwrap_or_default().times;
        // A time to come is from before the clock was set back.
        times.iter_mut().for_each(|time| *time = now.min(*time));
        times.retain(|time| now - time < HOUR);
        let is_allowed = times.len() < most;
        if is_allowed {
            times.push(now);
        }
        let count = times.len();
        file.fill(&Restarts { version: VERSION, times }.encode_to_vec())?.publish()?;
        Ok(is_allowed.then_some(count))
    }

    /// The successor of a file, which is a lock on it as well: one process at a time can write it.
    fn hold(&self, name: &str) -> Result<Option<Temporary<'_>>, SpoolError> {
        let started = Instant::now();
        loop {
            let held = self.root.temporary(name)?;
            if held.is_some() || started.elapsed() > PATIENCE {
                return Ok(held);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// `None` where there is none, and where there is something else than a small file of ours.
    fn read_small(&self, name: &str) -> Result<Option<Vec<u8>>, SpoolError> {
        let Some(file) = self.root.open_file(name)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| self.root.failed("read", name, error))?;
        Ok((bytes.len() as u64 <= LARGEST).then_some(bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const LIMITS: ReportLimits = ReportLimits { per_signature: 2, per_day: 3 };
    const REPORT: Admission = Admission::Report { suppressed: 0 };

    fn spool() -> (tempfile::TempDir, Spool) {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::open(&directory.path().join("spool")).unwrap();
        (directory, spool)
    }

    fn hours(hours: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_hours(500_000 + hours)
    }

    fn admit_at(spool: &Spool, signature: u8, limits: ReportLimits, now: SystemTime) -> Admission {
        let mut counting = spool.count().unwrap().unwrap();
        let admission = counting.admit(Signature([signature; 16]), limits, now);
        counting.keep().unwrap();
        admission
    }

    fn admit(spool: &Spool, signature: u8, hour: u64) -> Admission {
        admit_at(spool, signature, LIMITS, hours(hour))
    }

    #[test]
    fn each_signature_has_its_limit_and_all_have_one_together() {
        let (_directory, spool) = spool();
        assert_eq!(
            [1, 1, 1, 1].map(|s| admit(&spool, s, 0))[1..],
            [REPORT, Admission::Suppressed, Admission::Suppressed]
        );
        assert_eq!([2, 2, 3].map(|s| admit(&spool, s, 1)), [REPORT, Admission::Suppressed, Admission::Suppressed]);
    }

    #[test]
    fn it_is_known_before_whether_an_error_can_be_one_too_many() {
        let (_folder, spool) = spool();
        let limits = ReportLimits { per_signature: 2, per_day: 10 };
        let can_suppress = |hour| spool.count().unwrap().unwrap().can_suppress(limits, hours(hour));
        assert!(!can_suppress(0));
        admit_at(&spool, 1, limits, hours(0));
        assert!(!can_suppress(1));
        admit_at(&spool, 1, limits, hours(1));
        assert!(can_suppress(2) && !can_suppress(24), "a day after the first");
        for signature in 2..10 {
            admit_at(&spool, signature, limits, hours(2));
        }
        assert!(can_suppress(3), "all together");
    }

    #[test]
    fn the_next_report_tells_how_many_were_suppressed_and_only_that_one() {
        let (_directory, spool) = spool();
        assert_eq!([0; 7].map(|_| admit(&spool, 1, 0))[2..], [Admission::Suppressed; 5]);
        assert_eq!(admit(&spool, 1, 23), Admission::Suppressed);
        assert_eq!(admit(&spool, 1, 24), Admission::Report { suppressed: 6 });
        assert_eq!(admit(&spool, 1, 24), REPORT);
    }

    #[test]
    fn zero_is_no_limit() {
        let (_directory, spool) = spool();
        let none = ReportLimits { per_signature: 0, per_day: 0 };
        assert!((0..100).all(|_| admit_at(&spool, 1, none, hours(0)) == REPORT));
    }

    #[test]
    fn a_clock_that_was_set_back_delays_by_a_day_at_most() {
        let (_directory, spool) = spool();
        assert_eq!([1, 1].map(|s| admit(&spool, s, 9000)), [REPORT; 2]);
        assert_eq!(admit(&spool, 1, 0), Admission::Suppressed, "no new count for a step back");
        assert_eq!(admit(&spool, 1, 23), Admission::Suppressed);
        assert_eq!(admit(&spool, 1, 24), Admission::Report { suppressed: 2 });
    }

    #[test]
    fn damage_begins_anew() {
        let (directory, spool) = spool();
        let file = directory.path().join("spool").join(COUNTS);
        let later = ReportCounts { version: VERSION + 1, ..Default::default() }.encode_to_vec();
        for damage in [vec![0xff; 40], Vec::new(), vec![0; LARGEST as usize + 1], later] {
            assert_eq!([0; 3].map(|_| admit(&spool, 1, 0)), [REPORT, REPORT, Admission::Suppressed]);
            std::fs::write(&file, damage).unwrap();
            assert_eq!(admit(&spool, 1, 0), REPORT);
            std::fs::remove_file(&file).unwrap();
        }
    }

    #[test]
    fn counts_that_make_no_sense_are_bounded() {
        let (directory, spool) = spool();
        let odd = ReportCount {
            signature: vec![1; 16],
            since: u64::MAX,
            reported: u32::MAX,
            suppressed: u64::MAX,
            last: u64::MAX,
        };
        let counts = ReportCounts { version: VERSION, all: Some(odd.clone()), signatures: vec![odd; 400] };
        std::fs::write(directory.path().join("spool").join(COUNTS), counts.encode_to_vec()).unwrap();
        assert_eq!(admit(&spool, 1, 0), Admission::Suppressed);
        assert!(spool.count().unwrap().unwrap().counts.signatures.len() <= MOST_SIGNATURES);
        assert!(matches!(admit(&spool, 2, 24), Admission::Report { suppressed: 0 }), "a day later");
    }

    #[test]
    fn processes_that_count_at_once_count_each() {
        let (directory, _spool) = spool();
        let limits = ReportLimits { per_signature: 7, per_day: 0 };
        let admitted: usize = std::thread::scope(|scope| {
            let count = || {
                let spool = Spool::open(&directory.path().join("spool")).unwrap();
                (0..5).filter(|_| admit_at(&spool, 1, limits, hours(0)) == REPORT).count()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(admitted, 7);
    }

    #[test]
    fn what_was_held_and_not_kept_was_not_counted() {
        let (_directory, spool) = spool();
        let mut counting = spool.count().unwrap().unwrap();
        let again = [0; 3].map(|_| counting.admit(Signature([1; 16]), LIMITS, hours(0)));
        assert_eq!(again, [REPORT, REPORT, Admission::Suppressed]);
        drop(counting);
        assert_eq!(admit(&spool, 1, 0), REPORT);
    }

    #[test]
    fn a_product_is_started_again_so_often_in_an_hour_and_then_no_more() {
        let (directory, spool) = spool();
        let at = |minutes: u64| spool.note_restart(2, hours(0) + Duration::from_mins(minutes)).unwrap();
        assert_eq!([0, 10, 20, 59].map(at), [Some(1), Some(2), None, None]);
        assert_eq!([60, 61, 70].map(at), [Some(2), None, Some(2)]);
        // Set back by days: an hour from then on.
        let back = |minutes: u64| spool.note_restart(2, UNIX_EPOCH + Duration::from_mins(minutes)).unwrap();
        assert_eq!([5, 64].map(back), [None, None]);
        assert_eq!(back(66), Some(1));
        std::fs::write(directory.path().join("spool").join(RESTARTS), [0xff; 9]).unwrap();
        assert_eq!(back(67), Some(1));
    }
}

//! A product that does not answer any more.
//!
//! The shared memory has a word that every heartbeat changes. The handler looks at it now and then, and counts the looks that found it as it was,
//! not the time: on a machine that sleeps, and while both programs are stopped, time passes in which nobody missed a beat.

use std::time::{Duration, Instant};

use report_format::schema::v1::{ErrorKind, ErrorLink};

use super::evidence::Occurrence;
use super::sys::threads;
use crate::schema::HandledError;
use crate::shared::clock;
use crate::shared::snapshot::{CrashRecord, Heartbeat, Snapshot};

/// Looks in a row that find no new heartbeat, and together take as long as a hang does.
const LOOKS: u32 = 2;

/// Watches the heartbeat, if the product wants that.
#[derive(Debug)]
pub(crate) struct HangWatch {
    period: Duration,
    next: Instant,
    last: Option<Heartbeat>,
    missed: u32,
    /// This hang is known.
    hangs: bool,
}

impl HangWatch {
    /// `None` where hangs are not looked for: then nobody has to wake.
    pub(crate) fn new(after_millis: u64) -> Option<Self> {
        let period = Duration::from_millis(after_millis.div_ceil(LOOKS.into()));
        (after_millis > 0).then(|| Self { period, next: Instant::now() + period, last: None, missed: 0, hangs: false })
    }

    /// How long nobody has to look.
    pub(crate) fn rest(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Whether it hangs, as far as is known.
    pub(crate) fn hangs(&self) -> bool {
        self.hangs
    }

    /// The product was held meanwhile, by us: what it missed does not count.
    pub(crate) fn begin_anew(&mut self) {
        self.missed = 0;
        self.next = Instant::now() + self.period;
    }

    /// Looks at the heartbeat. Returns the thread that gave the last one, once for each hang.
    pub(crate) fn look(&mut self, heartbeat: Option<Heartbeat>, is_stopped: impl FnOnce() -> bool) -> Option<u32> {
        self.next = Instant::now() + self.period;
        let (Some(last), true) = (heartbeat, heartbeat == self.last) else {
            (self.last, self.missed, self.hangs) = (heartbeat, 0, false);
            return None;
        };
        if self.hangs {
            return None;
        }
        self.missed = if is_stopped() { 0 } else { self.missed + 1 };
        self.hangs = self.missed == LOOKS;
        self.hangs.then_some(last.thread_id)
    }

    /// The hang of `thread`, for a report.
    pub(crate) fn occurrence(&self, pid: u32, thread: u32, snapshot: Snapshot) -> Occurrence {
        let silence = self.period * LOOKS;
        let message = format!("no heartbeat for {} ms", silence.as_millis());
        // What the shared memory says of a thread need not be so.
        let name = threads::name(pid, thread);
        let (monotonic, realtime) = (clock::monotonic(), clock::realtime());
        let crash = CrashRecord {
            number: 0,
            kind: ErrorKind::Hang,
            pid,
            tid: if name.is_ok() { thread } else { threads::main(pid) },
            monotonic,
            realtime,
            signal: None,
            address: None,
            context: Vec::new(),
        };
        let described = HandledError {
            chain: vec![ErrorLink { message, ..ErrorLink::default() }],
            thread_id: crash.tid,
            thread_name: name.unwrap_or_default(),
            time: realtime,
            kind: ErrorKind::Hang.into(),
            ..HandledError::default()
        };
        Occurrence { kind: ErrorKind::Hang, snapshot, crash: Some(crash), handled: Some(described) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::unnecessary_wraps, reason = "as a snapshot has it")]
    fn beat(thread_id: u32, beats: u32) -> Option<Heartbeat> {
        Some(Heartbeat { thread_id, beats })
    }

    fn watch() -> HangWatch {
        HangWatch::new(1000).unwrap()
    }

    #[test]
    fn a_hang_is_told_once_and_again_after_the_heartbeat_has_returned() {
        let mut watch = watch();
        let told: Vec<_> = [1, 2, 2, 2, 2, 2, 3, 3, 3].map(|beats| watch.look(beat(7, beats), || false)).into();
        assert_eq!(told, [None, None, None, Some(7), None, None, None, None, Some(7)]);
        assert!(watch.hangs());
        watch.look(beat(8, 4), || false);
        assert!(!watch.hangs());
    }

    #[test]
    fn nobody_hangs_before_the_first_heartbeat_and_during_a_pause() {
        let mut watch = watch();
        assert_eq!([None; 9].map(|beat| watch.look(beat, || false)), [None; 9]);
        watch.look(beat(7, 1), || false);
        assert_eq!([None; 9].map(|beat| watch.look(beat, || false)), [None; 9]);
        assert_eq!(watch.look(beat(7, 1), || false), None, "a pause counts as a sign of life");
    }

    #[test]
    fn a_product_that_was_stopped_has_the_whole_time_once_more() {
        let mut watch = watch();
        watch.look(beat(7, 1), || false);
        let stopped = [false, true, true, false, false];
        let told = stopped.map(|stopped| watch.look(beat(7, 1), || stopped));
        assert_eq!(told, [None, None, None, None, Some(7)]);
    }

    #[test]
    fn what_was_missed_while_we_held_the_product_does_not_count() {
        let mut watch = watch();
        let word = beat(7, 1);
        watch.look(word, || false);
        watch.look(word, || false);
        watch.begin_anew();
        assert_eq!([watch.look(word, || false), watch.look(word, || false)], [None, Some(7)]);
        assert!(watch.rest() > Duration::ZERO && watch.rest() <= Duration::from_millis(500));
    }

    #[test]
    fn who_looks_for_no_hangs_never_wakes() {
        assert!(HangWatch::new(0).is_none());
        assert_eq!(HangWatch::new(1).unwrap().period, Duration::from_millis(1));
    }
}

use std::sync::Mutex;

use super::*;
use crate::consent::{CategorySet, Decision, Draft, Notice, Outcome, Request, settle};
use crate::deliver::Stub;
use crate::encode::encode;
use crate::handler::evidence;
use report_format::schema::v1::Product as ReportProduct;

#[test]
fn a_start_is_an_occasion_to_try_what_was_not_tried_just_now() {
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    assert!(is_due(at(100), at(0), at(100), false));
    assert!(!is_due(at(1800), at(0), at(1799), false));
    assert!(is_due(at(1800), at(0), at(60), true));
    assert!(!is_due(at(1800), at(0), at(59), true));
}

#[test]
fn a_wrong_password_is_tried_again_later_and_a_changed_file_never() {
    let password = |code| DeliverError::Credentials { host: "mail.example".into(), code, answer: String::new() };
    assert_eq!(failure(&password(535)), Failure::Permanent);
    assert_eq!(failure(&password(454)), Failure::Transient);
    let changed = DeliverError::Altered { id: uuid::Uuid::nil(), found: "3 bytes".into() };
    assert_eq!(failure(&changed), Failure::Final);
}

/// What a person in front of a window is told, and when they take it back.
#[derive(Debug, Default)]
struct Window {
    told: Mutex<Vec<String>>,
    /// After so many bytes; before the first attempt where 0.
    takes_back_at: Option<u64>,
    seen: Mutex<Option<u64>>,
}

impl Window {
    fn tell(&self, what: impl Into<String>) {
        self.told.lock().unwrap().push(what.into());
    }
}

impl Watcher for Window {
    fn sending(&self, done: u64, total: u64) -> ControlFlow<()> {
        assert!(done <= total);
        *self.seen.lock().unwrap() = Some(done);
        if self.is_withdrawn() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn is_withdrawn(&self) -> bool {
        self.takes_back_at.is_some_and(|at| at == 0 || self.seen.lock().unwrap().is_some_and(|done| done >= at))
    }

    fn sent(&self, _: ReportId) {
        self.tell("sent");
    }

    fn not_sent(&self, _: ReportId, why: &str, again: Option<Duration>) {
        let seconds = again.map(|again| again.as_secs_f64().round());
        self.tell(format!("not sent: {why}; again in {seconds:?} s"));
    }

    fn withdrawn(&self) {
        self.tell("withdrawn");
    }
}

const REPORT: ReportId = ReportId([1; 16]);

/// A spool in which a person's report waits to be sent.
fn spool() -> (tempfile::TempDir, Spool) {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(&folder.path().join("spool")).unwrap();
    let draft = Draft::new(REPORT, ReportProduct::default(), [2; 16], ErrorKind::Crash, 7);
    let notice = Notice::default();
    let request = Request::new(&draft, &notice, CategorySet::all()).unwrap();
    let answer = crate::consent::Answer::Send { categories: CategorySet::essential(), contact: None };
    let decision: Decision = request.answered(answer, None);
    let Ok(Outcome::Granted(grant)) = settle(&draft, &request, decision) else { panic!("not granted") };
    let queued = spool.enqueue(REPORT, &draft.product, |writer| encode(&draft, &grant, &evidence::reduce, writer));
    drop(queued.unwrap());
    (folder, spool)
}

/// What is told to the window by so many looks at what is due, and what support has.
fn after_looks(looks: usize, window: Window, transport: &Stub, spool: &Spool) -> Vec<String> {
    let window = Arc::new(window);
    let mut sends = transport.clone();
    let watched = Watched::from([(REPORT, window.clone() as Arc<dyn Watcher>)]);
    let mut round = Round { spool, transport: &mut sends, watched };
    for _ in 0..looks {
        if let Some(mut outgoing) = spool.claim(REPORT).unwrap() {
            outgoing.retry_now().unwrap();
        }
        round.send_due(false);
    }
    round.withdraw();
    window.told.lock().unwrap().clone()
}

#[test]
fn who_waits_for_a_report_is_told_how_it_gets_on_until_support_has_it() {
    let (_folder, spool) = spool();
    let stub = Stub::new();
    stub.fail_next(DeliverError::Usage { what: "as the test wants it".into() });
    let told = after_looks(3, Window::default(), &stub, &spool);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("as the test wants it") && told[0].contains("again in Some("), "{told:?}");
    assert_eq!(told[1], "sent");
    assert_eq!((stub.attempts(), stub.delivered().len()), (2, 1));
}

#[test]
fn what_is_taken_back_is_destroyed_at_whatever_moment_but_for_what_support_has() {
    for (at, attempts) in [(0, 0), (1, 1)] {
        let (_folder, spool) = spool();
        let stub = Stub::new();
        let window = Window { takes_back_at: Some(at), ..Window::default() };
        assert_eq!(after_looks(1, window, &stub, &spool), ["withdrawn"], "{at}");
        assert_eq!((stub.attempts(), stub.delivered().len()), (attempts, 0), "{at}");
        assert_eq!(spool.outgoing().unwrap(), [], "{at}");
    }
    // After an attempt that failed, while the next is waited for.
    let (_folder, spool) = spool();
    let window = Window { takes_back_at: Some(0), ..Window::default() };
    assert_eq!(after_looks(0, window, &Stub::new(), &spool), ["withdrawn"]);
    assert_eq!(spool.outgoing().unwrap(), []);
}

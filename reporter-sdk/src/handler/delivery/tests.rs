use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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
    /// As soon as an attempt has failed.
    takes_back_then: bool,
    /// Where the person wants what could not be sent.
    files: Mutex<Vec<PathBuf>>,
    is_closed: AtomicBool,
    /// How often it was looked whether it is there.
    looks: AtomicUsize,
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
        let has_failed = || self.told.lock().unwrap().iter().any(|told| told.starts_with("not sent"));
        self.takes_back_at.is_some_and(|at| at == 0 || self.seen.lock().unwrap().is_some_and(|done| done >= at))
            || self.takes_back_then && has_failed()
    }

    fn wants_file(&self, _: ReportId) -> Option<PathBuf> {
        self.files.lock().unwrap().pop()
    }

    fn saved(&self, saved: Result<(), SaveError>) {
        self.tell(saved.map_or_else(|error| format!("not saved: {error}"), |()| "saved".into()));
    }

    fn is_there(&self) -> bool {
        self.looks.fetch_add(1, Ordering::Relaxed);
        !self.is_closed.load(Ordering::Relaxed)
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
    queue(&spool);
    (folder, spool)
}

fn queue(spool: &Spool) {
    let draft = Draft::new(REPORT, ReportProduct::default(), [2; 16], ErrorKind::Crash, 7);
    let notice = Notice::default();
    let request = Request::new(&draft, &notice, CategorySet::all()).unwrap();
    let answer = crate::consent::Answer::Send { categories: CategorySet::essential(), contact: None };
    let decision: Decision = request.answered(answer, None);
    let Ok(Outcome::Granted(grant)) = settle(&draft, &request, decision) else { panic!("not granted") };
    let queued = spool.enqueue(REPORT, &draft.product, |writer| encode(&draft, &grant, &evidence::reduce, writer));
    drop(queued.unwrap());
}

/// What is told to the window by so many looks at what is due, and what support has.
fn after_looks(looks: usize, window: Window, transport: &Stub, spool: &Spool) -> Vec<String> {
    let window = Arc::new(window);
    let mut sends = transport.clone();
    let watched = Watched::from([(REPORT, window.clone() as Arc<dyn Watcher>)]);
    let mut round = Round { spool, transport: &mut sends, watched, sent: BTreeSet::new() };
    for _ in 0..looks {
        if let Some(mut outgoing) = spool.claim(REPORT).unwrap() {
            outgoing.retry_now().unwrap();
        }
        round.send_due(false);
    }
    round.hear();
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

/// Waits for what comes soon.
fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(30), "no {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Delivery of a report whose first attempt fails so, watched by this window from then on.
fn delivery_that_fails(with: DeliverError, stub: &Stub, window: &Arc<Window>) -> (tempfile::TempDir, Spool, Delivery) {
    stub.fail_next(with);
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(&folder.path().join("spool")).unwrap();
    let delivery = Delivery::start(folder.path().join("spool"), Box::new(stub.clone())).unwrap();
    // It has looked, and found nothing: the next that it finds is watched.
    delivery.look_and_wait(Duration::from_secs(30));
    delivery.watchers().add(&[REPORT], window.clone());
    queue(&spool);
    delivery.look();
    (folder, spool, delivery)
}

#[test]
fn what_is_taken_back_between_two_attempts_is_destroyed_at_once_also_once_the_product_is_gone() {
    for product_is_gone in [false, true] {
        let stub = Stub::new();
        let window = Arc::new(Window { takes_back_then: true, ..Window::default() });
        let fails = DeliverError::Usage { what: "as the test wants it".into() };
        let (_folder, spool, delivery) = delivery_that_fails(fails, &stub, &window);
        if product_is_gone {
            delivery.finish();
        } else {
            wait_for("end of the report", || window.told.lock().unwrap().len() == 2);
        }
        let told = window.told.lock().unwrap().clone();
        assert!(told.len() == 2 && told[0].contains("again in Some(") && told[1] == "withdrawn", "{told:?}");
        assert_eq!((stub.attempts(), spool.outgoing().unwrap()), (1, vec![]), "not only at the next attempt");
    }
}

#[test]
fn what_could_not_be_sent_is_written_to_a_file_as_it_would_be_sent_or_the_person_is_told_why_not() {
    let (folder, spool) = spool();
    let stub = Stub::new();
    stub.fail_next(DeliverError::Usage { what: "as the test wants it".into() });
    let file = folder.path().join("Ledger.report");
    let nowhere = folder.path().join("no such folder").join("Ledger.report");
    let window = Arc::new(Window { files: vec![file.clone(), nowhere].into(), ..Window::default() });
    let watched = Watched::from([(REPORT, window.clone() as Arc<dyn Watcher>)]);
    let mut round = Round { spool: &spool, transport: &mut stub.clone(), watched, sent: BTreeSet::new() };
    round.send_due(false);
    round.hear();
    round.hear();
    let told = window.told.lock().unwrap().clone();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[1].starts_with("not saved: ") && told[2] == "saved", "{told:?}");
    let saved = fs::read(&file).unwrap();
    // It waits as before, and support is sent the same.
    let mut outgoing = spool.claim(REPORT).unwrap().unwrap();
    outgoing.retry_now().unwrap();
    drop(outgoing);
    round.send_due(false);
    assert_eq!(stub.delivered()[0].report, saved);
    // It is support's now.
    *window.files.lock().unwrap() = vec![file.clone()];
    round.watched.insert(REPORT, window.clone());
    round.hear();
    assert!(window.told.lock().unwrap().last().unwrap().contains("is there no more"));
    assert_eq!(fs::read(&file).unwrap(), saved);
}

#[test]
fn once_the_product_is_gone_a_report_waits_in_this_process_for_nobody_but_a_person_in_front_of_it() {
    // It is tried no more.
    let fails = || DeliverError::Altered { id: uuid::Uuid::nil(), found: "3 bytes".into() };
    let (stub, window) = (Stub::new(), Arc::new(Window::default()));
    let (_folder, spool, delivery) = delivery_that_fails(fails(), &stub, &window);
    let finished = std::thread::spawn(|| delivery.finish());
    wait_for("attempt", || !window.told.lock().unwrap().is_empty());
    let looks = window.looks.load(Ordering::Relaxed);
    wait_for("more looks", || window.looks.load(Ordering::Relaxed) > looks + 2);
    assert!(!finished.is_finished(), "somebody is there");
    window.is_closed.store(true, Ordering::Relaxed);
    finished.join().unwrap();
    assert_eq!((stub.attempts(), spool.outgoing().unwrap().len()), (1, 1));

    let (stub, window) = (Stub::new(), Arc::new(Window { is_closed: true.into(), ..Window::default() }));
    let (_folder, spool, delivery) = delivery_that_fails(fails(), &stub, &window);
    delivery.finish();
    assert_eq!((stub.attempts(), spool.outgoing().unwrap().len()), (1, 1));
}

#[test]
fn who_comes_to_wait_for_a_report_after_it_was_sent_is_told_so() {
    let (_folder, spool) = spool();
    let (stub, window) = (Stub::new(), Arc::new(Window::default()));
    let mut round =
        Round { spool: &spool, transport: &mut stub.clone(), watched: Watched::new(), sent: BTreeSet::new() };
    round.send_due(false);
    round.watch(REPORT, window.clone());
    assert_eq!(*window.told.lock().unwrap(), ["sent"]);
    assert!(round.watched.is_empty(), "nobody waits any more");
}

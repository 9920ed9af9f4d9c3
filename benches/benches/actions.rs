//! Recording an action beside what else records one, and beside a look at the clock: by one thread, and by two at once.
//!
//! `cargo bench -p benches --bench actions`. A program and not criterion's, since what counts are the ratios within one run: all take turns in
//! short rounds, so that whatever else the machine does meets each of them.

use std::{
    collections::VecDeque,
    hint::black_box,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use reporter_sdk::Surface;
use sentry::{Breadcrumb, ClientInitGuard, ClientOptions, Envelope, Level, Transport};

/// Each takes so many turns.
const ROUNDS: usize = 101;
/// Actions of each thread in a turn: some milliseconds.
const ACTIONS: u32 = 50_000;
/// As many as a shard of the shared memory remembers.
const REMEMBERED: usize = 256;

/// The same facts as an action of ours holds, in memory that dies with the process.
struct Entry {
    _time: Instant,
    _thread: thread::ThreadId,
    _surface: Surface,
    _id: Box<str>,
    _label: Box<str>,
}

static RING: Mutex<VecDeque<Entry>> = Mutex::new(VecDeque::new());

type Record = fn(&str, &str);

const OURS: usize = 0;
const SENTRY: usize = 1;
const CLOCK: usize = 2;
const RECORDERS: [(&str, Record); 5] = [
    ("ours", ours),
    ("sentry::add_breadcrumb", sentry),
    ("a look at the clock", clock),
    ("ring under a lock", mutex_ring),
    ("ours, begin and end of a task", task),
];

fn ours(id: &str, label: &str) {
    reporter_sdk::command(id, label, Surface::Menu);
}

/// As its documentation shows it: the category and the message.
fn sentry(id: &str, label: &str) {
    sentry::add_breadcrumb(Breadcrumb {
        category: Some(id.into()),
        message: Some(label.into()),
        ..Breadcrumb::default()
    });
}

/// Sends nothing, and remembers how many breadcrumbs it did not send.
#[derive(Default)]
struct Nowhere(AtomicUsize);

impl Transport for Nowhere {
    fn send_envelope(&self, envelope: Envelope) {
        self.0.store(envelope.event().map_or(0, |event| event.breadcrumbs.len()), Ordering::Relaxed);
    }
}

/// A client that is on: breadcrumbs are kept for no other.
fn start_sentry() -> ClientInitGuard {
    let nowhere = Arc::new(Nowhere::default());
    let options = ClientOptions::new().dsn("https://public@sentry.example/1").transport(Arc::clone(&nowhere));
    let client = sentry::init(options);
    sentry("file.import", "Import");
    sentry::capture_message("a test", Level::Info);
    assert_eq!(nowhere.0.load(Ordering::Relaxed), 1, "it records");
    client
}

/// `clock_gettime(CLOCK_MONOTONIC)`, by the vDSO.
fn clock(_: &str, _: &str) {
    black_box(Instant::now());
}

/// What most products have.
fn mutex_ring(id: &str, label: &str) {
    let entry = Entry {
        _time: Instant::now(),
        _thread: thread::current().id(),
        _surface: Surface::Menu,
        _id: id.into(),
        _label: label.into(),
    };
    let mut ring = RING.lock().expect("nobody panics");
    if ring.len() == REMEMBERED {
        ring.pop_front();
    }
    ring.push_back(entry);
}

fn task(_: &str, label: &str) {
    drop(reporter_sdk::task(label));
}

/// Nanoseconds that one of `threads` threads takes for an action, side by side with the others.
fn turn(threads: usize, record: Record) -> f64 {
    let ready = Barrier::new(threads);
    let work = || {
        // A thread's first action makes it known; that is no matter of recording.
        record("warm.up", "Warm up");
        ready.wait();
        let started = Instant::now();
        for _ in 0..ACTIONS {
            record(black_box("file.import"), black_box("Import a bank statement…"));
        }
        started.elapsed().as_nanos() as f64 / f64::from(ACTIONS)
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().map(|thread| thread.join().expect("recording does not panic")).sum::<f64>() / threads as f64
    })
}

fn main() {
    reporter_sdk::bench::start();
    let _sentry = start_sentry();

    for threads in [1, 2] {
        let mut times = RECORDERS.map(|_| Vec::with_capacity(ROUNDS));
        for _ in 0..ROUNDS {
            for ((_, record), times) in RECORDERS.iter().zip(&mut times) {
                times.push(turn(threads, *record));
            }
        }
        println!("\n{threads} thread{}, ns for each action", if threads == 1 { "" } else { "s side by side" });
        let figures = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            (times[ROUNDS / 2], times[0])
        });
        for ((name, _), (median, least)) in RECORDERS.iter().zip(figures) {
            println!("  {name:<30} median {median:7.1}   least {least:7.1}");
        }
        for (name, peer) in [("sentry::add_breadcrumb", SENTRY), ("a look at the clock", CLOCK)] {
            let ratio = |of: fn((f64, f64)) -> f64| of(figures[OURS]) / of(figures[peer]);
            let (medians, least) = (ratio(|(median, _)| median), ratio(|(_, least)| least));
            println!("  ours : {name:<23} median {medians:7.3}   least {least:7.3}");
        }
    }
}

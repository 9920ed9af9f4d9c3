//! Recording an action beside the ring under a lock that most products have: by one thread, and by two at once.
//!
//! `cargo bench -p benches --bench actions`; ratios within one run are what counts. The times are of one action in one thread.

use std::{
    collections::VecDeque,
    hint::black_box,
    sync::{Barrier, Mutex},
    thread,
    time::{Duration, Instant},
};

use criterion::{Criterion, criterion_group, criterion_main};
use reporter_sdk::Surface;

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

fn ours(id: &str, label: &str) {
    reporter_sdk::command(id, label, Surface::Menu);
}

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

/// How long `threads` threads take that record `count` actions each, side by side.
fn side_by_side(threads: usize, count: u64, record: fn(&str, &str)) -> Duration {
    let ready = Barrier::new(threads + 1);
    let work = || {
        // A thread's first action makes it known; that is no matter of recording.
        record("warm.up", "Warm up");
        ready.wait();
        for _ in 0..count {
            record(black_box("file.import"), black_box("Import a bank statement…"));
        }
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        ready.wait();
        let started = Instant::now();
        running.into_iter().for_each(|thread| thread.join().expect("recording does not panic"));
        started.elapsed()
    })
}

fn actions(criterion: &mut Criterion) {
    reporter_sdk::bench::start();
    for threads in [1, 2] {
        let mut group = criterion.benchmark_group(format!("action/{threads} threads"));
        group.sample_size(20).measurement_time(Duration::from_secs(3));
        group.bench_function("ours", |bencher| bencher.iter_custom(|count| side_by_side(threads, count, ours)));
        group.bench_function("mutex ring", |bencher| {
            bencher.iter_custom(|count| side_by_side(threads, count, mutex_ring));
        });
        group.finish();
    }
}

criterion_group!(benches, actions);
criterion_main!(benches);

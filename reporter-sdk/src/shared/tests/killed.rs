//! Products that are killed while they record: what they leave is whole, or says that it is not.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use report_format::schema::v1::{CommandStep, Surface, TaskPhase, TaskStep, action::Step};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::super::{
    clock,
    layout::{self, ActionKind, header},
    mapping::Mapping,
    seat::Seat,
    snapshot::{RawAction, Snapshot},
    writer::{Action, Writer},
};

/// One thread with a shard to itself, and two that meet in another one; each is a process of its own here, so that it can be killed.
const SEATS: [Seat; 3] = [
    Seat { thread: 1, shard: 0 },
    Seat { thread: 2, shard: layout::OWN_SHARDS },
    Seat { thread: 3, shard: layout::OWN_SHARDS },
];

#[test]
fn twenty_killed_products_leave_no_wrong_action() {
    kill(20);
}

#[test]
#[ignore = "takes longer than it tells more: run by scripts/test --full"]
fn two_hundred_killed_products_leave_no_wrong_action() {
    kill(200);
}

fn kill(products: u32) {
    let (mut seen, mut torn) = (0, 0);
    for round in 0..products {
        let (product, memory) = Mapping::create().unwrap();
        let product: &'static Mapping = Box::leak(Box::new(product));
        let writer = Writer::new(product.words());
        let handler = Mapping::open(&memory).unwrap();
        let pids = SEATS.map(|seat| recording(&writer, seat));
        await_all_begun(product.words());
        // Somewhere else each time: 0 to 2 ms.
        thread::sleep(Duration::from_nanos(u64::from(round.wrapping_mul(2_654_435_769)) % 2_000_000));
        for pid in pids {
            kill_process(pid, Signal::KILL).unwrap();
        }
        for pid in pids {
            let (_, status) = waitpid(Some(pid), WaitOptions::empty()).unwrap().unwrap();
            assert_eq!(status.terminating_signal(), Some(Signal::KILL.as_raw()), "it was still recording");
        }
        let snapshot = Snapshot::read(&handler).unwrap();
        assert!(snapshot.torn <= SEATS.len() as u64, "at most the one that each was writing: {}", snapshot.torn);
        assert!(snapshot.actions.is_sorted_by_key(|action| action.monotonic));
        for seat in SEATS {
            check(snapshot.actions.iter().filter(|action| action.thread_id == seat.thread), seat);
        }
        seen += snapshot.actions.len();
        torn += snapshot.torn;
    }
    println!("{products} products: {seen} actions read, {torn} torn");
}

/// All parts of an action follow from one number, so that a mix of two shows.
fn action(number: u64, buffers: &mut [[u8; 112]; 2]) -> Action<'_> {
    let [first, second] = buffers;
    let first = digits(number, first, 1 + number as usize % 6);
    if number.is_multiple_of(2) {
        let detail = TaskPhase::Begun as u8;
        Action { kind: ActionKind::Task, detail, id: number, parent: !number, first, second: "" }
    } else {
        let second = digits(!number, second, 1 + number as usize % 7);
        Action { kind: ActionKind::Command, detail: Surface::Menu as u8, id: 0, parent: 0, first, second }
    }
}

/// `number` in hexadecimal, so many times.
fn digits(number: u64, buffer: &mut [u8; 112], times: usize) -> &str {
    for (at, byte) in buffer.iter_mut().enumerate() {
        *byte = b"0123456789abcdef"[(number >> (60 - 4 * (at % 16))) as usize & 15];
    }
    std::str::from_utf8(&buffer[..16 * times]).unwrap_or_default()
}

/// What one process has recorded is in its order and whole; nothing is missing between where no one else writes.
fn check<'a>(actions: impl Iterator<Item = &'a RawAction>, seat: Seat) {
    let mut last = None;
    for found in actions {
        let (Step::Task(TaskStep { name: first, .. }) | Step::Command(CommandStep { command_id: first, .. })) =
            &found.step
        else {
            panic!("{found:?}")
        };
        let number = u64::from_str_radix(&first[..16], 16).unwrap();
        let mut buffers = [[0; 112]; 2];
        let Action { id: task_id, parent: parent_id, first, second, .. } = action(number, &mut buffers);
        let step = if number.is_multiple_of(2) {
            Step::Task(TaskStep { task_id, parent_id, phase: TaskPhase::Begun.into(), name: first.into() })
        } else {
            Step::Command(CommandStep { command_id: first.into(), label: second.into(), surface: Surface::Menu.into() })
        };
        assert_eq!((&found.step, found.truncated), (&step, false));
        match last {
            Some(last) if seat.is_own() => assert_eq!(number, last + 1, "{seat:?}"),
            Some(last) => assert!(number > last, "{seat:?}"),
            None => {}
        }
        last = Some(number);
    }
}

fn await_all_begun(words: &[AtomicU64]) {
    let started = Instant::now();
    for seat in SEATS {
        while words[header::COUNTS + seat.shard * header::COUNT_STRIDE].load(Ordering::Relaxed) == 0 {
            assert!(started.elapsed() < Duration::from_secs(60), "nothing is recorded");
            thread::yield_now();
        }
    }
}

/// A process that records until it is killed.
fn recording(writer: &Writer, seat: Seat) -> Pid {
    // SAFETY: the child of this threaded process does what is async-signal-safe alone: it records, with a seat given to it, and reads the clock.
    let pid = unsafe { libc::fork() };
    if pid != 0 {
        return Pid::from_raw(pid).expect("a process more");
    }
    // SAFETY: takes numbers alone. Nobody is left behind if the test fails.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    let mut buffers = [[0; 112]; 2];
    for number in 0..u64::MAX {
        writer.write_action(seat, clock::coarse(), &action(number, &mut buffers));
    }
    // SAFETY: ends this process at once.
    unsafe { libc::_exit(0) }
}

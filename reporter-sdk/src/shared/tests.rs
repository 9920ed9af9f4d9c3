//! Writer and snapshot together.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use proptest::prelude::*;
use report_format::schema::v1::{DialogPhase, ErrorKind, Surface, TaskPhase, action::Step};

use super::{
    clock,
    layout::{self, ActionKind, header, slot},
    mapping::Mapping,
    seat::Seat,
    snapshot::{Heartbeat, SharedError, Snapshot},
    writer::{self, Action, Crash, Exception, Panic, Writer, cut},
};

mod killed;

fn memory() -> (&'static [AtomicU64], Writer) {
    let words: Vec<_> = (0..layout::WORDS).map(|_| AtomicU64::new(0)).collect();
    let words: &'static [AtomicU64] = words.leak();
    writer::write_header(words);
    (words, Writer::new(words))
}

fn copy(words: &[AtomicU64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes()).collect()
}

fn command<'a>(id: &'a str, label: &'a str) -> Action<'a> {
    Action { kind: ActionKind::Command, detail: Surface::Menu as u8, id: 0, parent: 0, first: id, second: label }
}

#[test]
fn actions_come_back_in_order() {
    let (words, writer) = memory();
    let task = |detail: TaskPhase, name| Action {
        kind: ActionKind::Task,
        detail: detail as u8,
        id: 7,
        parent: 3,
        first: name,
        second: "",
    };
    writer.act(&task(TaskPhase::Begun, "import statement"));
    writer.act(&command("file.export", "Export…"));
    let dialog = DialogPhase::Closed as u8;
    writer.act(&Action { kind: ActionKind::Dialog, detail: dialog, id: 0, parent: 0, first: "sure", second: "ok" });
    let snapshot = Snapshot::from_words(words).unwrap();
    let [Step::Task(task), Step::Command(command), Step::Dialog(dialog)] =
        &snapshot.actions.iter().map(|action| action.step.clone()).collect::<Vec<_>>()[..]
    else {
        panic!("{snapshot:?}")
    };
    assert_eq!((task.task_id, task.parent_id, task.phase(), &*task.name), (7, 3, TaskPhase::Begun, "import statement"));
    assert_eq!((&*command.command_id, &*command.label, command.surface()), ("file.export", "Export…", Surface::Menu));
    assert_eq!((&*dialog.dialog_id, dialog.phase(), &*dialog.result), ("sure", DialogPhase::Closed, "ok"));
    assert_eq!((snapshot.dropped, snapshot.torn), (0, 0));
    assert_eq!(snapshot.pid, std::process::id());
    // The clock of the actions is behind the other; a virtual machine that stands still loses ticks.
    assert!(snapshot.actions[0].monotonic + 1_000_000_000 >= snapshot.started_monotonic);
    assert!(!snapshot.actions[0].truncated && snapshot.actions[2].sequence == 2);
}

#[test]
fn what_the_clock_does_not_tell_apart_stays_in_the_order_of_each_thread() {
    let (words, writer) = memory();
    let own = |thread| Seat { thread, shard: thread as usize };
    let common = |thread| Seat { thread, shard: layout::OWN_SHARDS };
    // The second thread has recorded much before.
    (0..100).for_each(|_| writer.write_action(own(2), 1, &command("", "")));
    writer.write_action(own(2), 5, &command("2.1", ""));
    writer.write_action(own(1), 5, &command("1.1", ""));
    writer.write_action(common(3), 5, &command("3.1", ""));
    writer.write_action(own(2), 5, &command("2.2", ""));
    // It is about to end and has given its shard back.
    writer.write_action(common(2), 5, &command("2.3", ""));
    writer.write_action(own(1), 4, &command("1.0", ""));
    let snapshot = Snapshot::from_words(words).unwrap();
    let last = &snapshot.actions[100..];
    let named = last.iter().map(|action| match &action.step {
        Step::Command(step) => (&*step.command_id, action.thread_id, action.sequence),
        _ => panic!("{action:?}"),
    });
    let expected = [("1.0", 1), ("1.1", 1), ("2.1", 2), ("2.2", 2), ("3.1", 3), ("2.3", 2)];
    assert!(named.eq((100..).zip(expected).map(|(sequence, (name, thread))| (name, thread, sequence))), "{last:?}");
}

#[test]
fn times_are_by_a_coarse_clock_that_is_never_ahead() {
    let (words, writer) = memory();
    for _ in 0..100 {
        let before = clock::monotonic();
        writer.act(&command("a", ""));
        let after = clock::monotonic();
        let snapshot = Snapshot::from_words(words).unwrap();
        let action = snapshot.actions.last().unwrap();
        assert!((1..=10_000_000).contains(&snapshot.resolution), "1 to 10 ms: {}", snapshot.resolution);
        assert!(action.monotonic <= after && after <= snapshot.taken);
        // A virtual machine that stands still loses ticks: a second is generous.
        assert!(action.monotonic + 1_000_000_000 > before, "{} {before}", action.monotonic);
    }
}

#[test]
fn no_action_is_before_the_start() {
    let (words, writer) = memory();
    let seat = Seat { thread: 1, shard: 0 };
    let snapshot = Snapshot::from_words(words).unwrap();
    let start = snapshot.started_monotonic;
    for time in [start - snapshot.resolution, start - snapshot.resolution - 1, start + 1] {
        writer.write_action(seat, time, &command("a", ""));
    }
    let times: Vec<_> = Snapshot::from_words(words).unwrap().actions.iter().map(|action| action.monotonic).collect();
    let nonsense = start - snapshot.resolution - 1;
    assert_eq!(times, [nonsense, start, start + 1], "what is more than a tick before is left as it is");
}

#[test]
fn the_heartbeat_counts_and_names_the_thread_unless_it_pauses() {
    let (words, writer) = memory();
    let heartbeat = || Snapshot::from_words(words).unwrap().heartbeat;
    assert_eq!(heartbeat(), None, "never watched");
    writer.heartbeat();
    let thread_id = writer::thread_id();
    assert_eq!(heartbeat(), Some(Heartbeat { thread_id, beats: 1 }));
    writer.pause_heartbeat();
    assert_eq!(heartbeat(), None);
    writer.heartbeat();
    assert_eq!(heartbeat(), Some(Heartbeat { thread_id, beats: 2 }), "no beat twice");
    words[header::HEARTBEAT].store(u64::MAX, Ordering::Relaxed);
    writer.heartbeat();
    assert_eq!(heartbeat(), Some(Heartbeat { thread_id, beats: 0 }));
}

#[test]
fn old_actions_give_way_and_are_counted() {
    let (words, writer) = memory();
    for n in 0..layout::SLOTS + 10 {
        writer.act(&command(&n.to_string(), ""));
    }
    let snapshot = Snapshot::from_words(words).unwrap();
    assert_eq!((snapshot.actions.len(), snapshot.dropped, snapshot.torn), (layout::SLOTS, 10, 0));
    assert_eq!(snapshot.actions[0].sequence, 10);
    assert!(matches!(&snapshot.actions[0].step, Step::Command(step) if step.command_id == "10"));
}

#[test]
fn long_texts_are_cut_at_a_character() {
    let (words, writer) = memory();
    let long = "ä".repeat(300);
    writer.act(&command(&long, &long));
    writer.act(&command("short", &long));
    let snapshot = Snapshot::from_words(words).unwrap();
    for (action, first) in snapshot.actions.iter().zip([104, 5]) {
        let Step::Command(step) = &action.step else { panic!("{action:?}") };
        assert!(action.truncated && !step.label.contains('\u{fffd}') && !step.command_id.contains('\u{fffd}'));
        assert_eq!(step.command_id.len(), first);
        assert!(step.label.len() >= 102, "{step:?}");
    }
    assert_eq!(cut("aä", 2), "a");
}

#[test]
fn texts_of_every_length_come_back() {
    let (words, writer) = memory();
    let all = "0123456789abcdefghijklmnopqrstuvwxyz";
    for (first, second) in (0..=all.len()).zip((0..=all.len()).rev()) {
        writer.act(&command(&all[..first], &all[second..]));
    }
    let snapshot = Snapshot::from_words(words).unwrap();
    assert_eq!(snapshot.actions.len(), all.len() + 1);
    for ((first, second), action) in (0..=all.len()).zip((0..=all.len()).rev()).zip(&snapshot.actions) {
        let Step::Command(step) = &action.step else { panic!("{action:?}") };
        assert_eq!((&*step.command_id, &*step.label, action.truncated), (&all[..first], &all[second..], false));
    }
}

#[test]
fn annotations_replace_and_go() {
    let (words, writer) = memory();
    writer.annotate("document.kind", "invoice");
    writer.annotate("user.level", &"x".repeat(2000));
    writer.annotate("document.kind", "letter");
    writer.annotate("document", "prefix of another key");
    writer.remove_annotation("document");
    writer.remove_annotation("never set");
    let snapshot = Snapshot::from_words(words).unwrap();
    let [first, second] = &snapshot.annotations[..] else { panic!("{:?}", snapshot.annotations) };
    assert_eq!((&*first.key, &*first.value, first.truncated), ("document.kind", "letter", false));
    assert_eq!((&*second.key, second.value.len(), second.truncated), ("user.level", 872, true));
    assert!(!copy(words).windows(6).any(|window| window == b"prefix"), "a removed value is gone from memory");
    for n in 0..100 {
        writer.annotate(&n.to_string(), "");
    }
    let snapshot = Snapshot::from_words(words).unwrap();
    assert_eq!((snapshot.annotations.len(), snapshot.lost_annotations), (layout::ANNOTATIONS, 38));
}

#[test]
fn crash_and_panic_come_back() {
    let (words, writer) = memory();
    assert_eq!(Snapshot::from_words(words).unwrap().crash, None);
    writer.panicked(&Panic { message: "index 3", file: "src/a.rs", line: 7, column: 9, thread_name: "worker" });
    let context = [0xa5; 1616];
    writer.crashed(&Crash {
        number: 2,
        kind: ErrorKind::Crash.into(),
        pid: 10,
        tid: 11,
        signal: Some((11, -6)),
        address: Some(0x10),
        context: &context,
    });
    let snapshot = Snapshot::from_words(words).unwrap();
    let panic = snapshot.thrown.unwrap();
    assert_eq!((&*panic.message, &*panic.file, panic.line, panic.column), ("index 3", "src/a.rs", 7, 9));
    assert_eq!((&*panic.thread_name, panic.kind, &*panic.type_name), ("worker", ErrorKind::Panic, "panic"));
    assert_eq!((panic.thread_id, panic.truncated), (writer::thread_id(), false));
    let crash = snapshot.crash.unwrap();
    assert_eq!((crash.number, crash.kind, crash.pid, crash.tid), (2, ErrorKind::Crash, 10, 11));
    assert_eq!(crash.signal.map(|signal| (signal.number, signal.code)), Some((11, -6)));
    assert_eq!((crash.address, &crash.context[..]), (Some(0x10), &context[..]));
}

#[test]
fn an_exception_takes_the_place_of_a_panic() {
    let (words, writer) = memory();
    let message = "ä".repeat(layout::thrown::MESSAGE_BYTES);
    writer.panicked(&Panic { message: &message, file: "src/a.rs", line: 7, column: 9, thread_name: "worker" });
    let panic = Snapshot::from_words(words).unwrap().thrown.unwrap();
    assert!(panic.truncated && message.starts_with(&panic.message));
    assert_eq!(panic.message.len(), layout::thrown::MESSAGE_BYTES);
    let type_name = format!("std::vector<{}", "é".repeat(layout::thrown::TYPE_NAME_BYTES));
    writer.exception(&Exception {
        type_name: &type_name.as_bytes()[..type_name.len() - 1],
        message: b"key \xff",
        thread_name: b"",
    });
    let exception = Snapshot::from_words(words).unwrap().thrown.unwrap();
    assert_eq!((exception.kind, &*exception.message), (ErrorKind::UnhandledException, "key \u{fffd}"));
    assert!(exception.truncated && type_name.starts_with(&exception.type_name), "{}", exception.type_name);
    assert_eq!((&*exception.file, exception.line, exception.column, &*exception.thread_name), ("", 0, 0, ""));
    assert_eq!(exception.thread_id, writer::thread_id());
}

#[test]
fn the_clean_exit_mark_is_seen() {
    let (words, writer) = memory();
    assert!(!Snapshot::from_words(words).unwrap().clean_exit);
    writer.mark_clean_exit();
    assert!(Snapshot::from_words(words).unwrap().clean_exit);
}

#[test]
fn a_slot_that_holds_another_slots_action_is_torn() {
    let (words, writer) = memory();
    writer.write_action(Seat { thread: 1, shard: 0 }, 1, &command("a", "b"));
    words[layout::SHARDS_AT].store(2 * 2, Ordering::Relaxed);
    let snapshot = Snapshot::from_words(words).unwrap();
    assert_eq!((snapshot.actions.len(), snapshot.torn), (0, 1));
}

#[test]
fn words_of_the_product_that_make_no_sense_stop_nobody_from_recording() {
    for (at, value) in [(header::COUNTS, u64::MAX), (layout::SHARDS_AT, u64::MAX), (layout::SHARDS_AT, u64::MAX - 1)] {
        for seat in [Seat { thread: 1, shard: 0 }, Seat { thread: 2, shard: layout::OWN_SHARDS }] {
            let (words, writer) = memory();
            words[at].store(value, Ordering::Relaxed);
            (0..10).for_each(|_| writer.write_action(seat, 1, &command("a", "b")));
            assert!(Snapshot::from_words(words).unwrap().actions.len() >= 9);
        }
    }
}

#[test]
fn the_handler_sees_what_the_product_writes_and_can_not_write() {
    let (product, fd) = Mapping::create().unwrap();
    let product: &'static Mapping = Box::leak(Box::new(product));
    let handler = Mapping::open(&fd).unwrap();
    Writer::new(product.words()).act(&command("a", "b"));
    assert_eq!(Snapshot::read(&handler).unwrap().actions.len(), 1);
    assert!(rustix::fs::ftruncate(&fd, 0).is_err(), "sealed");
    assert!(rustix::io::write(&fd, b"x").is_err(), "sealed");
}

#[test]
fn memory_that_can_shrink_or_has_another_size_is_refused() {
    let fd = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::ALLOW_SEALING).unwrap();
    let error = Mapping::open(&fd).unwrap_err().to_string();
    assert!(error.contains("0 bytes"), "{error}");
    rustix::fs::ftruncate(&fd, layout::SIZE as u64).unwrap();
    let error = Mapping::open(&fd).unwrap_err().to_string();
    assert!(error.contains("not sealed"), "{error}");
}

#[test]
fn foreign_memory_is_refused() {
    let (words, _) = memory();
    let set = |at: usize, value| words[at].swap(value, Ordering::Relaxed);
    assert!(matches!(Snapshot::from_bytes(&[0; 100]), Err(SharedError::Size { size: 100, .. })));
    let magic = set(header::MAGIC, 1);
    assert!(matches!(Snapshot::from_words(words), Err(SharedError::Magic(1))));
    set(header::MAGIC, magic);
    set(header::VERSION, 99);
    assert!(matches!(Snapshot::from_words(words), Err(SharedError::Version { version: 99, .. })));
    set(header::VERSION, layout::VERSION);
    set(header::SHARDS, u64::MAX);
    assert!(matches!(Snapshot::from_words(words), Err(SharedError::Header { field: "shards", .. })));
}

#[test]
fn what_many_threads_write_is_whole_or_counted() {
    let (words, writer) = memory();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for n in 0..2 * layout::SHARDS as u64 {
            let (stop, writer) = (&stop, &writer);
            scope.spawn(move || {
                for i in 0u64.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    // All parts of the record follow from one number: a mix of two shows.
                    let value = n << 32 | i;
                    let text = format!("{value:020}");
                    let kind = ActionKind::Task;
                    let detail = TaskPhase::Begun as u8;
                    writer.act(&Action {
                        kind,
                        detail,
                        id: value,
                        parent: !value,
                        first: &text.repeat(1 + i as usize % 9),
                        second: "",
                    });
                }
            });
        }
        let (mut seen, mut rounds) = (0, 0);
        while seen == 0 || rounds < 10 {
            rounds += 1;
            let snapshot = Snapshot::from_words(words).unwrap();
            seen += snapshot.actions.len();
            let mut last = 0;
            for action in &snapshot.actions {
                let Step::Task(step) = &action.step else { panic!("{action:?}") };
                let text = format!("{:020}", step.task_id).repeat(1 + (step.task_id as u32) as usize % 9);
                assert_eq!((step.parent_id, &step.name), (!step.task_id, &text));
                assert!(action.monotonic >= last);
                last = action.monotonic;
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    let snapshot = Snapshot::from_words(words).unwrap();
    assert_eq!(snapshot.torn, 0, "all writers have finished");
}

/// Those that are not text come up often.
fn any_word() -> impl Strategy<Value = usize> {
    let slots = layout::SHARDS_AT..layout::SHARDS_AT + slot::TEXT;
    let thrown = layout::THROWN_AT..layout::THROWN_AT + layout::thrown::THREAD_NAME;
    prop_oneof![0..header::WORDS, thrown, slots, 0..layout::WORDS]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn mutated_memory_never_panics(mutations in proptest::collection::vec((any_word(), any::<u64>()), 0..200)) {
        let (words, writer) = memory();
        writer.act(&command("a", "b"));
        writer.annotate("k", "v");
        writer.exception(&Exception { type_name: b"e", message: b"m", thread_name: b"t" });
        writer.heartbeat();
        writer.crashed(&Crash { number: 1, kind: 1, pid: 1, tid: 1, signal: None, address: None, context: &[1; 64] });
        for (at, value) in mutations {
            if at >= header::STARTED_MONOTONIC {
                words[at].store(value, Ordering::Relaxed);
            }
        }
        let snapshot = Snapshot::from_words(words).unwrap();
        prop_assert!(snapshot.actions.len() <= layout::SHARDS * layout::SLOTS);
        prop_assert!(snapshot.resolution <= 1_000_000_000);
        prop_assert!(snapshot.heartbeat.is_none_or(|heartbeat| heartbeat.thread_id != 0));
        // A broken byte becomes a character of three.
        let room = |texts: &[&String]| texts.iter().map(|text| text.len()).sum::<usize>() <= 3 * layout::thrown::WORDS * 8;
        prop_assert!(snapshot.thrown.is_none_or(|t| room(&[&t.message, &t.file, &t.type_name, &t.thread_name])));
    }

    #[test]
    fn random_memory_never_panics(seed in any::<u64>(), header_is_right in any::<bool>()) {
        let mut state = seed | 1;
        let words: Vec<_> = (0..layout::WORDS)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                // Sequence words that are even and kinds that exist come up often enough to go deeper.
                AtomicU64::new(if state.is_multiple_of(3) { state & 0x0303_0202_0000_00fe } else { state })
            })
            .collect();
        if header_is_right {
            let (right, _) = memory();
            for at in 0..header::STARTED_MONOTONIC {
                words[at].store(right[at].load(Ordering::Relaxed), Ordering::Relaxed);
            }
        }
        match Snapshot::from_words(&words) {
            Ok(snapshot) => {
                let text: usize = snapshot.annotations.iter().map(|pair| pair.key.len() + pair.value.len()).sum();
                // A broken byte becomes a character of three.
                prop_assert!(header_is_right && text <= 3 * layout::ANNOTATIONS * 1000);
            }
            Err(_) => prop_assert!(!header_is_right),
        }
    }
}

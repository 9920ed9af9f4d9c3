//! The handler's side: a copy of the shared memory, checked as it is made.
//!
//! Nothing here trusts what it reads, for the process that wrote it has crashed: lengths are cut to their slot, unknown enum values make a slot
//! unreadable, text is made valid UTF-8. What comes out is bounded by the size of the mapping.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use report_format::schema::v1::{
    CommandStep, DialogPhase, DialogStep, ErrorKind, Surface, TaskPhase, TaskStep, action::Step,
};

use super::{
    clock,
    layout::{self, ActionKind, annotation, crash, header, slot, thrown},
    mapping::Mapping,
};

/// Why the memory is not ours to read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SharedError {
    #[error("shared memory has {size} bytes, expected {expected}")]
    Size { size: usize, expected: usize },
    #[error("shared memory starts with {0:#018x}, which is not its mark")]
    Magic(u64),
    #[error(
        "shared memory has layout version {version}, expected {expected}: product and handler are not of one release"
    )]
    Version { version: u64, expected: u64 },
    #[error("shared memory says {field} = {value}, expected {expected}")]
    Header { field: &'static str, value: u64, expected: u64 },
}

/// What the product had done, and how it failed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Snapshot {
    /// As the product says; compare with the process that is really there.
    pub(crate) pid: u32,
    /// Monotonic nanoseconds.
    pub(crate) started_monotonic: u64,
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub(crate) started_realtime: u64,
    /// Monotonic nanoseconds: when this was read. No action in it is later.
    pub(crate) taken: u64,
    /// `None` while the product's main loop is not watched.
    pub(crate) heartbeat: Option<Heartbeat>,
    /// Nanoseconds that the clock of the actions resolves; 0 where it makes no sense.
    pub(crate) resolution: u64,
    /// The product ended, or was about to end, as it should.
    pub(crate) clean_exit: bool,
    /// Oldest first.
    pub(crate) actions: Vec<RawAction>,
    /// Actions there was no room for any more.
    pub(crate) dropped: u64,
    /// Actions that were being written, or make no sense.
    pub(crate) torn: u64,
    /// In the order in which the keys were first set.
    pub(crate) annotations: Vec<RawAnnotation>,
    pub(crate) lost_annotations: u64,
    /// Of the product, as it says; empty where it says nothing.
    pub(crate) product_version: String,
    /// Handled errors that did not reach the handler.
    pub(crate) lost_errors: u64,
    pub(crate) thrown: Option<Thrown>,
    pub(crate) crash: Option<CrashRecord>,
}

/// See [`header::HEARTBEAT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heartbeat {
    /// The thread that runs the main loop; never 0.
    pub(crate) thread_id: u32,
    /// Wraps around.
    pub(crate) beats: u32,
}

impl Heartbeat {
    /// Looks at it alone. `None` while nobody is watched.
    pub(crate) fn read(mapping: &Mapping) -> Option<Self> {
        parse_heartbeat(mapping.words()[header::HEARTBEAT].load(Ordering::Acquire))
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RawAction {
    /// Monotonic nanoseconds, by the coarse clock; not later than the crash unless the product lies or went on.
    pub(crate) monotonic: u64,
    /// Counts the actions in the order of the snapshot; starts after those dropped. Of different threads at the same time the order is not known:
    /// it goes by shard.
    pub(crate) sequence: u64,
    pub(crate) thread_id: u32,
    pub(crate) truncated: bool,
    pub(crate) step: Step,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RawAnnotation {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) truncated: bool,
}

/// A panic or an exception, by its kind.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Thrown {
    pub(crate) kind: ErrorKind,
    pub(crate) thread_id: u32,
    pub(crate) thread_name: String,
    /// `panic` for a panic; empty where it is not known.
    pub(crate) type_name: String,
    pub(crate) message: String,
    pub(crate) truncated: bool,
    /// Empty where it is not known.
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CrashRecord {
    /// Counts the reports of this process that used the slot, from 1.
    pub(crate) number: u64,
    pub(crate) kind: ErrorKind,
    pub(crate) pid: u32,
    /// 0 where no thread is known: the process had ended when its fault was found out.
    pub(crate) tid: u32,
    /// Monotonic nanoseconds.
    pub(crate) monotonic: u64,
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub(crate) realtime: u64,
    pub(crate) signal: Option<Signal>,
    /// What was accessed, for the signals that tell.
    pub(crate) address: Option<u64>,
    /// What the product's hook was told, as its bytes: `capture::sys` says of which type. Empty where there is none.
    pub(crate) context: Vec<u8>,
}

impl CrashRecord {
    /// Of a process that has ended by a fault that no hook of ours saw. Nothing is known but what the system keeps of it.
    #[cfg(feature = "handler")]
    pub(crate) fn of_an_end(kind: ErrorKind, pid: u32, fault: Signal) -> Self {
        let (monotonic, realtime) = (clock::monotonic(), clock::realtime());
        let (number, tid, address, context) = (0, 0, None, Vec::new());
        Self { number, kind, pid, tid, monotonic, realtime, signal: Some(fault), address, context }
    }
}

/// A signal number and its `si_code`; on Windows the code of an exception, and how memory was accessed (0 read, 1 write, 8 execute) or the exception's flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signal {
    pub(crate) number: i32,
    pub(crate) code: i32,
}

/// No kernel ticks more seldom.
const COARSEST: u64 = 1_000_000_000;

fn check_header(words: &[AtomicU64]) -> Result<(), SharedError> {
    if words.len() != layout::WORDS {
        return Err(SharedError::Size { size: words.len() * 8, expected: layout::SIZE });
    }
    let word = |at: usize| words[at].load(Ordering::Acquire);
    if word(header::MAGIC) != layout::MAGIC {
        return Err(SharedError::Magic(word(header::MAGIC)));
    }
    if word(header::VERSION) != layout::VERSION {
        return Err(SharedError::Version { version: word(header::VERSION), expected: layout::VERSION });
    }
    let sizes = [
        ("size", header::SIZE, layout::SIZE),
        ("shards", header::SHARDS, layout::SHARDS),
        ("slots", header::SLOTS, layout::SLOTS),
        ("annotations", header::ANNOTATIONS, layout::ANNOTATIONS),
    ];
    for (field, at, expected) in sizes {
        if word(at) != expected as u64 {
            return Err(SharedError::Header { field, value: word(at), expected: expected as u64 });
        }
    }
    Ok(())
}

impl Snapshot {
    /// Copies what is there now. The writer may go on meanwhile.
    pub(crate) fn read(mapping: &Mapping) -> Result<Self, SharedError> {
        Self::from_words(mapping.words())
    }

    /// From a copy of the memory. The tests of the layout run on Linux.
    #[cfg(all(test, target_os = "linux"))]
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, SharedError> {
        if bytes.len() != layout::SIZE {
            return Err(SharedError::Size { size: bytes.len(), expected: layout::SIZE });
        }
        let (words, _) = bytes.as_chunks();
        let words: Vec<_> = words.iter().map(|word| AtomicU64::new(u64::from_le_bytes(*word))).collect();
        Self::from_words(&words)
    }

    /// Whether memory has our layout. Looks at the header alone.
    pub(crate) fn check(mapping: &Mapping) -> Result<(), SharedError> {
        check_header(mapping.words())
    }

    pub(crate) fn from_words(words: &[AtomicU64]) -> Result<Self, SharedError> {
        check_header(words)?;
        let word = |at: usize| words[at].load(Ordering::Acquire);
        let mut snapshot = Self {
            pid: word(header::PID) as u32,
            started_monotonic: word(header::STARTED_MONOTONIC),
            started_realtime: word(header::STARTED_REALTIME),
            heartbeat: parse_heartbeat(word(header::HEARTBEAT)),
            resolution: Some(word(header::RESOLUTION)).filter(|nanos| *nanos <= COARSEST).unwrap_or(0),
            clean_exit: word(header::CLEAN_EXIT) == 1,
            lost_annotations: word(header::LOST_ANNOTATIONS),
            lost_errors: word(header::LOST_ERRORS),
            product_version: read_version(words),
            annotations: read_annotations(words),
            thrown: read_thrown(&words[layout::THROWN_AT..]),
            crash: read_crash(&words[layout::CRASH_AT..]),
            ..Self::default()
        };
        snapshot.read_actions(words);
        snapshot.taken = clock::monotonic();
        Ok(snapshot)
    }

    /// The clock of the actions may still show the tick before the start, which is by a finer one.
    fn not_before_start(&self, time: u64) -> u64 {
        let within_a_tick = self.started_monotonic.saturating_sub(time) <= self.resolution;
        if within_a_tick { time.max(self.started_monotonic) } else { time }
    }

    fn read_actions(&mut self, words: &[AtomicU64]) {
        let mut begun = 0u64;
        let mut found = Vec::new();
        for shard in 0..layout::SHARDS {
            // Before the slots: what is begun later is not missed but new.
            let here = words[header::COUNTS + shard * header::COUNT_STRIDE].load(Ordering::Acquire);
            begun = begun.saturating_add(here);
            // Those beyond were never written: to read them would make the kernel find pages for them, which takes longer than all else here.
            for at in 0..layout::SLOTS.min(usize::try_from(here).unwrap_or(usize::MAX)) {
                let start = layout::SHARDS_AT + (shard * layout::SLOTS + at) * slot::WORDS;
                match read_slot::<{ slot::WORDS }>(&words[start..]) {
                    Slot::Empty => {}
                    Slot::Torn => self.torn += 1,
                    Slot::Whole(copy) => match number(&copy, at).zip(parse_action(&copy)) {
                        Some((number, mut action)) => {
                            action.monotonic = self.not_before_start(action.monotonic);
                            found.push((action.monotonic, shard, number, action));
                        }
                        None => self.torn += 1,
                    },
                }
            }
        }
        // What the clock does not tell apart goes by shard and there by number: each thread's actions stay in their order. A thread that is ending
        // leaves its shard for one with a higher number.
        found.sort_by_key(|(monotonic, shard, number, _)| (*monotonic, *shard, *number));
        self.actions = found.into_iter().map(|(.., action)| action).collect();
        self.dropped = begun.saturating_sub(self.actions.len() as u64 + self.torn);
        for (sequence, action) in (self.dropped..=u64::MAX).zip(&mut self.actions) {
            action.sequence = sequence;
        }
    }
}

enum Slot<const N: usize> {
    Empty,
    Torn,
    Whole([u64; N]),
}

/// Copies a slot of `N` words, the first of which is its sequence word.
fn read_slot<const N: usize>(words: &[AtomicU64]) -> Slot<N> {
    let before = words[layout::SEQUENCE].load(Ordering::Acquire);
    if before == 0 {
        return Slot::Empty;
    }
    let mut copy = [0; N];
    for (copy, word) in copy.iter_mut().zip(words) {
        *copy = word.load(Ordering::Relaxed);
    }
    fence(Ordering::Acquire);
    if before % 2 == 1 || copy[layout::SEQUENCE] != before || words[layout::SEQUENCE].load(Ordering::Relaxed) != before
    {
        return Slot::Torn;
    }
    Slot::Whole(copy)
}

/// As [`read_slot`], for slots that are written seldom: a writer that is in the middle of one has the time to finish.
fn read_patiently<const N: usize>(words: &[AtomicU64]) -> Option<[u64; N]> {
    for _ in 0..100 {
        match read_slot(words) {
            Slot::Empty => return None,
            Slot::Whole(copy) => return Some(copy),
            Slot::Torn => std::hint::spin_loop(),
        }
    }
    None
}

/// The bytes of `words`, cut to `length`.
fn bytes(words: &[u64], length: usize) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).take(length).collect()
}

fn text(words: &[u64], length: usize) -> String {
    String::from_utf8_lossy(&bytes(words, length)).into_owned()
}

fn low(word: u64) -> u32 {
    word as u32
}

fn high(word: u64) -> u32 {
    (word >> 32) as u32
}

/// The `n`-th 16-bit number of a word, at most `limit`.
fn length(word: u64, n: u32, limit: usize) -> usize {
    usize::from((word >> (16 * n)) as u16).min(limit)
}

/// Which action of its shard a whole slot holds, if that one belongs into it: the `at`-th.
fn number(copy: &[u64; slot::WORDS], at: usize) -> Option<u64> {
    let number = copy[layout::SEQUENCE] / 2 - 1;
    (number % layout::SLOTS as u64 == at as u64).then_some(number)
}

fn parse_heartbeat(word: u64) -> Option<Heartbeat> {
    (low(word) != 0).then_some(Heartbeat { thread_id: low(word), beats: high(word) })
}

fn parse_action(copy: &[u64; slot::WORDS]) -> Option<RawAction> {
    let [.., kind, detail, flags, first_length] = copy[slot::META].to_le_bytes();
    let first_length = usize::from(first_length).min(slot::TEXT_BYTES);
    let (first, second) = copy[slot::TEXT..].split_at(first_length.div_ceil(8));
    let first = text(first, first_length);
    let second = text(second, usize::try_from(copy[slot::SECOND_LENGTH]).unwrap_or(usize::MAX));
    let detail = i32::from(detail);
    let step = if kind == ActionKind::Task as u8 {
        let phase = TaskPhase::try_from(detail).ok()?.into();
        Step::Task(TaskStep { task_id: copy[slot::ID], parent_id: copy[slot::PARENT], phase, name: first })
    } else if kind == ActionKind::Command as u8 {
        let surface = Surface::try_from(detail).ok()?.into();
        Step::Command(CommandStep { command_id: first, label: second, surface })
    } else if kind == ActionKind::Dialog as u8 {
        let phase = DialogPhase::try_from(detail).ok()?.into();
        Step::Dialog(DialogStep { dialog_id: first, phase, result: second })
    } else {
        return None;
    };
    Some(RawAction {
        monotonic: copy[slot::TIME],
        sequence: 0,
        thread_id: low(copy[slot::META]),
        truncated: flags & slot::FLAG_TRUNCATED != 0,
        step,
    })
}

fn read_version(words: &[AtomicU64]) -> String {
    let length = words[header::VERSION_BYTES].load(Ordering::Acquire);
    let length = usize::try_from(length).map_or(header::VERSION_BYTES_MAX, |n| n.min(header::VERSION_BYTES_MAX));
    let words = &words[header::PRODUCT_VERSION..header::PRODUCT_VERSION + length.div_ceil(8)];
    let copy: Vec<u64> = words.iter().map(|word| word.load(Ordering::Relaxed)).collect();
    text(&copy, length)
}

fn read_annotations(words: &[AtomicU64]) -> Vec<RawAnnotation> {
    let start = |at: usize| layout::ANNOTATIONS_AT + at * annotation::WORDS;
    // The first one free is taken each time: behind one that was never written there is none, and to look would make the kernel find pages.
    let was_written = |at: &usize| words[start(*at) + layout::SEQUENCE].load(Ordering::Acquire) != 0;
    let mut found: Vec<_> = (0..layout::ANNOTATIONS)
        .take_while(was_written)
        .filter_map(|at| {
            let start = start(at);
            let copy = read_patiently::<{ annotation::WORDS }>(&words[start..])?;
            let meta = copy[annotation::META];
            let key = text(&copy[annotation::KEY..annotation::VALUE], length(meta, 0, annotation::KEY_BYTES));
            let value = text(&copy[annotation::VALUE..], length(meta, 1, annotation::VALUE_BYTES));
            let order = copy[annotation::ORDER];
            (order != 0).then_some((order, RawAnnotation { key, value, truncated: high(meta) & 1 != 0 }))
        })
        .collect();
    found.sort_by_key(|(order, _)| *order);
    found.into_iter().map(|(_, annotation)| annotation).collect()
}

fn read_thrown(words: &[AtomicU64]) -> Option<Thrown> {
    let copy = read_patiently::<{ thrown::WORDS }>(words)?;
    let lengths = copy[thrown::LENGTHS];
    let text = |at: usize, bytes, n| text(&copy[at..], length(lengths, n, bytes));
    Some(Thrown {
        kind: error_kind(copy[thrown::KIND])?,
        thread_id: low(copy[thrown::THREAD_LINE]),
        line: high(copy[thrown::THREAD_LINE]),
        column: low(copy[thrown::COLUMN_FLAGS]),
        truncated: high(copy[thrown::COLUMN_FLAGS]) & 1 != 0,
        message: text(thrown::MESSAGE, thrown::MESSAGE_BYTES, 0),
        file: text(thrown::FILE, thrown::FILE_BYTES, 1),
        thread_name: text(thrown::THREAD_NAME, thrown::THREAD_NAME_BYTES, 2),
        type_name: text(thrown::TYPE_NAME, thrown::TYPE_NAME_BYTES, 3),
    })
}

fn error_kind(word: u64) -> Option<ErrorKind> {
    i32::try_from(word).ok().and_then(|kind| ErrorKind::try_from(kind).ok())
}

fn read_crash(words: &[AtomicU64]) -> Option<CrashRecord> {
    let copy = read_patiently::<{ crash::WORDS }>(words)?;
    let kind = error_kind(copy[crash::KIND])?;
    let signal = copy[crash::SIGNAL];
    Some(CrashRecord {
        number: copy[crash::NUMBER],
        kind,
        pid: low(copy[crash::IDS]),
        tid: high(copy[crash::IDS]),
        monotonic: copy[crash::MONOTONIC],
        realtime: copy[crash::REALTIME],
        signal: (low(signal) != 0).then(|| Signal { number: low(signal) as i32, code: high(signal) as i32 }),
        address: (copy[crash::HAS_ADDRESS] == 1).then_some(copy[crash::ADDRESS]),
        context: bytes(
            &copy[crash::CONTEXT..],
            copy[crash::CONTEXT_BYTES].min(crash::CONTEXT_BYTES_MAX as u64) as usize,
        ),
    })
}

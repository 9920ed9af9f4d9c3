//! The product's side. Recording an action takes no lock, no allocation and no system call, apart from a thread's first.

use std::{
    cell::Cell,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering, fence},
    },
};

use super::{
    clock,
    layout::{self, ActionKind, annotation, crash, header, panic, record, slot},
};

/// Writes into the shared memory.
#[derive(Debug)]
pub(crate) struct Writer {
    words: &'static [AtomicU64],
    /// Held while the table of annotations changes. Never taken in a signal handler.
    annotations: Mutex<()>,
}

/// A user's step. Texts are cut to their slot at a character.
#[derive(Debug)]
pub(crate) struct Action<'a> {
    pub(crate) kind: ActionKind,
    /// Task phase, surface or dialog phase.
    pub(crate) detail: u8,
    pub(crate) id: u64,
    pub(crate) parent: u64,
    pub(crate) first: &'a str,
    pub(crate) second: &'a str,
}

/// A crash, or what is reported like one.
#[derive(Debug)]
pub(crate) struct Crash<'a> {
    pub(crate) number: u64,
    /// A value of `report.v1.ErrorKind`.
    pub(crate) kind: i32,
    pub(crate) pid: u32,
    pub(crate) tid: u32,
    /// Signal number and its code.
    pub(crate) signal: Option<(i32, i32)>,
    pub(crate) address: Option<u64>,
    pub(crate) context: &'a [u8],
}

/// A panic's text and place.
#[derive(Debug)]
pub(crate) struct Panic<'a> {
    pub(crate) message: &'a str,
    pub(crate) file: &'a str,
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) thread_name: &'a str,
}

/// One bit for each shard that a thread has to itself.
static CLAIMED: AtomicU32 = AtomicU32::new(0);
const _: () = assert!(layout::SHARDS <= 32);

struct Thread {
    id: Cell<u32>,
    shard: Cell<usize>,
    /// Whether the shard is this thread's alone.
    own: Cell<bool>,
}

thread_local! {
    static THREAD: Thread = const { Thread { id: Cell::new(0), shard: Cell::new(0), own: Cell::new(false) } };
}

impl Thread {
    /// The calling thread's id and shard.
    fn current() -> (u32, usize) {
        // A thread whose thread-locals are gone already shares the first shard.
        THREAD.try_with(Self::get).unwrap_or_else(|_| (thread_id(), 0))
    }

    fn get(&self) -> (u32, usize) {
        if self.id.get() == 0 {
            self.id.set(thread_id());
            loop {
                let claimed = CLAIMED.load(Ordering::Relaxed);
                let free = claimed.trailing_ones() as usize;
                if free >= layout::SHARDS {
                    // More threads than shards: they share, spread by id.
                    self.shard.set(self.id.get() as usize % layout::SHARDS);
                    break;
                }
                let with = claimed | 1 << free;
                if CLAIMED.compare_exchange(claimed, with, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                    self.shard.set(free);
                    self.own.set(true);
                    break;
                }
            }
        }
        (self.id.get(), self.shard.get())
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if self.own.get() {
            CLAIMED.fetch_and(!(1 << self.shard.get()), Ordering::AcqRel);
        }
    }
}

/// The kernel's number of the calling thread.
pub(crate) fn thread_id() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get() as u32
}

/// Writes the header into words that are all zero. What is told of its start is this moment.
pub(crate) fn write_header(words: &[AtomicU64]) {
    let fields = [
        (header::VERSION, layout::VERSION),
        (header::SIZE, layout::SIZE as u64),
        (header::SHARDS, layout::SHARDS as u64),
        (header::SLOTS, layout::SLOTS as u64),
        (header::ANNOTATIONS, layout::ANNOTATIONS as u64),
        (header::PID, std::process::id().into()),
        (header::STARTED_MONOTONIC, clock::monotonic()),
        (header::STARTED_REALTIME, clock::realtime()),
    ];
    for (at, value) in fields {
        words[at].store(value, Ordering::Relaxed);
    }
    words[header::MAGIC].store(layout::MAGIC, Ordering::Release);
}

impl Writer {
    /// `words` must be as long as the layout says and have their header.
    pub(crate) fn new(words: &'static [AtomicU64]) -> Self {
        assert_eq!(words.len(), layout::WORDS);
        Self { words, annotations: Mutex::new(()) }
    }

    pub(crate) fn act(&self, action: &Action<'_>) {
        let time = clock::monotonic();
        let (thread, shard) = Thread::current();
        let n = self.words[header::SHARD_COUNTS + shard].fetch_add(1, Ordering::Relaxed);
        let start = layout::SHARDS_AT + (shard * layout::SLOTS + n as usize % layout::SLOTS) * slot::WORDS;
        let words = &self.words[start..start + slot::WORDS];

        // Threads that share a shard can come around while another still writes here, or be overtaken themselves. Whoever would mix two
        // actions gives its own up; the reader counts it as dropped, since the shard's count goes on.
        let whole = 2 * (n + 1);
        let seen = words[layout::SEQUENCE].load(Ordering::Relaxed);
        if seen % 2 == 1 || seen >= whole {
            return;
        }
        let claimed =
            words[layout::SEQUENCE].compare_exchange(seen, whole - 1, Ordering::Acquire, Ordering::Relaxed).is_ok();
        if !claimed {
            return;
        }
        fence(Ordering::Release);
        let first = cut(action.first, slot::TEXT_BYTES - action.second.len().min(slot::TEXT_BYTES / 2));
        let second = cut(action.second, slot::TEXT_BYTES - first.len());
        let truncated = first.len() < action.first.len() || second.len() < action.second.len();
        let flags = if truncated { slot::FLAG_TRUNCATED } else { 0 };
        let [a, b, c, d] = thread.to_le_bytes();
        let meta = u64::from_le_bytes([a, b, c, d, action.kind as u8, action.detail, flags, first.len() as u8]);
        words[slot::TIME].store(time, Ordering::Relaxed);
        words[slot::ID].store(action.id, Ordering::Relaxed);
        words[slot::PARENT].store(action.parent, Ordering::Relaxed);
        words[slot::META].store(meta, Ordering::Relaxed);
        words[slot::SECOND_LENGTH].store(second.len() as u64, Ordering::Relaxed);
        let mut text = [0; slot::TEXT_BYTES];
        text[..first.len()].copy_from_slice(first.as_bytes());
        text[first.len()..first.len() + second.len()].copy_from_slice(second.as_bytes());
        store_bytes(&words[slot::TEXT..], &text[..first.len() + second.len()]);
        words[layout::SEQUENCE].store(whole, Ordering::Release);
    }

    pub(crate) fn annotate(&self, key: &str, value: &str) {
        let key = cut(key, annotation::KEY_BYTES);
        if key.is_empty() {
            return;
        }
        let short = cut(value, annotation::VALUE_BYTES);
        let _guard = self.annotations.lock().unwrap_or_else(PoisonError::into_inner);
        let order = |at: usize| self.annotation(at)[annotation::ORDER].load(Ordering::Relaxed);
        let (at, order) = if let Some(at) = self.find_annotation(key) {
            (at, order(at))
        } else if let Some(at) = (0..layout::ANNOTATIONS).find(|at| order(*at) == 0) {
            (at, (0..layout::ANNOTATIONS).map(order).max().unwrap_or(0) + 1)
        } else {
            self.words[header::LOST_ANNOTATIONS].fetch_add(1, Ordering::Relaxed);
            return;
        };
        let words = self.annotation(at);
        let truncated = u64::from(short.len() < value.len());
        guarded(words, || {
            words[annotation::ORDER].store(order, Ordering::Relaxed);
            let meta = key.len() as u64 | (short.len() as u64) << 16 | truncated << 32;
            words[annotation::META].store(meta, Ordering::Relaxed);
            store_bytes(&words[annotation::KEY..], key.as_bytes());
            store_bytes(&words[annotation::VALUE..], short.as_bytes());
        });
    }

    pub(crate) fn remove_annotation(&self, key: &str) {
        let _guard = self.annotations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = self.find_annotation(cut(key, annotation::KEY_BYTES)) {
            let words = self.annotation(at);
            guarded(words, || {
                // Gone means gone: the bytes as well.
                words[annotation::ORDER..].iter().for_each(|word| word.store(0, Ordering::Relaxed));
            });
        }
    }

    fn annotation(&self, at: usize) -> &[AtomicU64] {
        let start = layout::ANNOTATIONS_AT + at * annotation::WORDS;
        &self.words[start..start + annotation::WORDS]
    }

    fn find_annotation(&self, key: &str) -> Option<usize> {
        (0..layout::ANNOTATIONS).find(|at| {
            let words = self.annotation(*at);
            let length = words[annotation::META].load(Ordering::Relaxed) as u16;
            words[annotation::ORDER].load(Ordering::Relaxed) != 0
                && usize::from(length) == key.len()
                && key
                    .as_bytes()
                    .chunks(8)
                    .zip(&words[annotation::KEY..])
                    .all(|(chunk, word)| word.load(Ordering::Relaxed).to_le_bytes()[..chunk.len()] == *chunk)
        })
    }

    /// Writes the last panic. One thread at a time: the one that holds the claim of `capture`.
    pub(crate) fn panicked(&self, text: &Panic<'_>) {
        let words = &self.words[layout::PANIC_AT..layout::PANIC_AT + panic::WORDS];
        let message = cut(text.message, panic::MESSAGE_BYTES);
        let file = cut(text.file, panic::FILE_BYTES);
        let name = cut(text.thread_name, panic::THREAD_NAME_BYTES);
        let truncated = message.len() < text.message.len();
        guarded(words, || {
            let thread_line = u64::from(thread_id()) | u64::from(text.line) << 32;
            words[panic::THREAD_LINE].store(thread_line, Ordering::Relaxed);
            words[panic::COLUMN_FLAGS].store(u64::from(text.column) | u64::from(truncated) << 32, Ordering::Relaxed);
            let lengths = message.len() as u64 | (file.len() as u64) << 16 | (name.len() as u64) << 32;
            words[panic::LENGTHS].store(lengths, Ordering::Relaxed);
            store_bytes(&words[panic::THREAD_NAME..], name.as_bytes());
            store_bytes(&words[panic::FILE..], file.as_bytes());
            store_bytes(&words[panic::MESSAGE..], message.as_bytes());
        });
    }

    /// Writes the crash. Async-signal-safe: stores and vDSO clocks alone. One thread at a time, as above.
    pub(crate) fn crashed(&self, record: &Crash<'_>) {
        let words = &self.words[layout::CRASH_AT..layout::CRASH_AT + crash::WORDS];
        let context = &record.context[..record.context.len().min(crash::CONTEXT_BYTES_MAX)];
        guarded(words, || {
            let (signal, code) = record.signal.unwrap_or_default();
            let fields = [
                (crash::NUMBER, record.number),
                (crash::KIND, record.kind as u64),
                (crash::IDS, u64::from(record.pid) | u64::from(record.tid) << 32),
                (crash::MONOTONIC, clock::monotonic()),
                (crash::REALTIME, clock::realtime()),
                (crash::SIGNAL, u64::from(signal as u32) | u64::from(code as u32) << 32),
                (crash::HAS_ADDRESS, u64::from(record.address.is_some())),
                (crash::ADDRESS, record.address.unwrap_or(0)),
                (crash::CONTEXT_BYTES, context.len() as u64),
            ];
            for (at, value) in fields {
                words[at].store(value, Ordering::Relaxed);
            }
            store_bytes(&words[crash::CONTEXT..], context);
        });
    }

    /// What was last given as a crash's context, a word at a time. `None` where there was none. Async-signal-safe.
    pub(crate) fn crash_context(&self) -> Option<&[AtomicU64]> {
        let words = &self.words[layout::CRASH_AT..layout::CRASH_AT + crash::WORDS];
        let bytes = words[crash::CONTEXT_BYTES].load(Ordering::Relaxed) as usize;
        words.get(crash::CONTEXT..crash::CONTEXT + bytes / 8).filter(|context| !context.is_empty())
    }

    /// Writes the record of the last crash: `fill` gets its words. Async-signal-safe if `fill` is. One thread at a time, as above.
    pub(crate) fn record(&self, fill: impl FnOnce(&[AtomicU64])) {
        let words = &self.words[layout::RECORD_AT..layout::RECORD_AT + record::WORDS];
        guarded(words, || {
            let number = self.words[layout::CRASH_AT + crash::NUMBER].load(Ordering::Relaxed);
            words[record::NUMBER].store(number, Ordering::Relaxed);
            fill(words);
        });
    }

    /// The product ends as it should. Async-signal-safe.
    pub(crate) fn mark_clean_exit(&self) {
        self.words[header::CLEAN_EXIT].store(1, Ordering::Release);
    }

    /// A handled error was lost, its queue being full.
    pub(crate) fn count_lost_error(&self) {
        self.words[header::LOST_ERRORS].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn lost_errors(&self) -> u64 {
        self.words[header::LOST_ERRORS].load(Ordering::Relaxed)
    }
}

/// Runs `write` between an odd and the next even sequence word, the slot's first. For slots with one writer at a time.
fn guarded(words: &[AtomicU64], write: impl FnOnce()) {
    let odd = words[layout::SEQUENCE].load(Ordering::Relaxed) | 1;
    words[layout::SEQUENCE].store(odd, Ordering::Relaxed);
    fence(Ordering::Release);
    write();
    words[layout::SEQUENCE].store(odd.wrapping_add(1), Ordering::Release);
}

fn store_bytes(words: &[AtomicU64], bytes: &[u8]) {
    for (word, chunk) in words.iter().zip(bytes.chunks(8)) {
        let mut value = [0; 8];
        value[..chunk.len()].copy_from_slice(chunk);
        word.store(u64::from_le_bytes(value), Ordering::Relaxed);
    }
}

/// The longest start of `text` that has at most `limit` bytes and ends at a character.
pub(crate) fn cut(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

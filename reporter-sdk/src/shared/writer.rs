//! The product's side. Recording an action takes no lock, no allocation and no system call, apart from a thread's first.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering, fence},
};

use report_format::schema::v1::ErrorKind;

pub(crate) use super::seat::thread_id;
use super::{
    clock,
    layout::{self, ActionKind, annotation, crash, header, slot, thrown},
    seat::Seat,
};

/// Writes into the shared memory.
#[derive(Debug)]
pub(crate) struct Writer {
    words: &'static [AtomicU64; layout::WORDS],
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

/// An exception that nothing caught. Its texts are as the product's language has them, UTF-8 or not.
#[derive(Debug)]
pub(crate) struct Exception<'a> {
    /// As in the product's sources: `std::runtime_error`.
    pub(crate) type_name: &'a [u8],
    pub(crate) message: &'a [u8],
    pub(crate) thread_name: &'a [u8],
}

/// Writes the header into words that are all zero. What is told of its start is this moment.
#[cfg(any(target_os = "linux", windows))]
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
        (header::RESOLUTION, clock::coarse_resolution()),
    ];
    for (at, value) in fields {
        words[at].store(value, Ordering::Relaxed);
    }
    words[header::MAGIC].store(layout::MAGIC, Ordering::Release);
}

impl Writer {
    /// `words` must be as long as the layout says and have their header.
    pub(crate) fn new(words: &'static [AtomicU64]) -> Self {
        let words = words.try_into().expect("as long as the layout says");
        Self { words, annotations: Mutex::new(()) }
    }

    /// All words, for who leaves a copy of them. Async-signal-safe.
    #[cfg(any(target_os = "linux", windows))]
    pub(crate) fn words(&self) -> &'static [AtomicU64] {
        self.words
    }

    /// Tells the version of the product. Once, before anything fails.
    pub(crate) fn product_version(&self, version: &str) {
        let version = cut(version, header::VERSION_BYTES_MAX);
        store_bytes(&self.words[header::PRODUCT_VERSION..header::COUNTS], version.as_bytes());
        self.words[header::VERSION_BYTES].store(version.len() as u64, Ordering::Release);
    }

    /// Inlined into its few callers at any rate, as what it calls: an action's fields are then registers and constants. As a call, which the compiler
    /// prefers, all of it took a third longer.
    #[inline(always)]
    pub(crate) fn act(&self, action: &Action<'_>) {
        self.write_action(Seat::mine(), clock::coarse(), action);
    }

    /// `seat` must be the calling thread's if its shard is an own one.
    #[inline(always)]
    pub(super) fn write_action(&self, seat: Seat, time: u64, action: &Action<'_>) {
        let count = &self.words[header::COUNTS + seat.shard * header::COUNT_STRIDE];
        // A locked instruction costs as much as all the rest, so that only who shares a shard uses one.
        let n = if seat.is_own() {
            let n = count.load(Ordering::Relaxed);
            count.store(n.wrapping_add(1), Ordering::Relaxed);
            n
        } else {
            count.fetch_add(1, Ordering::Relaxed)
        };
        let (slots, _) = self.words[layout::SHARDS_AT..layout::RECORD_AT].as_chunks::<{ slot::WORDS }>();
        let Some(words) = slots.get(seat.shard * layout::SLOTS + n as usize % layout::SLOTS) else { return };
        let whole = n.wrapping_add(1).wrapping_mul(2);
        let sequence = &words[layout::SEQUENCE];
        if seat.is_own() {
            // Whatever was there is older and this thread's, or of one that gave the shard up before this one took it.
            sequence.store(whole.wrapping_sub(1), Ordering::Relaxed);
        } else if !claim(sequence, whole) {
            return;
        }
        // No store below is seen before the odd number, here by the compiler and there by another CPU: a process that is killed in
        // between, as one that is read meanwhile, leaves a slot that says it is torn. The last store is a release, so that its even number is
        // seen after all the others.
        fence(Ordering::Release);

        let (first, second, flags) = fitting(action.first, action.second);
        let meta = u64::from(seat.thread)
            | u64::from(action.kind as u8) << 32
            | u64::from(action.detail) << 40
            | u64::from(flags) << 48
            | u64::from(first.len() as u8) << 56;
        words[slot::TIME].store(time, Ordering::Relaxed);
        words[slot::ID].store(action.id, Ordering::Relaxed);
        words[slot::PARENT].store(action.parent, Ordering::Relaxed);
        words[slot::META].store(meta, Ordering::Relaxed);
        words[slot::SECOND_LENGTH].store(second.len() as u64, Ordering::Relaxed);
        let text_of_second = store_bytes(&words[slot::TEXT..], first.as_bytes());
        store_bytes(text_of_second, second.as_bytes());
        sequence.store(whole, Ordering::Release);
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

    /// Writes a panic as what was thrown last. One thread at a time: the one that holds the claim of `capture`.
    pub(crate) fn panicked(&self, panic: &Panic<'_>) {
        let exception = Exception {
            type_name: b"panic",
            message: panic.message.as_bytes(),
            thread_name: panic.thread_name.as_bytes(),
        };
        self.thrown(ErrorKind::Panic, &exception, (panic.file, panic.line, panic.column));
    }

    /// Writes an exception as what was thrown last. Async-signal-safe; one thread at a time, as above.
    #[cfg(any(target_os = "linux", windows))]
    pub(crate) fn exception(&self, exception: &Exception<'_>) {
        self.thrown(ErrorKind::UnhandledException, exception, ("", 0, 0));
    }

    fn thrown(&self, kind: ErrorKind, exception: &Exception<'_>, (file, line, column): (&str, u32, u32)) {
        let words = &self.words[layout::THROWN_AT..layout::THROWN_AT + thrown::WORDS];
        let message = cut_bytes(exception.message, thrown::MESSAGE_BYTES);
        let type_name = cut_bytes(exception.type_name, thrown::TYPE_NAME_BYTES);
        let name = cut_bytes(exception.thread_name, thrown::THREAD_NAME_BYTES);
        let file = cut(file, thrown::FILE_BYTES);
        let truncated = message.len() < exception.message.len() || type_name.len() < exception.type_name.len();
        let lengths = [message.len(), file.len(), name.len(), type_name.len()];
        let fields = [
            (thrown::THREAD_LINE, u64::from(thread_id()) | u64::from(line) << 32),
            (thrown::COLUMN_FLAGS, u64::from(column) | u64::from(truncated) << 32),
            (thrown::LENGTHS, lengths.iter().rev().fold(0, |all, length| all << 16 | *length as u64)),
            (thrown::KIND, kind as u64),
        ];
        guarded(words, || {
            for (at, value) in fields {
                words[at].store(value, Ordering::Relaxed);
            }
            store_bytes(&words[thrown::THREAD_NAME..], name);
            store_bytes(&words[thrown::TYPE_NAME..], type_name);
            store_bytes(&words[thrown::FILE..], file.as_bytes());
            store_bytes(&words[thrown::MESSAGE..], message);
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
    #[cfg(target_os = "linux")]
    pub(crate) fn crash_context(&self) -> Option<&[AtomicU64]> {
        let words = &self.words[layout::CRASH_AT..layout::CRASH_AT + crash::WORDS];
        let bytes = words[crash::CONTEXT_BYTES].load(Ordering::Relaxed) as usize;
        words.get(crash::CONTEXT..crash::CONTEXT + bytes / 8).filter(|context| !context.is_empty())
    }

    /// Writes the record of the last crash: `fill` gets its words. Async-signal-safe if `fill` is. One thread at a time, as above.
    #[cfg(target_os = "linux")]
    pub(crate) fn record(&self, fill: impl FnOnce(&[AtomicU64])) {
        use layout::record;
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

    /// The product's main loop, which the calling thread runs, has come around: it is watched from now on.
    pub(crate) fn heartbeat(&self) {
        let word = &self.words[header::HEARTBEAT];
        // One loop has one thread. Where two beat all the same, they are one heart: it is the change that counts.
        let beats = (word.load(Ordering::Relaxed) >> 32).wrapping_add(1);
        word.store(beats << 32 | u64::from(Seat::mine().thread), Ordering::Relaxed);
    }

    /// The main loop is not watched until its next beat.
    pub(crate) fn pause_heartbeat(&self) {
        self.words[header::HEARTBEAT].fetch_and(!u64::from(u32::MAX), Ordering::Relaxed);
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

/// Claims a slot that several threads write into, for the action whose whole slot has the sequence word `whole`.
///
/// They can come around while another still writes there, or be overtaken themselves. Whoever would mix two actions gives its own up; the reader
/// counts it as dropped, since the shard's count goes on.
fn claim(sequence: &AtomicU64, whole: u64) -> bool {
    let seen = sequence.load(Ordering::Relaxed);
    let free = seen.is_multiple_of(2) && seen < whole;
    free && sequence.compare_exchange(seen, whole.wrapping_sub(1), Ordering::Acquire, Ordering::Relaxed).is_ok()
}

/// An action's texts as they have room in a slot, and the slot's flags.
#[inline]
fn fitting<'a>(first: &'a str, second: &'a str) -> (&'a str, &'a str, u8) {
    // The first text takes whole words, up to 7 bytes more than it has. Nearly all actions are done with these two comparisons.
    let short = slot::TEXT_BYTES - 7;
    if first.len() <= short && second.len() <= short - first.len() {
        return (first, second, 0);
    }
    cut_both(first, second)
}

#[cold]
fn cut_both<'a>(whole_first: &'a str, whole_second: &'a str) -> (&'a str, &'a str, u8) {
    let least_of_second = whole_second.len().min(slot::TEXT_BYTES / 2).next_multiple_of(8);
    let first = cut(whole_first, slot::TEXT_BYTES - least_of_second);
    let second = cut(whole_second, slot::TEXT_BYTES - first.len().next_multiple_of(8));
    let truncated = first.len() < whole_first.len() || second.len() < whole_second.len();
    (first, second, if truncated { slot::FLAG_TRUNCATED } else { 0 })
}

/// Fills words from their start, the last one up with zeros, and returns those after it. What has no room is left out.
#[inline]
fn store_bytes<'a>(mut words: &'a [AtomicU64], bytes: &[u8]) -> &'a [AtomicU64] {
    let mut left = bytes;
    // With two ways out of this loop the compiler does not make it blocks of four words, whose preparation costs more than most texts have words.
    while let Some((chunk, rest)) = left.split_first_chunk() {
        let Some((word, after)) = words.split_first() else { return words };
        word.store(u64::from_le_bytes(*chunk), Ordering::Relaxed);
        (words, left) = (after, rest);
    }
    let (false, Some((word, after))) = (left.is_empty(), words.split_first()) else { return words };
    // The last eight bytes have the rest at their end, after some that are stored already.
    let last = match bytes.last_chunk() {
        Some(last) => u64::from_le_bytes(*last) >> (64 - 8 * left.len()),
        None => part_of_a_word(left),
    };
    word.store(last, Ordering::Relaxed);
    after
}

/// At most 7 bytes as a word. Two loads that overlap, since a loop or a `memcpy` takes longer than all the rest of an action.
fn part_of_a_word(bytes: &[u8]) -> u64 {
    let last = |size| 8 * (bytes.len() - size);
    if let (Some(first), Some(end)) = (bytes.first_chunk(), bytes.last_chunk()) {
        u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*end)) << last(4)
    } else if let (Some(first), Some(end)) = (bytes.first_chunk(), bytes.last_chunk()) {
        u64::from(u16::from_le_bytes(*first)) | u64::from(u16::from_le_bytes(*end)) << last(2)
    } else {
        bytes.first().map_or(0, |byte| u64::from(*byte))
    }
}

/// The longest start of `text` that has at most `limit` bytes and ends at a character.
#[inline]
pub(crate) fn cut(text: &str, limit: usize) -> &str {
    if text.len() <= limit { text } else { &text[..text.floor_char_boundary(limit)] }
}

/// As [`cut`], for text that may not be UTF-8.
fn cut_bytes(text: &[u8], limit: usize) -> &[u8] {
    if text.len() <= limit {
        return text;
    }
    // A character has three bytes at most after its first.
    let starts = |at: &usize| text[*at] & 0xc0 != 0x80;
    let end = (limit.saturating_sub(3)..=limit).rev().find(starts).unwrap_or(limit);
    &text[..end]
}

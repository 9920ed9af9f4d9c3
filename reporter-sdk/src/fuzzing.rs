//! What the fuzzers, and the test that replays their inputs, reach of the inside. Not for products.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crash_context::CrashContext;
use report_format::schema::v1::Surface;

use crate::handler::forged::draft_of;
use crate::handler::minidump_filter::{FilterPlan, filter};
use crate::handler::sanitise::Addresses;
use crate::shared::layout::{self, ActionKind, header};
use crate::shared::snapshot::Snapshot;
use crate::shared::writer::{Action, Crash, Exception, Panic, Writer, write_header};

mod prose;
mod thumbnail;

pub use prose::prose;
pub use thumbnail::thumbnail;

/// Any bytes as what CUPS answers.
pub fn printers(input: &[u8]) {
    crate::inventory::fuzzing::printers(input);
}

/// Any bytes as what displays, lists of devices and the keyboard's settings say.
pub fn hardware(input: &[u8]) {
    crate::inventory::fuzzing::hardware(input);
}

/// Any bytes as what says what is installed.
pub fn packages(input: &[u8]) {
    crate::inventory::fuzzing::packages(input);
}

/// Any bytes as a minidump: what passes the filter is a minidump that is hardly larger, and with everything to be zeroed it is no other
/// size than with nothing.
pub fn minidump_filter(input: &[u8]) {
    let everything = || std::iter::once(0..u64::MAX).collect();
    let plans = [
        FilterPlan { system: true, ..FilterPlan::default() },
        FilterPlan { zero: everything(), ..FilterPlan::default() },
        FilterPlan { sanitise: Some(Addresses::default()), ..FilterPlan::default() },
    ];
    for plan in plans {
        let mut dump = input.to_vec();
        if let Ok(report) = filter(&mut dump, &plan) {
            assert!(dump.len() <= input.len() * 2 + 4096, "{} bytes of {}", dump.len(), input.len());
            assert!(minidump::Minidump::read(&dump[..]).is_ok());
            assert!(report.zeroed_bytes <= dump.len() as u64);
            assert!(report.zeroed_bytes == 0 || !plan.zero.is_empty());
            assert!(report.sanitised_bytes <= dump.len() as u64);
            assert!(report.sanitised_bytes == 0 || plan.sanitise.is_some());
        }
    }
}

/// Shared memory as a product leaves it, with words of it overwritten: each 12 bytes of the input are the number of a word and its new value.
pub fn snapshot(input: &[u8]) {
    let words: Vec<AtomicU64> = product().iter().map(|word| AtomicU64::new(word.load(Ordering::Relaxed))).collect();
    let mut header_is_right = true;
    for change in input.chunks_exact(12) {
        let (at, value) = change.split_at(4);
        let at = at.iter().rev().fold(0, |at, byte| at << 8 | usize::from(*byte)) % words.len();
        let value = value.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
        words[at].store(value, Ordering::Relaxed);
        header_is_right &= at >= header::PID;
    }
    draft_of(&words);
    let read = Snapshot::from_words(&words);
    assert!(read.is_ok() || !header_is_right);
    if let Ok(snapshot) = read {
        assert!(snapshot.actions.len() <= layout::SHARDS * layout::SLOTS);
        assert!(snapshot.annotations.len() <= layout::ANNOTATIONS);
        assert!(snapshot.actions.is_sorted_by_key(|action| action.monotonic));
        assert!(snapshot.crash.is_none_or(|crash| crash.context.len() <= layout::crash::CONTEXT_BYTES_MAX));
        assert!(snapshot.heartbeat.is_none_or(|heartbeat| heartbeat.thread_id != 0));
        assert!(snapshot.resolution <= 1_000_000_000);
        // A broken byte becomes a character of three.
        let room = 3 * layout::thrown::WORDS * 8;
        assert!(snapshot.thrown.is_none_or(|thrown| thrown.message.len() + thrown.type_name.len() <= room));
    }
}

/// Registers of a thread in the code and on the stack of [`record`].
fn context() -> CrashContext {
    // SAFETY: all fields are integers, floating-point numbers and pointers, for which zero is a value.
    let mut context: CrashContext = unsafe { std::mem::zeroed() };
    (context.pid, context.tid) = (1, 1);
    #[cfg(target_arch = "x86_64")]
    for (register, value) in [(libc::REG_RIP, 0x40_1010), (libc::REG_RSP, 0x7ffe_8000), (libc::REG_RBP, 0x7ffe_8040)] {
        context.context.uc_mcontext.gregs[register as usize] = value;
    }
    context
}

/// Of a thread with a small stack in a process with two mappings.
fn record(words: &[AtomicU64]) {
    const MAPS: &[u8] = b"400000-500000 r-xp 00000000 08:02 12 /opt/ledger/bin/ledger\n7ffe0000-7fff0000 rw-p 00000000 00:00 0 [stack]\n";
    let store = |at: usize, value: u64| words[at].store(value, Ordering::Relaxed);
    let texts = MAPS.chunks(8).map(|bytes| bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)));
    (layout::record::MAPS..).zip(texts).for_each(|(at, word)| store(at, word));
    store(layout::record::MAPS_BYTES, MAPS.len() as u64);
    // Looks like return addresses.
    (0..512).for_each(|number| store(layout::record::STACK + number, 0x40_0000 + number as u64 * 16));
    store(layout::record::STACK_START, 0x7ffe_8000);
    store(layout::record::STACK_BYTES, 512 * 8);
    store(layout::record::CODE_START, 0x40_1000);
    store(layout::record::CODE_BYTES, 256);
}

/// What a product has written that did something of everything, made once.
fn product() -> &'static [AtomicU64] {
    static WORDS: OnceLock<&'static [AtomicU64]> = OnceLock::new();
    WORDS.get_or_init(|| {
        let words: Vec<_> = (0..layout::WORDS).map(|_| AtomicU64::new(0)).collect();
        let words: &'static [AtomicU64] = words.leak();
        write_header(words);
        let writer = Writer::new(words);
        let surface = Surface::Menu as u8;
        let action = |kind, detail, first, second| Action { kind, detail, id: 7, parent: 0, first, second };
        writer.act(&action(ActionKind::Task, 1, "import statement", ""));
        writer.act(&action(ActionKind::Command, surface, "file.export", "Export…"));
        writer.act(&action(ActionKind::Dialog, 1, "export.options", "ok"));
        writer.annotate("book", "household");
        writer.panicked(&Panic {
            message: "index out of bounds",
            file: "src/book.rs",
            line: 1,
            column: 1,
            thread_name: "main",
        });
        let texts = Exception { type_name: b"std::out_of_range", message: b"vector", thread_name: b"main" };
        writer.exception(&texts);
        writer.pause_heartbeat();
        writer.heartbeat();
        let context = context();
        let context = context.as_bytes();
        writer.crashed(&Crash { number: 1, kind: 1, pid: 1, tid: 1, signal: None, address: None, context });
        writer.record(record);
        words
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_fuzzer_begins_with_has_a_stack_to_be_unwound() {
        let frames = draft_of(product());
        assert!(frames > 1, "{frames} frames");
    }
}

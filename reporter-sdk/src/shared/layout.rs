//! Where everything lies. All is made of 64-bit words, so that both sides can read and write it by atomic loads and stores.
//!
//! ```text
//! header │ annotations │ thrown │ crash │ shard 0: slots │ shard 1: slots │ … │ record
//! ```
//!
//! A *sequence word* guards each slot: 0 is never written, odd is being written, even is whole. A reader that sees anything
//! but the same even number before and after has a torn slot.

/// "ReportSM", as the bytes lie in memory.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"ReportSM");
/// Raised with every change of this file that moves anything. Both sides come from the same release, so nothing else is read.
pub(crate) const VERSION: u64 = 2;

/// The word of every slot that tells whether it is whole.
pub(crate) const SEQUENCE: usize = 0;

/// Shards that a thread has to itself, from its first action to its end, so that it needs no atomic read-modify-write.
pub(crate) const OWN_SHARDS: usize = 16;
/// Where all other threads write: more than one, so that they seldom meet.
pub(crate) const COMMON_SHARDS: usize = 4;
/// Own ones first.
pub(crate) const SHARDS: usize = OWN_SHARDS + COMMON_SHARDS;
/// Actions that each shard remembers.
pub(crate) const SLOTS: usize = 256;
pub(crate) const ANNOTATIONS: usize = 64;

/// Index of a word in the header. Another copy of the library in the process, of whatever release, looks at MAGIC, PID and CLEAN_EXIT: these never move.
pub(crate) mod header {
    pub(crate) const MAGIC: usize = 0;
    pub(crate) const VERSION: usize = 1;
    /// Of the whole mapping, in bytes.
    pub(crate) const SIZE: usize = 2;
    pub(crate) const SHARDS: usize = 3;
    pub(crate) const SLOTS: usize = 4;
    pub(crate) const ANNOTATIONS: usize = 5;
    pub(crate) const PID: usize = 6;
    pub(crate) const STARTED_MONOTONIC: usize = 7;
    pub(crate) const STARTED_REALTIME: usize = 8;
    /// 1 once the product ends as it should.
    pub(crate) const CLEAN_EXIT: usize = 9;
    /// The thread that runs the product's main loop in the low half, its beats so far in the high half. No thread, 0, while none is watched: before the
    /// first beat, and while the product says that it is busy.
    ///
    /// A count and not a time, so that no clock of the product has to be trusted. The handler looks every so often; a word that is the same in N
    /// looks one after the other has missed N of their periods. It counts looks and not the time between them: a machine that slept, `^Z`
    /// and a debugger stop both programs, and then much time passes in which nobody missed a beat.
    pub(crate) const HEARTBEAT: usize = 10;
    /// Handled errors that did not reach the handler, its queue being full.
    pub(crate) const LOST_ERRORS: usize = 11;
    /// Annotations refused because the table was full.
    pub(crate) const LOST_ANNOTATIONS: usize = 12;
    /// Nanoseconds that the clock of the actions resolves: times within one of its ticks are equal.
    pub(crate) const RESOLUTION: usize = 13;
    /// Bytes of the product's version, and itself. For who finds this memory later: another version may run by then.
    pub(crate) const VERSION_BYTES: usize = 14;
    pub(crate) const PRODUCT_VERSION: usize = 16;
    pub(crate) const VERSION_BYTES_MAX: usize = 128;
    /// One word for each shard, [`COUNT_STRIDE`] apart: how many actions were begun in it, ever.
    pub(crate) const COUNTS: usize = 64;
    /// Two cache lines, since the CPU fetches them in pairs: threads that record side by side do not meet here.
    pub(crate) const COUNT_STRIDE: usize = 16;
    pub(crate) const WORDS: usize = 512;
}

/// Words of an action slot (256 bytes). Its sequence word is `2 × (n + 1)` for the n-th action of its shard.
pub(crate) mod slot {
    /// Monotonic nanoseconds, by the coarse clock.
    pub(crate) const TIME: usize = 1;
    pub(crate) const ID: usize = 2;
    pub(crate) const PARENT: usize = 3;
    /// Thread id in the low half; then kind, detail, flags and the first text's length, a byte each.
    pub(crate) const META: usize = 4;
    /// The second text's length.
    pub(crate) const SECOND_LENGTH: usize = 5;
    /// The first text, then from the next whole word on the second.
    pub(crate) const TEXT: usize = 6;
    pub(crate) const WORDS: usize = 32;
    /// Room for both texts, in bytes.
    pub(crate) const TEXT_BYTES: usize = (WORDS - TEXT) * 8;
    pub(crate) const FLAG_TRUNCATED: u8 = 1;
}

/// Words of an annotation slot (1 KiB).
pub(crate) mod annotation {
    /// Counts up with every key that is new; 0 for a slot in no use.
    pub(crate) const ORDER: usize = 1;
    /// Length of the key, then of the value (16 bits each), then whether the value was cut.
    pub(crate) const META: usize = 2;
    pub(crate) const KEY: usize = 3;
    pub(crate) const KEY_BYTES: usize = 128;
    pub(crate) const VALUE: usize = KEY + KEY_BYTES / 8;
    pub(crate) const WORDS: usize = 128;
    pub(crate) const VALUE_BYTES: usize = (WORDS - VALUE) * 8;
}

/// Words of the slot of what was thrown last, a panic or an exception (8 KiB).
pub(crate) mod thrown {
    /// Thread id in the low half, line in the high half.
    pub(crate) const THREAD_LINE: usize = 1;
    /// Column in the low half; in the high half whether the message or the name of the type was cut.
    pub(crate) const COLUMN_FLAGS: usize = 2;
    /// Lengths of message, file, thread name and type name, 16 bits each.
    pub(crate) const LENGTHS: usize = 3;
    /// A value of `report.v1.ErrorKind`.
    pub(crate) const KIND: usize = 4;
    pub(crate) const THREAD_NAME: usize = 5;
    pub(crate) const THREAD_NAME_BYTES: usize = 96;
    pub(crate) const TYPE_NAME: usize = THREAD_NAME + THREAD_NAME_BYTES / 8;
    /// Names of C++ templates are long.
    pub(crate) const TYPE_NAME_BYTES: usize = 512;
    pub(crate) const FILE: usize = TYPE_NAME + TYPE_NAME_BYTES / 8;
    pub(crate) const FILE_BYTES: usize = 1024;
    pub(crate) const MESSAGE: usize = FILE + FILE_BYTES / 8;
    pub(crate) const WORDS: usize = 1024;
    pub(crate) const MESSAGE_BYTES: usize = (WORDS - MESSAGE) * 8;
}

/// Words of the crash slot (8 KiB).
pub(crate) mod crash {
    /// Counts reports that used this slot: panics and handled errors leave the product alive.
    pub(crate) const NUMBER: usize = 1;
    /// A value of `report.v1.ErrorKind`.
    pub(crate) const KIND: usize = 2;
    /// Process id in the low half, thread id in the high half.
    pub(crate) const IDS: usize = 3;
    pub(crate) const MONOTONIC: usize = 4;
    pub(crate) const REALTIME: usize = 5;
    /// Signal in the low half, its code in the high half; 0 without a signal.
    pub(crate) const SIGNAL: usize = 6;
    /// Whether there is an address; the address is in the next word.
    pub(crate) const HAS_ADDRESS: usize = 7;
    pub(crate) const ADDRESS: usize = 8;
    /// Bytes of the context that follows; 0 for none.
    pub(crate) const CONTEXT_BYTES: usize = 9;
    pub(crate) const CONTEXT: usize = 10;
    pub(crate) const WORDS: usize = 1024;
    pub(crate) const CONTEXT_BYTES_MAX: usize = (WORDS - CONTEXT) * 8;
}

/// Words of the record (516 KiB): what the crashing thread hands over of its own memory where the handler may not read it.
#[cfg_attr(
    not(any(target_os = "linux", feature = "handler", test)),
    expect(dead_code, reason = "its place is everywhere; a product of another system fills none")
)]
pub(crate) mod record {
    /// The crash that it belongs to.
    pub(crate) const NUMBER: usize = 1;
    /// Bytes of `/proc/self/maps`.
    pub(crate) const MAPS_BYTES: usize = 2;
    /// Address and bytes of the stack, from the stack pointer up.
    pub(crate) const STACK_START: usize = 3;
    pub(crate) const STACK_BYTES: usize = 4;
    /// Address and bytes of the code around the instruction pointer.
    pub(crate) const CODE_START: usize = 5;
    pub(crate) const CODE_BYTES: usize = 6;
    pub(crate) const CODE: usize = 64;
    pub(crate) const CODE_BYTES_MAX: usize = 256;
    /// At a page's start.
    pub(crate) const STACK: usize = 512;
    pub(crate) const STACK_BYTES_MAX: usize = 256 << 10;
    pub(crate) const MAPS: usize = STACK + STACK_BYTES_MAX / 8;
    pub(crate) const MAPS_BYTES_MAX: usize = 256 << 10;
    pub(crate) const WORDS: usize = MAPS + MAPS_BYTES_MAX / 8;
}

pub(crate) const ANNOTATIONS_AT: usize = header::WORDS;
pub(crate) const THROWN_AT: usize = ANNOTATIONS_AT + ANNOTATIONS * annotation::WORDS;
pub(crate) const CRASH_AT: usize = THROWN_AT + thrown::WORDS;
pub(crate) const SHARDS_AT: usize = CRASH_AT + crash::WORDS;
pub(crate) const RECORD_AT: usize = SHARDS_AT + SHARDS * SLOTS * slot::WORDS;
pub(crate) const WORDS: usize = RECORD_AT + record::WORDS;
/// Of the whole mapping: 1.9 MiB, of which a page counts only once it is written: a product whose one thread acts has used 72 KiB.
pub(crate) const SIZE: usize = WORDS * 8;

const _: () = {
    assert!(header::PRODUCT_VERSION + header::VERSION_BYTES_MAX / 8 <= header::COUNTS);
    assert!(header::COUNTS + SHARDS * header::COUNT_STRIDE <= header::WORDS);
    assert!(header::COUNTS.is_multiple_of(header::COUNT_STRIDE), "counts begin at a cache line");
    assert!(slot::TEXT_BYTES < 256, "a text's length is a byte");
    assert!(thrown::MESSAGE_BYTES < 1 << 16 && annotation::VALUE_BYTES < 1 << 16, "these lengths are 16 bits");
    assert!(record::CODE + record::CODE_BYTES_MAX / 8 <= record::STACK);
    assert!(SIZE.is_multiple_of(4096), "whole pages");
};

/// What an action slot holds. 0 is no kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ActionKind {
    Task = 1,
    Command = 2,
    Dialog = 3,
}

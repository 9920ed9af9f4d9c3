//! What the crashing thread handed over of its own memory, copied and checked.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::{
    layout::{self, record},
    mapping::Mapping,
};

/// The memory map, the stack and the code of one thread, as it says itself. Evidence of a process that has gone wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MemoryRecord {
    /// Of the crash that it belongs to.
    pub(crate) number: u64,
    /// The text of `/proc/self/maps`; may end anywhere.
    pub(crate) maps: Vec<u8>,
    /// From the stack pointer up.
    pub(crate) stack: Piece,
    /// Around the instruction pointer.
    pub(crate) code: Piece,
}

/// Bytes of memory at an address. The end of it is an address, too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) start: u64,
    pub(crate) bytes: Vec<u8>,
}

impl MemoryRecord {
    /// `None` where none was written, or one is being written.
    pub(crate) fn read(mapping: &Mapping) -> Option<Self> {
        Self::from_words(mapping.words())
    }

    pub(crate) fn from_words(words: &[AtomicU64]) -> Option<Self> {
        let words = &words[layout::RECORD_AT..layout::RECORD_AT + record::WORDS];
        let sequence = words[layout::SEQUENCE].load(Ordering::Acquire);
        let word = |at: usize| words[at].load(Ordering::Relaxed);
        let bytes = |at: usize, length: usize, most: usize| {
            let length = usize::try_from(word(length)).map_or(most, |length| length.min(most));
            let mut bytes: Vec<u8> = words[at..]
                .iter()
                .take(length.div_ceil(8))
                .flat_map(|w| w.load(Ordering::Relaxed).to_le_bytes())
                .collect();
            bytes.truncate(length);
            bytes
        };
        let piece = |start: usize, bytes: Vec<u8>| {
            let start = word(start);
            start.checked_add(bytes.len() as u64).map(|_| Piece { start, bytes }).unwrap_or_default()
        };
        let found = Self {
            number: word(record::NUMBER),
            maps: bytes(record::MAPS, record::MAPS_BYTES, record::MAPS_BYTES_MAX),
            stack: piece(record::STACK_START, bytes(record::STACK, record::STACK_BYTES, record::STACK_BYTES_MAX)),
            code: piece(record::CODE_START, bytes(record::CODE, record::CODE_BYTES, record::CODE_BYTES_MAX)),
        };
        fence(Ordering::Acquire);
        let is_whole = sequence != 0 && sequence.is_multiple_of(2) && word(layout::SEQUENCE) == sequence;
        is_whole.then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_record_claims_is_cut_to_its_place() {
        let words: Vec<_> = (0..layout::WORDS).map(|_| AtomicU64::new(u64::MAX)).collect();
        let at = |word: usize| &words[layout::RECORD_AT + word];
        assert_eq!(MemoryRecord::from_words(&words), None, "an odd sequence: it is being written");
        at(layout::SEQUENCE).store(2, Ordering::Relaxed);
        let record = MemoryRecord::from_words(&words).unwrap();
        assert_eq!(record.maps.len(), record::MAPS_BYTES_MAX);
        assert_eq!(record.stack, Piece::default(), "memory past the last address");
        at(record::STACK_START).store(0x7000, Ordering::Relaxed);
        at(record::CODE_START).store(0x1000, Ordering::Relaxed);
        at(record::CODE_BYTES).store(3, Ordering::Relaxed);
        let record = MemoryRecord::from_words(&words).unwrap();
        assert_eq!((record.stack.start, record.stack.bytes.len()), (0x7000, record::STACK_BYTES_MAX));
        assert_eq!(record.code, Piece { start: 0x1000, bytes: vec![0xff; 3] });
    }
}

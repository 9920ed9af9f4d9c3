//! What a forked child sends over the crash channel when it crashes: this record, and after it a `crash_context::CrashContext`, in one datagram that
//! brings one descriptor, the socket on which the child waits.

/// A fault of a child, as the child says. Which process it is, the kernel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChildCrash {
    pub(crate) tid: u32,
    /// Signal number and its code.
    pub(crate) signal: (i32, i32),
    pub(crate) address: Option<u64>,
    /// Nanoseconds.
    pub(crate) monotonic: u64,
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    pub(crate) realtime: u64,
}

impl ChildCrash {
    const WORDS: usize = 6;
    /// Bytes of the record alone. Never the one byte that the product itself sends.
    pub(crate) const SIZE: usize = Self::WORDS * 8;

    /// Async-signal-safe.
    pub(crate) fn to_bytes(self) -> [u8; Self::SIZE] {
        let (signal, code) = self.signal;
        let words = [
            self.tid.into(),
            u64::from(signal as u32) | u64::from(code as u32) << 32,
            self.address.is_some().into(),
            self.address.unwrap_or(0),
            self.monotonic,
            self.realtime,
        ];
        let mut bytes = [0; Self::SIZE];
        for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    /// The record at the start of a datagram, and what follows it.
    #[cfg(any(feature = "handler", test))]
    pub(crate) fn parse(datagram: &[u8]) -> Option<(Self, &[u8])> {
        let (record, context) = datagram.split_at_checked(Self::SIZE)?;
        let (words, _) = record.as_chunks();
        let word = |at: usize| u64::from_le_bytes(words[at]);
        let record = Self {
            tid: word(0) as u32,
            signal: (word(1) as i32, (word(1) >> 32) as i32),
            address: (word(2) == 1).then_some(word(3)),
            monotonic: word(4),
            realtime: word(5),
        };
        Some((record, context))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_with_what_follows_it_and_a_cut_one_does_not() {
        let record =
            ChildCrash { tid: 7, signal: (11, -6), address: Some(u64::MAX), monotonic: 1, realtime: u64::MAX - 1 };
        let mut datagram = record.to_bytes().to_vec();
        assert_eq!(ChildCrash::parse(&datagram), Some((record, &[][..])));
        datagram.extend(b"context");
        assert_eq!(ChildCrash::parse(&datagram), Some((record, &b"context"[..])));
        assert_eq!(ChildCrash::parse(&datagram[..ChildCrash::SIZE - 1]), None);
    }
}

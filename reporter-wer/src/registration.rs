//! What a product leaves for this module in its own memory.

use std::time::Duration;

use windows_sys::Win32::Foundation::STATUS_STACK_BUFFER_OVERRUN;

use crate::product::{Fault, Process};

/// "ReportWE", as the bytes lie in memory; 0 while the product reports nothing.
pub const MAGIC: u64 = u64::from_le_bytes(*b"ReportWE");
/// Raised with every change of this structure, and of the crash slot. Module and product come from the same release, so nothing else is read.
pub const VERSION: u64 = 1;

/// The longest wait that is believed.
const LONGEST: Duration = Duration::from_secs(120);

/// All of 64 bits, so that it has no padding.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration {
    /// [`MAGIC`].
    pub magic: u64,
    /// [`VERSION`].
    pub version: u64,
    /// The product's process.
    pub pid: u64,
    /// Address of the crash slot.
    pub slot: u64,
    /// What the product calls its end of the crash channel.
    pub pipe: u64,
    /// Address of a byte: not 0 once a fault is reported and runs its course.
    pub ending: u64,
    /// Address of 32 bits: the thread whose panic was reported last.
    pub panicked: u64,
    /// Addresses of 32 bits each: threads with a fault or an exception that was reported before a managed runtime ends the process for it.
    pub reported: [u64; 2],
    /// How long the handler is waited for while it shows no progress.
    pub without_progress_millis: u64,
    /// And at most.
    pub longest_millis: u64,
}

impl Registration {
    const WORDS: usize = size_of::<Self>() / 8;

    /// From a product's memory; `None` for one that is not there, or not for this product.
    pub(crate) fn read(process: &Process, address: u64) -> Option<Self> {
        let bytes: [u8; size_of::<Self>()] = process.read(address)?;
        let mut words = [0; Self::WORDS];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        let [magic, version, pid, slot, pipe, ending, panicked, reported @ .., without_progress_millis, longest_millis] =
            words;
        let read = Self {
            magic,
            version,
            pid,
            slot,
            pipe,
            ending,
            panicked,
            reported,
            without_progress_millis,
            longest_millis,
        };
        let is_ours = magic == MAGIC && version == VERSION && pid == u64::from(process.id);
        (is_ours && slot != 0 && slot.is_multiple_of(8)).then_some(read)
    }

    /// Whether the product itself has reported what ends it. A fault that is reported runs its course, which leads here.
    pub(crate) fn has_reported(&self, fault: &Fault) -> bool {
        let is_ending = fault.process.read::<1>(self.ending).is_some_and(|[ending]| ending != 0);
        is_ending
            || self.reported.iter().any(|address| is_thread(fault, *address))
            || is_abort(fault) && is_thread(fault, self.panicked)
    }

    /// How long the handler is waited for while it shows no progress, and at most.
    pub(crate) fn patience(&self) -> (Duration, Duration) {
        let longest = Duration::from_millis(self.longest_millis).min(LONGEST);
        (Duration::from_millis(self.without_progress_millis).min(longest), longest)
    }
}

/// Whether that word of the product's is the thread that has failed.
fn is_thread(fault: &Fault, address: u64) -> bool {
    fault.process.read(address).map(u32::from_le_bytes) == Some(fault.thread)
}

/// As `panic = "abort"` ends a program, and a panic that cannot unwind: by a fast fail in the thread that has panicked.
fn is_abort(fault: &Fault) -> bool {
    /// `FAST_FAIL_FATAL_APP_EXIT`.
    const ABORT: usize = 7;
    fault.record.ExceptionCode == STATUS_STACK_BUFFER_OVERRUN
        && fault.record.NumberParameters > 0
        && fault.record.ExceptionInformation.first() == Some(&ABORT)
}

//! What a product leaves itself where its handler is lost.

use crate::Options;

/// The places where it may be left, best first: the spool, and where reports go while the spool cannot take them.
#[derive(Debug)]
pub(crate) struct Places;

impl Places {
    pub(crate) fn of(_options: &Options) -> Self {
        Self
    }
}

/// Leaves what is in the crash slot, by the thread that holds the claim: the handler did not say that it has it.
pub(crate) fn leave() {}

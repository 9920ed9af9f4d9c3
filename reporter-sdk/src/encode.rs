//! From a draft and a grant to the bytes of a report.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::consent::{CategorySet, Draft, DraftSection, Grant, PreviewDigest};

/// What of a granted section stays, given everything that was granted: a minidump loses its CPU and OS files where *system*
/// was declined. `None` leaves the section out, which is right where its bytes cannot be understood.
///
/// It must be a function of its arguments alone and may only leave out: what is sent is then determined by what was shown and
/// what was granted.
pub type Reduce<'a> = dyn for<'d> Fn(&'d DraftSection, CategorySet) -> Option<Cow<'d, [u8]>> + 'a;

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoded {
    /// Of every byte written.
    pub sha256: [u8; 32],
    /// How many.
    pub bytes: u64,
    /// What the report holds.
    pub categories: CategorySet,
}

/// Why a draft was not encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The grant is for other bytes.
    #[error("the grant is for other bytes than these: shown {granted:?}, collected {collected:?}")]
    NotWhatWasGranted {
        /// In the grant.
        granted: PreviewDigest,
        /// Of the draft.
        collected: PreviewDigest,
    },
    /// The report could not be written.
    #[error("the report could not be written")]
    Io(#[from] io::Error),
}

/// Writes the report that `grant` allows: the granted sections of `draft` in their order, the consent record, the contact.
///
/// # Errors
/// `draft` is not what was granted, or writing failed. What was written until then is to be thrown away.
pub fn encode(draft: &Draft, grant: &Grant, reduce: &Reduce<'_>, writer: impl Write) -> Result<Encoded, EncodeError> {
    let _ = (draft, grant, reduce, writer);
    Err(io::Error::from(io::ErrorKind::Unsupported).into())
}

//! What can go wrong, by who is to blame.

use std::{error, io};

/// Why a report could not be written or read at all.
///
/// Damage inside a report is not an error: the decoder goes on and tells each [`Loss`](crate::Loss).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file, pipe or device under the reader or writer failed.
    #[error("reading or writing the report failed")]
    Io(#[from] io::Error),
    /// The bytes are not what they should be.
    #[error("{what}: {advice}")]
    Format {
        /// What the bytes are, or look like.
        what: String,
        /// What the person who gave them can do.
        advice: &'static str,
        /// The error of the library that refused them, if any.
        #[source]
        source: Option<Box<dyn error::Error + Send + Sync>>,
    },
    /// More than [`Limits`](crate::Limits) or the format allow. A decompression bomb ends here.
    #[error("{what}: {seen} is over the limit of {limit}; raise the limit only for a report from a source you trust")]
    Limit {
        /// What there is too much of, with its unit.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
        /// How much there is, or how much was seen when reading stopped.
        seen: u64,
    },
    /// A valid report that this version of the library, or this build of it, cannot read.
    #[error("{what} {found} is not supported, only {supported} is: update this program to read the report")]
    Unsupported {
        /// What is not supported.
        what: &'static str,
        /// The number found.
        found: u64,
        /// The greatest number supported.
        supported: u64,
    },
    /// The caller used the library in a way that cannot work.
    #[error("wrong use of the report library: {0}")]
    Usage(&'static str),
}

impl Error {
    pub(crate) fn format(what: impl Into<String>, advice: &'static str) -> Self {
        Self::Format { what: what.into(), advice, source: None }
    }
}

//! What can go wrong, by who is to blame.

use std::{fmt, io};

use report_format::schema::v1;

/// Why a call of the SDK had no effect.
///
/// Only calls that take something over from the product return one; whatever fails inside becomes a [`SoftError`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("{what}")]
    Io {
        /// What was tried, in words.
        what: String,
        /// The operating system's answer.
        source: io::Error,
    },
    /// More than the SDK accepts.
    #[error("{what} has {size} bytes, at most {limit} are accepted")]
    Limit {
        /// What was too large.
        what: &'static str,
        /// Its size in bytes.
        size: u64,
        /// The largest size accepted, in bytes.
        limit: u64,
    },
    /// The caller must change the call.
    #[error("{0}")]
    Usage(String),
    /// Not on this operating system.
    #[error("{0} is not supported on this operating system")]
    Unsupported(&'static str),
}

impl Error {
    pub(crate) fn io(what: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Error::Io { what: what.into(), source: source.into() }
    }
}

/// Something that could not be had. The product goes on; reports go on with less.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SoftError {
    /// The part that failed, such as `handler` or `capture.signals`.
    pub subject: String,
    /// Why, and what to do about it.
    pub message: String,
}

impl SoftError {
    /// A soft error of the part `subject`.
    pub fn new(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { subject: subject.into(), message: message.into() }
    }

    /// From an error with its sources, joined by colons.
    pub(crate) fn from_error(subject: impl Into<String>, error: &dyn std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut next = error.source();
        while let Some(source) = next {
            message.push_str(": ");
            message.push_str(&source.to_string());
            next = source.source();
        }
        Self::new(subject, message)
    }
}

impl fmt::Display for SoftError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.message)
    }
}

impl From<v1::SoftError> for SoftError {
    fn from(soft: v1::SoftError) -> Self {
        Self::new(soft.subject, soft.message)
    }
}

impl From<SoftError> for v1::SoftError {
    fn from(soft: SoftError) -> Self {
        Self { subject: soft.subject, message: soft.message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_soft_error_names_the_whole_chain() {
        let system = io::Error::from_raw_os_error(2);
        let expected = format!("attachment: cannot open /nowhere: {system}");
        let soft = SoftError::from_error("attachment", &Error::io("cannot open /nowhere", system));
        assert_eq!(soft.to_string(), expected);
    }
}

//! Errors that the product handled and goes on from.

use std::error::Error;

use report_format::schema::v1::{ErrorKind, ErrorLink};

/// An error described by the caller: for languages that have no [`std::error::Error`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HandledError {
    /// The error and what caused it, outermost first. At most 32 are kept.
    pub chain: Vec<ErrorLink>,
    /// [`ErrorKind::HandledError`], or [`ErrorKind::UnhandledException`] where nothing caught it.
    pub kind: ErrorKind,
    /// Instruction pointers of the stack, innermost first. None: the SDK walks the caller's stack.
    pub frames: Option<Vec<u64>>,
    /// None: the calling thread's.
    pub thread_name: Option<String>,
}

impl HandledError {
    /// A handled error of the calling thread.
    pub fn new(chain: Vec<ErrorLink>) -> Self {
        Self { chain, kind: ErrorKind::HandledError, frames: None, thread_name: None }
    }

    /// As another kind of error.
    #[must_use]
    pub fn kind(mut self, kind: ErrorKind) -> Self {
        self.kind = kind;
        self
    }
}

/// Reports an error that the product handled, with the errors that caused it.
///
/// Returns in under a millisecond and without asking anyone, unless [`Options::kind`](crate::Options::kind) wants memory for handled errors: then the
/// product is held for the dump.
///
/// ```
/// if let Err(error) = std::fs::read("/no/such/file") {
///     reporter_sdk::capture_error(&error);
/// }
/// ```
pub fn capture_error<E: Error + ?Sized + 'static>(error: &E) {
    let _ = error;
}

/// Reports an error that the caller describes.
pub fn capture_handled(error: HandledError) {
    let _ = error;
}

//! What a function answers, as a number that never changes its meaning.

/// What a function answers. Numbers are frozen once released; a retired one is never used again.
#[must_use]
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum reporter_status_t {
    /// It is done.
    REPORTER_OK = 0,
    /// A pointer is NULL that must not be.
    REPORTER_ERROR_NULL = -1,
    /// A text is not UTF-8.
    REPORTER_ERROR_UTF8 = -2,
    /// A value is out of range or contradicts another; the call can never succeed like this.
    REPORTER_ERROR_ARGUMENT = -3,
    /// Reporting was started before, and not shut down since.
    REPORTER_ERROR_STARTED = -4,
    /// The operating system refused a file, a socket or memory.
    REPORTER_ERROR_IO = -5,
    /// More or larger than is allowed.
    REPORTER_ERROR_LIMIT = -6,
    /// It was not done in time; it may still be done later.
    REPORTER_ERROR_TIMEOUT = -7,
    /// A bug of this library, which was kept inside it. Nothing else is affected.
    REPORTER_ERROR_PANIC = -8,
    /// Not on this operating system.
    REPORTER_ERROR_UNSUPPORTED = -9,
    /// Another copy of this library, such as a host's or a plug-in's own, reports for this process already.
    REPORTER_ERROR_SECOND_COPY = -10,
}

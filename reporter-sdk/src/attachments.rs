//! Files and bytes that the product adds to its reports.

use std::path::Path;

use crate::{Error, options::FileAttachment, reporter, shared::writer::cut};

/// The most that [`attach_bytes`] takes, in bytes.
pub const ATTACHMENT_LIMIT: usize = 64 << 20;

const NAME_LIMIT: usize = 256;

/// Attaches a file to all reports from now on, read when an error happens. `name` labels it in the report, and replaces what had that name; `path` never
/// leaves the machine.
///
/// # Errors
/// [`Error::Usage`] for a path that is not absolute or a name that is empty or over 256 bytes; [`Error::Io`] where the handler cannot be told. Does nothing while the reporter is not active.
pub fn attach_file(name: &str, media_type: &str, path: impl AsRef<Path>) -> Result<(), Error> {
    let Some(state) = reporter::entered() else { return Ok(()) };
    check_name(name)?;
    let path = path.as_ref();
    if !path.is_absolute() {
        return Err(Error::Usage(format!("the path of an attachment must be absolute, not {}", path.display())));
    }
    let file = FileAttachment { name: name.into(), media_type: cut(media_type, NAME_LIMIT).into(), path: path.into() };
    state.send_file(&file)
}

/// Attaches bytes to all reports from now on; replaces what had that name.
///
/// # Errors
/// [`Error::Limit`] over [`ATTACHMENT_LIMIT`]; [`Error::Usage`] for a name that is empty or over 256 bytes; [`Error::Io`] where the handler cannot be
/// given them. Does nothing while the reporter is not active.
pub fn attach_bytes(name: &str, media_type: &str, content: &[u8]) -> Result<(), Error> {
    let Some(state) = reporter::entered() else { return Ok(()) };
    check_name(name)?;
    if content.len() > ATTACHMENT_LIMIT {
        let (size, limit) = (content.len() as u64, ATTACHMENT_LIMIT as u64);
        return Err(Error::Limit { what: "the attachment", size, limit });
    }
    state.send_content(name, cut(media_type, NAME_LIMIT), content)
}

fn check_name(name: &str) -> Result<(), Error> {
    if name.is_empty() || name.len() > NAME_LIMIT {
        return Err(Error::Usage(format!(
            "the name of an attachment must have 1 to {NAME_LIMIT} bytes, not {}",
            name.len()
        )));
    }
    Ok(())
}

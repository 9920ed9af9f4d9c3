//! Whether a program can be somebody else's: the handler gets the memory of the product and the password of its mail server.

use std::{fs, io, path::Path};

use crate::Error;

/// Refuses a program that is not there.
pub(super) fn check(program: &Path, _strict: bool) -> Result<(), Error> {
    let metadata = fs::metadata(program).map_err(|error| super::launch::failed(program, error))?;
    if metadata.is_file() {
        return Ok(());
    }
    Err(super::launch::failed(program, io::Error::other("not a file")))
}

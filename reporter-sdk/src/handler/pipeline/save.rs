//! A report in a file of the person's, in place of a mail.

use std::fs::{self, File};
use std::path::Path;

use crate::consent::{Decision, Outcome, Request, SaveError, settle};
use crate::encode::{EncodeError, encode_with_memory};
use crate::handler::evidence;
use crate::handler::full_memory::Image;

/// Writes what this decision would send to a file of the person's. One that is not whole does not stay.
pub(super) fn save(
    request: &Request<'_>,
    decision: Decision,
    image: Option<&mut Image>,
    path: &Path,
) -> Result<(), SaveError> {
    let draft = request.draft();
    let Outcome::Granted(grant) = settle(draft, request, decision)? else { return Err("nothing is chosen".into()) };
    let mut name = path.file_name().ok_or("that is no file")?.to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let open = || image.ok_or(EncodeError::NoImage)?.open().map_err(EncodeError::Io);
    let written = File::create_new(&part).map_err(SaveError::from).and_then(|mut file| {
        encode_with_memory(draft, &grant, &evidence::reduce, open, &mut file)?;
        file.sync_all()?;
        Ok(fs::rename(&part, path)?)
    });
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}

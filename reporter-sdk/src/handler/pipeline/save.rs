//! A report in a file of the person's, in place of a mail or beside it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::consent::{Decision, Draft, Outcome, Request, SaveError, settle};
use crate::encode::{EncodeError, encode_with_memory};
use crate::handler::evidence;
use crate::handler::full_memory::Image;
use crate::spool::Outgoing;

/// Where the report of this number goes, of several: the first to `path`, the others beside it.
pub(in crate::handler) fn numbered(path: &Path, number: usize) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{}", number + 1));
    if let Some(ending) = path.extension() {
        name.push(".");
        name.push(ending);
    }
    path.with_file_name(name)
}

/// Writes what this decision would send of this draft to a file of the person's.
pub(super) fn save(
    request: &Request<'_>,
    draft: &Draft,
    decision: Decision,
    image: Option<&mut Image>,
    path: &Path,
) -> Result<(), SaveError> {
    let Outcome::Granted(grant) = settle(draft, request, decision)? else { return Err("nothing is chosen".into()) };
    let open = || image.ok_or(EncodeError::NoImage)?.open().map_err(EncodeError::Io);
    write_whole(path, |file| Ok(encode_with_memory(draft, &grant, &evidence::reduce, open, file).map(drop)?))
}

/// Writes a report that waits to be sent to a file of the person's, as it would be sent.
pub(in crate::handler) fn save_outgoing(outgoing: &mut Outgoing<'_>, path: &Path) -> Result<(), SaveError> {
    let report = outgoing.open()?;
    write_whole(path, |file| Ok(io::copy(report, file).map(drop)?))
}

/// One that is not whole does not stay.
fn write_whole(path: &Path, write: impl FnOnce(&mut File) -> Result<(), SaveError>) -> Result<(), SaveError> {
    let mut name = path.file_name().ok_or("that is no file")?.to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let written = File::create_new(&part).map_err(SaveError::from).and_then(|mut file| {
        write(&mut file)?;
        file.sync_all()?;
        Ok(fs::rename(&part, path)?)
    });
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written
}

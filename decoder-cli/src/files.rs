//! New files: whole or not there, for their owner only, never over others.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::private;

/// Why a file was not read or made. Comes with the path it is about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("cannot be opened")]
    Open(#[source] io::Error),
    #[error("exists already, and nothing is overwritten: give another name, or remove it")]
    Exists,
    #[error("cannot be written")]
    Write(#[source] io::Error),
    /// What was to be written could not be made.
    #[error(transparent)]
    Report(#[from] report_format::Error),
}

/// Opens a report that is read more than once: a file, not standard input.
pub(crate) fn open(path: &Path) -> Result<BufReader<File>, FileError> {
    File::open(path).map(|file| BufReader::with_capacity(64 << 10, file)).map_err(FileError::Open)
}

/// Makes a file that does not exist and lets `write` fill it. It has its name once it is whole; until then another one beside it, which is
/// removed if something fails.
pub(crate) fn make<T, E: From<FileError>>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<T, E>,
) -> Result<T, E> {
    if fs::symlink_metadata(path).is_ok() {
        return Err(FileError::Exists.into());
    }
    let unfinished = Unfinished(unfinished_name(path));
    let file = private::create_file(&unfinished.0).map_err(FileError::Write)?;
    let mut file = BufWriter::with_capacity(64 << 10, file);
    let done = write(&mut file)?;
    file.flush().map_err(FileError::Write)?;
    file.get_ref().sync_all().map_err(FileError::Write)?;
    // A link fails where the name has been taken meanwhile; renaming would overwrite. Some file systems have no links.
    match fs::hard_link(&unfinished.0, path) {
        Ok(()) => Ok(done),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(FileError::Exists.into()),
        Err(_) if fs::symlink_metadata(path).is_ok() => Err(FileError::Exists.into()),
        Err(_) => fs::rename(&unfinished.0, path).map(|()| done).map_err(|error| FileError::Write(error).into()),
    }
}

/// `crash.report` is made as `crash.report.PROCESS.part`.
fn unfinished_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    path.with_file_name(name)
}

/// Removes a file when it goes, if it is still there.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        _ = fs::remove_file(&self.0);
    }
}

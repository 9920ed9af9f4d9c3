//! Mails as files: for a product without a mail server, for tests, and as drafts for the user's own mail program.

#[cfg_attr(unix, path = "eml/unix.rs")]
#[cfg_attr(windows, path = "eml/windows.rs")]
mod sys;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::message::{Message, Purpose};
use super::{DeliverError, Mail, Parcel, Receipt, Transport};

/// Writes each report as `<report id>.eml`, owner-only, into a directory. A file is there whole or not at all; a
/// second attempt at the same report replaces the first.
#[derive(Clone, Debug)]
pub struct EmlDirectory {
    directory: PathBuf,
    mail: Mail,
    purpose: Purpose,
}

impl EmlDirectory {
    /// Into `directory`, which is made if need be, as mails that are ready for a mail server.
    pub fn new(directory: impl Into<PathBuf>, mail: Mail) -> Self {
        Self { directory: directory.into(), mail, purpose: Purpose::Sending }
    }

    /// Writes drafts instead: a mail program that opens one offers to send it, as the user, with `X-Unsent: 1`.
    pub fn drafts(mut self) -> Self {
        self.purpose = Purpose::Draft;
        self
    }

    /// Where they go.
    #[cfg_attr(not(any(target_os = "linux", windows)), expect(dead_code, reason = "for the handler alone"))]
    pub(crate) fn place(&self) -> &Path {
        &self.directory
    }

    /// Makes the directory where it is missing, writes a file into it and removes that.
    ///
    /// # Errors
    /// Whatever a mail would have met.
    #[cfg_attr(not(any(target_os = "linux", windows)), expect(dead_code, reason = "for the handler alone"))]
    pub(crate) fn try_out(&self) -> Result<(), DeliverError> {
        let trial = self.directory.join(format!(".trial.{}.part", std::process::id()));
        let tried = sys::create_directory(&self.directory)
            .and_then(|()| create_owner_only(&trial)?.write_all(b"trial"))
            .and_then(|()| fs::remove_file(&trial));
        tried.map_err(|source| DeliverError::Write { path: self.directory.clone(), source })
    }

    fn write(&self, parcel: &Parcel, path: &Path) -> Result<(), DeliverError> {
        let failed = |source| DeliverError::Write { path: path.to_owned(), source };
        let mut file = create_owner_only(path).map_err(failed)?;
        let message = Message::new(&self.mail, parcel, SystemTime::now(), self.purpose);
        let mut pieces = message.pieces()?;
        while let Some(piece) = pieces.next()? {
            file.write_all(piece).map_err(failed)?;
        }
        file.sync_all().map_err(failed)
    }
}

impl Transport for EmlDirectory {
    fn send(&mut self, parcel: &Parcel) -> Result<Receipt, DeliverError> {
        let failed = |path: &Path, source| DeliverError::Write { path: path.to_owned(), source };
        sys::create_directory(&self.directory).map_err(|e| failed(&self.directory, e))?;
        let path = self.directory.join(format!("{}.eml", parcel.id()));
        // A leading dot and another ending: whoever watches the directory for mails does not see half of one.
        let partial = self.directory.join(format!(".{}.{}.part", parcel.id(), std::process::id()));
        let written =
            self.write(parcel, &partial).and_then(|()| fs::rename(&partial, &path).map_err(|e| failed(&path, e)));
        if let Err(error) = written {
            // The first error is what counts; a leftover is replaced by the next attempt.
            let _ = fs::remove_file(&partial);
            return Err(error);
        }
        sys::sync_directory(&self.directory).map_err(|e| failed(&self.directory, e))?;
        Ok(Receipt::new(self.mail.message_id(parcel), path.display().to_string()))
    }
}

/// A new file that is nobody else's: what lies there already (a leftover, a link that somebody planted) goes first.
fn create_owner_only(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    sys::create_file(path)
}

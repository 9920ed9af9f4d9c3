//! What the product adds to its reports: files, read when a report is made, and bytes, held until then.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use report_format::schema::v1;

use super::soft_note;
use crate::ATTACHMENT_LIMIT;
use crate::schema::{AttachBytes, AttachFile};

/// More would be a product that attaches in a loop.
const MOST: usize = 64;

/// In the order in which they were named.
#[derive(Debug, Default)]
pub(crate) struct Attachments(Vec<Attached>);

#[derive(Debug)]
struct Attached {
    name: String,
    media_type: String,
    content: Content,
}

#[derive(Debug)]
enum Content {
    File(PathBuf),
    Bytes(File),
}

/// An attachment was refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttachError {
    #[error("attachment {name:?} is left out: there are {MOST} already")]
    TooMany { name: String },
    #[error("attachment {name:?} has no absolute path")]
    Path { name: String },
}

impl Attachments {
    pub(crate) fn add_file(&mut self, file: AttachFile) -> Result<(), AttachError> {
        let path = PathBuf::from(crate::os_bytes::from_bytes(file.path));
        if !path.is_absolute() {
            return Err(AttachError::Path { name: file.name });
        }
        self.add(Attached { name: file.name, media_type: file.media_type, content: Content::File(path) })
    }

    pub(crate) fn add_bytes(&mut self, bytes: AttachBytes, content: OwnedFd) -> Result<(), AttachError> {
        self.add(Attached { name: bytes.name, media_type: bytes.media_type, content: Content::Bytes(content.into()) })
    }

    fn add(&mut self, attached: Attached) -> Result<(), AttachError> {
        match self.0.iter().position(|a| a.name == attached.name) {
            Some(old) => self.0[old] = attached,
            None if self.0.len() >= MOST => return Err(AttachError::TooMany { name: attached.name }),
            None => self.0.push(attached),
        }
        Ok(())
    }

    /// Reads them all. One that cannot be had is a soft error, without its name: that is of the category *attachments*, and soft errors are in every report.
    pub(crate) fn read(&self, soft_errors: &mut Vec<v1::SoftError>) -> Vec<v1::Attachment> {
        let count = self.0.len();
        let read = |(at, attached): (usize, &Attached)| match attached.read() {
            Ok(attachment) => Some(attachment),
            Err(error) => {
                soft_errors.push(soft_note("attachments", format!("number {} of {count}: {error}", at + 1)));
                None
            }
        };
        self.0.iter().enumerate().filter_map(read).collect()
    }
}

impl Attached {
    fn read(&self) -> io::Result<v1::Attachment> {
        let mut opened;
        let mut file = match &self.content {
            Content::Bytes(file) => file,
            Content::File(path) => {
                // A pipe would hold us, a link could have been put there by somebody else.
                let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC;
                opened = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
                &mut opened
            }
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        // Of a log, the end is what tells.
        let limit = ATTACHMENT_LIMIT as u64;
        file.seek(SeekFrom::Start(metadata.len().saturating_sub(limit)))?;
        let mut content = Vec::new();
        file.take(limit).read_to_end(&mut content)?;
        Ok(v1::Attachment {
            name: self.name.clone(),
            media_type: self.media_type.clone(),
            content,
            original_size: metadata.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use super::*;

    fn file(name: &str, path: &Path) -> AttachFile {
        AttachFile { name: name.into(), media_type: "text/plain".into(), path: path.as_os_str().as_bytes().into() }
    }

    #[test]
    fn files_are_read_when_the_report_is_made() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        std::fs::write(&path, "first").unwrap();
        let mut attachments = Attachments::default();
        attachments.add_file(file("session log", &path)).unwrap();
        std::fs::write(&path, "second").unwrap();
        let mut soft_errors = Vec::new();
        let read = attachments.read(&mut soft_errors);
        assert_eq!((read[0].content.as_slice(), read[0].original_size), (&b"second"[..], 6));
        assert_eq!(soft_errors, []);
    }

    #[test]
    fn of_a_large_file_the_end_is_kept() {
        let mut large = tempfile::NamedTempFile::new().unwrap();
        large.as_file().set_len(ATTACHMENT_LIMIT as u64).unwrap();
        large.seek(SeekFrom::End(0)).unwrap();
        io::Write::write_all(&mut large, b"the end").unwrap();
        let mut attachments = Attachments::default();
        attachments.add_file(file("log", large.path())).unwrap();
        let read = attachments.read(&mut Vec::new()).remove(0);
        assert_eq!((read.content.len(), read.original_size), (ATTACHMENT_LIMIT, ATTACHMENT_LIMIT as u64 + 7));
        assert!(read.content.ends_with(b"the end"));
    }

    #[test]
    fn links_pipes_and_missing_files_are_soft_errors() {
        let directory = tempfile::tempdir().unwrap();
        let (link, pipe) = (directory.path().join("link"), directory.path().join("pipe"));
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        let pipe_name = std::ffi::CString::new(pipe.as_os_str().as_bytes()).unwrap();
        // SAFETY: a terminated string that outlives the call.
        assert_eq!(unsafe { libc::mkfifo(pipe_name.as_ptr(), 0o600) }, 0);
        let mut attachments = Attachments::default();
        for (name, path) in [("link", link.as_path()), ("pipe", &pipe), ("none", Path::new("/nonexistent"))] {
            attachments.add_file(file(name, path)).unwrap();
        }
        assert!(matches!(attachments.add_file(file("x", Path::new("relative"))), Err(AttachError::Path { .. })));
        let mut soft_errors = Vec::new();
        assert_eq!(attachments.read(&mut soft_errors), []);
        let told: Vec<_> = soft_errors.iter().map(|soft| soft.message.split(':').next().unwrap()).collect();
        assert_eq!(told, ["number 1 of 3", "number 2 of 3", "number 3 of 3"], "by number: {soft_errors:?}");
    }

    #[test]
    fn a_name_is_replaced_and_their_number_bounded() {
        let mut attachments = Attachments::default();
        for i in 0..2 * MOST {
            let _ = attachments.add_file(file(&format!("{}", i % (MOST + 1)), Path::new("/x")));
        }
        assert_eq!(attachments.0.len(), MOST);
    }
}

//! What the product adds to its reports: files, read when a report is made, and bytes, held until then.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod windows;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use report_format::schema::v1;

#[cfg(target_os = "linux")]
use linux as sys;
#[cfg(windows)]
use windows as sys;

use super::soft_note;
use crate::ATTACHMENT_LIMIT;
use crate::ipc::socket::Descriptor;
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
    Bytes(Descriptor),
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

    pub(crate) fn add_bytes(&mut self, bytes: AttachBytes, content: Descriptor) -> Result<(), AttachError> {
        self.add(Attached { name: bytes.name, media_type: bytes.media_type, content: Content::Bytes(content) })
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
        let (content, original_size) = match &self.content {
            Content::Bytes(bytes) => {
                let content = sys::read_bytes(bytes, ATTACHMENT_LIMIT)?;
                let size = content.len() as u64;
                (content, size)
            }
            Content::File(path) => read_end(sys::open(path)?)?,
        };
        Ok(v1::Attachment { name: self.name.clone(), media_type: self.media_type.clone(), content, original_size })
    }
}

/// The last bytes of a file, and how many it has in all. Of a log, the end is what tells.
fn read_end(mut file: File) -> io::Result<(Vec<u8>, u64)> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let limit = ATTACHMENT_LIMIT as u64;
    file.seek(SeekFrom::Start(metadata.len().saturating_sub(limit)))?;
    let mut content = Vec::new();
    file.take(limit).read_to_end(&mut content)?;
    Ok((content, metadata.len()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn file(name: &str, path: &Path) -> AttachFile {
        AttachFile {
            name: name.into(),
            media_type: "text/plain".into(),
            path: crate::os_bytes::to_bytes(path.as_os_str()),
        }
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
        let mut odd = sys::odd_places(directory.path());
        odd.push(directory.path().join("none"));
        let mut attachments = Attachments::default();
        for (number, path) in odd.iter().enumerate() {
            attachments.add_file(file(&format!("odd {number}"), path)).unwrap();
        }
        assert!(matches!(attachments.add_file(file("x", Path::new("relative"))), Err(AttachError::Path { .. })));
        let mut soft_errors = Vec::new();
        assert_eq!(attachments.read(&mut soft_errors), []);
        let told: Vec<_> = soft_errors.iter().map(|soft| soft.message.split(':').next().unwrap().to_owned()).collect();
        let expected: Vec<_> = (1..=odd.len()).map(|number| format!("number {number} of {}", odd.len())).collect();
        assert_eq!(told, expected, "by number: {soft_errors:?}");
    }

    #[test]
    fn bytes_are_those_that_were_attached() {
        let mut attachments = Attachments::default();
        let bytes = crate::shared::mapping::sealed_bytes(b"held until then").unwrap();
        let of = AttachBytes { name: "state".into(), media_type: "text/plain".into() };
        attachments.add_bytes(of, bytes).unwrap();
        let read = attachments.read(&mut Vec::new()).remove(0);
        assert_eq!((read.content.as_slice(), read.original_size), (&b"held until then"[..], 15));
    }

    #[test]
    fn a_name_is_replaced_and_their_number_bounded() {
        let mut attachments = Attachments::default();
        for i in 0..2 * MOST {
            let _ = attachments.add_file(file(&format!("{}", i % (MOST + 1)), &std::env::temp_dir().join("x")));
        }
        assert_eq!(attachments.0.len(), MOST);
    }
}

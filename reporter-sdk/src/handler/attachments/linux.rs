//! Files that are opened without following anything, and bytes in memory that has a descriptor.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::ipc::socket::Descriptor;

pub(super) fn open(path: &Path) -> io::Result<File> {
    // A pipe would hold us, a link could have been put there by somebody else.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC;
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// The bytes from their start, `limit` at most.
pub(super) fn read_bytes(bytes: &Descriptor, limit: usize) -> io::Result<Vec<u8>> {
    let mut file = File::from(bytes.try_clone()?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    file.rewind()?;
    let mut content = Vec::new();
    file.take(limit as u64).read_to_end(&mut content)?;
    Ok(content)
}

/// A link and a pipe.
#[cfg(test)]
pub(super) fn odd_places(directory: &Path) -> Vec<std::path::PathBuf> {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let (link, pipe) = (directory.join("link"), directory.join("pipe"));
    std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    vec![link, pipe]
}

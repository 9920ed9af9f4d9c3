//! The file that the handler's `--log` names.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens it to append to it; a new one is made owner-only.
///
/// # Errors
/// It cannot be opened, or is a link, which somebody else may have put there.
pub fn open_log(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(path)
}

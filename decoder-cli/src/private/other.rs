//! Where a user's own folders are closed to others by inheritance.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes the directory and those above it that are not there. One that exists stays as it is.
pub(crate) fn create_directory(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

/// Makes a file that must not exist, not even as a link.
pub(crate) fn create_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

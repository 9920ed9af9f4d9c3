//! Owner-only by the folder's list, which its files inherit.

use std::env;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::security;

/// The person's own folder for temporary files.
pub(super) fn place() -> PathBuf {
    env::temp_dir()
}

pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    security::make_folder(path)
}

pub(super) fn create_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(test)]
pub(super) fn is_owner_only(path: &Path) -> bool {
    let user = crate::places::user().unwrap();
    security::Access::of_path(path).unwrap().is_for(&[&user, security::SYSTEM, security::ADMINISTRATORS])
}

//! Owner-only by their access list.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;

use windows_sys::Win32::Foundation::GENERIC_WRITE;
use windows_sys::Win32::Storage::FileSystem::{READ_CONTROL, WRITE_DAC};

use crate::security;

/// Empty until nobody else can open it.
pub(super) fn create_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).access_mode(GENERIC_WRITE | READ_CONTROL | WRITE_DAC).share_mode(0);
    let file = options.open(path)?;
    security::owner_only_folder()?.protect(&file)?;
    Ok(file)
}

pub(super) fn create_directory(path: &Path) -> io::Result<()> {
    let missing: Vec<_> = path.ancestors().take_while(|folder| fs::symlink_metadata(folder).is_err()).collect();
    for folder in missing.into_iter().rev().filter(|folder| !folder.as_os_str().is_empty()) {
        match security::make_folder(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    if path.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

/// The file system's journal does that.
pub(super) fn sync_directory(_path: &Path) -> io::Result<()> {
    Ok(())
}

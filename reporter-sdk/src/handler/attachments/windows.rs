//! Files that are opened without following anything, and bytes in a section.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::{Component, Path, Prefix};

use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_OPEN_REPARSE_POINT, FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE, FILE_TYPE_DISK, GetFileType,
    SECURITY_IDENTIFICATION,
};

use crate::ipc::socket::Descriptor;
use crate::shared::mapping;

pub(super) fn open(path: &Path) -> io::Result<File> {
    // A pipe or a device would hold us.
    let on_drive = match path.components().next() {
        Some(Component::Prefix(prefix)) => !matches!(prefix.kind(), Prefix::DeviceNS(_) | Prefix::Verbatim(_)),
        _ => false,
    };
    if !on_drive {
        return Err(io::Error::other("not on a drive"));
    }
    let mut options = OpenOptions::new();
    // The product may go on writing to it, and replace it. A link could have been put there by somebody else: it is opened itself, and is no regular file then.
    options.read(true).share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE);
    // Whoever serves the file after all may learn who asks, and not act as us.
    options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT).security_qos_flags(SECURITY_IDENTIFICATION);
    let file = options.open(path)?;
    // SAFETY: an open file.
    if unsafe { GetFileType(file.as_raw_handle()) } != FILE_TYPE_DISK {
        return Err(io::Error::other("not a regular file"));
    }
    Ok(file)
}

/// The bytes from their start, `limit` at most.
pub(super) fn read_bytes(bytes: &Descriptor, limit: usize) -> io::Result<Vec<u8>> {
    mapping::read_sealed(bytes, limit as u64)
}

/// A folder, devices and a pipe.
#[cfg(test)]
pub(super) fn odd_places(directory: &Path) -> Vec<std::path::PathBuf> {
    let odd = [r"C:\NUL", r"\\.\NUL", r"\\.\pipe\error-reporting-no-such-pipe", r"\\?\GLOBALROOT\Device\Null"];
    std::iter::once(directory.to_owned()).chain(odd.map(Into::into)).collect()
}

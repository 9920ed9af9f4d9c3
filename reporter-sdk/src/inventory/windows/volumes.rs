//! Drives: how large, how full, how fast. Network drives are not asked: one whose server is gone does not answer.

use std::ffi::c_void;
use std::fs::OpenOptions;
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::{Component, Path, Prefix};
use std::ptr;

use report_format::schema::v1::Volume;
use windows_sys::Win32::Storage::FileSystem::{
    FILE_SHARE_READ, FILE_SHARE_WRITE, GetDiskFreeSpaceExW, GetDriveTypeW, GetLogicalDrives, GetVolumeInformationW,
    QueryDosDeviceW,
};
use windows_sys::Win32::System::Diagnostics::Debug::{SEM_FAILCRITICALERRORS, SetThreadErrorMode};
use windows_sys::Win32::System::IO::DeviceIoControl;
use windows_sys::Win32::System::Ioctl::{
    DEVICE_SEEK_PENALTY_DESCRIPTOR, IOCTL_STORAGE_QUERY_PROPERTY, PropertyStandardQuery, STORAGE_PROPERTY_QUERY,
    StorageDeviceSeekPenaltyProperty,
};
use windows_sys::Win32::System::WindowsProgramming::{DRIVE_CDROM, DRIVE_FIXED, DRIVE_RAMDISK, DRIVE_REMOVABLE};

use super::machine::Machine;
use super::wide::{narrow, wide};
use crate::inventory::notes::{Notes, word};

pub(in crate::inventory) fn collect(_: &Machine, notes: &mut Notes) -> Vec<Volume> {
    // Situation: the system asks the person to put a disk into an empty drive, in a window, and the call waits for that. Handling: not on this thread.
    // SAFETY: a flag; the former ones are not asked for.
    unsafe { SetThreadErrorMode(SEM_FAILCRITICALERRORS, ptr::null_mut()) };
    // SAFETY: has no parameters.
    let present = unsafe { GetLogicalDrives() };
    if present == 0 {
        notes.trouble("GetLogicalDrives", &io::Error::last_os_error());
        return Vec::new();
    }
    notes.source("GetLogicalDrives");
    (b'A'..=b'Z').filter(|letter| present & 1 << (letter - b'A') != 0).map(char::from).filter_map(volume).collect()
}

/// `None` for one of another machine, and for a drive without a disk.
fn volume(letter: char) -> Option<Volume> {
    let drive_type = drive_type(letter);
    let asked = matches!(drive_type, DRIVE_FIXED | DRIVE_REMOVABLE | DRIVE_CDROM | DRIVE_RAMDISK);
    if !asked || is_substitute(letter) {
        return None;
    }
    let root = wide(&format!(r"{letter}:\"));
    let (mut size, mut free) = (0, 0);
    // SAFETY: a path with a zero at its end, and places for what is asked for.
    let told = unsafe { GetDiskFreeSpaceExW(root.as_ptr(), ptr::null_mut(), &raw mut size, &raw mut free) };
    (told != 0 && size > 0).then(|| Volume {
        file_system: file_system(&root),
        size,
        free,
        kind: kind(letter).into(),
        removable: matches!(drive_type, DRIVE_REMOVABLE | DRIVE_CDROM),
        mount_point: format!("{letter}:"),
    })
}

fn drive_type(letter: char) -> u32 {
    let root = wide(&format!(r"{letter}:\"));
    // SAFETY: a path with a zero at its end.
    unsafe { GetDriveTypeW(root.as_ptr()) }
}

/// On a drive of this machine: to read from a dead file server would take long.
pub(super) fn is_local(path: &str) -> bool {
    let Some(Component::Prefix(prefix)) = Path::new(path).components().next() else { return false };
    let (Prefix::Disk(letter) | Prefix::VerbatimDisk(letter)) = prefix.kind() else { return false };
    matches!(drive_type(char::from(letter)), DRIVE_FIXED | DRIVE_RAMDISK)
}

/// Whether the letter stands for a folder of another drive (`subst`), as which that would be told twice.
fn is_substitute(letter: char) -> bool {
    let name = wide(&format!("{letter}:"));
    let mut target = [0; 64];
    // SAFETY: a name with a zero at its end, and a place of this length. Of a longer target nothing comes, and a folder's is told apart by its start.
    let length = unsafe { QueryDosDeviceW(name.as_ptr(), target.as_mut_ptr(), target.len() as u32) };
    length == 0 || narrow(&target).starts_with(r"\??\")
}

/// Its name and its serial number are not asked for.
fn file_system(root: &[u16]) -> String {
    let mut name = [0; 64];
    // SAFETY: a path with a zero at its end, and a place of this length for what is asked for.
    let told = unsafe {
        GetVolumeInformationW(
            root.as_ptr(),
            ptr::null_mut(),
            0,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            name.as_mut_ptr(),
            name.len() as u32,
        )
    };
    if told == 0 { String::new() } else { word(&narrow(&name)) }
}

/// By whether it takes time to get from one place of it to another, which every user may ask.
fn kind(letter: char) -> &'static str {
    // No right at all is needed, and none taken.
    let shared = FILE_SHARE_READ | FILE_SHARE_WRITE;
    let opened = OpenOptions::new().access_mode(0).share_mode(shared).open(format!(r"\\.\{letter}:"));
    let Ok(volume) = opened else { return "" };
    let query = STORAGE_PROPERTY_QUERY {
        PropertyId: StorageDeviceSeekPenaltyProperty,
        QueryType: PropertyStandardQuery,
        AdditionalParameters: [0],
    };
    let mut answer = DEVICE_SEEK_PENALTY_DESCRIPTOR::default();
    let (place, size): (*mut c_void, _) = ((&raw mut answer).cast(), size_of_val(&answer) as u32);
    let mut length = 0;
    // SAFETY: an open volume; a question of this size, a place of this size for the answer, and one for its length.
    let told = unsafe {
        DeviceIoControl(
            volume.as_raw_handle(),
            IOCTL_STORAGE_QUERY_PROPERTY,
            (&raw const query).cast(),
            size_of_val(&query) as u32,
            place,
            size,
            &raw mut length,
            ptr::null_mut(),
        )
    };
    match (told != 0 && length == size, answer.IncursSeekPenalty) {
        (false, _) => "",
        (true, false) => "ssd",
        (true, true) => "hdd",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_drive_is_told() {
        let found = volume('C').unwrap();
        assert_eq!(found.mount_point, "C:");
        assert!(found.size > 0 && found.free <= found.size, "{found:?}");
    }

    #[test]
    fn only_paths_on_drives_of_this_machine_are_local() {
        assert!(is_local(r"C:\windows"));
        assert!(is_local(r"\\?\C:\windows"));
        for path in [r"\\server\share\a", r"\\?\UNC\server\share", "windows", r"\windows", ""] {
            assert!(!is_local(path), "{path}");
        }
    }
}

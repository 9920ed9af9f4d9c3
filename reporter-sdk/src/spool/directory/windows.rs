//! Held open without leave to delete or rename it, so that its path is its path as long as this lives: NTFS moves no folder in which something is open either.
//!
//! Files can be read, written, renamed and removed while they are open, as on other systems: all of ours are shared so.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::mem::offset_of;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::fs::{MetadataExt, OpenOptionsExt};
use std::os::windows::io::AsRawHandle;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_DELETE_PENDING, ERROR_LOCK_VIOLATION, ERROR_SHARING_VIOLATION, GENERIC_ALL,
    GENERIC_READ, GENERIC_WRITE,
};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, DELETE, FILE_ADD_FILE, FILE_ADD_SUBDIRECTORY, FILE_ATTRIBUTE_DIRECTORY,
    FILE_ATTRIBUTE_REPARSE_POINT, FILE_ATTRIBUTE_TEMPORARY, FILE_DELETE_CHILD, FILE_DISPOSITION_FLAG_DELETE,
    FILE_DISPOSITION_FLAG_IGNORE_READONLY_ATTRIBUTE, FILE_DISPOSITION_FLAG_POSIX_SEMANTICS, FILE_DISPOSITION_INFO,
    FILE_DISPOSITION_INFO_EX, FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_DELETE_ON_CLOSE, FILE_FLAG_OPEN_REPARSE_POINT,
    FILE_INFO_BY_HANDLE_CLASS, FILE_LIST_DIRECTORY, FILE_READ_ATTRIBUTES, FILE_RENAME_INFO, FILE_RENAME_INFO_0,
    FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE, FileDispositionInfo, FileDispositionInfoEx, FileRenameInfo,
    FileRenameInfoEx, GetFileInformationByHandle, LOCKFILE_EXCLUSIVE_LOCK, LOCKFILE_FAIL_IMMEDIATELY, LockFileEx,
    READ_CONTROL, SYNCHRONIZE, SetFileInformationByHandle, UnlockFileEx, WRITE_DAC, WRITE_OWNER,
};
use windows_sys::Win32::System::IO::OVERLAPPED;
use windows_sys::Win32::System::WindowsProgramming::{
    FILE_RENAME_FLAG_POSIX_SEMANTICS, FILE_RENAME_FLAG_REPLACE_IF_EXISTS,
};

use super::{Stat, failed, temporary_name};
use crate::places;
use crate::security::{self, ADMINISTRATORS, Access, SYSTEM, TRUSTED_INSTALLER, verbatim};
use crate::spool::SpoolError;

const SHARE_ALL: u32 = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
/// To put another in the place of something, or to take the right to.
const REPLACE: u32 = DELETE | WRITE_DAC | WRITE_OWNER | GENERIC_ALL;
/// To change a folder: what is in it, or who may change it.
const CHANGE: u32 = REPLACE | FILE_ADD_FILE | FILE_ADD_SUBDIRECTORY | FILE_DELETE_CHILD | GENERIC_WRITE;

/// Situation: a virus scanner or an indexer has each new file open for a moment, some without sharing it. Handling: patience, about half a second of it.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(50);

/// The file's index. The volume is the folder's, and not part of it: Wine has none to tell of an open file that was renamed by another handle.
pub(super) type Id = u64;

#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    held: File,
}

impl Folder {
    /// Opens `path`, makes it and what is above it where missing, and checks both.
    pub(super) fn create(path: &Path, _parent: &Path) -> Result<Folder, SpoolError> {
        let path = &verbatim(path).map_err(|e| failed("create", path, e))?;
        let missing: Vec<_> = path.ancestors().take_while(|folder| fs::symlink_metadata(folder).is_err()).collect();
        for folder in missing.into_iter().rev() {
            make(folder).map_err(|e| failed("create", folder, e))?;
        }
        // With more rights than the user, each folder on the way could have been put there by them.
        let depth = if places::elevated() { usize::MAX } else { 1 };
        for above in path.ancestors().skip(1).take(depth) {
            check_above(path, above)?;
        }
        open_folder(path)
    }

    /// Opens the folder `name` in this one, which is then `path`, makes it where missing, and checks it.
    pub(super) fn below(&self, name: &str, path: &Path) -> Result<Folder, SpoolError> {
        let below = self.path.join(name);
        make(&below).map_err(|e| failed("create", path, e))?;
        open_folder(&below)
    }

    /// The names of all that is in it.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(&self.path)?.map(|entry| Ok(entry?.file_name().into_string().ok()));
        names.filter_map(io::Result::transpose).collect()
    }

    /// Opens what is there under this name, whatever it is, but no link.
    pub(super) fn open(&self, name: &str) -> io::Result<File> {
        open_shared(&self.path.join(name), GENERIC_READ | GENERIC_WRITE | DELETE)
    }

    /// A new file, owner-only, as its folder's list says.
    pub(super) fn create_file(&self, name: &str) -> io::Result<File> {
        let mut options = shared(GENERIC_READ | GENERIC_WRITE | DELETE);
        options.create_new(true).open(self.path.join(name)).map_err(told)
    }

    /// A new file that nobody else can open, and that the system removes when it is closed, however that comes.
    pub(super) fn create_nameless(&self, name: &str) -> io::Result<File> {
        let mut options = shared(GENERIC_READ | GENERIC_WRITE | DELETE);
        options.share_mode(0).create_new(true).attributes(FILE_ATTRIBUTE_TEMPORARY);
        options.custom_flags(FILE_FLAG_DELETE_ON_CLOSE).open(self.path.join(name))
    }

    pub(super) fn stat(&self, name: &str) -> io::Result<Stat> {
        let file = open_shared(&self.path.join(name), FILE_READ_ATTRIBUTES)?;
        let metadata = file.metadata()?;
        Ok(Stat { id: id(&file)?, bytes: metadata.len(), changed: metadata.modified()? })
    }

    /// In place of what has the new name, also where that is open.
    pub(super) fn rename(&self, name: &str, to: &Folder, new_name: &str) -> io::Result<()> {
        let file = open_shared(&self.path.join(name), DELETE | SYNCHRONIZE)?;
        let path = to.path.join(new_name);
        patiently(|| match rename(&file, &path, true) {
            // Situation: a file system that replaces no open file (not NTFS; Windows before 1607). Handling: the other one gives up its name first. If all ends between the
            // two, both are there as temporaries: neither is taken for whole.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                to.remove(new_name)?;
                rename(&file, &path, true)
            }
            done => done,
        })
    }

    /// Its name is free at once, whoever has it open.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.path.join(name);
        let file = open_shared(&path, DELETE | SYNCHRONIZE)?;
        patiently(|| {
            if remove_at_once(&file).is_ok() {
                return Ok(());
            }
            // Older systems remove the name with the last handle to the file: under another name nobody minds.
            let out_of_the_way = self.path.join(temporary_name(&format!("{}.gone", uuid::Uuid::now_v7())));
            rename(&file, &out_of_the_way, false)?;
            remove_when_closed(&file)
        })
    }

    /// Removes a folder in it, if that is empty.
    pub(super) fn remove_folder(&self, name: &str) -> io::Result<()> {
        fs::remove_dir(self.path.join(name))
    }

    /// Makes the new name of a file durable: the file's flush takes the journal of names along.
    pub(super) fn sync_name(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    /// Makes names that came and went durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        match self.held.sync_all() {
            // Not every file system flushes folders. A name that comes back is swept.
            Err(error) if error.kind() != ErrorKind::StorageFull => Ok(()),
            done => done,
        }
    }
}

/// Makes a folder that is its owner's alone, and with it what will be in it. One that is there stays as it is.
fn make(folder: &Path) -> io::Result<()> {
    match security::make_folder(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Who may own and change what is ours: nobody who has fewer rights. An administrator may do anything with anything.
fn trusted() -> io::Result<Vec<String>> {
    let user = if places::elevated() { None } else { Some(places::user()?) };
    Ok([SYSTEM, ADMINISTRATORS].map(str::to_owned).into_iter().chain(user).collect())
}

/// Refuses a place in which others could put another folder.
fn check_above(path: &Path, above: &Path) -> Result<(), SpoolError> {
    let look = |e| failed("look at", above, e);
    let trusted = trusted().map_err(look)?;
    let mut trusted: Vec<&str> = trusted.iter().map(String::as_str).collect();
    trusted.push(TRUSTED_INSTALLER);
    let access = Access::of_path(above).map_err(look)?;
    let unsafe_place = |why: String| Err(SpoolError::Unsafe { path: path.into(), why });
    if !trusted.contains(&access.owner.as_str()) {
        return unsafe_place(format!("the folder above it, {}, belongs to {}", above.display(), access.owner));
    }
    // To add folders there is no harm: ours is there.
    if let Some(who) = access.others_who_may(REPLACE | FILE_DELETE_CHILD, &trusted) {
        return unsafe_place(format!("{who} can change the folder above it, {}", above.display()));
    }
    Ok(())
}

fn open_folder(path: &Path) -> Result<Folder, SpoolError> {
    let unsafe_place = |why: String| SpoolError::Unsafe { path: path.into(), why };
    let look = |e| failed("look at", path, e);
    let rights = FILE_LIST_DIRECTORY | FILE_ADD_FILE | FILE_READ_ATTRIBUTES | READ_CONTROL | WRITE_DAC | SYNCHRONIZE;
    let mut options = shared(rights);
    let held =
        options.share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE).open(path).map_err(|e| failed("open", path, e))?;
    let attributes = held.metadata().map_err(look)?.file_attributes();
    if attributes & FILE_ATTRIBUTE_REPARSE_POINT != 0 {
        return Err(unsafe_place("it is a symbolic link or a junction".into()));
    }
    if attributes & FILE_ATTRIBUTE_DIRECTORY == 0 {
        return Err(unsafe_place("it is not a directory".into()));
    }
    let trusted = trusted().map_err(look)?;
    let trusted: Vec<&str> = trusted.iter().map(String::as_str).collect();
    let access = Access::of(&held).map_err(look)?;
    if !trusted.contains(&access.owner.as_str()) {
        return Err(unsafe_place(format!("it belongs to {}", access.owner)));
    }
    if let Some(who) = access.others_who_may(CHANGE, &trusted) {
        return Err(unsafe_place(format!("{who} can write it (take that right away after checking what is in it)")));
    }
    if !access.is_for(&trusted) {
        security::owner_only_folder().and_then(|only| only.protect(&held)).map_err(|e| failed("protect", path, e))?;
    }
    Ok(Folder { path: path.into(), held })
}

fn shared(rights: u32) -> OpenOptions {
    let mut options = OpenOptions::new();
    // Folders only open as for a backup.
    options.read(true).write(rights & GENERIC_WRITE != 0).access_mode(rights).share_mode(SHARE_ALL);
    options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS);
    options
}

fn open_shared(path: &Path, rights: u32) -> io::Result<File> {
    shared(rights).open(path).map_err(told)
}

/// A file that is gone but for somebody who has it open is gone.
fn told(error: io::Error) -> io::Error {
    let pending = error.raw_os_error() == Some(ERROR_DELETE_PENDING.cast_signed());
    if pending { ErrorKind::NotFound.into() } else { error }
}

fn patiently(mut act: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    for _ in 1..TRIES {
        match act() {
            Err(error) if is_busy(&error) => sleep(PAUSE),
            done => return done,
        }
    }
    act()
}

fn set(file: &File, class: FILE_INFO_BY_HANDLE_CLASS, information: &[u8]) -> io::Result<()> {
    let (start, size) = (information.as_ptr().cast(), information.len() as u32);
    // SAFETY: an open file, and a structure of that class, which lives until the call returns.
    let done = unsafe { SetFileInformationByHandle(file.as_raw_handle(), class, start, size) };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn rename(file: &File, to: &Path, replace: bool) -> io::Result<()> {
    let name: Vec<u16> = to.as_os_str().encode_wide().collect();
    let start = offset_of!(FILE_RENAME_INFO, FileName);
    let mut information = vec![0_u8; start + 2 * name.len() + 2];
    let length = offset_of!(FILE_RENAME_INFO, FileNameLength);
    information[length..length + 4].copy_from_slice(&(2 * name.len() as u32).to_le_bytes());
    for (room, unit) in information[start..].chunks_exact_mut(2).zip(&name) {
        room.copy_from_slice(&unit.to_le_bytes());
    }
    const _: () = assert!(offset_of!(FILE_RENAME_INFO, Anonymous) == 0 && size_of::<FILE_RENAME_INFO_0>() == 4);
    let flags = if replace { FILE_RENAME_FLAG_REPLACE_IF_EXISTS | FILE_RENAME_FLAG_POSIX_SEMANTICS } else { 0 };
    information[..4].copy_from_slice(&flags.to_le_bytes());
    if set(file, FileRenameInfoEx, &information).is_ok() {
        return Ok(());
    }
    information[..4].copy_from_slice(&u32::from(replace).to_le_bytes());
    set(file, FileRenameInfo, &information)
}

fn remove_at_once(file: &File) -> io::Result<()> {
    let flags = FILE_DISPOSITION_FLAG_DELETE
        | FILE_DISPOSITION_FLAG_POSIX_SEMANTICS
        | FILE_DISPOSITION_FLAG_IGNORE_READONLY_ATTRIBUTE;
    const _: () = assert!(size_of::<FILE_DISPOSITION_INFO_EX>() == 4);
    set(file, FileDispositionInfoEx, &flags.to_le_bytes())
}

fn remove_when_closed(file: &File) -> io::Result<()> {
    const _: () = assert!(size_of::<FILE_DISPOSITION_INFO>() == 1);
    set(file, FileDispositionInfo, &[1])
}

pub(super) fn id(file: &File) -> io::Result<Id> {
    let mut information = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: an open file, and a place that lives here.
    if unsafe { GetFileInformationByHandle(file.as_raw_handle(), &raw mut information) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(u64::from(information.nFileIndexHigh) << 32 | u64::from(information.nFileIndexLow))
}

/// Whether it is a plain file of this user's.
pub(super) fn is_ours(file: &File) -> io::Result<bool> {
    let attributes = file.metadata()?.file_attributes();
    let plain = attributes & (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT) == 0;
    Ok(plain && trusted()?.contains(&Access::of(file)?.owner))
}

/// A byte that no file has: other bytes can be read and written meanwhile, as the lock of a file is nobody's business but of who asks for it.
fn locked_byte() -> OVERLAPPED {
    let mut place = OVERLAPPED::default();
    place.Anonymous.Anonymous.Offset = 0;
    place.Anonymous.Anonymous.OffsetHigh = 0x4000_0000;
    place
}

/// Takes the file for this process. False where another one has it.
pub(super) fn lock(file: &File) -> io::Result<bool> {
    let mut place = locked_byte();
    let flags = LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY;
    // SAFETY: an open file, without overlapped operations, so that the call is over when it returns.
    if unsafe { LockFileEx(file.as_raw_handle(), flags, 0, 1, 0, &raw mut place) } != 0 {
        return Ok(true);
    }
    match io::Error::last_os_error() {
        error if error.raw_os_error() == Some(ERROR_LOCK_VIOLATION.cast_signed()) => Ok(false),
        error => Err(error),
    }
}

pub(super) fn unlock(file: &File) {
    let mut place = locked_byte();
    // SAFETY: as in `lock`.
    unsafe { UnlockFileEx(file.as_raw_handle(), 0, 1, 0, &raw mut place) };
}

/// Whether it could not be opened since another process has it. Older systems deny access to a file that is gone with its last handle.
pub(super) fn is_busy(error: &io::Error) -> bool {
    let busy = [ERROR_SHARING_VIOLATION, ERROR_ACCESS_DENIED].map(|code| Some(code.cast_signed()));
    busy.contains(&error.raw_os_error())
}

#[cfg(test)]
mod tests;

//! What a product leaves itself where its handler is lost.
//!
//! Situation: the handler was killed, hangs, or has crashed over our crash. Handling: the thread that waited for it writes the whole shared memory into the
//! spool. The next start's handler makes a report of it. (It holds no memory of the product: here the handler reads that itself.)
//!
//! All that needs memory of ours is made at the start. What is called here are system calls and thin layers over them, which take no lock but one: to open a file or rename it, Windows
//! turns its path into the kernel's form, in the process's heap. A thread that failed within the heap has that lock itself, and gets it again; a heap that is broken
//! ends in a second fault, which ends the process as the first would have.

use std::{
    cell::UnsafeCell,
    ffi::{CStr, OsStr, OsString, c_void},
    io,
    mem::offset_of,
    os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle},
    path::{self, Component, Path, Prefix},
    ptr,
    sync::atomic::{AtomicU64, Ordering},
};

use windows_sys::Win32::{
    Foundation::{
        ERROR_ALREADY_EXISTS, ERROR_FILE_NOT_FOUND, ERROR_NO_MORE_FILES, ERROR_PATH_NOT_FOUND, GENERIC_ALL,
        GENERIC_WRITE, INVALID_HANDLE_VALUE,
    },
    Security::{
        ACCESS_ALLOWED_ACE, ACE_HEADER, ACL,
        Authorization::{
            ConvertStringSecurityDescriptorToSecurityDescriptorW, ConvertStringSidToSidW, SDDL_REVISION_1,
        },
        DACL_SECURITY_INFORMATION, EqualSid, GetAce, GetKernelObjectSecurity, GetSecurityDescriptorDacl,
        GetSecurityDescriptorOwner, INHERIT_ONLY_ACE, OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID,
        SECURITY_ATTRIBUTES,
    },
    Storage::FileSystem::{
        BY_HANDLE_FILE_INFORMATION, CREATE_NEW, CreateDirectoryW, CreateFileW, DELETE, FILE_ADD_FILE,
        FILE_ADD_SUBDIRECTORY, FILE_ATTRIBUTE_DIRECTORY, FILE_ATTRIBUTE_REPARSE_POINT, FILE_DELETE_CHILD,
        FILE_DISPOSITION_INFO, FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT, FILE_ID_BOTH_DIR_INFO,
        FILE_LIST_DIRECTORY, FILE_READ_ATTRIBUTES, FILE_RENAME_INFO, FILE_SHARE_DELETE, FILE_SHARE_READ,
        FILE_SHARE_WRITE, FileDispositionInfo, FileIdBothDirectoryInfo, FileRenameInfo, GetFileInformationByHandle,
        GetFileInformationByHandleEx, LOCKFILE_EXCLUSIVE_LOCK, LOCKFILE_FAIL_IMMEDIATELY, LockFileEx, OPEN_EXISTING,
        READ_CONTROL, SYNCHRONIZE, SetFileInformationByHandle, WRITE_DAC, WRITE_OWNER, WriteFile,
    },
    System::IO::OVERLAPPED,
};

use crate::{
    Options,
    ipc::spawn::wide,
    places::{self, LOST},
    reporter,
    shared::{layout, left::Name},
};

/// Left files in a folder. A product that fails again and again without a handler must not fill the disk; the first failures tell most.
const MOST: usize = 20;

/// The places where it may be left, best first: the spool, and where reports go while the spool cannot take them.
#[derive(Debug)]
pub(crate) struct Places([Option<Place>; 2]);

/// A spool, which may not be there yet. All paths are verbatim (`\\?\C:\…`): as long as they are, and whatever the current directory is by then.
#[derive(Debug)]
struct Place {
    /// From the outermost directory on; the last one is the spool's `lost`, the one before it the spool.
    directories: Vec<Vec<u16>>,
    whose: Owners,
    room: UnsafeCell<Room>,
}

// SAFETY: the room is used by whoever holds the claim, one thread at a time; the rest is not written to.
unsafe impl Sync for Place {}
// SAFETY: pointers to memory that is never freed.
unsafe impl Send for Place {}

/// What is filled when something is left.
struct Room {
    /// The path of the file, of which the name is filled in.
    temporary: Vec<u16>,
    /// A `FILE_RENAME_INFO` with a path, likewise.
    rename: Vec<u64>,
    /// What a folder tells of itself: its entries, or who may do what.
    told: [u64; 512],
}

impl std::fmt::Debug for Room {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Room").finish_non_exhaustive()
    }
}

impl Places {
    /// Of a product with these options.
    pub(crate) fn of(options: &Options) -> Self {
        let given = options.spool.clone().filter(|path| path.is_absolute());
        let spool = given.or_else(|| places::spool(&options.vendor, &options.name));
        let fallback = spool.as_deref().and_then(places::fallback);
        Self([spool, fallback].map(|path| path.as_deref().and_then(Place::of)))
    }

    /// Leaves these words under this name in the first place that takes them. For the holder of the claim.
    fn leave(&self, words: &[AtomicU64], name: &Name) -> bool {
        self.0.iter().flatten().any(|place| place.leave(words, name).is_ok())
    }
}

impl Place {
    fn of(path: &Path) -> Option<Self> {
        let lost = verbatim(path)?.join(LOST);
        let directories = lost.ancestors().filter(|path| path.file_name().is_some());
        let mut directories: Vec<_> = directories.map(|path| wide(path.as_os_str())).collect::<Result<_, _>>().ok()?;
        directories.reverse();
        let name = Name::of(0, 0, 0);
        let file = |name: &CStr| wide(lost.join(name.to_str().ok()?).as_os_str()).ok();
        let room = Room { temporary: file(name.temporary())?, rename: rename(&file(name.whole())?), told: [0; 512] };
        Some(Self { directories, whose: Owners::get()?, room: UnsafeCell::new(room) })
    }

    fn leave(&self, words: &[AtomicU64], name: &Name) -> io::Result<()> {
        // SAFETY: the claim makes this the only use.
        let room = unsafe { &mut *self.room.get() };
        // Held until all is done: nobody can put another in its place meanwhile.
        let _folder = self.open(&mut room.told)?;
        put(&mut room.temporary, name.temporary());
        let access = GENERIC_WRITE | DELETE;
        let sharing = FILE_SHARE_READ | FILE_SHARE_DELETE;
        // With the rights that the folder hands on.
        // SAFETY: the path ends in a zero.
        let file = owned(unsafe {
            CreateFileW(
                room.temporary.as_ptr(),
                access,
                sharing,
                ptr::null(),
                CREATE_NEW,
                FILE_FLAG_OPEN_REPARSE_POINT,
                ptr::null_mut(),
            )
        })?;
        // Whoever opens the spool sweeps what nobody holds.
        // Not flushed to the disk, which can take seconds: the end of this process takes nothing from the file, and that of the machine may have this one.
        let left = lock(&file).and_then(|()| write_all(&file, words)).and_then(|()| {
            put_rename(&mut room.rename, name.whole());
            set(&file, FileRenameInfo, room.rename.as_ptr().cast(), size_of_val(&room.rename[..]))
        });
        left.inspect_err(|_| {
            let gone = FILE_DISPOSITION_INFO { DeleteFile: true };
            let _ = set(&file, FileDispositionInfo, (&raw const gone).cast(), size_of_val(&gone));
        })
    }

    /// Opens the folder, and makes it and what is above it where missing: ours alone, and no link. Fails where it is full.
    fn open(&self, told: &mut [u64; 512]) -> io::Result<[OwnedHandle; 2]> {
        let [.., spool, lost] = &self.directories[..] else { return Err(io::ErrorKind::NotFound.into()) };
        let root = match self.whose.open(spool, told) {
            Err(error) if is_missing(&error) => {
                for directory in &self.directories {
                    // It is there, or what comes next fails.
                    let _ = self.whose.make(directory);
                }
                self.whose.open(spool, told)?
            }
            opened => opened?,
        };
        match self.whose.make(lost) {
            Err(error) if error.raw_os_error() != Some(ERROR_ALREADY_EXISTS.cast_signed()) => return Err(error),
            _ => {}
        }
        let folder = self.whose.open(lost, told)?;
        if is_full(&folder, told)? { Err(io::ErrorKind::QuotaExceeded.into()) } else { Ok([root, folder]) }
    }
}

/// A path that the system takes as it is. `None` for one of a device.
fn verbatim(path: &Path) -> Option<path::PathBuf> {
    let path = path::absolute(path).ok()?;
    let Some(Component::Prefix(prefix)) = path.components().next() else { return None };
    let rest = path.strip_prefix(prefix.as_os_str()).ok()?;
    let mut verbatim = OsString::from(r"\\?\");
    match prefix.kind() {
        Prefix::Disk(_) => verbatim.push(prefix.as_os_str()),
        Prefix::UNC(server, share) => {
            for part in [OsStr::new(r"UNC\"), server, OsStr::new(r"\"), share] {
                verbatim.push(part);
            }
        }
        Prefix::VerbatimDisk(_) | Prefix::VerbatimUNC(..) => return Some(path),
        _ => return None,
    }
    verbatim.push(rest);
    Some(verbatim.into())
}

/// Puts a name at the end of a path, in place of another of the same length.
fn put(path: &mut [u16], name: &CStr) {
    let name = name.to_bytes_with_nul();
    let at = path.len().saturating_sub(name.len());
    for (room, byte) in path[at..].iter_mut().zip(name) {
        *room = u16::from(*byte);
    }
}

const RENAME_HEADER: usize = offset_of!(FILE_RENAME_INFO, FileName);

/// To rename a file to this path, where there is none.
fn rename(path: &[u16]) -> Vec<u64> {
    let size = size_of::<FILE_RENAME_INFO>() + size_of_val(path);
    let mut room = vec![0_u64; size.div_ceil(8)];
    let information = room.as_mut_ptr().cast::<FILE_RENAME_INFO>();
    // SAFETY: there is room for the structure, which is aligned as the words are or less, and for the path behind it.
    unsafe { (*information).FileNameLength = (size_of_val(path) - 2) as u32 };
    let name = information.wrapping_byte_add(RENAME_HEADER).cast::<u16>();
    // SAFETY: as above.
    unsafe { ptr::copy_nonoverlapping(path.as_ptr(), name, path.len()) };
    room
}

fn put_rename(room: &mut [u64], name: &CStr) {
    let information = room.as_mut_ptr().cast::<FILE_RENAME_INFO>();
    // SAFETY: `rename` has filled it.
    let length = unsafe { (*information).FileNameLength } as usize / 2 + 1;
    let path = information.wrapping_byte_add(RENAME_HEADER).cast::<u16>();
    // SAFETY: so many are there, its zero among them.
    put(unsafe { std::slice::from_raw_parts_mut(path, length) }, name);
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.raw_os_error().map(i32::cast_unsigned), Some(ERROR_FILE_NOT_FOUND | ERROR_PATH_NOT_FOUND))
}

fn owned(handle: *mut c_void) -> io::Result<OwnedHandle> {
    if handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, and nobody else's.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

fn done(answer: i32) -> io::Result<()> {
    if answer == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn set(file: &OwnedHandle, class: i32, information: *const c_void, size: usize) -> io::Result<()> {
    // SAFETY: the callers give what belongs to the class, of this size.
    done(unsafe { SetFileInformationByHandle(file.as_raw_handle(), class, information, size as u32) })
}

fn lock(file: &OwnedHandle) -> io::Result<()> {
    let flags = LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY;
    let mut from = OVERLAPPED::default();
    // SAFETY: it is done when the call returns; the place of its start lives here.
    done(unsafe { LockFileEx(file.as_raw_handle(), flags, 0, u32::MAX, u32::MAX, &raw mut from) })
}

fn write_all(file: &OwnedHandle, words: &[AtomicU64]) -> io::Result<()> {
    let mut from = words.as_ptr().cast::<u8>();
    let mut left = size_of_val(words);
    while left > 0 {
        let mut written = 0;
        let size = left.min(1 << 20) as u32;
        // SAFETY: reads the rest of `words`, which both sides expect to change at any time.
        done(unsafe { WriteFile(file.as_raw_handle(), from, size, &raw mut written, ptr::null_mut()) })?;
        if written == 0 || written > size {
            return Err(io::ErrorKind::WriteZero.into());
        }
        from = from.wrapping_add(written as usize);
        left -= written as usize;
    }
    Ok(())
}

fn is_full(folder: &OwnedHandle, told: &mut [u64; 512]) -> io::Result<bool> {
    let mut count = 0;
    // `.` and `..` are among them.
    while count < MOST + 2 {
        let (room, size) = (told.as_mut_ptr().cast(), size_of_val(told) as u32);
        // SAFETY: the room has that size.
        let more =
            done(unsafe { GetFileInformationByHandleEx(folder.as_raw_handle(), FileIdBothDirectoryInfo, room, size) });
        match more {
            Err(error) if error.raw_os_error() == Some(ERROR_NO_MORE_FILES.cast_signed()) => return Ok(false),
            more => more?,
        }
        let mut at = 0;
        loop {
            count += 1;
            // Each begins with the distance to the next.
            let next = told.get(at / 8).map_or(0, |word| *word as u32 as usize);
            if next == 0 || next % align_of::<FILE_ID_BOTH_DIR_INFO>() != 0 {
                break;
            }
            at += next;
        }
    }
    Ok(true)
}

/// Who may own a spool and write to it: the user whose process this is, administrators, and the system.
#[derive(Debug)]
struct Owners {
    allowed: Vec<PSID>,
    /// Of a folder that is made here: those, and nobody else.
    descriptor: PSECURITY_DESCRIPTOR,
}

/// What lets others change a folder, or what is in it.
const CHANGES: u32 = FILE_ADD_FILE
    | FILE_ADD_SUBDIRECTORY
    | FILE_DELETE_CHILD
    | DELETE
    | WRITE_DAC
    | WRITE_OWNER
    | GENERIC_WRITE
    | GENERIC_ALL;

impl Owners {
    /// Never freed.
    fn get() -> Option<Self> {
        const ADMINISTRATORS: &str = "S-1-5-32-544";
        const SYSTEM: &str = "S-1-5-18";
        let user = places::user().ok()?;
        let descriptor = format!("D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;{user})");
        let descriptor = wide(descriptor.as_ref()).ok()?;
        let mut made: PSECURITY_DESCRIPTOR = ptr::null_mut();
        let revision = SDDL_REVISION_1;
        // SAFETY: a text that ends in a zero, and a place that lives here.
        let converted = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                descriptor.as_ptr(),
                revision,
                &raw mut made,
                ptr::null_mut(),
            )
        };
        done(converted).ok()?;
        let allowed = [&*user, ADMINISTRATORS, SYSTEM].map(|text| {
            let text = wide(text.as_ref()).ok()?;
            let mut sid: PSID = ptr::null_mut();
            // SAFETY: as above.
            done(unsafe { ConvertStringSidToSidW(text.as_ptr(), &raw mut sid) }).ok().map(|()| sid)
        });
        Some(Self { allowed: allowed.into_iter().collect::<Option<_>>()?, descriptor: made })
    }

    fn have(&self, sid: PSID) -> bool {
        // SAFETY: identifiers that are whole: made by the system, or in a descriptor that it gave.
        self.allowed.iter().any(|allowed| unsafe { EqualSid(*allowed, sid) != 0 })
    }

    fn make(&self, directory: &[u16]) -> io::Result<()> {
        let attributes = SECURITY_ATTRIBUTES {
            nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
            lpSecurityDescriptor: self.descriptor,
            bInheritHandle: 0,
        };
        // SAFETY: the path ends in a zero; the rest lives until the call returns.
        done(unsafe { CreateDirectoryW(directory.as_ptr(), &raw const attributes) })
    }

    /// Opens a directory that belongs to us, and that nobody else can write. While it is open it stays where it is.
    fn open(&self, directory: &[u16], told: &mut [u64; 512]) -> io::Result<OwnedHandle> {
        // SAFETY: the path ends in a zero.
        let opened = owned(unsafe {
            CreateFileW(
                directory.as_ptr(),
                FILE_LIST_DIRECTORY | FILE_READ_ATTRIBUTES | READ_CONTROL | SYNCHRONIZE,
                FILE_SHARE_READ | FILE_SHARE_WRITE,
                ptr::null(),
                OPEN_EXISTING,
                FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT,
                ptr::null_mut(),
            )
        })?;
        let mut information = BY_HANDLE_FILE_INFORMATION::default();
        // SAFETY: a place that lives here.
        done(unsafe { GetFileInformationByHandle(opened.as_raw_handle(), &raw mut information) })?;
        let kind = information.dwFileAttributes & (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT);
        if kind == FILE_ATTRIBUTE_DIRECTORY && self.are_alone(&opened, told)? {
            Ok(opened)
        } else {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }

    fn are_alone(&self, folder: &OwnedHandle, told: &mut [u64; 512]) -> io::Result<bool> {
        let (descriptor, size) = (told.as_mut_ptr().cast::<c_void>(), size_of_val(told) as u32);
        let wanted = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
        let mut needed = 0;
        // SAFETY: the room has that size.
        done(unsafe { GetKernelObjectSecurity(folder.as_raw_handle(), wanted, descriptor, size, &raw mut needed) })?;
        let (mut owner, mut dacl): (PSID, *mut ACL) = (ptr::null_mut(), ptr::null_mut());
        let (mut present, mut defaulted) = (0, 0);
        // SAFETY: a descriptor that the system just gave; places that live here.
        done(unsafe { GetSecurityDescriptorOwner(descriptor, &raw mut owner, &raw mut defaulted) })?;
        // SAFETY: as above.
        done(unsafe { GetSecurityDescriptorDacl(descriptor, &raw mut present, &raw mut dacl, &raw mut defaulted) })?;
        // Without a list everybody may do everything.
        if owner.is_null() || !self.have(owner) || present == 0 || dacl.is_null() {
            return Ok(false);
        }
        // SAFETY: the list is in the descriptor.
        let count = unsafe { (*dacl).AceCount };
        for index in 0..u32::from(count) {
            let mut ace: *mut c_void = ptr::null_mut();
            // SAFETY: as above.
            done(unsafe { GetAce(dacl, index, &raw mut ace) })?;
            // SAFETY: each begins so.
            let header = unsafe { *ace.cast::<ACE_HEADER>() };
            if !self.is_harmless(header, ace) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether an entry lets nobody else change the folder.
    fn is_harmless(&self, header: ACE_HEADER, ace: *mut c_void) -> bool {
        /// Of `ACE_HEADER`: an entry that allows, one that denies, and one that allows on a condition, which looks the same.
        const ALLOWED: u8 = 0;
        const DENIED: u8 = 1;
        const ALLOWED_CALLBACK: u8 = 9;
        let is_for_what_is_inside = u32::from(header.AceFlags) & INHERIT_ONLY_ACE != 0;
        match header.AceType {
            DENIED => true,
            _ if is_for_what_is_inside => true,
            ALLOWED | ALLOWED_CALLBACK => {
                // SAFETY: an entry of this type has this structure.
                let mask = unsafe { (*ace.cast::<ACCESS_ALLOWED_ACE>()).Mask };
                let sid = ace.wrapping_byte_add(offset_of!(ACCESS_ALLOWED_ACE, SidStart));
                mask & CHANGES == 0 || self.have(sid)
            }
            // Nothing that is put on folders.
            _ => false,
        }
    }
}

/// Leaves what is in the crash slot, by the thread that holds the claim, or for it: the handler did not say that it has it. Safe in an exception handler, as far as the file system is.
pub(crate) fn leave() {
    let Some(state) = reporter::active() else { return };
    let words = state.shared.words();
    let word = |at: usize| words[at].load(Ordering::Relaxed);
    let number = word(layout::CRASH_AT + layout::crash::NUMBER);
    let name = Name::of(word(layout::header::STARTED_REALTIME), state.pid, number);
    state.lost.leave(words, &name);
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;

    fn words() -> Vec<AtomicU64> {
        (0..1000).map(AtomicU64::new).collect()
    }

    fn left(spool: &Path) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(spool.join(LOST)) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn the_memory_is_left_whole() {
        let folder = tempfile::tempdir().unwrap();
        let spool = folder.path().join("vendor/product/reports");
        let place = Place::of(&spool).unwrap();
        let name = Name::of(1, 2, 3);
        place.leave(&words(), &name).unwrap();
        let [file] = &left(&spool)[..] else { panic!("{:?}", left(&spool)) };
        assert_eq!(file.file_name().unwrap(), name.whole().to_str().unwrap());
        let bytes = fs::read(file).unwrap();
        assert!(bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).eq(0..1000));
        // The file of a crash is written once.
        assert!(place.leave(&words(), &name).is_err());
        assert_eq!(left(&spool).len(), 1, "what was not renamed is gone");
    }

    #[test]
    fn there_is_an_end_to_what_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::of(&folder.path().join("spool")).unwrap();
        for number in 0..MOST as u64 {
            place.leave(&words(), &Name::of(1, 2, number)).unwrap();
        }
        let error = place.leave(&words(), &Name::of(1, 2, 99)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::QuotaExceeded);
        assert_eq!(left(&folder.path().join("spool")).len(), MOST);
    }

    #[test]
    fn a_spool_that_is_no_folder_takes_nothing_and_the_second_place_does() {
        let folder = tempfile::tempdir().unwrap();
        let [file, second] = ["file", "second"].map(|name| folder.path().join(name));
        fs::write(&file, "").unwrap();
        let places = Places([Place::of(&file), Place::of(&second)]);
        assert!(places.leave(&words(), &Name::of(1, 2, 3)));
        assert_eq!(left(&second).len(), 1);
        // What is there already is neither followed nor overwritten.
        let name = Name::of(1, 2, 5);
        fs::write(second.join(LOST).join(name.temporary().to_str().unwrap()), "theirs").unwrap();
        assert!(!Places([None, Place::of(&second)]).leave(&words(), &name));
    }

    #[test]
    fn a_folder_in_which_others_may_write_is_not_ours() {
        let owners = Owners::get().unwrap();
        let mut ace = ACCESS_ALLOWED_ACE::default();
        let mut everyone: PSID = ptr::null_mut();
        let text = wide("S-1-1-0".as_ref()).unwrap();
        // SAFETY: a text that ends in a zero, and a place that lives here.
        done(unsafe { ConvertStringSidToSidW(text.as_ptr(), &raw mut everyone) }).unwrap();
        let mut entry = [0_u32; 16];
        let mut harmless = |kind: u8, flags: u8, mask: u32, sid: PSID| {
            ace.Header.AceType = kind;
            ace.Header.AceFlags = flags;
            ace.Mask = mask;
            entry[1] = mask;
            // SAFETY: an identifier of one part has 12 bytes, one of two 16.
            unsafe { ptr::copy_nonoverlapping(sid.cast::<u8>(), entry[2..].as_mut_ptr().cast(), 12) };
            owners.is_harmless(ace.Header, entry.as_mut_ptr().cast())
        };
        assert!(!harmless(0, 0, FILE_ADD_FILE, everyone));
        assert!(!harmless(9, 0, GENERIC_ALL, everyone));
        assert!(!harmless(5, 0, 0, everyone), "unknown");
        assert!(harmless(0, 0, FILE_LIST_DIRECTORY, everyone));
        assert!(harmless(1, 0, FILE_ADD_FILE, everyone));
        assert!(harmless(0, INHERIT_ONLY_ACE as u8, FILE_ADD_FILE, everyone));
        assert!(harmless(0, 0, FILE_ADD_FILE, owners.allowed[2]));
    }

    #[test]
    fn paths_are_taken_as_they_are() {
        let of = |path: &str| verbatim(Path::new(path)).map(|path| path.to_str().unwrap().to_owned());
        assert_eq!(of(r"C:\a/b").as_deref(), Some(r"\\?\C:\a\b"));
        assert_eq!(of(r"\\server\share\a").as_deref(), Some(r"\\?\UNC\server\share\a"));
        assert_eq!(of(r"\\?\C:\a").as_deref(), Some(r"\\?\C:\a"));
        assert_eq!(of(r"\\.\COM1"), None);
    }
}

//! What a product leaves itself where its handler is lost.
//!
//! Situation: the handler was killed, hangs, or has crashed over our crash. Handling: the thread that waited for it writes the record of its own memory,
//! as it does for a handler that may not read it, and then the whole shared memory into the spool. The next start's handler makes a report of it.
//!
//! All that needs memory is made at the start. Everything else here is async-signal-safe: system calls through rustix, which takes C strings as they are
//! and adds nothing.

use std::{
    ffi::{CStr, CString},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
    sync::atomic::AtomicU64,
};

use rustix::{
    fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, RawDir},
    io::Errno,
    process::Resource,
};

use super::record;
use crate::{
    Options,
    places::{self, LOST},
    reporter,
    shared::{layout, left::Name},
};

/// Left files in a folder. A product that fails again and again without a handler must not fill the disk; the first failures tell most.
const MOST: usize = 20;
const DIRECTORY: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// The places where it may be left, best first: the spool, and where reports go while the spool cannot take them.
#[derive(Debug)]
pub(crate) struct Places([Option<Place>; 2]);

/// A spool, which may not be there yet.
#[derive(Debug)]
struct Place {
    /// From the outermost directory on; the last one is the spool.
    directories: Vec<CString>,
    lost: CString,
}

impl Places {
    /// Of a product with these options. None for one with more rights than its caller has, unless its spool is an administrator's.
    pub(crate) fn of(options: &Options) -> Self {
        let given = options.spool.clone().filter(|path| path.is_absolute());
        let spool = given.or_else(|| places::spool(&options.vendor, &options.name));
        let fallback = spool.as_deref().and_then(places::fallback);
        Self([spool, fallback].map(|path| path.as_deref().and_then(Place::of)))
    }

    /// Leaves these words under this name in the first place that takes them.
    fn leave(&self, words: &[AtomicU64], name: &Name) -> bool {
        self.0.iter().flatten().any(|place| place.leave(words, name).is_ok())
    }
}

impl Place {
    fn of(path: &Path) -> Option<Self> {
        let mut directories: Vec<_> =
            path.ancestors().map(|path| CString::new(path.as_os_str().as_bytes())).collect::<Result<_, _>>().ok()?;
        directories.reverse();
        Some(Self { directories, lost: CString::new(LOST).ok()? })
    }

    fn leave(&self, words: &[AtomicU64], name: &Name) -> rustix::io::Result<()> {
        let folder = self.open()?;
        if is_full(&folder)? {
            return Err(Errno::DQUOT);
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&folder, name.temporary(), flags, Mode::RUSR | Mode::WUSR)?;
        // Whoever opens the spool sweeps what nobody holds.
        let held = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive);
        // Not flushed to the disk, which can take seconds: the end of this process takes nothing from the file, and that of the machine may have this one.
        let left = held
            .and_then(|()| write_all(&file, words))
            .and_then(|()| rustix::fs::renameat(&folder, name.temporary(), &folder, name.whole()));
        left.inspect_err(|_| {
            let _ = rustix::fs::unlinkat(&folder, name.temporary(), AtFlags::empty());
        })
    }

    /// Opens the folder, and makes it and what is above it where missing: ours alone, and no link.
    fn open(&self) -> rustix::io::Result<OwnedFd> {
        let spool = self.directories.last().ok_or(Errno::NOENT)?;
        let root = match ours(CWD, spool) {
            Err(Errno::NOENT) => {
                for directory in &self.directories {
                    // It is there, or what comes next fails.
                    let _ = rustix::fs::mkdir(directory.as_c_str(), Mode::RWXU);
                }
                ours(CWD, spool)?
            }
            opened => opened?,
        };
        match rustix::fs::mkdirat(&root, self.lost.as_c_str(), Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => ours(root, &self.lost),
            Err(error) => Err(error),
        }
    }
}

/// A directory that belongs to us, and that nobody else can write.
fn ours(folder: impl AsFd, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let opened = rustix::fs::openat(folder, name, DIRECTORY, Mode::empty())?;
    let stat = rustix::fs::fstat(&opened)?;
    let is_ours = stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & 0o022 == 0;
    if is_ours { Ok(opened) } else { Err(Errno::PERM) }
}

fn is_full(folder: &OwnedFd) -> rustix::io::Result<bool> {
    // Small: a thread that never called the SDK is on the standard library's alternate stack.
    let mut room = [MaybeUninit::uninit(); 512];
    let mut entries = RawDir::new(folder, &mut room);
    let mut count = 0;
    while let Some(entry) = entries.next() {
        count += usize::from(!matches!(entry?.file_name().to_bytes(), b"." | b".."));
    }
    Ok(count >= MOST)
}

fn write_all(file: &OwnedFd, words: &[AtomicU64]) -> rustix::io::Result<()> {
    let size = size_of_val(words);
    // Beyond it the kernel would end the process by a signal that is not its own fault's.
    if rustix::process::getrlimit(Resource::Fsize).current.is_some_and(|most| most < size as u64) {
        return Err(Errno::FBIG);
    }
    let mut done = 0;
    while done < size {
        let place = words.as_ptr().cast::<libc::c_void>().wrapping_byte_add(done);
        // SAFETY: write(2) is async-signal-safe; it reads the rest of `words`, which both sides expect to change at any time.
        match unsafe { libc::write(file.as_raw_fd(), place, size - done) } {
            written if written > 0 => done += written as usize,
            0 => return Err(Errno::NOSPC),
            _ => match std::io::Error::last_os_error().raw_os_error() {
                Some(libc::EINTR) => {}
                error => return Err(Errno::from_raw_os_error(error.unwrap_or(libc::EIO))),
            },
        }
    }
    Ok(())
}

/// Leaves what is in the crash slot, by the thread that holds the claim: the handler did not say that it has it. Async-signal-safe.
pub(crate) fn leave() {
    let Some(state) = reporter::active() else { return };
    // SAFETY: getpid(2) is async-signal-safe.
    let pid = unsafe { libc::getpid() } as u32;
    // A process that was cloned past the fork handlers has our memory.
    if pid != state.pid {
        return;
    }
    record::write(&state.shared);
    let words = state.shared.words();
    let word = |at: usize| words[at].load(std::sync::atomic::Ordering::Relaxed);
    let name = Name::of(word(layout::header::STARTED_REALTIME), pid, word(layout::CRASH_AT + layout::crash::NUMBER));
    state.lost.leave(words, &name);
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt, PermissionsExt, symlink},
        path::PathBuf,
    };

    use super::*;

    fn words() -> Vec<AtomicU64> {
        (0..1000).map(AtomicU64::new).collect()
    }

    fn left(spool: &Path) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(spool.join(LOST)) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn the_memory_is_left_whole_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let spool = folder.path().join("vendor/product/reports");
        let place = Place::of(&spool).unwrap();
        place.leave(&words(), &Name::of(1, 2, 3)).unwrap();
        let [file] = &left(&spool)[..] else { panic!("{:?}", left(&spool)) };
        let bytes = fs::read(file).unwrap();
        assert!(bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).eq(0..1000));
        assert_eq!(fs::metadata(file).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(spool.join(LOST)).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn there_is_an_end_to_what_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::of(folder.path()).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        for number in 0..MOST as u64 {
            place.leave(&words(), &Name::of(1, 2, number)).unwrap();
        }
        assert_eq!(place.leave(&words(), &Name::of(1, 2, 99)), Err(Errno::DQUOT));
        assert_eq!(left(folder.path()).len(), MOST);
    }

    #[test]
    fn a_spool_that_is_a_link_or_that_others_can_write_takes_nothing_and_the_second_place_does() {
        let folder = tempfile::tempdir().unwrap();
        let [real, link, second] = ["real", "link", "second"].map(|name| folder.path().join(name));
        fs::create_dir(&real).unwrap();
        symlink(&real, &link).unwrap();
        let places = Places([Place::of(&link), Place::of(&second)]);
        assert!(places.leave(&words(), &Name::of(1, 2, 3)));
        assert_eq!((left(&real).len(), left(&second).len()), (0, 1));
        fs::set_permissions(&real, fs::Permissions::from_mode(0o777)).unwrap();
        let places = Places([Place::of(&real), Place::of(&second)]);
        assert!(places.leave(&words(), &Name::of(1, 2, 4)));
        assert_eq!((left(&real).len(), left(&second).len()), (0, 2));
        // A link where the file would be is not followed, and the file of a crash is written once.
        let name = Name::of(1, 2, 5);
        symlink("/dev/null", second.join(LOST).join(name.temporary().to_str().unwrap())).unwrap();
        assert!(!Places([None, Place::of(&second)]).leave(&words(), &name));
    }
}

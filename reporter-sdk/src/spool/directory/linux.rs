//! Held open by its descriptor, from which all in it is reached.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::{Stat, failed};
use crate::spool::SpoolError;

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const NEW_FILE: OFlags =
    OFlags::RDWR.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const OWNER_ONLY: Mode = Mode::RUSR.union(Mode::WUSR);

/// Device and inode.
pub(super) type Id = (u64, u64);

#[derive(Debug)]
pub(super) struct Folder(OwnedFd);

impl Folder {
    /// Opens `path`, makes it and what is above it where missing, and checks both.
    pub(super) fn create(path: &Path, parent: &Path) -> Result<Folder, SpoolError> {
        let unsafe_place = |why: &str| SpoolError::Unsafe { path: path.into(), why: why.into() };
        // Not a symbolic link, even where one would lead to a directory of ours: `mkdir -p` would follow it silently.
        if path.is_symlink() {
            return Err(unsafe_place("it is a symbolic link"));
        }
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|e| failed("create", path, e))?;
        let above = rustix::fs::stat(parent).map_err(|e| failed("look at", parent, e.into()))?;
        let sticky = above.st_mode & 0o1000 != 0;
        let ours = rustix::process::geteuid().as_raw();
        if above.st_uid != ours && above.st_uid != 0 {
            return Err(unsafe_place(&format!("the directory above it belongs to user {}", above.st_uid)));
        }
        if above.st_mode & 0o022 != 0 && !sticky {
            return Err(unsafe_place("others can write the directory above it (chmod go-w)"));
        }
        let fd = rustix::fs::openat(CWD, path, FOLDER, Mode::empty()).map_err(|e| failed("open", path, e.into()))?;
        Folder(fd).checked(path)
    }

    /// Opens the folder `name` in this one, which is then `path`, makes it where missing, and checks it.
    pub(super) fn below(&self, name: &str, path: &Path) -> Result<Folder, SpoolError> {
        match rustix::fs::mkdirat(&self.0, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(failed("create", path, error.into())),
        }
        match rustix::fs::openat(&self.0, name, FOLDER, Mode::empty()) {
            Ok(fd) => Folder(fd).checked(path),
            Err(Errno::LOOP | Errno::NOTDIR) => {
                Err(SpoolError::Unsafe { path: path.into(), why: "it is not a directory".into() })
            }
            Err(error) => Err(failed("open", path, error.into())),
        }
    }

    /// Ours, and owner-only. One that others can read is closed to them; one that they can write may hold what they put there.
    fn checked(self, path: &Path) -> Result<Folder, SpoolError> {
        let stat = rustix::fs::fstat(&self.0).map_err(|e| failed("look at", path, e.into()))?;
        let ours = rustix::process::geteuid().as_raw();
        let unsafe_place = |why: String| SpoolError::Unsafe { path: path.into(), why };
        if stat.st_uid != ours {
            return Err(unsafe_place(format!("it belongs to user {}, not to user {ours}", stat.st_uid)));
        }
        if stat.st_mode & 0o022 != 0 {
            return Err(unsafe_place("others can write it (chmod 700 after checking what is in it)".into()));
        }
        if stat.st_mode & 0o777 != 0o700 {
            rustix::fs::fchmod(&self.0, Mode::RWXU).map_err(|e| failed("protect", path, e.into()))?;
        }
        Ok(self)
    }

    /// The names of all that is in it.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.0)? {
            if let Ok(name) = entry?.file_name().to_str()
                && name != "."
                && name != ".."
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Opens what is there under this name, whatever it is, but no link.
    pub(super) fn open(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.0, name, flags, Mode::empty())?.into())
    }

    /// A new file, owner-only.
    pub(super) fn create_file(&self, name: &str) -> io::Result<File> {
        Ok(rustix::fs::openat(&self.0, name, NEW_FILE, OWNER_ONLY)?.into())
    }

    /// A new file without a name. Where the file system has none such, one that loses this name at once.
    pub(super) fn create_nameless(&self, name: &str) -> io::Result<File> {
        // EXCL: it never gets one.
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::EXCL | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.0, ".", flags, OWNER_ONLY) {
            Ok(fd) => return Ok(fd.into()),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let file = self.create_file(name)?;
        self.remove(name)?;
        Ok(file)
    }

    pub(super) fn stat(&self, name: &str) -> io::Result<Stat> {
        let stat = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(Stat {
            id: (stat.st_dev, stat.st_ino),
            bytes: u64::try_from(stat.st_size).unwrap_or(0),
            changed: SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(stat.st_mtime).unwrap_or(0)),
        })
    }

    pub(super) fn rename(&self, name: &str, to: &Folder, new_name: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, name, &to.0, new_name)?)
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Removes a folder in it, if that is empty.
    pub(super) fn remove_folder(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::REMOVEDIR)?)
    }

    /// Makes the new name of a file durable.
    pub(super) fn sync_name(&self, _file: &File) -> io::Result<()> {
        self.sync()
    }

    /// Makes names that came and went durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.0)?)
    }
}

pub(super) fn id(file: &File) -> io::Result<Id> {
    let metadata = file.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Whether it is a plain file of this user's.
pub(super) fn is_ours(file: &File) -> io::Result<bool> {
    let metadata = file.metadata()?;
    Ok(metadata.is_file() && metadata.uid() == rustix::process::geteuid().as_raw())
}

/// Takes the file for this process. False where another one has it.
pub(super) fn lock(file: &File) -> io::Result<bool> {
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn unlock(file: &File) {
    let _ = rustix::fs::flock(file, FlockOperation::NonBlockingUnlock);
}

/// Whether it could not be opened since another process has it. Here, opening and having are two things.
pub(super) fn is_busy(_error: &io::Error) -> bool {
    false
}

//! One directory, held open: everything in it is reached from its descriptor, never again by its path, so nobody can swap
//! the directory under us.

use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::ops::{Deref, DerefMut};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::SpoolError;
use crate::fail_points::{Point, Step, reach, reach_file};

/// Ends the names of files that are being written. They begin with a dot.
const TEMPORARY: &str = ".tmp";
const DIRECTORY_FLAGS: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

#[derive(Debug)]
pub(super) struct Directory {
    pub(super) fd: OwnedFd,
    pub(super) path: PathBuf,
}

impl Directory {
    /// Opens `path`, makes it and what is above it where missing, and checks both.
    pub(super) fn create(path: &Path) -> Result<Directory, SpoolError> {
        let unsafe_place = |why: &str| SpoolError::Unsafe { path: path.into(), why: why.into() };
        if !path.is_absolute() {
            return Err(unsafe_place("its path is not absolute"));
        }
        let Some(parent) = path.parent() else { return Err(unsafe_place("it is the root directory")) };
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
        let fd = rustix::fs::openat(CWD, path, DIRECTORY_FLAGS, Mode::empty())
            .map_err(|e| failed("open", path, e.into()))?;
        Directory { fd, path: path.into() }.checked()
    }

    /// Opens the directory `name` in this one, makes it where missing, and checks it.
    pub(super) fn below(&self, name: &str) -> Result<Directory, SpoolError> {
        match rustix::fs::mkdirat(&self.fd, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(self.failed("create", name, error.into())),
        }
        let path = self.path.join(name);
        match rustix::fs::openat(&self.fd, name, DIRECTORY_FLAGS, Mode::empty()) {
            Ok(fd) => Directory { fd, path }.checked(),
            Err(Errno::LOOP | Errno::NOTDIR) => Err(SpoolError::Unsafe { path, why: "it is not a directory".into() }),
            Err(error) => Err(self.failed("open", name, error.into())),
        }
    }

    /// Ours, and owner-only. One that others can read is closed to them; one that they can write may hold what they put there.
    fn checked(self) -> Result<Directory, SpoolError> {
        let stat = rustix::fs::fstat(&self.fd).map_err(|e| failed("look at", &self.path, e.into()))?;
        let ours = rustix::process::geteuid().as_raw();
        if stat.st_uid != ours {
            let why = format!("it belongs to user {}, not to user {ours}", stat.st_uid);
            return Err(SpoolError::Unsafe { path: self.path, why });
        }
        if stat.st_mode & 0o022 != 0 {
            let why = "others can write it (chmod 700 after checking what is in it)".into();
            return Err(SpoolError::Unsafe { path: self.path, why });
        }
        if stat.st_mode & 0o777 != 0o700 {
            rustix::fs::fchmod(&self.fd, Mode::RWXU).map_err(|e| failed("protect", &self.path, e.into()))?;
        }
        Ok(self)
    }

    /// The names in it whose ending is `ending`, without temporary ones, sorted. Report ids sort by time.
    pub(super) fn names(&self, ending: &str) -> Result<Vec<String>, SpoolError> {
        let mut names = self.all_names()?;
        names.retain(|name| name.ends_with(ending) && !name.starts_with('.'));
        names.sort_unstable();
        Ok(names)
    }

    fn all_names(&self) -> Result<Vec<String>, SpoolError> {
        let listing = rustix::fs::Dir::read_from(&self.fd).map_err(|e| failed("list", &self.path, e.into()))?;
        let mut names = Vec::new();
        for entry in listing {
            let entry = entry.map_err(|e| failed("list", &self.path, e.into()))?;
            if let Ok(name) = entry.file_name().to_str()
                && name != "."
                && name != ".."
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Opens a file in it: a plain one, ours, not a link. `None` where there is none.
    pub(super) fn open_file(&self, name: &str) -> Result<Option<File>, SpoolError> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(self.failed("open", name, error.into())),
        };
        let metadata = file.metadata().map_err(|e| self.failed("look at", name, e))?;
        if !metadata.is_file() || metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(SpoolError::Unsafe { path: self.path.join(name), why: "it is not a file of ours".into() });
        }
        Ok(Some(file))
    }

    /// Opens a file and takes it for ourselves. `None` where there is none, or where another process has it: gone or busy.
    pub(super) fn claim(&self, name: &str) -> Result<Claim, SpoolError> {
        let Some(file) = self.open_file(name)? else { return Ok(Claim::Gone) };
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Ok(Claim::Busy),
            Err(error) => return Err(self.failed("lock", name, error.into())),
        }
        // Whoever had it before may have removed or replaced it between our open and our lock: then we hold a ghost.
        let file = Locked(file);
        if self.is_named(&file, name)? { Ok(Claim::Ours(file)) } else { Ok(Claim::Gone) }
    }

    /// Whether the open file is the one of this name, still.
    pub(super) fn is_named(&self, file: &File, name: &str) -> Result<bool, SpoolError> {
        let held = file.metadata().map_err(|e| self.failed("look at", name, e))?;
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(named) => Ok((named.st_dev, named.st_ino) == (held.dev(), held.ino())),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(self.failed("look at", name, error.into())),
        }
    }

    /// True where there is something of this name.
    pub(super) fn has(&self, name: &str) -> Result<bool, SpoolError> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(self.failed("look at", name, error.into())),
        }
    }

    /// Bytes of a file; 0 where there is none.
    pub(super) fn size(&self, name: &str) -> Result<u64, SpoolError> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(u64::try_from(stat.st_size).unwrap_or(0)),
            Err(Errno::NOENT) => Ok(0),
            Err(error) => Err(self.failed("look at", name, error.into())),
        }
    }

    /// A new file that will be `name`, taken for ourselves. `None` where another process is writing it just now.
    pub(super) fn temporary(&self, name: &str) -> Result<Option<Temporary<'_>>, SpoolError> {
        reach_file(Step::Create, name).map_err(|error| self.failed("create", name, error))?;
        let temporary = temporary_name(name);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // Twice: the first try may meet what a crash left, or be swept between creation and lock.
        for _ in 0..3 {
            match rustix::fs::openat(&self.fd, temporary.as_str(), flags, Mode::RUSR | Mode::WUSR) {
                Ok(fd) => {
                    let file = File::from(fd);
                    let locked = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
                    if locked && self.is_named(&file, &temporary)? {
                        return Ok(Some(Temporary {
                            directory: self,
                            file: Some(Locked(file)),
                            temporary,
                            name: name.into(),
                        }));
                    }
                }
                Err(Errno::EXIST) => match self.claim(&temporary)? {
                    Claim::Ours(_leftover) => self.remove(&temporary)?,
                    Claim::Gone => {}
                    Claim::Busy => return Ok(None),
                },
                Err(error) => return Err(self.failed("create", name, error.into())),
            }
        }
        Ok(None)
    }

    /// A new file without a name. Where the file system has none such, one that loses its name at once.
    pub(super) fn nameless(&self) -> Result<File, SpoolError> {
        reach(Point::ImageCreate).map_err(|error| self.failed("create", "a file without a name", error))?;
        let mode = Mode::RUSR | Mode::WUSR;
        // EXCL: it never gets one.
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::EXCL | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.fd, ".", flags, mode) {
            Ok(fd) => return Ok(File::from(fd)),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => {}
            Err(error) => return Err(self.failed("create", "a file without a name", error.into())),
        }
        // Ends as temporaries do: one that a crash leaves between the two calls is swept.
        let name = temporary_name(&format!("{}.memory", uuid::Uuid::now_v7()));
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let created = rustix::fs::openat(&self.fd, name.as_str(), flags, mode);
        let fd = created.map_err(|error| self.failed("create", &name, error.into()))?;
        rustix::fs::unlinkat(&self.fd, name.as_str(), AtFlags::empty())
            .map_err(|error| self.failed("remove", &name, error.into()))?;
        Ok(File::from(fd))
    }

    /// Writes a small file whole, or not at all.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), SpoolError> {
        let Some(temporary) = self.temporary(name)? else {
            return Err(self.failed("write", name, io::Error::from(io::ErrorKind::ResourceBusy)));
        };
        temporary.fill(bytes)?.publish().map(drop)
    }

    /// Removes a file for good. That it is gone already is as good.
    pub(super) fn remove(&self, name: &str) -> Result<(), SpoolError> {
        reach_file(Step::Remove, name).map_err(|error| self.failed("remove", name, error))?;
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) => self.sync(),
            Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(self.failed("remove", name, error.into())),
        }
    }

    pub(super) fn sync(&self) -> Result<(), SpoolError> {
        rustix::fs::fsync(&self.fd).map_err(|e| failed("flush", &self.path, e.into()))
    }

    /// Removes files that were being written when their process ended.
    pub(super) fn sweep_temporaries(&self) -> Result<(), SpoolError> {
        for name in self.all_names()? {
            if name.starts_with('.')
                && name.ends_with(TEMPORARY)
                && let Claim::Ours(_held) = self.claim(&name)?
            {
                self.remove(&name)?;
            }
        }
        Ok(())
    }

    /// True where a process is writing `name`, or was when it ended.
    pub(super) fn is_being_written(&self, name: &str) -> Result<bool, SpoolError> {
        self.has(&temporary_name(name))
    }

    pub(super) fn remove_older_than(&self, age: Duration) -> Result<(), SpoolError> {
        for name in self.names("")? {
            let Ok(stat) = rustix::fs::statat(&self.fd, name.as_str(), AtFlags::SYMLINK_NOFOLLOW) else { continue };
            let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(stat.st_mtime).unwrap_or(0));
            if SystemTime::now().duration_since(changed).is_ok_and(|since| since > age) {
                self.remove(&name)?;
            }
        }
        Ok(())
    }

    pub(super) fn failed(&self, action: &'static str, name: &str, source: io::Error) -> SpoolError {
        failed(action, &self.path.join(name), source)
    }
}

/// A file and the lock on it.
///
/// Situation: another thread starts a program; between its fork and exec the child holds our descriptor too, and with it the
/// lock, which belongs to the open file: closing ours would not let go of it, and who comes next would find the item busy.
/// Handling: let go of the lock by name.
#[derive(Debug)]
pub(super) struct Locked(File);

impl Deref for Locked {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl DerefMut for Locked {
    fn deref_mut(&mut self) -> &mut File {
        &mut self.0
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        let _ = rustix::fs::flock(&self.0, FlockOperation::NonBlockingUnlock);
    }
}

pub(super) enum Claim {
    Ours(Locked),
    Busy,
    Gone,
}

/// A file being written. Dropped before [`publish`](Temporary::publish) it is gone.
#[derive(Debug)]
pub(super) struct Temporary<'a> {
    directory: &'a Directory,
    file: Option<Locked>,
    temporary: String,
    name: String,
}

impl Temporary<'_> {
    fn file(&mut self) -> &mut File {
        self.file.as_mut().expect("taken by publish alone, which consumes self")
    }

    /// Writes all of it.
    pub(super) fn fill(mut self, bytes: &[u8]) -> Result<Self, SpoolError> {
        let written = self.write_all(bytes);
        written.map_err(|e| self.directory.failed("write", &self.name, e))?;
        Ok(self)
    }

    /// Flushes what was written to the disk. Some file systems tell only now that the disk is full.
    pub(super) fn sync(&mut self) -> Result<(), SpoolError> {
        let flushed = reach_file(Step::Flush, &self.name).and_then(|()| self.file().sync_all());
        flushed.map_err(|e| self.directory.failed("write", &self.name, e))
    }

    /// Gives it its name: from now on it is there, whole. The file stays ours until it is dropped.
    pub(super) fn publish(mut self) -> Result<Locked, SpoolError> {
        self.sync()?;
        let directory = self.directory;
        let file = self.publish_unflushed()?;
        directory.sync()?;
        Ok(file)
    }

    /// The same for what the end of a process must not lose, though that of the machine may.
    pub(super) fn publish_unflushed(mut self) -> Result<Locked, SpoolError> {
        let fd = &self.directory.fd;
        let rename = || Ok(rustix::fs::renameat(fd, self.temporary.as_str(), fd, self.name.as_str())?);
        reach_file(Step::Rename, &self.name)
            .and_then(|()| rename())
            .map_err(|e| self.directory.failed("rename", &self.name, e))?;
        Ok(self.file.take().expect("publish consumes self"))
    }
}

impl Write for Temporary<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        reach_file(Step::Write, &self.name)?;
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if self.file.is_some() {
            // What cannot be removed now is swept by the next handler.
            let _ = self.directory.remove(&self.temporary);
        }
    }
}

fn temporary_name(name: &str) -> String {
    format!(".{name}{TEMPORARY}")
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> SpoolError {
    SpoolError::Io { action, path: path.into(), source }
}

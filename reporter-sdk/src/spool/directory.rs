//! One directory, held open, so that nobody can swap it under us.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(any(target_os = "linux", windows)))]
mod unsupported;
#[cfg(windows)]
mod windows;

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

#[cfg(target_os = "linux")]
use linux as sys;
#[cfg(not(any(target_os = "linux", windows)))]
use unsupported as sys;
#[cfg(windows)]
use windows as sys;

use super::SpoolError;
use crate::fail_points::{Point, Step, reach, reach_file};

/// Ends the names of files that are being written. They begin with a dot.
const TEMPORARY: &str = ".tmp";

#[derive(Debug)]
pub(super) struct Directory {
    folder: sys::Folder,
    pub(super) path: PathBuf,
}

/// What a name stands for.
struct Stat {
    id: sys::Id,
    bytes: u64,
    changed: SystemTime,
}

impl Directory {
    /// Opens `path`, makes it and what is above it where missing, and checks both.
    pub(super) fn create(path: &Path) -> Result<Directory, SpoolError> {
        let unsafe_place = |why: &str| SpoolError::Unsafe { path: path.into(), why: why.into() };
        if !path.is_absolute() {
            return Err(unsafe_place("its path is not absolute"));
        }
        let Some(parent) = path.parent() else { return Err(unsafe_place("it is the root directory")) };
        Ok(Directory { folder: sys::Folder::create(path, parent)?, path: path.into() })
    }

    /// Opens the directory `name` in this one, makes it where missing, and checks it.
    pub(super) fn below(&self, name: &str) -> Result<Directory, SpoolError> {
        let path = self.path.join(name);
        Ok(Directory { folder: self.folder.below(name, &path)?, path })
    }

    /// The names in it whose ending is `ending`, without temporary ones, sorted. Report ids sort by time.
    pub(super) fn names(&self, ending: &str) -> Result<Vec<String>, SpoolError> {
        let mut names = self.all_names()?;
        names.retain(|name| name.ends_with(ending) && !name.starts_with('.'));
        names.sort_unstable();
        Ok(names)
    }

    fn all_names(&self) -> Result<Vec<String>, SpoolError> {
        self.folder.names().map_err(|e| failed("list", &self.path, e))
    }

    /// Opens a file in it: a plain one, ours, not a link. `None` where there is none.
    pub(super) fn open_file(&self, name: &str) -> Result<Option<File>, SpoolError> {
        let file = match self.folder.open(name) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed("open", name, error)),
        };
        if !sys::is_ours(&file).map_err(|e| self.failed("look at", name, e))? {
            return Err(SpoolError::Unsafe { path: self.path.join(name), why: "it is not a file of ours".into() });
        }
        Ok(Some(file))
    }

    /// Opens a file and takes it for ourselves.
    pub(super) fn claim(&self, name: &str) -> Result<Claim, SpoolError> {
        let file = match self.open_file(name) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(Claim::Gone),
            Err(SpoolError::Io { source, .. }) if sys::is_busy(&source) => return Ok(Claim::Busy),
            Err(error) => return Err(error),
        };
        if !sys::lock(&file).map_err(|e| self.failed("lock", name, e))? {
            return Ok(Claim::Busy);
        }
        // Whoever had it before may have removed or replaced it between our open and our lock: then we hold a ghost.
        let file = Locked(file);
        if self.is_named(&file, name)? { Ok(Claim::Ours(file)) } else { Ok(Claim::Gone) }
    }

    /// Whether the open file is the one of this name, still.
    pub(super) fn is_named(&self, file: &File, name: &str) -> Result<bool, SpoolError> {
        let held = sys::id(file).map_err(|e| self.failed("look at", name, e))?;
        Ok(self.stat(name)?.is_some_and(|named| named.id == held))
    }

    /// True where there is something of this name.
    pub(super) fn has(&self, name: &str) -> Result<bool, SpoolError> {
        Ok(self.stat(name)?.is_some())
    }

    /// Bytes of a file; 0 where there is none.
    pub(super) fn size(&self, name: &str) -> Result<u64, SpoolError> {
        Ok(self.stat(name)?.map_or(0, |stat| stat.bytes))
    }

    fn stat(&self, name: &str) -> Result<Option<Stat>, SpoolError> {
        match self.folder.stat(name) {
            Ok(stat) => Ok(Some(stat)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("look at", name, error)),
        }
    }

    /// A new file that will be `name`, taken for ourselves. `None` where another process is writing it just now.
    pub(super) fn temporary(&self, name: &str) -> Result<Option<Temporary<'_>>, SpoolError> {
        reach_file(Step::Create, name).map_err(|error| self.failed("create", name, error))?;
        let temporary = temporary_name(name);
        // Thrice: a try may meet what a crash left, or be swept between creation and lock.
        for _ in 0..3 {
            match self.folder.create_file(&temporary) {
                Ok(file) => {
                    let locked = sys::lock(&file).is_ok_and(|locked| locked);
                    if locked && self.is_named(&file, &temporary)? {
                        return Ok(Some(Temporary {
                            directory: self,
                            file: Some(Locked(file)),
                            temporary,
                            name: name.into(),
                        }));
                    }
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => match self.claim(&temporary)? {
                    Claim::Ours(_leftover) => self.remove(&temporary)?,
                    Claim::Gone => {}
                    Claim::Busy => return Ok(None),
                },
                Err(error) => return Err(self.failed("create", name, error)),
            }
        }
        Ok(None)
    }

    /// A new file that no other process can open, and that is gone with whoever has it open.
    pub(super) fn nameless(&self) -> Result<File, SpoolError> {
        // Ends as temporaries do: one that is left after all is swept.
        let name = temporary_name(&format!("{}.memory", uuid::Uuid::now_v7()));
        reach(Point::ImageCreate)
            .and_then(|()| self.folder.create_nameless(&name))
            .map_err(|error| self.failed("create", "a file without a name", error))
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
        match self.folder.remove(name) {
            Ok(()) => self.sync(),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.failed("remove", name, error)),
        }
    }

    /// Moves a file to another directory. That it is gone is as good.
    pub(super) fn move_to(&self, other: &Directory, name: &str) -> Result<(), SpoolError> {
        match self.folder.rename(name, &other.folder, name) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(self.failed("move aside", name, error)),
            _ => self.sync(),
        }
    }

    /// Removes a directory in it, if that is empty.
    pub(super) fn remove_if_empty(&self, name: &str) {
        let _ = self.folder.remove_folder(name);
    }

    fn sync(&self) -> Result<(), SpoolError> {
        self.folder.sync().map_err(|e| failed("flush", &self.path, e))
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
            let Ok(stat) = self.folder.stat(&name) else { continue };
            if SystemTime::now().duration_since(stat.changed).is_ok_and(|since| since > age) {
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
        sys::unlock(&self.0);
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
        directory.folder.sync_name(&file).map_err(|e| failed("flush", &directory.path, e))?;
        Ok(file)
    }

    /// The same for what the end of a process must not lose, though that of the machine may.
    pub(super) fn publish_unflushed(mut self) -> Result<Locked, SpoolError> {
        let folder = &self.directory.folder;
        reach_file(Step::Rename, &self.name)
            .and_then(|()| folder.rename(&self.temporary, folder, &self.name))
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

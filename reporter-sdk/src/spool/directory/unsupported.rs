//! No folder can be shown to be ours alone: none is opened.

use std::fs::File;
use std::io;
use std::path::Path;

use super::Stat;
use crate::spool::SpoolError;
use crate::unsupported::Never;

pub(super) type Id = Never;

#[derive(Debug)]
pub(super) struct Folder(Never);

impl Folder {
    pub(super) fn create(path: &Path, _parent: &Path) -> Result<Folder, SpoolError> {
        Err(super::failed("open", path, io::ErrorKind::Unsupported.into()))
    }

    pub(super) fn below(&self, _name: &str, _path: &Path) -> Result<Folder, SpoolError> {
        match self.0 {}
    }

    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        match self.0 {}
    }

    pub(super) fn open(&self, _name: &str) -> io::Result<File> {
        match self.0 {}
    }

    pub(super) fn create_file(&self, _name: &str) -> io::Result<File> {
        match self.0 {}
    }

    pub(super) fn create_nameless(&self, _name: &str) -> io::Result<File> {
        match self.0 {}
    }

    pub(super) fn stat(&self, _name: &str) -> io::Result<Stat> {
        match self.0 {}
    }

    pub(super) fn rename(&self, _name: &str, _to: &Folder, _new_name: &str) -> io::Result<()> {
        match self.0 {}
    }

    pub(super) fn remove(&self, _name: &str) -> io::Result<()> {
        match self.0 {}
    }

    pub(super) fn remove_folder(&self, _name: &str) -> io::Result<()> {
        match self.0 {}
    }

    pub(super) fn sync_name(&self, _file: &File) -> io::Result<()> {
        match self.0 {}
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        match self.0 {}
    }
}

// Files come from a folder, of which there is none.

pub(super) fn id(_file: &File) -> io::Result<Id> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn is_ours(_file: &File) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn lock(_file: &File) -> io::Result<bool> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(super) fn unlock(_file: &File) {}

pub(super) fn is_busy(_error: &io::Error) -> bool {
    false
}

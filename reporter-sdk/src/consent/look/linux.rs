//! Owner-only by their mode.

use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The person's own folder, which is in memory and gone when they log out; else that for temporary files.
pub(super) fn place() -> PathBuf {
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let is_ours = |path: &PathBuf| {
        let ours = rustix::process::geteuid().as_raw();
        fs::symlink_metadata(path).is_ok_and(|stat| stat.is_dir() && stat.uid() == ours && stat.mode() & 0o077 == 0)
    };
    runtime.filter(is_ours).unwrap_or_else(env::temp_dir)
}

pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

pub(super) fn create_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(test)]
pub(super) fn is_owner_only(path: &Path) -> bool {
    fs::metadata(path).unwrap().mode() & 0o077 == 0
}

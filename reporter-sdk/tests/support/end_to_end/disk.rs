//! A small disk of its own, in memory, that can be as full as a test needs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Mounted at a folder until it is dropped, which must be before the folder is removed.
pub(crate) struct Disk(pub(crate) PathBuf);

impl Disk {
    /// Room for everything, as long as nobody says otherwise. Takes memory for what lies on it alone.
    const ROOMY: u64 = 256 << 20;

    /// Mounts one at a folder, which is made where it is missing. `None`, loudly, where this user, who is not root, cannot mount one.
    pub(crate) fn mount(path: &Path) -> Option<Disk> {
        fs::create_dir_all(path).unwrap();
        let options = format!("size={},mode=700", Self::ROOMY);
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(path).output().unwrap();
        if !mount.status.success() {
            let why = String::from_utf8_lossy(&mount.stderr);
            assert!(!rustix::process::geteuid().is_root(), "root cannot mount a small disk: {why}");
            eprintln!("SKIPPED: cannot mount a small disk: {why}");
            return None;
        }
        Some(Disk(path.into()))
    }

    pub(crate) fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }

    /// Bytes that are taken, in whole pages; those of files that have lost their name, too, as long as somebody has them open.
    pub(crate) fn used(&self) -> u64 {
        let disk = rustix::fs::statvfs(&self.0).unwrap();
        (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    }

    /// Leaves so many bytes free, in whole pages.
    pub(crate) fn leave(&self, bytes: u64) {
        // No size at all would be no limit.
        self.remount(&format!("size={}", (self.used() + bytes).max(1)));
    }

    pub(crate) fn make_room(&self) {
        self.remount(&format!("size={}", Self::ROOMY));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

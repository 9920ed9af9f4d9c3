//! By the XDG base directories, and for root by the Filesystem Hierarchy Standard.

use std::env;
use std::path::{Path, PathBuf};

use rustix::process::{geteuid, getuid};
use sha2::{Digest, Sha256};

/// The last folder of a spool.
pub(super) const REPORTS: &str = "reports";

/// Where programs keep what outlives them.
pub(super) fn state() -> Option<PathBuf> {
    let state = if geteuid().is_root() {
        PathBuf::from("/var/lib/error-reporting")
    } else if geteuid() == getuid() && !elevated() {
        let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?
    } else {
        return None;
    };
    Some(state)
}

/// The place for the reports of the spool at `path` while that cannot take them. See `Spool::fallback_directory`.
pub(crate) fn fallback(path: &Path) -> Option<PathBuf> {
    let runtime = if geteuid().is_root() {
        PathBuf::from("/run")
    } else if geteuid() == getuid() && !elevated() {
        env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute())?
    } else {
        return None;
    };
    // One for each spool, by a name that nobody has to escape.
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    let name: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    Some(runtime.join("error-reporting").join(name))
}

/// Whether this process has rights that its caller has not.
pub(crate) fn elevated() -> bool {
    // SAFETY: reads a value that the kernel gave at start.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

//! Where a product's reports lie on this machine. Known to the handler, and to a product that has lost it.

use std::env;
use std::path::{Path, PathBuf};

use rustix::process::{geteuid, getuid};
use sha2::{Digest, Sha256};

use crate::text::path_component;

/// The folder in a spool for what products have left themselves, having lost their handler.
pub(crate) const LOST: &str = "lost";

/// The spool of a product that names none. See `Spool::default_directory`.
pub(crate) fn spool(vendor: &str, product: &str) -> Option<PathBuf> {
    let state = if geteuid().is_root() {
        PathBuf::from("/var/lib/error-reporting")
    } else if geteuid() == getuid() && !elevated() {
        let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?
    } else {
        return None;
    };
    Some(state.join(path_component(vendor)).join(path_component(product)).join("reports"))
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

//! Whose `/proc` it is.
//!
//! Situation: a PID namespace without a `/proc` of its own. Example: `unshare --pid --fork` without `--mount-proc`. There `/proc/4711` is another process than
//! the one that the kernel calls 4711 to us: its memory map and its arguments would get into the report. Handling: where `/proc/self` is not who we are, nothing
//! is read by a number. What a product has of itself in `/proc/self` is right even there.

use std::io;
use std::sync::LazyLock;

static OURS: LazyLock<Result<(), String>> = LazyLock::new(|| {
    let shown = std::fs::read_link("/proc/self").map_err(|error| format!("/proc/self: {error}"))?;
    judge(shown.to_str(), std::process::id())
});

fn judge(shown: Option<&str>, pid: u32) -> Result<(), String> {
    let shown = shown.unwrap_or_default();
    if shown.parse() == Ok(pid) {
        Ok(())
    } else {
        Err(format!(
            "/proc is of another PID namespace: process {pid} is {shown} there (mount one: unshare --mount-proc)"
        ))
    }
}

/// Whether `/proc` numbers processes as the kernel does to us.
///
/// # Errors
/// It does not, or is not there. Of kind `PermissionDenied`: there is nothing that we may look at.
pub(in crate::handler) fn check() -> io::Result<()> {
    OURS.as_ref().copied().map_err(|why| io::Error::new(io::ErrorKind::PermissionDenied, why.clone()))
}

/// A file of a process: `/proc/PID/FILE`.
///
/// # Errors
/// As [`check`].
pub(in crate::handler) fn path(pid: u32, file: &str) -> io::Result<String> {
    check().map(|()| format!("/proc/{pid}/{file}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proc_that_numbers_us_otherwise_is_not_read() {
        judge(Some("77"), 77).unwrap();
        assert!(judge(Some("4711"), 1).unwrap_err().contains("process 1 is 4711 there"));
        assert!(judge(None, 1).is_err() && judge(Some(""), 1).is_err());
        assert_eq!(path(5, "maps").unwrap(), "/proc/5/maps", "that of the tests is right");
    }
}

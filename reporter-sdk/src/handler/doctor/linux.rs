//! Linux's part: Yama, sandboxes, libraries, core dumps.

use std::ffi::{CStr, CString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, getpid, setsid};

pub(super) const LIBRARY: &str = "libreporter.so";
pub(super) const POLICY_PLACE: &str = "/etc/error-reporting";

const PTRACE_SCOPE: &str = "/proc/sys/kernel/yama/ptrace_scope";

pub(super) fn own_id() -> Pid {
    getpid()
}

/// A session of its own has none. It is no group's first process, so this cannot fail but where it has been done.
pub(super) fn leave_terminal() {
    let _ = setsid();
}

pub(super) fn without_console(_: &mut Command) {}

/// `None` where the file system does not tell.
pub(super) fn free_bytes(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(path).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// What the C library of this path says of itself.
pub(super) fn release_of(library: &Path) -> Result<String, String> {
    let path = CString::new(library.as_os_str().as_bytes()).map_err(|error| error.to_string())?;
    // SAFETY: a path that ends in a zero. What the library does as it is loaded it does in every product, and others cannot have put it there: the caller
    // has looked.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
    if handle.is_null() {
        // SAFETY: takes nothing.
        let why = unsafe { libc::dlerror() };
        // SAFETY: null or a text of the loader's, which lives until the next call of it in this thread.
        let why = (!why.is_null()).then(|| unsafe { CStr::from_ptr(why) }.to_string_lossy().into_owned());
        return Err(why.unwrap_or_else(|| "the loader does not say why".into()));
    }
    // SAFETY: a handle of the loader's, and a name that ends in a zero.
    let symbol = unsafe { libc::dlsym(handle, c"reporter_version_text".as_ptr()) };
    if symbol.is_null() {
        return Err("it is not this library: it has no reporter_version_text".into());
    }
    // SAFETY: the function of this name has this type in every release: reporter.h. The library is not unloaded, since what it began might go on.
    let text = unsafe { std::mem::transmute::<*mut libc::c_void, extern "C" fn() -> *const libc::c_char>(symbol) }();
    if text.is_null() {
        return Err("it does not tell its release".into());
    }
    // SAFETY: a constant of the library's, with a zero at its end.
    Ok(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// What decides on who may read whose memory.
pub(super) fn capture_surroundings() -> String {
    let scope = ptrace_scope().map_or("no Yama".to_owned(), |scope| format!("Yama's ptrace_scope {scope}"));
    let sandbox = sandbox().map_or(String::new(), |sandbox| format!(", in {sandbox}"));
    let filter = if is_filtered() { ", with a seccomp filter" } else { "" };
    format!("{scope}{sandbox}{filter}")
}

/// What to do where the memory cannot be read. `None` where nothing here speaks against it.
pub(super) fn capture_advice() -> Option<&'static str> {
    if sandbox() == Some("Flatpak") {
        return Some("give the application --allow=devel, or live with reports that have one stack and no dump");
    }
    match ptrace_scope() {
        Some(2 | 3) => Some(
            "have the administrator set kernel.yama.ptrace_scope to 1 (0 and 1 will do), or live with reports that have one stack and no dump",
        ),
        _ if is_filtered() => {
            Some("allow ptrace and process_vm_readv in the sandbox's filter, as Docker's own does since Linux 4.8")
        }
        _ => None,
    }
}

fn ptrace_scope() -> Option<u32> {
    fs::read_to_string(PTRACE_SCOPE).ok()?.trim().parse().ok()
}

fn sandbox() -> Option<&'static str> {
    let known = [("/.flatpak-info", "Flatpak"), ("/run/.containerenv", "Podman"), ("/.dockerenv", "Docker")];
    let found = known.into_iter().find(|(file, _)| Path::new(file).exists()).map(|(_, name)| name);
    found.or_else(|| std::env::var_os("SNAP").map(|_| "Snap"))
}

/// Mode 2 of seccomp.
fn is_filtered() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.strip_prefix("Seccomp:").is_some_and(|mode| mode.trim() == "2"))
}

/// Of the desktop, and how the person sits at it.
pub(super) fn session() -> String {
    let has = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let display = match (has("WAYLAND_DISPLAY"), has("DISPLAY")) {
        (true, _) => "Wayland",
        (false, true) => "X11",
        (false, false) => "no display",
    };
    let remote = if has("SSH_CONNECTION") || has("XRDP_SESSION") { ", remote" } else { "" };
    format!("{display}{remote}")
}

/// Of the system.
pub(super) fn other_handlers() -> Vec<String> {
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    let Some(program) = pattern.trim().strip_prefix('|') else { return Vec::new() };
    let name = program.split_whitespace().next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
    vec![format!("{name} is given what crashes, after this handler")]
}

//! Operating system, C library, desktop, time since it started.

use report_format::schema::v1::OperatingSystem;
use rustix::time::{ClockId, clock_gettime};

use super::machine::{Machine, Notes, setting, text, word};

pub(super) fn collect(machine: &Machine, notes: &mut Notes) -> OperatingSystem {
    let places = ["/etc/os-release", "/usr/lib/os-release"];
    let found = places.iter().find_map(|place| Some((*place, machine.read_if_there(place, notes)?)));
    if found.is_none() {
        notes.trouble(places[0], &"no such file");
    }
    let release = found.as_ref().map_or("", |(_, release)| release);
    let of = |key| setting(release, key).map(text).unwrap_or_default();
    let system = rustix::system::uname();
    notes.source("uname");
    OperatingSystem {
        family: std::env::consts::OS.into(),
        name: of("NAME"),
        edition: of("VARIANT"),
        version: of("VERSION_ID"),
        build: of("BUILD_ID"),
        kernel: text(&system.release().to_string_lossy()),
        architecture: text(&system.machine().to_string_lossy()),
        libc: libc_version(),
        desktop_session: desktop(machine),
        uptime_nanos: uptime_nanos(),
        ..OperatingSystem::default()
    }
}

/// Of this program, which is the product's too: both link the system's.
#[cfg(target_env = "gnu")]
fn libc_version() -> String {
    // SAFETY: it takes nothing and has no state.
    let version = unsafe { libc::gnu_get_libc_version() };
    // SAFETY: what it returned is a NUL-terminated constant inside the C library, which stays loaded as long as this program runs.
    let version = unsafe { std::ffi::CStr::from_ptr(version) };
    format!("glibc {}", version.to_string_lossy())
}

#[cfg(not(target_env = "gnu"))]
fn libc_version() -> String {
    if cfg!(target_env = "musl") { "musl".into() } else { String::new() }
}

/// `GNOME (Wayland)`; empty where nobody is logged in at a desktop.
fn desktop(machine: &Machine) -> String {
    let of = |name| machine.variable(name).map(|value| word(&value)).unwrap_or_default();
    let protocol = match of("XDG_SESSION_TYPE").as_str() {
        "wayland" => "Wayland",
        "x11" => "X11",
        "tty" => "terminal",
        _ => "",
    };
    match (of("XDG_CURRENT_DESKTOP"), protocol) {
        (desktop, "") => desktop,
        (desktop, protocol) if desktop.is_empty() => protocol.into(),
        (desktop, protocol) => format!("{desktop} ({protocol})"),
    }
}

/// Sleep included, as people count it.
fn uptime_nanos() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

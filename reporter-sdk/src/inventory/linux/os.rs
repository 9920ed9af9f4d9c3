//! Operating system, C library, desktop, time since it started.

use report_format::schema::v1::OperatingSystem;
use rustix::time::{ClockId, clock_gettime};

use super::machine::{Machine, Notes, setting, text, word};

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> OperatingSystem {
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
        service_pack: update_level(machine, notes, release),
        kernel: text(&system.release().to_string_lossy()),
        architecture: text(&system.machine().to_string_lossy()),
        libc: libc_version(),
        desktop_session: desktop(machine),
        uptime_nanos: uptime_nanos(),
        sources: Vec::new(),
    }
}

/// Which set of updates a version is at, where that is more than the version says: `12.11` of Debian 12, `22.04.4` of Ubuntu 22.04, `SP5` of SUSE 15.5.
/// Red Hat and its descendants have it in the version.
fn update_level(machine: &Machine, notes: &mut Notes, release: &str) -> String {
    let of = |key| setting(release, key).unwrap_or_default();
    // "22.04.4 LTS (Jammy Jellyfish)", "15-SP5", "12 (bookworm)"
    let version = of("VERSION").split(' ').next().unwrap_or_default();
    let level = match (of("ID"), version.split_once("-SP")) {
        // Not of its descendants, where the file says which Debian they were made of.
        ("debian" | "raspbian", _) => {
            let level = machine.read_if_there("/etc/debian_version", notes).unwrap_or_default();
            // "trixie/sid" before the release.
            if level.starts_with(|c: char| c.is_ascii_digit()) { level } else { String::new() }
        }
        (_, Some((_, pack))) => format!("SP{pack}"),
        _ if version.strip_prefix(of("VERSION_ID")).is_some_and(|rest| rest.starts_with('.')) => version.to_owned(),
        _ => String::new(),
    };
    word(&level)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_update_level_is_found_where_each_distribution_has_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("etc")).unwrap();
        let of = |release: &str, debian: &str| {
            std::fs::write(dir.path().join("etc/debian_version"), debian).unwrap();
            update_level(&Machine::prepared(dir.path(), &[], || None), &mut Notes::default(), release)
        };
        assert_eq!(of("ID=debian\nVERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\n", "12.8\n"), "12.8");
        assert_eq!(of("ID=debian\n", "trixie/sid\n"), "");
        let ubuntu = "ID=ubuntu\nVERSION_ID=\"22.04\"\nVERSION=\"22.04.4 LTS (Jammy Jellyfish)\"\n";
        assert_eq!(of(ubuntu, "bookworm/sid\n"), "22.04.4");
        assert_eq!(of("ID=ubuntu\nVERSION_ID=\"24.10\"\nVERSION=\"24.10 (Oracular Oriole)\"\n", ""), "");
        assert_eq!(of("ID=\"sles\"\nVERSION_ID=\"15.5\"\nVERSION=\"15-SP5\"\n", ""), "SP5");
        assert_eq!(of("ID=\"rhel\"\nVERSION_ID=\"9.4\"\nVERSION=\"9.4 (Plow)\"\n", ""), "");
        assert_eq!(of("ID=debian\n", "12.8 /home/anna"), "");
        assert_eq!(of("", ""), "");
    }
}

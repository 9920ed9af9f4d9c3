//! Drivers that are loaded, of devices and of file systems.
//!
//! By the service manager: `EnumDeviceDrivers` names by their addresses in the kernel, which it tells to administrators alone since Windows 11 24H2.

use std::time::{Duration, Instant};

use report_format::schema::v1::KernelModule;
use windows_sys::Win32::System::Services::SERVICE_DRIVER;

use super::file_version;
use super::machine::Machine;
use super::registry::View;
use super::service_manager::Manager;
use super::services::PLACE;
use crate::inventory::notes::{Notes, name, text};

const SYSTEM_ROOT: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion";

/// For looking into the files. The list is worth more than their versions.
const VERSIONS_TIME: Duration = Duration::from_millis(500);

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Vec<KernelModule> {
    let Some(manager) = notes.of(PLACE, Manager::open()) else { return Vec::new() };
    let drivers = notes.of(PLACE, manager.services(SERVICE_DRIVER)).unwrap_or_default();
    let system_root = machine.key(SYSTEM_ROOT, View::Bits64, notes).and_then(|key| key.text("SystemRoot"));
    let system_root = system_root.unwrap_or_default();
    let deadline = machine.deadline(VERSIONS_TIME);
    let mut late = false;
    let loaded = drivers.iter().filter(|driver| driver.is_active());
    let told = loaded
        .map(|driver| {
            let file = manager.configuration(driver).program;
            late |= Instant::now() > deadline;
            let path = absolute(&file, driver.name(), &system_root);
            let version = if late { String::new() } else { file_version::of(&path) };
            KernelModule { name: name(driver.name()), version, path: text(&path), size: 0 }
        })
        .collect();
    if late {
        notes.trouble("versions of drivers", &"no time to look into all files");
    }
    told
}

/// As the kernel understands it: `\SystemRoot\…`, `\??\C:\…`, below the folder of Windows, or nothing for `System32\drivers\NAME.sys`.
fn absolute(file: &str, name: &str, system_root: &str) -> String {
    let below = |path: &str| format!(r"{system_root}\{path}");
    let lower = file.to_ascii_lowercase();
    if let Some(path) = file.strip_prefix(r"\??\") {
        path.to_owned()
    } else if lower.starts_with(r"\systemroot\") {
        below(&file[r"\systemroot\".len()..])
    } else if file.is_empty() {
        below(&format!(r"System32\drivers\{name}.sys"))
    } else if file.starts_with('\\') || file.as_bytes().get(1) == Some(&b':') {
        file.to_owned()
    } else {
        below(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_driver_is_found_as_the_kernel_finds_it() {
        for (file, path) in [
            (r"\SystemRoot\System32\drivers\a.sys", r"C:\Windows\System32\drivers\a.sys"),
            (r"\systemroot\a.sys", r"C:\Windows\a.sys"),
            (r"system32\drivers\a.sys", r"C:\Windows\system32\drivers\a.sys"),
            (r"\??\D:\a.sys", r"D:\a.sys"),
            (r"D:\a.sys", r"D:\a.sys"),
            ("", r"C:\Windows\System32\drivers\ndis.sys"),
        ] {
            assert_eq!(absolute(file, "ndis", r"C:\Windows"), path, "{file}");
        }
    }
}

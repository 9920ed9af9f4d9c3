//! Operating system, C library, shell, time since it started.

use report_format::schema::v1::OperatingSystem;
use windows_sys::Wdk::System::SystemServices::RtlGetVersion;
use windows_sys::Win32::System::SystemInformation::{
    GetTickCount64, IMAGE_FILE_MACHINE, IMAGE_FILE_MACHINE_AMD64, IMAGE_FILE_MACHINE_ARM64, IMAGE_FILE_MACHINE_ARMNT,
    IMAGE_FILE_MACHINE_I386, OSVERSIONINFOW,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, IsWow64Process2};

use super::file_version;
use super::machine::Machine;
use super::registry::{Key, View};
use crate::inventory::notes::{Notes, text, word};
use crate::wine::is_wine;

const VERSION: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion";
const LOGON: &str = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon";

/// The first of Windows 11, which calls itself 10 in its registry.
const FIRST_BUILD_OF_11: u32 = 22_000;

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> OperatingSystem {
    let kernel = kernel_version();
    notes.source("RtlGetVersion");
    let key = machine.key(VERSION, View::Bits64, notes);
    let of = |name| key.as_ref().and_then(|key| key.text(name)).map(|value| text(&value)).unwrap_or_default();
    let (build, client) = (kernel[2], of("InstallationType") != "Server" && of("InstallationType") != "Server Core");
    OperatingSystem {
        family: std::env::consts::OS.into(),
        name: product_name(&of("ProductName"), build, client),
        edition: edition(&of("EditionID"), &of("InstallationType")),
        // 24H2; before there were such names: 2004; before these: 6.1.
        version: [of("DisplayVersion"), of("ReleaseId")]
            .into_iter()
            .find(|version| !version.is_empty())
            .unwrap_or_else(|| format!("{}.{}", kernel[0], kernel[1])),
        build: match key.as_ref().and_then(|key| key.number("UBR")) {
            Some(revision) => format!("{build}.{revision}"),
            None => build.to_string(),
        },
        service_pack: of("CSDVersion"),
        // Wine tells the version of a Windows; faults of its own are looked for elsewhere.
        kernel: format!("{}.{}.{build}{}", kernel[0], kernel[1], if is_wine() { " (Wine)" } else { "" }),
        architecture: architecture(),
        libc: libc_version(key.as_ref()),
        desktop_session: shell(machine, notes),
        // SAFETY: has no parameters.
        uptime_nanos: unsafe { GetTickCount64() }.saturating_mul(1_000_000),
        sources: Vec::new(),
    }
}

/// Major, minor, build. `GetVersionEx` tells a program what its manifest says that it knows.
fn kernel_version() -> [u32; 3] {
    let mut version =
        OSVERSIONINFOW { dwOSVersionInfoSize: size_of::<OSVERSIONINFOW>() as u32, ..OSVERSIONINFOW::default() };
    // SAFETY: a structure that says its own size.
    unsafe { RtlGetVersion(&raw mut version) };
    [version.dwMajorVersion, version.dwMinorVersion, version.dwBuildNumber]
}

/// The registry of Windows 11 says `Windows 10 Pro`.
fn product_name(name: &str, build: u32, client: bool) -> String {
    match name.strip_prefix("Windows 10") {
        Some(rest) if client && build >= FIRST_BUILD_OF_11 => format!("Windows 11{rest}"),
        _ => name.to_owned(),
    }
}

/// `Professional`, `ServerStandard (Server Core)`.
fn edition(id: &str, installation: &str) -> String {
    match installation {
        "" | "Client" | "Server" => id.to_owned(),
        installation => format!("{id} ({installation})").trim_start().to_owned(),
    }
}

/// The machine's, and in brackets that of this program where the machine only imitates it.
fn architecture() -> String {
    let (mut process, mut native): (IMAGE_FILE_MACHINE, IMAGE_FILE_MACHINE) = (0, 0);
    // SAFETY: has no parameters.
    let this = unsafe { GetCurrentProcess() };
    // SAFETY: this process, and two places.
    let told = unsafe { IsWow64Process2(this, &raw mut process, &raw mut native) } != 0;
    let native = match native {
        IMAGE_FILE_MACHINE_AMD64 => "x86_64",
        IMAGE_FILE_MACHINE_ARM64 => "aarch64",
        IMAGE_FILE_MACHINE_ARMNT => "arm",
        IMAGE_FILE_MACHINE_I386 => "x86",
        _ => "",
    };
    let own = std::env::consts::ARCH;
    if !told || native.is_empty() || native == own { own.to_owned() } else { format!("{native} (runs {own})") }
}

fn libc_version(key: Option<&Key>) -> String {
    let Some(system) = key.and_then(|key| key.text("SystemRoot")) else { return String::new() };
    let version = file_version::of(&format!(r"{system}\System32\ucrtbase.dll"));
    if version.is_empty() { version } else { format!("ucrt {version}") }
}

/// What is run at log-on in place of, or as, the desktop: `explorer.exe`. A kiosk has another.
fn shell(machine: &Machine, notes: &mut Notes) -> String {
    let shell = machine.key(LOGON, View::Bits64, notes).and_then(|key| key.text("Shell")).unwrap_or_default();
    // It can be a command with arguments.
    let program = shell.rsplit(['\\', '/']).next().unwrap_or_default();
    word(program.split([' ', '"', ',']).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_11_is_told_from_10_by_its_build() {
        assert_eq!(product_name("Windows 10 Pro", 22_631, true), "Windows 11 Pro");
        assert_eq!(product_name("Windows 10 Pro", 19_045, true), "Windows 10 Pro");
        assert_eq!(product_name("Windows Server 2022 Standard", 26_100, false), "Windows Server 2022 Standard");
        assert_eq!(product_name("", 26_100, true), "");
        assert_eq!(edition("Professional", "Client"), "Professional");
        assert_eq!(edition("ServerStandard", "Server Core"), "ServerStandard (Server Core)");
        assert_eq!(edition("", "Nano Server"), "(Nano Server)");
    }

    #[test]
    fn the_kernel_and_the_architecture_are_told() {
        assert!(kernel_version()[0] >= 6, "{:?}", kernel_version());
        assert!(architecture().starts_with("x86_64") || architecture().contains("(runs "), "{}", architecture());
    }
}

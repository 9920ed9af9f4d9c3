//! The inventory of this Windows: exactly what a known registry says, in its time, and nothing of what must not leave the machine.
#![cfg(windows)]

use std::ffi::OsStr;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

use prost::Message;
use report_format::schema::v1::{self, Category, SectionKind};
use reporter_sdk::inventory::{Collected, collect};

/// A machine that is busy with other tests can leave a subject without an answer in its time. Then once more.
fn collected(wants: impl Fn(Category) -> bool) -> Collected {
    let all = || {
        let begun = Instant::now();
        let found = collect(&wants);
        println!("collected in {:?}; soft errors: {:?}", begun.elapsed(), found.soft_errors);
        found
    };
    let in_time = |found: &Collected| found.times.iter().all(|time| time.took_nanos < time.limit_nanos);
    (0..3).map(|_| all()).find(in_time).expect("three times a subject gave no answer in its time")
}

fn section<M: Message + Default>(found: &Collected, kind: SectionKind) -> M {
    let (_, _, bytes) = found.sections.iter().find(|(k, _, _)| *k == kind).unwrap();
    M::decode(bytes.as_slice()).unwrap()
}

/// Imports a file of registry keys, as an installer would.
fn import(keys: &str) {
    let file = tempfile::Builder::new().suffix(".reg").tempfile().unwrap();
    // In UTF-16, as Windows exports them: of other files Wine takes texts in hexadecimal for narrow ones.
    let units = "\u{feff}".encode_utf16().chain(keys.encode_utf16());
    fs::write(file.path(), units.flat_map(u16::to_le_bytes).collect::<Vec<_>>()).unwrap();
    // Closed, as the other program wants it.
    let path = file.into_temp_path();
    let status = Command::new("regedit").args([OsStr::new("/S"), path.as_os_str()]).status().unwrap();
    assert!(status.success(), "{status}");
}

/// Takes the keys away again, also where the test fails.
struct Imported;

impl Drop for Imported {
    fn drop(&mut self) {
        import(include_str!("windows/remove_known.reg"));
    }
}

fn is_wine() -> bool {
    let os =
        section::<v1::System>(&collected(|category| category == Category::System), SectionKind::System).os.unwrap();
    os.kernel.ends_with("(Wine)")
}

#[test]
fn a_known_registry_gives_exactly_these_rows() {
    if !is_wine() {
        println!(
            "SKIPPED: it would write into the registry of this machine, where .NET Framework's installer has its own entries. It runs under Wine"
        );
        return;
    }
    let dotnet = || {
        let system: v1::System = section(&collected(|category| category == Category::System), SectionKind::System);
        let mut frameworks = system.dotnet;
        frameworks.retain(|dotnet| dotnet.kind() == v1::DotnetKind::Framework);
        frameworks
    };
    assert_eq!(dotnet(), [], "the test needs a prefix into which .NET Framework was not installed");

    let imported = Imported;
    import(include_str!("windows/known.reg"));
    let framework = |version: &str, release, pack: &str| v1::DotnetVersion {
        kind: v1::DotnetKind::Framework as i32,
        name: ".NET Framework".into(),
        version: version.into(),
        release,
        service_pack: pack.into(),
    };
    let expected = [
        framework("1.0", None, "SP3"),
        framework("1.1", None, "SP1"),
        framework("2.0", None, "SP2"),
        framework("3.0", None, "SP2"),
        framework("3.5", None, "SP1"),
        framework("4.8.1", Some(533_320), ""),
    ];
    assert_eq!(dotnet(), expected);

    let found = collected(|category| category == Category::InstalledSoftware);
    let mut programs = section::<v1::InstalledSoftware>(&found, SectionKind::InstalledSoftware).programs;
    programs.retain(|program| program.publisher == "Example 7c1f");
    let program = |name: &str, version: &str, date: &str, manager: &str| v1::InstalledProgram {
        name: name.into(),
        version: version.into(),
        publisher: "Example 7c1f".into(),
        date: date.into(),
        manager: manager.into(),
    };
    let expected = [
        program("Ledger 32", "2.0.9", "2025-03-01", "setup"),
        program("Ledger 64", "2.1.0", "2026-11-20", "msi"),
        program(r"Ledger of C:\Users\<user>\AppData", "", "2024-02-29", "setup"),
        program("Odd", "", "2026-11-21", "setup"),
    ];
    assert_eq!(programs, expected);

    drop(imported);
    assert_eq!(dotnet(), [], "the imported keys were not taken away");
}

#[test]
fn everything_is_collected_in_its_time() {
    let begun = Instant::now();
    let found = collected(|_| true);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(found.sections.len(), 6);
    assert!(found.soft_errors.iter().all(|error| error.message != "failed inside"), "{:?}", found.soft_errors);
    let system: v1::System = section(&found, SectionKind::System);
    println!("{system:#?}");
    let os = system.os.unwrap();
    assert_eq!(os.family, "windows");
    assert!(os.name.contains("Windows") && os.build.starts_with(|c: char| c.is_ascii_digit()), "{os:?}");
    assert!(os.uptime_nanos > 0 && !os.architecture.is_empty(), "{os:?}");
    let cpu = system.cpu.unwrap();
    assert_eq!(cpu.logical_cores as usize, std::thread::available_parallelism().unwrap().get());
    assert!(!cpu.brand.is_empty(), "{cpu:?}");
    let memory = system.memory.unwrap();
    assert!(memory.available > 0 && memory.total > memory.available, "{memory:?}");
    assert!(system.volumes.iter().any(|volume| volume.mount_point == "C:" && volume.size > 0), "{:?}", system.volumes);
    let locale = system.locale.unwrap();
    assert!(!locale.language.is_empty() && !locale.code_page.is_empty(), "{locale:?}");
    let account: v1::Account = section(&found, SectionKind::Account);
    assert_eq!(account.name, env::var("USERNAME").unwrap());
    let network: v1::Network = section(&found, SectionKind::Network);
    println!("{account:#?} {network:#?}");
    assert!(!network.host_name.is_empty(), "{network:?}");
    let processes: v1::Processes = section(&found, SectionKind::Processes);
    println!("{processes:#?}");
    let own = env::current_exe().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    let this = processes.processes.iter().find(|process| process.name.eq_ignore_ascii_case(&own)).unwrap();
    assert!(this.memory > 0 && this.path.ends_with(&this.name), "{this:?}");
    assert!(!processes.services.is_empty());
    let installed: v1::InstalledSoftware = section(&found, SectionKind::InstalledSoftware);
    assert!(installed.services.iter().all(|service| !service.name.is_empty() && !service.state.is_empty()));
    println!("{installed:#?} {:#?}", section::<v1::Devices>(&found, SectionKind::Devices));
}

#[test]
fn what_must_not_leave_is_in_no_byte() {
    let canary = "canary-a91e";
    let this = env::current_exe().unwrap();
    // A process whose arguments and environment hold what is looked for.
    let mut child = Command::new(this)
        .args(["--ignored", "waits", canary, "--nocapture"])
        .env("CANARY", canary)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let found = collected(|_| true);
    child.kill().unwrap();
    child.wait().unwrap();
    let account: v1::Account = section(&found, SectionKind::Account);
    let network: v1::Network = section(&found, SectionKind::Network);
    let volume = Command::new("cmd").args(["/C", "vol", "C:"]).output().unwrap();
    // `Volume Serial Number is 1234-5678`
    let volume = String::from_utf8_lossy(&volume.stdout).into_owned();
    let serial = volume.split_whitespace().find(|word| word.len() == 9 && word.as_bytes()[4] == b'-');
    println!("serial number of the volume: {serial:?}");
    let told = found.soft_errors.iter().map(|error| (SectionKind::Diagnostics, error.encode_to_vec()));
    let sections = found.sections.iter().map(|(kind, _, bytes)| (*kind, bytes.clone()));
    for (kind, bytes) in sections.chain(told) {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        let mut hidden = vec![canary.to_owned(), format!(r"\users\{}\", account.name)];
        hidden.extend(serial.map(str::to_owned));
        if kind != SectionKind::Network {
            hidden.push(network.host_name.clone());
        }
        for hidden in hidden {
            assert!(!text.contains(&hidden.to_lowercase()), "{hidden} was told in {kind:?}");
        }
    }
}

/// Not a test: what another one starts and ends.
#[test]
#[ignore = "only waits to be ended"]
fn waits() {
    std::thread::sleep(Duration::from_secs(60));
}

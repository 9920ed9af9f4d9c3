//! Prepared machines, hostile ones too, and this one against what other programs say of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use proptest::prelude::*;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::inventory::linux::machine::Machine;
use crate::inventory::*;
use crate::redact::GlobalAddr;

/// For machines that are busy with other tests.
const PATIENCE: u32 = 10;

const FILES: [(&str, &str); 38] = [
    ("etc/os-release", "ID=debian\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nBUILD_ID=b7\nVARIANT='Workstation'\n"),
    ("etc/debian_version", "12.8\n"),
    ("proc/cpuinfo", include_str!("testdata/cpuinfo")),
    ("sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "4600000\n"),
    ("proc/meminfo", "MemTotal:       16 kB\nMemAvailable:    8 kB\nSwapTotal:       4 kB\nSwapFree:        2 kB\n"),
    ("etc/default/keyboard", "XKBMODEL=pc105\nXKBLAYOUT=\"de,us\"\n"),
    ("etc/default/locale", "LANG=de_DE.UTF-8\n"),
    ("etc/timezone", "Europe/Berlin\n"),
    ("etc/passwd", "root:x:0:0:CANARY-GECOS:/root:/bin/sh\n"),
    ("etc/group", "root:x:0:\nsudo:x:27:\n"),
    ("proc/sys/kernel/hostname", "pc-17.corp.example\n"),
    (
        "etc/resolv.conf",
        "search corp.example 1.168.192.in-addr.arpa\nnameserver 192.168.77.1\nnameserver 9.9.9.9\nnameserver fe80::77%eth0\n",
    ),
    ("etc/systemd/resolved.conf", "[Resolve]\nDNS=1.1.1.1#dns.example.net 10.77.0.1\n"),
    ("etc/environment", "http_proxy=http://canary-user:canary-password@10.77.0.2:3128\n"),
    (
        "proc/modules",
        "nvidia 311296 1 - Live 0x0000000000000000 (POE)\next4 1000 2 - Live 0xffffffffc0de0000\n../../etc 1 1\nbroken\n",
    ),
    ("sys/module/nvidia/version", "535.129\n"),
    ("sys/class/net/eth0/address", "02:ca:fe:ca:fe:01\n"),
    ("sys/class/net/eth0/operstate", "up\n"),
    ("sys/class/net/eth0/device/serial", "CANARY\n"),
    ("sys/class/drm/card0-DP-1/status", "connected\n"),
    ("sys/class/drm/card0-DP-1/modes", "1920x1080\n"),
    ("sys/class/drm/card0/device/uevent", "CANARY\n"),
    ("run/cups/cups.sock", "CANARY\n"),
    ("sys/class/dmi/id/product_uuid", "CANARY-UUID\n"),
    ("proc/self/environ", "CANARY_ENVIRONMENT=1\0"),
    ("proc/self/cmdline", "canary-argument\0"),
    ("usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.11/x", ""),
    ("usr/share/dotnet/sdk/8.0.404/x", ""),
    ("usr/lib/pkgconfig/mono-2.pc", "Name: Mono\nVersion: 6.8.0.105\n"),
    (
        "var/lib/dpkg/status",
        "Package: dpkg\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.21\nMaintainer: Dpkg Developers <canary@example.org>\n",
    ),
    ("var/lib/dpkg/info/dpkg.list", "/usr/bin/dpkg\n"),
    (
        "var/lib/pacman/local/bash-5-1/desc",
        "%NAME%\nbash\n\n%VERSION%\n5-1\n\n%PACKAGER%\nA Packager <canary@example.org>\n",
    ),
    ("var/lib/pacman/local/bash-5-1/files", "%FILES%\nusr/bin/bash\n"),
    ("snap/core/current/meta/snap.yaml", "name: core\nversion: '16'\n"),
    ("var/lib/flatpak/app/org.a.A/current/active/metadata", "[Application]\nname=org.a.A\n"),
    (
        "usr/lib/systemd/system/cups.service",
        "[Service]\nExecStart=-/usr/sbin/cupsd --password canary\n[Install]\nWantedBy=printer.target\n",
    ),
    ("usr/lib/systemd/system/syncthing@.service", "[Service]\nExecStart=/usr/bin/syncthing --home=/canary/%i\n"),
    ("etc/systemd/system/getty.target.wants/getty@canary.service", ""),
];

const VARIABLES: [(&str, &str); 6] = [
    ("CANARY", "canary-variable"),
    ("SSH_CONNECTION", "192.168.77.9 5022 10.77.0.9 22"),
    ("XDG_CURRENT_DESKTOP", "GNOME"),
    ("XDG_SESSION_TYPE", "wayland"),
    ("TZ", ":/home/canary-person/zone"),
    ("DOTNET_ROOT", "/home/canary-person/dotnet"),
];

fn prepare(root: &Path) -> Machine {
    for (path, content) in FILES {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    for unit in ["cups.service", "syncthing@canary-person.service", "home-canary\\x2dperson.mount"] {
        fs::create_dir_all(root.join("sys/fs/cgroup/system.slice").join(unit)).unwrap();
    }
    let modules = root.join("lib/modules").join(rustix::system::uname().release().to_str().unwrap());
    fs::create_dir_all(&modules).unwrap();
    let files = "kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz\nupdates/dkms/nvidia.ko:\n";
    fs::write(modules.join("modules.dep"), files).unwrap();
    fs::create_dir_all(root.join("home/canary-person/dotnet/sdk/9.0.100")).unwrap();
    Machine::prepared(root, &VARIABLES, || GlobalAddr::parse("9.9.9.10"))
}

fn prepared(wants: impl Fn(Category) -> bool) -> Collected {
    let root = tempfile::tempdir().unwrap();
    collect_from(&prepare(root.path()), wants, PATIENCE)
}

fn section<M: Message + Default>(found: &Collected, kind: SectionKind) -> M {
    let (_, _, bytes) = found.sections.iter().find(|(k, _, _)| *k == kind).unwrap();
    M::decode(bytes.as_slice()).unwrap()
}

fn sources(places: &[&str]) -> Vec<v1::Source> {
    places.iter().map(|name| v1::Source { name: (*name).into() }).collect()
}

#[test]
fn a_prepared_machine_is_told_field_by_field() {
    let found = prepared(|_| true);
    let troubles: Vec<_> = found.soft_errors.iter().map(|error| (&*error.subject, &*error.message)).collect();
    assert_eq!(troubles, [("inventory.printers", "cups.sock: Connection refused (os error 111)")]);
    let system: v1::System = section(&found, SectionKind::System);
    let os = system.os.unwrap();
    assert_eq!((&*os.name, &*os.version, &*os.build, &*os.edition), ("Debian GNU/Linux", "12", "b7", "Workstation"));
    assert_eq!((&*os.family, &*os.desktop_session, &*os.service_pack), ("linux", "GNOME (Wayland)", "12.8"));
    let cpu = system.cpu.unwrap();
    assert_eq!((cpu.family, cpu.model, cpu.stepping), (6, 158, 10));
    assert_eq!((&*cpu.vendor, &*cpu.brand), ("GenuineIntel", "Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz"));
    assert_eq!((cpu.logical_cores, cpu.physical_cores), (4, 2));
    assert_eq!((cpu.frequency_mhz, cpu.max_frequency_mhz), (3192, 4600));
    assert_eq!(cpu.features, ["fpu", "sse2", "avx2"]);
    let memory = v1::MachineMemory {
        total: 16384,
        available: 8192,
        swap_total: 4096,
        swap_free: 2048,
        sources: sources(&["/proc/meminfo"]),
    };
    assert_eq!(system.memory, Some(memory));
    let locale = v1::Locale {
        keyboard_layout: "de".into(),
        keyboard_layouts: vec!["de".into(), "us".into()],
        language: "de-DE".into(),
        locale: "de_DE.UTF-8".into(),
        time_zone: "Europe/Berlin".into(),
        code_page: "UTF-8".into(),
        sources: sources(&["/etc/default/locale", "/etc/default/keyboard", "/etc/timezone"]),
    };
    assert_eq!(system.locale, Some(locale));
    let dotnet: Vec<_> = system.dotnet.iter().map(|d| (d.kind(), &*d.name, &*d.version)).collect();
    let expected = [
        (v1::DotnetKind::Runtime, "Microsoft.NETCore.App", "8.0.11"),
        (v1::DotnetKind::Sdk, ".NET SDK", "8.0.404"),
        (v1::DotnetKind::Sdk, ".NET SDK", "9.0.100"),
        (v1::DotnetKind::Mono, "Mono", "6.8.0.105"),
    ];
    assert_eq!(dotnet, expected);
    let network: v1::Network = section(&found, SectionKind::Network);
    assert_eq!((&*network.host_name, &*network.domain), ("pc-17", "corp.example"));
    assert_eq!(network.dns_suffixes, ["corp.example"]);
    assert_eq!(network.dns_servers, ["9.9.9.9", "dns.example.net"]);
    assert_eq!((&*network.proxy, &*network.public_address), ("proxy on the local network", ""));
    let account: v1::Account = section(&found, SectionKind::Account);
    assert_eq!(account.session, "remote");
    let processes: v1::Processes = section(&found, SectionKind::Processes);
    let modules: Vec<_> = processes.kernel_modules.iter().map(|m| (&*m.name, &*m.version, m.size, &*m.path)).collect();
    let expected =
        [("ext4", "", 1000, "kernel/fs/ext4/ext4.ko.xz"), ("nvidia", "535.129", 311_296, "updates/dkms/nvidia.ko")];
    assert_eq!(modules, expected);
    let services: Vec<_> = processes.services.iter().map(|s| (&*s.name, &*s.path)).collect();
    assert_eq!(services, [("cups.service", "/usr/sbin/cupsd"), ("syncthing@.service", "/usr/bin/syncthing")]);
    let installed: v1::InstalledSoftware = section(&found, SectionKind::InstalledSoftware);
    let programs: Vec<_> = installed.programs.iter().map(|p| (&*p.name, &*p.version, &*p.publisher)).collect();
    let expected =
        [("bash", "5-1", "A Packager"), ("core", "16", ""), ("dpkg", "1.21", "Dpkg Developers"), ("org.a.A", "", "")];
    assert_eq!(programs, expected);
    let services: Vec<_> = installed.services.iter().map(|s| (&*s.name, &*s.start_type, &*s.state)).collect();
    assert_eq!(services, [("cups.service", "disabled", "running"), ("syncthing@.service", "static", "running")]);
    let expected = v1::Devices {
        network_adapters: vec![v1::NetworkAdapter { state: "up".into(), ..Default::default() }],
        printers: Vec::new(),
        displays: vec![v1::Display { width: 1920, height: 1080, scale_percent: 100, ..Default::default() }],
        graphics_cards: vec![v1::GraphicsCard::default()],
        sources: sources(&["/sys/class/net", "/sys/class/drm"]),
    };
    assert_eq!(section::<v1::Devices>(&found, SectionKind::Devices), expected);
}

#[test]
fn what_must_not_leave_is_in_no_byte() {
    let found = prepared(|_| true);
    let told = found.soft_errors.iter().map(Message::encode_to_vec);
    // The processes are those of the real machine, on which other tests run programs with such names.
    let mut processes: v1::Processes = section(&found, SectionKind::Processes);
    processes.processes.clear();
    let others = found.sections.iter().filter(|(kind, _, _)| *kind != SectionKind::Processes);
    let sections = others.flat_map(|(_, _, bytes)| bytes.clone()).chain(processes.encode_to_vec());
    let bytes: Vec<u8> = sections.chain(told.flatten()).collect();
    let text = String::from_utf8_lossy(&bytes).to_lowercase();
    for canary in ["canary", "02:ca:fe", "02cafe", "192.168.77", "10.77.0", "fe80::77", "c0de0000"] {
        assert!(!text.contains(canary), "{canary} was told");
    }
    let octets = |a: [u8; 4]| bytes.windows(4).any(|window| window == a);
    assert!(!octets([192, 168, 77, 1]) && !octets([10, 77, 0, 2]));
}

#[test]
fn only_what_is_wanted_is_collected() {
    for wanted in [
        Category::System,
        Category::Account,
        Category::Network,
        Category::Processes,
        Category::InstalledSoftware,
        Category::Devices,
    ] {
        let found = prepared(|category| category == wanted);
        let categories: Vec<_> = found.sections.iter().map(|(_, category, _)| *category).collect();
        assert_eq!(categories, [wanted]);
    }
    let none = collect_from(&Machine::prepared(Path::new("/nowhere"), &[], || panic!("looked")), |_| false, PATIENCE);
    assert_eq!(none, Collected::default());
}

#[test]
fn each_subject_tells_how_long_it_took_and_where_it_read() {
    let found = prepared(|_| true);
    let names: Vec<_> = found.times.iter().map(|time| time.subject.as_str()).collect();
    assert_eq!(names, SUBJECTS.map(|subject| format!("inventory.{}", subject.name)));
    assert!(
        found.times.iter().all(|time| 0 < time.took_nanos && time.took_nanos < time.limit_nanos),
        "{:?}",
        found.times
    );
    let system: v1::System = section(&found, SectionKind::System);
    assert_eq!(system.os.unwrap().sources, sources(&["/etc/os-release", "uname", "/etc/debian_version"]));
    assert_eq!(system.dotnet_sources, sources(&["dotnet folders", "/usr/lib/pkgconfig/mono-2.pc"]));
    assert_eq!(system.volume_sources, sources(&["sysinfo"]));
    let network: v1::Network = section(&found, SectionKind::Network);
    let places = ["/proc/sys/kernel/hostname", "/etc/resolv.conf", "/etc/systemd/resolved.conf", "/etc/environment"];
    assert_eq!(network.sources, sources(&places));
    let installed: v1::InstalledSoftware = section(&found, SectionKind::InstalledSoftware);
    let places = ["/var/lib/dpkg/status", "/var/lib/pacman/local", "/var/lib/flatpak/app", "/snap"];
    let of_services = ["/usr/lib/systemd/system", "/sys/fs/cgroup/system.slice"];
    assert_eq!(installed.sources, sources(&[&places[..], &of_services].concat()));
}

#[test]
fn a_machine_without_files_gives_soft_errors_and_the_rest() {
    let root = tempfile::tempdir().unwrap();
    let found = collect_from(&Machine::prepared(root.path(), &[], || None), |_| true, PATIENCE);
    assert_eq!(found.sections.len(), 6);
    let subjects: BTreeSet<_> = found.soft_errors.iter().map(|error| error.subject.as_str()).collect();
    let expected = ["inventory.account", "inventory.cpu", "inventory.memory", "inventory.network", "inventory.os"];
    assert_eq!(subjects, BTreeSet::from(expected));
    assert_eq!(section::<v1::Network>(&found, SectionKind::Network).proxy, "none");
}

#[test]
fn pipes_folders_and_endless_files_in_place_of_files_do_not_hang() {
    let root = tempfile::tempdir().unwrap();
    let machine = prepare(root.path());
    for (index, (path, _)) in FILES.iter().enumerate() {
        let path = root.path().join(path);
        fs::remove_file(&path).unwrap();
        match index % 3 {
            0 => mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap(),
            1 => fs::create_dir(&path).unwrap(),
            _ => fs::File::create(&path).unwrap().set_len(1 << 40).unwrap(),
        }
    }
    let begun = Instant::now();
    let found = collect_from(&machine, |_| true, PATIENCE);
    assert!(begun.elapsed() < LONG * PATIENCE / 2, "{:?}", begun.elapsed());
    assert_eq!(found.sections.len(), 6);
    assert!(found.soft_errors.iter().all(|error| !error.message.contains("no answer")), "{:?}", found.soft_errors);
    assert!(found.soft_errors.iter().any(|error| error.message == "/etc/os-release: not a regular file"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn any_content_is_taken(junk in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..200) {
        let root = tempfile::tempdir().unwrap();
        let machine = prepare(root.path());
        for (path, content) in FILES {
            let whole = content.as_bytes();
            let mixed = [&whole[..cut.min(whole.len())], &junk, &whole[cut.min(whole.len())..]].concat();
            fs::write(root.path().join(path), mixed).unwrap();
        }
        // The processes of the real machine are not what is tried here, and take longest.
        let found = collect_from(&machine, |category| category != Category::Processes, PATIENCE);
        prop_assert!(found.soft_errors.iter().all(|error| error.message != "failed inside"), "{:?}", found.soft_errors);
        prop_assert_eq!(found.sections.len(), 5);
    }
}

fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn this_machine_is_told_as_other_programs_tell_it() {
    let begun = Instant::now();
    let found = collect_from(&Machine::this(), |_| true, PATIENCE);
    println!("collected in {:?}; soft errors: {:?}", begun.elapsed(), found.soft_errors);
    let system: v1::System = section(&found, SectionKind::System);
    let os = system.os.unwrap();
    assert_eq!(os.kernel, said_by("uname", &["-r"]));
    assert_eq!(os.architecture, said_by("uname", &["-m"]));
    assert_eq!(os.libc, said_by("getconf", &["GNU_LIBC_VERSION"]));
    assert!(os.uptime_nanos > 0);
    assert_eq!(system.cpu.unwrap().logical_cores.to_string(), said_by("getconf", &["_NPROCESSORS_ONLN"]));
    let total_kib = said_by("sh", &["-c", "awk '/^MemTotal/ {print $2}' /proc/meminfo"]);
    assert_eq!((system.memory.unwrap().total / 1024).to_string(), total_kib);
    let root = system.volumes.iter().find(|volume| volume.mount_point == "/").unwrap();
    let size = said_by("df", &["--block-size=1", "--output=size", "/"]);
    assert_eq!(Some(root.size.to_string().as_str()), size.lines().last().map(str::trim));
    let network: v1::Network = section(&found, SectionKind::Network);
    let host = said_by("uname", &["-n"]);
    assert!(host.starts_with(&network.host_name) || network.host_name == "<address>");
    let account: v1::Account = section(&found, SectionKind::Account);
    assert_eq!(account.name, said_by("id", &["-un"]));
}

#[test]
fn a_running_process_is_told_without_its_arguments_environment_and_folder() {
    let folder = tempfile::Builder::new().prefix("canary-of-sleep").tempdir().unwrap();
    let mut child = Command::new("sleep")
        .arg("60.0000000000012345")
        .env("CANARY", "canary-of-sleep")
        .current_dir(folder.path())
        .spawn()
        .unwrap();
    let machine = Machine::prepared(Path::new("/"), &[], || None);
    let found = collect_from(&machine, |category| category == Category::Processes, PATIENCE);
    child.kill().unwrap();
    child.wait().unwrap();
    let processes: v1::Processes = section(&found, SectionKind::Processes);
    let sleep = processes.processes.iter().find(|p| p.name == "sleep" && p.path.ends_with("/sleep")).unwrap();
    assert!(sleep.count >= 1);
    if Path::new("/var/lib/dpkg/status").exists() {
        assert_eq!(sleep.version, said_by("dpkg-query", &["-W", "-f", "${Version}", "coreutils"]));
    }
    // Of this program no package knows.
    assert!(processes.processes.iter().any(|p| p.path.contains("reporter_sdk") && p.version.is_empty()));
    let bytes: Vec<u8> = found.sections.into_iter().flat_map(|(_, _, bytes)| bytes).collect();
    let text = String::from_utf8_lossy(&bytes);
    for canary in ["0012345", "canary-of-sleep"] {
        assert!(!text.contains(canary), "{canary} was told");
    }
}

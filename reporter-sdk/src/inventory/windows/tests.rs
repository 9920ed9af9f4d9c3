//! A prepared registry, a hostile one too.

use std::collections::BTreeSet;
use std::fs;

use proptest::prelude::*;
use v1::DotnetKind::{Framework, Mono, Runtime, Sdk};

use super::registry::tests::Prepared;
use crate::inventory::*;

/// For machines that are busy with other tests.
const PATIENCE: u32 = 10;

const NDP: &str = r"SOFTWARE\Microsoft\NET Framework Setup\NDP";
const UNINSTALL: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall";

fn collected(prepared: &Prepared, wanted: Category) -> Collected {
    collect_from(&Machine::prepared(&prepared.path), |category| category == wanted, PATIENCE)
}

fn section<M: Message + Default>(found: &Collected) -> M {
    M::decode(found.sections[0].2.as_slice()).unwrap()
}

fn dotnet(prepared: &Prepared) -> Vec<v1::DotnetVersion> {
    section::<v1::System>(&collected(prepared, Category::System)).dotnet
}

fn programs(prepared: &Prepared) -> Vec<v1::InstalledProgram> {
    section::<v1::InstalledSoftware>(&collected(prepared, Category::InstalledSoftware)).programs
}

#[test]
fn each_framework_is_told_once_with_its_service_pack() {
    let prepared = Prepared::new("frameworks");
    // The oldest have 32 bits only.
    prepared.text(r"32\SOFTWARE\Microsoft\.NETFramework\Policy\v1.0", "3705", "3321-3705");
    let setup = r"32\SOFTWARE\Microsoft\Active Setup\Installed Components\{78705f0d-e8db-4b2d-8193-982bdda15ecd}";
    prepared.text(setup, "Version", "1,0,3705,3");
    prepared.number(&format!(r"32\{NDP}\v1.1.4322"), "Install", 1);
    prepared.number(&format!(r"32\{NDP}\v1.1.4322"), "SP", 1);
    for view in ["32", "64"] {
        let set = |key: &str, name: &str, number| prepared.number(&format!(r"{view}\{NDP}\{key}"), name, number);
        for (key, pack) in [("v2.0.50727", 2), ("v3.5", 1), ("v4.0\\Client", 0)] {
            set(key, "Install", 1);
            set(key, "SP", pack);
        }
        set("v3.0", "SP", 2);
        set(r"v3.0\Setup", "InstallSuccess", 1);
        for profile in ["Client", "Full"] {
            set(&format!(r"v4\{profile}"), "Install", 1);
            set(&format!(r"v4\{profile}"), "Release", 533_325);
        }
    }
    let found = dotnet(&prepared);
    let told: Vec<_> = found.iter().map(|d| (d.kind(), &*d.name, &*d.version, d.release, &*d.service_pack)).collect();
    let framework = |version, release, pack| (Framework, ".NET Framework", version, release, pack);
    let expected = [
        framework("1.0", None, "SP3"),
        framework("1.1", None, "SP1"),
        framework("2.0", None, "SP2"),
        framework("3.0", None, "SP2"),
        framework("3.5", None, "SP1"),
        framework("4.8.1", Some(533_325), ""),
    ];
    assert_eq!(told, expected);
}

#[test]
fn each_documented_release_is_its_version() {
    let of = |release| {
        let prepared = Prepared::new(&format!("release {release}"));
        prepared.number(&format!(r"64\{NDP}\v4\Full"), "Install", 1);
        prepared.number(&format!(r"64\{NDP}\v4\Full"), "Release", release);
        let found = dotnet(&prepared);
        assert_eq!((found.len(), found[0].release), (1, Some(release)));
        found[0].version.clone()
    };
    for (version, releases) in [
        ("4.0", &[1][..]),
        ("4.5", &[378_389]),
        ("4.5.1", &[378_675, 378_758]),
        ("4.5.2", &[379_893]),
        ("4.6", &[393_295, 393_297]),
        ("4.6.1", &[394_254, 394_271]),
        ("4.6.2", &[394_802, 394_806]),
        ("4.7", &[460_798, 460_805]),
        ("4.7.1", &[461_308, 461_310]),
        ("4.7.2", &[461_808, 461_814]),
        ("4.8", &[528_040, 528_049, 528_209, 528_372, 528_449]),
        ("4.8.1", &[533_320, 533_325, 600_000]),
    ] {
        for release in releases {
            assert_eq!(of(*release), version, "{release}");
        }
    }
}

#[test]
fn what_was_removed_is_not_told_and_a_client_profile_is_called_so() {
    let prepared = Prepared::new("client");
    prepared.number(&format!(r"64\{NDP}\v2.0.50727"), "Install", 0);
    prepared.number(&format!(r"64\{NDP}\v3.0"), "SP", 1);
    prepared.text(&format!(r"64\{NDP}\v3.5"), "Install", "1");
    prepared.number(&format!(r"64\{NDP}\v4\Client"), "Install", 1);
    let found = dotnet(&prepared);
    let told: Vec<_> = found.iter().map(|d| (&*d.name, &*d.version, d.release)).collect();
    assert_eq!(told, [(".NET Framework Client Profile", "4.0", None)]);
}

#[test]
fn runtimes_are_found_in_their_folders_and_mono_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    for path in [
        r"programs\dotnet\shared\Microsoft.NETCore.App\8.0.11",
        r"programs\dotnet\shared\Microsoft.NETCore.App\not a version",
        r"programs\dotnet\sdk\8.0.404",
        r"other\shared\Microsoft.WindowsDesktop.App\9.0.0",
    ] {
        fs::create_dir_all(folder.path().join(path)).unwrap();
    }
    let prepared = Prepared::new("folders");
    let windows = r"SOFTWARE\Microsoft\Windows\CurrentVersion";
    for view in ["32", "64"] {
        prepared.text(&format!(r"{view}\{windows}"), "ProgramFilesDir", &format!(r"{root}\programs"));
        let installed = format!(r"{view}\SOFTWARE\dotnet\Setup\InstalledVersions");
        prepared.text(&format!(r"{installed}\x64"), "InstallLocation", &format!(r"{root}\other\"));
        prepared.text(&format!(r"{installed}\arm64"), "InstallLocation", r"\\dead-server\share\dotnet");
    }
    prepared.text(r"64\SOFTWARE\Mono", "Version", "6.12.0");
    let found = dotnet(&prepared);
    let told: Vec<_> = found.iter().map(|d| (d.kind(), &*d.name, &*d.version)).collect();
    let expected = [
        (Runtime, "Microsoft.NETCore.App", "8.0.11"),
        (Runtime, "Microsoft.WindowsDesktop.App", "9.0.0"),
        (Sdk, ".NET SDK", "8.0.404"),
        (Mono, "Mono", "6.12.0"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn programs_are_told_as_the_systems_own_list_shows_them() {
    let prepared = Prepared::new("programs");
    let program = |place: &str, key: &str, values: &[(&str, &str)]| {
        for (name, value) in values {
            prepared.text(&format!(r"{place}\{UNINSTALL}\{key}"), name, value);
        }
    };
    let ledger = [("DisplayName", "Ledger"), ("DisplayVersion", "2.1"), ("InstallDate", "20261120")];
    program("64", "{GUID}", &[&ledger[..], &[("Publisher", "Example Software")]].concat());
    prepared.number(&format!(r"64\{UNINSTALL}\{{GUID}}"), "WindowsInstaller", 1);
    // As a 32-bit Windows shows them: the same in both.
    for view in ["32", "64"] {
        program(view, "Tool", &[("DisplayName", "Tool"), ("InstallDate", "20261120"), ("Publisher", "a@example.org")]);
    }
    program("32", "Old", &[("DisplayName", "Old"), ("InstallDate", "20.11.2026")]);
    program("user", "Own", &[("DisplayName", r"Own of C:\Users\canary\x"), ("InstallDate", "20250101")]);
    program("64", "Part", &[("DisplayName", "CANARY part")]);
    prepared.number(&format!(r"64\{UNINSTALL}\Part"), "SystemComponent", 1);
    program("64", "Update", &[("DisplayName", "CANARY update"), ("ParentKeyName", "Ledger")]);
    program("64", "Nameless", &[("DisplayVersion", "7"), ("Publisher", "CANARY")]);
    let apps =
        r"Software\Classes\Local Settings\Software\Microsoft\Windows\CurrentVersion\AppModel\Repository\Packages";
    for app in ["Example.App_1.2.0.0_x64__8wekyb3d8bbwe", "Example.App_1.2.0.0_neutral_split.language-de_8wekyb3d8bbwe"]
    {
        prepared.text(&format!(r"user\{apps}\{app}"), "PackageRootFolder", r"C:\Program Files\WindowsApps\CANARY");
    }
    let found = programs(&prepared);
    let told: Vec<_> = found.iter().map(|p| (&*p.name, &*p.version, &*p.publisher, &*p.date, &*p.manager)).collect();
    // Written just now.
    let today = &*found.iter().find(|program| program.name == "Old").unwrap().date;
    assert!(today.len() == 10 && today >= "2026", "{today}");
    let expected = [
        ("Example.App", "1.2.0.0", "", "", "msix"),
        ("Ledger", "2.1", "Example Software", "2026-11-20", "msi"),
        ("Old", "", "", today, "setup"),
        (r"Own of C:\Users\<user>\x", "", "", "2025-01-01", "setup"),
        ("Tool", "", "", "2026-11-20", "setup"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn an_empty_registry_gives_the_rest() {
    let prepared = Prepared::new("empty");
    let found = collect_from(&Machine::prepared(&prepared.path), |_| true, PATIENCE);
    assert_eq!(found.sections.len(), 6);
    let failed: BTreeSet<_> = found.soft_errors.iter().map(|error| &*error.message).collect();
    assert!(!failed.contains("failed inside"), "{:?}", found.soft_errors);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn any_value_of_any_type_is_taken(kind in 0u32..12, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let prepared = Prepared::new("junk");
        let places: [(&str, &[&str]); 7] = [
            (r"64\SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full", &["Install", "Release"]),
            (r"64\SOFTWARE\Microsoft\.NETFramework\Policy\v1.0", &["3705"]),
            (r"64\SOFTWARE\Microsoft\Windows NT\CurrentVersion", &["ProductName", "UBR", "CSDVersion", "SystemRoot"]),
            (r"64\SOFTWARE\Microsoft\Windows\CurrentVersion", &["ProgramFilesDir"]),
            (r"64\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\A", &["DisplayName", "InstallDate", "Publisher", "SystemComponent"]),
            (r"64\HARDWARE\DESCRIPTION\System\CentralProcessor\0", &["Identifier", "ProcessorNameString", "~MHz"]),
            (r"64\SYSTEM\CurrentControlSet\Control\Keyboard Layouts\00000409", &["Layout Text", "Layout Id"]),
        ];
        for (key, names) in places {
            for name in names {
                prepared.bytes(key, name, kind, &bytes);
            }
        }
        for category in [Category::System, Category::InstalledSoftware] {
            let found = collected(&prepared, category);
            prop_assert!(found.soft_errors.iter().all(|error| error.message != "failed inside"), "{:?}", found.soft_errors);
            prop_assert_eq!(found.sections.len(), 1);
        }
    }
}

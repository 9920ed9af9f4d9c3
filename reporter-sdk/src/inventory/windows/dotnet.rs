//! .NET Framework by the registry, as its documentation has each version; .NET by the folders that it is installed in; Mono.

use std::collections::BTreeSet;

use report_format::schema::v1::{DotnetKind, DotnetVersion};

use super::machine::Machine;
use super::registry::{Key, View};
use super::volumes::is_local;
use crate::inventory::dotnet_folders::Found;
use crate::inventory::notes::Notes;

const SETUP: &str = r"HKLM\SOFTWARE\Microsoft\NET Framework Setup\NDP";
const FIRST: &str = r"HKLM\SOFTWARE\Microsoft\.NETFramework\Policy\v1.0";
/// Where the service pack of 1.0 is told, as the last number of `1,0,3705,3`: of Windows in general, and of its Tablet and Media Center editions.
const FIRST_SERVICE_PACKS: [&str; 2] = [
    r"HKLM\SOFTWARE\Microsoft\Active Setup\Installed Components\{78705f0d-e8db-4b2d-8193-982bdda15ecd}",
    r"HKLM\SOFTWARE\Microsoft\Active Setup\Installed Components\{FDC11A6F-17D1-48f9-9EA3-9051954BAA24}",
];
const INSTALLED: &str = r"HKLM\SOFTWARE\dotnet\Setup\InstalledVersions";
const FOLDERS: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion";
const MONO: &str = r"HKLM\SOFTWARE\Mono";

const FRAMEWORK: &str = ".NET Framework";

/// The lowest `Release` of each version, the newest first; a higher one is that version with updates. None is older than 4.5.
const RELEASES: [(u32, &str); 11] = [
    (533_320, "4.8.1"),
    (528_040, "4.8"),
    (461_808, "4.7.2"),
    (461_308, "4.7.1"),
    (460_798, "4.7"),
    (394_802, "4.6.2"),
    (394_254, "4.6.1"),
    (393_295, "4.6"),
    (379_893, "4.5.2"),
    (378_675, "4.5.1"),
    (378_389, "4.5"),
];

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Vec<DotnetVersion> {
    // A version that both views tell is one.
    let mut frameworks = BTreeSet::new();
    let mut found = Found::default();
    for view in View::BOTH {
        frameworks.extend(first(machine, view, notes));
        if let Some(setup) = machine.key(SETUP, view, notes) {
            frameworks.extend(older(&setup));
            frameworks.extend(four(&setup));
        }
        let mono = machine.key(MONO, view, notes).and_then(|key| key.text("Version"));
        found.add(DotnetKind::Mono, "Mono", &mono.unwrap_or_default());
    }
    for root in roots(machine, notes) {
        found.add_folder(machine, &root, notes);
    }
    let frameworks =
        frameworks.into_iter().map(|Framework { version, profile, release, service_pack }| DotnetVersion {
            kind: DotnetKind::Framework as i32,
            name: format!("{FRAMEWORK}{profile}"),
            version,
            release,
            service_pack,
        });
    frameworks.chain(found.into_versions()).collect()
}

/// One installed version, in the order in which they are told.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Framework {
    version: String,
    profile: &'static str,
    release: Option<u32>,
    service_pack: String,
}

impl Framework {
    fn new(version: &str, service_pack: Option<u32>) -> Self {
        let pack = service_pack.filter(|pack| *pack > 0).map(|pack| format!("SP{pack}"));
        Self { version: version.into(), service_pack: pack.unwrap_or_default(), ..Self::default() }
    }
}

fn is_set(key: &Key, name: &str) -> bool {
    key.number(name) == Some(1)
}

fn first(machine: &Machine, view: View, notes: &mut Notes) -> Option<Framework> {
    machine.key(FIRST, view, notes).filter(|key| key.has("3705"))?;
    let told = FIRST_SERVICE_PACKS.iter().find_map(|place| machine.key(place, view, notes)?.text("Version"));
    let pack = told.and_then(|version| version.rsplit(',').next()?.trim().parse().ok());
    Some(Framework::new("1.0", pack))
}

/// 1.1 to 3.5, which are installed side by side.
fn older(setup: &Key) -> Vec<Framework> {
    let of = |version, name, done, at: &str| {
        let key = setup.sub_key(name)?;
        let installed = if at.is_empty() { is_set(&key, done) } else { is_set(&key.sub_key(at)?, done) };
        installed.then(|| Framework::new(version, key.number("SP")))
    };
    let found = [
        of("1.1", "v1.1.4322", "Install", ""),
        of("2.0", "v2.0.50727", "Install", ""),
        of("3.0", "v3.0", "InstallSuccess", "Setup"),
        of("3.5", "v3.5", "Install", ""),
    ];
    found.into_iter().flatten().collect()
}

/// 4 and its successors, each of which takes the place of the one before. The client profile is a part of the full one, and tells the same release.
/// The key `v4.0` beside it says again what these say.
fn four(setup: &Key) -> Option<Framework> {
    let (profile, key) = [("", "Full"), (" Client Profile", "Client")].into_iter().find_map(|(profile, name)| {
        let key = setup.sub_key(&format!(r"v4\{name}")).filter(|key| is_set(key, "Install"))?;
        Some((profile, key))
    })?;
    let release = key.number("Release");
    let version = release.and_then(|release| RELEASES.iter().find(|(lowest, _)| release >= *lowest));
    let version = version.map_or("4.0", |(_, version)| *version);
    // Service packs ended with 3.5.
    Some(Framework { profile, release, ..Framework::new(version, None) })
}

/// The folders of .NET: where its installer says, and where it usually is.
fn roots(machine: &Machine, notes: &mut Notes) -> BTreeSet<String> {
    let mut roots = BTreeSet::new();
    for view in View::BOTH {
        let programs = machine.key(FOLDERS, view, notes);
        let programs = programs.and_then(|key| key.text("ProgramFilesDir"));
        roots.extend(programs.map(|folder| format!(r"{folder}\dotnet")));
        // All architectures stand in the 32-bit view.
        let Some(installed) = machine.key(INSTALLED, view, notes) else { continue };
        let places =
            installed.names(16).into_iter().filter_map(|name| installed.sub_key(&name)?.text("InstallLocation"));
        roots.extend(places.map(|place| place.trim_end_matches(['\\', '/']).to_owned()));
    }
    // One on another machine is not asked: it may not answer.
    roots.into_iter().filter(|root| is_local(root)).collect()
}

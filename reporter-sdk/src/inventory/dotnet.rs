//! .NET runtimes and SDKs, and Mono, by the folders that they are installed in: running `dotnet --info` would start a program.

use std::collections::BTreeSet;

use report_format::schema::v1::{DotnetKind, DotnetVersion};

use super::machine::{Machine, Notes, word};

pub(super) fn collect(machine: &Machine, notes: &mut Notes) -> Vec<DotnetVersion> {
    let fixed = ["/usr/share/dotnet", "/usr/lib/dotnet", "/usr/lib64/dotnet", "/opt/dotnet"].map(str::to_owned);
    let registered = machine.read_if_there("/etc/dotnet/install_location", notes);
    let named = registered.map(|path| path.trim().to_owned()).into_iter().chain(machine.variable("DOTNET_ROOT"));
    let roots = fixed.into_iter().chain(named.filter(|path| path.starts_with('/')));

    // A version that is found in two places (a link, usually) is one.
    let mut found = BTreeSet::new();
    for root in roots {
        if !machine.list(&root).is_empty() {
            notes.source("dotnet folders");
        }
        for framework in machine.list(&format!("{root}/shared")) {
            let versions = machine.list(&format!("{root}/shared/{framework}"));
            found.extend(
                versions.into_iter().map(|version| (DotnetKind::Runtime as i32, word(&framework), word(&version))),
            );
        }
        let sdks = machine.list(&format!("{root}/sdk"));
        found.extend(sdks.into_iter().map(|version| (DotnetKind::Sdk as i32, ".NET SDK".to_owned(), word(&version))));
    }
    for place in ["/usr/lib/pkgconfig/mono-2.pc", "/usr/share/pkgconfig/mono-2.pc"] {
        let file = machine.read_if_there(place, notes).unwrap_or_default();
        let version = file.lines().find_map(|line| line.strip_prefix("Version:"));
        found.extend(version.map(|version| (DotnetKind::Mono as i32, "Mono".to_owned(), word(version))));
    }
    let is_version = |version: &str| version.starts_with(|c: char| c.is_ascii_digit());
    let found = found.into_iter().filter(|(_, name, version)| !name.is_empty() && is_version(version));
    found.map(|(kind, name, version)| DotnetVersion { kind, name, version, ..DotnetVersion::default() }).collect()
}

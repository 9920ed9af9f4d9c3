//! .NET runtimes and SDKs, and Mono, by the folders that they are installed in: running `dotnet --info` would start a program.

use report_format::schema::v1::{DotnetKind, DotnetVersion};

use super::machine::{Machine, Notes};
use crate::inventory::dotnet_folders::Found;

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Vec<DotnetVersion> {
    let fixed = ["/usr/share/dotnet", "/usr/lib/dotnet", "/usr/lib64/dotnet", "/opt/dotnet"].map(str::to_owned);
    let registered = machine.read_if_there("/etc/dotnet/install_location", notes);
    let named = registered.map(|path| path.trim().to_owned()).into_iter().chain(machine.variable("DOTNET_ROOT"));
    let roots = fixed.into_iter().chain(named.filter(|path| path.starts_with('/')));

    let mut found = Found::default();
    for root in roots {
        found.add_folder(machine, &root, notes);
    }
    for place in ["/usr/lib/pkgconfig/mono-2.pc", "/usr/share/pkgconfig/mono-2.pc"] {
        let file = machine.read_if_there(place, notes).unwrap_or_default();
        let version = file.lines().find_map(|line| line.strip_prefix("Version:"));
        found.add(DotnetKind::Mono, "Mono", version.unwrap_or_default());
    }
    found.into_versions()
}

//! What lies in a folder into which .NET was installed, which is built alike on all systems: `shared/FRAMEWORK/VERSION`, `sdk/VERSION`.

use std::collections::BTreeSet;

use report_format::schema::v1::{DotnetKind, DotnetVersion};

use super::notes::{Notes, word};
use super::sys::machine::Machine;

/// A version that is found in two places (a link, usually) is one.
#[derive(Debug, Default)]
pub(super) struct Found(BTreeSet<(i32, String, String)>);

impl Found {
    pub(super) fn add_folder(&mut self, machine: &Machine, root: &str, notes: &mut Notes) {
        if !machine.list(root).is_empty() {
            notes.source("dotnet folders");
        }
        for framework in machine.list(&format!("{root}/shared")) {
            for version in machine.list(&format!("{root}/shared/{framework}")) {
                self.add(DotnetKind::Runtime, &framework, &version);
            }
        }
        for version in machine.list(&format!("{root}/sdk")) {
            self.add(DotnetKind::Sdk, ".NET SDK", &version);
        }
    }

    /// Beside versions lie other things, which are left out.
    pub(super) fn add(&mut self, kind: DotnetKind, name: &str, version: &str) {
        let (name, version) = (word(name), word(version));
        if !name.is_empty() && version.starts_with(|c: char| c.is_ascii_digit()) {
            self.0.insert((kind as i32, name, version));
        }
    }

    pub(super) fn into_versions(self) -> Vec<DotnetVersion> {
        let version = |(kind, name, version)| DotnetVersion { kind, name, version, ..DotnetVersion::default() };
        self.0.into_iter().map(version).collect()
    }
}

//! Snaps. Each is mounted; what it says of itself is a YAML file of which two lines at the top level are read.

use super::{Found, Installed};
use crate::inventory::linux::machine::{Machine, Notes};

/// The second is where distributions without `/snap` have them.
const FOLDERS: [&str; 2] = ["/snap", "/var/lib/snapd/snap"];

pub(super) fn programs(machine: &Machine, notes: &mut Notes, found: &mut Found) {
    let folders = FOLDERS.into_iter().map(|folder| (folder, machine.list(folder)));
    // One can be a link to the other.
    let Some((folder, snaps)) = folders.into_iter().find(|(_, snaps)| !snaps.is_empty()) else { return };
    for snap in snaps {
        let current = format!("{folder}/{snap}/current");
        let Ok(meta) = machine.read(&format!("{current}/meta/snap.yaml")) else { continue };
        notes.source(folder);
        // The link is made anew when a revision becomes the current one.
        read(&meta, &snap, machine.day_of(&current), found);
    }
}

pub(in crate::inventory) fn read(meta: &str, folder: &str, date: String, found: &mut Found) {
    found.add(Installed {
        name: value(meta, "name").unwrap_or(folder),
        version: value(meta, "version").unwrap_or_default(),
        publisher: "",
        date,
        manager: "snap",
    });
}

/// Of `key: value` at the start of a line.
fn value<'a>(yaml: &'a str, key: &str) -> Option<&'a str> {
    let value = yaml.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?.trim();
    let quoted = |mark: char| value.strip_prefix(mark).and_then(|value| value.split(mark).next());
    quoted('\'').or_else(|| quoted('"')).or_else(|| value.split(" #").next().map(str::trim))
}

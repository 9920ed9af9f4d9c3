//! The packages of Arch Linux and its descendants: a folder for each, with texts in it.

use std::ops::ControlFlow::Continue;
use std::time::Instant;

use super::{Found, Installed, LIMIT, Wanted};
use crate::dates;
use crate::inventory::linux::machine::{Machine, Notes};

const FOLDER: &str = "/var/lib/pacman/local";

/// More than a report holds, so that it can tell how many it leaves out.
const FOLDERS_LIMIT: usize = 2 * LIMIT;

/// Of the list of a package's files.
const LIST_LIMIT: u64 = 16 << 20;

pub(super) fn programs(machine: &Machine, notes: &mut Notes, found: &mut Found) {
    let mut unread = 0;
    for folder in folders(machine, notes) {
        let Ok(package) = machine.read(&format!("{FOLDER}/{folder}/desc")) else {
            unread += 1;
            continue;
        };
        read(&package, found);
    }
    if unread > 0 {
        notes.trouble(FOLDER, &format!("{unread} packages could not be read"));
    }
}

pub(in crate::inventory) fn read(desc: &str, found: &mut Found) {
    let packager = value(desc, "PACKAGER");
    found.add(Installed {
        name: value(desc, "NAME"),
        version: value(desc, "VERSION"),
        publisher: if packager == "Unknown Packager" { "" } else { packager },
        date: value(desc, "INSTALLDATE").parse().ok().and_then(dates::day_of).unwrap_or_default(),
        manager: "pacman",
    });
}

pub(super) fn versions(machine: &Machine, notes: &mut Notes, wanted: &mut Wanted, deadline: Instant) {
    for folder in folders(machine, notes) {
        if Instant::now() >= deadline {
            wanted.give_up();
        }
        if wanted.all_found() {
            return;
        }
        let Ok(package) = machine.read(&format!("{FOLDER}/{folder}/desc")) else { continue };
        let version = value(&package, "VERSION");
        let _ = machine.each_line(&format!("{FOLDER}/{folder}/files"), LIST_LIMIT, |path| {
            wanted.offer(&[b"/", path].concat(), version);
            Continue(())
        });
    }
}

/// One for each package; beside them is a file with the version of the format.
fn folders(machine: &Machine, notes: &mut Notes) -> Vec<String> {
    let mut folders = machine.list_up_to(FOLDERS_LIMIT, FOLDER);
    folders.retain(|name| name != "ALPM_DB_VERSION");
    if !folders.is_empty() {
        notes.source(FOLDER);
    }
    folders
}

/// The line after `%KEY%`.
fn value<'a>(desc: &'a str, key: &str) -> &'a str {
    let is_key = |line: &&str| line.strip_prefix('%').and_then(|line| line.strip_suffix('%')) == Some(key);
    let mut lines = desc.lines().skip_while(|line| !is_key(line));
    lines.nth(1).unwrap_or_default()
}

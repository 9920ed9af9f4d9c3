//! The packages of Fedora, Red Hat, SUSE and their descendants. Their database has had three formats, so the program that knows them all is asked.

use std::time::{Duration, Instant};

use super::{Found, Installed, Wanted};
use crate::dates;
use crate::inventory::linux::command::{self, End};
use crate::inventory::linux::machine::{Machine, Notes};

/// The first is where Fedora and SUSE have moved it; a link is left in its place.
const FOLDERS: [&str; 2] = ["/usr/lib/sysimage/rpm", "/var/lib/rpm"];

/// Of SQLite, of the database of its own, of Berkeley DB.
const DATABASES: [&str; 3] = ["rpmdb.sqlite", "Packages.db", "Packages"];

/// Of what it says; 100 bytes for each package.
const LIMIT: usize = 4 << 20;

/// 2,000 packages take a second.
const TIME: Duration = Duration::from_millis(1500);

const VERSION: &str = "%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}";

pub(super) fn programs(machine: &Machine, notes: &mut Notes, found: &mut Found) {
    let format = format!("%{{NAME}}\\t{VERSION}\\t%{{INSTALLTIME}}\\t%{{VENDOR}}\\n");
    let all = ["-qa".to_owned(), "--queryformat".to_owned(), format];
    let said = ask(machine, notes, "rpm -qa", all, machine.deadline(TIME));
    read(&said.unwrap_or_default(), found);
}

/// A package for each line.
pub(in crate::inventory) fn read(said: &str, found: &mut Found) {
    for line in said.lines() {
        let fields: Vec<&str> = line.splitn(4, '\t').collect();
        let &[name, version, time, vendor] = fields.as_slice() else { continue };
        // Keys that packages are checked with are in the database as packages of this name.
        if name == "gpg-pubkey" {
            continue;
        }
        let publisher = if vendor == "(none)" { "" } else { vendor };
        let date = time.parse().ok().and_then(dates::day_of).unwrap_or_default();
        found.add(Installed { name, version, publisher, date, manager: "rpm" });
    }
}

/// It names all files of the packages that own the wanted ones: there is no other way to tell which package owns which.
pub(super) fn versions(machine: &Machine, notes: &mut Notes, wanted: &mut Wanted, deadline: Instant) {
    let format = format!("[%{{FILENAMES}}\\t{}\\n]", VERSION.replace("%{", "%{="));
    let mut arguments = vec!["--queryformat".to_owned(), format, "-qf".to_owned()];
    arguments.extend(wanted.paths().map(str::to_owned));
    for line in ask(machine, notes, "rpm -qf", arguments, deadline).unwrap_or_default().lines() {
        if let Some((path, version)) = line.split_once('\t') {
            wanted.offer(path.as_bytes(), version);
        }
    }
}

/// What rpm says, where there is a database. A part is better than nothing, and what is missing is told.
fn ask(
    machine: &Machine,
    notes: &mut Notes,
    place: &'static str,
    arguments: impl IntoIterator<Item = String>,
    deadline: Instant,
) -> Option<String> {
    let has_database =
        |folder: &&&str| DATABASES.iter().any(|file| machine.metadata(&format!("{folder}/{file}")).is_some());
    let folder = FOLDERS.iter().find(has_database)?;
    let database = ["--dbpath".to_owned(), machine.at(folder).to_string_lossy().into_owned()];
    let arguments = database.into_iter().chain(arguments);
    let said = notes.of(place, command::run(&machine.at("/usr/bin/rpm"), arguments, LIMIT, deadline))?;
    match said.end {
        // It fails where one of the paths belongs to nobody.
        End::Exit(_) if !said.output.is_empty() => {}
        End::Exit(_) => notes.trouble(place, &"said nothing"),
        End::Late => notes.trouble(place, &"was ended, because it took too long"),
        End::Flood => notes.trouble(place, &"was ended, because it said too much"),
    }
    Some(String::from_utf8_lossy(&said.output).into_owned())
}

//! What package managers know: which programs are installed, and which version a program file is of. One file for each manager.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use report_format::schema::v1::InstalledProgram;

use super::account::{FIRST_PERSON, LAST_PERSON};
use super::machine::{Machine, Notes, text};

pub(super) mod dpkg;
pub(super) mod flatpak;
pub(super) mod pacman;
pub(super) mod rpm;
pub(super) mod snap;

/// Of the programs in a report. A desktop has some 3,000.
const LIMIT: usize = 10_000;

/// For the owners of program files. Their place in the report is next to what is worth more: it must not be lost for them.
const VERSIONS_TIME: Duration = Duration::from_secs(1);

type Programs = fn(&Machine, &mut Notes, &mut Found);
type Versions = fn(&Machine, &mut Notes, &mut Wanted, Instant);

const PROGRAMS: [Programs; 5] = [dpkg::programs, rpm::programs, pacman::programs, flatpak::programs, snap::programs];

/// Of those that put files where the whole system has them.
const VERSIONS: [Versions; 3] = [dpkg::versions, rpm::versions, pacman::versions];

/// All that is installed, sorted by name.
pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Vec<InstalledProgram> {
    let mut found = Found { persons: persons(machine), ..Found::default() };
    for programs in PROGRAMS {
        programs(machine, notes, &mut found);
    }
    if found.left_out > 0 {
        notes.trouble("programs", &format!("{} more than {LIMIT} are left out", found.left_out));
    }
    let mut programs = found.programs;
    programs.sort_by(|a, b| (&a.name, &a.manager, &a.version).cmp(&(&b.name, &b.manager, &b.version)));
    programs
}

/// The version of the package that owns each of these program files, where one does and it is found in time.
pub(super) fn versions<'a>(
    machine: &Machine,
    notes: &mut Notes,
    paths: impl IntoIterator<Item = &'a str>,
) -> HashMap<String, String> {
    let mut wanted = Wanted::new(paths);
    let deadline = machine.deadline(VERSIONS_TIME);
    for versions in VERSIONS {
        if !wanted.all_found() {
            versions(machine, notes, &mut wanted, deadline);
        }
    }
    if wanted.gave_up {
        notes.trouble("versions of programs", &"no time to look into all packages");
    }
    wanted.versions
}

/// A program as its manager tells it.
#[derive(Debug)]
struct Installed<'a> {
    name: &'a str,
    version: &'a str,
    publisher: &'a str,
    date: String,
    manager: &'static str,
}

/// What all managers told.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) programs: Vec<InstalledProgram>,
    left_out: usize,
    pub(super) persons: HashSet<String>,
}

impl Found {
    fn add(&mut self, installed: Installed<'_>) {
        let name = text(installed.name);
        if name.is_empty() {
            return;
        }
        if self.programs.len() == LIMIT {
            self.left_out += 1;
            return;
        }
        self.programs.push(InstalledProgram {
            name,
            version: text(installed.version),
            publisher: publisher(installed.publisher, &self.persons),
            date: installed.date,
            manager: installed.manager.into(),
        });
    }
}

/// `Debian GNOME Maintainers <pkg-gnome@lists.example.org>`: the name, never the address.
///
/// The maintainer of a published package is public, a person too. Not so one who built a package on this machine: `dh_make` writes the full name of the
/// account as its maintainer, `checkinstall` writes `root@pc-17`. So a name with an `@` is none, and the names of this machine's people are not told.
fn publisher(maintainer: &str, persons: &HashSet<String>) -> String {
    let name = text(maintainer.split('<').next().unwrap_or_default().trim().trim_matches(['"', '\'']));
    let told = !name.contains('@') && !persons.contains(&name.to_lowercase());
    if told { name } else { String::new() }
}

/// The names of people with an account here, in lower case: of the account, and their own. To be kept out of a report.
fn persons(machine: &Machine) -> HashSet<String> {
    let passwd = machine.read("/etc/passwd").unwrap_or_default();
    let entries = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let is_person = |entry: &Vec<&str>| {
        entry.len() > 4 && entry[2].parse::<u32>().is_ok_and(|uid| (FIRST_PERSON..LAST_PERSON).contains(&uid))
    };
    let names = entries.filter(is_person).flat_map(|entry| [entry[0], entry[4].split(',').next().unwrap_or_default()]);
    let own = ["USER", "LOGNAME"].into_iter().filter_map(|name| machine.variable(name));
    let names = names.map(str::to_owned).chain(own).map(|name| name.to_lowercase());
    names.filter(|name| !name.is_empty()).collect()
}

/// Program files whose package is looked for.
#[derive(Debug)]
struct Wanted {
    /// Each path, and the one as which its package may know it, to the path.
    known_as: HashMap<Vec<u8>, String>,
    versions: HashMap<String, String>,
    missing: usize,
    gave_up: bool,
}

impl Wanted {
    fn new<'a>(paths: impl IntoIterator<Item = &'a str>) -> Self {
        let paths: HashSet<&str> = paths.into_iter().filter(|path| is_packaged(path)).collect();
        let names = |path: &&str| [Some((*path).to_owned()), alias(path)].into_iter().flatten();
        let known_as = paths.iter().flat_map(|path| names(path).map(|name| (name.into_bytes(), (*path).to_owned())));
        Self { known_as: known_as.collect(), versions: HashMap::new(), missing: paths.len(), gave_up: false }
    }

    fn paths(&self) -> impl Iterator<Item = &str> {
        let paths: HashSet<&str> = self.known_as.values().map(String::as_str).collect();
        paths.into_iter().filter(|path| !self.versions.contains_key(*path))
    }

    /// A file of a package of this version.
    fn offer(&mut self, file: &[u8], version: &str) {
        let Some(path) = self.known_as.get(file) else { return };
        if self.versions.insert(path.clone(), text(version)).is_none() {
            self.missing -= 1;
        }
    }

    fn all_found(&self) -> bool {
        self.missing == 0 || self.gave_up
    }

    fn give_up(&mut self) {
        self.gave_up = true;
    }
}

/// Where package managers put programs. The rest need not be looked for in each of their lists.
fn is_packaged(path: &str) -> bool {
    ["/usr/", "/bin/", "/sbin/", "/lib", "/opt/"].iter().any(|place| path.starts_with(place))
        && !path.starts_with("/usr/local/")
        && !path.contains(['\n', '\t'])
}

/// `/bin` is a link to `/usr/bin` today, but packages may still list `/bin/sh`, and the other way round.
fn alias(path: &str) -> Option<String> {
    let top = |path: &str| ["/bin/", "/sbin/", "/lib"].iter().any(|top| path.starts_with(top));
    match path.strip_prefix("/usr") {
        Some(bare) => top(bare).then(|| bare.to_owned()),
        None => top(path).then(|| format!("/usr{path}")),
    }
}

#[cfg(test)]
mod tests;

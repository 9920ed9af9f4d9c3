//! Debian's packages and those of its descendants.

use std::io::{self, Read};
use std::ops::ControlFlow::{self, Break, Continue};
use std::time::Instant;

use super::{Found, Installed, Wanted};
use crate::inventory::linux::machine::{Machine, Notes, each_line};

const STATUS: &str = "/var/lib/dpkg/status";

/// Holds the description of each package: 0.7 MB for 750 packages, a few MB on a full desktop.
const STATUS_LIMIT: u64 = 64 << 20;

/// Of the list of a package's files; that of the largest is around 4 MiB.
const LIST_LIMIT: u64 = 16 << 20;

pub(super) fn programs(machine: &Machine, notes: &mut Notes, found: &mut Found) {
    let native = native_architecture(machine);
    packages(machine, notes, |package| {
        package.tell(native.as_deref(), machine.day_of(&package.list()), found);
        Continue(())
    });
}

/// Looks through the lists of files, package by package, until all are found or the time is up.
pub(super) fn versions(machine: &Machine, notes: &mut Notes, wanted: &mut Wanted, deadline: Instant) {
    packages(machine, notes, |package| {
        if Instant::now() >= deadline {
            wanted.give_up();
            return Break(());
        }
        // A package without files, and one whose list is damaged, owns nothing that we look for.
        let _ = machine.each_line(&package.list(), LIST_LIMIT, |path| {
            wanted.offer(path, &package.version);
            Continue(())
        });
        if wanted.all_found() { Break(()) } else { Continue(()) }
    });
}

/// What a paragraph of the status file says of a package.
#[derive(Debug, Default, PartialEq)]
pub(in crate::inventory) struct Package {
    name: String,
    installed: bool,
    version: String,
    maintainer: String,
    architecture: String,
    /// Can be there for several architectures at once.
    multi_arch: bool,
}

impl Package {
    /// Of one line; lines that go on with a field start with a space.
    fn read(&mut self, line: &str) {
        let Some((field, value)) = line.split_once(':') else { return };
        let value = value.trim();
        match field {
            "Package" => self.name = value.to_owned(),
            // What is wanted, whether it is whole, what it is: "hold ok installed".
            "Status" => self.installed = value.split(' ').nth(2) == Some("installed"),
            "Version" => self.version = value.to_owned(),
            "Maintainer" => self.maintainer = value.to_owned(),
            "Architecture" => self.architecture = value.to_owned(),
            "Multi-Arch" => self.multi_arch = value == "same",
            _ => {}
        }
    }

    /// Whether it is installed, and named as a package can be: the name becomes part of a path.
    fn counts(&self) -> bool {
        let plain = |text: &str| {
            let letter = |c: u8| c.is_ascii_alphanumeric() || b"+-._".contains(&c);
            (1..=128).contains(&text.len()) && !text.starts_with('.') && text.bytes().all(letter)
        };
        self.installed && plain(&self.name) && plain(&self.architecture)
    }

    /// As `dpkg-query` names it: with its architecture where the name alone could mean another.
    fn full_name(&self, native: Option<&str>) -> String {
        let foreign = native.is_some_and(|native| native != self.architecture && self.architecture != "all");
        if self.multi_arch || foreign { format!("{}:{}", self.name, self.architecture) } else { self.name.clone() }
    }

    pub(in crate::inventory) fn tell(&self, native: Option<&str>, date: String, found: &mut Found) {
        found.add(Installed {
            name: &self.full_name(native),
            version: &self.version,
            publisher: &self.maintainer,
            date,
            manager: "dpkg",
        });
    }

    /// The file with the names of its files, written when it was installed.
    pub(in crate::inventory) fn list(&self) -> String {
        let architecture = if self.multi_arch { format!(":{}", self.architecture) } else { String::new() };
        format!("/var/lib/dpkg/info/{}{architecture}.list", self.name)
    }
}

/// Gives each installed package to `take`, which can end it.
fn packages(machine: &Machine, notes: &mut Notes, take: impl FnMut(&Package) -> ControlFlow<()>) {
    match machine.open(STATUS).and_then(|status| each_package(status, take)) {
        // Another package manager's machine.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => drop(notes.of(STATUS, read)),
    }
}

pub(in crate::inventory) fn each_package(
    status: impl Read,
    mut take: impl FnMut(&Package) -> ControlFlow<()>,
) -> io::Result<()> {
    let mut package = Package::default();
    let mut ended = Continue(());
    let read = each_line(status, STATUS_LIMIT, |line| {
        if !line.is_empty() {
            if !line.starts_with(b" ") {
                package.read(&String::from_utf8_lossy(line));
            }
            return Continue(());
        }
        let whole = std::mem::take(&mut package);
        if whole.counts() {
            ended = take(&whole);
        }
        ended
    });
    if ended.is_continue() && package.counts() {
        let _ = take(&package);
    }
    read
}

/// dpkg is built for its machine.
fn native_architecture(machine: &Machine) -> Option<String> {
    let mut native = None;
    packages(machine, &mut Notes::default(), |package| {
        if package.name == "dpkg" {
            native = Some(package.architecture.clone());
            return Break(());
        }
        Continue(())
    });
    native
}

//! Installed programs, by what their installers wrote down: the Uninstall keys of the machine, in both views, and of the person, and the repository of
//! packaged apps. `Win32_Product` is not asked: it has the installer of each program check, and repair, the program.

use std::collections::BTreeSet;

use report_format::schema::v1::InstalledProgram;

use super::account;
use super::machine::Machine;
use super::registry::{Key, View};
use crate::dates;
use crate::inventory::notes::{Notes, text};

const UNINSTALL: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall";
const OWN_UNINSTALL: &str = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Uninstall";
const APPS: &str =
    r"HKCU\Software\Classes\Local Settings\Software\Microsoft\Windows\CurrentVersion\AppModel\Repository\Packages";

/// Of the programs in a report.
const LIMIT: usize = 10_000;

/// All that is installed, sorted by name.
pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Vec<InstalledProgram> {
    let person = account::name().unwrap_or_default();
    let places = [(UNINSTALL, View::Bits64), (UNINSTALL, View::Bits32), (OWN_UNINSTALL, View::Bits64)];
    // A 32-bit Windows shows the same in both views.
    let mut found = BTreeSet::new();
    for (place, view) in places {
        let Some(key) = machine.key(place, view, notes) else { continue };
        found.extend(key.names(LIMIT).iter().filter_map(|name| program(&key.sub_key(name)?, &person)));
    }
    if let Some(key) = machine.key(APPS, View::Bits64, notes) {
        found.extend(key.names(LIMIT).iter().filter_map(|name| app(name)));
    }
    let left_out = found.len().saturating_sub(LIMIT);
    if left_out > 0 {
        notes.trouble("programs", &format!("{left_out} more than {LIMIT} are left out"));
    }
    found.into_iter().take(LIMIT).map(InstalledProgram::from).collect()
}

/// In the order in which they are told.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Program {
    name: String,
    manager: &'static str,
    version: String,
    publisher: String,
    date: String,
}

impl From<Program> for InstalledProgram {
    fn from(Program { name, manager, version, publisher, date }: Program) -> Self {
        Self { name, version, publisher, date, manager: manager.into() }
    }
}

/// What the system's own list shows: `None` for parts of programs, for updates of others, and for what has no name.
fn program(key: &Key, person: &str) -> Option<Program> {
    let is_part = key.number("SystemComponent") == Some(1);
    let is_update = key.text("ParentKeyName").is_some() || key.text("ParentDisplayName").is_some();
    if is_part || is_update {
        return None;
    }
    let of = |name| key.text(name).map(|value| text(&value)).unwrap_or_default();
    let name = Some(of("DisplayName")).filter(|name| !name.is_empty())?;
    let date = key.text("InstallDate").and_then(|date| iso_day(&date));
    Some(Program {
        name,
        manager: if key.number("WindowsInstaller") == Some(1) { "msi" } else { "setup" },
        version: of("DisplayVersion"),
        publisher: publisher(of("Publisher"), person),
        // Few say it; the system's own list takes this too.
        date: date.or_else(|| key.written().and_then(dates::day_of)).unwrap_or_default(),
    })
}

/// Who builds an installer for himself can stand in it with his own name, or address.
fn publisher(name: String, person: &str) -> String {
    if name.contains('@') || name.eq_ignore_ascii_case(person) { String::new() } else { name }
}

/// `20261120`; some write it as their country does, which is not guessed at.
fn iso_day(date: &str) -> Option<String> {
    let plain = date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit());
    let (year, month, day) = plain.then(|| (&date[..4], &date[4..6], &date[6..]))?;
    let valid = ("01"..="12").contains(&month) && ("01"..="31").contains(&day);
    valid.then(|| format!("{year}-{month}-{day}"))
}

/// `NAME_VERSION_ARCHITECTURE_RESOURCE_PUBLISHER`. With a resource it is a language or a scale of another; the publisher is a digest.
fn app(full_name: &str) -> Option<Program> {
    let [name, version, _, "" | "neutral", _] = full_name.split('_').collect::<Vec<_>>()[..] else { return None };
    let name = Some(text(name)).filter(|name| !name.is_empty())?;
    Some(Program { name, manager: "msix", version: text(version), publisher: String::new(), date: String::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_told_as_days_or_not_at_all() {
        assert_eq!(iso_day("20261120").as_deref(), Some("2026-11-20"));
        for odd in ["20.11.2026", "11/20/2026", "20261320", "20261100", "", "2026112", "２０２６"] {
            assert_eq!(iso_day(odd), None, "{odd}");
        }
    }

    #[test]
    fn an_app_is_told_by_its_package_once() {
        let found = app("Microsoft.WindowsCalculator_11.2405.2.0_x64__8wekyb3d8bbwe").unwrap();
        assert_eq!(
            (&*found.name, &*found.version, found.manager),
            ("Microsoft.WindowsCalculator", "11.2405.2.0", "msix")
        );
        for other in
            ["Microsoft.WindowsCalculator_11.2405.2.0_neutral_split.scale-100_8wekyb3d8bbwe", "odd", "", "_1_x64__a"]
        {
            assert_eq!(app(other), None, "{other}");
        }
    }

    #[test]
    fn a_publisher_is_no_person() {
        assert_eq!(publisher("Example Software".into(), "anna"), "Example Software");
        assert_eq!(publisher("Anna".into(), "anna"), "");
        assert_eq!(publisher("anna@example.org".into(), "x"), "");
    }
}

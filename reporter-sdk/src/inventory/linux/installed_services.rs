//! Services that are installed, running or not: the units of systemd, and SysV scripts that have no unit.

use std::os::unix::fs::MetadataExt;

use report_format::schema::v1::InstalledService;

use super::machine::{Machine, Notes, text};
use super::units::{self, Unit};

const SCRIPTS: &str = "/etc/init.d";

/// The runlevels of a machine in use, and what comes before them.
const RUNLEVELS: [&str; 5] = ["/etc/rcS.d", "/etc/rc2.d", "/etc/rc3.d", "/etc/rc4.d", "/etc/rc5.d"];

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Vec<InstalledService> {
    let units = units::installed(machine, notes);
    let running = units::running(machine, notes);
    // Where systemd runs and its control groups are hidden from us, nobody can tell.
    let otherwise = if running.is_some() || !units::systemd_runs(machine) { "stopped" } else { "" };
    let state = |name: &str, unit: &Unit| {
        let name = unit.stands_for.as_deref().unwrap_or(name);
        if running.as_ref().is_some_and(|running| running.contains(name)) { "running" } else { otherwise }
    };
    let told = units.iter().map(|(name, unit)| InstalledService {
        name: name.clone(),
        state: state(name, unit).into(),
        start_type: unit.start_type.into(),
    });
    let mut services: Vec<_> = told.collect();
    let has_unit = |script: &str| units.contains_key(&format!("{}.service", script.trim_end_matches(".sh")));
    services.extend(scripts(machine, notes).into_iter().filter(|service| !has_unit(&service.name)));
    services.sort_by(|a, b| a.name.cmp(&b.name));
    services
}

/// Whether a script's service runs is known to the script alone.
fn scripts(machine: &Machine, notes: &mut Notes) -> Vec<InstalledService> {
    let starts: Vec<_> = RUNLEVELS.iter().flat_map(|folder| machine.list(folder)).collect();
    // S01cups: started, as one of the first.
    let started = |link: &str| {
        link.strip_prefix('S').map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned())
    };
    let starts: Vec<_> = starts.iter().filter_map(|link| started(link)).collect();
    let mut scripts = machine.list(SCRIPTS);
    scripts.retain(|name| is_script(machine, name));
    if !scripts.is_empty() {
        notes.source(SCRIPTS);
    }
    let told = scripts.iter().map(|name| InstalledService {
        name: text(name),
        state: String::new(),
        start_type: if starts.contains(name) { "enabled" } else { "disabled" }.into(),
    });
    told.collect()
}

/// Beside the scripts are a text about them, a library of theirs, and what package managers leave.
fn is_script(machine: &Machine, name: &str) -> bool {
    let file = machine.metadata(&format!("{SCRIPTS}/{name}"));
    let runs = file.is_some_and(|file| (file.is_file() || file.is_symlink()) && file.mode() & 0o111 != 0);
    runs && name != "functions" && !name.contains(".dpkg-") && !name.starts_with('.')
}

#[cfg(test)]
mod tests;

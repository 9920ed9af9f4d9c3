//! Services that run: systemd keeps a control group for each, so it need not be asked.

use report_format::schema::v1::RunningService;

use super::machine::{Machine, Notes, text};

pub(super) fn collect(machine: &Machine, notes: &mut Notes) -> Vec<RunningService> {
    // The unified hierarchy, and the one before it.
    let folders = ["/sys/fs/cgroup/system.slice", "/sys/fs/cgroup/systemd/system.slice"];
    let found = folders.into_iter().map(|folder| (folder, machine.list(folder))).find(|(_, names)| !names.is_empty());
    let units = found.map(|(folder, names)| {
        notes.source(folder);
        names
    });
    let units = units.unwrap_or_default();
    let names = units.iter().filter(|name| name.ends_with(".service")).map(|name| unit_name(name));
    let mut services: Vec<_> = names.map(|name| RunningService { name, path: String::new() }).collect();
    services.dedup();
    services
}

/// An instance is often a person or a volume (`syncthing@anna.service`): the template is told.
fn unit_name(name: &str) -> String {
    let template = name.split_once('@').map(|(template, _)| format!("{template}@.service"));
    text(&template.unwrap_or_else(|| name.to_owned()))
}

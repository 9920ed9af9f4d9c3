//! Services that run: systemd keeps a control group for each, so it need not be asked.

use report_format::schema::v1::RunningService;

use super::machine::{Machine, Troubles, text};

pub(super) fn collect(machine: &Machine, _troubles: &mut Troubles) -> Vec<RunningService> {
    // The unified hierarchy, and the one before it.
    let folders = ["/sys/fs/cgroup/system.slice", "/sys/fs/cgroup/systemd/system.slice"];
    let units = folders.iter().map(|folder| machine.list(folder)).find(|names| !names.is_empty()).unwrap_or_default();
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

//! Services that run.

use report_format::schema::v1::RunningService;
use windows_sys::Win32::System::Services::SERVICE_WIN32;

use super::machine::Machine;
use super::service_manager::Manager;
use crate::inventory::notes::{Notes, name, text};

pub(super) const PLACE: &str = "service manager";

pub(in crate::inventory) fn collect(_: &Machine, notes: &mut Notes) -> Vec<RunningService> {
    let Some(manager) = notes.of(PLACE, Manager::open()) else { return Vec::new() };
    let services = notes.of(PLACE, manager.services(SERVICE_WIN32)).unwrap_or_default();
    let running = services.iter().filter(|service| service.is_active());
    let mut told: Vec<_> = running
        .map(|service| RunningService {
            name: name(service.name()),
            path: text(&manager.configuration(service).program),
        })
        .collect();
    // One that runs once for each person.
    told.dedup();
    told
}

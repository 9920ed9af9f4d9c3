//! Services that are installed, running or not.

use report_format::schema::v1::InstalledService;
use windows_sys::Win32::System::Services::SERVICE_WIN32;

use super::machine::Machine;
use super::service_manager::Manager;
use super::services::PLACE;
use crate::inventory::notes::{Notes, name};

pub(in crate::inventory) fn collect(_: &Machine, notes: &mut Notes) -> Vec<InstalledService> {
    let Some(manager) = notes.of(PLACE, Manager::open()) else { return Vec::new() };
    let services = notes.of(PLACE, manager.services(SERVICE_WIN32)).unwrap_or_default();
    let told = services.iter().map(|service| InstalledService {
        name: name(service.name()),
        state: service.state().into(),
        start_type: manager.configuration(service).start_type.into(),
    });
    told.collect()
}

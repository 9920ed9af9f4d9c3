//! The drivers of a class of devices, as their installation wrote them down: also of devices that are gone.

use super::machine::Machine;
use super::registry::{Key, View};
use crate::inventory::notes::{Notes, name};

/// Of one kind of device; more are no fault of the product's.
pub(super) const DEVICE_LIMIT: usize = 64;

/// Of the entries of one class.
const ENTRY_LIMIT: usize = 1024;

#[derive(Debug)]
pub(super) struct Driver {
    /// What the device is called; devices of one model share it.
    pub(super) description: String,
    /// Of a network card: the interface, `{4D36E972-…}`.
    pub(super) interface: String,
    /// `Intel 12.18.9.23`
    pub(super) told: String,
}

/// Those below a key such as `…\Control\Class\{GUID}`, whose entries are called `0000`, `0001` …
pub(super) fn drivers(machine: &Machine, place: &'static str, notes: &mut Notes) -> Vec<Driver> {
    let Some(class) = machine.key(place, View::Bits64, notes) else { return Vec::new() };
    let numbered = |name: &String| name.bytes().all(|b| b.is_ascii_digit());
    let entries = class.names(ENTRY_LIMIT).into_iter().filter(numbered).filter_map(|name| class.sub_key(&name));
    entries.map(|entry| driver(&entry)).collect()
}

fn driver(entry: &Key) -> Driver {
    let of = |name| entry.text(name).unwrap_or_default();
    Driver {
        description: of("DriverDesc"),
        interface: of("NetCfgInstanceId"),
        told: name(format!("{} {}", of("ProviderName"), of("DriverVersion")).trim()),
    }
}

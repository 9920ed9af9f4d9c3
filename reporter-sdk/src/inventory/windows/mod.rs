//! The subjects as Windows tells them: by the registry, the service manager and plain calls. WMI is not asked: it wakes a service that can take minutes.

pub(super) mod account;
pub(super) mod adapters;
pub(super) mod cpu;
mod device_class;
pub(super) mod displays;
pub(super) mod dotnet;
mod file_version;
pub(super) mod graphics;
pub(super) mod installed_services;
pub(super) mod kernel_modules;
pub(super) mod locale;
pub(super) mod machine;
pub(super) mod memory;
pub(super) mod network;
pub(super) mod os;
pub(super) mod packages;
pub(super) mod printers;
pub(super) mod processes;
mod registry;
mod service_manager;
pub(super) mod services;
#[cfg(test)]
mod tests;
mod token;
pub(super) mod volumes;
mod wide;

/// Whether the machine's registry has this key, and in it this value where one is named.
pub(crate) fn registry_has(key: &str, value: Option<&str>) -> bool {
    let key = registry::Key::open(registry::Hive::Machine, key, registry::View::Bits64).ok().flatten();
    key.is_some_and(|key| value.is_none_or(|value| key.has(value)))
}

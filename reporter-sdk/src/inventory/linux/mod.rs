//! The subjects as Linux tells them: by the files of kernel and system, and by what a few local servers say.

pub(super) mod account;
pub(super) mod adapters;
mod command;
pub(super) mod cpu;
pub(super) mod displays;
pub(super) mod dotnet;
#[cfg(feature = "test-support")]
pub(crate) mod fuzzing;
pub(super) mod graphics;
mod hardware;
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
pub(super) mod services;
#[cfg(test)]
mod tests;
mod units;
pub(super) mod volumes;

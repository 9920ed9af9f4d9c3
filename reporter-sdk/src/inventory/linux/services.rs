//! Services that run.

use report_format::schema::v1::RunningService;

use super::machine::{Machine, Notes};
use super::units;

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Vec<RunningService> {
    let running = units::running(machine, notes).unwrap_or_default();
    let told = running.into_iter().map(|name| RunningService { path: units::program(machine, &name), name });
    told.collect()
}

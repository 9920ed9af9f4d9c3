//! Graphics cards, those of virtual machines too.

use report_format::schema::v1::GraphicsCard;

use super::device_class::{DEVICE_LIMIT, drivers};
use super::displays::outputs;
use super::machine::Machine;
use super::wide::narrow;
use crate::inventory::notes::{Notes, name};

const CLASS: &str = r"HKLM\SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}";

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Vec<GraphicsCard> {
    // A card has several outputs.
    let mut models: Vec<String> = outputs().iter().map(|output| narrow(&output.DeviceString)).collect();
    models.sort_unstable();
    models.dedup();
    if !models.is_empty() {
        notes.source("EnumDisplayDevices");
    }
    let drivers = drivers(machine, CLASS, notes);
    let card = |model: &String| GraphicsCard {
        model: name(model),
        driver: drivers.iter().find(|driver| driver.description == *model).map(|d| d.told.clone()).unwrap_or_default(),
    };
    models.iter().filter(|model| !model.is_empty()).take(DEVICE_LIMIT).map(card).collect()
}

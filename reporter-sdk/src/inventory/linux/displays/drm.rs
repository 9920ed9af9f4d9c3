//! Displays as the kernel tells them: their size is the one that they prefer.

use std::io::Read;

use report_format::schema::v1::Display;

use super::super::machine::Machine;
use super::{DISPLAY_LIMIT, edid};

pub(super) const PLACE: &str = "/sys/class/drm";

pub(super) fn displays(machine: &Machine) -> Vec<Display> {
    connectors(machine).filter_map(|(folder, _)| display(machine, &folder)).take(DISPLAY_LIMIT).collect()
}

/// What the display at a connector (`DP-1`) says that it is.
pub(super) fn name_at(machine: &Machine, connector: &str) -> Option<String> {
    let (folder, _) = connectors(machine).find(|(_, name)| name == connector)?;
    name(machine, &folder)
}

/// Folders, and the names of the connectors: `card0-HDMI-A-1` is `HDMI-A-1`.
fn connectors(machine: &Machine) -> impl Iterator<Item = (String, String)> {
    machine.list(PLACE).into_iter().filter_map(|folder| {
        let (_, connector) = folder.strip_prefix("card")?.split_once('-')?;
        Some((format!("{PLACE}/{folder}"), connector.to_owned()))
    })
}

fn display(machine: &Machine, folder: &str) -> Option<Display> {
    let file = |name| machine.read(&format!("{folder}/{name}")).unwrap_or_default();
    // The lid of a notebook can be closed: connected, and off.
    if file("status").trim() != "connected" || file("enabled").trim() == "disabled" {
        return None;
    }
    let modes = file("modes");
    let (width, height) = modes.lines().next().and_then(size).unwrap_or_default();
    let name = name(machine, folder).unwrap_or_default();
    Some(Display { name, width, height, scale_percent: 100, refresh_millihertz: 0, colour_depth_bits: 0 })
}

fn name(machine: &Machine, folder: &str) -> Option<String> {
    let mut bytes = Vec::new();
    machine.open(&format!("{folder}/edid")).ok()?.take(edid::LENGTH as u64).read_to_end(&mut bytes).ok()?;
    edid::name(&bytes)
}

/// `1920x1080`, `1920x1080i`
fn size(mode: &str) -> Option<(u32, u32)> {
    let (width, height) = mode.trim().split_once('x')?;
    Some((width.parse().ok()?, height.trim_end_matches('i').parse().ok()?))
}

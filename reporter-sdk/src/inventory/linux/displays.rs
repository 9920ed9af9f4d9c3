//! Displays: as the product's X display tells them, else as the kernel does. Of what a display says of itself (its EDID) its maker and its model; beside these
//! stands its serial number.

use report_format::schema::v1::Display;

use super::machine::{Machine, Notes};
use crate::x11::X11Error;

mod drm;
pub(super) mod edid;
mod randr;

/// Of one machine.
const DISPLAY_LIMIT: usize = 32;

const X_DISPLAY: &str = "X display";

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Vec<Display> {
    let asked =
        machine.display(machine.asking()).and_then(|x11| x11.map(|x11| randr::displays(machine, &x11)).transpose());
    match asked {
        Ok(Some(displays)) => {
            notes.source(X_DISPLAY);
            return displays;
        }
        Ok(None) => {}
        Err(error) => notes.trouble(X_DISPLAY, &error as &X11Error),
    }
    let displays = drm::displays(machine);
    if !displays.is_empty() {
        notes.source(drm::PLACE);
    }
    displays
}

#[cfg(test)]
mod tests;

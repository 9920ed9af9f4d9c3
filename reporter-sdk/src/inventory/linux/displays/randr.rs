//! Displays as the X server tells them, by the extension RandR; without it there is one, as large as the screen.

use report_format::schema::v1::Display;
use x11rb::protocol::randr::{Connection, ConnectionExt as _, ModeFlag, ModeInfo, Output};
use x11rb::protocol::xproto::{AtomEnum, ConnectionExt as _};

use super::super::machine::{Machine, word};
use super::{DISPLAY_LIMIT, drm, edid};
use crate::x11::{X11, X11Error};

/// What programs that draw text take for 100 %.
const USUAL_DPI: f32 = 96.0;

/// Of the resources, in words of four bytes.
const RESOURCE_LIMIT: u32 = 16 << 10;

pub(super) fn displays(machine: &Machine, x11: &X11) -> Result<Vec<Display>, X11Error> {
    let common = Display {
        scale_percent: scale(machine, &resources(x11)?),
        colour_depth_bits: x11.screen().root_depth.into(),
        width: x11.screen().width_in_pixels.into(),
        height: x11.screen().height_in_pixels.into(),
        ..Display::default()
    };
    match outputs(machine, x11, &common) {
        Err(X11Error::Unsupported) => Ok(vec![common]),
        outputs => outputs,
    }
}

fn outputs(machine: &Machine, x11: &X11, common: &Display) -> Result<Vec<Display>, X11Error> {
    let connection = x11.connection();
    connection.randr_query_version(1, 3)?.reply()?;
    let found = connection.randr_get_screen_resources_current(x11.screen().root)?.reply()?;
    let mut displays = Vec::new();
    for output in found.outputs.into_iter().take(DISPLAY_LIMIT) {
        let info = connection.randr_get_output_info(output, found.config_timestamp)?.reply()?;
        if info.connection != Connection::CONNECTED || info.crtc == 0 {
            continue;
        }
        let shown = connection.randr_get_crtc_info(info.crtc, found.config_timestamp)?.reply()?;
        let connector = word(&String::from_utf8_lossy(&info.name));
        // Xwayland has not what a display says of itself, but names the connector.
        let said = edid(x11, output)?.or_else(|| drm::name_at(machine, &connector));
        displays.push(Display {
            name: said.unwrap_or(connector),
            width: shown.width.into(),
            height: shown.height.into(),
            refresh_millihertz: found.modes.iter().find(|mode| mode.id == shown.mode).map_or(0, refresh),
            ..common.clone()
        });
    }
    Ok(displays)
}

fn edid(x11: &X11, output: Output) -> Result<Option<String>, X11Error> {
    let connection = x11.connection();
    let atom = connection.intern_atom(true, b"EDID")?.reply()?.atom;
    if atom == 0 {
        return Ok(None);
    }
    let words = (edid::LENGTH / 4) as u32;
    let property =
        connection.randr_get_output_property(output, atom, AtomEnum::ANY, 0, words, false, false)?.reply()?;
    Ok(edid::name(&property.data))
}

fn refresh(mode: &ModeInfo) -> u32 {
    let lines = u64::from(mode.vtotal);
    // Half of the lines at a time, or each line twice.
    let lines_doubled =
        match (mode.mode_flags.contains(ModeFlag::INTERLACE), mode.mode_flags.contains(ModeFlag::DOUBLE_SCAN)) {
            (true, false) => lines,
            (false, true) => lines * 4,
            _ => lines * 2,
        };
    let dots = u64::from(mode.htotal) * lines_doubled;
    let millihertz = (u64::from(mode.dot_clock) * 2000 + dots / 2).checked_div(dots);
    millihertz.and_then(|rate| rate.try_into().ok()).unwrap_or_default()
}

/// What programs of a user share: `Xft.dpi:\t144` and the like.
fn resources(x11: &X11) -> Result<String, X11Error> {
    let root = x11.screen().root;
    let property =
        x11.connection().get_property(false, root, AtomEnum::RESOURCE_MANAGER, AtomEnum::STRING, 0, RESOURCE_LIMIT)?;
    Ok(String::from_utf8_lossy(&property.reply()?.value).into_owned())
}

/// One for all displays: X knows no other. 100 where nobody has told.
fn scale(machine: &Machine, resources: &str) -> u32 {
    let value = |line: &'_ str| line.strip_prefix("Xft.dpi:").and_then(|dpi| dpi.trim().parse::<f32>().ok());
    let of_text = resources.lines().find_map(value).map(|dpi| dpi / USUAL_DPI);
    let of_toolkit = || machine.variable("GDK_SCALE").and_then(|scale| scale.parse::<f32>().ok());
    let scale = of_text.or_else(of_toolkit).filter(|scale| (0.25..=8.0).contains(scale)).unwrap_or(1.0);
    (scale * 100.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_that_of_the_resources_then_of_the_toolkit() {
        let of = |resources: &str, variables: &[(&str, &str)]| {
            scale(&Machine::prepared(std::path::Path::new("/nowhere"), variables, || None), resources)
        };
        assert_eq!(of("Xcursor.size:\t24\nXft.dpi:\t144\nXft.dpi: 96\n", &[]), 150);
        assert_eq!(of("Xft.dpi: 120.5", &[("GDK_SCALE", "2")]), 126);
        assert_eq!(of("", &[("GDK_SCALE", "2")]), 200);
        for (resources, toolkit) in
            [("", ""), ("Xft.dpi: NaN", "2"), ("Xft.dpi: 1e30", ""), ("Xft.dpi: -1", ""), ("", "x")]
        {
            assert_eq!(of(resources, &[("GDK_SCALE", toolkit)]), 100, "{resources} {toolkit}");
        }
    }

    #[test]
    fn the_refresh_rate_is_that_of_the_mode() {
        let mode = |dot_clock, htotal, vtotal, mode_flags| ModeInfo {
            dot_clock,
            htotal,
            vtotal,
            mode_flags,
            ..Default::default()
        };
        assert_eq!(refresh(&mode(148_500_000, 2200, 1125, ModeFlag::default())), 60_000);
        assert_eq!(refresh(&mode(533_250_000, 4000, 2222, ModeFlag::default())), 59_997);
        assert_eq!(refresh(&mode(74_250_000, 2200, 1125, ModeFlag::INTERLACE)), 60_000);
        assert_eq!(refresh(&mode(148_500_000, 2200, 1125, ModeFlag::DOUBLE_SCAN)), 30_000);
        assert_eq!(refresh(&mode(148_500_000, 0, 0, ModeFlag::default())), 0);
        assert_eq!(refresh(&mode(u32::MAX, 1, 1, ModeFlag::default())), 0);
    }
}

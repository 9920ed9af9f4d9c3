//! Displays, as they are part of the desktop. Of what a display says of itself its model; beside this stands its serial number.

use std::ptr;

use report_format::schema::v1::Display;
use windows_sys::Win32::Devices::Display::{
    DISPLAYCONFIG_DEVICE_INFO_GET_SOURCE_NAME, DISPLAYCONFIG_DEVICE_INFO_GET_TARGET_NAME,
    DISPLAYCONFIG_DEVICE_INFO_HEADER, DISPLAYCONFIG_MODE_INFO, DISPLAYCONFIG_PATH_INFO, DISPLAYCONFIG_RATIONAL,
    DISPLAYCONFIG_SOURCE_DEVICE_NAME, DISPLAYCONFIG_TARGET_DEVICE_NAME, DisplayConfigGetDeviceInfo,
    QDC_ONLY_ACTIVE_PATHS, QueryDisplayConfig,
};
use windows_sys::Win32::Foundation::{ERROR_SUCCESS, POINT};
use windows_sys::Win32::Graphics::Gdi::{
    DEVMODEW, DISPLAY_DEVICE_ATTACHED_TO_DESKTOP, DISPLAY_DEVICE_MIRRORING_DRIVER, DISPLAY_DEVICEW,
    ENUM_CURRENT_SETTINGS, EnumDisplayDevicesW, EnumDisplaySettingsW, MONITOR_DEFAULTTONULL, MonitorFromPoint,
};
use windows_sys::Win32::UI::HiDpi::{
    DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2, GetDpiForMonitor, MDT_EFFECTIVE_DPI, SetThreadDpiAwarenessContext,
};

use super::machine::Machine;
use super::wide::{narrow, wide};
use crate::inventory::notes::{Notes, name};

/// Of one machine.
const DISPLAY_LIMIT: usize = 32;

/// Of the outputs of all graphics cards, with or without a display.
const OUTPUT_LIMIT: u32 = 256;

/// What a display has whose picture is as large as its pixels.
const FULL_SIZE_DPI: u32 = 96;

pub(in crate::inventory) fn collect(_: &Machine, notes: &mut Notes) -> Vec<Display> {
    // Programs that know nothing of scales are told sizes as if there was none. This thread knows.
    // SAFETY: a constant; it holds for this thread alone.
    unsafe { SetThreadDpiAwarenessContext(DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2) };
    let models = Models::read();
    let outputs = outputs().into_iter().filter(|output| output.StateFlags & DISPLAY_DEVICE_ATTACHED_TO_DESKTOP != 0);
    let found: Vec<_> = outputs.take(DISPLAY_LIMIT).filter_map(|output| display(&output, &models)).collect();
    if !found.is_empty() {
        notes.source("EnumDisplayDevices");
    }
    found
}

/// Those of all graphics cards; not what only imitates one, to send the picture elsewhere.
pub(super) fn outputs() -> Vec<DISPLAY_DEVICEW> {
    let devices = (0..OUTPUT_LIMIT).map_while(|index| device(ptr::null(), index));
    devices.filter(|device| device.StateFlags & DISPLAY_DEVICE_MIRRORING_DRIVER == 0).collect()
}

/// An output, or of a named output what is connected to it.
fn device(output: *const u16, index: u32) -> Option<DISPLAY_DEVICEW> {
    let mut device = DISPLAY_DEVICEW { cb: size_of::<DISPLAY_DEVICEW>() as u32, ..DISPLAY_DEVICEW::default() };
    // SAFETY: null, or the name of an output with a zero at its end; a structure that says its own size.
    (unsafe { EnumDisplayDevicesW(output, index, &raw mut device, 0) } != 0).then_some(device)
}

fn display(output: &DISPLAY_DEVICEW, models: &Models) -> Option<Display> {
    let output_name = wide(&narrow(&output.DeviceName));
    let mut mode = DEVMODEW { dmSize: size_of::<DEVMODEW>() as u16, ..DEVMODEW::default() };
    // SAFETY: a name with a zero at its end, and a structure that says its own size.
    if unsafe { EnumDisplaySettingsW(output_name.as_ptr(), ENUM_CURRENT_SETTINGS, &raw mut mode) } == 0 {
        return None;
    }
    let model = models.0.iter().find(|model| model.output == narrow(&output.DeviceName));
    // "Generic PnP Monitor" for most.
    let driver = || device(output_name.as_ptr(), 0).map(|device| narrow(&device.DeviceString)).unwrap_or_default();
    // 0 and 1 stand for what the hardware has by itself.
    let refresh = Some(mode.dmDisplayFrequency).filter(|hertz| *hertz > 1).unwrap_or(0).saturating_mul(1000);
    Some(Display {
        name: name(&model.map(|model| model.name.clone()).filter(|name| !name.is_empty()).unwrap_or_else(driver)),
        width: mode.dmPelsWidth,
        height: mode.dmPelsHeight,
        scale_percent: scale(&mode),
        refresh_millihertz: model.map(|model| model.refresh_millihertz).filter(|exact| *exact > 0).unwrap_or(refresh),
        colour_depth_bits: mode.dmBitsPerPel,
    })
}

fn scale(mode: &DEVMODEW) -> u32 {
    // SAFETY: of a display both views are of integers, and the place is what the system filled in.
    let at = unsafe { mode.Anonymous1.Anonymous2.dmPosition };
    // SAFETY: a place on the desktop.
    let monitor = unsafe { MonitorFromPoint(POINT { x: at.x, y: at.y }, MONITOR_DEFAULTTONULL) };
    let (mut x, mut y) = (FULL_SIZE_DPI, FULL_SIZE_DPI);
    if !monitor.is_null() {
        // SAFETY: a display, which may have gone, and two places. Where it fails they stay.
        unsafe { GetDpiForMonitor(monitor, MDT_EFFECTIVE_DPI, &raw mut x, &raw mut y) };
    }
    x.saturating_mul(100) / FULL_SIZE_DPI
}

/// What displays say of themselves, by the output that shows on them. In a remote session there is nothing of that.
#[derive(Debug, Default)]
struct Models(Vec<Model>);

#[derive(Debug)]
struct Model {
    output: String,
    /// `DELL U2720Q`
    name: String,
    refresh_millihertz: u32,
}

impl Models {
    fn read() -> Self {
        let mut paths = vec![DISPLAYCONFIG_PATH_INFO::default(); DISPLAY_LIMIT];
        let mut modes = vec![DISPLAYCONFIG_MODE_INFO::default(); 2 * DISPLAY_LIMIT];
        let (mut path_count, mut mode_count) = (paths.len() as u32, modes.len() as u32);
        // SAFETY: places for so many of both, and for how many there are.
        let result = unsafe {
            QueryDisplayConfig(
                QDC_ONLY_ACTIVE_PATHS,
                &raw mut path_count,
                paths.as_mut_ptr(),
                &raw mut mode_count,
                modes.as_mut_ptr(),
                ptr::null_mut(),
            )
        };
        if result != ERROR_SUCCESS {
            return Self::default();
        }
        Self(paths.iter().take(path_count as usize).filter_map(model).collect())
    }
}

fn model(path: &DISPLAYCONFIG_PATH_INFO) -> Option<Model> {
    let mut source = DISPLAYCONFIG_SOURCE_DEVICE_NAME {
        header: DISPLAYCONFIG_DEVICE_INFO_HEADER {
            r#type: DISPLAYCONFIG_DEVICE_INFO_GET_SOURCE_NAME,
            size: size_of::<DISPLAYCONFIG_SOURCE_DEVICE_NAME>() as u32,
            adapterId: path.sourceInfo.adapterId,
            id: path.sourceInfo.id,
        },
        ..DISPLAYCONFIG_SOURCE_DEVICE_NAME::default()
    };
    // SAFETY: a question that says its own size and kind.
    if unsafe { DisplayConfigGetDeviceInfo((&raw mut source).cast()) } != 0 {
        return None;
    }
    let mut target = DISPLAYCONFIG_TARGET_DEVICE_NAME {
        header: DISPLAYCONFIG_DEVICE_INFO_HEADER {
            r#type: DISPLAYCONFIG_DEVICE_INFO_GET_TARGET_NAME,
            size: size_of::<DISPLAYCONFIG_TARGET_DEVICE_NAME>() as u32,
            adapterId: path.targetInfo.adapterId,
            id: path.targetInfo.id,
        },
        ..DISPLAYCONFIG_TARGET_DEVICE_NAME::default()
    };
    // SAFETY: a question that says its own size and kind. Where it fails the name stays empty.
    unsafe { DisplayConfigGetDeviceInfo((&raw mut target).cast()) };
    Some(Model {
        output: narrow(&source.viewGdiDeviceName),
        name: narrow(&target.monitorFriendlyDeviceName),
        refresh_millihertz: millihertz(path.targetInfo.refreshRate),
    })
}

/// `59940/1000`
fn millihertz(rate: DISPLAYCONFIG_RATIONAL) -> u32 {
    let exact = (u64::from(rate.Numerator) * 1000).checked_div(u64::from(rate.Denominator));
    exact.and_then(|exact| exact.try_into().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refresh_rates_are_exact() {
        let rate = |numerator, denominator| DISPLAYCONFIG_RATIONAL { Numerator: numerator, Denominator: denominator };
        assert_eq!(millihertz(rate(60_000, 1001)), 59_940);
        assert_eq!(millihertz(rate(144, 1)), 144_000);
        assert_eq!(millihertz(rate(1, 0)), 0);
        assert_eq!(millihertz(rate(u32::MAX, 1)), 0);
    }
}

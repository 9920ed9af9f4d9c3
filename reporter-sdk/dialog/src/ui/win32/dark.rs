//! Dark colours, where the person has chosen them for programs. Windows gives its own controls none: they are asked by the documented ways which colours they take, and what has no
//! such way is drawn by us.

use std::ptr;

use windows_sys::Win32::Foundation::COLORREF;
use windows_sys::Win32::Graphics::Dwm::{DWMWA_USE_IMMERSIVE_DARK_MODE, DwmSetWindowAttribute};
use windows_sys::Win32::Graphics::Gdi::{CreateSolidBrush, DeleteObject, HBRUSH, HDC, SetBkColor, SetTextColor};
use windows_sys::Win32::System::Registry::{HKEY_CURRENT_USER, RRF_RT_REG_DWORD, RegGetValueW};
use windows_sys::Win32::UI::Accessibility::{HCF_HIGHCONTRASTON, HIGHCONTRASTW};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    SPI_GETHIGHCONTRAST, SystemParametersInfoW, WM_CTLCOLORBTN, WM_CTLCOLOREDIT, WM_CTLCOLORLISTBOX, WM_CTLCOLORSTATIC,
};
use windows_sys::core::w;

use super::widget::Widget;

/// In red, green and blue.
pub(super) type Colour = [u8; 3];

pub(super) const BACKGROUND: Colour = [0x20, 0x20, 0x20];
/// What is typed into, or chosen from.
pub(super) const FIELD: Colour = [0x2b, 0x2b, 0x2b];
pub(super) const BUTTON: Colour = [0x38, 0x38, 0x38];
/// Below the mouse.
pub(super) const HOT: Colour = [0x48, 0x48, 0x48];
pub(super) const PRESSED: Colour = [0x2b, 0x2b, 0x2b];
pub(super) const TEXT: Colour = [0xf2, 0xf2, 0xf2];
/// Of what cannot be pressed now.
pub(super) const DISABLED: Colour = [0xa6, 0xa6, 0xa6];
/// Around fields and buttons.
pub(super) const FRAME: Colour = [0x8c, 0x8c, 0x8c];
/// Around what has the keyboard, of a switch that is on, and of a bar.
pub(super) const ACCENT: Colour = [0x60, 0xcd, 0xff];
/// Upon it.
pub(super) const ON_ACCENT: Colour = [0, 0, 0];

/// As the system has it.
pub(super) fn reference([red, green, blue]: Colour) -> COLORREF {
    COLORREF::from_le_bytes([red, green, blue, 0])
}

/// Whether the person wants it so. Who has set high contrast has chosen each colour, and those stay.
pub(super) fn is_wished() -> bool {
    wishes(apps_are_light(), contrast_is_high())
}

/// Those without a setting have never chosen dark.
fn wishes(apps_are_light: Option<u32>, contrast_is_high: bool) -> bool {
    apps_are_light == Some(0) && !contrast_is_high
}

fn apps_are_light() -> Option<u32> {
    let mut value = 0_u32;
    let mut size = size_of_val(&value) as u32;
    // SAFETY: names that end in a zero; a number is asked for, for which there is room.
    let error = unsafe {
        RegGetValueW(
            HKEY_CURRENT_USER,
            w!("Software\\Microsoft\\Windows\\CurrentVersion\\Themes\\Personalize"),
            w!("AppsUseLightTheme"),
            RRF_RT_REG_DWORD,
            ptr::null_mut(),
            (&raw mut value).cast(),
            &raw mut size,
        )
    };
    (error == 0).then_some(value)
}

fn contrast_is_high() -> bool {
    let size = size_of::<HIGHCONTRASTW>() as u32;
    let mut contrast = HIGHCONTRASTW { cbSize: size, ..Default::default() };
    // SAFETY: the structure that this action fills, which says its size.
    unsafe { SystemParametersInfoW(SPI_GETHIGHCONTRAST, size, (&raw mut contrast).cast(), 0) };
    contrast.dwFlags & HCF_HIGHCONTRASTON != 0
}

/// Of the window's title. A Windows that does not know this attribute leaves it as it is.
pub(super) fn set_title(main: Widget, dark: bool) {
    let dark = i32::from(dark);
    // SAFETY: a handle, which the system checks; the attribute is a number of this size.
    unsafe {
        DwmSetWindowAttribute(
            main.0,
            DWMWA_USE_IMMERSIVE_DARK_MODE.cast_unsigned(),
            (&raw const dark).cast(),
            size_of_val(&dark) as u32,
        )
    };
}

/// What controls draw their backgrounds with. Ours to delete.
#[derive(Debug)]
pub(super) struct Brushes {
    background: HBRUSH,
    field: HBRUSH,
}

impl Brushes {
    pub(super) fn new() -> Self {
        // SAFETY: takes a number.
        let brush = |colour| unsafe { CreateSolidBrush(reference(colour)) };
        Self { background: brush(BACKGROUND), field: brush(FIELD) }
    }

    /// What a control draws itself with, where it asks by this message: what stands behind it is the answer, in text and background colours of `dc` as well.
    pub(super) fn colour(&self, message: u32, dc: HDC) -> Option<HBRUSH> {
        let (brush, behind) = match message {
            WM_CTLCOLORSTATIC | WM_CTLCOLORBTN => (self.background, BACKGROUND),
            WM_CTLCOLOREDIT | WM_CTLCOLORLISTBOX => (self.field, FIELD),
            _ => return None,
        };
        // SAFETY: a device context, which the system checks, and a number.
        unsafe { SetTextColor(dc, reference(TEXT)) };
        // SAFETY: as before.
        unsafe { SetBkColor(dc, reference(behind)) };
        Some(brush)
    }
}

impl Drop for Brushes {
    fn drop(&mut self) {
        for brush in [self.background, self.field] {
            // SAFETY: made by us. They live as long as the window's controls, which have ended by then.
            unsafe { DeleteObject(brush) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of WCAG 2: from 1 to 21.
    fn contrast(one: Colour, other: Colour) -> f64 {
        let luminance = |colour: Colour| {
            let [red, green, blue] = colour.map(|value| {
                let value = f64::from(value) / 255.0;
                if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            });
            0.2126 * red + 0.7152 * green + 0.0722 * blue
        };
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn text_can_be_read() {
        assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 0.01);
        for behind in [BACKGROUND, FIELD, BUTTON, HOT, PRESSED] {
            assert!(contrast(TEXT, behind) >= 7.0, "{behind:?}");
        }
        for behind in [BACKGROUND, BUTTON] {
            assert!(contrast(DISABLED, behind) >= 4.5, "{behind:?}");
        }
        assert!(contrast(ON_ACCENT, ACCENT) >= 7.0);
    }

    #[test]
    fn frames_can_be_seen_and_what_has_the_keyboard_among_them() {
        for behind in [BACKGROUND, FIELD, BUTTON] {
            assert!(contrast(FRAME, behind) >= 3.0, "{behind:?}");
            assert!(contrast(ACCENT, behind) >= 4.5, "{behind:?}");
        }
        assert!(contrast(ACCENT, FRAME) >= 1.5);
    }

    #[test]
    fn it_is_dark_where_the_person_has_said_so_and_contrast_is_not_high() {
        assert!(wishes(Some(0), false));
        assert!(!wishes(Some(1), false));
        assert!(!wishes(None, false));
        assert!(!wishes(Some(0), true));
    }
}

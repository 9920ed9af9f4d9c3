//! The system's fonts, and how much room a text takes in them.

use std::ptr;

use windows_sys::Win32::Foundation::RECT;
use windows_sys::Win32::Graphics::Gdi::{
    CreateFontIndirectW, DT_CALCRECT, DT_EDITCONTROL, DT_NOPREFIX, DT_WORDBREAK, DeleteObject, DrawTextW, FF_MODERN,
    FIXED_PITCH, FW_BOLD, GetDC, HDC, HFONT, LOGFONTW, ReleaseDC, SelectObject,
};
use windows_sys::Win32::UI::HiDpi::SystemParametersInfoForDpi;
use windows_sys::Win32::UI::WindowsAndMessaging::{
    NONCLIENTMETRICSW, SPI_GETNONCLIENTMETRICS, USER_DEFAULT_SCREEN_DPI,
};

use super::widget::wide;

/// Of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Font {
    /// That of the system's own messages.
    Message,
    /// The same, bold.
    Bold,
    /// Bold, and larger.
    Title,
    /// Each character as wide as any.
    Fixed,
}

/// All fonts of a window on a display of so many dots per inch.
#[derive(Debug)]
pub(super) struct Fonts {
    dpi: u32,
    message: Owned,
    bold: Owned,
    title: Owned,
    fixed: Owned,
}

impl Fonts {
    pub(super) fn new(dpi: u32) -> Self {
        let dpi = dpi.max(1);
        let message = message_font(dpi);
        let bold = LOGFONTW { lfWeight: FW_BOLD.cast_signed(), ..message };
        let title = LOGFONTW { lfHeight: bold.lfHeight * 5 / 4, ..bold };
        // Where there is none of this name, one of this kind is taken.
        let mut fixed = LOGFONTW { lfPitchAndFamily: FIXED_PITCH | FF_MODERN, ..message };
        fixed.lfFaceName = [0; 32];
        for (place, unit) in fixed.lfFaceName.iter_mut().zip("Consolas".encode_utf16()) {
            *place = unit;
        }
        let [message, bold, title, fixed] = [message, bold, title, fixed].map(|font| Owned::new(&font));
        Self { dpi, message, bold, title, fixed }
    }

    /// Pixels of so many at the usual size.
    pub(super) fn scale(&self, pixels: i32) -> i32 {
        let usual = USER_DEFAULT_SCREEN_DPI.cast_signed();
        (pixels * self.dpi.cast_signed() + usual / 2) / usual
    }

    pub(super) fn handle(&self, font: Font) -> HFONT {
        match font {
            Font::Message => self.message.0,
            Font::Bold => self.bold.0,
            Font::Title => self.title.0,
            Font::Fixed => self.fixed.0,
        }
    }
}

/// The person's own choice, text size of the accessibility settings and all.
fn message_font(dpi: u32) -> LOGFONTW {
    let mut metrics = NONCLIENTMETRICSW { cbSize: size_of::<NONCLIENTMETRICSW>() as u32, ..Default::default() };
    // SAFETY: the structure that this action fills, which says its size.
    unsafe { SystemParametersInfoForDpi(SPI_GETNONCLIENTMETRICS, metrics.cbSize, (&raw mut metrics).cast(), 0, dpi) };
    // Untouched, it stands for a font that there always is.
    metrics.lfMessageFont
}

/// Ours to delete.
#[derive(Debug)]
struct Owned(HFONT);

impl Owned {
    fn new(font: &LOGFONTW) -> Self {
        // SAFETY: a whole description, its name ended by a zero.
        Self(unsafe { CreateFontIndirectW(font) })
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: made by us, and in no device context: `Measure` puts back what was there, and the widgets have others or are gone.
        unsafe { DeleteObject(self.0) };
    }
}

/// Measures as the widgets draw.
#[derive(Debug)]
pub(super) struct Measure<'a> {
    pub(super) fonts: &'a Fonts,
    dc: HDC,
}

impl<'a> Measure<'a> {
    pub(super) fn new(fonts: &'a Fonts) -> Self {
        // SAFETY: takes the whole screen's.
        let dc = unsafe { GetDC(ptr::null_mut()) };
        Self { fonts, dc }
    }

    /// Of a text in lines of this width, broken between characters where a word has more.
    pub(super) fn height(&self, text: &str, font: Font, width: i32) -> i32 {
        let area = self.area(text, font, width);
        area.bottom - area.top
    }

    /// Of a text in one line.
    pub(super) fn width(&self, text: &str, font: Font) -> i32 {
        let area = self.area(text, font, i32::from(i16::MAX));
        area.right - area.left
    }

    fn area(&self, text: &str, font: Font, width: i32) -> RECT {
        let mut area = RECT { left: 0, top: 0, right: width.max(1), bottom: 0 };
        let text = wide(text);
        let flags = DT_CALCRECT | DT_WORDBREAK | DT_NOPREFIX | DT_EDITCONTROL;
        // SAFETY: handles, which the system checks.
        let before = unsafe { SelectObject(self.dc, self.fonts.handle(font)) };
        // SAFETY: a text that ends in a zero, and is not changed by these flags; the area lives here.
        unsafe { DrawTextW(self.dc, text.as_ptr(), -1, &raw mut area, flags) };
        // SAFETY: as before.
        unsafe { SelectObject(self.dc, before) };
        area
    }
}

impl Drop for Measure<'_> {
    fn drop(&mut self) {
        // SAFETY: taken of the whole screen.
        unsafe { ReleaseDC(ptr::null_mut(), self.dc) };
    }
}

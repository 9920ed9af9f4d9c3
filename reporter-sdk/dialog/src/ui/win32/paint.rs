//! Controls in dark colours, drawn by us: those that Windows lets take no colours.

use windows_sys::Win32::Foundation::{POINT, RECT};
use windows_sys::Win32::Graphics::Gdi::{
    BeginPaint, CreatePen, CreateSolidBrush, DT_CALCRECT, DT_CENTER, DT_END_ELLIPSIS, DT_NOPREFIX, DT_SINGLELINE,
    DT_VCENTER, DT_WORDBREAK, DeleteObject, DrawTextW, EndPaint, FillRect, FrameRect, GDI_ERROR, GetLayout,
    GetWindowDC, HDC, LAYOUT_RTL, PAINTSTRUCT, PS_SOLID, Polyline, ReleaseDC, SelectObject, SetBkMode, SetTextColor,
    TRANSPARENT,
};

use super::dark::{
    ACCENT, BACKGROUND, BUTTON, Colour, DISABLED, FIELD, FRAME, HOT, ON_ACCENT, PRESSED, TEXT, reference,
};
use super::fonts::{Font, Fonts};
use super::widget::{Widget, wide};

/// In pixels at the usual size, as all sizes here.
const BOX: i32 = 13;
const GAP: i32 = 6;
/// Around what has the keyboard.
const FOCUS: i32 = 2;

/// How something is that is drawn.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct State {
    pub(super) disabled: bool,
    pub(super) focused: bool,
    pub(super) hot: bool,
    pub(super) pressed: bool,
}

/// A place to draw.
#[derive(Debug)]
pub(super) struct Canvas<'a> {
    dc: HDC,
    fonts: &'a Fonts,
}

impl<'a> Canvas<'a> {
    pub(super) fn new(dc: HDC, fonts: &'a Fonts) -> Self {
        Self { dc, fonts }
    }

    pub(super) fn fill(&self, area: &RECT, colour: Colour) {
        // SAFETY: takes a number.
        let brush = unsafe { CreateSolidBrush(reference(colour)) };
        // SAFETY: a device context, which the system checks; area and brush live here.
        unsafe { FillRect(self.dc, area, brush) };
        // SAFETY: made above, and its last use.
        unsafe { DeleteObject(brush) };
    }

    /// So many pixels wide, inside of this area.
    fn frame(&self, area: &RECT, colour: Colour, width: i32) {
        // SAFETY: takes a number.
        let brush = unsafe { CreateSolidBrush(reference(colour)) };
        for by in 0..width {
            // SAFETY: as in `fill`.
            unsafe { FrameRect(self.dc, &inner(area, by), brush) };
        }
        // SAFETY: made above, and its last use.
        unsafe { DeleteObject(brush) };
    }

    fn lines(&self, points: &[POINT], colour: Colour, width: i32) {
        // SAFETY: takes numbers.
        let pen = unsafe { CreatePen(PS_SOLID, width, reference(colour)) };
        // SAFETY: handles, which the system checks.
        let before = unsafe { SelectObject(self.dc, pen) };
        // SAFETY: there are so many points.
        unsafe { Polyline(self.dc, points.as_ptr(), points.len() as i32) };
        // SAFETY: as before.
        unsafe { SelectObject(self.dc, before) };
        // SAFETY: made above, in no device context any more.
        unsafe { DeleteObject(pen) };
    }

    /// Answers the height that it takes, or would.
    fn text(&self, text: &str, font: Font, area: &RECT, colour: Colour, flags: u32) -> i32 {
        let (text, mut area) = (wide(text), *area);
        // SAFETY: handles, which the system checks.
        let before = unsafe { SelectObject(self.dc, self.fonts.handle(font)) };
        // SAFETY: a device context, which the system checks, and numbers.
        unsafe { SetBkMode(self.dc, TRANSPARENT as i32) };
        // SAFETY: as before.
        unsafe { SetTextColor(self.dc, reference(colour)) };
        // SAFETY: a text that ends in a zero, and is not changed by our flags; the area lives here.
        let height = unsafe { DrawTextW(self.dc, text.as_ptr(), -1, &raw mut area, flags) };
        // SAFETY: as before.
        unsafe { SelectObject(self.dc, before) };
        height
    }

    /// In the middle from above to below.
    fn wrapped(&self, text: &str, font: Font, area: &RECT, colour: Colour, flags: u32) {
        let flags = flags | DT_WORDBREAK;
        let height = self.text(text, font, area, colour, flags | DT_CALCRECT);
        let above = ((area.bottom - area.top - height) / 2).max(0);
        self.text(text, font, &RECT { top: area.top + above, ..*area }, colour, flags);
    }

    pub(super) fn button(&self, area: &RECT, label: &str, font: Font, state: State) {
        let behind = match state {
            State { disabled: true, .. } => BACKGROUND,
            State { pressed: true, .. } => PRESSED,
            State { hot: true, .. } => HOT,
            _ => BUTTON,
        };
        self.fill(area, behind);
        self.around(area, state);
        let inside = inner(area, self.fonts.scale(GAP / 2));
        self.wrapped(label, font, &inside, if state.disabled { DISABLED } else { TEXT }, DT_CENTER);
    }

    pub(super) fn switch(&self, area: &RECT, label: &str, on: bool, state: State) {
        self.fill(area, BACKGROUND);
        let (size, gap) = (self.fonts.scale(BOX), self.fonts.scale(GAP));
        let (left, top) = (area.left + 1, area.top + self.fonts.scale(2));
        let square = RECT { left, top, right: left + size, bottom: top + size };
        self.fill(&square, if on { ACCENT } else { FIELD });
        self.frame(&square, if on || state.focused { ACCENT } else { FRAME }, 1);
        if on {
            // The mark of a choice is the same everywhere, and would be a mirror's where the window is laid out from right to left.
            let point = |x: i32, y: i32| {
                let x = if self.is_mirrored() { 13 - x } else { x };
                POINT { x: left + size * x / 13, y: top + size * y / 13 }
            };
            self.lines(&[point(3, 6), point(5, 9), point(10, 3)], ON_ACCENT, self.fonts.scale(FOCUS));
        }
        let beside = RECT { left: square.right + gap, ..*area };
        self.text(label, Font::Message, &beside, if state.disabled { DISABLED } else { TEXT }, DT_WORDBREAK);
        if state.focused {
            let around = RECT { left: beside.left - gap / 2, ..*area };
            self.frame(&around, ACCENT, self.fonts.scale(1));
        }
    }

    fn is_mirrored(&self) -> bool {
        // SAFETY: a device context, which the system checks.
        let layout = unsafe { GetLayout(self.dc) };
        layout != GDI_ERROR as u32 && layout & LAYOUT_RTL != 0
    }

    fn around(&self, area: &RECT, state: State) {
        if state.focused {
            self.frame(area, ACCENT, self.fonts.scale(FOCUS));
        } else {
            self.frame(area, FRAME, 1);
        }
    }

    fn choice(&self, area: &RECT, selected: &str, state: State) {
        self.fill(area, FIELD);
        self.around(area, state);
        let arrow = self.fonts.scale(4);
        let (x, y) = (area.right - 4 * arrow, (area.top + area.bottom - arrow) / 2);
        let points = [POINT { x, y }, POINT { x: x + arrow, y: y + arrow }, POINT { x: x + 2 * arrow, y }];
        self.lines(&points, if state.disabled { DISABLED } else { TEXT }, self.fonts.scale(1));
        let text = RECT { left: area.left + self.fonts.scale(GAP), right: x - arrow, ..*area };
        self.text(
            selected,
            Font::Message,
            &text,
            if state.disabled { DISABLED } else { TEXT },
            DT_SINGLELINE | DT_VCENTER | DT_END_ELLIPSIS | DT_NOPREFIX,
        );
    }

    /// Around a picture: a dark one would have no end.
    pub(super) fn picture_frame(&self, area: &RECT) {
        self.frame(area, FRAME, 1);
    }
}

/// The whole of a list of options that is closed, which has asked to be drawn.
pub(super) fn choice(list: Widget, fonts: &Fonts, state: State) {
    let mut paint = PAINTSTRUCT::default();
    // SAFETY: a handle, which the system checks; the structure lives here.
    let dc = unsafe { BeginPaint(list.0, &raw mut paint) };
    let (right, bottom) = list.inside();
    Canvas::new(dc, fonts).choice(&RECT { left: 0, top: 0, right, bottom }, &list.text(), state);
    // SAFETY: begun above.
    unsafe { EndPaint(list.0, &raw const paint) };
}

/// The frame around what can be typed into: of `edge` pixels, which its text does not reach.
pub(super) fn field_frame(field: Widget, fonts: &Fonts, edge: i32, state: State) {
    // SAFETY: a handle, which the system checks.
    let dc = unsafe { GetWindowDC(field.0) };
    let area = RECT { left: 0, top: 0, right: field.width(), bottom: field.height() };
    let canvas = Canvas::new(dc, fonts);
    canvas.frame(&area, FIELD, edge);
    canvas.frame(&area, if state.focused { ACCENT } else { FRAME }, if state.focused { edge } else { 1 });
    // SAFETY: taken above, of this window.
    unsafe { ReleaseDC(field.0, dc) };
}

fn inner(area: &RECT, by: i32) -> RECT {
    RECT { left: area.left + by, top: area.top + by, right: area.right - by, bottom: area.bottom - by }
}

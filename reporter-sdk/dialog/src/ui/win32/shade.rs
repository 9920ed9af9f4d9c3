//! Whether the window is dark or as the system's own, and what follows from that.

use std::cell::Cell;

use windows_sys::Win32::Foundation::{HWND, LPARAM, LRESULT, RECT, WPARAM};
use windows_sys::Win32::Graphics::Gdi::{
    COLOR_WINDOWTEXT, GetSysColor, HDC, RDW_ALLCHILDREN, RDW_ERASE, RDW_FRAME, RDW_INVALIDATE, RedrawWindow,
};
use windows_sys::Win32::UI::Controls::{
    CDDS_PREPAINT, CDIS_DISABLED, CDIS_FOCUS, CDIS_HOT, CDIS_SELECTED, CDRF_DODEFAULT, CDRF_SKIPDEFAULT, NMCUSTOMDRAW,
};
use windows_sys::Win32::UI::HiDpi::GetSystemMetricsForDpi;
use windows_sys::Win32::UI::Shell::{DefSubclassProc, SetWindowSubclass};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    CB_SETCURSEL, SM_CXEDGE, WM_ENABLE, WM_ERASEBKGND, WM_KILLFOCUS, WM_NCPAINT, WM_PAINT, WM_SETFOCUS,
};

use super::dark::{self, Brushes, Colour};
use super::fonts::Fonts;
use super::node::Node;
use super::paint::{self, Canvas, State};
use super::picture;
use super::widget::Widget;
use crate::elements::{Element, Kind};

/// Of a window.
#[derive(Debug)]
pub(super) struct Shade {
    dark: Cell<bool>,
    brushes: Brushes,
}

impl Shade {
    /// As the person has set it.
    pub(super) fn new() -> Self {
        Self { dark: Cell::new(dark::is_wished()), brushes: Brushes::new() }
    }

    pub(super) fn is_dark(&self) -> bool {
        self.dark.get()
    }

    /// Looks again. Answers whether it is another now.
    pub(super) fn changes(&self) -> bool {
        let wished = dark::is_wished();
        self.dark.replace(wished) != wished
    }

    /// Behind all of the window.
    pub(super) fn background(&self) -> Colour {
        if self.is_dark() { dark::BACKGROUND } else { picture::background() }
    }

    fn text(&self) -> Colour {
        if self.is_dark() {
            return dark::TEXT;
        }
        // SAFETY: takes a number.
        let [red, green, blue, _] = unsafe { GetSysColor(COLOR_WINDOWTEXT) }.to_le_bytes();
        [red, green, blue]
    }

    /// Tells the window, and what is in it.
    pub(super) fn apply(&self, main: Widget, root: &Node, element: &Element) {
        dark::set_title(main, self.is_dark());
        root.shade(element, self.is_dark(), self.background());
        redraw(main, RDW_ERASE | RDW_ALLCHILDREN);
    }

    /// The brush that the system is to draw with.
    pub(super) fn answer(&self, message: u32, dc: HDC) -> Option<LRESULT> {
        if !self.is_dark() {
            return None;
        }
        self.brushes.colour(message, dc).map(|brush| brush.addr().cast_signed())
    }

    /// All of one of our windows.
    pub(super) fn erase(&self, window: Widget, dc: HDC, fonts: &Fonts) -> Option<()> {
        let (right, bottom) = window.inside();
        let area = RECT { left: 0, top: 0, right, bottom };
        self.is_dark().then(|| Canvas::new(dc, fonts).fill(&area, dark::BACKGROUND))
    }

    /// What is left to us to draw, light or dark: the bar of a warning, and pictures.
    pub(super) fn draw(&self, node: &Node, element: &Element, (dc, area): (HDC, &RECT), fonts: &Fonts) {
        let canvas = Canvas::new(dc, fonts);
        if let Kind::Warning(_) = element.kind {
            canvas.fill(area, self.text());
        }
        if let Some(picture) = node.picture.borrow().clone() {
            picture.draw(dc, area);
            if self.is_dark() && matches!(element.kind, Kind::Image { .. }) {
                canvas.picture_frame(area);
            }
        }
    }

    /// A button or a switch that is about to draw itself.
    pub(super) fn button(&self, node: &Node, element: &Element, draws: &NMCUSTOMDRAW, fonts: &Fonts) -> LRESULT {
        if !self.is_dark() || draws.dwDrawStage != CDDS_PREPAINT {
            return CDRF_DODEFAULT as LRESULT;
        }
        let is = |state| draws.uItemState & state != 0;
        let state = State {
            disabled: is(CDIS_DISABLED),
            focused: is(CDIS_FOCUS),
            hot: is(CDIS_HOT),
            pressed: is(CDIS_SELECTED),
        };
        let (canvas, widget) = (Canvas::new(draws.hdc, fonts), Widget(draws.hdr.hwndFrom));
        let (Some(item), label) = (node.items.last(), widget.text()) else { return CDRF_DODEFAULT as LRESULT };
        match element.kind {
            Kind::Switch { .. } => canvas.switch(&draws.rc, &label, widget.is_checked(), state),
            _ => canvas.button(&draws.rc, &label, item.font, state),
        }
        CDRF_SKIPDEFAULT as LRESULT
    }
}

/// All of it, later.
fn redraw(widget: Widget, what: u32) {
    // SAFETY: a handle, which the system checks, and all of its area.
    unsafe { RedrawWindow(widget.0, std::ptr::null(), std::ptr::null_mut(), RDW_INVALIDATE | RDW_FRAME | what) };
}

/// What a control with a frame draws by itself, and we draw where it is dark.
#[derive(Clone, Copy, Debug)]
pub(super) enum Framed {
    Field,
    Choice,
}

/// From now on we draw this control where it is dark.
pub(super) fn take_over(widget: Widget, framed: Framed) {
    // SAFETY: a control of this thread; `procedure` is one for controls that were taken over.
    unsafe { SetWindowSubclass(widget.0, Some(procedure), framed as usize, 0) };
}

unsafe extern "system" fn procedure(
    window: HWND,
    message: u32,
    first: WPARAM,
    second: LPARAM,
    framed: usize,
    _: usize,
) -> LRESULT {
    let widget = Widget(window);
    let shown = super::shown().filter(|shown| shown.shade.is_dark());
    let is_choice = framed == Framed::Choice as usize;
    if let (Some(shown), true) = (&shown, is_choice) {
        match message {
            WM_ERASEBKGND => return 1,
            WM_PAINT => {
                paint::choice(widget, &shown.fonts(), state(widget));
                return 0;
            }
            _ => {}
        }
    }
    // SAFETY: what the system brings, told on.
    let answer = unsafe { DefSubclassProc(window, message, first, second) };
    let Some(shown) = shown else { return answer };
    match message {
        WM_NCPAINT if !is_choice => {
            // SAFETY: takes numbers.
            let edge = unsafe { GetSystemMetricsForDpi(SM_CXEDGE, shown.main.dpi()) };
            paint::field_frame(widget, &shown.fonts(), edge, state(widget));
        }
        // Some of this is drawn at once, and not when it is asked to be.
        WM_SETFOCUS | WM_KILLFOCUS | WM_ENABLE | CB_SETCURSEL => redraw(widget, 0),
        _ => {}
    }
    answer
}

fn state(widget: Widget) -> State {
    State { disabled: !widget.is_enabled(), focused: Widget::focused() == widget, ..State::default() }
}

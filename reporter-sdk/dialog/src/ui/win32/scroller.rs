//! A window that shows a part of what is in it.

use std::cell::Cell;
use std::ptr;

use windows_sys::Win32::Graphics::Gdi::UpdateWindow;
use windows_sys::Win32::UI::Controls::SetScrollInfo;
use windows_sys::Win32::UI::WindowsAndMessaging::{
    GetScrollInfo, SB_BOTTOM, SB_LINEDOWN, SB_LINEUP, SB_PAGEDOWN, SB_PAGEUP, SB_THUMBPOSITION, SB_THUMBTRACK, SB_TOP,
    SB_VERT, SCROLLINFO, SIF_DISABLENOSCROLL, SIF_PAGE, SIF_POS, SIF_RANGE, SIF_TRACKPOS, SPI_GETWHEELSCROLLLINES,
    SW_ERASE, SW_INVALIDATE, SW_SCROLLCHILDREN, ScrollWindowEx, SystemParametersInfoW, WHEEL_DELTA,
};

use super::widget::Widget;

/// Its scroll bar, and how far down it is. All in pixels.
#[derive(Debug)]
pub(super) struct Scroller {
    pub(super) widget: Widget,
    /// Whether the bar is there where all is shown, too: then what is beside it never has another width.
    keeps_bar: bool,
    offset: Cell<i32>,
    content: Cell<i32>,
    page: Cell<i32>,
    /// Of text.
    line: Cell<i32>,
}

impl Scroller {
    pub(super) fn new(widget: Widget, keeps_bar: bool) -> Self {
        let zero = || Cell::new(0);
        Self { widget, keeps_bar, offset: zero(), content: zero(), page: zero(), line: zero() }
    }

    /// How much of it lies above what is shown.
    pub(super) fn offset(&self) -> i32 {
        self.offset.get()
    }

    /// Heights of all that is in it, of what it shows of that, and of a line.
    pub(super) fn set(&self, content: i32, page: i32, line: i32) {
        self.content.set(content);
        self.page.set(page);
        self.line.set(line);
        self.scroll_to(self.offset.get());
        self.tell();
    }

    fn tell(&self) {
        let keeps_bar = if self.keeps_bar { SIF_DISABLENOSCROLL } else { 0 };
        let scroll = SCROLLINFO {
            cbSize: size_of::<SCROLLINFO>() as u32,
            fMask: SIF_RANGE | SIF_PAGE | SIF_POS | keeps_bar,
            nMin: 0,
            nMax: (self.content.get() - 1).max(0),
            nPage: self.page.get().max(0).cast_unsigned(),
            nPos: self.offset.get(),
            nTrackPos: 0,
        };
        // SAFETY: a handle, which the system checks, and a structure that says its size.
        unsafe { SetScrollInfo(self.widget.0, SB_VERT, &raw const scroll, 1) };
    }

    fn scroll_to(&self, offset: i32) {
        let before = self.offset.get();
        let offset = offset.clamp(0, (self.content.get() - self.page.get()).max(0));
        if offset == before {
            return;
        }
        self.offset.set(offset);
        self.tell();
        let flags = SW_SCROLLCHILDREN | SW_INVALIDATE | SW_ERASE;
        // SAFETY: a handle, which the system checks; all of its area, and nobody is told which part is new.
        unsafe {
            ScrollWindowEx(
                self.widget.0,
                0,
                before - offset,
                ptr::null(),
                ptr::null(),
                ptr::null_mut(),
                ptr::null_mut(),
                flags,
            )
        };
        // SAFETY: a handle, which the system checks.
        unsafe { UpdateWindow(self.widget.0) };
    }

    /// What the person did with the bar.
    pub(super) fn bar(&self, command: i32) {
        let (offset, page, line) = (self.offset.get(), self.page.get(), self.line.get());
        self.scroll_to(match command {
            SB_LINEUP => offset - line,
            SB_LINEDOWN => offset + line,
            // A line of the page before stays, to read on from.
            SB_PAGEUP => offset - (page - line).max(line),
            SB_PAGEDOWN => offset + (page - line).max(line),
            SB_THUMBTRACK | SB_THUMBPOSITION => self.dragged_to(),
            SB_TOP => 0,
            SB_BOTTOM => self.content.get(),
            _ => offset,
        });
    }

    /// What the message itself tells of this has sixteen bits.
    fn dragged_to(&self) -> i32 {
        let mut scroll =
            SCROLLINFO { cbSize: size_of::<SCROLLINFO>() as u32, fMask: SIF_TRACKPOS, ..Default::default() };
        // SAFETY: a handle, which the system checks; the structure says its size.
        unsafe { GetScrollInfo(self.widget.0, SB_VERT, &raw mut scroll) };
        scroll.nTrackPos
    }

    /// The mouse wheel, in parts of a notch: positive is away from the person.
    pub(super) fn wheel(&self, turned: i16) {
        let mut lines = 3_u32;
        // SAFETY: the number that this action writes.
        unsafe { SystemParametersInfoW(SPI_GETWHEELSCROLLLINES, 0, (&raw mut lines).cast(), 0) };
        // A page is said by the largest number.
        let notch = i32::try_from(lines).unwrap_or(i32::MAX).saturating_mul(self.line.get()).min(self.page.get());
        let way = notch.saturating_mul(turned.into()) / WHEEL_DELTA.cast_signed();
        self.scroll_to(self.offset.get() - way);
    }

    /// Scrolls as little as is needed to show this part, its beginning at any rate.
    pub(super) fn show(&self, top: i32, bottom: i32) {
        let (offset, page) = (self.offset.get(), self.page.get());
        self.scroll_to(offset.max(bottom - page).min(top));
    }
}

//! Windows and controls of the system, and what is said to them.

use std::ptr;

use windows_sys::Win32::Foundation::{HWND, LPARAM, LRESULT, POINT, RECT, WPARAM};
use windows_sys::Win32::Graphics::Gdi::InvalidateRect;
use windows_sys::Win32::System::LibraryLoader::GetModuleHandleW;
use windows_sys::Win32::UI::Controls::{
    BST_CHECKED, CLR_DEFAULT, EM_GETSEL, EM_SETLIMITTEXT, EM_SETSEL, PBM_SETBARCOLOR, PBM_SETBKCOLOR, PBM_SETMARQUEE,
    PBM_SETPOS, PBM_SETRANGE32, PBS_MARQUEE, SetWindowTheme,
};
use windows_sys::Win32::UI::HiDpi::GetDpiForWindow;
use windows_sys::Win32::UI::Input::KeyboardAndMouse::{
    EnableWindow, GetActiveWindow, GetFocus, IsWindowEnabled, SetFocus,
};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    BM_GETCHECK, BM_SETCHECK, CB_ADDSTRING, CB_GETCURSEL, CB_GETDROPPEDSTATE, CB_SETCURSEL, CreateWindowExW,
    GWL_EXSTYLE, GWL_STYLE, GetClientRect, GetNextDlgTabItem, GetParent, GetScrollInfo, GetWindowLongW, GetWindowRect,
    GetWindowTextLengthW, GetWindowTextW, IsWindowVisible, PostMessageW, SB_VERT, SCROLLINFO, SIF_PAGE, SIF_RANGE,
    SW_HIDE, SW_SHOWNA, SWP_NOACTIVATE, SWP_NOZORDER, SendMessageW, SetWindowLongW, SetWindowPos, SetWindowTextW,
    ShowWindow, UIS_CLEAR, UISF_HIDEFOCUS, WM_CHANGEUISTATE, WM_SETFONT, WS_EX_NOINHERITLAYOUT, WS_VISIBLE,
    WindowFromPoint,
};
use windows_sys::core::w;

use super::dark;
use super::fonts::{Font, Fonts};

/// Text for the system: its kind of lines, and a zero at the end alone.
pub(super) fn wide(text: &str) -> Vec<u16> {
    let lines = text.replace("\r\n", "\n").replace('\n', "\r\n");
    lines.encode_utf16().filter(|unit| *unit != 0).chain([0]).collect()
}

/// A window or a control. One that could not be made takes every call and does nothing: the system checks each handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Widget(pub(super) HWND);

/// What a widget is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recipe<'a> {
    pub(super) class: &'a str,
    pub(super) style: u32,
    pub(super) extended: u32,
    /// Where it is before it is given a place.
    pub(super) at: (i32, i32),
    pub(super) parent: Widget,
    /// For programs that look at the window from outside. Of a window that is no child, nothing.
    pub(super) id: usize,
}

impl Widget {
    pub(super) const NONE: Self = Self(ptr::null_mut());

    pub(super) fn new(recipe: &Recipe<'_>) -> Self {
        let class = wide(recipe.class);
        let (x, y) = recipe.at;
        // SAFETY: the module of this program, which stays.
        let module = unsafe { GetModuleHandleW(ptr::null()) };
        // SAFETY: the class's name ends in a zero; there is no text, and no data of ours. For a child the menu is a number.
        Self(unsafe {
            CreateWindowExW(
                recipe.extended,
                class.as_ptr(),
                ptr::null(),
                recipe.style,
                x,
                y,
                0,
                0,
                recipe.parent.0,
                ptr::without_provenance_mut(recipe.id),
                module,
                ptr::null(),
            )
        })
    }

    /// Without one, it could not be made.
    pub(super) fn exists(self) -> bool {
        !self.0.is_null()
    }

    /// The one that has the keyboard, of this thread's.
    pub(super) fn focused() -> Self {
        // SAFETY: has no parameters.
        Self(unsafe { GetFocus() })
    }

    /// The one at this place of the desktop, whosever it is.
    pub(super) fn at(place: POINT) -> Self {
        // SAFETY: takes numbers.
        Self(unsafe { WindowFromPoint(place) })
    }

    pub(super) fn parent(self) -> Self {
        // SAFETY: a handle, which the system checks.
        Self(unsafe { GetParent(self.0) })
    }

    /// Says something that is told in numbers alone.
    pub(super) fn send(self, message: u32, first: WPARAM, second: LPARAM) -> LRESULT {
        // SAFETY: the callers, all in this file, send none of which a number is an address.
        unsafe { SendMessageW(self.0, message, first, second) }
    }

    /// To be taken out of the queue of messages some time.
    pub(super) fn post(self, message: u32) {
        // SAFETY: as a message of our own, it tells nothing.
        unsafe { PostMessageW(self.0, message, 0, 0) };
    }

    /// With lines as Rust has them.
    pub(super) fn text(self) -> String {
        // SAFETY: a handle, which the system checks.
        let length = unsafe { GetWindowTextLengthW(self.0) };
        let mut units = vec![0; usize::try_from(length).unwrap_or(0) + 1];
        let room = i32::try_from(units.len()).unwrap_or(i32::MAX);
        // SAFETY: there is room for so many.
        let written = unsafe { GetWindowTextW(self.0, units.as_mut_ptr(), room) };
        units.truncate(usize::try_from(written).unwrap_or(0));
        String::from_utf16_lossy(&units).replace("\r\n", "\n")
    }

    pub(super) fn set_text(self, text: &str) {
        let text = wide(text);
        // SAFETY: a text that ends in a zero, and is copied.
        unsafe { SetWindowTextW(self.0, text.as_ptr()) };
    }

    /// Sets it where it is another.
    pub(super) fn say(self, text: &str) {
        if self.text() != text {
            self.set_text(text);
            self.draw_again();
        }
    }

    /// As [`say`](Self::say), for text with the cursor in it, which then stays about where it is.
    pub(super) fn correct(self, text: &str) {
        if self.text() == text {
            return;
        }
        // The end of what is selected is in the higher half.
        let cursor = self.send(EM_GETSEL, 0, 0) >> 16 & 0xffff;
        self.set_text(text);
        self.send(EM_SETSEL, cursor.cast_unsigned(), cursor);
    }

    /// What a bar is at in the end.
    pub(super) fn ends_at(self, end: i16) {
        self.send(PBM_SETRANGE32, 0, end.into());
    }

    /// How far a bar is. Where nobody knows, something moves.
    pub(super) fn is_at(self, done: Option<u16>) {
        let moves = self.style() & PBS_MARQUEE != 0;
        if moves != done.is_none() {
            // SAFETY: a handle, which the system checks, and numbers.
            unsafe { SetWindowLongW(self.0, GWL_STYLE, (self.style() ^ PBS_MARQUEE).cast_signed()) };
            self.send(PBM_SETMARQUEE, done.is_none().into(), 0);
        }
        if let Some(done) = done {
            self.send(PBM_SETPOS, done.into(), 0);
        }
    }

    /// A bar takes other colours only without the system's theme.
    pub(super) fn shade_bar(self, dark: bool) {
        let (theme, bar, behind) = if dark {
            (w!(" "), dark::reference(dark::ACCENT), dark::reference(dark::FIELD))
        } else {
            (ptr::null(), CLR_DEFAULT.cast_unsigned(), CLR_DEFAULT.cast_unsigned())
        };
        // SAFETY: a handle, which the system checks; names of nothing are no theme, and no names the usual one.
        unsafe { SetWindowTheme(self.0, theme, theme) };
        self.send(PBM_SETBARCOLOR, 0, bar as LPARAM);
        self.send(PBM_SETBKCOLOR, 0, behind as LPARAM);
    }

    pub(super) fn select_all(self) {
        self.send(EM_SETSEL, 0, -1);
    }

    /// In units of UTF-16, of what is typed.
    pub(super) fn limit(self, units: usize) {
        self.send(EM_SETLIMITTEXT, units, 0);
    }

    pub(super) fn set_font(self, fonts: &Fonts, font: Font) {
        self.send(WM_SETFONT, fonts.handle(font).addr(), 1);
    }

    pub(super) fn is_checked(self) -> bool {
        self.send(BM_GETCHECK, 0, 0) == BST_CHECKED as LRESULT
    }

    pub(super) fn check(self, on: bool) {
        if self.is_checked() != on {
            self.send(BM_SETCHECK, on.into(), 0);
        }
    }

    pub(super) fn add_option(self, text: &str) {
        let text = wide(text);
        // SAFETY: a text that ends in a zero, and is copied.
        unsafe { SendMessageW(self.0, CB_ADDSTRING, 0, text.as_ptr().addr().cast_signed()) };
    }

    /// The option's number; negative if there is none.
    pub(super) fn selected(self) -> isize {
        self.send(CB_GETCURSEL, 0, 0)
    }

    pub(super) fn select(self, number: usize) {
        if usize::try_from(self.selected()) != Ok(number) {
            self.send(CB_SETCURSEL, number, 0);
        }
    }

    /// Whether it shows its options. Of another widget, no.
    pub(super) fn is_open(self) -> bool {
        self.exists() && self.send(CB_GETDROPPEDSTATE, 0, 0) != 0
    }

    /// Whether it has the keyboard, or would if its window were the active one.
    pub(super) fn is_active(self) -> bool {
        // SAFETY: has no parameters.
        let active = unsafe { GetActiveWindow() };
        active == self.0
    }

    /// Gives it the keyboard.
    pub(super) fn focus(self) {
        // SAFETY: a handle, which the system checks.
        unsafe { SetFocus(self.0) };
    }

    /// Whether a person could act upon it.
    pub(super) fn is_usable(self) -> bool {
        // SAFETY: a handle, which the system checks.
        let visible = unsafe { IsWindowVisible(self.0) };
        visible != 0 && self.is_enabled()
    }

    pub(super) fn is_enabled(self) -> bool {
        // SAFETY: a handle, which the system checks.
        unsafe { IsWindowEnabled(self.0) != 0 }
    }

    pub(super) fn enable(self, enabled: bool) {
        // SAFETY: a handle, which the system checks, and a number.
        unsafe { EnableWindow(self.0, enabled.into()) };
    }

    /// The next one in this window that Tab goes to, or the one before.
    pub(super) fn next_stop(self, after: Self, back: bool) -> Self {
        // SAFETY: handles, which the system checks.
        Self(unsafe { GetNextDlgTabItem(self.0, after.0, back.into()) })
    }

    /// From now on one sees which control has the keyboard: somebody uses it.
    pub(super) fn show_focus(self) {
        self.send(WM_CHANGEUISTATE, (UISF_HIDEFOCUS << 16 | UIS_CLEAR) as WPARAM, 0);
    }

    pub(super) fn style(self) -> u32 {
        // SAFETY: a handle, which the system checks, and a number.
        unsafe { GetWindowLongW(self.0, GWL_STYLE) }.cast_unsigned()
    }

    /// Visible as soon as all in which it is are so.
    pub(super) fn show(self, visible: bool) {
        if (self.style() & WS_VISIBLE != 0) != visible {
            // SAFETY: a handle, which the system checks, and a number.
            unsafe { ShowWindow(self.0, if visible { SW_SHOWNA } else { SW_HIDE }) };
        }
    }

    /// Whether what is made in it from now on is laid out in the same direction.
    pub(super) fn passes_direction_on(self, does: bool) {
        // SAFETY: a handle, which the system checks, and a number.
        let style = unsafe { GetWindowLongW(self.0, GWL_EXSTYLE) }.cast_unsigned();
        let style = if does { style & !WS_EX_NOINHERITLAYOUT } else { style | WS_EX_NOINHERITLAYOUT };
        // SAFETY: as before; no data of ours is meant by this number.
        unsafe { SetWindowLongW(self.0, GWL_EXSTYLE, style.cast_signed()) };
    }

    /// In its parent, or on the desktop.
    pub(super) fn place(self, left: i32, top: i32, width: i32, height: i32) {
        let flags = SWP_NOZORDER | SWP_NOACTIVATE;
        // SAFETY: a handle, which the system checks, and numbers.
        unsafe { SetWindowPos(self.0, ptr::null_mut(), left, top, width, height, flags) };
    }

    pub(super) fn draw_again(self) {
        // Nothing would mean all windows.
        if self.exists() {
            // SAFETY: a handle, which the system checks, and all of its area.
            unsafe { InvalidateRect(self.0, ptr::null(), 1) };
        }
    }

    /// Width and height of what is in its frame and beside its scroll bar.
    pub(super) fn inside(self) -> (i32, i32) {
        let mut area = RECT::default();
        // SAFETY: a handle, which the system checks; the area lives here.
        unsafe { GetClientRect(self.0, &raw mut area) };
        (area.right, area.bottom)
    }

    /// Of all of it.
    pub(super) fn height(self) -> i32 {
        let area = self.outside();
        area.bottom - area.top
    }

    /// Of all of it.
    pub(super) fn width(self) -> i32 {
        let area = self.outside();
        area.right - area.left
    }

    fn outside(self) -> RECT {
        let mut area = RECT::default();
        // SAFETY: a handle, which the system checks; the area lives here.
        unsafe { GetWindowRect(self.0, &raw mut area) };
        area
    }

    /// Dots per inch of its display.
    pub(super) fn dpi(self) -> u32 {
        // SAFETY: a handle, which the system checks.
        unsafe { GetDpiForWindow(self.0) }
    }

    /// Whether it has more than it shows.
    pub(super) fn has_more(self) -> bool {
        let mut scroll =
            SCROLLINFO { cbSize: size_of::<SCROLLINFO>() as u32, fMask: SIF_RANGE | SIF_PAGE, ..Default::default() };
        // SAFETY: a handle, which the system checks; the structure says its size.
        let told = unsafe { GetScrollInfo(self.0, SB_VERT, &raw mut scroll) };
        told != 0 && i64::from(scroll.nMax) - i64::from(scroll.nMin) + 1 > i64::from(scroll.nPage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_for_the_system_has_its_lines_and_one_zero() {
        let text = String::from_utf16_lossy(&wide("a\nb\r\nc\0d"));
        assert_eq!(text, "a\r\nb\r\ncd\0");
    }
}

//! Whose the windows on the screen are.
//!
//! Whose a window is, is whose process has made it: the system tells. Windows of other programs within one of the product's count as it does: Chromium and what is built
//! on it have their pages drawn by helper processes, which put a window of their own there.

use std::{
    mem,
    ptr::{self, NonNull},
};

use windows_sys::Win32::{
    Foundation::{ERROR_INVALID_WINDOW_HANDLE, GetLastError, HWND, RECT, SetLastError},
    Graphics::{
        Dwm::{DWMWA_CLOAKED, DWMWA_EXTENDED_FRAME_BOUNDS, DWMWINDOWATTRIBUTE, DwmGetWindowAttribute},
        Gdi::{CreateRectRgn, DeleteObject, GetRegionData, GetWindowRgn, HRGN, RGN_ERROR, RGNDATAHEADER},
    },
    UI::WindowsAndMessaging::{
        FindWindowExW, GWL_EXSTYLE, GetDesktopWindow, GetLayeredWindowAttributes, GetWindowLongW, GetWindowRect,
        GetWindowThreadProcessId, IsIconic, IsWindowVisible, LWA_ALPHA, WS_EX_LAYERED,
    },
};

use super::gdi::area;
use crate::screen::{area::Area, mask::Painted};

/// Windows that are looked at. A desktop has some hundreds, most of them not shown.
const MOST_WINDOWS: usize = 20_000;
/// Rectangles of which one window consists.
const MOST_RECTANGLES: usize = 512;
/// Windows come and go while they are listed.
const ATTEMPTS: usize = 4;

/// Why it is not known.
#[derive(Debug, thiserror::Error)]
pub(super) enum OwnError {
    #[error("the windows change faster than they can be listed, or are too many")]
    Restless,
    #[error("none of the program's windows is on the screen")]
    None,
}

/// What is to be seen of the windows of the desktop in the order in which they are painted, the lowest first, where none is above.
pub(super) fn painted(pid: u32) -> Result<Vec<Painted>, OwnError> {
    let windows = (0..ATTEMPTS).find_map(|_| from_the_top()).ok_or(OwnError::Restless)?;
    Ok(windows.into_iter().rev().flat_map(|window| parts(window, pid)).collect())
}

/// The windows of the desktop, the topmost first. `None` where one has gone meanwhile.
///
/// Situation: `EnumWindows` leaves out the shell's own windows since Windows 8 (the start menu, notifications), and a product's window below one of them would seem to be
/// uncovered. Handling: from one window to the next below it, by `FindWindowEx`, which knows them all.
fn from_the_top() -> Option<Vec<HWND>> {
    // SAFETY: has no parameters.
    let desktop = unsafe { GetDesktopWindow() };
    let mut windows: Vec<HWND> = Vec::new();
    // One that was moved down meanwhile comes twice, and the list need not end.
    while windows.len() < MOST_WINDOWS {
        let last = windows.last().copied().unwrap_or(ptr::null_mut());
        // SAFETY: sets a value of this thread's own.
        unsafe { SetLastError(0) };
        // SAFETY: windows that may be gone, which is an error, and no names.
        let next = unsafe { FindWindowExW(desktop, last, ptr::null(), ptr::null()) };
        if next.is_null() {
            // SAFETY: reads a value of this thread's own.
            let gone = unsafe { GetLastError() } == ERROR_INVALID_WINDOW_HANDLE;
            return (!gone).then_some(windows);
        }
        windows.push(next);
    }
    None
}

/// What one window paints.
fn parts(window: HWND, pid: u32) -> Vec<Painted> {
    let Some(whole) = shown(window) else { return Vec::new() };
    let mut process = 0;
    // SAFETY: a window that may be gone, and a place for a number.
    unsafe { GetWindowThreadProcessId(window, &raw mut process) };
    let others = |area| vec![Painted { area, own: false }];
    match see_through(window) {
        SeeThrough::Nothing if process == pid => {
            // Where a window has an edge that one can take hold of and not see, others are seen.
            let frame = attribute::<RECT>(window, DWMWA_EXTENDED_FRAME_BOUNDS).as_ref().map_or(whole, area);
            match shape(window) {
                Shape::Rectangle => vec![Painted { area: frame, own: true }],
                Shape::Parts(parts) => {
                    let parts = parts.iter().filter_map(|part| part.moved(whole.left, whole.top).and(frame));
                    parts.map(|area| Painted { area, own: true }).collect()
                }
                Shape::TooMany => others(whole),
            }
        }
        SeeThrough::All => Vec::new(),
        SeeThrough::Nothing | SeeThrough::Some => others(whole),
    }
}

/// Where it is, if it is to be seen.
fn shown(window: HWND) -> Option<Area> {
    // SAFETY: a window that may be gone.
    let is_visible = unsafe { IsWindowVisible(window) } != 0;
    // SAFETY: as above.
    let is_minimised = unsafe { IsIconic(window) } != 0;
    // On another virtual desktop, or an app that is suspended: visible, as it thinks.
    let is_cloaked = attribute::<u32>(window, DWMWA_CLOAKED).is_some_and(|cloaked| cloaked != 0);
    if !is_visible || is_minimised || is_cloaked {
        return None;
    }
    let mut rect = RECT::default();
    // SAFETY: as above, and a place for it.
    let found = unsafe { GetWindowRect(window, &raw mut rect) } != 0;
    let area = area(&rect);
    (found && area.left < area.right && area.top < area.bottom).then_some(area)
}

/// An attribute of which any bytes are a value. `None` where the desktop is not composed.
fn attribute<T: Default>(window: HWND, which: DWMWINDOWATTRIBUTE) -> Option<T> {
    let mut value = T::default();
    let size = size_of::<T>() as u32;
    // SAFETY: a window that may be gone, and a place of this size.
    let result = unsafe { DwmGetWindowAttribute(window, which.cast_unsigned(), (&raw mut value).cast(), size) };
    (result >= 0).then_some(value)
}

/// How far what lies below shines through.
enum SeeThrough {
    Nothing,
    /// In parts, or everywhere to some extent.
    Some,
    /// It cannot be seen itself.
    All,
}

fn see_through(window: HWND) -> SeeThrough {
    // SAFETY: a window that may be gone.
    let style = unsafe { GetWindowLongW(window, GWL_EXSTYLE) }.cast_unsigned();
    if style & WS_EX_LAYERED == 0 {
        return SeeThrough::Nothing;
    }
    let (mut alpha, mut flags) = (0, 0);
    // SAFETY: as above, and places for two of the three.
    let told = unsafe { GetLayeredWindowAttributes(window, ptr::null_mut(), &raw mut alpha, &raw mut flags) };
    match (told != 0, flags, alpha) {
        (true, LWA_ALPHA, u8::MAX) => SeeThrough::Nothing,
        (true, flags, 0) if flags & LWA_ALPHA != 0 => SeeThrough::All,
        // Each pixel has its own, or one colour stands for what is below.
        _ => SeeThrough::Some,
    }
}

/// Windows can be of any form.
enum Shape {
    Rectangle,
    /// Relative to the window.
    Parts(Vec<Area>),
    TooMany,
}

fn shape(window: HWND) -> Shape {
    let Some(region) = Region::new() else { return Shape::TooMany };
    // SAFETY: a window that may be gone, and a region of ours.
    if unsafe { GetWindowRgn(window, region.0.as_ptr()) } == RGN_ERROR {
        return Shape::Rectangle;
    }
    region.rectangles().map_or(Shape::TooMany, Shape::Parts)
}

struct Region(NonNull<core::ffi::c_void>);

impl Region {
    fn new() -> Option<Region> {
        // SAFETY: takes numbers.
        let region: HRGN = unsafe { CreateRectRgn(0, 0, 0, 0) };
        NonNull::new(region).map(Region)
    }

    /// `None` where they are too many.
    fn rectangles(&self) -> Option<Vec<Area>> {
        const HEADER: usize = size_of::<RGNDATAHEADER>();
        // Aligned as the structure.
        let mut room = [0_u32; (HEADER + MOST_RECTANGLES * size_of::<RECT>()) / 4];
        // SAFETY: a region of ours, and room of this size.
        let bytes =
            unsafe { GetRegionData(self.0.as_ptr(), size_of_val(&room) as u32, room.as_mut_ptr().cast()) } as usize;
        // It tells how much it would need where there is too little room.
        let words = room.get(HEADER / 4..bytes / 4)?;
        let rectangles = words.as_chunks::<{ size_of::<RECT>() / 4 }>().0;
        Some(rectangles.iter().map(|rectangle| area(&rect(*rectangle))).collect())
    }
}

fn rect(words: [u32; 4]) -> RECT {
    let [left, top, right, bottom] = words.map(u32::cast_signed);
    RECT { left, top, right, bottom }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: ours; no window has been given it.
        unsafe { DeleteObject(self.0.as_ptr()) };
    }
}

const _: () = assert!(mem::size_of::<RECT>() == 16 && mem::size_of::<RGNDATAHEADER>().is_multiple_of(4));

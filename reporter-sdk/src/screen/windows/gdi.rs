//! The displays and their pixels, by GDI.

use std::{
    io,
    mem::{self, MaybeUninit},
    ptr, slice,
};

use windows_sys::Win32::{
    Foundation::{LPARAM, RECT},
    Graphics::Gdi::{
        BI_RGB, BITMAPINFO, BITMAPINFOHEADER, BitBlt, CAPTUREBLT, CreateCompatibleDC, CreateDIBSection, DIB_RGB_COLORS,
        DeleteDC, DeleteObject, EnumDisplayMonitors, GdiFlush, GetDC, GetMonitorInfoW, HBITMAP, HDC, HMONITOR,
        MONITORINFO, MONITORINFOEXW, ReleaseDC, SRCCOPY, SelectObject,
    },
    UI::HiDpi::{
        DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE, DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2,
        SetThreadDpiAwarenessContext,
    },
};

use super::GrabError;
use crate::screen::{MOST_DISPLAYS, area::Area, picture::Picture, pixels::Layout};

pub(super) struct Display {
    /// `DISPLAY1`.
    pub(super) name: String,
    pub(super) area: Area,
}

/// Makes this thread's coordinates those of the pixels that there are. Otherwise the system tells of a smaller desktop where texts are enlarged.
pub(super) fn see_real_pixels() {
    // SAFETY: takes a constant.
    let before = unsafe { SetThreadDpiAwarenessContext(DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE_V2) };
    if before.is_null() {
        // Before Windows 10 of 2017. Where this is missing too, the image has the size that the system tells of.
        // SAFETY: as above.
        unsafe { SetThreadDpiAwarenessContext(DPI_AWARENESS_CONTEXT_PER_MONITOR_AWARE) };
    }
}

pub(super) fn area(rect: &RECT) -> Area {
    Area { left: rect.left, top: rect.top, right: rect.right, bottom: rect.bottom }
}

/// As they lie on the desktop, the origin of which is the first one's: areas can be negative.
pub(super) fn displays() -> Vec<Display> {
    let mut displays: Vec<Display> = Vec::new();
    let to = &raw mut displays as LPARAM;
    // SAFETY: `add` gets what it expects, and is called until this call returns.
    unsafe { EnumDisplayMonitors(ptr::null_mut(), ptr::null(), Some(add), to) };
    displays
}

/// Adds a display. Ends the list by 0.
unsafe extern "system" fn add(monitor: HMONITOR, _: HDC, _: *mut RECT, to: LPARAM) -> i32 {
    // SAFETY: `displays` has given the address of its own, and does not touch it meanwhile.
    let displays = unsafe { &mut *(to as *mut Vec<Display>) };
    // SAFETY: integers, for which zero is a value.
    let mut info: MONITORINFOEXW = unsafe { MaybeUninit::zeroed().assume_init() };
    info.monitorInfo.cbSize = size_of::<MONITORINFOEXW>() as u32;
    // SAFETY: a structure that says its size.
    if unsafe { GetMonitorInfoW(monitor, (&raw mut info).cast::<MONITORINFO>()) } == 0 {
        return 1;
    }
    let area = area(&info.monitorInfo.rcMonitor);
    let name = String::from_utf16_lossy(&info.szDevice);
    let name = name.split('\0').next().unwrap_or_default().trim_start_matches(r"\\.\").to_owned();
    // Displays that show the same are one image.
    if area.and(area).is_some() && displays.iter().all(|display| display.area != area) {
        displays.push(Display { name, area });
    }
    (displays.len() < MOST_DISPLAYS).into()
}

/// What a part of the desktop shows.
pub(super) fn picture(area: Area) -> Result<Picture, GrabError> {
    let (width, height) = (area.width(), area.height());
    let mut picture = Picture::begin(width, height)?;
    // 32 bits, as the bitmap is made.
    let layout = Layout::new(32, 32, false, [0xff_0000, 0xff00, 0xff])?;
    let screen = Screen::new()?;
    let bitmap = Bitmap::new(&screen, width, height)?;
    bitmap.copy_from(&screen, area)?;
    layout.read(bitmap.bytes(), width, height, &mut picture.rgb)?;
    Ok(picture)
}

fn failed(call: &'static str) -> GrabError {
    GrabError::Gdi { call, source: io::Error::last_os_error() }
}

/// The whole desktop as something to copy from.
struct Screen(HDC);

impl Screen {
    fn new() -> Result<Screen, GrabError> {
        // SAFETY: without a window it is the desktop's.
        let dc = unsafe { GetDC(ptr::null_mut()) };
        if dc.is_null() { Err(failed("GetDC")) } else { Ok(Screen(dc)) }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // SAFETY: `new` has got it so, on this thread.
        unsafe { ReleaseDC(ptr::null_mut(), self.0) };
    }
}

/// Pixels in memory of ours, rows from the top, and what GDI draws on them with.
struct Bitmap {
    dc: HDC,
    bitmap: HBITMAP,
    bits: *const u8,
    size: usize,
}

impl Bitmap {
    /// Of a size that was checked.
    fn new(screen: &Screen, width: u32, height: u32) -> Result<Bitmap, GrabError> {
        // SAFETY: integers, for which zero is a value.
        let mut info: BITMAPINFO = unsafe { mem::zeroed() };
        info.bmiHeader = BITMAPINFOHEADER {
            biSize: size_of::<BITMAPINFOHEADER>() as u32,
            biWidth: width.cast_signed(),
            biHeight: -height.cast_signed(),
            biPlanes: 1,
            biBitCount: 32,
            biCompression: BI_RGB,
            ..info.bmiHeader
        };
        // SAFETY: a device context that is there.
        let dc = unsafe { CreateCompatibleDC(screen.0) };
        if dc.is_null() {
            return Err(failed("CreateCompatibleDC"));
        }
        let mut bits = ptr::null_mut();
        // SAFETY: a description without a table of colours, and a place for the address of the pixels.
        let bitmap =
            unsafe { CreateDIBSection(dc, &raw const info, DIB_RGB_COLORS, &raw mut bits, ptr::null_mut(), 0) };
        let size = width as usize * height as usize * 4;
        let made = Bitmap { dc, bitmap, bits: bits.cast_const().cast(), size };
        if bitmap.is_null() || bits.is_null() {
            return Err(failed("CreateDIBSection"));
        }
        // SAFETY: both were just made.
        let before = unsafe { SelectObject(dc, bitmap) };
        if before.is_null() { Err(failed("SelectObject")) } else { Ok(made) }
    }

    fn copy_from(&self, screen: &Screen, area: Area) -> Result<(), GrabError> {
        let (width, height) = (area.width().cast_signed(), area.height().cast_signed());
        // With the windows that can be seen through (CAPTUREBLT).
        // SAFETY: both are there, and the bitmap has this size.
        let copied =
            unsafe { BitBlt(self.dc, 0, 0, width, height, screen.0, area.left, area.top, SRCCOPY | CAPTUREBLT) };
        if copied == 0 {
            return Err(failed("BitBlt"));
        }
        // It may have been put off.
        // SAFETY: has no parameters.
        unsafe { GdiFlush() };
        Ok(())
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: the system has made a section of this size there (rows of 32-bit pixels have no padding), which lives as long as the bitmap and which nobody else writes
        // to after the flush.
        unsafe { slice::from_raw_parts(self.bits, self.size) }
    }
}

impl Drop for Bitmap {
    fn drop(&mut self) {
        // Before the bitmap, which it holds.
        // SAFETY: ours.
        unsafe { DeleteDC(self.dc) };
        // SAFETY: ours, or null, which is refused.
        unsafe { DeleteObject(self.bitmap) };
    }
}

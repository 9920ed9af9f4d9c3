//! Text for other programs.

use std::ptr;

use windows_sys::Win32::Foundation::{GlobalFree, HANDLE};
use windows_sys::Win32::System::DataExchange::{CloseClipboard, EmptyClipboard, OpenClipboard, SetClipboardData};
use windows_sys::Win32::System::Memory::{GMEM_MOVEABLE, GlobalAlloc, GlobalLock, GlobalUnlock};
use windows_sys::Win32::System::Ole::CF_UNICODETEXT;

use super::widget::{Widget, wide};

/// Puts the text there, in the name of this window. Where another program does not give the clipboard away, nothing happens: the text can be selected, too.
pub(super) fn set(owner: Widget, text: &str) {
    let Some(memory) = shared(&wide(text)) else { return };
    // SAFETY: a window of ours.
    let is_open = unsafe { OpenClipboard(owner.0) } != 0;
    let is_taken = is_open && {
        // SAFETY: the clipboard is open, by us.
        unsafe { EmptyClipboard() };
        // SAFETY: moveable memory of ours with text that ends in a zero. What is taken is the system's from here on.
        !unsafe { SetClipboardData(CF_UNICODETEXT.into(), memory) }.is_null()
    };
    if is_open {
        // SAFETY: opened above.
        unsafe { CloseClipboard() };
    }
    if !is_taken {
        // SAFETY: still ours, and its last use.
        unsafe { GlobalFree(memory) };
    }
}

/// In memory as the clipboard takes it.
fn shared(units: &[u16]) -> Option<HANDLE> {
    // SAFETY: takes numbers.
    let memory = unsafe { GlobalAlloc(GMEM_MOVEABLE, size_of_val(units)) };
    // SAFETY: of nothing it makes nothing.
    let place = unsafe { GlobalLock(memory) };
    if place.is_null() {
        return None;
    }
    // SAFETY: there is room for so many units, which nobody else has.
    unsafe { ptr::copy_nonoverlapping(units.as_ptr(), place.cast(), units.len()) };
    // SAFETY: locked above.
    unsafe { GlobalUnlock(memory) };
    Some(memory)
}

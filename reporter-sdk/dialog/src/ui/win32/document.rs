//! Long text in an edit control: where its cursor is, and how it is changed below the person's eyes.

use windows_sys::Win32::UI::Controls::{EM_GETFIRSTVISIBLELINE, EM_GETSEL, EM_LINESCROLL, EM_SETSEL};
use windows_sys::Win32::UI::WindowsAndMessaging::WM_SETREDRAW;

use super::widget::Widget;

/// In which line of `text`, which it shows, the cursor is. The control counts lines as they wrap.
pub(super) fn line(field: Widget, text: &str) -> usize {
    let mut cursor = 0_u32;
    // The numbers that are the answer have 16 bits: text can be longer.
    field.send(EM_GETSEL, 0, (&raw mut cursor) as isize);
    let mut begin = 0;
    let before = text.lines().take_while(|line| {
        begin += units(line);
        begin <= cursor as usize
    });
    before.count()
}

/// Shows `text`, with the cursor in this line of it, and scrolled as far as before: where a line is another, the person stays where they are.
pub(super) fn change(field: Widget, text: &str, line: usize) {
    let first = field.send(EM_GETFIRSTVISIBLELINE, 0, 0);
    let cursor: usize = text.lines().take(line).map(units).sum();
    field.send(WM_SETREDRAW, 0, 0);
    field.set_text(text);
    field.send(EM_SETSEL, cursor, cursor.cast_signed());
    field.send(EM_LINESCROLL, 0, if line == 0 { 0 } else { first });
    field.send(WM_SETREDRAW, 1, 0);
    field.draw_again();
}

/// Of a line, with what ends it.
fn units(line: &str) -> usize {
    line.encode_utf16().count() + 2
}

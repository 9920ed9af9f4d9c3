//! Texts as the system has them: UTF-16, with a zero at the end.

use std::slice;

/// Of a text to which the system gives a pointer, in characters: the longest that a path of Windows can be.
const LIMIT: usize = 1 << 15;

pub(super) fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().filter(|unit| *unit != 0).chain([0]).collect()
}

/// Up to the first zero, if there is one. What is no UTF-16 is replaced.
pub(super) fn narrow(units: &[u16]) -> String {
    let end = units.iter().position(|unit| *unit == 0).unwrap_or(units.len());
    String::from_utf16_lossy(&units[..end])
}

/// [`narrow`] of a text of the system's; empty for null.
///
/// # Safety
/// `text` is null, or ends in a zero.
pub(super) unsafe fn narrow_at(text: *const u16) -> String {
    if text.is_null() {
        return String::new();
    }
    let mut length = 0;
    // SAFETY: as the caller promises; nothing behind the zero is read.
    while length < LIMIT && unsafe { text.add(length).read() } != 0 {
        length += 1;
    }
    // SAFETY: so many were just read.
    narrow(unsafe { slice::from_raw_parts(text, length) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_at_its_zero_or_where_its_place_ends() {
        assert_eq!(narrow(&wide("Grüße")), "Grüße");
        assert_eq!(narrow(&[97, 98]), "ab");
        assert_eq!(narrow(&[97, 0, 98]), "a");
        assert_eq!(narrow(&[0xd800, 97]), "\u{fffd}a");
        assert_eq!(wide("a\0b"), [97, 98, 0]);
        // SAFETY: it ends in a zero.
        assert_eq!(unsafe { narrow_at(wide("ab").as_ptr()) }, "ab");
        // SAFETY: null is allowed.
        assert_eq!(unsafe { narrow_at(std::ptr::null()) }, "");
    }
}

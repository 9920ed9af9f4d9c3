//! Long text in a view: how it is changed below the person's eyes, and which of its lines do not wrap.

use std::ops::Range;

use gtk::prelude::*;

/// Of the longest line that does not wrap, which is one of bytes that is left out. As wide is the window at first.
const COLUMNS: usize = 80;
/// The tag of such lines.
const WHOLE: &str = "whole";

/// Shows it. Lines of bytes stay whole, since their columns say which byte is which; text wraps.
pub(super) fn fill(buffer: &gtk::TextBuffer, text: &str) {
    let whole = gtk::TextTag::builder().name(WHOLE).wrap_mode(gtk::WrapMode::None).build();
    buffer.tag_table().add(&whole);
    buffer.set_text(text);
    keep_whole(buffer, &buffer.start_iter(), &buffer.end_iter());
}

/// Changes what is other and nothing else, so that the person stays where they are.
pub(super) fn change(buffer: &gtk::TextBuffer, before: &str, now: &str, line: usize) {
    if before == now {
        return;
    }
    let (length, new_length) = (before.chars().count(), now.chars().count());
    let start = in_common(before.chars(), now.chars());
    let end = in_common(before.chars().rev(), now.chars().rev()).min(length.min(new_length) - start);
    let mut from = buffer.iter_at_offset(number(start));
    buffer.delete(&mut from, &mut buffer.iter_at_offset(number(length - end)));
    let changed: String = now.chars().skip(start).take(new_length - start - end).collect();
    buffer.insert(&mut from, &changed);
    keep_whole(buffer, &buffer.iter_at_offset(number(start)), &from);
    if let Some(there) = buffer.iter_at_line(number(line)) {
        buffer.place_cursor(&there);
    }
}

/// So many characters are the same, from the first on.
fn in_common(one: impl Iterator<Item = char>, other: impl Iterator<Item = char>) -> usize {
    one.zip(other).take_while(|(one, other)| one == other).count()
}

fn number(of: usize) -> i32 {
    of.try_into().unwrap_or(i32::MAX)
}

/// In all lines of which something lies from `start` to `end`.
fn keep_whole(buffer: &gtk::TextBuffer, start: &gtk::TextIter, end: &gtk::TextIter) {
    let (mut start, mut end) = (*start, *end);
    start.set_line_offset(0);
    end.forward_to_line_end();
    buffer.remove_tag_by_name(WHOLE, &start, &end);
    let first = start.line();
    let text = buffer.text(&start, &end, true);
    let line_at = |line: usize| buffer.iter_at_line(first.saturating_add(number(line))).unwrap_or(end);
    let mut lines = text.lines().map(is_of_bytes).chain([false]).enumerate();
    // As many at once as there are: of a minidump there are thousands.
    while let Some((from, _)) = lines.find(|(_, is_whole)| *is_whole) {
        if let Some((to, _)) = lines.find(|(_, is_whole)| !is_whole) {
            buffer.apply_tag_by_name(WHOLE, &line_at(from), &line_at(to));
        }
    }
}

/// As memory is shown: `00000010  64 2e …`, indented, or as it is left out.
fn is_of_bytes(line: &str) -> bool {
    let line = line.trim_start_matches(['×', ' ']).as_bytes();
    let is_number = |at: Range<usize>| line.get(at).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    is_number(0..8) && line.get(8..10) == Some(b"  ") && is_number(10..12) && line.get(12) == Some(&b' ')
}

/// What a line of so many columns takes, in the widget's size of text.
pub(super) fn width(widget: &impl IsA<gtk::Widget>) -> i32 {
    let layout = widget.create_pango_layout(Some(&"0".repeat(COLUMNS)));
    let mut font = layout.context().font_description().unwrap_or_default();
    font.set_family("monospace");
    layout.set_font_description(Some(&font));
    layout.pixel_size().0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_bytes_are_told_from_text() {
        for line in [
            "  00000010  64 2e 1b 5b 32 4a 00 00  0d 00 00 00 20 00 00 00  d..[2J...... ...",
            "×   00000020  64 2e 1b 5b                                       d..[",
        ] {
            assert!(is_of_bytes(line), "{line}");
        }
        for line in
            ["", "  *", "× ", "  name: Ledger", "  00000010", "  2026-11-27  and more", "  00000010  größer als"]
        {
            assert!(!is_of_bytes(line), "{line}");
        }
    }
}

//! Text of a report made fit for a terminal.
//!
//! A module or thread may be named `ESC ]0;owned BEL` (sets the window's title), `ESC [2J` (clears the screen) or hold
//! U+202E (shows the rest backwards, so that `gpj.exe` reads `exe.jpg`). Nothing of this may reach the reader's terminal
//! or a file that is opened in an editor, so every character that does something else than appear is written as
//! `\u{202e}`. A backslash itself is left alone, since Windows paths are full of them; the text is for people, and what
//! looks like an escape and is none does no harm.

use std::fmt::{self, Write as _};

pub(crate) mod json;

/// The longest text shown without being asked for more, in characters.
pub(crate) const LONGEST: usize = 4096;

/// A text whose `Display` holds no character that acts on a terminal or on the order of the text around it, and no line
/// break. Texts over [`LONGEST`] characters end with a count of what was cut.
///
/// It is idempotent: what it shows is shown unchanged when it goes through a second time (unless it was cut).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Safe<'a>(pub(crate) &'a str);

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut seen = 0;
        let mut rest = self.0.chars();
        for c in rest.by_ref().take(LONGEST) {
            seen += 1;
            match c {
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if is_active(c) => write!(f, "\\u{{{:x}}}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        let cut = if seen == LONGEST { rest.count() } else { 0 };
        if cut > 0 { write!(f, "… (+{cut} characters)") } else { Ok(()) }
    }
}

/// True for a character that changes the terminal, the order of the text or nothing that can be seen: controls,
/// format characters, separators of lines, and letters that are drawn as nothing.
pub(crate) fn is_active(c: char) -> bool {
    // C0, DEL and C1.
    c.is_control()
        || matches!(c,
            // Soft hyphen, grapheme joiner, Arabic letter mark, Hangul and Khmer fillers, Mongolian vowel separator.
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            // Arabic and Syriac marks that precede a number, of format category.
            | '\u{600}'..='\u{605}' | '\u{6dd}' | '\u{70f}'
            // Zero width, left-to-right and right-to-left marks.
            | '\u{200b}'..='\u{200f}'
            // Line and paragraph separators, embeddings and overrides.
            | '\u{2028}'..='\u{202e}'
            // Word joiner, invisible operators, isolates, deprecated format characters.
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            // Interlinear annotation.
            | '\u{fff9}'..='\u{fffb}'
            // Musical format characters, language tags and variation selectors that can carry hidden text.
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_terminal_escape_is_shown_as_text() {
        assert_eq!(Safe("a\u{1b}]0;owned\u{7}b").to_string(), "a\\u{1b}]0;owned\\u{7}b");
        assert_eq!(Safe("\u{9b}2J").to_string(), "\\u{9b}2J");
        assert_eq!(Safe("\u{7f}").to_string(), "\\u{7f}");
    }

    #[test]
    fn bidirectional_overrides_and_invisible_characters_are_shown() {
        assert_eq!(Safe("gpj\u{202e}exe").to_string(), "gpj\\u{202e}exe");
        assert_eq!(Safe("a\u{200b}b\u{2028}c\u{feff}").to_string(), "a\\u{200b}b\\u{2028}c\\u{feff}");
    }

    #[test]
    fn what_people_write_stays_as_it_is() {
        for text in ["C:\\Users\\anna", "Grüße – „Übung“", "日本語", "עברית", "👍🏽", "a\u{301}"] {
            assert_eq!(Safe(text).to_string(), text);
        }
    }

    #[test]
    fn line_breaks_and_tabs_have_short_names() {
        assert_eq!(Safe("a\r\n\tb").to_string(), "a\\r\\n\\tb");
    }

    #[test]
    fn a_long_text_ends_with_the_count_of_what_was_cut() {
        let whole = "x".repeat(LONGEST);
        assert_eq!(Safe(&whole).to_string(), whole);
        let cut = Safe(&"x".repeat(LONGEST + 17)).to_string();
        assert!(cut.ends_with("x… (+17 characters)"), "{}", &cut[LONGEST - 10..]);
    }

    proptest! {
        #[test]
        fn no_active_character_survives_and_a_second_pass_changes_nothing(text in any::<String>()) {
            let once = Safe(&text).to_string();
            prop_assert!(!once.chars().any(is_active));
            prop_assert_eq!(Safe(&once).to_string(), once);
        }

        #[test]
        fn every_code_point_alone_is_harmless(c in any::<char>()) {
            prop_assert!(!Safe(c.encode_utf8(&mut [0; 4])).to_string().chars().any(is_active));
        }
    }
}

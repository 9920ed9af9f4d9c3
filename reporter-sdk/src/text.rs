//! Text from outside, made harmless: for a terminal, and as a name of a directory.

/// `text` with everything that steers a terminal or reorders lines written as an escape: control characters (line feeds
/// too), bidi controls, invisible characters and line separators.
///
/// Situation: a thread name of `ESC]0;…BEL` retitles the window, U+202E turns "Don't send" round. Both were seen in the
/// wild with other tools that print names from reports.
#[cfg(any(feature = "handler", test))]
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if steers(character) {
            escaped.extend(character.escape_unicode());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// The same for text of several lines: line feeds stay.
#[cfg(any(feature = "handler", test))]
pub(crate) fn escape_lines(text: &str) -> String {
    text.split('\n').map(|line| escape(line.trim_end_matches('\r'))).collect::<Vec<_>>().join("\n")
}

fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// `name` as one component of a path: no separator, no dot file, nothing that steers a terminal, never empty, at most 100
/// bytes. Different names can become the same component; it is a place, not an id.
pub(crate) fn path_component(name: &str) -> String {
    let mut component = String::new();
    for character in name.trim().chars() {
        let harmless = if character == '/' || character == '\\' || steers(character) { '_' } else { character };
        if component.len() + harmless.len_utf8() > 100 {
            break;
        }
        component.push(if component.is_empty() && harmless == '.' { '_' } else { harmless });
    }
    if component.is_empty() { "_".into() } else { component }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped_and_the_rest_stays() {
        assert_eq!(escape("\u{1b}]0;owned\u{7}"), "\\u{1b}]0;owned\\u{7}");
        assert_eq!(escape("a\u{202e}b\u{9b}31m\nc"), "a\\u{202e}b\\u{9b}31m\\u{a}c");
        assert_eq!(escape("Grüße, 世界 – 🙂"), "Grüße, 世界 – 🙂");
        assert_eq!(escape_lines("one\r\ntwo\u{1b}"), "one\ntwo\\u{1b}");
    }

    #[test]
    fn a_name_is_one_component_of_a_path() {
        assert_eq!(path_component("Example Software"), "Example Software");
        assert_eq!(path_component("../../etc"), "_._.._etc");
        assert_eq!(path_component(".."), "_.");
        assert_eq!(path_component(""), "_");
        assert_eq!(path_component("a/b\\c\0"), "a_b_c_");
        assert!(path_component(&"ü".repeat(500)).len() <= 100);
    }
}

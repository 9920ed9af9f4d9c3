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

/// `name` as one component of a path: no separator, no dot file, nothing that steers a terminal or means something to Windows, never empty, at most 100
/// bytes. Different names can become the same component; it is a place, not an id.
///
/// It is the same on all systems, but for a dot at the end (`Example Inc.`), which Windows would leave out by itself in some places and not in others.
pub(crate) fn path_component(name: &str) -> String {
    let mut component = String::new();
    for character in name.trim().chars() {
        let harmful = "/\\<>:\"|?*".contains(character) || steers(character);
        let harmless = if harmful { '_' } else { character };
        if component.len() + harmless.len_utf8() > 100 {
            break;
        }
        component.push(if component.is_empty() && harmless == '.' { '_' } else { harmless });
    }
    let end = component.trim_end().len();
    component.truncate(end);
    if cfg!(windows) && component.ends_with('.') {
        component.pop();
        component.push('_');
    }
    if component.is_empty() || is_device(&component) {
        component.insert(0, '_');
    }
    component
}

/// Situation: on Windows a device answers to each of these names in every folder, with any ending.
fn is_device(name: &str) -> bool {
    const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_uppercase();
    let mut characters = stem.chars();
    let last = characters.next_back();
    let is_port = last.is_some_and(|last| matches!(last, '0'..='9' | '¹' | '²' | '³'))
        && matches!(characters.as_str(), "COM" | "LPT");
    is_port || DEVICES.contains(&stem.as_str())
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
        assert_eq!(path_component(""), "_");
        assert_eq!(path_component("a/b\\c\0"), "a_b_c_");
        assert_eq!(path_component("Ledger: the \"new\" one?"), "Ledger_ the _new_ one_");
        assert_eq!(path_component("Büro & Söhne (2026), v1.2"), "Büro & Söhne (2026), v1.2");
        assert_eq!(path_component(&format!("{} end", "a".repeat(99))), "a".repeat(99));
        assert!(path_component(&"ü".repeat(500)).len() <= 100);
    }

    #[test]
    fn a_name_that_windows_gives_to_a_device_becomes_another() {
        for device in ["CON", "con", "Aux.ledger", "NUL.tar.gz", "com1", "LPT9.x", "COM²", "CONIN$", "prn .x"] {
            assert_eq!(path_component(device), format!("_{device}"));
        }
        for name in ["Console", "COM", "COM12", "Auxiliary.x", "x.con", "NULL"] {
            assert_eq!(path_component(name), name);
        }
    }

    #[test]
    fn a_dot_at_the_end_stays_but_on_windows() {
        let dot = if cfg!(windows) { "_" } else { "." };
        assert_eq!(path_component("Example Inc. "), format!("Example Inc{dot}"));
        assert_eq!(path_component(".."), format!("_{dot}"));
    }
}

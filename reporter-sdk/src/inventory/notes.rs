//! What subjects tell beside their answer, and how a text becomes one that may be told.

use std::fmt;

use report_format::schema::v1::Source;

use crate::redact;

/// Of one field of the report, in characters.
const TEXT_LIMIT: usize = 256;

/// Where a subject found something, and what it could not read. Places are named by us, in the source: a path that was found on the machine can name a
/// person, and soft errors are in every report.
#[derive(Debug, Default)]
pub(super) struct Notes {
    sources: Vec<&'static str>,
    troubles: Vec<String>,
}

impl Notes {
    /// Something was read there.
    pub(super) fn source(&mut self, place: &'static str) {
        if !self.sources.contains(&place) {
            self.sources.push(place);
        }
    }

    /// Something could not be read there.
    pub(super) fn trouble(&mut self, place: &'static str, error: &dyn fmt::Display) {
        self.troubles.push(format!("{place}: {error}"));
    }

    /// One of the two.
    pub(super) fn of<T, E: fmt::Display>(&mut self, place: &'static str, read: Result<T, E>) -> Option<T> {
        match read {
            Ok(found) => {
                self.source(place);
                Some(found)
            }
            Err(error) => {
                self.trouble(place, &error);
                None
            }
        }
    }

    pub(super) fn into_parts(self) -> (Vec<Source>, Vec<String>) {
        let sources = self.sources.into_iter().map(|name| Source { name: name.into() });
        (sources.collect(), self.troubles)
    }
}

/// A text for a field of the report: one line, cut to its limit, user names in paths replaced.
pub(super) fn text(raw: &str) -> String {
    let blank = |c: char| c.is_whitespace() || c.is_control();
    let line: String = raw.trim_matches(blank).chars().filter(|c| !c.is_control()).take(TEXT_LIMIT).collect();
    redact::user_paths(&line).into_owned()
}

/// A [`text`] that names a thing: whoever gave the name can have put an address into it, which is not told.
pub(super) fn name(raw: &str) -> String {
    // What a text leaves out must not part an address until then.
    let visible: String = raw.chars().filter(|c| !c.is_control()).collect();
    text(&redact::addresses(&visible))
}

/// A word of letters, digits and the usual marks, such as a locale or a version; empty where it holds anything else.
pub(super) fn word(raw: &str) -> String {
    let raw = raw.trim().trim_matches('"');
    let plain = raw.len() <= 64 && raw.chars().all(|c| c.is_ascii_alphanumeric() || "._-+:@ ()".contains(c));
    if plain { raw.to_owned() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_short_lines() {
        assert_eq!(text(" a\u{1b}[2J\nb /home/anna/x "), "a[2Jb /home/<user>/x");
        assert_eq!(text(" \u{1} \u{1}"), "");
        assert_eq!(text(&"x".repeat(1000)).len(), 256);
        assert_eq!(name(" HP at 192.168\u{1}.1.5 "), "HP at <address>");
        assert_eq!(word("de_DE.UTF-8"), "de_DE.UTF-8");
        assert_eq!(word("/home/anna"), "");
    }
}

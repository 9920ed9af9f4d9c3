//! The keyboard of a GNOME desktop, which tells it to no X display under Wayland, but keeps it in its settings.

use std::io;

use super::super::command::{self, End};
use super::super::machine::{Machine, word};
use super::xkb::Keyboard;

const PROGRAM: &str = "/usr/bin/gsettings";
const SCHEMA: &str = "org.gnome.desktop.input-sources";

/// Of what it says.
const LIMIT: usize = 1 << 16;

/// `None` where the person has set none: then GNOME takes the system's. It finds the settings without an environment, in the home of its user.
pub(super) fn keyboard(machine: &Machine) -> io::Result<Option<Keyboard>> {
    let said = match command::run(&machine.at(PROGRAM), ["list-recursively", SCHEMA], LIMIT, machine.asking()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        said => said?,
    };
    match said.end {
        // Without the schema it says nothing, and fails.
        End::Exit(_) => Ok(read(&String::from_utf8_lossy(&said.output))),
        End::Late => Err(io::ErrorKind::TimedOut.into()),
        End::Flood => Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {LIMIT} bytes"))),
    }
}

pub(in crate::inventory) fn read(settings: &str) -> Option<Keyboard> {
    let value = |key| settings.lines().find_map(|line| line.strip_prefix(SCHEMA)?.trim_start().strip_prefix(key));
    let layouts = value("sources ").map(sources).filter(|layouts| !layouts.is_empty())?;
    // The one used last is in use; it stays in that list when it is taken out of the other.
    let used = value("mru-sources ").map(sources).unwrap_or_default();
    let active = used.into_iter().find(|layout| layouts.contains(layout)).unwrap_or_else(|| layouts[0].clone());
    Some(Keyboard { layouts, active })
}

/// `[('xkb', 'de+nodeadkeys'), ('ibus', 'anthy')]` are `de(nodeadkeys)` and `ibus:anthy`.
fn sources(list: &str) -> Vec<String> {
    let quoted: Vec<&str> = list.split('\'').skip(1).step_by(2).collect();
    let source = |pair: &[&str]| {
        let (kind, name) = (word(pair[0]), word(pair[1]));
        match name.split_once('+') {
            _ if name.is_empty() => name,
            _ if kind != "xkb" => format!("{kind}:{name}"),
            Some((layout, variant)) => format!("{layout}({variant})"),
            None => name,
        }
    };
    quoted.chunks_exact(2).map(source).filter(|source| !source.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sources_are_read_and_the_one_used_last_is_in_use() {
        let of =
            |sources: &str, used: &str| read(&format!("{SCHEMA} mru-sources {used}\n{SCHEMA} sources {sources}\n"));
        let all = "[('xkb', 'us'), ('xkb', 'de+nodeadkeys'), ('ibus', 'anthy')]";
        let layouts = || vec!["us".to_owned(), "de(nodeadkeys)".to_owned(), "ibus:anthy".to_owned()];
        for (used, active) in [
            ("[('xkb', 'de+nodeadkeys'), ('xkb', 'us')]", "de(nodeadkeys)"),
            ("[('xkb', 'fr'), ('ibus', 'anthy')]", "ibus:anthy"),
            ("@a(ss) []", "us"),
            ("'", "us"),
        ] {
            assert_eq!(of(all, used), Some(Keyboard { layouts: layouts(), active: active.into() }), "{used}");
        }
        for none in ["@a(ss) []", "", "[('xkb', '/home/canary')]", "[('xkb'", "''"] {
            assert_eq!(of(none, all), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken(settings: String, list in "['(),a-z+ \\[\\]]*") {
            let _ = read(&settings);
            let _ = read(&format!("{SCHEMA} sources {list}\n"));
        }
    }
}

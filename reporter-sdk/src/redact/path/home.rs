//! The homes of known users, wherever they lie.

use super::{NOBODY, Name, PEOPLE, SERVICES, USER_PLACEHOLDER, components, ends_unix_path, ends_windows_name, redact};

/// The home directory of a known user, with the user's name taken out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::redact) enum Home {
    Unix { path: String, redacted: String },
    Windows(WindowsHome),
}

/// It is found with any separators and in any case, and as `/c/…` and `/mnt/c/…`, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::redact) struct WindowsHome {
    /// Of a home on a server there is none.
    drive: Option<char>,
    /// In small letters.
    components: Vec<String>,
    /// The first of them that is the user's name.
    name: usize,
    /// From that one on.
    redacted: String,
}

impl Home {
    /// `None` where the folder is not one of a person.
    pub(in crate::redact) fn new(path: &str, user: &str) -> Option<Self> {
        let components: Vec<&str> = path.strip_prefix('/')?.split('/').filter(|c| !c.is_empty()).collect();
        let (first, last) = (*components.first()?, *components.last()?);
        if SERVICES.contains(&first) && !path.starts_with("/var/home/") {
            return None;
        }
        let name = if components.contains(&user) { user } else { last };
        let redacted: Vec<&str> = components.iter().map(|c| if *c == name { USER_PLACEHOLDER } else { c }).collect();
        let redacted = format!("/{}", redacted.join("/"));
        // A site's folder above it can look like a name (`/home/CORP/anna`): the same answer whether or not this home is known.
        let redacted = redact(&redacted, &[]).into_owned();
        Some(Self::Unix { path: format!("/{}", components.join("/")), redacted })
    }

    /// The same for `D:\Profiles\anna` and `\\server\home$\anna`.
    pub(in crate::redact) fn of_windows(path: &str, user: &str) -> Option<Self> {
        let path = path.strip_prefix(r"\\?\").unwrap_or(path);
        let (drive, rest) = match path.as_bytes() {
            [drive, b':', ..] if drive.is_ascii_alphabetic() => (Some(char::from(*drive)), &path[2..]),
            [b'\\', b'\\', ..] => (None, &path[2..]),
            _ => return None,
        };
        let components: Vec<String> =
            rest.split(['\\', '/']).filter(|c| !c.is_empty()).map(str::to_lowercase).collect();
        let user = user.to_lowercase();
        let name = components.iter().position(|c| *c == user).unwrap_or(components.len().checked_sub(1)?);
        // The root of a drive or of a share is nobody's name, and homes below the system's folder are those of services.
        let nobody = NOBODY.iter().chain(&PEOPLE).any(|nobody| nobody.eq_ignore_ascii_case(&components[name]));
        if nobody || components[0] == "windows" || drive.is_none() && components.len() < 3 {
            return None;
        }
        let redacted = components[name..].iter().map(|c| if *c == components[name] { USER_PLACEHOLDER } else { c });
        let redacted = redacted.collect::<Vec<_>>().join("\\");
        let drive = drive.map(|drive| drive.to_ascii_lowercase());
        Some(Self::Windows(WindowsHome { drive, components, name, redacted }))
    }

    /// The longest path comes first when homes lie in one another.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::Unix { path, .. } => path.len(),
            Self::Windows(home) => home.components.iter().map(|component| component.len() + 1).sum(),
        }
    }

    /// Finds the user's name in a path that begins with a slash.
    pub(super) fn in_unix_path(&self, text: &str, at: usize) -> Option<Name<'_>> {
        match self {
            Self::Unix { path, redacted } => {
                let rest = text[at..].strip_prefix(path.as_str())?;
                let ends = rest.chars().next().is_none_or(|c| c == '/' || ends_unix_path(c));
                ends.then_some(Name { start: at, end: at + path.len(), instead: redacted })
            }
            Self::Windows(home) => {
                let mut parts = components(text, at, |c| c == '/', ends_windows_name).peekable();
                parts.next_if(|(_, mount)| matches!(*mount, "mnt" | "cygdrive"));
                let (_, drive) = parts.next()?;
                let mut letters = drive.chars();
                let drive = letters.next().filter(|_| letters.next().is_none());
                home.find(drive, parts)
            }
        }
    }

    /// Finds it in a path that begins with a drive or with backslashes.
    pub(super) fn in_windows_path(&self, text: &str, at: usize) -> Option<Name<'_>> {
        let Self::Windows(home) = self else { return None };
        let drive = text[at..].chars().next().filter(|drive| *drive != '\\');
        let from = if drive.is_some() { at + 2 } else { at };
        let mut parts = components(text, from, |c| c == '\\' || c == '/', ends_windows_name).peekable();
        if drive.is_none() {
            // `\\?\UNC\server\…`
            parts.next_if(|(_, first)| *first == "UNC");
        }
        home.find(drive, parts)
    }
}

impl WindowsHome {
    fn find<'t>(&self, drive: Option<char>, parts: impl Iterator<Item = (usize, &'t str)>) -> Option<Name<'_>> {
        if drive.map(|drive| drive.to_ascii_lowercase()) != self.drive {
            return None;
        }
        let (mut start, mut end, mut found) = (0, 0, 0);
        for (index, (known, (at, part))) in self.components.iter().zip(parts).enumerate() {
            let last = index + 1 == self.components.len();
            // A sentence can go on behind it.
            let whole = if last { part.split([' ', '\'', '`']).next().unwrap_or(part) } else { part };
            let same = [part, whole].into_iter().find(|part| part.to_lowercase() == *known)?;
            if index == self.name {
                start = at;
            }
            (end, found) = (at + same.len(), index + 1);
        }
        (found == self.components.len()).then_some(Name { start, end, instead: &self.redacted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_of_windows_lies_on_any_drive_or_server_and_is_found_however_it_is_written() {
        for (home, text, expected) in [
            (r"D:\Profiles\Anna", r"D:\Profiles\Anna\x", r"D:\Profiles\<user>\x"),
            (r"D:\Profiles\Anna", r"d:\PROFILES\anna\x", r"d:\PROFILES\<user>\x"),
            (r"D:\Profiles\Anna", "D:/Profiles/Anna/x", "D:/Profiles/<user>/x"),
            (r"D:\Profiles\Anna", r"\\?\D:\Profiles\Anna\x", r"\\?\D:\Profiles\<user>\x"),
            (r"\\?\D:\Profiles\Anna", r"D:\\Profiles\\Anna\\x", r"D:\\Profiles\\<user>\\x"),
            (r"D:\Profiles\Anna", "/d/Profiles/Anna/x", "/d/Profiles/<user>/x"),
            (r"D:\Profiles\Anna", "/mnt/d/profiles/anna/x", "/mnt/d/profiles/<user>/x"),
            (r"D:\Profiles\Anna", r"D:\Profiles\Anna is missing", r"D:\Profiles\<user> is missing"),
            (r"D:\Profiles\Anna", r"D:\Profiles\Annabel\x", r"D:\Profiles\Annabel\x"),
            (r"D:\Profiles\Anna", r"E:\Profiles\Anna\x", r"E:\Profiles\Anna\x"),
            (r"D:\Profiles\Anna Berg", r"D:\Profiles\Anna Berg\x", r"D:\Profiles\<user>\x"),
            (r"D:\PROFIL~1\ANNAB~1", r"D:\PROFIL~1\ANNAB~1\x", r"D:\PROFIL~1\<user>\x"),
            (r"\\server\home$\anna", r"\\SERVER\home$\Anna\x", r"\\SERVER\home$\<user>\x"),
            (r"\\server\home$\anna", r"\\?\UNC\server\home$\anna\x", r"\\?\UNC\server\home$\<user>\x"),
            (r"D:\anna\profile", r"D:\anna\profile\x", r"D:\<user>\profile\x"),
            (r"C:\Users\Zoë", r"c:\users\ZOË\x", r"c:\users\<user>\x"),
            (r"C:\Users\anna", "/c/Users/anna/x", "/c/Users/<user>/x"),
            (r"C:\Users\anna", r"C:\Users\ANNA~1\x", r"C:\Users\<user>\x"),
        ] {
            let homes = [Home::of_windows(home, "anna").unwrap()];
            assert_eq!(redact(text, &homes), expected, "{home}");
            assert_eq!(redact(expected, &homes), expected, "a second time");
        }
    }

    #[test]
    fn roots_and_homes_of_services_are_no_names() {
        for path in [
            r"C:\",
            "C:",
            r"H:\",
            r"\\server\share",
            r"C:\Windows\System32\config\systemprofile",
            r"C:\Users\Public",
            r"C:\Users",
            "relative",
            r"\Users\anna",
            "",
        ] {
            assert_eq!(Home::of_windows(path, "anna"), None, "{path}");
        }
    }
}

//! Finds the places in a text where a path names a person.

mod home;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(any(target_os = "linux", windows)))]
mod other;
#[cfg(windows)]
mod windows;

use std::borrow::Cow;

#[cfg(windows)]
use self::windows as sys;
pub(super) use home::Home;
#[cfg(target_os = "linux")]
use linux as sys;
#[cfg(not(any(target_os = "linux", windows)))]
use other as sys;

use super::USER_PLACEHOLDER;

/// Folders of people below which the first component is a name. `media` and `mail` hold a folder or a file per person.
const PEOPLE: [&str; 2] = ["home", "Users"];

/// Where another system's tree, or a site's file server, is mounted: `home` can come deeper here. Elsewhere (`/opt/app/home/page.html`)
/// it is an ordinary folder.
const MOUNTS: [&str; 14] = [
    "Volumes", "cygdrive", "data", "export", "host", "mnt", "net", "nfs", "proc", "rootfs", "run", "srv", "sysroot",
    "var",
];

/// How deep below a mount `home` is looked for: `/proc/4711/root/var/home/anna`.
const DEEPEST: usize = 4;

/// Children of people's folders that are no person.
const NOBODY: [&str; 9] =
    ["Shared", "Public", "Default", "Default User", "All Users", "linuxbrew", "lost+found", "cdrom", "floppy"];

/// Homes below these belong to services, not people.
const SERVICES: [&str; 16] = [
    "bin",
    "boot",
    "dev",
    "etc",
    "lib",
    "lib64",
    "nonexistent",
    "opt",
    "proc",
    "root",
    "run",
    "sbin",
    "sys",
    "tmp",
    "usr",
    "var",
];

/// The home directories of the user that runs this process.
pub(super) fn own_homes() -> Vec<Home> {
    let mut homes = sys::own_homes();
    homes.sort_by_key(|home| std::cmp::Reverse(home.depth()));
    homes.dedup();
    homes
}

/// See [`super::user_paths`]. One pass, linear in the length of `text`.
pub(super) fn redact<'a>(text: &'a str, homes: &[Home]) -> Cow<'a, str> {
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while at < text.len() {
        let found = if starts_windows_path(text, at) {
            in_windows_path(text, at, homes)
        } else if starts_unix_path(text, at) {
            in_unix_path(text, at, homes)
        } else {
            None
        };
        if let Some(Name { start, end, instead }) = found {
            out.push_str(&text[copied..start]);
            out.push_str(instead);
            copied = end;
            at = end;
        } else {
            at += 1;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

/// A stretch of the text that names a person, and what to write instead.
struct Name<'a> {
    start: usize,
    end: usize,
    instead: &'a str,
}

fn placeholder(start: usize, end: usize) -> Option<Name<'static>> {
    Some(Name { start, end, instead: USER_PLACEHOLDER })
}

/// An absolute path starts at a slash that follows nothing a path component could end with: `src/home/page.rs` is relative.
/// Compiler options are glued to their path: `-L/home/anna/lib`.
fn starts_unix_path(text: &str, at: usize) -> bool {
    if text.as_bytes()[at] != b'/' || text[..at].ends_with(USER_PLACEHOLDER) {
        return false;
    }
    let token = text[..at].bytes().rev().take_while(|b| b.is_ascii_alphanumeric() || b"_-.~)}*".contains(b)).count();
    let (before, token) = (&text.as_bytes()[..at - token], &text.as_bytes()[at - token..at]);
    before.last() != Some(&b'/') && matches!(token.first(), None | Some(b'-'))
}

/// `C:\` or `C:/`, `\\server\` or `\Device\`.
fn starts_windows_path(text: &str, at: usize) -> bool {
    let before = at.checked_sub(1).map(|i| text.as_bytes()[i]);
    let free = !before.is_some_and(|b| b.is_ascii_alphanumeric());
    match &text.as_bytes()[at..] {
        [drive, b':', b'\\' | b'/', ..] => drive.is_ascii_alphabetic() && free,
        [b'\\', ..] => free && before.is_none_or(|b| !b"\\:>".contains(&b)),
        _ => false,
    }
}

fn ends_unix_path(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "\"'`:;,()[]<>|{}".contains(c)
}

/// What an account name of Windows cannot hold; spaces it can.
fn ends_windows_name(c: char) -> bool {
    c.is_control() || "\\/\"[]:;|=*?<>,".contains(c)
}

/// The components of the path at `at`, each with its place in the text. Repeated separators (also as `\\` in escaped text) and `.` count as none.
fn components(
    text: &str,
    at: usize,
    separator: fn(char) -> bool,
    ends: fn(char) -> bool,
) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = at;
    std::iter::from_fn(move || {
        loop {
            let start = text.len() - text[rest..].trim_start_matches(separator).len();
            if start == rest {
                return None;
            }
            let len = text[start..].find(|c| separator(c) || ends(c)).unwrap_or(text.len() - start);
            rest = start + len;
            if len == 0 {
                return None;
            }
            if &text[start..rest] != "." {
                return Some((start, &text[start..rest]));
            }
        }
    })
}

fn in_unix_path<'a>(text: &str, at: usize, homes: &'a [Home]) -> Option<Name<'a>> {
    if let Some(name) = homes.iter().find_map(|home| home.in_unix_path(text, at)) {
        return Some(name);
    }
    let mut parts = components(text, at, |c| c == '/', ends_unix_path).take(DEEPEST + 2).collect::<Vec<_>>();
    if text[..at].ends_with("file:") && !text[at..].starts_with("///") && !parts.is_empty() {
        parts.remove(0); // file://server/home/anna
    }
    let names: Vec<&str> = parts.iter().map(|(_, name)| *name).collect();
    let person = match names[..] {
        ["media", _, _, ..] => 1,
        ["run", "media", _, ..] | ["var", "mail", _, ..] => 2,
        ["var", "spool", "mail", _, ..] => 3,
        ["var", "spool", "cron", "crontabs", _, ..] => 4,
        [first, ..] => {
            let mounted = MOUNTS.contains(&first) || first.len() == 1;
            let reach = match first {
                "var" => 2, // /var/home; /var/www/home is a site's
                _ if mounted => DEEPEST + 1,
                _ => 1,
            };
            names.iter().take(reach).position(|name| PEOPLE.contains(name))? + 1
        }
        [] => return None,
    };
    let (start, name) = *parts.get(person)?;
    // Backslashes alone separate what Windows names, and stand before a name that was replaced already.
    let nobody = NOBODY.contains(&name) || name.bytes().all(|byte| byte == b'\\');
    if nobody { None } else { placeholder(start, start + name.len()) }
}

fn in_windows_path<'a>(text: &str, at: usize, homes: &'a [Home]) -> Option<Name<'a>> {
    if let Some(name) = homes.iter().find_map(|home| home.in_windows_path(text, at)) {
        return Some(name);
    }
    let separator = |c| c == '\\' || c == '/';
    // Below a drive people's folders come first, below a server or device second: `\\server\Users`, `\Device\HarddiskVolume3\Users`.
    let (from, reach) = if text.as_bytes()[at] == b'\\' { (at, 3) } else { (at + 2, 1) };
    let mut parts = components(text, from, separator, ends_windows_name);
    let folder = |name: &str| name.eq_ignore_ascii_case("users") || name.eq_ignore_ascii_case("documents and settings");
    parts.by_ref().take(reach).find(|(_, name)| folder(name))?;
    let (start, mut name) = parts.next()?;
    let end = start + name.len();
    if text[end..].starts_with(':') {
        // Another path follows in the sentence, and its drive is no part of the name: `C:\Users\anna and D:\…`
        let drive = name.char_indices().next_back().filter(|(_, c)| c.is_ascii_alphabetic()).map(|(i, _)| i);
        name = drive.filter(|i| name[..*i].ends_with(' ')).map_or(name, |i| name[..i].trim_end());
    }
    let nobody = name.is_empty() || NOBODY.iter().any(|n| n.eq_ignore_ascii_case(name));
    if nobody { None } else { placeholder(start, start + name.len()) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn anna() -> Vec<Home> {
        vec![Home::new("/data/people/anna", "anna").unwrap()]
    }

    #[test]
    fn names_in_peoples_folders_are_replaced() {
        for (text, expected) in [
            ("/home/anna", "/home/<user>"),
            ("/home/anna/", "/home/<user>/"),
            ("/home/anna/home/anna", "/home/<user>/home/anna"),
            ("//home//anna/x", "//home//<user>/x"),
            ("/home/./anna/x", "/home/./<user>/x"),
            ("/home/Zoë/x", "/home/<user>/x"),
            ("/home/anna@corp.example/x", "/home/<user>/x"),
            ("/var/home/anna/x", "/var/home/<user>/x"),
            ("/proc/4711/root/var/home/anna/x", "/proc/4711/root/var/home/<user>/x"),
            ("/run/host/home/anna/x", "/run/host/home/<user>/x"),
            ("/run/media/anna/STICK", "/run/media/<user>/STICK"),
            ("/media/anna/STICK", "/media/<user>/STICK"),
            ("/var/mail/anna", "/var/mail/<user>"),
            ("/Users/anna/Library", "/Users/<user>/Library"),
            ("/mnt/c/Users/anna/x", "/mnt/c/Users/<user>/x"),
            ("/c/Users/anna/x", "/c/Users/<user>/x"),
            ("\\/Users/\\anna", "\\/Users/\\<user>"),
            ("\\/Users/\\<user>", "\\/Users/\\<user>"),
            ("file:///home/anna/x", "file:///home/<user>/x"),
            ("file://server/home/anna/x", "file://server/home/<user>/x"),
            ("-L/home/anna/lib", "-L/home/<user>/lib"),
            ("A=/home/anna/a:/home/bob/b", "A=/home/<user>/a:/home/<user>/b"),
            ("cannot open '/home/anna': no", "cannot open '/home/<user>': no"),
            (r"C:\Users\anna\x", r"C:\Users\<user>\x"),
            (r"c:\users\Anna Berg\x", r"c:\users\<user>\x"),
            (r"C:\\Users\\anna\\x", r"C:\\Users\\<user>\\x"),
            ("file:///C:/Users/anna/x", "file:///C:/Users/<user>/x"),
            (r"\\?\C:\Users\anna\x", r"\\?\C:\Users\<user>\x"),
            (r"\\server\Users\anna\x", r"\\server\Users\<user>\x"),
            (r"\Device\HarddiskVolume3\Users\anna\x", r"\Device\HarddiskVolume3\Users\<user>\x"),
            (r"C:\Documents and Settings\anna\x", r"C:\Documents and Settings\<user>\x"),
            (r"C:\Users\anna;D:\Users\bob", r"C:\Users\<user>;D:\Users\<user>"),
            (r"C:\Users\anna and D:\Users\bob", r"C:\Users\<user> D:\Users\<user>"),
            ("/data/people/anna/x", "/data/people/<user>/x"),
            ("in /data/people/anna.", "in /data/people/anna."),
        ] {
            assert_eq!(redact(text, &anna()), expected, "{text}");
            assert_eq!(redact(expected, &anna()), expected, "a second time");
        }
    }

    #[test]
    fn all_else_stays() {
        for text in [
            "",
            "/",
            "/home",
            "/home/",
            "/root/x",
            "/run/user/1000/bus",
            "/var/lib/postgresql/x",
            "/var/www/home/x",
            "a",
            "c",
            "home/anna",
            "src/home/page.rs",
            "../home/page.rs",
            "/opt/app/home/page.html",
            "/usr/share/home/x",
            "/home/linuxbrew/.linuxbrew/bin",
            "/media/cdrom/x",
            "/media/disk",
            "/Users/Shared/x",
            r"C:\Users\Public\x",
            r"C:\Users",
            r"C:\Program Files\a\c",
            r"C:\src\Users\List.cs",
            "http://example.com/home/page",
            "/data/people/annabel/x",
            "/data/people",
            "/lib/a/c",
            "C:a",
            "/home/<user>/x",
        ] {
            assert_eq!(redact(text, &anna()), text);
        }
    }

    #[test]
    fn homes_of_services_are_no_names() {
        for (path, user) in [
            ("/root", "root"),
            ("/var/lib/postgresql", "postgres"),
            ("/nonexistent", "nobody"),
            ("/", "bin"),
            ("", ""),
            ("x", "x"),
        ] {
            assert_eq!(Home::new(path, user), None, "{path}");
        }
    }

    #[test]
    fn a_home_lies_wherever_the_site_puts_it() {
        for (path, user, text, expected) in [
            ("/home/CORP/anna", "anna", "/home/CORP/anna/x", "/home/<user>/<user>/x"),
            ("/afs/cell/a/anna/unix", "anna", "/afs/cell/a/anna/unix/x", "/afs/cell/a/<user>/unix/x"),
            ("/people/berg", "anna", "/people/berg/x", "/people/<user>/x"),
            ("/home/anna berg", "anna berg", "/home/anna berg/x", "/home/<user>/x"),
            ("/home/a", "a", "/home/a/a/b", "/home/<user>/a/b"),
            ("/var/home/anna/", "anna", "/var/home/anna", "/var/home/<user>"),
        ] {
            let homes = [Home::new(path, user).unwrap()];
            assert_eq!(redact(text, &homes), expected);
            assert_eq!(redact(expected, &homes), expected, "a second time");
        }
    }

    proptest! {
        #[test]
        fn a_second_time_changes_nothing(
            parts in proptest::collection::vec(
                prop::sample::select(vec!["/", "/", "/", "\\", "home", "Users", "anna", "media", "run", "C:", "D:\\", ":", " ", ".", "-", "@", "<user>", "<", ">", "ß", "file:", "data", "people"]),
                0..24,
            ),
        ) {
            let text = parts.concat();
            let once = redact(&text, &anna()).into_owned();
            prop_assert_eq!(redact(&once, &anna()), once.as_str(), "{}", text);
        }

        #[test]
        fn a_name_in_a_home_never_stays(name in "[a-z0-9._-]{1,12}", tail in "(/[a-z]{1,5}){0,3}", lead in "([a-z]+ |'|=|)") {
            prop_assume!(!NOBODY.contains(&name.as_str()) && name != "." );
            let text = format!("{lead}/home/{name}{tail}");
            prop_assert_eq!(redact(&text, &[]), format!("{lead}/home/<user>{tail}"));
        }

        #[test]
        fn a_user_with_a_short_name_breaks_nothing_outside(name in "[a-c]", path in "(/[a-c]{1,2}){1,6}") {
            prop_assume!(!path.starts_with("/people"));
            let homes = [Home::new(&format!("/people/{name}"), &name).unwrap()];
            prop_assert_eq!(redact(&path, &homes), path.as_str());
        }
    }
}

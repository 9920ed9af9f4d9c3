//! What must never leave the machine in typed fields: the names of people in paths, addresses of the local network, credentials in URLs.
//!
//! Replacing a user's name wherever it occurs breaks reports (there are users called `a`), and lists of words leak. So a name is
//! replaced only where it is a path component in a place that holds people's folders. Addresses go the other way round: a
//! [`GlobalAddr`] is the only one that can be written into a report, and it cannot be made from anything else.

use std::borrow::Cow;
use std::sync::OnceLock;

mod address;
#[cfg_attr(not(any(target_os = "linux", windows)), expect(dead_code, reason = "for the inventory"))]
mod label;
mod path;
mod prose;

pub use address::GlobalAddr;
#[cfg(any(target_os = "linux", windows))]
pub(crate) use label::{addresses, holds_address};
use path::Home;

/// Stands for a person's name in a path.
pub const USER_PLACEHOLDER: &str = "<user>";

/// Stands for an address of the local network, or of a network card.
pub(crate) const ADDRESS_PLACEHOLDER: &str = "<address>";

/// Replaces the user's name in each path that `text` holds, by [`USER_PLACEHOLDER`].
///
/// `text` is a path, or a sentence with paths in it. Known are the folders of people on Linux, macOS and Windows (`/home/…`, `/Users/…`,
/// `C:\Users\…`, removable media and mail boxes, which carry the name too) and the home directory of the user that runs this
/// process, wherever it lies. `/root`, `/run/user/1000` and the homes of services name no person and stay. Applying it twice
/// changes nothing more.
///
/// ```
/// use reporter_sdk::redact::user_paths;
///
/// assert_eq!(user_paths("/home/anna/bin/ledger"), "/home/<user>/bin/ledger");
/// assert_eq!(user_paths(r"cannot open 'C:\Users\Anna Berg\a.txt'"), r"cannot open 'C:\Users\<user>\a.txt'");
/// assert_eq!(user_paths("src/home/page.rs"), "src/home/page.rs");
/// ```
#[must_use]
pub fn user_paths(text: &str) -> Cow<'_, str> {
    static OWN: OnceLock<Vec<Home>> = OnceLock::new();
    path::redact(text, OWN.get_or_init(path::own_homes))
}

/// What is told of a sentence that the product or the system made, such as the message of an error: names of persons in paths, `user:password@` in URLs, and
/// addresses of the local network and of network cards are replaced.
///
/// An address is what parses as one and lies in a local range; a number such as `Version=10.0.0.0` is none. Applying it twice changes nothing more.
///
/// ```
/// use reporter_sdk::redact::prose;
///
/// assert_eq!(prose("cannot read /home/anna/a.txt"), "cannot read /home/<user>/a.txt");
/// assert_eq!(prose("no answer from http://anna:secret@10.0.0.5:80/"), "no answer from http://<address>:80/");
/// ```
#[must_use]
pub fn prose(text: &str) -> Cow<'_, str> {
    settled(text, &[user_paths, prose::without_credentials, prose::without_addresses])
}

/// What becomes of a text by these rules until none finds anything more: behind a placeholder a path can begin that was a part of another before
/// (`/10.0.0.1/home/anna`). It ends, since no rule finds anything in what another puts in.
fn settled<'a>(text: &'a str, rules: &[fn(&str) -> Cow<'_, str>]) -> Cow<'a, str> {
    let mut settled = Cow::Borrowed(text);
    let changed = |text: &str| {
        rules.iter().find_map(|rule| match rule(text) {
            Cow::Borrowed(_) => None,
            Cow::Owned(changed) => Some(changed),
        })
    };
    while let Some(changed) = changed(&settled) {
        settled = Cow::Owned(changed);
    }
    settled
}

/// What is told of a path to a file: names of persons are replaced, and components that are addresses of the local network (`\\192.168.1.5\share`).
///
/// ```
/// use reporter_sdk::redact::file_path;
///
/// assert_eq!(file_path("/net/10.0.0.5/home/anna/lib.so"), "/net/<address>/home/<user>/lib.so");
/// assert_eq!(file_path("/opt/tool-10.0.0.5/lib.so"), "/opt/tool-10.0.0.5/lib.so");
/// ```
#[must_use]
pub fn file_path(path: &str) -> Cow<'_, str> {
    settled(path, &[user_paths, without_local_components])
}

fn without_local_components(path: &str) -> Cow<'_, str> {
    let is_local = |component: &str| component.parse().is_ok_and(address::is_local);
    if !path.split(['/', '\\']).any(is_local) {
        return Cow::Borrowed(path);
    }
    let parts = path.split_inclusive(['/', '\\']).map(|part| {
        let component = part.trim_end_matches(['/', '\\']);
        if is_local(component) { part.replacen(component, ADDRESS_PLACEHOLDER, 1) } else { part.to_owned() }
    });
    Cow::Owned(parts.collect())
}

/// Whether [`user_paths`] finds a person's name in `text`.
#[must_use]
pub fn names_a_user(text: &str) -> bool {
    matches!(user_paths(text), Cow::Owned(_))
}

/// Removes `user:password@` from a URL, with or without a scheme.
///
/// People write passwords into proxy settings as they are, with the characters that end a host in the URL's grammar: `http://user:pa/ss@proxy`,
/// `user:pa://ss@proxy`. So all that precedes the last `@` goes, and nothing but a scheme at the very start stays in front. The price: of a
/// URL with an `@` in its path, what stands before that goes too.
///
/// ```
/// use reporter_sdk::redact::strip_credentials;
///
/// assert_eq!(strip_credentials("http://anna:secret@proxy.example:3128/"), "http://proxy.example:3128/");
/// assert_eq!(strip_credentials("http://anna:pa/ss@proxy.example"), "http://proxy.example");
/// ```
#[must_use]
pub fn strip_credentials(url: &str) -> Cow<'_, str> {
    let Some(last) = url.rfind('@') else { return Cow::Borrowed(url) };
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    // Anything else before a "://" is part of a password.
    let is_scheme = |text: &str| text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(plain);
    let scheme = url[..last].find("://").filter(|end| is_scheme(&url[..*end])).map_or("", |end| &url[..end + 3]);
    Cow::Owned(format!("{scheme}{}", &url[last + 1..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn credentials_go_and_the_host_stays() {
        for (url, bare) in [
            ("http://proxy.example:3128", "http://proxy.example:3128"),
            ("http://anna@proxy.example", "http://proxy.example"),
            ("anna:secret@proxy.example:3128", "proxy.example:3128"),
            ("socks5://a:b@c@[2a00::1]:1080", "socks5://[2a00::1]:1080"),
            ("http://anna:12/34@proxy.example", "http://proxy.example"),
            ("http://anna:p?a#s@proxy.example", "http://proxy.example"),
            ("http://a:x@y/z:w@proxy.example", "http://proxy.example"),
            ("http://a:x@#y@proxy.example", "http://proxy.example"),
            ("http://a:b#YRANAC@host/", "http://host/"),
            ("http://a:b?YRANAC@host/", "http://host/"),
            ("http://a#YRANAC@host/", "http://host/"),
            ("http://a/b:YRANAC@host/", "http://host/"),
            ("http://a:b YRANAC@host/", "http://host/"),
            ("a:b://YRANAC@host", "host"),
            ("http://proxy.example/@scope/file", "http://scope/file"),
            ("http://proxy.example/file", "http://proxy.example/file"),
            ("", ""),
            ("@", ""),
        ] {
            assert_eq!(strip_credentials(url), bare, "{url}");
        }
    }

    #[test]
    fn what_one_rule_puts_in_hides_nothing_from_another() {
        for (text, told) in [
            ("/10.0.0.1/home/anna/x", "/<address>/home/<user>/x"),
            (r"\\10.0.0.1\Users\anna\x", r"\\<address>\Users\<user>\x"),
        ] {
            assert_eq!((prose(text).as_ref(), file_path(text).as_ref()), (told, told), "{text}");
        }
        assert_eq!(prose("/home/version:10.0.0.1"), "/home/<user>:<address>");
    }

    proptest! {
        #[test]
        fn no_password_survives(
            scheme in "(http://)?",
            user in "[a-z/?#@:% ]{0,8}",
            word in "\\PC{0,20}",
            host in "[a-z]{1,8}\\.example",
        ) {
            let url = format!("{scheme}{user}:CANARY{word}YRANAC@{host}:3128");
            let bare = strip_credentials(&url).into_owned();
            prop_assert!(!bare.contains("CANARY") && !bare.contains("YRANAC"), "{} became {}", url, bare);
            prop_assert!(bare.ends_with(&format!("{host}:3128")), "{} became {}", url, bare);
        }

        #[test]
        fn any_text_is_taken(text in ".*") {
            let _ = strip_credentials(&text);
            let once = user_paths(&text).into_owned();
            prop_assert_eq!(user_paths(&once), once.as_str());
        }
    }
}

//! Takes the names of people out of paths.

use std::borrow::Cow;

/// Replaces the user's name in the path that `text` is.
pub fn user_paths(text: &str) -> Cow<'_, str> {
    for folder in ["/home/", "/Users/"] {
        if let Some(rest) = text.strip_prefix(folder) {
            let end = rest.find('/').unwrap_or(rest.len());
            return Cow::Owned(format!("{folder}<user>{}", &rest[end..]));
        }
    }
    Cow::Borrowed(text)
}

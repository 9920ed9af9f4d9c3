//! Files of keys, as text: the secret ones that support keeps, and the public ones that a product ships.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::{Class, Date, KeyId, PublicKey, SecretKey};
use crate::error::Error;

/// Bytes of the largest file of keys that is parsed.
pub const LARGEST_KEY_FILE: usize = 64 << 10;
/// Keys that one section is sealed to at most: as many ids as fit before the age file.
pub const MOST_KEYS: usize = 64;
/// Secret keys in one file.
const MOST_SECRET_KEYS: usize = 1000;

/// A secret key with what its file says about it.
#[derive(Debug, Clone)]
pub struct StoredKey {
    /// The key.
    pub secret: SecretKey,
    /// What it is for, in the words of whoever made it. One line.
    pub label: String,
    /// The day it was made.
    pub created: Option<Date>,
    /// The last day on which anything should be sealed to it. It opens for ever.
    pub expires: Option<Date>,
}

impl StoredKey {
    /// The text of its file, that `age -i` takes as well. Several such texts, one after the other, are a file of several keys.
    ///
    /// ```
    /// use report_format::seal::{SecretKey, StoredKey};
    /// let key = StoredKey { secret: SecretKey::generate(), label: "triage 2026".into(), created: None, expires: None };
    /// let read = StoredKey::parse(&key.text())?;
    /// assert_eq!((read[0].secret.id(), &read[0].label), (key.secret.id(), &key.label));
    /// # Ok::<(), report_format::Error>(())
    /// ```
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(1024));
        let mut comment = |name: &str, value: &str| text.push_str(&format!("# {name}: {}\n", one_line(value)));
        comment("key id", &self.secret.id().to_string());
        comment("public key", &self.secret.public().to_string());
        if !self.label.is_empty() {
            comment("label", &self.label);
        }
        if let Some(created) = self.created {
            comment("created", &created.to_string());
        }
        if let Some(expires) = self.expires {
            comment("expires", &expires.to_string());
        }
        text.push_str(&self.secret.expose());
        text.push('\n');
        text
    }

    /// The keys of a file, one or more. Comments before a key are its own; those that are not known are passed over.
    ///
    /// # Errors
    /// [`Error::Format`] with the line, which is not repeated since it may be a secret: a line that is no key, a date that is none, a key
    /// that is not the one its comment says. [`Error::Limit`] for a text over 64 KiB or more than 1,000 keys.
    pub fn parse(text: &str) -> Result<Vec<Self>, Error> {
        let text = checked(text)?;
        let mut keys = Vec::new();
        let mut comments = Comments::default();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if let Some(comment) = line.strip_prefix('#') {
                comments.take(comment).map_err(|error| at_line(number, &error))?;
            } else if !line.is_empty() {
                if keys.len() == MOST_SECRET_KEYS {
                    let (limit, seen) = (MOST_SECRET_KEYS as u64, MOST_SECRET_KEYS as u64 + 1);
                    return Err(Error::Limit { what: "keys in a file", limit, seen });
                }
                let secret: SecretKey = line.parse().map_err(|error| at_line(number, &error))?;
                let Comments { id, label, created, expires } = std::mem::take(&mut comments);
                if id.is_some_and(|id| id != secret.id().to_string()) {
                    let error =
                        Error::format("this is not the key that the comment above it says", "one of both was changed");
                    return Err(at_line(number, &error));
                }
                keys.push(Self { secret, label, created, expires });
            }
        }
        if keys.is_empty() {
            return Err(Error::format("there is no key in this file", "give one that keygen or age-keygen wrote"));
        }
        Ok(keys)
    }
}

/// What comments said since the last key.
#[derive(Default)]
struct Comments {
    id: Option<String>,
    label: String,
    created: Option<Date>,
    expires: Option<Date>,
}

impl Comments {
    fn take(&mut self, comment: &str) -> Result<(), Error> {
        let Some((name, value)) = comment.split_once(':') else { return Ok(()) };
        let value = value.trim();
        match name.trim() {
            "key id" => self.id = Some(value.to_owned()),
            "label" => value.clone_into(&mut self.label),
            // age-keygen writes the time as well.
            "created" => self.created = value.get(..10).and_then(|day| day.parse().ok()),
            "expires" => self.expires = Some(value.parse()?),
            _ => {}
        }
        Ok(())
    }
}

/// A public key that a class is sealed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The class.
    pub class: Class,
    /// The key.
    pub key: PublicKey,
    /// What it is for. One line.
    pub label: String,
    /// The last day on which anything is sealed to it.
    pub expires: Option<Date>,
}

/// The public keys that a vendor's product seals to, by class: 1 to 64 each, for every class that is to be sealed.
///
/// As text one line each: class, key, and after a `#` the last day and a label, if there are. Two keys overlap while one replaces the
/// other; one whose secret key is kept offline opens what the others cannot any more.
///
/// ```
/// use report_format::seal::{Class, Date, Recipients, SecretKey};
/// let (old, new) = (SecretKey::generate(), SecretKey::generate());
/// let text = format!(
///     "# keys of Ledger\n\
///      triage {}  # expires 2026-12-31, support until the move\n\
///      triage {}  # expires 2027-12-31\n",
///     old.public(), new.public(),
/// );
/// let recipients = Recipients::parse(&text)?;
/// assert_eq!(recipients.of(Class::Triage).count(), 2);
/// let today: Date = "2027-01-01".parse()?;
/// assert_eq!(recipients.expired(today).map(|one| one.key.id()).collect::<Vec<_>>(), [old.id()]);
/// assert_eq!(Recipients::parse(&recipients.to_text())?, recipients);
/// # Ok::<(), report_format::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recipients(Vec<Recipient>);

impl Recipients {
    /// From keys in the order in which they will stand in sealed sections.
    ///
    /// # Errors
    /// [`Error::Limit`] for more than 64 keys of a class; [`Error::Format`] if a class has a key twice.
    pub fn new(recipients: impl IntoIterator<Item = Recipient>) -> Result<Self, Error> {
        let mut all = Self::default();
        for recipient in recipients {
            all.push(recipient)?;
        }
        Ok(all)
    }

    fn push(&mut self, recipient: Recipient) -> Result<(), Error> {
        if self.of(recipient.class).any(|other| other.key == recipient.key) {
            return Err(Error::format("a key stands twice for one class", "remove one of both lines"));
        }
        if self.of(recipient.class).count() == MOST_KEYS {
            let (limit, seen) = (MOST_KEYS as u64, MOST_KEYS as u64 + 1);
            return Err(Error::Limit { what: "keys for one class", limit, seen });
        }
        self.0.push(recipient);
        Ok(())
    }

    /// Reads the text that [`to_text`](Self::to_text) writes, and a person may have written.
    ///
    /// # Errors
    /// [`Error::Format`] with the line: a class, key or date that is none, a secret key, a key twice; or no key at all.
    /// [`Error::Limit`] for a text over 64 KiB or more than 64 keys of a class.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = checked(text)?;
        let mut recipients = Self::default();
        for (number, line) in (1..).zip(text.lines()) {
            let (facts, comment) = line.split_once('#').unwrap_or((line, ""));
            let mut words = facts.split_whitespace();
            let Some(class) = words.next() else { continue };
            let recipient = || {
                let form = || {
                    Error::format(
                        "this is no line of a recipients file",
                        "write a class and a public key: triage age1…",
                    )
                };
                let (Some(key), None) = (words.next(), words.next()) else { return Err(form()) };
                if key.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
                    let advice = "it must not be in a file that ships: put the public one here, and replace this key";
                    return Err(Error::format("this is a secret key", advice));
                }
                let (label, expires) = label_and_expiry(comment)?;
                Ok(Recipient { class: class.parse()?, key: key.parse()?, label, expires })
            };
            let mut recipient = recipient;
            recipient().and_then(|one| recipients.push(one)).map_err(|error| at_line(number, &error))?;
        }
        if recipients.0.is_empty() {
            return Err(Error::format(
                "there is no key in this recipients file",
                "write a line for each: triage age1…",
            ));
        }
        Ok(recipients)
    }

    /// The text of a recipients file.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for Recipient { class, key, label, expires } in &self.0 {
            let expires = expires.map(|day| format!("expires {day}"));
            let label = Some(one_line(label)).filter(|label| !label.is_empty());
            let comment: Vec<String> = [expires, label].into_iter().flatten().collect();
            _ = write!(text, "{class} {key}");
            if !comment.is_empty() {
                _ = write!(text, "  # {}", comment.join(", "));
            }
            text.push('\n');
        }
        text
    }

    /// All, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Recipient> {
        self.0.iter()
    }

    /// Those of a class, in order.
    pub fn of(&self, class: Class) -> impl Iterator<Item = &Recipient> {
        self.0.iter().filter(move |recipient| recipient.class == class)
    }

    /// Those whose last day is before `today`: nothing should be sealed to them any more.
    pub fn expired(&self, today: Date) -> impl Iterator<Item = &Recipient> {
        self.0.iter().filter(move |recipient| recipient.expires.is_some_and(|last| last < today))
    }
}

/// `expires 2026-12-31, a label`, both or one or none of them.
fn label_and_expiry(comment: &str) -> Result<(String, Option<Date>), Error> {
    let comment = comment.trim();
    let Some(rest) = comment.strip_prefix("expires ") else { return Ok((comment.to_owned(), None)) };
    let (day, label) = rest.split_once(',').unwrap_or((rest, ""));
    Ok((label.trim().to_owned(), Some(day.trim().parse()?)))
}

/// The text without the mark that editors of Windows put before UTF-8, if it is not too long.
fn checked(text: &str) -> Result<&str, Error> {
    if text.len() > LARGEST_KEY_FILE {
        let (limit, seen) = (LARGEST_KEY_FILE as u64, text.len() as u64);
        return Err(Error::Limit { what: "bytes of a file of keys", limit, seen });
    }
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Labels stand in one line, whatever they hold.
fn one_line(label: &str) -> String {
    label.split(char::is_control).collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// Says in which line. The line itself may be a secret.
fn at_line(number: usize, error: &Error) -> Error {
    match error {
        Error::Format { what, advice, .. } => Error::format(format!("line {number}: {what}"), advice),
        other => Error::format(format!("line {number}: {other}"), "correct this line"),
    }
}

/// Those of `keys` that are among `ids`.
pub(super) fn matching<'k>(keys: &'k [SecretKey], ids: &[KeyId]) -> Vec<&'k SecretKey> {
    keys.iter().filter(|key| ids.contains(&key.id())).collect()
}

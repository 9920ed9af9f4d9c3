//! What a person types to be answered: all of it optional, in any language, up to limits that they are told.

use lettre::Address;
use report_format::schema::v1::Contact;

/// Of a first name and of a last name, in characters.
pub const NAME_LIMIT: usize = 100;
/// Of an e-mail address, in bytes (RFC 5321, section 4.5.3.1.3, less the brackets).
pub const EMAIL_LIMIT: usize = 254;
/// Of the description, in characters.
pub const DESCRIPTION_LIMIT: usize = 4000;
/// Of a language tag, in bytes (RFC 5646, section 4.4.1).
const LANGUAGE_LIMIT: usize = 35;

/// What cannot be sent as it was typed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContactError {
    /// More than fits.
    #[error("{what} has {is} characters, and {most} fit")]
    TooLong {
        /// Which field.
        what: &'static str,
        /// How many there are.
        is: usize,
        /// How many there may be.
        most: usize,
    },
    /// A character that is no text: an escape, a null. In the description, line breaks and tabs are text.
    #[error("{what} holds the control character {character:?}")]
    Control {
        /// Which field.
        what: &'static str,
        /// Which character.
        character: char,
    },
    /// Nobody could answer to that.
    #[error("that is no e-mail address")]
    Email,
    /// No language tag.
    #[error("that is no language tag, such as de-DE")]
    Language,
}

/// Whether all of it can be sent as it was typed. An empty field always can: none is required.
///
/// ```
/// use report_format::schema::v1::Contact;
/// use reporter_sdk::consent::{ContactError, check_contact};
///
/// let typed = Contact { email: "anna@example".into(), description: "Es stürzte ab 😢".into(), ..Contact::default() };
/// assert_eq!(check_contact(&typed), Ok(()));
/// assert_eq!(check_contact(&Contact { email: "anna@".into(), ..typed }), Err(ContactError::Email));
/// ```
///
/// # Errors
/// The first field that cannot, and why.
pub fn check_contact(contact: &Contact) -> Result<(), ContactError> {
    let Contact { first_name, last_name, email, description, language } = contact;
    for (what, name) in [("the first name", first_name), ("the last name", last_name)] {
        check_text(what, name, NAME_LIMIT, "")?;
    }
    check_text("the description", description, DESCRIPTION_LIMIT, "\n\r\t")?;
    if !email.is_empty() && !is_email(email) {
        return Err(ContactError::Email);
    }
    let is_tag = language.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && language.len() <= LANGUAGE_LIMIT;
    if is_tag { Ok(()) } else { Err(ContactError::Language) }
}

fn check_text(what: &'static str, text: &str, most: usize, allowed: &str) -> Result<(), ContactError> {
    if let Some(character) = text.chars().find(|c| c.is_control() && !allowed.contains(*c)) {
        return Err(ContactError::Control { what, character });
    }
    match text.chars().count() {
        is if is > most => Err(ContactError::TooLong { what, is, most }),
        _ => Ok(()),
    }
}

/// By the rules of the library that sends the mail: what passes here can be written to.
pub(super) fn is_email(text: &str) -> bool {
    text.len() <= EMAIL_LIMIT && text.parse::<Address>().is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_has_a_name_a_host_and_no_space() {
        for text in ["anna@example.com", "a+b@localhost", "büro@müller.example", "o'hara@example.ie"] {
            assert!(is_email(text), "{text}");
        }
        let long = format!("{}@example.com", "a".repeat(EMAIL_LIMIT));
        for text in [
            "anna",
            "@example.com",
            "anna@",
            "a@b@c",
            "anna berg@example.com",
            "a@b.c\u{1b}",
            "a@b.c\r\nTo: d",
            "",
            &long,
        ] {
            assert!(!is_email(text), "{text:?}");
        }
    }

    #[test]
    fn any_writing_is_a_name_and_a_description_has_lines() {
        let typed = Contact {
            first_name: "Αγγελική".into(),
            last_name: "de la Peña-Łukasz".into(),
            description: "第一行\n\tzweite 👩‍👩‍👧 Zeile\r\nשלום".into(),
            language: "zh-Hant-TW".into(),
            ..Contact::default()
        };
        assert_eq!(check_contact(&typed), Ok(()));
        assert_eq!(check_contact(&Contact::default()), Ok(()));
        let name = Contact { last_name: "a\nb".into(), ..Contact::default() };
        assert_eq!(check_contact(&name), Err(ContactError::Control { what: "the last name", character: '\n' }));
        for language in ["de_DE", "../x", &"a".repeat(36)] {
            let typed = Contact { language: language.into(), ..Contact::default() };
            assert_eq!(check_contact(&typed), Err(ContactError::Language), "{language}");
        }
    }

    #[test]
    fn limits_count_characters_and_say_how_many_there_are() {
        let of = |count| Contact { description: "😢".repeat(count), ..Contact::default() };
        assert_eq!(check_contact(&of(DESCRIPTION_LIMIT)), Ok(()));
        let error = check_contact(&of(DESCRIPTION_LIMIT + 1)).unwrap_err();
        assert_eq!(error.to_string(), "the description has 4001 characters, and 4000 fit");
        let name = Contact { first_name: "x".repeat(NAME_LIMIT + 1), ..Contact::default() };
        assert_eq!(check_contact(&name).unwrap_err().to_string(), "the first name has 101 characters, and 100 fit");
    }

    proptest! {
        #[test]
        fn any_text_is_judged(name: String, email: String, description: String, language: String) {
            let typed = Contact { first_name: name.clone(), last_name: name, email, description, language };
            if check_contact(&typed).is_ok() {
                prop_assert!(!typed.email.contains(char::is_control) && !typed.first_name.contains('\n'));
            }
        }
    }
}

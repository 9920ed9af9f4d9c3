//! Names of the schema as they are said on the command line, and the numbers that they stand for.

use prost_reflect::{EnumDescriptor, FieldDescriptor, MessageDescriptor};
use report_format::schema::v1::SectionKind;

use super::{Schema, word};
use crate::content;

/// A field of the message in a section: `contact.email`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldPath {
    pub(crate) kind: u16,
    /// The numbers of fields, from the section's message inwards.
    pub(crate) numbers: Vec<u32>,
}

/// The number of a category.
pub(crate) fn category(name: &str) -> Result<u16, String> {
    number_of("Category", name).map_err(|names| format!("there is no such category; there are: {names}"))
}

/// The number of a kind of section.
pub(crate) fn kind(name: &str) -> Result<u16, String> {
    number_of("SectionKind", name).map_err(|names| format!("there is no such kind of section; there are: {names}"))
}

/// The way to a field: the kind of the section, and the names of fields with dots in between.
pub(crate) fn field(name: &str) -> Result<FieldPath, String> {
    let (of_kind, fields) =
        name.split_once('.').ok_or("say in which kind of section the field is, as in contact.email")?;
    let kind = kind(of_kind)?;
    let known = content::kind_name(kind);
    let mut message = Schema::get().section(kind).cloned();
    if message.is_none() && SectionKind::try_from(i32::from(kind)).is_ok() {
        return Err(format!("sections of the kind {known} hold no message: --drop-kind {known} leaves them out"));
    }
    let mut numbers = Vec::new();
    for field in fields.split('.') {
        let found = message.as_ref().and_then(|message| message.get_field_by_name(field));
        let number = found.as_ref().map(FieldDescriptor::number).or_else(|| number(field).filter(|number| *number > 0));
        numbers.push(number.ok_or_else(|| no_field(field, &known, message.as_ref()))?);
        message = found.and_then(|field| field.kind().as_message().cloned());
    }
    Ok(FieldPath { kind, numbers })
}

fn no_field(field: &str, kind: &str, message: Option<&MessageDescriptor>) -> String {
    match message {
        Some(message) => {
            let names: Vec<String> = message.fields().map(|field| field.name().to_owned()).collect();
            format!("in {kind} there is no field “{field}” at this place; there are: {}", names.join(", "))
        }
        None => format!("in {kind} nothing is known inside the field before “{field}”: give its number"),
    }
}

/// The field's name, as far as the schema has one: the other way round.
pub(crate) fn of_field(kind: u16, numbers: &[u32]) -> String {
    let mut name = content::kind_name(kind);
    let mut message = Schema::get().section(kind).cloned();
    for &number in numbers {
        let field = message.as_ref().and_then(|message| message.get_field(number));
        name += ".";
        match &field {
            Some(field) => name += field.name(),
            None => name += &number.to_string(),
        }
        message = field.and_then(|field| field.kind().as_message().cloned());
    }
    name
}

/// The number that a word of an enum stands for, or that the word is. Else all words.
fn number_of(of: &str, name: &str) -> Result<u16, String> {
    let kind = Schema::get().enumeration(of);
    let words = || kind.iter().flat_map(words);
    let found = words().find(|(word, _)| word == name).and_then(|(_, number)| u16::try_from(number).ok());
    found
        .or_else(|| number(name).and_then(|number| u16::try_from(number).ok()).filter(|number| *number > 0))
        .ok_or_else(|| words().map(|(word, _)| word).collect::<Vec<_>>().join(", "))
}

/// The words of an enum with their numbers, without the one for nothing.
fn words(kind: &EnumDescriptor) -> Vec<(String, i32)> {
    let numbers = kind.values().map(|value| value.number()).filter(|number| *number != 0);
    numbers.filter_map(|number| Some((word(kind, number)?, number))).collect()
}

/// `12` or `0x8001`.
fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_told_apart() {
        assert_eq!(category("screen"), Ok(11));
        assert_eq!(category("99"), Ok(99));
        assert_eq!(kind("minidump"), Ok(8));
        assert_eq!(kind("0x8001"), Ok(0x8001));
        for wrong in ["", "Screen", "unspecified", "0", "70000", "-1"] {
            assert!(category(wrong).unwrap_err().contains("essential, actions, memory"), "{wrong}");
            assert!(kind(wrong).unwrap_err().contains("product, error, consent"), "{wrong}");
        }
    }

    #[test]
    fn a_field_is_found_through_messages_and_named_again() {
        for (name, kind, numbers) in [
            ("contact.email", 16, &[3][..]),
            ("actions.actions.task.name", 5, &[1, 5, 4]),
            ("0x8001.3.1", 0x8001, &[3, 1]),
        ] {
            assert_eq!(field(name), Ok(FieldPath { kind, numbers: numbers.to_vec() }));
            assert_eq!(of_field(kind, numbers), name);
        }
        assert_eq!(field("contact.1000"), Ok(FieldPath { kind: 16, numbers: vec![1000] }));
    }

    #[test]
    fn a_wrong_field_is_answered_with_those_there_are() {
        for (name, expected) in [
            ("contact", "as in contact.email"),
            ("contract.email", "there is no such kind of section; there are: product"),
            ("contact.mail", "there are: first_name, last_name, email"),
            ("contact.", "there are: first_name"),
            ("contact.0", "there are: first_name"),
            ("contact.email.domain", "nothing is known inside"),
            ("minidump.threads", "--drop-kind minidump"),
        ] {
            let error = field(name).unwrap_err();
            assert!(error.contains(expected), "{name}: {error}");
        }
    }
}

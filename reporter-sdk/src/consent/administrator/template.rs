//! The template for group policies in `docs/admx` says what the code reads. Looked at on all systems.

use super::*;
use crate::consent::{CategorySet, category_name};

const TEMPLATE: &str = include_str!("../../../../docs/admx/error-reporting.admx");
const WORDS: &str = include_str!("../../../../docs/admx/en-US/error-reporting.adml");

/// The tags of a document, in their order: name, attributes, text up to the next one. Fails where it is not well-formed.
type Tag<'a> = (&'a str, Vec<(&'a str, &'a str)>, &'a str);

fn tags(document: &str) -> Vec<Tag<'_>> {
    let (mut open, mut tags) = (Vec::new(), Vec::new());
    let mut rest = document.strip_prefix("<?xml version=\"1.0\" encoding=\"utf-8\"?>").expect("a declaration");
    while let Some((text, after)) = rest.split_once('<') {
        assert!(!open.is_empty() || text.trim().is_empty(), "text outside of the document: {text}");
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").expect("a comment's end").1;
            continue;
        }
        let (tag, after) = after.split_once('>').expect("a tag's end");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
            continue;
        }
        let (tag, empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, mut list) = tag.split_once(' ').unwrap_or((tag, ""));
        let mut attributes = Vec::new();
        while let Some((key, value)) = list.trim_start().split_once("=\"") {
            let (value, after) = value.split_once('"').expect("an attribute's end");
            assert!(attributes.iter().all(|(other, _)| *other != key), "{key} twice in {tag}");
            attributes.push((key, value));
            list = after;
        }
        assert!(list.trim().is_empty(), "{tag}");
        if !empty {
            open.push(name);
        }
        tags.push((name, attributes, rest.split('<').next().unwrap_or_default()));
    }
    assert!(open.is_empty() && rest.trim().is_empty() && !document.contains('&'), "{open:?}");
    tags
}

/// What an attribute is in each tag of a name.
fn each<'d>(document: &'d str, name: &str, key: &str) -> Vec<&'d str> {
    let attributes =
        tags(document).into_iter().filter(|(tag, ..)| *tag == name).flat_map(|(_, attributes, _)| attributes);
    attributes.filter(|(other, _)| *other == key).map(|(_, value)| value).collect()
}

#[test]
fn its_values_are_those_that_are_read_and_each_of_its_grades_is_one() {
    let key = r"Software\Policies\Error Reporting";
    let own = format!(r"{key}\Example Software\Ledger");
    assert_eq!(each(TEMPLATE, "policy", "key"), [key, key, &own, &own]);
    assert_eq!(each(TEMPLATE, "policy", "class"), ["Machine"; 4]);
    assert_eq!(each(TEMPLATE, "enum", "valueName"), ["Consent"; 2]);
    assert_eq!(each(TEMPLATE, "multiText", "valueName"), ["Never"; 2]);
    let grades: Vec<_> =
        tags(TEMPLATE).into_iter().filter(|(tag, ..)| *tag == "string").map(|(.., text)| text).collect();
    assert_eq!(grades, ["ask", "basic", "safe", "everything", "never"].repeat(2));
    for grade in grades {
        toml::from_str::<Stated>(&format!("consent = \"{grade}\"")).expect(grade);
    }
}

#[test]
fn it_names_every_category_and_has_words_for_all_that_it_shows() {
    let names: Vec<String> = CategorySet::EVERY.into_iter().skip(1).map(category_name).collect();
    assert!(WORDS.contains(&format!("\n{}\n", names.join(", "))), "{names:?}");
    let of = |kind: &str, reference: &str| {
        let name = reference.strip_prefix(&format!("$({kind}."))?.strip_suffix(')')?;
        Some(name.to_owned())
    };
    let shown = ["category", "policy", "item"].map(|tag| each(TEMPLATE, tag, "displayName")).concat();
    let strings = each(WORDS, "string", "id");
    for reference in shown.into_iter().chain(each(TEMPLATE, "policy", "explainText")) {
        assert!(strings.contains(&of("string", reference).expect(reference).as_str()), "{reference}");
    }
    let presentations = each(WORDS, "presentation", "id");
    for reference in each(TEMPLATE, "policy", "presentation") {
        assert!(presentations.contains(&of("presentation", reference).expect(reference).as_str()), "{reference}");
    }
    let elements = ["enum", "multiText"].map(|tag| each(TEMPLATE, tag, "id")).concat();
    for reference in ["dropdownList", "multiTextBox"].map(|tag| each(WORDS, tag, "refId")).concat() {
        assert!(elements.contains(&reference), "{reference}");
    }
}

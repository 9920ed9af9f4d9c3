//! The dialog's words in the person's language, from `locales/`.

use std::borrow::Cow;

use fluent_bundle::{FluentArgs, FluentBundle, FluentResource};
use fluent_langneg::{NegotiationStrategy, negotiate_languages};
use unic_langid::LanguageIdentifier;

/// Each language's file. The first is for everybody else.
const LOCALES: [(&str, &str); 7] = [
    ("en", include_str!("../locales/en.ftl")),
    ("ar", include_str!("../locales/ar.ftl")),
    ("cs", include_str!("../locales/cs.ftl")),
    ("de", include_str!("../locales/de.ftl")),
    ("es", include_str!("../locales/es.ftl")),
    ("fr", include_str!("../locales/fr.ftl")),
    ("ja", include_str!("../locales/ja.ftl")),
];

/// Written from right to left.
const RIGHT_TO_LEFT: [&str; 1] = ["ar"];

/// Words in one language.
pub struct Texts {
    language: &'static str,
    bundle: FluentBundle<FluentResource>,
    /// In place of ours.
    of_product: FluentBundle<FluentResource>,
}

impl std::fmt::Debug for Texts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Texts").field(&self.language).finish()
    }
}

impl Texts {
    /// In the language that the person has set for this desktop, or the next best that there is.
    pub fn of_this_person() -> Self {
        let wished: Vec<String> = sys_locale::get_locales().collect();
        Self::of_any(wished.iter().map(String::as_str))
    }

    /// In the first of these languages that there is, English where there is none: tags such as `de-AT`.
    pub fn of_any<'a>(wished: impl IntoIterator<Item = &'a str>) -> Self {
        let wished: Vec<LanguageIdentifier> = wished.into_iter().filter_map(|tag| tag.parse().ok()).collect();
        let there: Vec<LanguageIdentifier> = LOCALES.iter().filter_map(|(tag, _)| tag.parse().ok()).collect();
        let best = negotiate_languages(&wished, &there, there.first(), NegotiationStrategy::Lookup);
        Self::of(&best.first().map(ToString::to_string).unwrap_or_default())
    }

    /// In this language, English where there is no such.
    pub fn of(language: &str) -> Self {
        let (language, file) = LOCALES.into_iter().find(|(known, _)| *known == language).unwrap_or(LOCALES[0]);
        let bundle = || {
            let mut bundle = FluentBundle::new(vec![language.parse::<LanguageIdentifier>().unwrap_or_default()]);
            // Marks around what is put in, which keep a Latin name in its place in a line of Arabic. Elsewhere they are nothing but a square where a font has none.
            bundle.set_use_isolating(RIGHT_TO_LEFT.contains(&language));
            bundle
        };
        let mut texts = Self { language, bundle: bundle(), of_product: bundle() };
        // The tests read each file, and find no errors in it.
        texts.bundle.add_resource_overriding(parsed(file.to_owned()));
        texts
    }

    /// A product's words take the place of ours, by their names; the later of two of a name. What is wrong among them is left out.
    pub(crate) fn replace_by(&mut self, files: impl Iterator<Item = String>) {
        for file in files {
            self.of_product.add_resource_overriding(parsed(file));
        }
    }

    /// A message that only a product has.
    pub(crate) fn of_product(&self, name: &str) -> Option<String> {
        formatted(&self.of_product, name, None)
    }

    /// All languages there are.
    pub fn languages() -> impl Iterator<Item = &'static str> {
        LOCALES.into_iter().map(|(language, _)| language)
    }

    /// A language tag.
    pub fn language(&self) -> &'static str {
        self.language
    }

    /// Whether it is written from right to left.
    pub fn right_to_left(&self) -> bool {
        RIGHT_TO_LEFT.contains(&self.language)
    }

    /// The message of this name.
    pub fn get(&self, name: &str) -> String {
        self.with(name, &[])
    }

    /// The message of this name, with these values in it.
    pub fn with(&self, name: &str, values: &[(&str, &str)]) -> String {
        let arguments: FluentArgs<'_> = values.iter().map(|(name, value)| (Cow::from(*name), *value)).collect();
        // What is missing is shown as its name in braces, for which the tests look.
        formatted(&self.of_product, name, Some(&arguments))
            .or_else(|| formatted(&self.bundle, name, Some(&arguments)))
            .unwrap_or_else(|| format!("{{{name}}}"))
    }
}

fn parsed(file: String) -> FluentResource {
    FluentResource::try_new(file).unwrap_or_else(|(resource, _)| resource)
}

/// `None` where there is no such message, or it makes no sense.
fn formatted(bundle: &FluentBundle<FluentResource>, name: &str, values: Option<&FluentArgs<'_>>) -> Option<String> {
    let pattern = bundle.get_message(name)?.value()?;
    let mut errors = Vec::new();
    let text = bundle.format_pattern(pattern, values, &mut errors).into_owned();
    errors.is_empty().then_some(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Each message's name and the values that it takes.
    fn messages(file: &str) -> BTreeMap<String, Vec<String>> {
        FluentResource::try_new(file.to_owned()).expect("a file without errors");
        let mut messages = BTreeMap::new();
        for line in file.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (name, text) = line.split_once(" = ").expect("a message in a line");
            let mut values: Vec<String> =
                text.split("{ ").skip(1).map(|rest| rest.split(' ').next().unwrap_or_default().to_owned()).collect();
            values.sort();
            assert!(messages.insert(name.to_owned(), values).is_none(), "{name} twice");
        }
        messages
    }

    #[test]
    fn every_language_has_every_message_with_its_values() {
        let english = messages(LOCALES[0].1);
        assert!(english.len() > 50, "the file was read");
        for (language, file) in LOCALES {
            assert_eq!(messages(file), english, "{language}");
        }
    }

    #[test]
    fn the_best_language_that_there_is_is_taken() {
        let taken = |wished: &[&str]| Texts::of_any(wished.iter().copied()).language();
        assert_eq!(taken(&["de-AT"]), "de");
        assert_eq!(taken(&["fi-FI", "cs-CZ", "en-US"]), "cs");
        assert_eq!(taken(&["ar-EG"]), "ar");
        assert_eq!(taken(&["xx", "no tag at all", ""]), "en");
        assert_eq!(taken(&[]), "en");
    }

    #[test]
    fn a_value_is_put_in_as_it_is() {
        let texts = Texts::of("en");
        assert_eq!(
            texts.with("apology-crash", &[("product", "{ send } & <b>")]),
            "Sorry: { send } & <b> has stopped working."
        );
        assert_eq!(texts.get("no-such-message"), "{no-such-message}");
    }
}

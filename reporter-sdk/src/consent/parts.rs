//! What a person can leave out by itself: a field, or a section with all its fields.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::ops::Range;

use prost::encoding::{WireType, encode_key, encode_varint};
use report_format::schema::v1::{Category, SectionKind};

use super::preview::{Shown, contents, name_of};
use super::wire::{Value, next_field};
use super::{CategorySet, Draft, DraftSection, Request};
use crate::descriptors::SCHEMA;

/// Where something lies in a draft: the number of its section, then of the fields in one another, each counted from 0 as it lies in the bytes. Of a section itself, no field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) section: usize,
    pub(super) fields: Vec<usize>,
}

/// A [`Place`] that was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Of the request's.
    pub(super) report: usize,
    pub(super) place: Place,
    /// Of what was shown of its category.
    pub(super) lines: Range<usize>,
    /// As it lies there.
    pub(super) bytes: usize,
}

/// Whether a section of this kind can be left out by itself. What went wrong, in which product, is always sent: of that, but single fields.
pub(super) fn can_leave_out(category: Category) -> bool {
    category != Category::Essential
}

/// Whether single fields of it can be left out. Without the product's name a report comes to nobody who could read it.
pub(super) fn has_fields_to_leave_out(kind: SectionKind) -> bool {
    kind != SectionKind::Product
}

/// What is shown of each category. A part's number is its place among those of all, from 0.
pub(super) fn shown(request: &Request<'_>) -> impl Iterator<Item = (Category, Shown)> {
    request.offered().iter().map(|category| (category, contents(request, category)))
}

/// What a person has left out of what they granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut(BTreeSet<Place>);

impl LeftOut {
    /// The parts of `request` of these numbers, as far as they are of this report of it and fall under `granted`. `None`: one has a number that no part has.
    pub(super) fn of(numbers: &[u32], request: &Request<'_>, report: usize, granted: CategorySet) -> Option<Self> {
        if numbers.is_empty() {
            return Some(Self::default());
        }
        let parts: Vec<Part> = shown(request).flat_map(|(_, shown)| shown.into_parts()).collect();
        let left_out = numbers.iter().map(|number| parts.get(usize::try_from(*number).ok()?));
        let left_out = left_out.collect::<Option<Vec<_>>>()?;
        let draft = request.reports()[report].draft;
        let is_granted =
            |part: &&Part| part.report == report && granted.contains(draft.sections[part.place.section].category);
        let places = left_out.into_iter().filter(is_granted).map(|part| part.place.clone()).collect();
        Some(Self(places))
    }

    /// Whether all is sent.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By the schema's names, each once.
    pub(super) fn names(&self, draft: &Draft) -> Vec<String> {
        let names: BTreeSet<String> = self.0.iter().filter_map(|place| name(place, draft)).collect();
        names.into_iter().collect()
    }

    /// The draft without it. A function of the two alone, which only leaves out.
    pub(crate) fn taken_from(&self, draft: &Draft) -> Draft {
        let mut by_section: BTreeMap<usize, BTreeSet<&[usize]>> = BTreeMap::new();
        for place in &self.0 {
            by_section.entry(place.section).or_default().insert(&place.fields);
        }
        let sections =
            draft.sections.iter().enumerate().filter_map(|(number, section)| match by_section.get(&number) {
                None => Some(section.clone()),
                Some(fields) if fields.contains(&[][..]) => None,
                Some(fields) => Some(DraftSection { payload: without(&section.payload, fields), ..*section }),
            });
        let (sections, product) = (sections.collect(), draft.product.clone());
        let Draft { id, product_id, kind, time, memory, .. } = *draft;
        Draft { id, product, product_id, kind, time, sections, memory }
    }
}

/// A message without these fields.
fn without(mut message: &[u8], fields: &BTreeSet<&[usize]>) -> Vec<u8> {
    let mut rest = Vec::with_capacity(message.len());
    for number in 0.. {
        let Some(field) = next_field(&mut message) else { break };
        let here: BTreeSet<&[usize]> =
            fields.iter().filter(|place| place.first() == Some(&number)).map(|place| &place[1..]).collect();
        match field.value {
            _ if here.is_empty() => rest.extend_from_slice(field.raw),
            _ if here.contains(&[][..]) => {}
            Value::Bytes(inner) => {
                let inner = without(inner, &here);
                encode_key(field.number.cast_unsigned(), WireType::LengthDelimited, &mut rest);
                encode_varint(inner.len() as u64, &mut rest);
                rest.extend_from_slice(&inner);
            }
            // Within a number there is nothing.
            Value::Number(_) => rest.extend_from_slice(field.raw),
        }
    }
    // What could not be read was shown to be there.
    rest.extend_from_slice(message);
    rest
}

/// Such as `error.chain.message`.
fn name(place: &Place, draft: &Draft) -> Option<String> {
    let section = draft.sections.get(place.section)?;
    let mut message = SCHEMA.sections.get(&(section.kind as i32));
    let mut bytes = section.payload.as_slice();
    let mut name = name_of(section.kind).replace(' ', "_");
    for number in &place.fields {
        let field = iter::from_fn(|| next_field(&mut bytes)).nth(*number)?;
        let known = message
            .and_then(|message| SCHEMA.messages.get(message))
            .and_then(|message| message.field.iter().find(|known| known.number == field.number));
        name.push('.');
        match known {
            Some(known) => name.push_str(&known.name),
            None => name.push_str(&field.number.to_string()),
        }
        message = known.map(|known| &known.type_name);
        bytes = if let Value::Bytes(inner) = field.value { inner } else { &[] };
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;
    use prost::Message;
    use report_format::schema::v1::{InstalledProgram, InstalledSoftware};

    use super::*;

    fn fields(places: &BTreeSet<Vec<usize>>) -> BTreeSet<&[usize]> {
        places.iter().map(Vec::as_slice).collect()
    }

    proptest! {
        #[test]
        fn only_what_is_meant_is_left_out(
            names in vec(".{0,200}", 1..20),
            left_out in btree_set(0usize..20, 0..10),
            renamed in btree_set(0usize..20, 0..10),
        ) {
            let program = |name: &String| InstalledProgram { name: name.clone(), version: "7".into(), ..Default::default() };
            let all = InstalledSoftware { programs: names.iter().map(program).collect(), ..Default::default() };
            // An empty name does not lie in the bytes: what is first is then the version.
            let name = |number: &usize| names.get(*number).is_some_and(|name| !name.is_empty());
            let renamed: BTreeSet<usize> = renamed.into_iter().filter(name).collect();
            let places = left_out.iter().map(|number| vec![*number]).chain(renamed.iter().map(|number| vec![*number, 0]));
            let places: BTreeSet<Vec<usize>> = places.collect();
            let rest = without(&all.encode_to_vec(), &fields(&places));
            let rest = InstalledSoftware::decode(rest.as_slice()).unwrap();
            let mut expected = all;
            for number in renamed {
                expected.programs[number].name.clear();
            }
            let kept = expected.programs.into_iter().enumerate().filter(|(number, _)| !left_out.contains(number));
            prop_assert_eq!(rest.programs, kept.map(|(_, program)| program).collect::<Vec<_>>());
        }

        #[test]
        fn of_whatever_bytes_nothing_is_added(
            bytes: Vec<u8>,
            places in btree_set(vec(0usize..4, 1..4), 0..6),
        ) {
            let rest = without(&bytes, &fields(&places));
            prop_assert!(rest.len() <= bytes.len(), "{rest:?}");
            prop_assert_eq!(without(&bytes, &BTreeSet::new()), bytes);
        }
    }
}

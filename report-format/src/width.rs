//! How much a section's message is once it is decoded, counted on the wire before anything is reserved for it.
//!
//! An empty message inside another takes two bytes on the wire and a hundred times as many in memory, and a million of them compress to
//! nearly nothing: a report of 100 KB could make its reader take gigabytes.

use std::{collections::BTreeMap, sync::LazyLock};

use prost::Message;

use crate::{error::Error, limits::Limits, rewrite::wire, schema::DESCRIPTOR_SET};

/// Messages inside one another, where Protobuf's own decoders stop as well.
const DEEPEST: usize = 100;

/// Checks that the message of a section of this kind is within the limits. What is no such message passes: whoever decodes it stops at the
/// same place.
pub(crate) fn check(kind: u16, message: &[u8], limits: &Limits) -> Result<(), Error> {
    let Some(name) = SCHEMA.sections.get(&i32::from(kind)) else { return Ok(()) };
    let mut count = Count { limits, messages: 0, fields: 0 };
    match count.message(SCHEMA.messages.get(name), message, 0) {
        Err(Stop::Limit(error)) => Err(error),
        Err(Stop::Malformed) | Ok(()) => Ok(()),
    }
}

struct Count<'a> {
    limits: &'a Limits,
    messages: u64,
    fields: u64,
}

enum Stop {
    Limit(Error),
    Malformed,
}

impl From<wire::Malformed> for Stop {
    fn from(_: wire::Malformed) -> Self {
        Self::Malformed
    }
}

impl Count<'_> {
    fn message(&mut self, fields: Option<&Fields>, message: &[u8], depth: usize) -> Result<(), Stop> {
        if depth == DEEPEST {
            return Err(Stop::Malformed);
        }
        let mut rest = message;
        // Whoever keeps what is unknown keeps each field in a group: those count like others, and no schema knows them.
        let mut groups = 0;
        while !rest.is_empty() {
            let (number, wire_type) = wire::tag(&mut rest)?;
            let content = match wire_type {
                3 => {
                    groups += 1;
                    None
                }
                4 if groups > 0 => {
                    groups -= 1;
                    None
                }
                other => wire::value(other, &mut rest)?,
            };
            let known = fields.filter(|_| groups == 0).and_then(|fields| fields.get(&number));
            match (known, content) {
                (Some(Content::Message(name)), Some(content)) => {
                    self.messages += 1;
                    self.field(1)?;
                    self.message(SCHEMA.messages.get(name), content, depth + 1)?;
                }
                // Of packed numbers, none is shorter than a byte.
                (Some(Content::Numbers), Some(content)) => self.field(content.len() as u64)?,
                _ => self.field(1)?,
            }
        }
        Ok(())
    }

    fn field(&mut self, count: u64) -> Result<(), Stop> {
        self.fields += count;
        let over = |what, seen, limit: u32| {
            let limit = u64::from(limit);
            if seen > limit { Err(Stop::Limit(Error::Limit { what, limit, seen })) } else { Ok(()) }
        };
        over("messages inside the message of a section", self.messages, self.limits.messages)?;
        over("fields in the message of a section", self.fields, self.limits.fields)
    }
}

/// What is in a field that takes more than its place in the message around it.
enum Content {
    /// The message of this name, `.package.Name`.
    Message(String),
    Numbers,
}

type Fields = BTreeMap<u32, Content>;

struct Schema {
    /// Their fields, by the name of the message.
    messages: BTreeMap<String, Fields>,
    /// By kind, the name of the message that is the content of a section.
    sections: BTreeMap<i32, String>,
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let mut schema = Schema { messages: BTreeMap::new(), sections: BTreeMap::new() };
    // The bytes are compiled in, and a test finds each kind of message here.
    let files = FileSet::decode(DESCRIPTOR_SET).unwrap_or_default().file;
    // Those of Protobuf itself are there as well, for the options.
    for file in files.into_iter().filter(|file| file.package == "report.v1") {
        for message in file.message_type {
            let name = format!(".{}.{}", file.package, message.name);
            if let Some(kind) = message.options.map(|options| options.section).filter(|kind| *kind != 0) {
                schema.sections.insert(kind, name.clone());
            }
            let fields = message.field.into_iter().filter_map(|field| Some((field.number, field.content()?)));
            schema.messages.insert(name, fields.collect());
        }
    }
    schema
});

/// What is needed here of `google/protobuf/descriptor.proto`.
#[derive(Clone, PartialEq, Message)]
struct FileSet {
    #[prost(message, repeated, tag = "1")]
    file: Vec<File>,
}

#[derive(Clone, PartialEq, Message)]
struct File {
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "4")]
    message_type: Vec<MessageDescriptor>,
}

#[derive(Clone, PartialEq, Message)]
struct MessageDescriptor {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    field: Vec<FieldDescriptor>,
    #[prost(message, optional, tag = "7")]
    options: Option<MessageOptions>,
}

#[derive(Clone, PartialEq, Message)]
struct FieldDescriptor {
    #[prost(uint32, tag = "3")]
    number: u32,
    #[prost(int32, tag = "4")]
    label: i32,
    #[prost(int32, tag = "5")]
    kind: i32,
    #[prost(string, tag = "6")]
    type_name: String,
}

#[derive(Clone, PartialEq, Message)]
struct MessageOptions {
    #[prost(int32, tag = "50001")]
    section: i32,
}

/// Values of `FieldDescriptorProto.Label` and `.Type`.
const REPEATED: i32 = 3;
const STRING: i32 = 9;
const MESSAGE: i32 = 11;
const BYTES: i32 = 12;

impl FieldDescriptor {
    fn content(self) -> Option<Content> {
        match self.kind {
            MESSAGE => Some(Content::Message(self.type_name)),
            STRING | BYTES => None,
            _ => (self.label == REPEATED).then_some(Content::Numbers),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::v1::SectionKind;

    fn count(kind: SectionKind, message: &[u8]) -> (u64, u64) {
        let limits = Limits::default();
        let mut count = Count { limits: &limits, messages: 0, fields: 0 };
        let _ = count.message(SCHEMA.messages.get(&SCHEMA.sections[&(kind as i32)]), message, 0);
        (count.messages, count.fields)
    }

    #[test]
    fn every_kind_of_message_is_known_and_so_is_what_is_inside() {
        for kind in (1..).map_while(|number| SectionKind::try_from(number).ok()) {
            assert_eq!(SCHEMA.sections.contains_key(&(kind as i32)), kind.is_message(), "{kind:?}");
        }
        let names = SCHEMA.messages.values().flat_map(BTreeMap::values).filter_map(|content| match content {
            Content::Message(name) => Some(name),
            Content::Numbers => None,
        });
        for name in names {
            assert!(SCHEMA.messages.contains_key(name), "{name}");
        }
    }

    #[test]
    fn messages_fields_numbers_and_what_is_unknown_are_counted() {
        // Threads, of which the second has two frames of two fields each.
        assert_eq!(
            count(SectionKind::Stacks, &[0x0a, 0, 0x0a, 12, 0x22, 4, 8, 1, 16, 1, 0x22, 4, 8, 1, 16, 1]),
            (4, 8)
        );
        // A text that could be a message is none.
        assert_eq!(count(SectionKind::Product, &[0x0a, 4, 0x0a, 0, 0x0a, 0]), (0, 1));
        // Redaction: fields of which the path has three numbers.
        assert_eq!(count(SectionKind::Redaction, &[0x12, 5, 0x12, 3, 1, 2, 3]), (1, 4));
        // A group of three fields, with an end.
        assert_eq!(count(SectionKind::Product, &[0xa3, 0x38, 8, 1, 0x0a, 0, 8, 1, 0xa4, 0x38]), (0, 5));
        // Up to where it is no message.
        assert_eq!(count(SectionKind::Stacks, &[0x0a, 0, 0x0a, 9, 0x0a, 0]), (1, 1));
    }
}

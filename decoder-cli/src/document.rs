//! The JSON document of a report: what `json` prints and `extract` writes as report.json.
//!
//! Stable shape: fields are added, never renamed; each may be absent.

use prost::Message;
use prost_reflect::DynamicMessage;
use report_format::schema::v1::{Category, SectionKind};
use report_format::seal::{self, SealedSection};
use report_format::{Loss, Section};
use serde_json::{Map, Value, json};

use crate::content::{Content, Part, kind_name};
use crate::minidump;
use crate::reflect::{Schema, json as reflect};
use crate::symbols;

/// The version of the document's shape. The second number grows with fields added, the first with anything else.
const SCHEMA_VERSION: &str = "1.1";

/// Everything the report says, and how much of it there is.
pub(crate) fn of(content: &Content) -> Value {
    let loaded = &content.loaded;
    let mut document = Map::new();
    let mut set = |name: &str, value: Value| document.insert(name.to_owned(), value);
    set("schema_version", json!(SCHEMA_VERSION));
    set("source", json!(loaded.origin));
    if let Some(subject) = &loaded.subject {
        set("mail_subject", json!(subject));
    }
    if let Some(id) = content.id() {
        set("report_id", json!(id));
    }
    set("status", json!(content.status().to_string()));
    set("size", json!(loaded.size));
    set("sha256", json!(loaded.sha256));
    let losses = losses(content);
    if !losses.is_empty() {
        set("losses", losses.into());
    }
    if !loaded.sealed.is_empty() {
        set("sealed", loaded.sealed.iter().map(sealed).collect());
    }
    if let Some(summary) = loaded.report.summary().and_then(summary) {
        set("summary", summary);
    }
    let mut unknown = Vec::new();
    for (section, part) in content.sections() {
        match part.kind {
            None | Some(SectionKind::Unspecified) => unknown.push(unknown_section(section)),
            // These may come several times.
            Some(SectionKind::Attachment) => push(&mut document, "attachments", value(section, part)),
            Some(SectionKind::Screen) => push(&mut document, "screens", value(section, part)),
            Some(_) => match kind_name(section.header.kind) {
                name if document.contains_key(&name) => {
                    push(&mut document, "repeated_sections", json!({ name: value(section, part) }));
                }
                name => _ = document.insert(name, value(section, part)),
            },
        }
    }
    if !unknown.is_empty() {
        document.insert("unknown_sections".to_owned(), unknown.into());
    }
    Value::Object(document)
}

fn push(document: &mut Map<String, Value>, name: &str, value: Value) {
    if let Value::Array(list) = document.entry(name).or_insert_with(|| json!([])) {
        list.push(value);
    }
}

fn sealed(section: &SealedSection) -> Value {
    let keys: Vec<String> = section.keys.iter().map(ToString::to_string).collect();
    let mut object = json!({ "class": section.class.name(), "section": section.ordinal, "keys": keys });
    object["outcome"] = json!(match section.outcome {
        seal::Outcome::Opened => "opened",
        seal::Outcome::NoKey => "no_key",
        _ => "damaged",
    });
    if let seal::Outcome::Damaged { read, what, .. } = section.outcome {
        object["decrypted"] = json!(read);
        object["why"] = json!(what);
    }
    object
}

fn summary(summary: &report_format::Summary) -> Option<Value> {
    let descriptor = Schema::get().message("Summary")?;
    let message = DynamicMessage::decode(descriptor, summary.encode_to_vec().as_slice()).ok()?;
    Some(Value::Object(reflect::message(&message)))
}

fn value(section: &Section, part: &Part) -> Value {
    let mut object = match (&part.message, part.kind) {
        (Some(message), _) => reflect::message(message),
        (None, Some(SectionKind::Minidump)) => dump(&section.bytes),
        // Its bytes are not kept; what it covers is in `memory_regions`.
        (None, Some(SectionKind::MemoryImage)) => Map::new(),
        (None, _) => as_object(reflect::blob(&section.bytes)),
    };
    if part.kind == Some(SectionKind::Stacks) {
        demangle(&mut object);
    }
    if part.incomplete {
        object.insert("incomplete".to_owned(), json!(true));
    }
    if let Some(why) = &part.unreadable {
        object.insert("unreadable".to_owned(), json!(why));
    }
    Value::Object(object)
}

/// Puts the name of a function beside its symbol, where they differ.
fn demangle(stacks: &mut Map<String, Value>) {
    let threads = stacks.get_mut("threads").and_then(Value::as_array_mut).into_iter().flatten();
    let frames = threads.filter_map(|thread| thread.get_mut("frames")?.as_array_mut()).flatten();
    for frame in frames.filter_map(Value::as_object_mut) {
        if let Some(name) = frame.get("symbol").and_then(Value::as_str).and_then(symbols::demangle) {
            frame.insert("demangled".to_owned(), json!(name));
        }
    }
}

fn dump(bytes: &[u8]) -> Map<String, Value> {
    let mut object = as_object(reflect::blob(bytes));
    let mut set = |name: &str, value: Value| object.insert(name.to_owned(), value);
    match minidump::outline(bytes) {
        Ok(outline) => {
            if let Some(crash) = outline.crash {
                set("crash_reason", json!(crash.reason));
                set("crash_address", json!(format!("{:#x}", crash.address)));
                set("crash_thread_id", json!(crash.thread));
            }
            if let Some(threads) = outline.threads {
                set("threads", json!(threads));
            }
            set("streams", json!(outline.streams));
        }
        Err(why) => _ = set("unreadable", json!(why)),
    }
    object
}

fn unknown_section(section: &Section) -> Value {
    let mut object = as_object(reflect::blob(&section.bytes));
    object.insert("section".to_owned(), json!(section.ordinal));
    object.insert("kind".to_owned(), json!(kind_name(section.header.kind)));
    let category = Category::try_from(i32::from(section.header.category));
    let category = match category {
        Ok(_) => json!(Schema::get().word("Category", i32::from(section.header.category))),
        Err(_) => json!(section.header.category),
    };
    object.insert("category".to_owned(), category);
    object.insert("codec".to_owned(), json!(section.header.codec.number()));
    object.insert("critical".to_owned(), json!(section.header.critical));
    Value::Object(object)
}

fn losses(content: &Content) -> Vec<Value> {
    // The container's own come first in the list of texts: those have an offset where they have a place.
    let offsets = content.loaded.report.losses().iter().map(offset);
    let texts = content.losses().into_iter();
    texts
        .zip(offsets.chain(std::iter::repeat(None)))
        .map(|(text, offset)| match offset {
            Some(offset) => json!({ "offset": offset, "text": text }),
            None => json!({ "text": text }),
        })
        .collect()
}

/// Where in the report's bytes something is lost, if the loss has a place.
fn offset(loss: &Loss) -> Option<u64> {
    match *loss {
        Loss::Preamble { .. } | Loss::Leading { .. } => Some(0),
        Loss::Unreadable { offset, .. }
        | Loss::Misplaced { offset, .. }
        | Loss::Cut { offset, .. }
        | Loss::Trailing { offset, .. }
        | Loss::UnsupportedFrame { offset, .. }
        | Loss::Contradiction { offset, .. } => Some(offset),
        _ => None,
    }
}

fn as_object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

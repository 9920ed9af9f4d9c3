//! Facts of the inventory, drawn from the schema alone: a field added there is shown without a change here.

use std::io;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, Value};
use report_format::schema::v1::Format;

use super::page::{Page, Span};
use super::value;
use crate::reflect::{Schema, word};

/// How many texts of a list are shown on a line before the rest is counted.
const LIST: usize = 12;

/// What is shown, and what only counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Detail {
    /// Everything.
    pub(crate) all: bool,
    /// Lists of things (processes, programs) as counts.
    pub(crate) fold: bool,
}

/// Draws every field that is set: values first, then what has parts of its own.
pub(crate) fn draw(page: &mut Page<'_>, indent: usize, message: &DynamicMessage, detail: Detail) -> io::Result<()> {
    let mut values = Vec::new();
    let mut nested = Vec::new();
    for (field, value) in message.fields() {
        match value {
            Value::Message(_) => nested.push((field, value)),
            Value::List(items) if matches!(field.kind(), Kind::Message(_)) => {
                if is_source(&field) {
                    if detail.all {
                        values.push((label(&field), Span::dim(sources(items))));
                    }
                } else if detail.fold && !detail.all {
                    values.push((label(&field), Span::plain(format!("{} (--all lists them)", items.len()))));
                } else {
                    nested.push((field, value));
                }
            }
            Value::List(items) => values.push((label(&field), Span::plain(list(&field, items, detail)))),
            _ => values.push((label(&field), Span::plain(leaf(&field, value)))),
        }
    }
    let unknown = message.unknown_fields().count();
    if unknown > 0 {
        let text = format!("{} that a newer reportdecode can show", value::count(unknown, "more field"));
        values.push(("…".to_owned(), Span::dim(text)));
    }
    page.fields(indent, &values.iter().map(|(label, span)| (label.as_str(), span.clone())).collect::<Vec<_>>())?;
    for (field, value) in nested {
        match value {
            Value::Message(inner) => {
                page.line(indent, &[Span::dim(label(&field))])?;
                draw(page, indent + 2, inner, detail)?;
            }
            Value::List(items) => {
                page.line(indent, &[Span::dim(format!("{} ({})", label(&field), items.len()))])?;
                table(page, indent + 2, &field, items)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// A list of messages as a table, a column for each field.
fn table(page: &mut Page<'_>, indent: usize, field: &FieldDescriptor, items: &[Value]) -> io::Result<()> {
    let Kind::Message(descriptor) = field.kind() else { return Ok(()) };
    let columns: Vec<FieldDescriptor> = descriptor.fields().collect();
    let cell = |item: &Value, column: &FieldDescriptor| {
        let text = item.as_message().filter(|row| row.has_field(column)).map(|row| match &*row.get_field(column) {
            Value::List(items) => list(column, items, Detail { all: true, fold: false }),
            value => leaf(column, value),
        });
        Span::plain(text.unwrap_or_default())
    };
    let head: Vec<String> = columns.iter().map(label).collect();
    let rows: Vec<Vec<Span>> =
        items.iter().map(|item| columns.iter().map(|column| cell(item, column)).collect()).collect();
    page.table(indent, &head, &rows)
}

/// Where a group of facts was read is of interest only where one is doubted.
fn is_source(field: &FieldDescriptor) -> bool {
    matches!(field.kind(), Kind::Message(message) if message.full_name() == "report.v1.Source")
}

fn sources(items: &[Value]) -> String {
    let names =
        items.iter().filter_map(|item| Some(item.as_message()?.get_field_by_name("name")?.as_str()?.to_owned()));
    names.collect::<Vec<_>>().join(", ")
}

fn list(field: &FieldDescriptor, items: &[Value], detail: Detail) -> String {
    let shown = if detail.all || items.len() <= LIST + 1 { items.len() } else { LIST };
    let mut text = items[..shown].iter().map(|item| leaf(field, item)).collect::<Vec<_>>().join(", ");
    if shown < items.len() {
        text += &format!(" … (+{}; --all lists them)", items.len() - shown);
    }
    text
}

/// A field's name for people: without the unit that its value carries.
fn label(field: &FieldDescriptor) -> String {
    let name = field.name();
    let bare = unit(field).map_or(name, |(suffix, _)| name.strip_suffix(suffix).unwrap_or(name));
    bare.replace('_', " ")
}

/// The unit in a field's name, and how people write it.
fn unit(field: &FieldDescriptor) -> Option<(&'static str, &'static str)> {
    const UNITS: [(&str, &str); 6] = [
        ("_nanos", ""),
        ("_mhz", " MHz"),
        ("_mbit", " Mbit/s"),
        ("_percent", " %"),
        ("_bits", " bits"),
        ("_seconds", " s"),
    ];
    UNITS.into_iter().find(|(suffix, _)| field.name().ends_with(suffix))
}

/// A single value in words.
fn leaf(field: &FieldDescriptor, value: &Value) -> String {
    let number = |number: u64| match Schema::get().format(field) {
        Format::Address | Format::Hex => format!("{number:#x}"),
        Format::Time => value::time(number),
        Format::Duration => value::span(number),
        Format::Size => value::size(number),
        Format::Unspecified | Format::Uuid => format!("{number}{}", unit(field).map_or("", |(_, unit)| unit)),
    };
    match value {
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::I32(value) => value.to_string(),
        Value::I64(value) => value.to_string(),
        Value::F32(value) => value.to_string(),
        Value::F64(value) => value.to_string(),
        Value::U32(value) => number(u64::from(*value)),
        Value::U64(value) => number(*value),
        Value::String(text) => text.clone(),
        Value::Bytes(bytes) => match Schema::get().format(field) {
            Format::Uuid => value::uuid(bytes),
            Format::Hex => value::hex(bytes),
            _ => value::size(bytes.len() as u64),
        },
        Value::EnumNumber(number) => match field.kind() {
            Kind::Enum(kind) => word(&kind, *number).map_or_else(|| number.to_string(), |word| word.replace('_', " ")),
            _ => number.to_string(),
        },
        Value::Message(_) | Value::List(_) | Value::Map(_) => "…".to_owned(),
    }
}

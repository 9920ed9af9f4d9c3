//! One value of a field, for people.

use std::time::Duration;

use report_format::schema::v1::Format;

use crate::consent::wire::{Value, varint};
use crate::dates;
use crate::descriptors::{FieldDescriptor, SCHEMA, field_type};
use crate::text::{escape, escape_lines};

/// A count of bytes for people.
pub(in crate::consent) fn size(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss)]
    let float = bytes as f64;
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{:.1} kB", float / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", float / 1e6),
        _ => format!("{:.1} GB", float / 1e9),
    }
}

pub(super) fn show_value(field: Option<&FieldDescriptor>, value: Value<'_>) -> String {
    let format = field.and_then(|field| field.options.as_ref()).map_or(0, |options| options.format);
    let format = Format::try_from(format).unwrap_or(Format::Unspecified);
    match value {
        Value::Number(number) => match (field.map_or(0, |field| field.kind), format) {
            (field_type::BOOL, _) => if number == 0 { "no" } else { "yes" }.into(),
            (field_type::ENUM, _) => {
                field.and_then(|field| enum_name(field, number)).unwrap_or_else(|| number.to_string())
            }
            (field_type::SINT32 | field_type::SINT64, _) => {
                (number.cast_signed() >> 1 ^ -(number.cast_signed() & 1)).to_string()
            }
            (field_type::INT32 | field_type::INT64, _) => number.cast_signed().to_string(),
            (_, Format::Address | Format::Hex) => format!("{number:#x}"),
            (_, Format::Size) => size(number),
            (_, Format::Duration) => format!("{:?}", Duration::from_nanos(number)),
            (_, Format::Time) => utc(number),
            _ => number.to_string(),
        },
        Value::Bytes(bytes) if field.is_some_and(|field| field.kind == field_type::STRING) => {
            escape(&String::from_utf8_lossy(bytes))
        }
        // Many numbers of a field travel as one value.
        Value::Bytes(mut packed) if field.is_some_and(|field| is_varint(field.kind)) => {
            let mut numbers = Vec::new();
            while let Some(number) = varint(&mut packed) {
                numbers.push(show_value(field, Value::Number(number)));
            }
            if !packed.is_empty() {
                numbers.push(format!("({} bytes that cannot be read)", packed.len()));
            }
            numbers.join(", ")
        }
        Value::Bytes(bytes) => match (<[u8; 16]>::try_from(bytes), str::from_utf8(bytes)) {
            (Ok(id), _) if format == Format::Uuid => uuid::Uuid::from_bytes(id).to_string(),
            _ if format == Format::Hex || bytes.len() <= 4 => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            (_, Ok(lines)) => format!("{} of text\n{}", size(bytes.len() as u64), escape_lines(lines)),
            _ => format!("{} of binary data", size(bytes.len() as u64)),
        },
    }
}

fn is_varint(kind: i32) -> bool {
    use field_type::{BOOL, ENUM, INT32, INT64, SINT32, SINT64, UINT32, UINT64};
    matches!(kind, BOOL | ENUM | INT32 | INT64 | SINT32 | SINT64 | UINT32 | UINT64)
}

fn enum_name(field: &FieldDescriptor, number: u64) -> Option<String> {
    let descriptor = SCHEMA.enums.get(&field.type_name)?;
    let value = descriptor.value.iter().find(|value| i64::from(value.number) == number.cast_signed())?;
    // ERROR_KIND_CRASH of ErrorKind: crash.
    let prefix = descriptor.value.first().map_or("", |zero| zero.name.trim_end_matches("UNSPECIFIED"));
    Some(value.name.trim_start_matches(prefix).to_lowercase().replace('_', " "))
}

/// Realtime nanoseconds as RFC 3339, to the second.
pub(super) fn utc(nanos: u64) -> String {
    let seconds = nanos / 1_000_000_000;
    let (day, second) = (dates::day(seconds / 86_400), seconds % 86_400);
    format!("{day}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_at_the_edges() {
        let day = 86_400_000_000_000;
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(11_016 * day), "2000-02-29T00:00:00Z");
        assert_eq!(utc(11_017 * day - 1), "2000-02-29T23:59:59Z");
        assert_eq!(utc(19_722 * day), "2023-12-31T00:00:00Z");
    }
}

//! A message of the schema as JSON.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, Value as Proto};
use report_format::schema::v1::Format;
use serde_json::{Map, Value, json};

use super::{Schema, word};
use crate::render::value;

/// The fields that are set, by their names in the schema, in the order of their numbers. Where fields of a newer schema
/// were met, `unknown_fields` says how many.
pub(crate) fn message(message: &DynamicMessage) -> Map<String, Value> {
    let mut object: Map<String, Value> =
        message.fields().map(|(field, value)| (field.name().to_owned(), of(&field, value))).collect();
    let unknown = message.unknown_fields().count();
    if unknown > 0 {
        object.insert("unknown_fields".to_owned(), json!(unknown));
    }
    object
}

fn of(field: &FieldDescriptor, proto: &Proto) -> Value {
    if let Proto::List(items) = proto {
        return items.iter().map(|item| of(field, item)).collect();
    }
    let format = Schema::get().format(field);
    match proto {
        Proto::Bool(value) => json!(value),
        Proto::I32(value) => json!(value),
        Proto::I64(value) => json!(value),
        Proto::F32(value) => json!(value),
        Proto::F64(value) => json!(value),
        Proto::U32(value) => number(format, u64::from(*value)),
        Proto::U64(value) => number(format, *value),
        Proto::String(text) => json!(text),
        Proto::Bytes(bytes) => match format {
            Format::Uuid => json!(value::uuid(bytes)),
            Format::Hex => json!(value::hex(bytes)),
            _ => blob(bytes),
        },
        Proto::EnumNumber(value) => match field.kind() {
            Kind::Enum(kind) => word(&kind, *value).map_or(json!(value), Value::from),
            _ => json!(value),
        },
        Proto::Message(value) => Value::Object(message(value)),
        // The schema has no maps: their order would not be the same twice.
        Proto::List(_) | Proto::Map(_) => Value::Null,
    }
}

fn number(format: Format, value: u64) -> Value {
    match format {
        Format::Address | Format::Hex => json!(format!("{value:#x}")),
        Format::Time => json!(value::rfc3339(value)),
        _ => json!(value),
    }
}

/// Bytes that are a file of their own: what identifies them, since they themselves would make the JSON as large.
pub(crate) fn blob(bytes: &[u8]) -> Value {
    json!({ "size": bytes.len(), "sha256": value::sha256(bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;
    use report_format::schema::v1;

    fn of_message(name: &str, value: &impl Message) -> Value {
        let descriptor = Schema::get().message(name).unwrap();
        Value::Object(message(&DynamicMessage::decode(descriptor, &*value.encode_to_vec()).unwrap()))
    }

    #[test]
    fn each_format_has_its_notation() {
        let error = v1::Error {
            report_id: (0..16).collect(),
            kind: v1::ErrorKind::Crash.into(),
            time: 1_764_000_000_123_000_000,
            utc_offset_seconds: -3600,
            uptime_nanos: 5,
            fault: Some(v1::FaultCode { code: 11, address: Some(0), ..Default::default() }),
            ..Default::default()
        };
        assert_eq!(
            of_message("Error", &error),
            json!({
                "report_id": "00010203-0405-0607-0809-0a0b0c0d0e0f",
                "kind": "crash",
                "time": "2025-11-24T16:00:00.123Z",
                "utc_offset_seconds": -3600,
                "uptime_nanos": 5,
                "fault": { "code": 11, "address": "0x0" },
            })
        );
    }

    #[test]
    fn large_bytes_are_told_by_size_and_digest() {
        let attachment = v1::Attachment { content: b"abc".to_vec(), ..Default::default() };
        assert_eq!(
            of_message("Attachment", &attachment),
            json!({ "content": {
                "size": 3, "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" } })
        );
    }

    #[test]
    fn unknown_enum_numbers_and_fields_are_not_lost_silently() {
        let mut bytes = v1::Error { kind: 99, ..Default::default() }.encode_to_vec();
        // Field 1000, varint 1.
        bytes.extend([0xc0, 0x3e, 1]);
        let descriptor = Schema::get().message("Error").unwrap();
        let read = DynamicMessage::decode(descriptor, &*bytes).unwrap();
        assert_eq!(Value::Object(message(&read)), json!({ "kind": 99, "unknown_fields": 1 }));
    }
}

//! What the schema says of itself: each message, field and section with its options, read from the compiled descriptors.
//!
//! The few parts of google/protobuf/descriptor.proto that are needed are declared here, with our own options as ordinary fields: a reflection library
//! would be larger than the handler's whole use of it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use prost::Message;
use report_format::schema::DESCRIPTOR_SET;

/// The schema of reports.
pub(crate) static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::read);

/// Messages and enums by `.package.Name`, as fields refer to them.
#[derive(Default)]
pub(crate) struct Schema {
    pub(crate) messages: BTreeMap<String, MessageDescriptor>,
    pub(crate) enums: BTreeMap<String, EnumDescriptor>,
    /// Section kind to the message that is its content.
    pub(crate) sections: BTreeMap<i32, String>,
}

impl Schema {
    fn read() -> Self {
        let files = FileSet::decode(DESCRIPTOR_SET).unwrap_or_default();
        let mut schema = Self::default();
        for file in files.file {
            for descriptor in file.enum_type {
                schema.enums.insert(format!(".{}.{}", file.package, descriptor.name), descriptor);
            }
            for message in file.message_type {
                let name = format!(".{}.{}", file.package, message.name);
                if let Some(options) = message.options.as_ref().filter(|options| options.section != 0) {
                    schema.sections.insert(options.section, name.clone());
                }
                schema.messages.insert(name, message);
            }
        }
        schema
    }
}

#[derive(Clone, PartialEq, Message)]
struct FileSet {
    #[prost(message, repeated, tag = "1")]
    file: Vec<FileDescriptor>,
}

#[derive(Clone, PartialEq, Message)]
struct FileDescriptor {
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "4")]
    message_type: Vec<MessageDescriptor>,
    #[prost(message, repeated, tag = "5")]
    enum_type: Vec<EnumDescriptor>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct MessageDescriptor {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) field: Vec<FieldDescriptor>,
    #[prost(message, optional, tag = "7")]
    pub(crate) options: Option<MessageOptions>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct MessageOptions {
    #[prost(int32, tag = "50001")]
    pub(crate) section: i32,
    /// Of the policy.
    #[prost(string, tag = "50002")]
    pub(crate) row: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct FieldDescriptor {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(int32, tag = "3")]
    pub(crate) number: i32,
    #[prost(int32, tag = "5")]
    pub(crate) kind: i32,
    #[prost(string, tag = "6")]
    pub(crate) type_name: String,
    #[prost(message, optional, tag = "8")]
    pub(crate) options: Option<FieldOptions>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct FieldOptions {
    #[prost(int32, tag = "50001")]
    pub(crate) category: i32,
    #[prost(string, tag = "50002")]
    pub(crate) purpose: String,
    #[prost(string, tag = "50003")]
    pub(crate) example: String,
    #[prost(int32, tag = "50004")]
    pub(crate) format: i32,
    /// Of the policy; empty where it is the message's.
    #[prost(string, tag = "50005")]
    pub(crate) row: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct EnumDescriptor {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) value: Vec<EnumValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct EnumValue {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(int32, tag = "2")]
    pub(crate) number: i32,
    #[prost(message, optional, tag = "3")]
    pub(crate) options: Option<EnumValueOptions>,
}

/// Of a section whose content is no message.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct EnumValueOptions {
    #[prost(int32, tag = "50001")]
    pub(crate) category: i32,
    #[prost(string, tag = "50002")]
    pub(crate) purpose: String,
    #[prost(string, tag = "50003")]
    pub(crate) example: String,
    #[prost(string, repeated, tag = "50004")]
    pub(crate) rows: Vec<String>,
}

/// Values of `FieldDescriptorProto.Type`.
pub(crate) mod field_type {
    pub(crate) const INT64: i32 = 3;
    pub(crate) const UINT64: i32 = 4;
    pub(crate) const INT32: i32 = 5;
    pub(crate) const BOOL: i32 = 8;
    pub(crate) const STRING: i32 = 9;
    pub(crate) const MESSAGE: i32 = 11;
    pub(crate) const UINT32: i32 = 13;
    pub(crate) const ENUM: i32 = 14;
    pub(crate) const SINT32: i32 = 17;
    pub(crate) const SINT64: i32 = 18;
}

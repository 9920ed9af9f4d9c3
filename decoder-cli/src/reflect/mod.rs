//! The schema at run time: what each field says of itself, so that a field added to the schema is shown and written as
//! JSON without a line of code here.

pub(crate) mod json;
pub(crate) mod names;

use std::collections::HashMap;
use std::sync::OnceLock;

use prost_reflect::{DescriptorPool, EnumDescriptor, FieldDescriptor, MessageDescriptor};
use report_format::schema::DESCRIPTOR_SET;
use report_format::schema::v1::Format;

/// The descriptors of report.v1, with their options looked up once.
#[derive(Debug)]
pub(crate) struct Schema {
    pool: DescriptorPool,
    sections: HashMap<u16, MessageDescriptor>,
    formats: HashMap<String, Format>,
}

impl Schema {
    /// The one schema of this program.
    pub(crate) fn get() -> &'static Schema {
        static SCHEMA: OnceLock<Schema> = OnceLock::new();
        // The bytes are compiled in, and every test of this file goes through here.
        SCHEMA.get_or_init(|| Schema::read(DESCRIPTOR_SET).expect("the descriptors compiled into this program"))
    }

    fn read(descriptors: &[u8]) -> Option<Schema> {
        let pool = DescriptorPool::decode(descriptors).ok()?;
        let format = pool.get_extension_by_name("report.v1.format")?;
        let section = pool.get_extension_by_name("report.v1.section")?;
        let mut formats = HashMap::new();
        let mut sections = HashMap::new();
        for message in pool.all_messages().filter(|message| message.package_name() == "report.v1") {
            if let Some(kind) = message.options().get_extension(&section).as_enum_number().filter(|kind| *kind != 0) {
                sections.insert(u16::try_from(kind).ok()?, message.clone());
            }
            for field in message.fields() {
                let number = field.options().get_extension(&format).as_enum_number()?;
                if let Some(known) = Format::try_from(number).ok().filter(|known| *known != Format::Unspecified) {
                    formats.insert(field.full_name().to_owned(), known);
                }
            }
        }
        Some(Schema { pool, sections, formats })
    }

    /// The message that a section of this kind holds; `None` for kinds that hold something else or are unknown.
    pub(crate) fn section(&self, kind: u16) -> Option<&MessageDescriptor> {
        self.sections.get(&kind)
    }

    /// How a field is written.
    pub(crate) fn format(&self, field: &FieldDescriptor) -> Format {
        self.formats.get(field.full_name()).copied().unwrap_or(Format::Unspecified)
    }

    /// The descriptor of `report.v1.Summary`, which is in no section.
    pub(crate) fn message(&self, name: &str) -> Option<MessageDescriptor> {
        self.pool.get_message_by_name(&format!("report.v1.{name}"))
    }

    /// The enum `report.v1.NAME`.
    fn enumeration(&self, name: &str) -> Option<EnumDescriptor> {
        self.pool.get_enum_by_name(&format!("report.v1.{name}"))
    }

    /// The word for a number of the enum `report.v1.NAME`; the number itself where this program does not know it.
    pub(crate) fn word(&self, name: &str, number: i32) -> String {
        self.enumeration(name).and_then(|kind| word(&kind, number)).unwrap_or_else(|| number.to_string())
    }
}

/// The word for a value of an enum: `TASK_PHASE_BEGUN` of `TaskPhase` is `begun`. `None` for an unknown number.
pub(crate) fn word(kind: &EnumDescriptor, number: i32) -> Option<String> {
    let value = kind.get_value(number)?;
    let zero = kind.default_value();
    let prefix = zero.name().strip_suffix("UNSPECIFIED").unwrap_or("");
    Some(value.name().strip_prefix(prefix).unwrap_or(value.name()).to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use report_format::schema::v1::SectionKind;

    #[test]
    fn every_section_kind_has_its_message_or_is_raw_bytes() {
        for kind in (1..).map_while(|number| SectionKind::try_from(number).ok()) {
            assert_eq!(Schema::get().section(kind as u16).is_some(), kind.is_message(), "{kind:?}");
        }
    }

    #[test]
    fn formats_are_read_from_the_field_options() {
        let frame = Schema::get().message("Frame").unwrap();
        assert_eq!(Schema::get().format(&frame.get_field_by_name("instruction").unwrap()), Format::Address);
        assert_eq!(Schema::get().format(&frame.get_field_by_name("module").unwrap()), Format::Unspecified);
    }

    #[test]
    fn enum_values_become_words() {
        assert_eq!(Schema::get().word("ErrorKind", 4), "handled_error");
        assert_eq!(Schema::get().word("Surface", 4), "command_line");
        assert_eq!(Schema::get().word("ErrorKind", 0), "unspecified");
        assert_eq!(Schema::get().word("ErrorKind", 4711), "4711");
    }
}

//! JSON whose text does nothing when it is looked at in a terminal.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use super::is_active;

/// Writes `value` as JSON, indented or on one line, without a line break at its end.
///
/// serde_json escapes what JSON demands, which leaves U+202E, DEL and C1 controls such as U+009B (a CSI to many
/// terminals) as they are. Here they become `\u202e`: the same text to every JSON parser.
pub(crate) fn write(out: impl Write, value: &impl Serialize, indented: bool) -> io::Result<()> {
    let written = if indented {
        value.serialize(&mut Serializer::with_formatter(out, Escaping(PrettyFormatter::new())))
    } else {
        value.serialize(&mut Serializer::with_formatter(out, Escaping(CompactFormatter)))
    };
    written.map_err(Into::into)
}

struct Escaping<F>(F);

/// The layout is the inner formatter's.
macro_rules! as_inner {
    ($($method:ident($($argument:ident: $kind:ty),*);)*) => {
        $(fn $method<W: ?Sized + Write>(&mut self, writer: &mut W, $($argument: $kind),*) -> io::Result<()> {
            self.0.$method(writer, $($argument),*)
        })*
    };
}

impl<F: Formatter> Formatter for Escaping<F> {
    as_inner! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        begin_object_value();
        end_object_value();
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut plain_from = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| is_active(*c)) {
            writer.write_all(&fragment.as_bytes()[plain_from..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            plain_from = at + c.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[plain_from..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn text(value: &Value, indented: bool) -> String {
        let mut out = Vec::new();
        write(&mut out, value, indented).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn active_characters_become_escapes_that_json_knows() {
        let value = json!({"na\u{9b}me": "a\u{1b}b\u{202e}c\u{7f}d\u{e0041}\"\n"});
        assert_eq!(text(&value, false), r#"{"na\u009bme":"a\u001bb\u202ec\u007fd\udb40\udc41\"\n"}"#);
    }

    #[test]
    fn the_indented_layout_is_kept() {
        assert_eq!(text(&json!({"a": [1, {}]}), true), "{\n  \"a\": [\n    1,\n    {}\n  ]\n}");
    }

    proptest! {
        #[test]
        fn parsing_gives_the_same_text_back(original in any::<String>()) {
            let written = text(&json!([original]), false);
            prop_assert!(!written.chars().any(is_active));
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), json!([original]));
        }
    }
}

//! The enums of the library for .NET are those of the header: the same constants with the same numbers.

use std::{collections::BTreeMap, fs};

use crate::support::package;

/// The name in C, what its constants begin with, and the name in C#.
const ENUMS: [(&str, &str, &str); 11] = [
    ("status", "ERROR_", "Status"),
    ("notice", "NOTICE_", "Notice"),
    ("tls", "TLS_", "Tls"),
    ("category", "CATEGORY_", "Category"),
    ("policy", "POLICY_", "Policy"),
    ("kind", "KIND_", "ErrorKind"),
    ("dump", "DUMP_", "Dump"),
    ("surface", "SURFACE_", "Surface"),
    ("question", "QUESTION_", "Question"),
    ("contact", "CONTACT_", "ContactPart"),
    ("answer", "ANSWER_", "Answer"),
];

/// Forked children, which a program of .NET cannot have.
const IN_C_ALONE: [&str; 1] = ["children"];

/// Of each enum its constants: name and number.
type Enums = BTreeMap<String, BTreeMap<String, i32>>;

/// Constants are lines such as `NAME = 1,` in a block that is opened by a line with this before the enum's name.
fn read(file: &str, opening: &str) -> Enums {
    let text = fs::read_to_string(package().join(file)).expect("a file of this package");
    let mut enums = Enums::new();
    let mut current = None;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix(opening) {
            current = Some(name.to_owned());
        } else if line.starts_with("};") || line == "}" {
            current = None;
        } else if let (Some(name), Some((constant, number))) = (&current, line.split_once(" = ")) {
            let number = number.trim_end_matches(',').parse().unwrap_or_else(|_| panic!("{file}: {line}"));
            enums.entry(name.clone()).or_default().insert(constant.to_owned(), number);
        }
    }
    enums
}

/// A name as both languages would have it if there were no custom: `STARTTLS` is `StartTls`.
fn alike(name: &str) -> String {
    name.replace('_', "").to_uppercase()
}

#[test]
fn the_enums_are_those_of_the_header() {
    let mut header = read("include/reporter.h", "enum reporter_");
    let mut library = read("dotnet/Enums.cs", "public enum ");
    assert!(IN_C_ALONE.iter().all(|name| header.remove(&format!("{name}_t")).is_some()));
    for (c, prefix, name) in ENUMS {
        let of_header = header.remove(&format!("{c}_t")).unwrap_or_else(|| panic!("reporter.h has no {c}"));
        let of_library = library.remove(name).unwrap_or_else(|| panic!("Enums.cs has no {name}"));
        let constant = |constant: &String| {
            let name = constant.strip_prefix("REPORTER_").expect("what all names in C begin with");
            // REPORTER_OK is no error.
            alike(name.strip_prefix(prefix).unwrap_or(name))
        };
        let of_header: BTreeMap<_, _> = of_header.iter().map(|(name, number)| (constant(name), *number)).collect();
        let of_library: BTreeMap<_, _> = of_library.iter().map(|(name, number)| (alike(name), *number)).collect();
        assert_eq!(of_header, of_library, "{name}");
        assert!(of_library.len() > 1, "{name} was not read");
    }
    assert!(header.is_empty() && library.is_empty(), "in one alone: {header:?} {library:?}");
}

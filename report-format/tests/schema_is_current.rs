//! The committed schema is what `proto/` says. `REGENERATE=1 cargo test -p report-format --test schema_is_current` rewrites it.
//!
//! Generated here and not in a build script, so that who builds the crate needs no protobuf compiler at all.

use std::{env, fmt::Write, fs, path::Path};

use prost_reflect::DescriptorPool;
use prost_types::FileDescriptorSet;
use report_format::schema::v1::Format;

const FILES: [&str; 9] =
    ["action", "consent", "error", "inventory", "memory", "options", "product", "rewrite", "summary"];

fn compile(out: &Path) -> Vec<u8> {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto");
    let mut compiler = protox::Compiler::new([&proto]).expect("proto/ is there");
    compiler.include_imports(true);
    for file in FILES {
        compiler.open_file(format!("report/v1/{file}.proto")).expect("a valid proto file");
    }
    compiler.include_source_info(true);
    let mut documented = compiler.file_descriptor_set();
    document(&mut documented, &compiler.descriptor_pool());
    prost_build::Config::new()
        .out_dir(out)
        .format(true)
        .compile_fds(documented)
        .expect("Rust code from the descriptors");
    // Without source info: comments would make the embedded set three times as large.
    compiler.include_source_info(false).encode_file_descriptor_set()
}

/// Adds to the comment of each field what its options say: how the number is meant, what it is for, and an example.
fn document(files: &mut FileDescriptorSet, pool: &DescriptorPool) {
    let extension = |name: &str| pool.get_extension_by_name(&format!("report.v1.{name}")).expect(name);
    let [purpose, example, format] = ["purpose", "example", "format"].map(extension);
    for field in pool.all_messages().flat_map(|message| message.fields().collect::<Vec<_>>()) {
        let options = field.options();
        if !options.has_extension(&purpose) {
            continue;
        }
        let unit = match options.get_extension(&format).as_enum_number().and_then(|n| Format::try_from(n).ok()) {
            Some(Format::Time) => " Nanoseconds since 1970-01-01T00:00:00Z.",
            Some(Format::Duration) => " Nanoseconds.",
            Some(Format::Size) => " Bytes.",
            Some(Format::Uuid) => " The 16 bytes of a UUID.",
            _ => "",
        };
        let [purpose, example] = [&purpose, &example].map(|extension| options.get_extension(extension).into_owned());
        let file = files.file.iter_mut().find(|file| file.name() == field.parent_file().name()).expect("in the set");
        let places = &mut file.source_code_info.as_mut().expect("asked for").location;
        let place = places.iter_mut().find(|place| place.path == field.path()).expect("each field stands somewhere");
        let written = place.leading_comments.get_or_insert_default();
        if !written.is_empty() {
            written.push('\n');
        }
        let [purpose, example] = [&purpose, &example].map(|text| text.as_str().expect("a string"));
        write!(written, "{unit} Purpose: {purpose}. As shown: `{example}`.").expect("a string takes everything");
    }
}

#[test]
fn the_committed_schema_is_what_proto_says() {
    let fresh = tempfile::tempdir().expect("a temporary folder");
    fs::write(fresh.path().join("report.v1.bin"), compile(fresh.path())).expect("writable");
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/schema");
    for name in ["report.v1.rs", "report.v1.bin"] {
        let new = fs::read(fresh.path().join(name)).expect("just generated");
        if env::var_os("REGENERATE").is_some() {
            fs::write(committed.join(name), &new).expect("writable");
        }
        assert!(
            fs::read(committed.join(name)).ok().as_deref() == Some(&new),
            "{name} is not what proto/ says: run again with REGENERATE=1 and commit the result"
        );
    }
}

#[test]
fn every_field_of_a_section_names_its_category_its_purpose_and_an_example() {
    let pool = DescriptorPool::decode(report_format::schema::DESCRIPTOR_SET).expect("a descriptor set");
    let extension = |name: &str| pool.get_extension_by_name(&format!("report.v1.{name}")).expect(name);
    let (category, purpose, example) = (extension("category"), extension("purpose"), extension("example"));
    let mut bare = Vec::new();
    let mut fields = 0;
    for message in pool.all_messages().filter(|m| m.package_name() == "report.v1") {
        for field in message.fields().filter(|f| f.kind().as_message().is_none()) {
            fields += 1;
            let options = field.options();
            if ![&category, &purpose, &example].iter().all(|&e| options.has_extension(e)) {
                bare.push(field.full_name().to_owned());
            }
        }
    }
    assert!(fields > 150, "only {fields} fields were seen: the descriptor set is not the schema");
    assert!(bare.is_empty(), "fields without category, purpose or example: {bare:#?}");
}

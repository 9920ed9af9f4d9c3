//! The committed schema is what `proto/` says. `REGENERATE=1 cargo test -p report-format --test schema_is_current` rewrites it.
//!
//! Generated here and not in a build script, so that who builds the crate needs no protobuf compiler at all.

use std::{env, fs, path::Path};

use prost_reflect::DescriptorPool;

const FILES: [&str; 9] =
    ["action", "consent", "error", "inventory", "memory", "options", "product", "rewrite", "summary"];

fn compile(out: &Path) -> Vec<u8> {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto");
    let mut compiler = protox::Compiler::new([&proto]).expect("proto/ is there");
    compiler.include_imports(true);
    for file in FILES {
        compiler.open_file(format!("report/v1/{file}.proto")).expect("a valid proto file");
    }
    prost_build::Config::new()
        .out_dir(out)
        .format(true)
        .compile_fds(compiler.file_descriptor_set())
        .expect("Rust code from the descriptors");
    // Without source info: comments would make the embedded set three times as large.
    compiler.encode_file_descriptor_set()
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

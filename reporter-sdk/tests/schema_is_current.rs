//! The committed IPC and spool messages are what `proto/` says. `REGENERATE=1 cargo test -p reporter-sdk --test schema_is_current` rewrites them.

use std::{env, fs, path::Path};

#[test]
fn the_committed_schema_is_what_proto_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fresh = tempfile::tempdir().expect("a temporary folder");
    let mut compiler = protox::Compiler::new([root.join("../proto")]).expect("proto/ is there");
    for file in ["consent", "dialog", "ipc", "spool"] {
        compiler.open_file(format!("handler/v1/{file}.proto")).expect("a valid proto file");
    }
    compiler.include_imports(true);
    prost_build::Config::new()
        .out_dir(fresh.path())
        .format(true)
        .extern_path(".report.v1", "::report_format::schema::v1")
        // A password must not reach a log by way of `{:?}`.
        .skip_debug([".handler.v1.Smtp"])
        .compile_fds(compiler.file_descriptor_set())
        .expect("Rust code from the descriptors");
    let new = fs::read(fresh.path().join("handler.v1.rs")).expect("just generated");
    let committed = root.join("src/schema/handler.v1.rs");
    if env::var_os("REGENERATE").is_some() {
        fs::write(&committed, &new).expect("writable");
    }
    assert!(
        fs::read(&committed).ok() == Some(new),
        "handler.v1.rs is not what proto/ says: run again with REGENERATE=1 and commit the result"
    );
}

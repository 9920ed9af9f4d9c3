//! The committed header is what the source says. `REGENERATE=1 cargo test -p reporter-ffi --test header_is_current` rewrites it.

use std::{env, fs, path::Path};

#[test]
fn the_committed_header_is_what_the_source_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("a valid cbindgen.toml");
    let mut new = Vec::new();
    cbindgen::Builder::new()
        .with_config(config)
        .with_src(root.join("src/lib.rs"))
        .generate()
        .expect("a header from the source")
        .write(&mut new);
    // Compilers on Windows read other bytes by the user's code page.
    assert!(new.is_ascii(), "a doc comment has a character that is not ASCII");
    let committed = root.join("include/reporter.h");
    if env::var_os("REGENERATE").is_some() {
        fs::write(&committed, &new).expect("writable");
    }
    assert!(
        fs::read(&committed).ok() == Some(new),
        "reporter.h is not what the source says: run again with REGENERATE=1 and commit the result"
    );
}

//! Where the window that is shown without a handler is.

use std::path::PathBuf;

/// An example program is where Cargo puts it.
pub(crate) fn gallery() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let program = test.ancestors().nth(2).expect("a test lies in a target folder").join("examples/gallery");
    assert!(
        program.is_file(),
        "{} is missing: `cargo build -p reporter-dialog --examples` makes it",
        program.display()
    );
    program
}

//! A product as it is installed on Windows, with a handler of its own.

#![allow(dead_code, reason = "each test program uses its share")]

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use reporter_sdk::{
    consent::{CategorySet, Remember, Remembered},
    spool::Spool,
};
use tempfile::TempDir;

/// No product runs longer, handler and all. Wine under load needs ten seconds for a dump.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// One product in a folder of its own.
pub(crate) struct Product {
    directory: TempDir,
    pub(crate) handler: PathBuf,
}

impl Product {
    /// Installs it so that its reports become `.eml` files.
    pub(crate) fn new(handler: &Path) -> Self {
        let directory = tempfile::Builder::new().prefix("product").tempdir().expect("a temporary folder");
        // A copy of its own, which is in use for as long as a handler of this product runs.
        let copy = directory.path().join("reporter-handler.exe");
        fs::copy(handler, &copy).expect("there is room for a copy");
        let product = Self { directory, handler: copy };
        fs::create_dir(product.path("mails")).expect("a new folder");
        let settings = [
            ("handler", product.handler.display().to_string()),
            ("spool", product.spool().display().to_string()),
            ("from", "errors@product.example".into()),
            ("to", "support@product.example".into()),
            ("eml-directory", product.path("mails").display().to_string()),
        ];
        let lines: String = settings.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        fs::write(product.configuration(), lines).expect("a new file");
        product
    }

    /// The person has said *always* some time before, of these categories.
    pub(crate) fn always_sends(&self, categories: CategorySet) {
        let choice = Remembered { remember: Remember::Always, product_version: "1.0.0".into(), categories, time: 1 };
        Spool::open(&self.spool()).expect("a spool").remember(&choice).expect("the spool takes a choice");
    }

    /// Adds a setting to its configuration.
    pub(crate) fn set(&self, key: &str, value: &Path) {
        let mut lines = fs::read_to_string(self.configuration()).expect("our own file");
        lines += &format!("{key} = {}\n", value.display());
        fs::write(self.configuration(), lines).expect("our own file");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn spool(&self) -> PathBuf {
        self.path("spool")
    }

    pub(crate) fn configuration(&self) -> PathBuf {
        self.path("product.conf")
    }

    /// The files in a folder of the spool: `new`, `out`, `bad` or `lost`.
    pub(crate) fn spooled(&self, folder: &str) -> Vec<PathBuf> {
        files(&self.spool().join(folder))
    }

    /// The `.eml` files, oldest first.
    pub(crate) fn mails(&self) -> Vec<PathBuf> {
        let mut mails = files(&self.path("mails"));
        mails.sort();
        mails
    }

    /// Waits until no handler of this product runs any more: what it had to do is done.
    pub(crate) fn handler_ends(&self) {
        let started = Instant::now();
        while self.has_handler() {
            assert!(started.elapsed() < PATIENCE, "the handler does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether a process runs this product's handler: the system lets nobody write to the file of a program that runs.
    fn has_handler(&self) -> bool {
        match fs::OpenOptions::new().write(true).open(&self.handler) {
            Ok(_) => false,
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }
}

/// All files below `folder`, none where it is missing.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let below = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries.flat_map(|entry| below(entry.expect("readable").path())).collect()
}

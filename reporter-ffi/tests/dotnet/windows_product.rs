//! Runs a product in C#, which `scripts/windows/dotnet-products` has compiled, with the runtime for Windows.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use report_format::schema::v1::Category;
use reporter_sdk::consent::CategorySet;

use crate::{
    end_to_end::{
        product::{self, PATIENCE},
        report::Received,
    },
    host::Ended,
};

/// Where `scripts/windows/dotnet-products` has put them.
const PRODUCTS: &str = "REPORTER_DOTNET_PRODUCTS";
/// Where `scripts/setup` has put the runtime.
const RUNTIME: &str = "REPORTER_DOTNET";

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Runtime {
    DotNet,
}
pub(crate) use Runtime::DotNet;

pub(crate) const RUNTIMES: [Runtime; 1] = [DotNet];

/// A file in the folder that a variable names.
fn made(variable: &str, name: &str) -> PathBuf {
    let folder = env::var_os(variable)
        .unwrap_or_else(|| panic!("{variable} is not set: scripts/windows/dotnet-products says what it is"));
    let path = Path::new(&folder).join(name);
    assert!(path.is_file(), "{} is missing", path.display());
    path
}

/// How it finds things, and who starts it.
pub(crate) struct Product {
    has_library: bool,
    is_hosted: bool,
}

impl Product {
    pub(crate) fn ledger() -> Self {
        Self { has_library: true, is_hosted: false }
    }

    /// That was installed without the native library.
    pub(crate) fn without_native_library(mut self) -> Self {
        self.has_library = false;
        self
    }

    /// That is run by a native program, which has started the reporter before it.
    pub(crate) fn in_a_host(mut self) -> Self {
        self.is_hosted = true;
        self
    }

    /// Installs it in a folder of its own, and runs it on these steps.
    #[allow(clippy::unnecessary_wraps, reason = "on Linux a runtime can be missing")]
    pub(crate) fn run(&self, _: Runtime, steps: &[&str]) -> Option<Ended> {
        let product = product::Product::new(&made(PRODUCTS, "reporter-handler.exe"));
        // Not what is told of the machine: see the crash matrix.
        let categories = [Category::Actions, Category::Memory, Category::Product, Category::Attachments];
        product.always_sends(categories.into_iter().fold(CategorySet::essential(), CategorySet::with));
        let files = ["Ledger.dll", "Ledger.runtimeconfig.json", "ErrorReporting.dll", "native.dll"];
        let more = [("host.exe", self.is_hosted), ("reporter.dll", self.has_library)];
        let files = files.into_iter().chain(more.into_iter().filter_map(|(file, is_wanted)| is_wanted.then_some(file)));
        for file in files {
            fs::copy(made(PRODUCTS, file), product.path(file)).expect("there is room for a copy");
        }
        let mut command;
        if self.is_hosted {
            command = Command::new(product.path("host.exe"));
            let dotnet = made(RUNTIME, "dotnet.exe");
            let library = made(RUNTIME, r"host\fxr\3.1.2\hostfxr.dll");
            command.arg("dotnet").arg(library).arg(dotnet.parent().expect("a folder"));
        } else {
            command = Command::new(made(RUNTIME, "dotnet.exe"));
        }
        command.arg(product.path("Ledger.dll")).args(steps);
        Some(run(&product, &mut command))
    }
}

fn run(product: &product::Product, command: &mut Command) -> Ended {
    let said = product.path("said");
    let output = fs::File::create(&said).expect("a file in the product's folder");
    let errors = output.try_clone().expect("a handle");
    command.env("REPORTER_TEST_FOLDER", product.path(""));
    let mut child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn().expect("made");
    let started = Instant::now();
    let said = || String::from_utf8_lossy(&fs::read(&said).unwrap_or_default()).into_owned();
    let status = loop {
        if let Some(status) = child.try_wait().expect("our own child") {
            break status;
        }
        if started.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("{command:?} hangs; it said: {}", said());
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    };
    product.handler_ends();
    for folder in ["new", "out", "bad", "lost"] {
        assert_eq!(product.spooled(folder), [] as [PathBuf; 0], "{folder}: {}", said());
    }
    let reports = product.mails().iter().map(|mail| Received::from_mail(mail)).collect();
    Ended { status, said: said(), reports }
}

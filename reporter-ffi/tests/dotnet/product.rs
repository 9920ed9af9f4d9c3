//! Compiles a product in C# with the library, and runs it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    host::{Ended, Host, has_runtime, which},
    support::{Link, compile_all, dotnet, library, native_library, package, run, runtimes},
    xvfb::Xvfb,
};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Runtime {
    Mono,
    DotNet,
}
pub(crate) use Runtime::{DotNet, Mono};

pub(crate) const RUNTIMES: [Runtime; 2] = [Mono, DotNet];

impl Runtime {
    fn is_there(self) -> bool {
        let is_there = match self {
            Mono => which("mono").is_some(),
            DotNet => dotnet().is_file(),
        };
        has_runtime(&format!("{self:?}"), is_there) && has_runtime("mcs, the C# compiler", which("mcs").is_some())
    }
}

/// How it is made, and where it finds things.
pub(crate) struct Product {
    name: &'static str,
    sources: &'static [&'static str],
    references: Vec<String>,
    stand_ins: &'static [&'static str],
    libraries: String,
    has_display: bool,
    is_hosted: bool,
}

impl Product {
    /// Of sources in this package.
    pub(crate) fn new(name: &'static str, sources: &'static [&'static str]) -> Self {
        let libraries = library().display().to_string();
        Self { name, sources, references: Vec::new(), stand_ins: &[], libraries, has_display: false, is_hosted: false }
    }

    pub(crate) fn ledger() -> Self {
        Self::new("Ledger", &["tests/dotnet/Ledger.cs", "tests/dotnet/Product.cs"])
    }

    /// That was installed without the native library.
    pub(crate) fn without_native_library(mut self) -> Self {
        "/none".clone_into(&mut self.libraries);
        self
    }

    /// That is run by a native program, which has started the reporter before it.
    pub(crate) fn in_a_host(mut self) -> Self {
        self.is_hosted = true;
        self
    }

    /// That refers to an assembly of the runtime's.
    pub(crate) fn refers_to(mut self, assembly: &str) -> Self {
        self.references.push(assembly.to_owned());
        self
    }

    /// With assemblies beside it that are made of sources of their names, which stand in for those of Windows.
    pub(crate) fn with_stand_ins(mut self, names: &'static [&'static str]) -> Self {
        self.stand_ins = names;
        self
    }

    /// On a display of its own.
    pub(crate) fn on_a_display(mut self) -> Self {
        self.has_display = true;
        self
    }

    /// Compiles it, and runs it on these steps; none where the runtime is missing.
    pub(crate) fn run(&self, runtime: Runtime, steps: &[&str]) -> Option<Ended> {
        if !runtime.is_there() {
            return None;
        }
        let host = Host::new();
        native_library(&[], &host.path(""));
        let program = self.compile(&host);
        let configuration = r#"{ "runtimeOptions": { "framework": { "name": "Microsoft.NETCore.App", "version": "3.1.0" },
            "configProperties": { "System.Globalization.Invariant": true } } }"#;
        fs::write(program.with_extension("runtimeconfig.json"), configuration).expect("a file in the product's folder");
        let mut command = match (runtime, self.is_hosted) {
            (_, true) => native_host(runtime, &host),
            (Mono, false) => {
                let mut command = Command::new("mono");
                command.arg("--debug");
                command
            }
            (DotNet, false) => Command::new(dotnet()),
        };
        command.arg(program).args(steps);
        let display = self.has_display.then(|| Xvfb::start("1024x768x24"));
        if let Some(display) = &display {
            command.env("DISPLAY", display.display());
        }
        command.env("LD_LIBRARY_PATH", format!("{}:{}", host.path("").display(), self.libraries));
        Some(host.run(&mut command))
    }

    fn compile(&self, host: &Host) -> PathBuf {
        let at = |name: &str| host.path(name);
        let library = at("ErrorReporting.dll");
        let documentation = format!("-doc:{}", at("ErrorReporting.xml").display());
        compile(&library, &["-target:library", &documentation], &sources("dotnet"));
        let mut references = vec![format!("-r:{}", library.display())];
        for name in self.stand_ins {
            let assembly = at(&format!("{name}.dll"));
            compile(&assembly, &["-target:library"], &[package().join(format!("tests/dotnet/stand_ins/{name}.cs"))]);
            references.push(format!("-r:{}", assembly.display()));
        }
        references.extend(self.references.iter().map(|assembly| format!("-r:{assembly}")));
        let program = at(&format!("{}.exe", self.name));
        let sources: Vec<_> = self.sources.iter().map(|source| package().join(source)).collect();
        compile(&program, &references.iter().map(String::as_str).collect::<Vec<_>>(), &sources);
        program
    }
}

/// Compiles `host.c`, and has it take this runtime.
fn native_host(runtime: Runtime, host: &Host) -> Command {
    let sources = [package().join("tests/dotnet/host.c"), runtimes().join("native.c")];
    let program = compile_all(&sources.each_ref().map(PathBuf::as_path), Link::Dynamic, &["-ldl"], &host.path(""));
    let mut command = Command::new(program);
    match runtime {
        Mono => command.args(["mono", "libmonosgen-2.0.so.1"]),
        DotNet => {
            let folder = dotnet().parent().expect("a folder").to_owned();
            command.arg("dotnet").arg(folder.join("host/fxr/3.1.2/libhostfxr.so")).arg(folder)
        }
    };
    command
}

fn compile(output: &Path, arguments: &[&str], sources: &[PathBuf]) {
    let mut compiler = Command::new("mcs");
    compiler.args(["-langversion:7.2", "-warnaserror", "-debug"]).arg(format!("-out:{}", output.display()));
    run(compiler.args(arguments).args(sources));
}

/// The sources in a folder of this package.
fn sources(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(package().join(folder)).expect("a folder of this package");
    let mut sources: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    sources.retain(|path| path.extension().is_some_and(|ending| ending == "cs"));
    sources.sort();
    sources
}

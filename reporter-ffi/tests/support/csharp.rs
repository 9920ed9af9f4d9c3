//! Programs in C# that have the library's sources inside, on each runtime that is there.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    host::{has_runtime, which},
    support::{dotnet, file, package, run},
};

/// The name of each runtime that is there, and how to start a program of it.
pub(crate) fn runtimes() -> Vec<(&'static str, Vec<String>)> {
    if !has_runtime("mcs, the C# compiler", which("mcs").is_some()) {
        return Vec::new();
    }
    let dotnet = dotnet();
    [
        ("Mono", which("mono").is_some(), vec!["mono".into(), "--debug".into()]),
        (".NET", dotnet.is_file(), vec![dotnet.display().to_string()]),
    ]
    .into_iter()
    .filter_map(|(name, is_there, command)| has_runtime(name, is_there).then_some((name, command)))
    .collect()
}

/// Compiles a source of this package with the library, for both runtimes.
pub(crate) fn compile(source: &str, folder: &Path) -> PathBuf {
    let source = package().join(source);
    let name = source.file_stem().and_then(|name| name.to_str()).expect("a file");
    let program = folder.join(name).with_extension("exe");
    run(Command::new("mcs")
        .args(["-langversion:7.2", "-warnaserror", "-debug"])
        .arg(format!("-out:{}", program.display()))
        .arg(&source)
        .arg(format!("-recurse:{}", package().join("dotnet/*.cs").display())));
    let configuration = r#"{ "runtimeOptions": { "framework": { "name": "Microsoft.NETCore.App", "version": "3.1.0" },
        "configProperties": { "System.Globalization.Invariant": true } } }"#;
    file(folder, &format!("{name}.runtimeconfig.json"), configuration);
    program
}

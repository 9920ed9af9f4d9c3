//! The real SDK builds what a product refers to.

use std::{fs, path::Path, process::Command};

use crate::{
    host::has_runtime,
    support::{dotnet, package, run},
};

/// Builds the library for this framework. Returns what the files are that came out, and what its documentation says.
fn build(framework: &str) -> Option<(Vec<String>, String)> {
    if !has_runtime("the .NET SDK", dotnet().is_file()) {
        return None;
    }
    let output = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| output.path().join(name);
    run(Command::new(package().join("../scripts/dotnet"))
        .arg("build")
        .arg(package().join("dotnet/ErrorReporting.csproj"))
        .args(["-nologo", "-v", "quiet", "-c", "Release", &format!("-p:TargetFramework={framework}")])
        // Not where another build is at work.
        .arg(format!("-p:BaseIntermediateOutputPath={}/", at("obj").display()))
        .arg("-o")
        .arg(at("bin")));
    let mut files: Vec<_> = names(&at("bin"));
    files.retain(|name| name.starts_with("ErrorReporting."));
    Some((files, fs::read_to_string(at("bin/ErrorReporting.xml")).expect("its documentation")))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("it was made");
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Warnings are errors there, and what is public without documentation is one.
#[test]
fn the_sdk_builds_the_library_for_netstandard_and_against_the_net_framework() {
    for framework in ["netstandard2.0", "net472"] {
        let Some((files, documentation)) = build(framework) else { return };
        for file in ["ErrorReporting.dll", "ErrorReporting.pdb", "ErrorReporting.xml"] {
            assert!(files.iter().any(|name| name == file), "{files:?}");
        }
        for member in [
            "M:ErrorReporting.Reporter.HookThread",
            "F:ErrorReporting.Status.SecondCopy",
            "M:ErrorReporting.ConsentRequest.Read",
        ] {
            assert!(documentation.contains(member), "{member}");
        }
    }
}

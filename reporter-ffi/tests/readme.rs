//! What the README and the guides show compiles, and runs where no handler is installed.
// Not on Windows: programs there cannot start a compiler that runs here; the C product and the crash matrix are compiled by scripts.
#![cfg(target_os = "linux")]

mod support;

use std::{fs, process::Command};

use support::{Link, compile, file, package, run};

/// The examples in this language.
fn examples(page: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(package().join("..").join(page)).expect("a page of this repository");
    let fence = format!("```{language}\n");
    let parts = text.split(&fence).skip(1);
    parts.map(|part| part.split_once("```").expect("its end").0.to_owned()).collect()
}

fn compiles_and_runs(page: &str, language: &str, name: &str) {
    let examples = examples(page, language);
    assert!(!examples.is_empty(), "no example in {page}");
    for example in examples {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let source = file(folder.path(), name, &example);
        let program = compile(&source, Link::Dynamic, folder.path());
        run(Command::new(program).current_dir(folder.path()).env("XDG_STATE_HOME", folder.path()));
    }
}

#[test]
fn the_examples_in_c_compile_and_run_without_a_handler() {
    compiles_and_runs("README.md", "c", "example.c");
    compiles_and_runs("docs/c.md", "c", "example.c");
}

#[test]
fn the_examples_in_cpp_compile_and_run_without_a_handler() {
    compiles_and_runs("README.md", "cpp", "example.cpp");
    compiles_and_runs("docs/cpp.md", "cpp", "example.cpp");
}

/// That it runs is shown by `dotnet/`.
#[test]
fn the_examples_in_csharp_compile() {
    if Command::new("mcs").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "mcs, the C# compiler, is missing: `scripts/setup test` installs it");
        return;
    }
    let whole = examples("README.md", "cs");
    let pieces = examples("docs/dotnet.md", "cs");
    assert!(!whole.is_empty() && !pieces.is_empty());
    let wrap = |piece: &String| {
        format!("using ErrorReporting;\nstatic class Program {{ static void Main() {{ {piece} }} }}\n")
    };
    for example in whole.iter().cloned().chain(pieces.iter().map(wrap)) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let source = file(folder.path(), "Example.cs", &example);
        let library = package().join("dotnet").join("*.cs");
        run(Command::new("mcs")
            .args(["-langversion:7.2", "-warnaserror"])
            .arg(format!("-out:{}", folder.path().join("Example.exe").display()))
            .arg(format!("-recurse:{}", library.display()))
            .arg(source));
    }
}

//! Builds the library as products get it, and C and C++ programs against it.

// Each test file compiles this for itself and uses a part.
#![allow(dead_code)]

use std::{
    env, fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

/// How a program gets the library.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Link {
    Dynamic,
    Static,
}

pub(crate) fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where `scripts/setup` puts .NET.
pub(crate) fn dotnet() -> PathBuf {
    package().join("../target/tools/dotnet-sdk/dotnet")
}

/// The folder with `libreporter.so` and `libreporter.a`, as `cargo build -p reporter-ffi` makes them.
///
/// Why not the ones beside the tests: a workspace build unites features, so that `cargo test --all-features` leaves a library with the whole
/// handler in it, under the same file name. Hence a target folder of its own. Cargo's lock makes tests that run side by side wait for one build.
pub(crate) fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libreporter");
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo
            .args(["build", "--quiet", "--package", "reporter-ffi", "--target-dir"])
            .arg(&target)
            .current_dir(package());
        run(&mut cargo);
        let library = target.join("debug");
        // What an installation does: the loader looks for the name with the ABI's number.
        let soname = library.join("libreporter.so.0");
        if !soname.exists() {
            // Another test's process may have been first; the check below is what counts.
            let _ = symlink("libreporter.so", &soname);
        }
        assert!(soname.exists(), "{} is not there", soname.display());
        library
    })
}

/// Compiles a program into a folder of its own: C11, or C++17 where the source ends in `.cpp`. A warning is an error.
pub(crate) fn compile(source: &Path, link: Link, folder: &Path) -> PathBuf {
    compile_all(&[source], link, &[], folder)
}

/// The same of several sources, the first of which names the program, and with more arguments.
pub(crate) fn compile_all(sources: &[&Path], link: Link, arguments: &[&str], folder: &Path) -> PathBuf {
    let program = folder.join(sources[0].file_stem().expect("a file"));
    compile_to(&program, sources, link, arguments);
    program
}

fn compile_to(output: &Path, sources: &[&Path], link: Link, arguments: &[&str]) {
    let is_cpp = sources[0].extension().is_some_and(|ending| ending == "cpp");
    let (compiler, standard) = if is_cpp { ("c++", "-std=c++17") } else { ("cc", "-std=c11") };
    compile_by(compiler, output, sources, link, &[&[standard], arguments].concat());
}

/// Compiles a program by this compiler, with these arguments. A warning is an error.
pub(crate) fn compile_by(compiler: &str, output: &Path, sources: &[&Path], link: Link, arguments: &[&str]) {
    let mut compiler = Command::new(compiler);
    compiler.args(["-g", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]);
    compiler.arg("-I").arg(package().join("include")).args(sources).args(arguments).arg("-o").arg(output);
    let library = library();
    match link {
        Link::Dynamic => {
            compiler.arg("-L").arg(library).arg("-lreporter").arg(format!("-Wl,-rpath,{}", library.display()));
        }
        // What `rustc --print native-static-libs` asks for.
        Link::Static => {
            compiler.arg(library.join("libreporter.a")).args(["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"]);
        }
    }
    run(&mut compiler);
}

/// The native library of the products in `runtimes/`, linked with ours.
pub(crate) fn native_library(arguments: &[&str], folder: &Path) -> PathBuf {
    let library = folder.join("libnative.so");
    let shared = [&["-shared", "-fPIC"], arguments].concat();
    compile_to(&library, &[&runtimes().join("native.c")], Link::Dynamic, &shared);
    library
}

pub(crate) fn runtimes() -> PathBuf {
    package().join("tests/runtimes")
}

/// Runs a command that must succeed; shows its output where it does not.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// A path below `folder` at which there is no program.
pub(crate) fn no_handler(folder: &Path) -> PathBuf {
    let path = folder.join("no-such-handler");
    assert!(!path.exists());
    path
}

/// Writes a file for a test and returns its path.
pub(crate) fn file(folder: &Path, name: &str, content: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, content).expect("a temporary folder is writable");
    path
}

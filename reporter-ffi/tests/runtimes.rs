//! Products of languages with a runtime that makes exceptions of faults. What they catch is nobody's error, thousands of times; what their native code
//! does wrong is reported, once.
// Not on Windows: there is neither a CLR nor a Java machine for Wine here.
#![cfg(target_os = "linux")]

#[path = "../../reporter-sdk/tests/support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/host.rs"]
mod host;
mod support;

use std::{fs, path::PathBuf, process::Command};

use end_to_end::report::Received;
use host::{Ended, Host, has_runtime, which};
use report_format::schema::v1::ErrorKind;
use support::{Link, compile_all, dotnet, native_library, package, run, runtimes};

/// The native function that failed, with the address that it accessed.
fn assert_native_fault(received: &Received, function: &str) {
    let error = received.error();
    assert_eq!(error.kind(), ErrorKind::Crash);
    assert_eq!(error.fault.as_ref().and_then(|fault| fault.address), Some(0x10), "{error:?}");
    assert_eq!(received.check_minidump(), "SIGSEGV / SEGV_MAPERR");
    let functions = received.functions();
    assert!(functions.iter().any(|name| name == function), "no {function} in {functions:#?}");
}

/// What the hook of a runtime has reported, and nothing else.
fn assert_unhandled(ended: &Ended, type_name: &str) {
    let received = ended.one_report(&format!("unhandled {type_name}"));
    let error = received.error();
    assert_eq!((error.kind(), &*error.chain[0].message), (ErrorKind::UnhandledException, "nobody catches this"));
    assert!(received.functions().iter().any(|name| name == "native_unhandled"), "{:?}", received.functions());
}

/// C#, compiled once and run by two runtimes.
mod csharp {
    use super::*;

    #[derive(Clone, Copy, PartialEq)]
    enum Runtime {
        Mono,
        DotNet,
    }
    use Runtime::{DotNet, Mono};

    /// Runs the product on these steps; none where the runtime is missing.
    fn product(runtime: Runtime, steps: &[&str]) -> Option<Ended> {
        let is_there = match runtime {
            Mono => which("mono").is_some(),
            DotNet => dotnet().is_file(),
        };
        let name = if runtime == Mono { "Mono" } else { ".NET" };
        if !has_runtime(name, is_there) || !has_runtime("mcs, the C# compiler", which("mcs").is_some()) {
            return None;
        }
        let host = Host::new();
        native_library(&[], &host.path(""));
        let program = host.path("Host.exe");
        run(Command::new("mcs").arg(format!("-out:{}", program.display())).arg(runtimes().join("Host.cs")));
        let configuration = r#"{ "runtimeOptions": { "framework": { "name": "Microsoft.NETCore.App", "version": "3.1.0" },
            "configProperties": { "System.Globalization.Invariant": true } } }"#;
        fs::write(host.path("Host.runtimeconfig.json"), configuration).expect("a file in the product's folder");
        let mut command = match runtime {
            Mono => Command::new("mono"),
            DotNet => Command::new(dotnet()),
        };
        command.arg(program).args(steps).env("LD_LIBRARY_PATH", host.path(""));
        Some(host.run(&mut command))
    }

    #[test]
    fn exceptions_that_are_caught_are_no_errors() {
        for runtime in [Mono, DotNet] {
            let steps = ["start", "catch", "catch-in-threads", "catch", "native_rearm", "catch-in-threads", "catch"];
            let Some(ended) = product(runtime, &steps) else { continue };
            ended.without_report().says("catch-in-threads: caught 8000").says("catch: caught 20000").says("done");
        }
    }

    #[test]
    fn a_fault_of_native_code_is_one_report() {
        for runtime in [Mono, DotNet] {
            for thread in ["", "thread:"] {
                let fault = format!("{thread}native_fault");
                let Some(ended) = product(runtime, &["start", "catch", "catch-in-threads", &fault]) else { continue };
                assert_native_fault(ended.one_report("SIGSEGV"), "native_fault");
                assert!(!ended.status.success(), "{}", ended.said);
                if runtime == DotNet {
                    ended.died_of(libc::SIGSEGV);
                }
            }
        }
    }

    #[test]
    fn a_fault_in_a_thread_that_the_runtime_does_not_know_is_one_report() {
        for runtime in [Mono, DotNet] {
            let Some(ended) = product(runtime, &["start", "catch", "native_fault_in_thread"]) else { continue };
            assert_native_fault(ended.one_report("SIGSEGV"), "native_fault");
        }
    }

    #[test]
    fn a_fault_in_the_c_library_is_one_report() {
        for runtime in [Mono, DotNet] {
            let Some(ended) = product(runtime, &["start", "catch", "native_fault_in_libc"]) else { continue };
            assert_native_fault(ended.one_report("SIGSEGV"), "native_fault_in_libc");
        }
    }

    #[test]
    fn a_call_to_nowhere_is_one_report() {
        for runtime in [Mono, DotNet] {
            let Some(ended) = product(runtime, &["start", "catch", "native_call_nowhere"]) else { continue };
            let received = ended.one_report("SIGSEGV");
            assert_eq!(received.error().fault.and_then(|fault| fault.address), Some(0));
        }
    }

    #[test]
    fn an_abort_of_native_code_is_one_report() {
        for runtime in [Mono, DotNet] {
            let Some(ended) = product(runtime, &["start", "catch", "native_abort"]) else { continue };
            ended.died_of(libc::SIGABRT).one_report("SIGABRT");
        }
    }

    #[test]
    fn an_overflow_of_a_thread_s_stack_in_native_code_is_one_report() {
        for runtime in [Mono, DotNet] {
            for thread in ["thread:", ""] {
                let overflow = format!("{thread}native_overflow");
                let Some(ended) = product(runtime, &["start", "catch", &overflow]) else { continue };
                let functions = ended.one_report("SIGSEGV").functions();
                assert!(functions.iter().any(|name| name == "native_overflow"), "{functions:?}");
            }
        }
    }

    #[test]
    fn an_exception_that_nobody_catches_is_one_report_where_the_runtime_aborts() {
        if let Some(ended) = product(DotNet, &["start", "catch", "catch-in-threads", "throw"]) {
            ended.died_of(libc::SIGABRT).one_report("SIGABRT");
        }
        // Mono tells of it and exits, as any program may: without a hook in managed code nobody learns more.
        if let Some(ended) = product(Mono, &["start", "catch", "throw"]) {
            assert_eq!((ended.status.code(), ended.reports.len()), (Some(1), 0), "{}", ended.said);
        }
    }

    #[test]
    fn an_exception_that_nobody_catches_is_one_report_where_the_product_has_a_hook() {
        for throw in ["throw", "throw-in-thread"] {
            for runtime in [Mono, DotNet] {
                let Some(ended) = product(runtime, &["start", "catch", "hook", throw]) else { continue };
                assert_unhandled(&ended, "System.InvalidOperationException");
                if runtime == DotNet {
                    ended.died_of(libc::SIGABRT);
                } else {
                    assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
                }
            }
        }
    }
}

mod java {
    use super::*;

    /// The folder of the JDK; none where there is none.
    fn home() -> Option<PathBuf> {
        let compiler = which("javac").map(|path| path.canonicalize().expect("an existing file"));
        // bin/javac
        let home = compiler.and_then(|path| Some(path.ancestors().nth(2)?.to_owned()));
        has_runtime("a JDK", home.is_some()).then_some(home?)
    }

    /// Runs the product on these steps.
    fn product(steps: &[&str]) -> Option<Ended> {
        let home = home()?;
        let host = Host::new();
        let include = home.join("include").display().to_string();
        let native = native_library(&["-DJNI", "-I", &include, &format!("-I{include}/linux")], &host.path(""));
        let mut command = Command::new(home.join("bin/java"));
        // The JVM writes a file of its own on a crash.
        command.arg(format!("-XX:ErrorFile={}", host.path("hs_err").display())).args(["-Xmx256m", "-Xss512k"]);
        command.arg(runtimes().join("Host.java")).arg(native).args(steps);
        Some(host.run(&mut command))
    }

    #[test]
    fn exceptions_that_are_caught_are_no_errors() {
        let steps =
            ["start", "catch", "catch-in-threads", "catch-overflows", "native_rearm", "catch", "catch-overflows"];
        let Some(ended) = product(&steps) else { return };
        ended.without_report().says("catch: caught 4000").says("catch-in-threads: caught 8000").says("done");
    }

    #[test]
    fn a_fault_of_native_code_is_one_report() {
        for fault in ["native_fault", "thread:native_fault", "native_fault_in_thread"] {
            let Some(ended) = product(&["start", "catch", "catch-overflows", fault]) else { return };
            assert_native_fault(ended.one_report("SIGSEGV"), "native_fault");
            assert!(!ended.status.success());
        }
    }

    #[test]
    fn a_fault_in_the_c_library_is_one_report() {
        let Some(ended) = product(&["start", "catch", "native_fault_in_libc"]) else { return };
        assert_native_fault(ended.one_report("SIGSEGV"), "native_fault_in_libc");
    }

    #[test]
    fn a_runtime_that_came_after_us_has_its_own_faults_first_once_we_are_on_top_again() {
        let Some(home) = home() else { return };
        for fault in ["", "fault"] {
            let host = Host::new();
            let folder = host.path("classes");
            run(Command::new(home.join("bin/javac")).arg("-d").arg(&folder).arg(runtimes().join("Host.java")));
            let include = home.join("include").display().to_string();
            let server = home.join("lib/server").display().to_string();
            let arguments = [
                format!("-I{include}"),
                format!("-I{include}/linux"),
                format!("-L{server}"),
                format!("-Wl,-rpath,{server}"),
                "-ljvm".to_owned(),
            ];
            let sources = [package().join("tests/c/jvm_host.c"), runtimes().join("native.c")];
            let sources = sources.each_ref().map(PathBuf::as_path);
            let program =
                compile_all(&sources, Link::Dynamic, &arguments.each_ref().map(String::as_str), &host.path(""));
            let ended = host.run(Command::new(program).arg(folder).arg(fault));
            ended.says("caught 6000");
            if fault.is_empty() {
                ended.without_report();
            } else {
                assert_native_fault(ended.one_report("SIGSEGV"), "native_fault");
            }
        }
    }

    #[test]
    fn an_exception_that_nobody_catches_ends_the_product_without_a_report() {
        // An exit with 1, as of any program.
        let Some(ended) = product(&["start", "catch", "throw"]) else { return };
        assert_eq!((ended.status.code(), ended.reports.len()), (Some(1), 0), "{}", ended.said);
    }

    #[test]
    fn an_exception_that_nobody_catches_is_one_report_where_the_product_has_a_hook() {
        let Some(ended) = product(&["start", "catch", "hook", "throw"]) else { return };
        assert_unhandled(&ended, "java.lang.IllegalStateException");
        assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
    }
}

mod python {
    use super::*;

    fn product(arguments: &[&str], steps: &[&str]) -> Option<Ended> {
        if !has_runtime("Python", which("python3").is_some()) {
            return None;
        }
        let host = Host::new();
        let native = native_library(&[], &host.path(""));
        let mut command = Command::new("python3");
        command.args(arguments).arg(runtimes().join("host.py")).arg(native).args(steps);
        Some(host.run(&mut command))
    }

    #[test]
    fn exceptions_that_are_caught_are_no_errors() {
        let Some(ended) = product(&["-X", "faulthandler"], &["start", "catch"]) else { return };
        ended.without_report().says("catch: caught 2000").says("done");
    }

    #[test]
    fn a_fault_of_native_code_is_one_report_and_faulthandler_tells_of_it() {
        for fault in ["native_fault", "thread:native_fault"] {
            let Some(ended) = product(&["-X", "faulthandler"], &["start", "catch", fault]) else { return };
            assert_native_fault(ended.one_report("SIGSEGV"), "native_fault");
            ended.died_of(libc::SIGSEGV).says("Fatal Python error: Segmentation fault").says("host.py");
        }
    }

    #[test]
    fn a_faulthandler_that_comes_later_is_one_report_too() {
        for rearm in ["rearm", "catch"] {
            let Some(ended) = product(&[], &["start", "enable-faulthandler", rearm, "native_fault"]) else { return };
            let received = ended.one_report("SIGSEGV");
            if rearm == "rearm" {
                assert_native_fault(received, "native_fault");
            }
            ended.died_of(libc::SIGSEGV).says("Fatal Python error: Segmentation fault");
        }
    }

    #[test]
    fn an_exception_that_nobody_catches_is_one_report_where_the_product_has_a_hook() {
        let Some(ended) = product(&["-X", "faulthandler"], &["start", "catch", "hook", "throw"]) else { return };
        assert_unhandled(&ended, "RuntimeError");
        assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
    }

    #[test]
    fn an_overflow_of_the_stack_in_native_code_is_one_report() {
        let Some(ended) = product(&["-X", "faulthandler"], &["start", "native_overflow"]) else { return };
        ended.died_of(libc::SIGSEGV).one_report("SIGSEGV");
    }
}

//! Others that handle signals in the same process: sanitizers, products, plug-ins, and hosts that open the library late.
// Not on Windows: it is about signals.
#![cfg(target_os = "linux")]

#[path = "../../reporter-sdk/tests/support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/host.rs"]
mod host;
mod support;

use std::{path::PathBuf, process::Command};

use host::{Ended, Host};
use support::{Link, compile_all, native_library, package, run, runtimes};

fn source(name: &str) -> PathBuf {
    package().join("tests/c").join(name)
}

/// Compiles a product of one file and the native library's into its folder.
fn product(name: &str, link: Link, arguments: &[&str]) -> (Host, Command) {
    let host = Host::new();
    let sources = [source(name), runtimes().join("native.c")];
    let program = compile_all(&sources.each_ref().map(PathBuf::as_path), link, arguments, &host.path(""));
    (host, Command::new(program))
}

mod hosts_that_open_the_library {
    use super::*;

    /// A thread that was there before and never calls us, or the main thread, overflows its stack.
    fn overflow(whose: &str) -> Ended {
        let host = Host::new();
        let library = native_library(&[], &host.path(""));
        let program = host.path("late_host");
        let flags = ["-std=gnu11", "-g", "-Wall", "-Wextra", "-Werror"];
        run(Command::new("cc")
            .args(flags)
            .arg(source("late_host.c"))
            .arg("-o")
            .arg(&program)
            .args(["-pthread", "-ldl"]));
        host.run(Command::new(program).arg(library).arg(whose))
    }

    #[test]
    fn an_overflow_of_the_main_thread_that_never_called_us_is_reported() {
        let ended = overflow("main");
        let received = ended.says("started").died_of(libc::SIGSEGV).one_report("SIGSEGV");
        assert_eq!(received.error().thread_name, "late_host");
        assert!(received.functions().iter().any(|name| name == "native_overflow"), "{:?}", received.functions());
    }

    #[test]
    fn an_overflow_of_a_thread_that_never_called_us_is_reported() {
        let ended = overflow("thread");
        let received = ended.says("started").died_of(libc::SIGSEGV).one_report("SIGSEGV");
        assert!(received.functions().iter().any(|name| name == "native_overflow"), "{:?}", received.functions());
    }
}

mod handlers_of_the_product {
    use super::*;

    fn steps(steps: &[&str]) -> Ended {
        let (host, mut command) = product("own_handler.c", Link::Dynamic, &[]);
        host.run(command.args(steps))
    }

    #[test]
    fn one_from_before_has_the_last_word() {
        let ended = steps(&["ends", "start", "fault"]);
        ended.says("own handler").one_report("SIGSEGV");
        assert_eq!(ended.status.code(), Some(42));
    }

    #[test]
    fn one_that_comes_later_and_calls_ours_is_one_report() {
        for all in [&["start", "chains", "fault"][..], &["start", "chains", "rearm", "rearm", "fault"]] {
            steps(all).died_of(libc::SIGSEGV).says("own handler").one_report("SIGSEGV");
        }
    }

    #[test]
    fn one_that_replaces_ours_is_seen_when_we_are_put_on_top_again() {
        let ended = steps(&["start", "ends", "fault"]);
        assert_eq!((ended.status.code(), ended.reports.len()), (Some(42), 0), "nobody called us: {}", ended.said);
        let ended = steps(&["start", "ends", "rearm", "rearm", "fault"]);
        ended.says("own handler").one_report("SIGSEGV");
        assert_eq!(ended.status.code(), Some(42));
    }

    #[test]
    fn those_that_come_one_after_another_all_have_their_word() {
        let ended = steps(&["ends", "start", "chains", "rearm", "fault"]);
        ended.says("own handler\nown handler").one_report("SIGSEGV");
        assert_eq!(ended.status.code(), Some(42));
    }
}

mod sanitizers {
    use super::*;

    #[test]
    fn a_fault_is_reported_before_the_address_sanitizer_tells_of_it() {
        let (host, mut command) = product("own_handler.c", Link::Dynamic, &["-fsanitize=address"]);
        let ended = host.run(command.args(["start", "fault"]));
        ended.says("AddressSanitizer:DEADLYSIGNAL").one_report("SIGSEGV");
        assert_eq!(ended.status.code(), Some(1));
    }
}

mod copies {
    use super::*;

    fn steps(steps: &[&str]) -> Ended {
        let (host, mut command) = product("two_copies.c", Link::Static, &[]);
        let plugin = native_library(&[], &host.path(""));
        host.run(command.arg(plugin).args(steps))
    }

    #[test]
    fn the_second_is_told_and_a_crash_is_one_report() {
        let ended = steps(&["start", "plugin-start", "fault"]);
        ended.says("plugin-start: -10").says("another copy of the library reports for this process already");
        ended.died_of(libc::SIGSEGV).one_report("SIGSEGV");
        let ended = steps(&["plugin-start", "start", "fault"]);
        ended.says("\nstart: -10").died_of(libc::SIGSEGV).one_report("SIGSEGV");
    }

    #[test]
    fn of_two_that_start_at_the_same_instant_one_is_told() {
        for _ in 0..5 {
            steps(&["both-start", "fault"]).says("both-start: 1").died_of(libc::SIGSEGV).one_report("SIGSEGV");
        }
    }

    #[test]
    fn the_second_may_start_once_the_first_has_ended() {
        let ended = steps(&["start", "shutdown", "plugin-start", "start", "fault"]);
        ended.says("plugin-start: 0").says("\nstart: -10").died_of(libc::SIGSEGV).one_report("SIGSEGV");
        steps(&["start", "shutdown", "start", "shutdown", "plugin-start", "plugin-shutdown"]).without_report();
    }

    #[test]
    fn a_forked_child_has_its_own_say() {
        let ended = steps(&["start", "fork-plugin", "plugin-start"]);
        ended.without_report().says("fork-plugin: 0").says("plugin-start: -10");
    }
}

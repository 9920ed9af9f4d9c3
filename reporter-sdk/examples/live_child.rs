//! A process that waits, for the project's own tests on Windows to look into: see src/handler/live_child.rs.

#[cfg(any(target_os = "linux", windows))]
#[path = "../src/handler/live_child/program.rs"]
mod program;

fn main() {
    // What reads a process wants a thread that is not its first.
    #[cfg(any(target_os = "linux", windows))]
    std::thread::Builder::new().name("waits".into()).spawn(program::child).unwrap().join().unwrap();
}

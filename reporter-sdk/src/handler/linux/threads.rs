//! What the kernel tells of a process's threads.

use std::io;

use super::procfs;

/// The name of a thread, if it is one of this process.
pub(in crate::handler) fn name(pid: u32, thread: u32) -> io::Result<String> {
    let name = std::fs::read_to_string(procfs::path(pid, &format!("task/{thread}/comm"))?)?;
    Ok(name.trim_end().to_owned())
}

/// The process's first thread.
pub(in crate::handler) fn main(pid: u32) -> u32 {
    pid
}

/// Whether somebody has stopped the process, or is debugging it: then it cannot be blamed for not answering.
pub(in crate::handler) fn is_stopped(pid: u32) -> io::Result<bool> {
    let status = std::fs::read_to_string(procfs::path(pid, "status")?)?;
    Ok(says_stopped(&status))
}

fn says_stopped(status: &str) -> bool {
    let field = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map_or("", str::trim_start)
    };
    field("State").starts_with(['T', 't']) || !matches!(field("TracerPid"), "" | "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_who_is_stopped() {
        let status = |state, tracer| format!("Name:\tT (stopped)\nState:\t{state}\nTgid:\t7\nTracerPid:\t{tracer}\n");
        assert!(!says_stopped(&status("S (sleeping)", 0)) && !says_stopped(&status("R (running)", 0)));
        assert!(says_stopped(&status("T (stopped)", 0)) && says_stopped(&status("t (tracing stop)", 9)));
        assert!(says_stopped(&status("S (sleeping)", 9)));
        assert!(!is_stopped(std::process::id()).unwrap());
    }
}

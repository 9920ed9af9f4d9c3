//! What the benchmarks work on: the memory of real processes, and of none.

mod goals;
mod heaps;

pub use goals::{Counter, Goals, zstd_on_two_cores, zstd_stream};
pub use heaps::{Buffer, Live, grown, node_heap, noise, python_heap};

/// The most memory that this process had at a time since [`forget_peak`], in bytes of resident set (`VmHWM`).
pub fn peak() -> u64 {
    status("VmHWM:")
}

/// The memory that this process has now, in bytes of resident set (`VmRSS`), less what it has freed: an allocator keeps that for later, and what then is taken of it
/// would not be seen as growth.
pub fn resident() -> u64 {
    #[cfg(target_env = "gnu")]
    // SAFETY: touches nothing but memory that is free.
    unsafe {
        libc::malloc_trim(0)
    };
    status("VmRSS:")
}

/// Makes [`peak`] begin anew (proc(5): 5 written to `clear_refs` resets the high water mark).
pub fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").expect("a kernel from 4.0 on");
}

fn status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs is mounted");
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("every process has it");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("kibibytes") << 10
}

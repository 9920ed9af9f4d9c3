//! What a handler keeps of the memory that a report took: next to nothing. It lives as long as its product, and is mostly at rest.
//!
//! A report is made by a dozen short threads. The C library gives each a heap of its own, up to eight for each processor, and keeps what they freed for the next
//! ones: a handler that had made its first reports stayed at 30 MiB, and grew to 44 while it made 3,000 more. The free end of such a heap is not even given back
//! by `malloc_trim`, which does that for the first one only (glibc 2.36, `mtrim`).

/// From now on all threads share one heap, and wait for each other where they allocate: few do at once. To be called before the first of them starts.
pub(in crate::handler) fn begin() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it has no preconditions but that no other thread allocates meanwhile (mallopt(3): MT-unsafe init), and there is none yet. Where it fails, all
    // is as it was.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1)
    };
}

/// Gives back to the system what was freed. It takes less than a millisecond, and no product waits for it.
pub(in crate::handler) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it has no preconditions, and may be called by any thread at any time (malloc_trim(3): MT-safe).
    unsafe {
        libc::malloc_trim(0)
    };
}

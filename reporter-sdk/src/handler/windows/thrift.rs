//! What a handler keeps of the memory that a report took.

use windows_sys::Win32::System::Memory::{GetProcessHeap, HEAP_FLAGS, HeapCompact};

/// Here all threads share one heap.
pub(in crate::handler) fn begin() {}

/// Gives back to the system what was freed.
pub(in crate::handler) fn give_back() {
    const NONE: HEAP_FLAGS = 0;
    // SAFETY: has no parameters.
    let heap = unsafe { GetProcessHeap() };
    // SAFETY: the process's own heap, which it locks meanwhile.
    unsafe { HeapCompact(heap, NONE) };
}

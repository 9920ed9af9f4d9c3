//! A stack of its own for the signal handler, so that a stack overflow can be reported.
//!
//! The kernel's frame alone takes up to 12 KB with AVX-512, and Rust's own alternate stack has little more: 64 KiB, for each thread that calls into
//! the SDK. The thread that starts the reporter is one; others that are alive then are given theirs by [`super::threads`].

use std::{
    cell::{Cell, RefCell},
    ptr,
};

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};

const SIZE: usize = 64 << 10;
const GUARD: usize = 64 << 10;

/// Memory for an alternate stack, its guard below. Unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Memory {
    mapping: *mut libc::c_void,
    size: usize,
}

impl Memory {
    pub(crate) fn new() -> Option<Self> {
        // The kernel tells how much its own frame takes, which grows with the CPU's registers.
        // SAFETY: reads a value that the kernel gave at start; 0 where it did not.
        let frame = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) } as usize;
        let size = GUARD + SIZE.max((frame + SIZE / 2).next_multiple_of(GUARD));
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new mapping at a place of the kernel's choice.
        let mapping = unsafe {
            rustix::mm::mmap_anonymous(ptr::null_mut(), size, ProtFlags::READ | ProtFlags::WRITE, flags).ok()?
        };
        // SAFETY: the first GUARD bytes of the mapping just made; an overflow of this stack then faults rather than overwrite a neighbour.
        let _ = unsafe { rustix::mm::mprotect(mapping, GUARD, MprotectFlags::empty()) };
        Some(Self { mapping, size })
    }

    pub(crate) fn stack(&self) -> libc::stack_t {
        libc::stack_t { ss_sp: self.mapping.wrapping_byte_add(GUARD), ss_flags: 0, ss_size: self.size - GUARD }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: `new` made exactly this mapping, and whoever lent it to a thread has taken it back.
        let _ = unsafe { rustix::mm::munmap(self.mapping, self.size) };
    }
}

/// What a thread has been given.
struct Given {
    memory: Memory,
    /// What it had before.
    former: libc::stack_t,
}

struct Stack(RefCell<Option<Given>>);

thread_local! {
    /// Has no destructor and hence no state: looking at it is a single load, with each action that is recorded.
    static TRIED: Cell<bool> = const { Cell::new(false) };
    static STACK: Stack = const { Stack(RefCell::new(None)) };
}

/// Gives the calling thread its alternate stack, once. Not async-signal-safe.
#[inline]
pub(crate) fn ensure() {
    if !TRIED.get() {
        try_once();
    }
}

#[cold]
fn try_once() {
    TRIED.set(true);
    // A thread that is ending keeps what it has.
    let _ = STACK.try_with(|stack| *stack.0.borrow_mut() = give());
}

fn give() -> Option<Given> {
    let former = current();
    let enough = former.ss_flags & libc::SS_DISABLE == 0 && former.ss_size >= SIZE;
    // One that is in use right now can not be replaced; nor need a runtime's large one be.
    if enough || former.ss_flags & libc::SS_ONSTACK != 0 {
        return None;
    }
    let memory = Memory::new()?;
    // The memory stays mapped until the thread ends and `drop` has taken it out of use.
    set(&memory.stack()).then_some(Given { memory, former })
}

impl Drop for Stack {
    fn drop(&mut self) {
        let Some(Given { memory, former }) = self.0.take() else { return };
        let current = current();
        let mine = current.ss_flags & libc::SS_DISABLE == 0 && current.ss_sp == memory.stack().ss_sp;
        // Rust's own clean-up has disabled the alternate stack, whosever it was, by now. CoreCLR's and the address sanitizer's come later, and unmap
        // the one that they find: it must be theirs. (One that is in use, the thread being ended from inside a handler, can not be changed.)
        if mine && !set(&former) {
            std::mem::forget(memory);
        }
    }
}

fn current() -> libc::stack_t {
    let mut current = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: 0, ss_size: 0 };
    // SAFETY: only asks.
    unsafe { libc::sigaltstack(ptr::null(), &raw mut current) };
    current
}

/// Whether the kernel takes it for the calling thread.
fn set(stack: &libc::stack_t) -> bool {
    // SAFETY: memory that stays mapped as long as it is set, or none; which is the callers' promise.
    unsafe { libc::sigaltstack(stack, ptr::null_mut()) == 0 }
}

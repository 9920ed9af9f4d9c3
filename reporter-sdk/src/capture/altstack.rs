//! A stack of its own for the signal handler, so that a stack overflow can be reported.
//!
//! The kernel's frame alone takes up to 12 KB with AVX-512, and Rust's own alternate stack has little more: 64 KiB, for each thread that calls into
//! the SDK. The thread that starts the reporter is one.

use std::{cell::Cell, ptr};

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags};

const SIZE: usize = 64 << 10;
const GUARD: usize = 64 << 10;

struct Stack {
    /// Start of the mapping, its guard first; null before the first call and where there is no memory.
    mapping: Cell<*mut libc::c_void>,
    tried: Cell<bool>,
}

thread_local! {
    static STACK: Stack = const { Stack { mapping: Cell::new(ptr::null_mut()), tried: Cell::new(false) } };
}

/// Gives the calling thread its alternate stack, once. Not async-signal-safe.
pub(crate) fn ensure() {
    // A thread that is ending keeps what it has.
    let _ = STACK.try_with(|stack| {
        if !stack.tried.replace(true) {
            stack.set_up();
        }
    });
}

impl Stack {
    fn set_up(&self) {
        let current = current();
        let enough = current.ss_flags & libc::SS_DISABLE == 0 && current.ss_size >= SIZE;
        // One that is in use right now can not be replaced; nor need a runtime's large one be.
        if enough || current.ss_flags & libc::SS_ONSTACK != 0 {
            return;
        }
        // The kernel tells how much its own frame takes, which grows with the CPU's registers.
        // SAFETY: reads a value that the kernel gave at start; 0 where it did not.
        let frame = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) } as usize;
        let size = SIZE.max((frame + SIZE / 2).next_multiple_of(GUARD));
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new mapping at a place of the kernel's choice.
        let mapped = unsafe {
            rustix::mm::mmap_anonymous(ptr::null_mut(), GUARD + size, ProtFlags::READ | ProtFlags::WRITE, flags)
        };
        let Ok(mapping) = mapped else { return };
        // SAFETY: the first GUARD bytes of the mapping just made; an overflow of this stack then faults rather than overwrite a neighbour.
        let _ = unsafe { rustix::mm::mprotect(mapping, GUARD, MprotectFlags::empty()) };
        let stack = libc::stack_t { ss_sp: mapping.wrapping_byte_add(GUARD), ss_flags: 0, ss_size: size };
        // SAFETY: the memory stays mapped until the thread ends and `drop` has taken it out of use.
        if unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) } == 0 {
            self.mapping.set(mapping);
        } else {
            // SAFETY: made above and not in use.
            let _ = unsafe { rustix::mm::munmap(mapping, GUARD + size) };
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let mapping = self.mapping.get();
        if mapping.is_null() {
            return;
        }
        let mut current = current();
        let mine = current.ss_sp == mapping.wrapping_byte_add(GUARD);
        if current.ss_flags & libc::SS_ONSTACK != 0 {
            // The thread is being ended from inside a handler: the memory is lent to it for good.
            return;
        }
        // Rust's own clean-up has disabled the alternate stack, whosever it was, by now; another's must not be touched.
        let size = if mine && current.ss_flags & libc::SS_DISABLE == 0 {
            current.ss_flags = libc::SS_DISABLE;
            // SAFETY: takes the memory out of use before it goes.
            if unsafe { libc::sigaltstack(&raw const current, ptr::null_mut()) } != 0 {
                return;
            }
            current.ss_size
        } else {
            SIZE
        };
        // SAFETY: `set_up` made the mapping, of at least this size, and the kernel does not use it any more.
        let _ = unsafe { rustix::mm::munmap(mapping, GUARD + size) };
    }
}

fn current() -> libc::stack_t {
    let mut current = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: 0, ss_size: 0 };
    // SAFETY: only asks.
    unsafe { libc::sigaltstack(ptr::null(), &raw mut current) };
    current
}

//! The crashing thread's own record of its memory, for a handler that may not read it: a process that is not dumpable, a sandbox without ptrace,
//! a machine whose administrator allows no tracing, a debugger that holds the process already. Everything here is async-signal-safe.

use std::{
    mem::offset_of,
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

use crash_context::CrashContext;

use crate::{
    excluded,
    shared::{layout::record, writer::Writer},
};

/// At least; a larger page of the machine is a multiple of it.
const PAGE: u64 = 4096;
/// After an overflow the stack pointer is in the guard below the stack, which is this large at most.
const GUARD: u64 = 1 << 20;

#[cfg(target_arch = "x86_64")]
const GREGS: usize = offset_of!(CrashContext, context.uc_mcontext.gregs);
#[cfg(target_arch = "x86_64")]
const STACK_POINTER: usize = GREGS + 8 * libc::REG_RSP as usize;
#[cfg(target_arch = "x86_64")]
const INSTRUCTION_POINTER: usize = GREGS + 8 * libc::REG_RIP as usize;
#[cfg(target_arch = "aarch64")]
const STACK_POINTER: usize = offset_of!(CrashContext, context.uc_mcontext.sp);
#[cfg(target_arch = "aarch64")]
const INSTRUCTION_POINTER: usize = offset_of!(CrashContext, context.uc_mcontext.pc);
const _: () = assert!(STACK_POINTER.is_multiple_of(8) && INSTRUCTION_POINTER.is_multiple_of(8));

/// Records the thread whose crash is in the crash slot. The caller must hold the claim.
pub(crate) fn write(shared: &Writer) {
    let register = |at: usize| shared.crash_context()?.get(at / 8).map(|word| word.load(Ordering::Relaxed));
    let forbidden = argument_block();
    shared.record(|words| {
        let store = |at: usize, value: u64| words[at].store(value, Ordering::Relaxed);
        store(record::MAPS_BYTES, read_maps(&words[record::MAPS..]));
        let (start, size) = match register(STACK_POINTER) {
            Some(pointer) => copy_stack(pointer, &forbidden, &words[record::STACK..record::MAPS]),
            None => (0, 0),
        };
        erase(start, size, &words[record::STACK..]);
        store(record::STACK_START, start);
        store(record::STACK_BYTES, size);
        let (start, size) = match register(INSTRUCTION_POINTER) {
            Some(pointer) => copy_code(pointer, &forbidden, &words[record::CODE..record::STACK]),
            None => (0, 0),
        };
        erase(start, size, &words[record::CODE..]);
        store(record::CODE_START, start);
        store(record::CODE_BYTES, size);
    });
}

/// Where the kernel put the arguments and the environment, and from there on: they must be in no record. They are the top of the first thread's stack, above
/// the bytes that two entries of the auxiliary vector point at.
fn argument_block() -> Range<u64> {
    let entry = |key| {
        // SAFETY: getauxval only reads what the kernel gave at start, in memory that is read-only since; 0 where it gave none.
        unsafe { libc::getauxval(key) }
    };
    let lowest =
        [libc::AT_RANDOM, libc::AT_PLATFORM, libc::AT_EXECFN].map(entry).into_iter().filter(|at| *at != 0).min();
    // Without a place to stop at, nothing is taken.
    lowest.unwrap_or(0)..u64::MAX
}

/// Reads the memory map into `out`, as far as it fits. Returns its bytes.
fn read_maps(out: &[AtomicU64]) -> u64 {
    // Not /proc/self, which is the first thread's: empty once that has ended.
    // SAFETY: open(2) is async-signal-safe; the path is a constant.
    let maps = unsafe { libc::open(c"/proc/thread-self/maps".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if maps < 0 {
        return 0;
    }
    let size = out.len().min(record::MAPS_BYTES_MAX / 8) * 8;
    let mut done = 0;
    while done < size {
        let place = out.as_ptr().cast_mut().wrapping_byte_add(done).cast();
        // SAFETY: read(2) is async-signal-safe; it writes at most the rest of `out`, which is memory that both sides expect to change at any time.
        match unsafe { libc::read(maps, place, size - done) } {
            read if read > 0 => done += read as usize,
            _ => break,
        }
    }
    // SAFETY: close(2) is async-signal-safe; it was opened above.
    unsafe { libc::close(maps) };
    done as u64
}

/// Copies the stack from `pointer` up, as far as it is readable, may be copied, and fits. Returns where it starts, and its bytes.
fn copy_stack(pointer: u64, forbidden: &Range<u64>, out: &[AtomicU64]) -> (u64, u64) {
    let mut start = pointer & !7;
    let guard_end = start.saturating_add(GUARD);
    let mut at = start;
    let most = (out.len() * 8).min(record::STACK_BYTES_MAX) as u64;
    while at < start.saturating_add(most).min(forbidden.start) {
        let page_end = (at | (PAGE - 1)).saturating_add(1);
        let end = page_end.min(start.saturating_add(most)).min(forbidden.start);
        let done = (at - start) as usize;
        if copy(at..end, &out[done / 8..]) {
            at = end;
        } else if at == start && page_end < guard_end {
            (start, at) = (page_end, page_end);
        } else {
            break;
        }
    }
    (start, at - start)
}

/// Copies the code around `pointer`, within its page. Returns where it starts, and its bytes.
fn copy_code(pointer: u64, forbidden: &Range<u64>, out: &[AtomicU64]) -> (u64, u64) {
    const HALF: u64 = record::CODE_BYTES_MAX as u64 / 2;
    let page = pointer & !(PAGE - 1);
    let range = pointer.saturating_sub(HALF).max(page)..pointer.saturating_add(HALF).min(page.saturating_add(PAGE));
    // A call through a bad pointer can lead anywhere.
    if range.end <= forbidden.start && copy(range.clone(), out) {
        (range.start, range.end - range.start)
    } else {
        (0, 0)
    }
}

/// Makes zeros of what the product excludes, in a copy of `size` bytes at `start`. Async-signal-safe: loads and stores alone.
fn erase(start: u64, size: u64, copy: &[AtomicU64]) {
    for (from, to) in excluded::pieces() {
        for at in from.max(start)..to.min(start + size) {
            let (word, byte) = ((at - start) as usize / 8, (at - start) % 8);
            let Some(word) = copy.get(word) else { return };
            let bytes = u64::from_le(word.load(Ordering::Relaxed)) & !(0xff << (8 * byte));
            word.store(bytes.to_le(), Ordering::Relaxed);
        }
    }
}

/// Copies from this process's own memory, all or nothing: where there is none, it is an error and no fault. As the process itself, whatever it is forbidden
/// to others, it may.
fn copy(from: Range<u64>, out: &[AtomicU64]) -> bool {
    let size = (from.end - from.start) as usize;
    if size > out.len() * 8 {
        return false;
    }
    let local = libc::iovec { iov_base: out.as_ptr().cast_mut().cast(), iov_len: size };
    let remote = libc::iovec { iov_base: from.start as *mut libc::c_void, iov_len: size };
    // SAFETY: getpid(2) is async-signal-safe.
    let this = unsafe { libc::getpid() };
    // SAFETY: a system call and nothing else, so async-signal-safe; it writes at most `size` bytes of `out`, as in `read_maps`.
    let copied = unsafe { libc::process_vm_readv(this, &raw const local, 1, &raw const remote, 1, 0) };
    copied == size as isize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::{layout, record::MemoryRecord};

    fn words(bytes: usize) -> Vec<AtomicU64> {
        (0..bytes / 8).map(|_| AtomicU64::new(0)).collect()
    }

    #[test]
    fn a_stack_ends_at_what_cannot_be_read_and_starts_above_the_guard() {
        // SAFETY: a new mapping at a place of the kernel's choice: eight pages, all without access.
        let map = unsafe {
            libc::mmap(std::ptr::null_mut(), 8 * 4096, libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)
        };
        let start = map as u64;
        let third = map.wrapping_byte_add(2 * 4096);
        // SAFETY: the third to the fifth page of the mapping just made.
        let opened = unsafe { libc::mprotect(third, 3 * 4096, libc::PROT_READ | libc::PROT_WRITE) };
        assert_eq!(opened, 0);
        let out = words(record::STACK_BYTES_MAX);
        let all = u64::MAX..u64::MAX;
        assert_eq!(copy_stack(start + 8, &all, &out), (start + 2 * 4096, 3 * 4096), "the pointer is in the guard");
        assert_eq!(copy_stack(start + 3 * 4096 + 24, &all, &out), (start + 3 * 4096 + 24, 2 * 4096 - 24));
        let forbidden = start + 3 * 4096 + 16..u64::MAX;
        assert_eq!(copy_stack(start + 3 * 4096, &forbidden, &out), (start + 3 * 4096, 16), "not into the arguments");
        assert_eq!(copy_stack(start + 4 * 4096, &forbidden, &out).1, 0, "nor from among them");
        assert_eq!(copy_code(start + 4 * 4096, &forbidden, &out), (0, 0));
        assert_eq!(copy_code(start + 3 * 4096 + 8, &all, &out), (start + 3 * 4096, 136));
    }

    #[test]
    fn the_arguments_and_the_environment_are_above_the_place_where_a_record_stops() {
        let block = argument_block();
        let first = std::env::args_os().next().unwrap();
        // The kernel's copy of the first argument.
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let arguments: u64 = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(48 - 3).unwrap().parse().unwrap();
        assert!(!first.is_empty() && block.start > 0 && block.start <= arguments, "{block:x?} {arguments:x}");
    }

    #[test]
    fn what_is_excluded_is_erased_to_the_byte() {
        let copy: Vec<_> = (0..4).map(|_| AtomicU64::new(u64::MAX)).collect();
        let piece = [0_u8; 16];
        let at = piece.as_ptr() as u64;
        // As if the copy had begun some bytes before the piece.
        let start = at - 5;
        excluded::tests::with(at, 16, || erase(start, 32, &copy));
        let bytes: Vec<u8> = copy.iter().flat_map(|word| word.load(Ordering::Relaxed).to_ne_bytes()).collect();
        let expected: Vec<u8> = (0..32).map(|at| if (5..21).contains(&at) { 0 } else { 0xff }).collect();
        assert_eq!(bytes, expected);
        excluded::tests::with(at, 16, || erase(at + 16, 16, &copy));
        assert_eq!(copy[3].load(Ordering::Relaxed), u64::MAX, "it ends where the copy begins");
    }

    #[test]
    fn a_record_comes_back() {
        let words: &'static [AtomicU64] = words(layout::SIZE).leak();
        let shared = Writer::new(words);
        assert_eq!(MemoryRecord::from_words(words), None, "none yet");
        write(&shared);
        let record = MemoryRecord::from_words(words).unwrap();
        assert!(record.maps.starts_with(&std::fs::read("/proc/self/maps").unwrap()[..8]));
        assert_eq!((record.stack.bytes.len(), record.code.bytes.len()), (0, 0), "no registers, no memory");
    }
}

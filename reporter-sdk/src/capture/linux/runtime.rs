//! Managed runtimes: which of them a signal handler belongs to, and which faults are its own.
//!
//! A runtime lets the processor check for null pointers, zero divisors and the end of a stack, and makes exceptions of the faults. A program that catches
//! them goes on, so these faults are no errors of the product, and a runtime must have its handler called as if we were not there:
//!
//! | runtime | what its handler does with a fault of its own | with any other |
//! |---|---|---|
//! | CoreCLR | never returns: unwinds to the catch block, having unblocked this one signal | calls the handler before it; or puts the default back and returns |
//! | Mono | changes the context, or opens a guard page, and returns | removes the handler of SIGABRT, starts a debugger and aborts, **unseen by us** |
//! | JVM | changes the context, or opens a guard page, and returns | calls the handler before it; or writes its file and aborts |
//! | Go, .NET compiled ahead | changes the context and returns | calls the handler before it; or ends by exit(2) or abort |
//!
//! So what can not be the runtime's own is reported first: Mono would lose it, the JVM turn it into an abort.

use std::{
    mem, slice,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::{context, loaded::Library, place};
use crate::ipc::launch::object_of;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    CoreClr,
    Mono,
    Jvm,
    /// Go, and .NET compiled ahead of time: managed code and handler are in one object, and nothing is compiled later.
    OwnText,
}

/// A runtime that a handler belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Runtime {
    kind: Kind,
    /// Start of the object that holds the handler.
    object: usize,
}

/// A fault, as far as it matters whose it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    signal: i32,
    code: i32,
    /// What was accessed.
    address: Option<usize>,
    pub(crate) instruction: usize,
    stack: usize,
}

impl Fault {
    /// Async-signal-safe.
    ///
    /// # Safety
    /// `ucontext` is the third argument of a running `SA_SIGINFO` handler.
    pub(crate) unsafe fn new(info: &libc::siginfo_t, ucontext: *const libc::c_void) -> Self {
        // SAFETY: the caller's promise.
        let (instruction, stack) = unsafe { context::position(ucontext) };
        let address = context::address(info).map(|address| address as usize);
        Self { signal: info.si_signo, code: info.si_code, address, instruction, stack }
    }

    /// Whether it hit a guard page in reach of the stack's end. (A stack that has grown to its limit has no page there: SEGV_MAPERR.)
    fn hit_guard_page(&self) -> bool {
        /// A frame can be large, and a call reaches below the stack pointer.
        const REACH: usize = 64 << 10;
        const SEGV_ACCERR: i32 = 2;
        self.signal == libc::SIGSEGV
            && self.code == SEGV_ACCERR
            && self.address.is_some_and(|address| address.abs_diff(self.stack) < REACH)
    }

    /// A call or jump to where there is no code. Mono takes such for a crash, and no runtime makes an exception of it.
    fn is_of_fetching(&self) -> bool {
        matches!(self.signal, libc::SIGSEGV | libc::SIGBUS) && self.address == Some(self.instruction)
    }
}

/// Start of the C library, whose functions runtimes call with their programs' pointers.
static LIBC: AtomicUsize = AtomicUsize::new(0);

impl Runtime {
    /// The runtime whose handler this is; none for others', among them Python's faulthandler, sanitizers and products. Not async-signal-safe.
    pub(crate) fn of(handler: usize) -> Option<Self> {
        if handler == libc::SIG_DFL || handler == libc::SIG_IGN {
            return None;
        }
        let object = object_of(handler as *const libc::c_void)?;
        let kind = kind_of(&object).or_else(|| has_go_note(handler).then_some(Kind::OwnText))?;
        place::prepare();
        let libc = object_of(libc::memcpy as *const libc::c_void).map_or(0, |object| object.dli_fbase as usize);
        LIBC.store(libc, Ordering::Relaxed);
        Some(Self { kind, object: object.dli_fbase as usize })
    }

    /// Whether it may make an exception of this fault. Async-signal-safe.
    pub(crate) fn may_resolve(&self, fault: &Fault) -> bool {
        // One that was sent, by kill(2) or raise(3), is no fault.
        let is_fault = fault.code > 0
            && matches!(fault.signal, libc::SIGSEGV | libc::SIGBUS | libc::SIGFPE | libc::SIGILL | libc::SIGTRAP);
        is_fault && !fault.is_of_fetching() && self.owns(fault)
    }

    fn owns(&self, fault: &Fault) -> bool {
        let Some(object) = place::object_at(fault.instruction) else {
            // Compiled while the program runs.
            return self.kind != Kind::OwnText;
        };
        let own = object.start == self.object;
        let in_libc = object.start == LIBC.load(Ordering::Relaxed);
        match self.kind {
            // Its helpers dereference for managed code; and what it does not want it leaves alone.
            Kind::CoreClr => own || in_libc,
            // A program that recurses without end meets the guard page in whatever it calls last, an allocation for example.
            Kind::Mono => object.managed || (own || in_libc) && fault.hit_guard_page(),
            // In native code, too, the guard page is opened and closed again on the way back. A mapped file that was cut is a SIGBUS where it is copied.
            Kind::Jvm => own || fault.hit_guard_page() || in_libc && fault.signal == libc::SIGBUS,
            Kind::OwnText => own,
        }
    }

    /// Whether its handler, where it returns and has changed nothing, has opened a guard page for the instruction to run again.
    pub(crate) fn opens_guard_pages(&self) -> bool {
        matches!(self.kind, Kind::Mono | Kind::Jvm)
    }
}

/// By what the object exports. Mono first: as .NET's second runtime it exports what CoreCLR does, too.
fn kind_of(object: &libc::Dl_info) -> Option<Kind> {
    let kinds = [
        (c"mono_jit_init", Kind::Mono),
        (c"coreclr_initialize", Kind::CoreClr),
        // CoreCLR inside a program that is one file.
        (c"DotNetRuntimeInfo", Kind::CoreClr),
        (c"JNI_CreateJavaVM", Kind::Jvm),
        // .NET compiled ahead of time.
        (c"DotNetRuntimeDebugHeader", Kind::OwnText),
    ];
    let library = Library::of(object)?;
    kinds.into_iter().find(|(symbol, _)| library.exports(object, symbol)).map(|(_, kind)| kind)
}

/// Whether the object that holds `address` was linked by Go, which says so in a note.
fn has_go_note(address: usize) -> bool {
    let mut search = (address, false);
    // SAFETY: `visit` takes the arguments of this call, and `search` lives until it returns.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast()) };
    return search.1;

    unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: usize, data: *mut libc::c_void) -> i32 {
        // SAFETY: what `has_go_note` passed.
        let (address, found) = unsafe { &mut *data.cast::<(usize, bool)>() };
        let address = *address;
        // SAFETY: the loader's record, valid during this call.
        let info = unsafe { &*info };
        // SAFETY: the program headers of an object that is loaded.
        let headers = unsafe { slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
        let range = |header: &libc::Elf64_Phdr| {
            let start = (info.dlpi_addr as usize).wrapping_add(header.p_vaddr as usize);
            start..start.wrapping_add(header.p_memsz as usize)
        };
        let loaded: Vec<_> = headers.iter().filter(|header| header.p_type == libc::PT_LOAD).map(range).collect();
        if !loaded.iter().any(|segment| segment.contains(&address)) {
            return 0;
        }
        for notes in headers.iter().filter(|header| header.p_type == libc::PT_NOTE).map(range) {
            let is_loaded = loaded.iter().any(|segment| segment.start <= notes.start && notes.end <= segment.end);
            if is_loaded {
                // SAFETY: lies in a segment that the loader mapped, and notes are for reading.
                let notes = unsafe { slice::from_raw_parts(notes.start as *const u8, notes.len()) };
                *found |= has_note_of(notes, b"Go\0");
            }
        }
        1
    }
}

/// Whether one of these ELF notes has this owner.
fn has_note_of(mut notes: &[u8], owner: &[u8]) -> bool {
    const HEADER: usize = 3 * mem::size_of::<u32>();
    while let Some((header, rest)) = notes.split_first_chunk::<HEADER>() {
        let (words, _) = header.as_chunks();
        let word = |at: usize| words.get(at).map_or(0, |word| u32::from_ne_bytes(*word) as usize);
        let (name, description) = (word(0), word(1).next_multiple_of(4));
        // Go's linker counts the padding as part of the name.
        if rest.get(..name).is_some_and(|name| name.starts_with(owner)) {
            return true;
        }
        let Some(next) = name.next_multiple_of(4).checked_add(description).and_then(|size| rest.get(size..)) else {
            return false;
        };
        notes = next;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handlers_of_no_runtime_are_nobody_s() {
        extern "C" fn handler() {}
        for other in [libc::SIG_DFL, libc::SIG_IGN, handler as *const () as usize, libc::exit as *const () as usize, 16]
        {
            assert_eq!(Runtime::of(other), None, "{other:#x}");
        }
    }

    #[test]
    fn the_owner_of_a_note_is_found_behind_others() {
        let note = |owner: &[u8], description: &[u8]| {
            let sizes = [owner.len() as u32, description.len() as u32, 4].map(u32::to_ne_bytes);
            let padded = |bytes: &[u8]| [bytes, &vec![0; bytes.len().next_multiple_of(4) - bytes.len()]].concat();
            [sizes.concat(), padded(owner), padded(description)].concat()
        };
        let gnu = note(b"GNU\0", &[7; 20]);
        let both = [gnu.clone(), note(b"Go\0\0", b"build-id-of-odd-length-")].concat();
        assert!(has_note_of(&both, b"Go\0") && has_note_of(&note(b"Go\0", b""), b"Go\0"));
        assert!(!has_note_of(&gnu, b"Go\0") && !has_note_of(&both[..both.len() - 30], b"GO\0"));
        for cut in 0..gnu.len() {
            assert!(!has_note_of(&gnu[..cut], b"Go\0"));
        }
        assert!(!has_note_of(&[0xff; 64], b"Go\0"));
    }

    #[test]
    fn a_runtime_is_given_what_may_be_its_own_alone() {
        extern "C" fn here() {}
        let code = here as *const () as usize;
        let memcpy = libc::memcpy as *const () as usize;
        place::prepare();
        LIBC.store(object_of(memcpy as *const libc::c_void).unwrap().dli_fbase as usize, Ordering::Relaxed);
        let object = object_of(code as *const libc::c_void).unwrap().dli_fbase as usize;
        let compiled: &'static mut [u8] = vec![0; 1 << 20].leak();
        let compiled = compiled.as_ptr() as usize;
        let null =
            |instruction| Fault { signal: libc::SIGSEGV, code: 1, address: Some(8), instruction, stack: 1 << 40 };
        let guard = |instruction| Fault { code: 2, address: Some((1 << 40) - 4096), ..null(instruction) };

        // Who may resolve it: CoreCLR, Mono, the JVM, Go; where its handler is in this program, and where it is elsewhere.
        let expected = [
            (null(compiled), [true, true, true, false], [true, true, true, false]),
            (null(code), [true, false, true, true], [false; 4]),
            (guard(code), [true, true, true, true], [false, false, true, false]),
            (null(memcpy), [true, false, false, false], [true, false, false, false]),
            (guard(memcpy), [true, true, true, false], [true, true, true, false]),
            (Fault { signal: libc::SIGBUS, ..null(memcpy) }, [true, false, true, false], [true, false, true, false]),
            (Fault { signal: libc::SIGFPE, ..null(compiled) }, [true, true, true, false], [true, true, true, false]),
            // Sent, aborted, refused by a filter; a jump to nowhere.
            (Fault { code: libc::SI_TKILL, ..null(compiled) }, [false; 4], [false; 4]),
            (Fault { signal: libc::SIGABRT, ..null(compiled) }, [false; 4], [false; 4]),
            (Fault { signal: libc::SIGSYS, ..null(compiled) }, [false; 4], [false; 4]),
            (Fault { instruction: 8, ..null(0) }, [false; 4], [false; 4]),
        ];
        for (fault, here, elsewhere) in expected {
            for (object, expected) in [(object, here), (1, elsewhere)] {
                let kinds = [Kind::CoreClr, Kind::Mono, Kind::Jvm, Kind::OwnText];
                let answers = kinds.map(|kind| Runtime { kind, object }.may_resolve(&fault));
                assert_eq!(answers, expected, "{fault:?} {object:#x}");
            }
        }
    }
}

//! Processes that host .NET, whose runtime does not let a fault of native code get as far as the unhandled-exception filter.
//!
//! Situation: the runtime's frames below a native library end the process ("Fatal error. System.AccessViolationException"), its vectored handler a stack
//! overflow. Handling: where the runtime is in the process, a vectored handler before its own looks at faults as they are raised. Which are the runtime's business? Those at
//! code that it compiled, which lies in no image or in one that says that it has managed code; and those in itself, by which it notices a null reference.
//! All others are of native code, and fatal. (Unless that code has expected the fault: then there is a report of what the product survives.)
//!
//! A native host can start reporting first and the runtime later: hence the loader tells what it loads.

use std::{
    ffi::{CStr, c_void},
    mem, ptr,
    sync::{
        Once,
        atomic::{AtomicUsize, Ordering},
    },
};

use windows_sys::{
    Win32::{
        Foundation::{
            HMODULE, STATUS_ACCESS_VIOLATION, STATUS_ILLEGAL_INSTRUCTION, STATUS_IN_PAGE_ERROR,
            STATUS_INTEGER_DIVIDE_BY_ZERO, STATUS_PRIVILEGED_INSTRUCTION, STATUS_STACK_OVERFLOW, UNICODE_STRING,
        },
        System::LibraryLoader::{GetModuleHandleW, GetProcAddress},
    },
    core::{PCWSTR, w},
};

use super::memory;

/// The runtime itself, of .NET, of the .NET Framework 4 and of those before.
const RUNTIMES: [PCWSTR; 3] = [w!("coreclr.dll"), w!("clr.dll"), w!("mscorwks.dll")];
/// Its compilers, and the libraries that raise exceptions for others and probe memory.
const HELPERS: [PCWSTR; 4] = [w!("clrjit.dll"), w!("mscorjit.dll"), w!("kernelbase.dll"), w!("kernel32.dll")];

static RUNTIME_IMAGES: [AtomicUsize; RUNTIMES.len() + 1] = [const { AtomicUsize::new(0) }; _];
static HELPER_IMAGES: [AtomicUsize; HELPERS.len()] = [const { AtomicUsize::new(0) }; _];

/// Looks for the runtime. Takes the loader's lock: not for an exception handler.
pub(super) fn look() {
    // SAFETY: a name that ends in a zero, or null for the program.
    let find = |name: PCWSTR| unsafe { GetModuleHandleW(name) };
    for (image, name) in RUNTIME_IMAGES.iter().zip(RUNTIMES).chain(HELPER_IMAGES.iter().zip(HELPERS)) {
        image.store(find(name).addr(), Ordering::Relaxed);
    }
    // A program that was published as a single file has the runtime in itself, and says so.
    let program = find(ptr::null());
    let single = if exports(program, c"DotNetRuntimeInfo") { program.addr() } else { 0 };
    RUNTIME_IMAGES[RUNTIMES.len()].store(single, Ordering::Relaxed);
}

fn exports(module: HMODULE, name: &CStr) -> bool {
    // SAFETY: a module that is loaded, and a name that ends in a zero.
    unsafe { GetProcAddress(module, name.as_ptr().cast()) }.is_some()
}

/// What the loader tells of a library: `LDR_DLL_NOTIFICATION_DATA`.
#[repr(C)]
struct Loaded {
    flags: u32,
    path: *const UNICODE_STRING,
    name: *const UNICODE_STRING,
    image: *mut c_void,
    size: u32,
}

/// Learns of a runtime that comes later. Nothing is lost where that cannot be had (`ntdll` need not have it): then [`look`] finds it at the next rearming.
pub(super) fn watch() {
    type Callback = unsafe extern "system" fn(u32, *const Loaded, *const c_void);
    type Register = unsafe extern "system" fn(u32, Callback, *const c_void, *mut *mut c_void) -> i32;
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: names that end in a zero; of a library that each process has.
        let register =
            unsafe { GetProcAddress(GetModuleHandleW(w!("ntdll.dll")), c"LdrRegisterDllNotification".as_ptr().cast()) };
        let Some(register) = register else { return };
        // SAFETY: that function has this type, as documented.
        let register: Register = unsafe { mem::transmute(register) };
        let mut cookie = ptr::null_mut();
        // SAFETY: the callback lives as long as the program does, since this module is kept.
        unsafe { register(0, on_loaded, ptr::null(), &raw mut cookie) };
    });
}

/// Remembers a runtime's image. The loader holds its lock meanwhile: nothing here loads or looks up anything.
///
/// # Safety
/// For the loader.
unsafe extern "system" fn on_loaded(reason: u32, library: *const Loaded, _: *const c_void) {
    const LOADED: u32 = 1;
    if reason != LOADED {
        return;
    }
    // SAFETY: the loader's record, valid during this call.
    let library = unsafe { &*library };
    // SAFETY: as above; its length is in bytes.
    let name = unsafe { std::slice::from_raw_parts((*library.name).Buffer, usize::from((*library.name).Length) / 2) };
    for (image, known) in RUNTIME_IMAGES.iter().zip(RUNTIMES).chain(HELPER_IMAGES.iter().zip(HELPERS)) {
        // SAFETY: one of the names above, which end in a zero.
        if is_named(name, unsafe { text(known) }) {
            image.store(library.image.addr(), Ordering::Relaxed);
        }
    }
}

/// Without its zero.
///
/// # Safety
/// A text that ends in a zero.
unsafe fn text(start: PCWSTR) -> &'static [u16] {
    // SAFETY: the caller's promise.
    let length = (0..).take_while(|at| unsafe { *start.add(*at) } != 0).count();
    // SAFETY: the units that were read.
    unsafe { std::slice::from_raw_parts(start, length) }
}

/// Whether two names are one to the loader, which knows no case.
fn is_named(name: &[u16], known: &[u16]) -> bool {
    let lower = |unit: &u16| u8::try_from(*unit).map_or(*unit, |byte| byte.to_ascii_lowercase().into());
    name.iter().map(lower).eq(known.iter().map(lower))
}

/// Whether the runtime would end the process for an exception at this instruction, without a word to anyone. Safe in an exception handler: loads and system calls.
pub(super) fn is_fatal(code: i32, instruction: usize) -> bool {
    if RUNTIME_IMAGES.iter().all(|image| image.load(Ordering::Relaxed) == 0) {
        return false;
    }
    match code {
        // Whosever code it is.
        STATUS_STACK_OVERFLOW => true,
        STATUS_ACCESS_VIOLATION
        | STATUS_IN_PAGE_ERROR
        | STATUS_ILLEGAL_INSTRUCTION
        | STATUS_PRIVILEGED_INSTRUCTION
        | STATUS_INTEGER_DIVIDE_BY_ZERO => is_native(instruction),
        _ => false,
    }
}

fn is_native(instruction: usize) -> bool {
    let Some(image) = memory::image(instruction) else { return false };
    let of_runtime = RUNTIME_IMAGES.iter().chain(&HELPER_IMAGES).any(|known| known.load(Ordering::Relaxed) == image);
    !of_runtime && !has_managed_code(image).unwrap_or(true)
}

/// Whether an image has the header of managed code. `None` where its own headers are not to be read.
fn has_managed_code(image: usize) -> Option<bool> {
    /// From a program's signature on: its optional header, in that the directories, in those that of managed code.
    const OPTIONAL: usize = 24;
    const DIRECTORY: usize = 14 * 8;
    let header = image.checked_add(memory::word(image.checked_add(0x3c)?)? as usize)?;
    let optional = header.checked_add(OPTIONAL)?;
    let directories = match u16::from_le_bytes(memory::bytes(optional)?) {
        0x10b => 96,
        0x20b => 112,
        _ => return None,
    };
    Some(memory::word(optional.checked_add(directories + DIRECTORY)?)? != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_known_by_its_name_as_the_loader_writes_it() {
        let name = |name: &str| name.encode_utf16().collect::<Vec<_>>();
        for (one, other, is) in
            [("CoreCLR.dll", "coreclr.dll", true), ("coreclr.dll.bak", "coreclr.dll", false), ("", "clr.dll", false)]
        {
            assert_eq!(is_named(&name(one), &name(other)), is, "{one} {other}");
        }
        // SAFETY: a name that ends in a zero.
        assert_eq!(unsafe { text(RUNTIMES[1]) }, name("clr.dll"));
    }

    #[test]
    fn a_runtime_that_is_loaded_later_is_seen_by_its_name() {
        let name: Vec<u16> = "MSCORJIT.DLL".encode_utf16().collect();
        let length = u16::try_from(name.len() * 2).unwrap();
        let text = UNICODE_STRING { Length: length, MaximumLength: length, Buffer: name.as_ptr().cast_mut() };
        let image = ptr::without_provenance_mut(0x7000_0000);
        let library = Loaded { flags: 0, path: &raw const text, name: &raw const text, image, size: 0 };
        let seen = || HELPER_IMAGES[1].load(Ordering::Relaxed);
        // SAFETY: what the loader would give, of a library that is unloaded, and of one that is loaded.
        unsafe { on_loaded(2, &raw const library, ptr::null()) };
        let before = seen();
        // SAFETY: as above.
        unsafe { on_loaded(1, &raw const library, ptr::null()) };
        assert_eq!((before, seen()), (0, 0x7000_0000));
        HELPER_IMAGES[1].store(0, Ordering::Relaxed);
    }

    #[test]
    fn this_program_is_native_and_nothing_in_it_is_fatal_without_a_runtime() {
        let here = this_program_is_native_and_nothing_in_it_is_fatal_without_a_runtime as *const () as usize;
        look();
        assert!(is_native(here));
        assert!(!is_fatal(STATUS_ACCESS_VIOLATION, here) && !is_fatal(STATUS_STACK_OVERFLOW, here));
        let heap = Box::new(1);
        assert!(!is_native(&raw const *heap as usize), "compiled by a runtime");
        // SAFETY: a name that ends in a zero.
        let kernel = unsafe { GetModuleHandleW(w!("kernelbase.dll")) }.addr();
        assert_eq!(has_managed_code(kernel), Some(false));
        assert!(!is_native(kernel + 0x1000));
        assert_eq!(has_managed_code(0), None);
    }
}

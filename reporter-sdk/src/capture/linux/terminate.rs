//! `std::terminate`: an exception of C++ that nothing catches, a broken `noexcept`, a `std::thread` destroyed while it can be joined.
//!
//! The SDK holds no C++. Where a runtime of it is in the process its functions are found by name, the same in libstdc++ and libc++; without one there
//! is nothing to catch. A runtime that is linked statically and keeps its names to itself is not found: of its exceptions the abort is reported.
//!
//! Reported here, since the abort that follows knows neither type nor message. Not a signal handler: what the C++ runtime does itself at this point, it
//! may be asked to do, even to allocate. But nothing depends on memory: the want of it may be what is thrown.

use std::{
    cell::Cell,
    ffi::{CStr, c_char, c_void},
    mem, ptr,
    sync::{
        OnceLock,
        atomic::{AtomicPtr, Ordering},
    },
};

use report_format::schema::v1::ErrorKind;

use super::loaded::Library;
use crate::{
    capture::{
        claim::{Claim, Claimed},
        handled, panic,
    },
    reporter::{self, State},
    shared::{
        layout::thrown::{MESSAGE_BYTES, TYPE_NAME_BYTES},
        writer::{self, Exception},
    },
};

type TerminateHandler = Option<unsafe extern "C-unwind" fn()>;
type SetTerminate = unsafe extern "C" fn(TerminateHandler) -> TerminateHandler;
type GetTerminate = unsafe extern "C" fn() -> TerminateHandler;
type CurrentException = unsafe extern "C" fn() -> ExceptionPtr;
type CurrentExceptionType = unsafe extern "C" fn() -> *const TypeInfo;
type Demangle = unsafe extern "C" fn(*const c_char, *mut c_char, *mut usize, *mut i32) -> *const c_char;
type DoCatch = unsafe extern "C-unwind" fn(*const TypeInfo, *const TypeInfo, *mut *const c_void, u32) -> bool;
type What = unsafe extern "C-unwind" fn(*const c_void) -> *const c_char;

/// `std::exception_ptr`: the address of the exception object, null for none. It has a destructor, so it is returned in memory of the caller's (Itanium C++
/// ABI, "Non-trivial Return Values"), as C returns a structure too large for registers: hence the rest. Never destroyed, so that the exception stays.
#[repr(C)]
struct ExceptionPtr {
    object: *const c_void,
    _never_written: [usize; 3],
}

/// `std::type_info` (Itanium C++ ABI, "RTTI Layout"). Its table holds its virtual functions as they are declared ("Virtual Table Components and Order").
#[repr(C)]
struct TypeInfo {
    table: *const [*const c_void; 5],
    /// Mangled. A `*` before it says that the name is unique in its library alone.
    name: *const c_char,
}

/// Where `__do_catch` is in a type's table: after two entries for the destructor, `__is_pointer_p` and `__is_function_p`. libc++ has its `can_catch` in
/// the same place on purpose.
const DO_CATCH: usize = 4;
/// Where `what` is in the table of `std::exception`: after two entries for the destructor.
const WHAT: usize = 2;

/// What is needed of the C++ runtime.
struct Runtime {
    set_terminate: SetTerminate,
    get_terminate: GetTerminate,
    current_exception: CurrentException,
    current_exception_type: CurrentExceptionType,
    demangle: Option<Demangle>,
    /// The type `std::exception`, if it is one of the kind that we know how to ask.
    exception: *const TypeInfo,
}

// SAFETY: the addresses of functions and of a constant in a library that stays loaded.
unsafe impl Send for Runtime {}
// SAFETY: as above.
unsafe impl Sync for Runtime {}

impl Runtime {
    /// The process's, looked up once it is there.
    fn get() -> Option<&'static Self> {
        static FOUND: OnceLock<Runtime> = OnceLock::new();
        if FOUND.get().is_none() {
            // Another thread may be first.
            let _ = FOUND.set(Self::find()?);
        }
        FOUND.get()
    }

    /// A library that was opened without RTLD_GLOBAL, with a plug-in, is not in the default scope: it is asked for by name.
    fn find() -> Option<Self> {
        let loaded = |name: &str| {
            let library = Library::named(name)?;
            let found = Self::find_in(library.handle())?;
            // It stays loaded.
            mem::forget(library);
            Some(found)
        };
        Self::find_in(libc::RTLD_DEFAULT).or_else(|| loaded("libstdc++.so.6")).or_else(|| loaded("libc++.so.1"))
    }

    fn find_in(library: *mut c_void) -> Option<Self> {
        let find = |name: &CStr| {
            // SAFETY: a library that is loaded, and a string that ends.
            let address = unsafe { libc::dlsym(library, name.as_ptr()) };
            (!address.is_null()).then_some(address)
        };
        let exception =
            find(c"_ZTISt9exception").map_or(ptr::null(), |address| address.cast_const().cast::<TypeInfo>());
        // An object points at the third word of its table: before it stand the offset to the top and the type.
        let class =
            find(c"_ZTVN10__cxxabiv117__class_type_infoE").map(|table| table.wrapping_byte_add(2 * size_of::<usize>()));
        let is_class = |of: *const TypeInfo| {
            // SAFETY: the symbol is an object of std::type_info or a class derived of it, constant since the library was loaded.
            !of.is_null() && class.is_some_and(|class| unsafe { (*of).table }.cast::<c_void>() == class.cast_const())
        };
        let exception = if is_class(exception) { exception } else { ptr::null() };
        let set_terminate = find(c"_ZSt13set_terminatePFvvE")?;
        let get_terminate = find(c"_ZSt13get_terminatev")?;
        let current_exception = find(c"_ZSt17current_exceptionv")?;
        let current_exception_type = find(c"__cxa_current_exception_type")?;
        let demangle = find(c"__cxa_demangle");
        Some(Self {
            // SAFETY: the mangled name tells the type of this function, and so below.
            set_terminate: unsafe { mem::transmute::<*mut c_void, SetTerminate>(set_terminate) },
            // SAFETY: as above.
            get_terminate: unsafe { mem::transmute::<*mut c_void, GetTerminate>(get_terminate) },
            // SAFETY: as above; for what it returns see `ExceptionPtr`.
            current_exception: unsafe { mem::transmute::<*mut c_void, CurrentException>(current_exception) },
            // SAFETY: as the ABI declares it, in its part on exceptions.
            current_exception_type: unsafe {
                mem::transmute::<*mut c_void, CurrentExceptionType>(current_exception_type)
            },
            // SAFETY: as the ABI declares it, in "Demangler API".
            demangle: demangle.map(|demangle| unsafe { mem::transmute::<*mut c_void, Demangle>(demangle) }),
            exception,
        })
    }
}

/// The handler that was in force before ours, as an address; null for none.
static PREVIOUS: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
/// The first of them: the runtime's own, most likely, which calls nobody.
static FIRST: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

fn address(handler: TerminateHandler) -> *mut c_void {
    handler.map_or(ptr::null_mut(), |handler| handler as *mut c_void)
}

/// Puts our handler before the one that is there, if there is a C++ runtime by now and another handler is in force. Cheap, and not for two threads at once.
pub(crate) fn install() {
    let Some(runtime) = Runtime::get() else { return };
    // SAFETY: asks for an address.
    let previous = address(unsafe { (runtime.get_terminate)() });
    if previous == address(Some(on_terminate)) {
        return;
    }
    // Before ours can be called.
    PREVIOUS.store(previous, Ordering::Release);
    let _ = FIRST.compare_exchange(ptr::null_mut(), previous, Ordering::AcqRel, Ordering::Relaxed);
    // SAFETY: ours lives as long as the program does, and does not return.
    unsafe { (runtime.set_terminate)(Some(on_terminate)) };
}

/// Reports, then does what would have been done without us.
unsafe extern "C-unwind" fn on_terminate() {
    thread_local! {
        static ENTERED: Cell<bool> = const { Cell::new(false) };
    }
    // Once more: `what` has thrown, or the handler before ours calls us in turn. Then nothing but the end.
    let again = ENTERED.replace(true);
    if let (Some(state), Some(runtime)) = (reporter::active(), Runtime::get()) {
        report(state, runtime, again);
    }
    let next = if again { &FIRST } else { &PREVIOUS }.load(Ordering::Acquire);
    // SAFETY: null, or what the runtime gave as its handler; for a pointer to a function `None` is null.
    let next = unsafe { mem::transmute::<*mut c_void, TerminateHandler>(next) };
    if let Some(next) = next {
        // SAFETY: a terminate handler, called where one is called.
        unsafe { next() };
    }
    // A handler must not return.
    std::process::abort();
}

fn report(state: &State, runtime: &Runtime, again: bool) {
    let tid = writer::thread_id();
    // A forked child is not the product; and a panic that met C++ code is reported, as is an exception that the product's own terminate handler has captured.
    if state.pid != std::process::id() || panic::is_ending(tid) || handled::is_ending(tid) {
        return;
    }
    // All that runs code of the product comes before the claim: a fault in it is reported as what it is.
    let exception = describe(runtime, again);
    let is_bad_alloc = exception.type_name == BAD_ALLOC;
    let kind = if is_bad_alloc { ErrorKind::OutOfMemory } else { ErrorKind::UnhandledException };
    if !state.options.wants(kind) {
        return;
    }
    // Another thread may be reporting, and goes on after it unless it crashed.
    let Claimed::Yes(mut claim) = Claim::take(tid, state.crash.longest()) else { return };
    state.shared.exception(&exception);
    state.report_here(&mut claim, state.crash.next_number(), kind, tid);
    // The abort that follows is the same error.
    claim.keep();
}

/// What is being thrown. Both texts are empty for no exception, and for one that is not of C++: the type of that would be read from memory of others.
fn describe(runtime: &Runtime, again: bool) -> Exception<'static> {
    let nothing = Exception { type_name: &[], message: &[], thread_name: &[] };
    // SAFETY: takes nothing, and gives what was said at `ExceptionPtr`.
    let object = unsafe { (runtime.current_exception)() }.object;
    if object.is_null() {
        return nothing;
    }
    // SAFETY: takes nothing; there is an exception of C++, as just seen.
    let thrown = unsafe { (runtime.current_exception_type)() };
    if thrown.is_null() {
        return nothing;
    }
    // SAFETY: the type of an exception that exists, constant.
    let name = unsafe { (*thrown).name };
    let message: &[u8] = if again { &[] } else { message(runtime, object, thrown) };
    Exception { type_name: type_name(runtime, name), message, thread_name: &[] }
}

const BAD_ALLOC: &[u8] = b"std::bad_alloc";

fn type_name(runtime: &Runtime, name: *const c_char) -> &'static [u8] {
    // SAFETY: a name that the compiler wrote.
    let mangled = unsafe { text(name, TYPE_NAME_BYTES) };
    let mangled = mangled.strip_prefix(b"*").unwrap_or(mangled);
    // Of all names the one for which there may be no memory.
    if mangled == b"St9bad_alloc" {
        return BAD_ALLOC;
    }
    let Some(demangle) = runtime.demangle.filter(|_| mangled.len() < TYPE_NAME_BYTES) else { return mangled };
    // SAFETY: `mangled` is not cut, so that it is followed by its zero. The runtime allocates the result, null where it cannot; it is never freed.
    let demangled = unsafe { demangle(mangled.as_ptr().cast(), ptr::null_mut(), ptr::null_mut(), ptr::null_mut()) };
    // SAFETY: null, or a string that ends.
    let demangled = unsafe { text(demangled, TYPE_NAME_BYTES) };
    if demangled.is_empty() { mangled } else { demangled }
}

/// What `what` says, of an exception that is a `std::exception`.
fn message(runtime: &Runtime, object: *const c_void, thrown: *const TypeInfo) -> &'static [u8] {
    if runtime.exception.is_null() {
        return &[];
    }
    // SAFETY: not null, and as in `find_in`.
    let table = unsafe { (*runtime.exception).table };
    // SAFETY: `find_in` has looked whose table it is, and that has this many entries, constant.
    let do_catch = unsafe { (*table)[DO_CATCH] };
    // SAFETY: the entry is this function of this class.
    let do_catch = unsafe { mem::transmute::<*const c_void, DoCatch>(do_catch) };
    let mut caught = object;
    // As for the handler `catch (std::exception&)`: whether it takes the exception, and where in the object that base is. 1 stands for the outermost type.
    // SAFETY: both are types of this runtime, and `object` is of the second.
    if !unsafe { do_catch(runtime.exception, thrown, &raw mut caught, 1) } {
        return &[];
    }
    // SAFETY: a std::exception begins with the address of its table.
    let table = unsafe { caught.cast::<*const [*const c_void; WHAT + 1]>().read() };
    // SAFETY: the table of a std::exception has this many entries at least.
    let what = unsafe { (*table)[WHAT] };
    // SAFETY: the entry is this function, as above.
    let what = unsafe { mem::transmute::<*const c_void, What>(what) };
    // SAFETY: the object that the function is of. It is the product's, and may do anything; see `report`.
    let message = unsafe { what(caught) };
    // SAFETY: null, or a string that the object keeps, which is never destroyed.
    unsafe { text(message, MESSAGE_BYTES + 1) }
}

/// The bytes of a string up to its zero, at most `limit`; none of null.
///
/// # Safety
/// `start` is null, or a string that stays.
unsafe fn text(start: *const c_char, limit: usize) -> &'static [u8] {
    if start.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise; nothing behind the zero is read.
    let length = unsafe { libc::strnlen(start, limit) };
    // SAFETY: as above, and so many bytes are there.
    unsafe { std::slice::from_raw_parts(start.cast(), length) }
}

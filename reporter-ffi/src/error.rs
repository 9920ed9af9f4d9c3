//! `reporter_error_t`: an error that the product handled, with what caused it.

use std::{
    ffi::{CString, c_char, c_void},
    iter, mem, ptr,
};

use reporter_sdk::{ErrorKind, ErrorLink, HandledError, ManagedFrame, SourceLocation};

use crate::{
    before_send::CHint,
    ffi::{Failure, Given, Raw, borrow, boundary, boundary_or, c_text, give, read_all, take},
    status::reporter_status_t::{self, REPORTER_ERROR_ARGUMENT},
};

/// Bytes of a module version id.
const MVID_BYTES: usize = 16;

/// An error and what caused it, outermost first.
///
/// Made by reporter_error_new(), taken by reporter_capture_error() or reporter_capture_unhandled() whether that succeeds or not. One that is not
/// captured after all goes to reporter_error_free().
#[derive(Debug)]
pub struct reporter_error_t {
    outermost: ErrorLink,
    causes: Vec<ErrorLink>,
    /// Instead of the calling thread's.
    stack: Option<Vec<u64>>,
    thread_name: Option<String>,
    kind: ErrorKind,
    /// What was shown last.
    shown: CString,
}

impl reporter_error_t {
    fn new(outermost: ErrorLink) -> Self {
        let kind = ErrorKind::HandledError;
        Self { outermost, causes: Vec::new(), stack: None, thread_name: None, kind, shown: CString::default() }
    }

    /// As the SDK has it; left empty there.
    pub(crate) fn of(error: &mut HandledError) -> Self {
        let mut chain = mem::take(&mut error.chain).into_iter();
        let (stack, thread_name) = (error.frames.take(), error.thread_name.take());
        let outermost = chain.next().unwrap_or_default();
        Self { causes: chain.collect(), stack, thread_name, kind: error.kind, ..Self::new(outermost) }
    }

    /// For the SDK.
    pub(crate) fn into_described(self) -> HandledError {
        let mut chain = vec![self.outermost];
        chain.extend(self.causes);
        let mut described = HandledError::new(chain).kind(self.kind);
        (described.frames, described.thread_name) = (self.stack, self.thread_name);
        described
    }

    /// The error itself and what caused it.
    pub(crate) fn links(&mut self) -> impl Iterator<Item = &mut ErrorLink> {
        iter::once(&mut self.outermost).chain(&mut self.causes)
    }

    /// A text of a link for C, which this object keeps. NULL where there is no such link.
    pub(crate) fn shown(&mut self, index: usize, text: fn(&ErrorLink) -> &str) -> *const c_char {
        let Some(shown) = self.links().nth(index).map(|link| c_text(text(link))) else { return ptr::null() };
        self.shown = shown;
        self.shown.as_ptr()
    }

    fn last(&mut self) -> &mut ErrorLink {
        self.causes.last_mut().unwrap_or(&mut self.outermost)
    }

    fn last_frame(&mut self) -> Result<&mut ManagedFrame, Failure> {
        let none = || {
            Failure::new(
                REPORTER_ERROR_ARGUMENT,
                "the link added last has no frame: reporter_error_add_frame() comes first",
            )
        };
        self.last().frames.last_mut().ok_or_else(none)
    }
}

/// Reads an error and the caller's bytes, and changes the error by `change`, inside the boundary.
///
/// # Safety
/// As [`borrow`] for `error` and [`given`](crate::ffi::given) for `raw`.
unsafe fn edit<const N: usize>(
    error: *mut reporter_error_t,
    raw: [Raw; N],
    change: impl FnOnce(&mut reporter_error_t, [Given<'_>; N]) -> Result<(), Failure>,
) -> reporter_status_t {
    boundary(|| {
        // SAFETY: as this function's caller promises.
        let error = unsafe { borrow("error", error) }?;
        // SAFETY: as this function's caller promises.
        change(error, unsafe { read_all(raw) }?)
    })
}

fn link([type_name, message]: [Given<'_>; 2]) -> Result<ErrorLink, Failure> {
    Ok(ErrorLink { type_name: type_name.text()?.into(), message: message.text()?.into(), ..ErrorLink::default() })
}

/// An error of the type `type_name`, such as "ledger.ImportError" (empty where there is none), in the program's words `message`.
/// The caller owns it. NULL on failure; the functions below then answer REPORTER_ERROR_NULL and nothing is reported.
///
/// A message can quote the user's data. The person sees it before it is sent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_error_new(type_name: *const c_char, message: *const c_char) -> *mut reporter_error_t {
    // SAFETY: the caller answers for the texts.
    unsafe { new_error([Raw::terminated("type_name", type_name), Raw::terminated("message", message)]) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_error_new_n(
    type_name: *const c_char,
    type_name_length: usize,
    message: *const c_char,
    message_length: usize,
) -> *mut reporter_error_t {
    let raw =
        [Raw::counted("type_name", type_name, type_name_length), Raw::counted("message", message, message_length)];
    // SAFETY: the caller answers for the texts.
    unsafe { new_error(raw) }
}

/// # Safety
/// As [`given`](crate::ffi::given).
unsafe fn new_error(raw: [Raw; 2]) -> *mut reporter_error_t {
    boundary_or(ptr::null_mut(), || {
        // SAFETY: as this function's caller promises.
        let outermost = link(unsafe { read_all(raw) }?)?;
        Ok(give(reporter_error_t::new(outermost)))
    })
}

/// Frees an error that was not captured. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_error_free(error: *mut reporter_error_t) {
    boundary_or((), || {
        if !error.is_null() {
            // SAFETY: the caller gives up what it got from `reporter_error_new`.
            drop(unsafe { take("error", error) }?);
        }
        Ok(())
    });
}

/// Adds what caused the error, or its last cause so far. A report keeps 32 links, the error itself among them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_error_add_cause(
    error: *mut reporter_error_t,
    type_name: *const c_char,
    message: *const c_char,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(error, [Raw::terminated("type_name", type_name), Raw::terminated("message", message)], add_cause) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_error_add_cause_n(
    error: *mut reporter_error_t,
    type_name: *const c_char,
    type_name_length: usize,
    message: *const c_char,
    message_length: usize,
) -> reporter_status_t {
    let raw =
        [Raw::counted("type_name", type_name, type_name_length), Raw::counted("message", message, message_length)];
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(error, raw, add_cause) }
}

fn add_cause(error: &mut reporter_error_t, texts: [Given<'_>; 2]) -> Result<(), Failure> {
    error.causes.push(link(texts)?);
    Ok(())
}

/// The number of the link added last, such as errno or an HRESULT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_error_set_code(error: *mut reporter_error_t, code: i64) -> reporter_status_t {
    // SAFETY: the caller answers for the pointer.
    unsafe {
        edit(error, [], |error, []| {
            error.last().code = Some(code);
            Ok(())
        })
    }
}

/// Where in the product's source the link added last comes from, such as `__FILE__` and `__LINE__`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_error_set_location(
    error: *mut reporter_error_t,
    file: *const c_char,
    line: u32,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(error, [Raw::terminated("file", file)], |error, file| set_location(error, file, line)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_error_set_location_n(
    error: *mut reporter_error_t,
    file: *const c_char,
    length: usize,
    line: u32,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(error, [Raw::counted("file", file, length)], |error, file| set_location(error, file, line)) }
}

fn set_location(error: &mut reporter_error_t, [file]: [Given<'_>; 1], line: u32) -> Result<(), Failure> {
    error.last().location = Some(SourceLocation { file: file.text()?.into(), line, ..SourceLocation::default() });
    Ok(())
}

/// Adds a frame to the link added last, innermost first: of code that is known by its method, such as .NET's, or of a stack that the caller knows better.
/// `assembly` is the full name of what holds the method, empty where that is not known. A link keeps 256 frames.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_error_add_frame(
    error: *mut reporter_error_t,
    method: *const c_char,
    assembly: *const c_char,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(error, [Raw::terminated("method", method), Raw::terminated("assembly", assembly)], add_frame) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_error_add_frame_n(
    error: *mut reporter_error_t,
    method: *const c_char,
    method_length: usize,
    assembly: *const c_char,
    assembly_length: usize,
) -> reporter_status_t {
    let raw = [Raw::counted("method", method, method_length), Raw::counted("assembly", assembly, assembly_length)];
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(error, raw, add_frame) }
}

fn add_frame(error: &mut reporter_error_t, [method, assembly]: [Given<'_>; 2]) -> Result<(), Failure> {
    let frame =
        ManagedFrame { method: method.text()?.into(), assembly: assembly.text()?.into(), ..ManagedFrame::default() };
    error.last().frames.push(frame);
    Ok(())
}

/// Where in its assembly the frame added last is: the assembly's module version id (16 bytes, in the order in which .NET's Guid.ToByteArray() has them; NULL
/// where it is not known), the method's metadata token, and the offset in its intermediate language.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_error_set_frame_method(
    error: *mut reporter_error_t,
    mvid: *const u8,
    token: u32,
    il_offset: u32,
) -> reporter_status_t {
    let raw = Raw::counted("mvid", mvid.cast(), if mvid.is_null() { 0 } else { MVID_BYTES });
    // SAFETY: the caller answers for the pointers, and for 16 bytes.
    unsafe {
        edit(error, [raw], |error, [mvid]| {
            let frame = error.last_frame()?;
            (frame.mvid, frame.token, frame.il_offset) = (mvid.bytes.into(), token, il_offset);
            Ok(())
        })
    }
}

/// Where in the source the frame added last is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_error_set_frame_location(
    error: *mut reporter_error_t,
    file: *const c_char,
    line: u32,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(error, [Raw::terminated("file", file)], |error, file| set_frame_location(error, file, line)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_error_set_frame_location_n(
    error: *mut reporter_error_t,
    file: *const c_char,
    length: usize,
    line: u32,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(error, [Raw::counted("file", file, length)], |error, file| set_frame_location(error, file, line)) }
}

fn set_frame_location(error: &mut reporter_error_t, [file]: [Given<'_>; 1], line: u32) -> Result<(), Failure> {
    let location = SourceLocation { file: file.text()?.into(), line, ..SourceLocation::default() };
    error.last_frame()?.location = Some(location);
    Ok(())
}

/// The stack to report, `count` instruction pointers, innermost first, in place of that of the thread that captures: of the place where the error was made, say.
/// 64 are kept.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_error_set_stack(
    error: *mut reporter_error_t,
    instructions: *const u64,
    count: usize,
) -> reporter_status_t {
    const MOST: usize = 64;
    let bytes = count.min(MOST) * size_of::<u64>();
    // SAFETY: the caller answers for the pointers, and for as many numbers.
    unsafe {
        edit(error, [Raw::counted("instructions", instructions.cast(), bytes)], |error, [instructions]| {
            let words = instructions.bytes.as_chunks().0;
            error.stack = Some(words.iter().map(|word| u64::from_ne_bytes(*word)).collect());
            Ok(())
        })
    }
}

/// The name of the thread in which the error happened. Default: that of the thread that captures, as the system or Rust knows it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_error_set_thread_name(
    error: *mut reporter_error_t,
    name: *const c_char,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(error, [Raw::terminated("name", name)], set_thread_name) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_error_set_thread_name_n(
    error: *mut reporter_error_t,
    name: *const c_char,
    length: usize,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(error, [Raw::counted("name", name, length)], set_thread_name) }
}

fn set_thread_name(error: &mut reporter_error_t, [name]: [Given<'_>; 1]) -> Result<(), Failure> {
    error.thread_name = Some(name.text()?.into());
    Ok(())
}

/// Reports an error that the product handled, with the stack of this thread, and goes on. Takes `error` in any case: the caller must not use or
/// free it any more.
///
/// Returns in under a millisecond and without asking anyone, unless reporter_options_set_kind_policy() wants memory for handled errors: then
/// the product is held for the dump.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_capture_error(error: *mut reporter_error_t) -> reporter_status_t {
    // SAFETY: as this function's caller promises.
    unsafe { capture(error, ErrorKind::HandledError, ptr::null()) }
}

/// As reporter_capture_error(), with something for the hook of reporter_options_set_before_send() to know the error by: the product's own error object, say. The
/// library does not look behind `hint`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_capture_error_with_hint(
    error: *mut reporter_error_t,
    hint: *const c_void,
) -> reporter_status_t {
    // SAFETY: as this function's caller promises.
    unsafe { capture(error, ErrorKind::HandledError, hint) }
}

/// Reports an exception that nothing has caught, from the hook that the runtime of another language calls for it: AppDomain.UnhandledException in
/// .NET and Mono, Thread.setDefaultUncaughtExceptionHandler in Java, sys.excepthook in Python. Takes `error` in any case, as
/// reporter_capture_error() does.
///
/// Holds the calling thread until the report is made, with a dump unless reporter_options_set_kind_policy() says otherwise. If the runtime then
/// aborts the process from the same thread, that is no second error. Exceptions of C++ are reported without this function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_capture_unhandled(error: *mut reporter_error_t) -> reporter_status_t {
    // SAFETY: as this function's caller promises.
    unsafe { capture(error, ErrorKind::UnhandledException, ptr::null()) }
}

/// As reporter_capture_unhandled(), with a hint as in reporter_capture_error_with_hint().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_capture_unhandled_with_hint(
    error: *mut reporter_error_t,
    hint: *const c_void,
) -> reporter_status_t {
    // SAFETY: as this function's caller promises.
    unsafe { capture(error, ErrorKind::UnhandledException, hint) }
}

/// # Safety
/// `error` is null or comes from [`reporter_error_new`], and the caller gives it up.
unsafe fn capture(error: *mut reporter_error_t, kind: ErrorKind, hint: *const c_void) -> reporter_status_t {
    boundary(|| {
        // SAFETY: as this function's caller promises.
        let error = unsafe { take("error", error) }?.into_described().kind(kind);
        let hint = CHint(hint);
        reporter_sdk::capture_handled_with_hint(error, Some(&hint));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_location_belong_to_the_link_added_last() {
        let given = |text: &'static str| Given { what: "text", bytes: text.as_bytes() };
        let outermost = link([given("a.Outer"), given("outer")]).expect("UTF-8");
        let mut error = reporter_error_t::new(outermost);
        assert!(error.last_frame().is_err());
        error.last().code = Some(-1);
        add_cause(&mut error, [given("errno"), given("inner")]).expect("UTF-8");
        error.last().code = Some(2);
        set_location(&mut error, [given("a.c")], 7).expect("UTF-8");

        assert_eq!((error.outermost.type_name.as_str(), error.outermost.code), ("a.Outer", Some(-1)));
        assert_eq!(error.outermost.location, None);
        let [cause] = &error.causes[..] else { panic!("one cause: {error:?}") };
        assert_eq!((cause.message.as_str(), cause.code), ("inner", Some(2)));
        assert_eq!(cause.location.as_ref().map(|at| (at.file.as_str(), at.line)), Some(("a.c", 7)));
    }
}

//! The boundary to C: what pointers are turned into, where panics stop, and the text of the last error.
//!
//! Exported functions hold a single `unsafe` call of a helper from here, which reads what C gave and does the rest in safe code.

#[cfg(windows)]
use std::sync::atomic::{AtomicBool, Ordering};
use std::{
    any::Any,
    cell::RefCell,
    ffi::{CStr, CString, OsStr, c_char},
    mem::{self, MaybeUninit},
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    slice,
};

use crate::status::reporter_status_t::{self, *};

/// Why a call failed: the number that C gets, and the words for `reporter_last_error`.
#[derive(Debug)]
pub(crate) struct Failure {
    status: reporter_status_t,
    text: String,
}

impl Failure {
    pub(crate) fn new(status: reporter_status_t, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }
}

impl From<reporter_sdk::Error> for Failure {
    fn from(error: reporter_sdk::Error) -> Self {
        let status = match &error {
            reporter_sdk::Error::Limit { .. } => REPORTER_ERROR_LIMIT,
            reporter_sdk::Error::Usage(_) => REPORTER_ERROR_ARGUMENT,
            reporter_sdk::Error::Unsupported(_) => REPORTER_ERROR_UNSUPPORTED,
            // The SDK's errors may grow in kind; what a product cannot have caused is the system's.
            _ => REPORTER_ERROR_IO,
        };
        let mut text = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        Self { status, text }
    }
}

thread_local! {
    static LAST_ERROR: RefCell<CString> = RefCell::default();
}

/// On Windows the library stays in the process from its first call on. A thread-local value of ours takes an index of the process, which the end of the library
/// does not give back: a host that loads and frees it a thousand times would have none left. (On Linux the linker's mark keeps it: see build.rs.)
#[cfg(windows)]
fn stay() {
    static STAYS: AtomicBool = AtomicBool::new(false);
    if !STAYS.load(Ordering::Relaxed) && reporter_sdk::keep_this_module().is_ok() {
        STAYS.store(true, Ordering::Relaxed);
    }
}

#[cfg(not(windows))]
fn stay() {}

/// Runs `call`, keeps panics in, and remembers the words of a failure.
pub(crate) fn boundary(call: impl FnOnce() -> Result<(), Failure>) -> reporter_status_t {
    match guarded(call) {
        Ok(()) => REPORTER_OK,
        Err(status) => status,
    }
}

/// As [`boundary`], for functions that return a value and answer `otherwise` on failure.
pub(crate) fn boundary_or<T>(otherwise: T, call: impl FnOnce() -> Result<T, Failure>) -> T {
    guarded(call).unwrap_or(otherwise)
}

fn guarded<T>(call: impl FnOnce() -> Result<T, Failure>) -> Result<T, reporter_status_t> {
    stay();
    // Unwind safety: a call that panicked may leave one options or error object half changed, but whole in memory.
    let failure = match panic::catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(failure)) => failure,
        Err(payload) => {
            let failure =
                Failure::new(REPORTER_ERROR_PANIC, format!("a bug in libreporter: {}", panic_text(&*payload)));
            // Dropping a payload runs code that may panic again, with nothing around it.
            mem::forget(payload);
            failure
        }
    };
    let text = c_text(&failure.text);
    // A thread that is ending has no place for the text any more: the number must do.
    let _ = LAST_ERROR.try_with(|last| last.try_borrow_mut().map(|mut last| *last = text));
    Err(failure.status)
}

/// For C, where a text ends at its first zero.
pub(crate) fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref().map(String::as_str)).unwrap_or("a panic")
}

/// Why the last call on this thread that failed did so, for people; empty where none has. Calls that succeed leave it as it is.
///
/// Never NULL. The text is the library's, and valid until the next call of a function of this library on the same thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_last_error() -> *const c_char {
    stay();
    LAST_ERROR.try_with(|last| last.try_borrow().map_or(c"".as_ptr(), |last| last.as_ptr())).unwrap_or(c"".as_ptr())
}

/// Bytes of the caller, not looked at yet.
#[derive(Clone, Copy)]
pub(crate) struct Raw {
    what: &'static str,
    start: *const u8,
    /// None: up to the zero byte.
    length: Option<usize>,
}

/// Bytes that are there; what they mean is still to be checked.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a> {
    pub(crate) what: &'static str,
    pub(crate) bytes: &'a [u8],
}

impl Raw {
    pub(crate) fn terminated(what: &'static str, start: *const c_char) -> Self {
        Self { what, start: start.cast(), length: None }
    }

    pub(crate) fn counted(what: &'static str, start: *const c_char, length: usize) -> Self {
        Self { what, start: start.cast(), length: Some(length) }
    }

    pub(crate) fn bytes(what: &'static str, start: *const u8, length: usize) -> Self {
        Self { what, start, length: Some(length) }
    }

    /// # Safety
    /// Unless NULL, `start` must point at bytes that nobody changes during `'a`: `length` of them, or up to a zero byte.
    unsafe fn read<'a>(self) -> Result<Given<'a>, Failure> {
        let Self { what, start, length } = self;
        let bytes = match length {
            // What an empty std::string_view or span consists of.
            Some(0) => &[],
            _ if start.is_null() => return Err(Failure::new(REPORTER_ERROR_NULL, format!("{what} is NULL"))),
            Some(length) if length > isize::MAX as usize => {
                let text = format!("the length of {what}, {length}, is more than a process can hold");
                return Err(Failure::new(REPORTER_ERROR_ARGUMENT, text));
            }
            // SAFETY: not NULL, and the caller promises the rest.
            Some(length) => unsafe { slice::from_raw_parts(start, length) },
            // SAFETY: not NULL, and the caller promises the rest.
            None => unsafe { CStr::from_ptr(start.cast()) }.to_bytes(),
        };
        Ok(Given { what, bytes })
    }
}

impl<'a> Given<'a> {
    pub(crate) fn text(self) -> Result<&'a str, Failure> {
        std::str::from_utf8(self.bytes).map_err(|error| {
            let at = error.valid_up_to();
            Failure::new(REPORTER_ERROR_UTF8, format!("{} is not UTF-8 from byte {at} on", self.what))
        })
    }

    /// File names on Unix are bytes.
    #[cfg(unix)]
    pub(crate) fn path(self) -> Result<PathBuf, Failure> {
        use std::os::unix::ffi::OsStrExt;
        Ok(OsStr::from_bytes(self.bytes).into())
    }

    #[cfg(not(unix))]
    pub(crate) fn path(self) -> Result<PathBuf, Failure> {
        self.text().map(|text| OsStr::new(text).into())
    }
}

/// Reads the caller's bytes and hands them to `call`, inside the boundary.
///
/// # Safety
/// Each [`Raw`] is NULL or holds during the call: see [`Raw::read`].
pub(crate) unsafe fn given<const N: usize>(
    raw: [Raw; N],
    call: impl FnOnce([Given<'_>; N]) -> Result<(), Failure>,
) -> reporter_status_t {
    boundary(|| {
        // SAFETY: as this function's caller promises.
        call(unsafe { read_all(raw) }?)
    })
}

/// # Safety
/// As [`Raw::read`], for each.
pub(crate) unsafe fn read_all<'a, const N: usize>(raw: [Raw; N]) -> Result<[Given<'a>; N], Failure> {
    let mut all = [Given { what: "", bytes: &[] }; N];
    for (given, raw) in all.iter_mut().zip(raw) {
        // SAFETY: as this function's caller promises.
        *given = unsafe { raw.read() }?;
    }
    Ok(all)
}

/// The object behind a handle.
///
/// # Safety
/// `handle` is NULL or came from [`give`], was not taken back since, and no other thread uses it during `'a`.
pub(crate) unsafe fn borrow<'a, T>(what: &str, handle: *mut T) -> Result<&'a mut T, Failure> {
    // SAFETY: NULL gives None; otherwise it is a Box's, and exclusively the caller's, as promised.
    unsafe { handle.as_mut() }.ok_or_else(|| Failure::new(REPORTER_ERROR_NULL, format!("{what} is NULL")))
}

/// Hands an object out to C, which owns it from here on.
pub(crate) fn give<T>(object: T) -> *mut T {
    Box::into_raw(Box::new(object))
}

/// Takes an object back from C; the handle is dead from here on.
///
/// # Safety
/// As [`borrow`].
pub(crate) unsafe fn take<T>(what: &str, handle: *mut T) -> Result<Box<T>, Failure> {
    if handle.is_null() {
        return Err(Failure::new(REPORTER_ERROR_NULL, format!("{what} is NULL")));
    }
    // SAFETY: it came out of `give`, once, as promised.
    Ok(unsafe { Box::from_raw(handle) })
}

/// An enum of the header. C may pass any number for one, so it arrives as `MaybeUninit` (which cbindgen writes as the enum itself)
/// and becomes a value only when the number is known.
///
/// # Safety
/// Implemented for `#[repr(i32)]` enums alone.
pub(crate) unsafe trait Choice: Copy + 'static {
    /// What the SDK calls it.
    type Meaning: Copy + 'static;
    const WHAT: &'static str;
    const MEANINGS: &'static [(Self, Self::Meaning)];
}

pub(crate) fn meaning<C: Choice>(choice: MaybeUninit<C>) -> Result<C::Meaning, Failure> {
    let number = number(choice);
    let known = C::MEANINGS.iter().find(|(known, _)| self::number(MaybeUninit::new(*known)) == number);
    known.map(|(_, meaning)| *meaning).ok_or_else(|| {
        Failure::new(REPORTER_ERROR_ARGUMENT, format!("{number} is not a {} that reporter.h names", C::WHAT))
    })
}

fn number<C: Choice>(choice: MaybeUninit<C>) -> i32 {
    // SAFETY: a `Choice` is an i32 in memory, and a value that C passed or that we made is initialized.
    unsafe { choice.as_ptr().cast::<i32>().read() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last_error() -> String {
        // SAFETY: takes nothing.
        let text = unsafe { reporter_last_error() };
        // SAFETY: it ends with a zero byte, and is copied before any other call.
        let text = unsafe { CStr::from_ptr(text) };
        text.to_str().expect("UTF-8").to_owned()
    }

    /// As exported functions are: a panic that got out of one would abort this test's process.
    unsafe extern "C" fn panics_with_text() -> reporter_status_t {
        boundary(|| panic!("slot {} is taken", 7))
    }

    unsafe extern "C" fn panics_with_a_payload_that_panics_again() -> *const u8 {
        struct Grenade;
        impl Drop for Grenade {
            fn drop(&mut self) {
                panic!("again");
            }
        }
        boundary_or(std::ptr::null(), || panic::panic_any(Grenade))
    }

    #[test]
    fn a_panic_becomes_a_status_and_a_text() {
        // SAFETY: takes nothing.
        let status = unsafe { panics_with_text() };
        assert_eq!(status, REPORTER_ERROR_PANIC);
        assert_eq!(last_error(), "a bug in libreporter: slot 7 is taken");
        // SAFETY: takes nothing.
        assert!(unsafe { panics_with_a_payload_that_panics_again() }.is_null());
        assert_eq!(last_error(), "a bug in libreporter: a panic");
    }

    #[test]
    fn success_leaves_the_last_error_and_threads_have_their_own() {
        assert_eq!(last_error(), "");
        let status = boundary(|| Err(Failure::new(REPORTER_ERROR_IO, "no\0 luck")));
        assert_eq!(status, REPORTER_ERROR_IO);
        assert_eq!(boundary(|| Ok(())), REPORTER_OK);
        assert_eq!(last_error(), "no\u{fffd} luck");
        std::thread::spawn(|| assert_eq!(last_error(), "")).join().expect("no panic");
    }

    #[test]
    fn an_error_of_the_sdk_is_told_with_its_sources() {
        let source = std::io::Error::from_raw_os_error(2);
        let expected = format!("cannot open /nowhere: {source}");
        let failure = Failure::from(reporter_sdk::Error::Io { what: "cannot open /nowhere".into(), source });
        assert_eq!((failure.status, failure.text), (REPORTER_ERROR_IO, expected));
    }

    #[test]
    fn bytes_are_refused_by_what_is_wrong_with_them() {
        let read = |raw: Raw| {
            // SAFETY: NULL or literals.
            unsafe { raw.read() }.and_then(Given::text).map_err(|failure| (failure.status, failure.text))
        };
        let null = std::ptr::null();
        assert_eq!(read(Raw::counted("key", null, 0)), Ok(""));
        assert_eq!(read(Raw::counted("key", null, 1)), Err((REPORTER_ERROR_NULL, "key is NULL".into())));
        assert_eq!(read(Raw::terminated("key", null)), Err((REPORTER_ERROR_NULL, "key is NULL".into())));
        assert_eq!(read(Raw::terminated("key", c"\u{e9}".as_ptr())), Ok("\u{e9}"));
        assert_eq!(read(Raw::counted("key", c"a\xff".as_ptr(), 1)), Ok("a"));
        let bad = read(Raw::terminated("key", c"a\xff".as_ptr()));
        assert_eq!(bad, Err((REPORTER_ERROR_UTF8, "key is not UTF-8 from byte 1 on".into())));
        let (status, _) = read(Raw::counted("key", c"a".as_ptr(), usize::MAX)).expect_err("too long");
        assert_eq!(status, REPORTER_ERROR_ARGUMENT);
    }
}

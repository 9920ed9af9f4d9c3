//! The product's look at what it reports, before it is handed over.

use std::ffi::{c_char, c_void};

use reporter_sdk::{HandledError, Hint, Verdict};

use crate::{
    error::reporter_error_t,
    ffi::{Failure, Given, Raw, borrow, boundary, boundary_or, read_all},
    options::{edit, reporter_options_t},
    status::reporter_status_t::{self, *},
};

/// Looks at an error before it is handed over, and changes it by the functions named reporter_error_set_. `true` keeps it; `false` drops it: nothing is
/// reported, and nobody is asked.
///
/// `error` is the library's, for the time of the call: the hook neither captures nor frees it. `hint` is what the capturing call was given, NULL where it was given
/// none; `data` is what reporter_options_set_before_send() was given. No exception of C++ may leave the hook.
pub type reporter_before_send_t =
    Option<unsafe extern "C" fn(error: *mut reporter_error_t, hint: *const c_void, data: *mut c_void) -> bool>;

type Hook = unsafe extern "C" fn(*mut reporter_error_t, *const c_void, *mut c_void) -> bool;

/// What a C product gave us to hand back to it: to us a number.
struct Opaque<P>(P);

// SAFETY: only the product looks behind the pointer, in whichever thread it captures; the header says so.
unsafe impl Send for Opaque<*mut c_void> {}
// SAFETY: as above.
unsafe impl Sync for Opaque<*mut c_void> {}

/// Has `hook` look at each handled error and each unhandled exception (reporter_capture_unhandled()) before it is handed over. The last call counts.
///
/// The hook runs in the thread that captures, in several at once where several do; `data` goes to each call, and has to live until reporter_shutdown().
/// It is not called for crashes and hangs, where nothing of the product's can be relied on; there, reporter_options_set_kind_policy() and
/// reporter_options_set_category_policy() decide. What the hook captures itself is dropped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_before_send(
    options: *mut reporter_options_t,
    hook: reporter_before_send_t,
    data: *mut c_void,
) -> reporter_status_t {
    let data = Opaque(data);
    // SAFETY: the caller answers for the pointer.
    unsafe {
        edit(options, [], |options, []| {
            let hook = hook.ok_or_else(|| Failure::new(REPORTER_ERROR_NULL, "hook is NULL"))?;
            options.change(|sdk| sdk.before_send(move |described, hint| ask(hook, &data, described, hint)));
            Ok(())
        })
    }
}

fn ask(hook: Hook, data: &Opaque<*mut c_void>, described: &mut HandledError, hint: Hint<'_>) -> Verdict {
    let hint = hint.and_then(|hint| hint.downcast_ref::<CHint>()).map_or(std::ptr::null(), |hint| hint.0);
    let mut error = reporter_error_t::of(described);
    // SAFETY: the object is the product's for this call; it answers for its own function and pointers.
    let keeps = unsafe { hook(&raw mut error, hint, data.0) };
    *described = error.into_described();
    if keeps { Verdict::Keep } else { Verdict::Drop }
}

/// A C hint on its way through the SDK.
pub(crate) struct CHint(pub(crate) *const c_void);

/// How many links the error has: itself and its causes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_error_count(error: *mut reporter_error_t) -> usize {
    boundary_or(0, || {
        // SAFETY: the caller answers for the pointer.
        Ok(unsafe { borrow("error", error) }?.links().count())
    })
}

/// The type of a link, 0 for the error itself, then its causes. Empty where it has none; NULL behind the last link.
/// The text is the library's, and valid until the next call with this error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_error_type(error: *mut reporter_error_t, index: usize) -> *const c_char {
    boundary_or(std::ptr::null(), || {
        // SAFETY: the caller answers for the pointer.
        Ok(unsafe { borrow("error", error) }?.shown(index, |link| &link.type_name))
    })
}

/// The words of a link, as reporter_error_type() counts them.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_error_message(error: *mut reporter_error_t, index: usize) -> *const c_char {
    boundary_or(std::ptr::null(), || {
        // SAFETY: the caller answers for the pointer.
        Ok(unsafe { borrow("error", error) }?.shown(index, |link| &link.message))
    })
}

/// Other words for a link, to take out what is not to leave the machine, say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_error_set_message(
    error: *mut reporter_error_t,
    index: usize,
    message: *const c_char,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { set_message(error, index, Raw::terminated("message", message)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_error_set_message_n(
    error: *mut reporter_error_t,
    index: usize,
    message: *const c_char,
    length: usize,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { set_message(error, index, Raw::counted("message", message, length)) }
}

/// # Safety
/// As [`borrow`] for `error` and [`given`](crate::ffi::given) for `message`.
unsafe fn set_message(error: *mut reporter_error_t, index: usize, message: Raw) -> reporter_status_t {
    boundary(|| {
        // SAFETY: as this function's caller promises.
        let error = unsafe { borrow("error", error) }?;
        // SAFETY: as this function's caller promises.
        let [message]: [Given<'_>; 1] = unsafe { read_all([message]) }?;
        let (text, count) = (message.text()?, error.links().count());
        let none = || {
            Failure::new(REPORTER_ERROR_ARGUMENT, format!("the error has {count} links, and none of number {index}"))
        };
        text.clone_into(&mut error.links().nth(index).ok_or_else(none)?.message);
        Ok(())
    })
}

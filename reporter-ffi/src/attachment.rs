//! Files and bytes that the product adds to reports.

use std::ffi::c_char;

use crate::{
    ffi::{Given, Raw, given},
    status::reporter_status_t,
};

/// Attaches a file to every report from now on; it is read when the error happens. `name` labels it in the report; `path` never
/// leaves the machine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_attach_file(
    name: *const c_char,
    media_type: *const c_char,
    path: *const c_char,
) -> reporter_status_t {
    let raw = [Raw::terminated("name", name), Raw::terminated("media_type", media_type), Raw::terminated("path", path)];
    // SAFETY: the caller answers for the texts.
    unsafe { attach_file(raw) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_attach_file_n(
    name: *const c_char,
    name_length: usize,
    media_type: *const c_char,
    media_type_length: usize,
    path: *const c_char,
    path_length: usize,
) -> reporter_status_t {
    let raw = [
        Raw::counted("name", name, name_length),
        Raw::counted("media_type", media_type, media_type_length),
        Raw::counted("path", path, path_length),
    ];
    // SAFETY: the caller answers for the texts.
    unsafe { attach_file(raw) }
}

/// # Safety
/// As [`given`].
unsafe fn attach_file(raw: [Raw; 3]) -> reporter_status_t {
    let call = |[name, media_type, path]: [Given<'_>; 3]| {
        Ok(reporter_sdk::attach_file(name.text()?, media_type.text()?, path.path()?)?)
    };
    // SAFETY: as this function's caller promises.
    unsafe { given(raw, call) }
}

/// Attaches bytes to every report from now on. They are copied. What was attached under the same name before is replaced.
/// REPORTER_ERROR_LIMIT if they are too many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_attach_bytes(
    name: *const c_char,
    media_type: *const c_char,
    bytes: *const u8,
    length: usize,
) -> reporter_status_t {
    let raw =
        [Raw::terminated("name", name), Raw::terminated("media_type", media_type), Raw::bytes("bytes", bytes, length)];
    // SAFETY: the caller answers for the pointers.
    unsafe { attach_bytes(raw) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_attach_bytes_n(
    name: *const c_char,
    name_length: usize,
    media_type: *const c_char,
    media_type_length: usize,
    bytes: *const u8,
    length: usize,
) -> reporter_status_t {
    let raw = [
        Raw::counted("name", name, name_length),
        Raw::counted("media_type", media_type, media_type_length),
        Raw::bytes("bytes", bytes, length),
    ];
    // SAFETY: the caller answers for the pointers.
    unsafe { attach_bytes(raw) }
}

/// # Safety
/// As [`given`].
unsafe fn attach_bytes(raw: [Raw; 3]) -> reporter_status_t {
    let call = |[name, media_type, bytes]: [Given<'_>; 3]| {
        Ok(reporter_sdk::attach_bytes(name.text()?, media_type.text()?, bytes.bytes)?)
    };
    // SAFETY: as this function's caller promises.
    unsafe { given(raw, call) }
}

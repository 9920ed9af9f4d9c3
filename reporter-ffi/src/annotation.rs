//! Facts that the product gives about itself.

use std::ffi::c_char;

use crate::{
    ffi::{Given, Raw, given},
    status::reporter_status_t,
};

/// Sets the fact `key` to `value` in all reports from now on.
///
/// Keys have up to 128 bytes, values up to 872; longer ones are cut at a character. There is room for 64 keys: one more is dropped, and counted
/// in the report.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_annotate(key: *const c_char, value: *const c_char) -> reporter_status_t {
    // SAFETY: the caller answers for the texts.
    unsafe { annotate([Raw::terminated("key", key), Raw::terminated("value", value)]) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_annotate_n(
    key: *const c_char,
    key_length: usize,
    value: *const c_char,
    value_length: usize,
) -> reporter_status_t {
    // SAFETY: the caller answers for the texts.
    unsafe { annotate([Raw::counted("key", key, key_length), Raw::counted("value", value, value_length)]) }
}

/// # Safety
/// As [`given`].
unsafe fn annotate(raw: [Raw; 2]) -> reporter_status_t {
    let call = |[key, value]: [Given<'_>; 2]| {
        reporter_sdk::annotate(key.text()?, value.text()?);
        Ok(())
    };
    // SAFETY: as this function's caller promises.
    unsafe { given(raw, call) }
}

/// Forgets the fact `key`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_remove_annotation(key: *const c_char) -> reporter_status_t {
    // SAFETY: the caller answers for the text.
    unsafe { remove(Raw::terminated("key", key)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_remove_annotation_n(key: *const c_char, length: usize) -> reporter_status_t {
    // SAFETY: the caller answers for the text.
    unsafe { remove(Raw::counted("key", key, length)) }
}

/// # Safety
/// As [`given`].
unsafe fn remove(key: Raw) -> reporter_status_t {
    let call = |[key]: [Given<'_>; 1]| {
        reporter_sdk::remove_annotation(key.text()?);
        Ok(())
    };
    // SAFETY: as this function's caller promises.
    unsafe { given([key], call) }
}

//! Twins of the functions that take paths, for texts of 16-bit units: what Windows calls Unicode. On Windows alone.
//!
//! Paths there need not be well-formed UTF-16, and code pages cannot name all of them: what a program got from the system goes in as it is.

use std::{
    ffi::{OsString, c_char},
    os::windows::ffi::OsStringExt,
    path::PathBuf,
    slice,
};

use crate::{
    ffi::{Failure, Raw, borrow, boundary, read_all},
    mail, options,
    options::reporter_options_t,
    restart,
    status::reporter_status_t::{self, REPORTER_ERROR_ARGUMENT, REPORTER_ERROR_NULL},
};

/// C's own type of the same name: excluded from the header, where `stddef.h` has it.
pub type wchar_t = u16;

/// The longest path of Windows, in units, and its zero.
const LONGEST: usize = 32_768;

/// # Safety
/// Unless NULL, `text` must point at units up to a zero that nobody changes during the call.
unsafe fn path(what: &str, text: *const wchar_t) -> Result<PathBuf, Failure> {
    if text.is_null() {
        return Err(Failure::new(REPORTER_ERROR_NULL, format!("{what} is NULL")));
    }
    // SAFETY: nothing behind the zero is read.
    let length = (0..LONGEST).find(|at| unsafe { text.add(*at).read() } == 0).ok_or_else(|| {
        Failure::new(REPORTER_ERROR_ARGUMENT, format!("{what} is longer than any path, {LONGEST} units"))
    })?;
    // SAFETY: so many units were just read.
    Ok(OsString::from_wide(unsafe { slice::from_raw_parts(text, length) }).into())
}

/// Reads options and a path, and changes the options by `change`, inside the boundary.
///
/// # Safety
/// As [`borrow`] for `options` and [`path`] for `text`.
unsafe fn edit(
    options: *mut reporter_options_t,
    what: &str,
    text: *const wchar_t,
    change: impl FnOnce(&mut reporter_options_t, PathBuf) -> Result<(), Failure>,
) -> reporter_status_t {
    boundary(|| {
        // SAFETY: as this function's caller promises.
        let options = unsafe { borrow("options", options) }?;
        // SAFETY: as this function's caller promises.
        change(options, unsafe { path(what, text) }?)
    })
}

/// As reporter_options_set_spool(), with a path of 16-bit units. On Windows alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_spool_w(
    options: *mut reporter_options_t,
    directory: *const wchar_t,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, "directory", directory, options::spool) }
}

/// As reporter_options_set_dialog(), with a path of 16-bit units. On Windows alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_dialog_w(
    options: *mut reporter_options_t,
    program: *const wchar_t,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, "program", program, options::dialog) }
}

/// As reporter_options_set_branding(), with a path of 16-bit units. On Windows alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_branding_w(
    options: *mut reporter_options_t,
    folder: *const wchar_t,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, "folder", folder, options::branding) }
}

/// As reporter_options_set_handler(), with a path of 16-bit units. On Windows alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_handler_w(
    options: *mut reporter_options_t,
    program: *const wchar_t,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, "program", program, options::handler) }
}

/// As reporter_options_attach_file(), with a path of 16-bit units. On Windows alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_attach_file_w(
    options: *mut reporter_options_t,
    name: *const c_char,
    media_type: *const c_char,
    path: *const wchar_t,
) -> reporter_status_t {
    let raw = [Raw::terminated("name", name), Raw::terminated("media_type", media_type)];
    // SAFETY: the caller answers for the pointers.
    unsafe {
        edit(options, "path", path, |options, path| {
            let [name, media_type] = read_all(raw)?;
            options::attached(options, name.text()?, media_type.text()?, path)
        })
    }
}

/// As reporter_options_set_eml_directory(), with a path of 16-bit units. On Windows alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_eml_directory_w(
    options: *mut reporter_options_t,
    directory: *const wchar_t,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, "directory", directory, mail::eml_directory) }
}

/// As reporter_options_add_restart_argument(), with a text of 16-bit units. On Windows alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_add_restart_argument_w(
    options: *mut reporter_options_t,
    argument: *const wchar_t,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, "argument", argument, restart::argument) }
}

/// As reporter_options_set_restart_program(), with a path of 16-bit units. On Windows alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_restart_program_w(
    options: *mut reporter_options_t,
    program: *const wchar_t,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, "program", program, restart::program) }
}

/// As reporter_options_set_restart_directory(), with a path of 16-bit units. On Windows alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_restart_directory_w(
    options: *mut reporter_options_t,
    directory: *const wchar_t,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, "directory", directory, restart::directory) }
}

/// As reporter_attach_file(), with a path of 16-bit units. On Windows alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_attach_file_w(
    name: *const c_char,
    media_type: *const c_char,
    file: *const wchar_t,
) -> reporter_status_t {
    let raw = [Raw::terminated("name", name), Raw::terminated("media_type", media_type)];
    boundary(|| {
        // SAFETY: the caller answers for the texts.
        let [name, media_type] = unsafe { read_all(raw) }?;
        // SAFETY: as above.
        let file = unsafe { path("path", file) }?;
        Ok(reporter_sdk::attach_file(name.text()?, media_type.text()?, file)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_as_it_is_and_none_is_refused() {
        let odd = [u16::from(b'C'), u16::from(b':'), u16::from(b'\\'), 0xd800, 0x4e2d, 0];
        // SAFETY: it ends in a zero.
        let taken = unsafe { path("path", odd.as_ptr()) }.unwrap_or_else(|failure| panic!("{failure:?}"));
        assert_eq!(taken, PathBuf::from(OsString::from_wide(&odd[..5])));
        // SAFETY: NULL is looked at first.
        assert!(unsafe { path("path", std::ptr::null()) }.is_err());
        let endless = vec![u16::from(b'a'); LONGEST + 1];
        // SAFETY: no more units are read than there are.
        assert!(unsafe { path("path", endless.as_ptr()) }.is_err());
    }
}

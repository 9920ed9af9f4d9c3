//! What the user does: tasks, commands, dialogs. Each call costs well under a microsecond.

use std::{ffi::c_char, mem::MaybeUninit};

use reporter_sdk::{Surface, TaskId};

use crate::{
    ffi::{Choice, Given, Raw, boundary, boundary_or, given, meaning, read_all},
    status::reporter_status_t,
};

/// A task that was begun; 0 for none.
pub type reporter_task_t = u64;

/// Begins a task: what the user works on, in the product's own words, not the user's data. End it in the same thread, by
/// reporter_task_end() or reporter_task_fail(); tasks begun meanwhile in this thread are parts of it.
///
/// 0 while reporting is off and on failure: a value that can be ended like any other.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_task_begin(name: *const c_char) -> reporter_task_t {
    // SAFETY: the caller answers for the text.
    unsafe { task_begin(Raw::terminated("name", name)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_task_begin_n(name: *const c_char, length: usize) -> reporter_task_t {
    // SAFETY: the caller answers for the text.
    unsafe { task_begin(Raw::counted("name", name, length)) }
}

/// # Safety
/// As [`given`].
unsafe fn task_begin(name: Raw) -> reporter_task_t {
    boundary_or(0, || {
        // SAFETY: as this function's caller promises.
        let [name] = unsafe { read_all([name]) }?;
        Ok(reporter_sdk::task_begin(name.text()?).0)
    })
}

/// Ends a task. 0, and a task that is not open, are ignored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_task_end(task: reporter_task_t) -> reporter_status_t {
    boundary(|| {
        reporter_sdk::task_end(TaskId(task), false);
        Ok(())
    })
}

/// Ends a task that failed. 0, and a task that is not open, are ignored.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_task_fail(task: reporter_task_t) -> reporter_status_t {
    boundary(|| {
        reporter_sdk::task_end(TaskId(task), true);
        Ok(())
    })
}

/// Where a command was invoked.
#[repr(i32)]
#[derive(Clone, Copy, Debug)]
pub enum reporter_surface_t {
    REPORTER_SURFACE_MENU = 1,
    REPORTER_SURFACE_TOOLBAR = 2,
    REPORTER_SURFACE_SHORTCUT = 3,
    REPORTER_SURFACE_COMMAND_LINE = 4,
}

// SAFETY: it is `repr(i32)`.
unsafe impl Choice for reporter_surface_t {
    type Meaning = Surface;
    const WHAT: &'static str = "surface";
    const MEANINGS: &'static [(Self, Surface)] = &[
        (Self::REPORTER_SURFACE_MENU, Surface::Menu),
        (Self::REPORTER_SURFACE_TOOLBAR, Surface::Toolbar),
        (Self::REPORTER_SURFACE_SHORTCUT, Surface::Shortcut),
        (Self::REPORTER_SURFACE_COMMAND_LINE, Surface::CommandLine),
    ];
}

/// The user invoked a command: its stable id, its label as the user saw it, and where it was invoked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_command(
    id: *const c_char,
    label: *const c_char,
    surface: MaybeUninit<reporter_surface_t>,
) -> reporter_status_t {
    // SAFETY: the caller answers for the texts.
    unsafe { command([Raw::terminated("id", id), Raw::terminated("label", label)], surface) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_command_n(
    id: *const c_char,
    id_length: usize,
    label: *const c_char,
    label_length: usize,
    surface: MaybeUninit<reporter_surface_t>,
) -> reporter_status_t {
    // SAFETY: the caller answers for the texts.
    unsafe { command([Raw::counted("id", id, id_length), Raw::counted("label", label, label_length)], surface) }
}

/// # Safety
/// As [`given`].
unsafe fn command(raw: [Raw; 2], surface: MaybeUninit<reporter_surface_t>) -> reporter_status_t {
    let call = |[id, label]: [Given<'_>; 2]| {
        reporter_sdk::command(id.text()?, label.text()?, meaning(surface)?);
        Ok(())
    };
    // SAFETY: as this function's caller promises.
    unsafe { given(raw, call) }
}

/// A dialog is shown, named by the product's own stable id.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_dialog_opened(id: *const c_char) -> reporter_status_t {
    // SAFETY: the caller answers for the text.
    unsafe { dialog_opened(Raw::terminated("id", id)) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_dialog_opened_n(id: *const c_char, length: usize) -> reporter_status_t {
    // SAFETY: the caller answers for the text.
    unsafe { dialog_opened(Raw::counted("id", id, length)) }
}

/// # Safety
/// As [`given`].
unsafe fn dialog_opened(id: Raw) -> reporter_status_t {
    let call = |[id]: [Given<'_>; 1]| {
        reporter_sdk::dialog_opened(id.text()?);
        Ok(())
    };
    // SAFETY: as this function's caller promises.
    unsafe { given([id], call) }
}

/// A dialog was closed with a result such as "ok" or "cancel", empty where there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_dialog_closed(id: *const c_char, result: *const c_char) -> reporter_status_t {
    // SAFETY: the caller answers for the texts.
    unsafe { dialog_closed([Raw::terminated("id", id), Raw::terminated("result", result)]) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_dialog_closed_n(
    id: *const c_char,
    id_length: usize,
    result: *const c_char,
    result_length: usize,
) -> reporter_status_t {
    // SAFETY: the caller answers for the texts.
    unsafe { dialog_closed([Raw::counted("id", id, id_length), Raw::counted("result", result, result_length)]) }
}

/// # Safety
/// As [`given`].
unsafe fn dialog_closed(raw: [Raw; 2]) -> reporter_status_t {
    let call = |[id, result]: [Given<'_>; 2]| {
        reporter_sdk::dialog_closed(id.text()?, result.text()?);
        Ok(())
    };
    // SAFETY: as this function's caller promises.
    unsafe { given(raw, call) }
}

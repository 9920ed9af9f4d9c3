//! For faults that no hook inside the product sees: fast fail, a heap that the kernel finds corrupt, a stack overflow without room for a handler.
//!
//! A module of Windows Error Reporting ("runtime exception module"). An installer names it, once for the machine, as a value of
//! `HKLM\SOFTWARE\Microsoft\Windows\Windows Error Reporting\RuntimeExceptionHelperModules`: its full path, which only administrators may be able to write, with a
//! DWORD of 0. The product registers it by the same path. When it then fails, WerFault.exe loads the module, with a handle of the product, which stands still: the module
//! fills the crash slot of the memory that product and handler share, tells the handler by the product's own pipe, and waits until it has its dump. Then Windows goes
//! on as if there were no module: it claims nothing.
//!
//! It runs in a program of the system's with memory of one that has gone wrong: all that is read there is checked, every wait is bounded, and no panic leaves it.

#![cfg(windows)]

mod pipe;
mod product;
mod registration;
mod slot;

use std::{
    ffi::c_void,
    panic::{self, AssertUnwindSafe},
};

use windows_sys::{
    Win32::{
        Foundation::{E_FAIL, S_OK},
        System::ErrorReporting::{
            PFN_WER_RUNTIME_EXCEPTION_DEBUGGER_LAUNCH, PFN_WER_RUNTIME_EXCEPTION_EVENT,
            PFN_WER_RUNTIME_EXCEPTION_EVENT_SIGNATURE, WER_RUNTIME_EXCEPTION_INFORMATION,
        },
    },
    core::{BOOL, HRESULT, PWSTR},
};

use product::Fault;
#[doc(hidden)]
pub use registration::{MAGIC, Registration, VERSION};

/// Windows asks whether this fault is ours. It never is: it is reported, and all goes its course.
///
/// # Safety
/// To be called by Windows Error Reporting.
#[unsafe(no_mangle)]
#[allow(non_snake_case, reason = "Windows calls it so")]
pub unsafe extern "system" fn OutOfProcessExceptionEventCallback(
    context: *const c_void,
    information: *const WER_RUNTIME_EXCEPTION_INFORMATION,
    claimed: *mut BOOL,
    _event_name: PWSTR,
    _size: *mut u32,
    _signature_count: *mut u32,
) -> HRESULT {
    if !claimed.is_null() {
        // SAFETY: a place for the answer.
        unsafe { claimed.write(0) };
    }
    bounded(|| {
        // SAFETY: what Windows hands over is there until this returns.
        let Some(fault) = (unsafe { Fault::of(information) }) else { return E_FAIL };
        if report(context as u64, &fault).is_some() { S_OK } else { E_FAIL }
    })
}

/// Asked of whoever claims a fault: how it is to be grouped.
#[unsafe(no_mangle)]
#[allow(non_snake_case, reason = "Windows calls it so")]
pub extern "system" fn OutOfProcessExceptionEventSignatureCallback(
    _context: *const c_void,
    _information: *const WER_RUNTIME_EXCEPTION_INFORMATION,
    _index: u32,
    _name: PWSTR,
    _name_size: *mut u32,
    _value: PWSTR,
    _value_size: *mut u32,
) -> HRESULT {
    E_FAIL
}

/// Asked of whoever claims a fault: which debugger is to be offered.
///
/// # Safety
/// To be called by Windows Error Reporting.
#[unsafe(no_mangle)]
#[allow(non_snake_case, reason = "Windows calls it so")]
pub unsafe extern "system" fn OutOfProcessExceptionEventDebuggerLaunchCallback(
    _context: *const c_void,
    _information: *const WER_RUNTIME_EXCEPTION_INFORMATION,
    is_custom: *mut BOOL,
    _debugger: PWSTR,
    _size: *mut u32,
    _is_started_at_once: *mut BOOL,
) -> HRESULT {
    if !is_custom.is_null() {
        // SAFETY: a place for the answer.
        unsafe { is_custom.write(0) };
    }
    S_OK
}

// The signatures are what the system's header says.
const _: PFN_WER_RUNTIME_EXCEPTION_EVENT = Some(OutOfProcessExceptionEventCallback);
const _: PFN_WER_RUNTIME_EXCEPTION_EVENT_SIGNATURE = Some(OutOfProcessExceptionEventSignatureCallback);
const _: PFN_WER_RUNTIME_EXCEPTION_DEBUGGER_LAUNCH = Some(OutOfProcessExceptionEventDebuggerLaunchCallback);

/// A panic must not reach a caller that is not Rust.
fn bounded(ask: impl FnOnce() -> HRESULT) -> HRESULT {
    panic::catch_unwind(AssertUnwindSafe(ask)).unwrap_or(E_FAIL)
}

/// `None` where something was not as it must be; `Some` too where there is nothing to report.
fn report(context: u64, fault: &Fault) -> Option<()> {
    let registration = Registration::read(&fault.process, context)?;
    if !fault.is_fatal || registration.has_reported(fault) {
        return Some(());
    }
    slot::write(&fault.process, registration.slot, fault)?;
    pipe::tell(&fault.process, &registration)
}

#[cfg(test)]
mod tests;

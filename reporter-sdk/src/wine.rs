//! Wine, in the few places where it is not what Windows is.

use windows_sys::{
    Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress},
    core::{s, w},
};

/// Whether this Windows is Wine: it has a function more, and says so in the documentation for its developers.
pub(crate) fn is_wine() -> bool {
    // SAFETY: a name that ends in a zero.
    let system = unsafe { GetModuleHandleW(w!("ntdll.dll")) };
    // SAFETY: a library that is always there, and a name that ends in a zero. The function is not called.
    unsafe { GetProcAddress(system, s!("wine_get_version")) }.is_some()
}

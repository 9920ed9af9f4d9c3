//! Windows' part: sessions, libraries, what the system keeps of crashes.

use std::ffi::{CStr, c_char};
use std::io;
use std::os::windows::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::ptr;

use windows_sys::Win32::Foundation::FreeLibrary;
use windows_sys::Win32::Storage::FileSystem::GetDiskFreeSpaceExW;
use windows_sys::Win32::System::LibraryLoader::{
    GetProcAddress, LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW,
};
use windows_sys::Win32::System::Threading::DETACHED_PROCESS;

use crate::inventory::registry_has;
use crate::ipc::spawn::wide;
use crate::screen;

pub(super) const LIBRARY: &str = "reporter.dll";
pub(super) const POLICY_PLACE: &str = r"HKLM\Software\Policies\Error Reporting";

const WER: &str = r"SOFTWARE\Microsoft\Windows\Windows Error Reporting";
const MODULE: &str = "reporter_wer.dll";

pub(super) fn own_id() -> u32 {
    std::process::id()
}

/// It was started without one.
pub(super) fn leave_terminal() {}

pub(super) fn without_console(command: &mut Command) {
    command.creation_flags(DETACHED_PROCESS);
}

/// `None` where the system does not tell.
pub(super) fn free_bytes(path: &Path) -> Option<u64> {
    let path = wide(path.as_os_str()).ok()?;
    let mut free = 0;
    // SAFETY: a path that ends in a zero, and one place that lives here; the others are not asked for.
    let told = unsafe { GetDiskFreeSpaceExW(path.as_ptr(), &raw mut free, ptr::null_mut(), ptr::null_mut()) };
    (told != 0).then_some(free)
}

/// What the C library of this path says of itself.
pub(super) fn release_of(library: &Path) -> Result<String, String> {
    let path = wide(library.as_os_str()).map_err(|error| error.to_string())?;
    let flags = LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR | LOAD_LIBRARY_SEARCH_SYSTEM32;
    // SAFETY: an absolute path that ends in a zero. What the library does as it is loaded it does in every product, and others cannot have put it there: the
    // caller has looked.
    let module = unsafe { LoadLibraryExW(path.as_ptr(), ptr::null_mut(), flags) };
    if module.is_null() {
        return Err(io::Error::last_os_error().to_string());
    }
    // SAFETY: a module, and a name that ends in a zero.
    let symbol = unsafe { GetProcAddress(module, c"reporter_version_text".as_ptr().cast()) };
    let told = match symbol {
        None => Err("it is not this library: it has no reporter_version_text".to_owned()),
        Some(symbol) => {
            // SAFETY: the function of this name has this type in every release: reporter.h.
            let text = unsafe {
                std::mem::transmute::<unsafe extern "system" fn() -> isize, extern "C" fn() -> *const c_char>(symbol)
            }();
            if text.is_null() {
                Err("it does not tell its release".to_owned())
            } else {
                // SAFETY: a constant of the library's, with a zero at its end; the library is still loaded.
                Ok(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
            }
        }
    };
    // SAFETY: loaded above, and nothing of it is used any more: it was started in no way.
    unsafe { FreeLibrary(module) };
    told
}

/// The handler is given a handle of its product: no right of the machine's is asked for.
pub(super) fn capture_surroundings() -> String {
    "by the handle that the product gives its handler".into()
}

pub(super) fn capture_advice() -> Option<&'static str> {
    Some("have the virus scanner let this program read other processes of its user")
}

/// Whether a person sees this desktop.
pub(super) fn session() -> String {
    screen::session().map_or_else(|why| why, |()| "its desktop is shown".into())
}

/// Of the system, and our module for it.
pub(super) fn other_handlers() -> Vec<String> {
    let module = super::this_program().ok().and_then(|path| Some(path.parent()?.join(MODULE)));
    let modules = format!(r"{WER}\RuntimeExceptionHelperModules");
    let ours = match module.filter(|path| path.is_file()) {
        None => format!("no {MODULE} beside this program: of a fast fail the exit code is reported, and no dump"),
        Some(path) if registry_has(&modules, Some(&path.display().to_string())) => {
            format!("{} is listed: Windows Error Reporting asks it about a fast fail", path.display())
        }
        Some(path) => format!(
            "{} is not listed in HKLM\\{modules}: of a fast fail the exit code is reported, and no dump",
            path.display()
        ),
    };
    let mut others = vec![ours];
    if registry_has(&format!(r"{WER}\LocalDumps"), None) {
        others.push("LocalDumps is set: Windows keeps a dump of its own of each crash".into());
    }
    others
}

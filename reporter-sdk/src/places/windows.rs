//! By the known folders: those of the user, and for who has more rights than the user the machine's.

use std::{
    env,
    ffi::{CStr, OsString, c_void},
    io, mem,
    os::windows::{
        ffi::OsStringExt,
        io::{AsRawHandle, FromRawHandle, OwnedHandle},
    },
    path::{Path, PathBuf},
    ptr, slice,
    sync::OnceLock,
};

use sha2::{Digest, Sha256};
use windows_sys::{
    Win32::{
        Foundation::HANDLE,
        Security::{
            GetTokenInformation, TOKEN_ELEVATION_TYPE, TOKEN_INFORMATION_CLASS, TOKEN_QUERY, TOKEN_USER,
            TokenElevationType, TokenElevationTypeFull, TokenUser,
        },
        System::{
            LibraryLoader::{GetProcAddress, LOAD_LIBRARY_SEARCH_SYSTEM32, LoadLibraryExW},
            Threading::{GetCurrentProcess, OpenProcessToken},
        },
        UI::Shell::{FOLDERID_LocalAppData, FOLDERID_ProgramData},
    },
    core::{GUID, PCWSTR, PWSTR, w},
};

use crate::security;

/// The last folder of a spool.
pub(super) const REPORTS: &str = "Reports";

/// Where programs keep what outlives them: the user's place, which roams nowhere.
pub(super) fn state() -> Option<PathBuf> {
    if elevated() {
        return Some(known_folder(&FOLDERID_ProgramData)?.join("Error Reporting"));
    }
    known_folder(&FOLDERID_LocalAppData)
}

/// The place for the reports of the spool at `path` while that cannot take them. See `Spool::fallback_directory`.
pub(crate) fn fallback(path: &Path) -> Option<PathBuf> {
    if elevated() {
        return None;
    }
    // One for each spool, by a name that nobody has to escape.
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    let name: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let temporary = Some(env::temp_dir()).filter(|path| path.is_absolute())?;
    Some(temporary.join("Error Reporting").join(name))
}

/// The user's own folder, which bears their name.
#[cfg(feature = "handler")]
pub(crate) fn profile() -> Option<PathBuf> {
    known_folder(&windows_sys::Win32::UI::Shell::FOLDERID_Profile)
}

/// Whether this process has rights that its caller has not: it was started "as administrator", by a user whose other programs do not have these rights.
pub(crate) fn elevated() -> bool {
    static ELEVATED: OnceLock<bool> = OnceLock::new();
    *ELEVATED.get_or_init(|| {
        let mut kind: TOKEN_ELEVATION_TYPE = 0;
        let place = (&raw mut kind).cast();
        own_token().is_ok_and(|token| information(&token, TokenElevationType, place, size_of_val(&kind)).is_ok())
            && kind == TokenElevationTypeFull
    })
}

/// The security identifier of this process's user, as text: `S-1-5-21-…`.
pub(crate) fn user() -> io::Result<String> {
    let token = own_token()?;
    // A SID has 68 bytes at most. Aligned as the structure.
    let mut room = [0_u64; 32];
    information(&token, TokenUser, room.as_mut_ptr().cast(), size_of_val(&room))?;
    // SAFETY: the kernel has put such a structure there.
    let user = unsafe { room.as_ptr().cast::<TOKEN_USER>().read() };
    // SAFETY: the SID lies in `room`.
    unsafe { security::sid_text(user.User.Sid) }
}

fn own_token() -> io::Result<OwnedHandle> {
    let mut token: HANDLE = ptr::null_mut();
    // SAFETY: has no parameters.
    let this = unsafe { GetCurrentProcess() };
    // SAFETY: the token's place lives here.
    if unsafe { OpenProcessToken(this, TOKEN_QUERY, &raw mut token) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, and nobody else's.
    Ok(unsafe { OwnedHandle::from_raw_handle(token) })
}

fn information(token: &OwnedHandle, class: TOKEN_INFORMATION_CLASS, to: *mut c_void, size: usize) -> io::Result<()> {
    let mut length = 0;
    // SAFETY: the callers give a place of this size, which lives until the call returns.
    let done = unsafe { GetTokenInformation(token.as_raw_handle(), class, to, size as u32, &raw mut length) };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Situation: the library that knows the folders brings along those of windows and drawing, two dozen in all, which a service or a console program has no use for: each takes time
/// at the start, and again when the process is dumped. Handling: it is loaded by who asks. A product that names its spool never does.
fn known_folder(id: &GUID) -> Option<PathBuf> {
    type GetKnownFolderPath = unsafe extern "system" fn(*const GUID, u32, HANDLE, *mut PWSTR) -> i32;
    type Free = unsafe extern "system" fn(*const c_void);
    let get = function_of(w!("shell32.dll"), c"SHGetKnownFolderPath")?;
    // SAFETY: Microsoft documents it so.
    let get = unsafe { mem::transmute::<Function, GetKnownFolderPath>(get) };
    let free = function_of(w!("ole32.dll"), c"CoTaskMemFree")?;
    // SAFETY: as above.
    let free = unsafe { mem::transmute::<Function, Free>(free) };
    let mut path: PWSTR = ptr::null_mut();
    // SAFETY: an identifier, this user, and a place for the path.
    let result = unsafe { get(id, 0, ptr::null_mut(), &raw mut path) };
    // SAFETY: where it succeeds it is a text of the system's, with a zero at its end.
    let folder = (result >= 0 && !path.is_null()).then(|| unsafe { wide_text(path) });
    // SAFETY: the system allocated it for us, or it is null.
    unsafe { free(path.cast()) };
    folder.map(PathBuf::from).filter(|path| path.is_absolute())
}

type Function = unsafe extern "system" fn() -> isize;

/// A function of one of the system's own libraries, which stays loaded.
fn function_of(library: PCWSTR, name: &CStr) -> Option<Function> {
    // SAFETY: a name that ends in a zero, looked for in the system's folder alone.
    let library = unsafe { LoadLibraryExW(library, ptr::null_mut(), LOAD_LIBRARY_SEARCH_SYSTEM32) };
    if library.is_null() {
        return None;
    }
    // SAFETY: a library that is loaded, and a name that ends in a zero.
    unsafe { GetProcAddress(library, name.as_ptr().cast()) }
}

/// # Safety
/// `text` ends in a zero.
pub(crate) unsafe fn wide_text(text: PWSTR) -> OsString {
    let mut length = 0;
    // SAFETY: as the caller promises; nothing behind the zero is read.
    while unsafe { text.add(length).read() } != 0 {
        length += 1;
    }
    // SAFETY: so many were just read.
    OsString::from_wide(unsafe { slice::from_raw_parts(text, length) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_has_an_identifier_and_a_place_for_reports() {
        let user = user().unwrap();
        assert!(user.starts_with("S-1-5-"), "{user}");
        let spool = crate::places::spool("Example Software", "Ledger").unwrap();
        assert!(spool.is_absolute() && spool.ends_with("Example Software\\Ledger\\Reports"), "{}", spool.display());
        eprintln!("elevated: {}, spool: {}", elevated(), spool.display());
    }
}

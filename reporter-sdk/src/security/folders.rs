//! Files and folders that are their owner's alone.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::windows::{
        ffi::{OsStrExt, OsStringExt},
        io::{AsHandle, AsRawHandle},
    },
    path::{Component, Path, PathBuf, Prefix},
    ptr,
};

use windows_sys::Win32::{
    Security::{
        Authorization::{GetNamedSecurityInfoW, SE_FILE_OBJECT, SetSecurityInfo},
        DACL_SECURITY_INFORMATION, GetSecurityDescriptorDacl, OWNER_SECURITY_INFORMATION,
        PROTECTED_DACL_SECURITY_INFORMATION,
    },
    Storage::FileSystem::CreateDirectoryW,
};

use super::{Access, Descriptor, STAND_INS, done};
use crate::{ipc::spawn::wide, places};

impl Descriptor {
    /// Gives an open file or folder this list of who may do what, and nothing that its folder would add.
    pub(crate) fn protect(&self, file: &impl AsHandle) -> io::Result<()> {
        let (mut present, mut defaulted, mut list) = (0, 0, ptr::null_mut());
        // SAFETY: a descriptor of the system's, and three places that live here.
        let found = unsafe { GetSecurityDescriptorDacl(self.0, &raw mut present, &raw mut list, &raw mut defaulted) };
        if found == 0 || present == 0 || list.is_null() {
            return Err(io::Error::other("a security descriptor without a list"));
        }
        let what = DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION;
        let handle = file.as_handle().as_raw_handle();
        // SAFETY: a handle that is borrowed for the call, and a list that lives in `self`.
        let error = unsafe {
            SetSecurityInfo(handle, SE_FILE_OBJECT, what, ptr::null_mut(), ptr::null_mut(), list, ptr::null())
        };
        done(error)
    }
}

impl Access {
    /// Of what a path leads to.
    pub(crate) fn of_path(path: &Path) -> io::Result<Self> {
        let name = wide(path.as_os_str())?;
        let what = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
        Self::read(|owner, list, descriptor| {
            // SAFETY: the name ends in a zero; the places live until the call returns; group and audit list are not asked for.
            unsafe {
                let no = ptr::null_mut();
                GetNamedSecurityInfoW(name.as_ptr(), SE_FILE_OBJECT, what, owner, no, list, ptr::null_mut(), descriptor)
            }
        })
    }

    /// Whether none but `trusted` may do anything with it, nor will with what is made in it.
    pub(crate) fn is_for(&self, trusted: &[&str]) -> bool {
        let known = |who: &str| trusted.contains(&who) || STAND_INS.contains(&who);
        self.entries.as_ref().is_some_and(|entries| entries.iter().all(|entry| known(&entry.who)))
    }
}

/// Makes a folder that is its owner's alone, and with it what will be in it: this user's, or with more rights than the user the administrators'.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let security = owner_only_folder()?;
    let attributes = security.attributes(false);
    let name = wide(verbatim(folder)?.as_os_str())?;
    // SAFETY: the name ends in a zero; the attributes live until the call returns.
    let made = unsafe { CreateDirectoryW(name.as_ptr(), &raw const attributes) };
    if made == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// For such a folder.
pub(crate) fn owner_only_folder() -> io::Result<Descriptor> {
    if places::elevated() {
        return Descriptor::of_text("O:BAD:P(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)");
    }
    let user = places::user()?;
    Descriptor::of_text(&format!("O:{user}D:P(A;OICI;FA;;;{user})(A;OICI;FA;;;SY)"))
}

/// The path as the system takes it at any length: `\\?\C:\…`, absolute and with backslashes alone.
pub(crate) fn verbatim(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let Some(Component::Prefix(prefix)) = path.components().next() else { return Ok(path) };
    let start: Vec<&OsStr> = match prefix.kind() {
        Prefix::Disk(_) => vec![OsStr::new(r"\\?\"), prefix.as_os_str()],
        Prefix::UNC(server, share) => vec![OsStr::new(r"\\?\UNC\"), server, OsStr::new(r"\"), share],
        _ => return Ok(path),
    };
    let start = start.into_iter().flat_map(OsStr::encode_wide);
    let rest = path.as_os_str().encode_wide().skip(prefix.as_os_str().encode_wide().count());
    Ok(OsString::from_wide(&start.chain(rest).collect::<Vec<u16>>()).into())
}

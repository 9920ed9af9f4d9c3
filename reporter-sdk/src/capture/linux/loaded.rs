//! Libraries that are loaded, for dlsym(). The loader, asked for one that is not, looks for its file in a hundred places, though it is told not to load it;
//! and for the program it opens the file. So it is only asked by the names that it has given itself. Not async-signal-safe.

use std::{
    ffi::{CStr, CString, c_int, c_void},
    ptr,
};

use crate::ipc::launch::{is_program, object_of};

/// Keeps a library loaded until it is dropped.
pub(crate) struct Library(*mut c_void);

impl Library {
    /// The one whose file has this name, maybe with more of a version behind it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let mut search = Search { name: name.as_bytes(), found: None };
        // SAFETY: `visit` takes the arguments of this call, and `search` lives until it returns.
        unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast()) };
        Self::open(&search.found?)
    }

    /// The one that dladdr() has named, or the program.
    pub(crate) fn of(object: &libc::Dl_info) -> Option<Self> {
        if is_program(object) {
            // SAFETY: asks for the program.
            return Self::some(unsafe { libc::dlopen(ptr::null(), libc::RTLD_LAZY) });
        }
        if object.dli_fname.is_null() {
            return None;
        }
        // SAFETY: the loader's own string.
        Self::open(unsafe { CStr::from_ptr(object.dli_fname) })
    }

    fn open(name: &CStr) -> Option<Self> {
        // SAFETY: a string that ends. What is loaded is found and nothing more is loaded.
        Self::some(unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) })
    }

    fn some(handle: *mut c_void) -> Option<Self> {
        (!handle.is_null()).then_some(Self(handle))
    }

    pub(crate) fn handle(&self) -> *mut c_void {
        self.0
    }

    /// Whether it exports this name itself.
    pub(crate) fn exports(&self, object: &libc::Dl_info, symbol: &CStr) -> bool {
        // SAFETY: a library that is loaded, and a name that ends in 0.
        let found = unsafe { libc::dlsym(self.0, symbol.as_ptr()) };
        // The search goes on in what the object depends on.
        !found.is_null() && object_of(found).is_some_and(|other| other.dli_fbase == object.dli_fbase)
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // SAFETY: gives back what dlopen() gave.
        unsafe { libc::dlclose(self.0) };
    }
}

struct Search<'a> {
    name: &'a [u8],
    found: Option<CString>,
}

unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: usize, search: *mut c_void) -> c_int {
    // SAFETY: what `named` passed.
    let search = unsafe { &mut *search.cast::<Search<'_>>() };
    // SAFETY: the loader's record, valid during this call.
    let name = unsafe { (*info).dlpi_name };
    if name.is_null() {
        return 0;
    }
    // SAFETY: the loader's own string.
    let path = unsafe { CStr::from_ptr(name) };
    let file = path.to_bytes().rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    if !file.starts_with(search.name) {
        return 0;
    }
    search.found = Some(path.to_owned());
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_loaded_is_found_and_what_is_not_is_not() {
        let exit = c"_exit".as_ptr();
        let library = Library::named("libc.so").unwrap();
        // SAFETY: a library that is loaded, and a string that ends.
        let found = unsafe { libc::dlsym(library.handle(), exit) };
        assert!(!found.is_null());
        let libc = object_of(found).unwrap();
        assert!(Library::of(&libc).unwrap().exports(&libc, c"_exit"));
        let program = object_of(visit as *const c_void).unwrap();
        assert!(!Library::of(&program).unwrap().exports(&program, c"_exit"), "it is the C library's");
        assert!(Library::named("libm-of-nobody.so").is_none());
    }
}

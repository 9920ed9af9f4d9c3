//! Reads the registry. Anyone who may write a key can put anything into it: values of another type than is usual, of any length, without the zero at their end.

use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::{
    ERROR_FILE_NOT_FOUND, ERROR_MORE_DATA, ERROR_PATH_NOT_FOUND, ERROR_SUCCESS, FILETIME,
};
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_CURRENT_USER, HKEY_LOCAL_MACHINE, KEY_READ, KEY_WOW64_32KEY, KEY_WOW64_64KEY, REG_DWORD, REG_EXPAND_SZ,
    REG_SZ, RegCloseKey, RegEnumKeyExW, RegOpenKeyExW, RegQueryInfoKeyW, RegQueryValueExW,
};

use super::wide::{narrow, wide};

/// Of a value that is asked for twice, in bytes; more is none of what is looked for.
const VALUE_LIMIT: usize = 1 << 20;

/// The longest name of a key, and its zero, in characters.
const NAME_LENGTH: usize = 256;

/// Which of its two registries a 64-bit Windows shows. A 32-bit one has only one, whichever is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    Bits64,
    Bits32,
}

impl View {
    pub(super) const BOTH: [Self; 2] = [Self::Bits64, Self::Bits32];
}

/// What there is no name for in a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hive {
    Machine,
    User,
}

/// An open key, for reading.
#[derive(Debug)]
pub(super) struct Key {
    handle: HKEY,
    view: View,
}

impl Key {
    /// `None` where there is no such key.
    pub(super) fn open(hive: Hive, path: &str, view: View) -> io::Result<Option<Self>> {
        let root = match hive {
            Hive::Machine => HKEY_LOCAL_MACHINE,
            Hive::User => HKEY_CURRENT_USER,
        };
        Self::open_below(root, path, view)
    }

    /// The key at `path` below this one; `None` where it cannot be read either: then nobody has what is looked for.
    pub(super) fn sub_key(&self, path: &str) -> Option<Self> {
        Self::open_below(self.handle, path, self.view).ok().flatten()
    }

    fn open_below(parent: HKEY, path: &str, view: View) -> io::Result<Option<Self>> {
        let mut handle: HKEY = ptr::null_mut();
        let access = KEY_READ
            | match view {
                View::Bits64 => KEY_WOW64_64KEY,
                View::Bits32 => KEY_WOW64_32KEY,
            };
        let path = wide(path);
        // SAFETY: an open key, a path with a zero at its end, and a place for the new handle.
        let result = unsafe { RegOpenKeyExW(parent, path.as_ptr(), 0, access, &raw mut handle) };
        match result {
            ERROR_SUCCESS => Ok(Some(Self { handle, view })),
            ERROR_FILE_NOT_FOUND | ERROR_PATH_NOT_FOUND => Ok(None),
            error => Err(io::Error::from_raw_os_error(error.cast_signed())),
        }
    }

    /// The names of the keys in this one, `limit` at most, sorted.
    pub(super) fn names(&self, limit: usize) -> Vec<String> {
        let mut names: Vec<String> = (0..limit as u32).map_while(|index| self.name_at(index)).flatten().collect();
        names.sort_unstable();
        names
    }

    /// `None` behind the last one, `Some(None)` for one whose name cannot be had.
    fn name_at(&self, index: u32) -> Option<Option<String>> {
        let mut name = [0; NAME_LENGTH];
        let mut length = NAME_LENGTH as u32;
        // SAFETY: an open key, a place for a name and its length; the rest is not asked for.
        let result = unsafe {
            RegEnumKeyExW(
                self.handle,
                index,
                name.as_mut_ptr(),
                &raw mut length,
                ptr::null(),
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        match result {
            ERROR_SUCCESS => Some(Some(narrow(name.get(..length as usize).unwrap_or(&name)))),
            ERROR_MORE_DATA => Some(None),
            // ERROR_NO_MORE_ITEMS, or a key that was deleted meanwhile.
            _ => None,
        }
    }

    /// A text that is not empty, with its variables (`%SystemRoot%`) as they are.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let (kind, bytes) = self.value(name)?;
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        Some(narrow(&units)).filter(|text| matches!(kind, REG_SZ | REG_EXPAND_SZ) && !text.is_empty())
    }

    pub(super) fn number(&self, name: &str) -> Option<u32> {
        let (kind, bytes) = self.value(name)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?)).filter(|_| kind == REG_DWORD)
    }

    /// Whether there is such a value, of whatever type.
    pub(super) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// Type and bytes of a value, as they are.
    fn value(&self, name: &str) -> Option<(u32, Vec<u8>)> {
        let name = wide(name);
        let mut bytes = vec![0; 1024];
        loop {
            let (mut kind, mut length) = (0, bytes.len() as u32);
            // SAFETY: an open key, a name with a zero at its end, and places for type, bytes and their number.
            let result = unsafe {
                RegQueryValueExW(
                    self.handle,
                    name.as_ptr(),
                    ptr::null(),
                    &raw mut kind,
                    bytes.as_mut_ptr(),
                    &raw mut length,
                )
            };
            match (result, length as usize) {
                (ERROR_SUCCESS, length) => {
                    bytes.truncate(length);
                    return Some((kind, bytes));
                }
                // Once more each time that it is said to be longer, which ends at the limit.
                (ERROR_MORE_DATA, length) if bytes.len() < length && length <= VALUE_LIMIT => bytes.resize(length, 0),
                _ => return None,
            }
        }
    }

    /// When the key or one of its values was last written, in seconds since 1970.
    pub(super) fn written(&self) -> Option<u64> {
        let mut time = FILETIME::default();
        // SAFETY: an open key and a place for the time; the rest is not asked for.
        let result = unsafe {
            RegQueryInfoKeyW(
                self.handle,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null(),
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
                &raw mut time,
            )
        };
        // Steps of 100 ns since 1601.
        let steps = u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime);
        (result == ERROR_SUCCESS).then(|| (steps / 10_000_000).checked_sub(11_644_473_600)).flatten()
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: opened by us, and closed once.
        unsafe { RegCloseKey(self.handle) };
    }
}

#[cfg(test)]
pub(super) mod tests;

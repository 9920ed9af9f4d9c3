//! The version that stands in a program file.

use std::ffi::c_void;
use std::ptr;

use windows_sys::Win32::Storage::FileSystem::{
    GetFileVersionInfoSizeW, GetFileVersionInfoW, VS_FIXEDFILEINFO, VerQueryValueW,
};

use super::volumes::is_local;
use super::wide::wide;

/// Of the version block of one file.
const LIMIT: u32 = 1 << 20;

/// As in `VS_FIXEDFILEINFO`.
const SIGNATURE: u32 = 0xfeef_04bd;

/// `10.0.19041.1`; empty where the file has none, cannot be read or lies on another machine, which may not answer.
pub(super) fn of(path: &str) -> String {
    if !is_local(path) {
        return String::new();
    }
    let path = wide(path);
    // SAFETY: a path with a zero at its end; the second place is not asked for.
    let size = unsafe { GetFileVersionInfoSizeW(path.as_ptr(), ptr::null_mut()) };
    if !(1..=LIMIT).contains(&size) {
        return String::new();
    }
    // Aligned for what lies in it.
    let mut block = vec![0_u64; (size as usize).div_ceil(8)];
    let place: *mut c_void = block.as_mut_ptr().cast();
    // SAFETY: a path with a zero at its end, and a place of at least this size.
    if unsafe { GetFileVersionInfoW(path.as_ptr(), 0, size, place) } == 0 {
        return String::new();
    }
    let (mut at, mut length): (*mut c_void, u32) = (ptr::null_mut(), 0);
    let root = wide(r"\");
    // SAFETY: the block that was just filled, a name with a zero at its end, and places for where it is and how long.
    let found = unsafe { VerQueryValueW(place, root.as_ptr(), &raw mut at, &raw mut length) };
    let inside = block.as_ptr_range().contains(&at.cast_const().cast());
    let room = (block.as_ptr_range().end as usize).saturating_sub(at as usize);
    if found == 0 || !inside || (length as usize).min(room) < size_of::<VS_FIXEDFILEINFO>() {
        return String::new();
    }
    // SAFETY: it lies in the block, as was just seen, and is of integers.
    let info = unsafe { at.cast::<VS_FIXEDFILEINFO>().read_unaligned() };
    if info.dwSignature != SIGNATURE {
        return String::new();
    }
    let [a, b] = [info.dwFileVersionMS >> 16, info.dwFileVersionMS & 0xffff];
    let [c, d] = [info.dwFileVersionLS >> 16, info.dwFileVersionLS & 0xffff];
    format!("{a}.{b}.{c}.{d}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_system_has_a_version_and_others_have_none() {
        let version = of(r"C:\windows\system32\kernel32.dll");
        assert!(version.split('.').count() == 4 && version.starts_with(|c: char| c.is_ascii_digit()), "{version}");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), [b'M', b'Z', 0xff, 0xff]).unwrap();
        for path in [file.path().to_str().unwrap(), r"C:\absent.dll", r"\\server\share\x.dll", "x.dll", ""] {
            assert_eq!(of(path), "", "{path}");
        }
    }
}

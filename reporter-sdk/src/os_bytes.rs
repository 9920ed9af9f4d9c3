//! Texts of the operating system as bytes, for messages between product and handler.

use std::ffi::{OsStr, OsString};

/// What [`from_bytes`] reads: on Unix the bytes themselves, on Windows UTF-16, little-endian.
pub(crate) fn to_bytes(text: &OsStr) -> Vec<u8> {
    #[cfg(unix)]
    return std::os::unix::ffi::OsStrExt::as_bytes(text).to_vec();
    #[cfg(windows)]
    return std::os::windows::ffi::OsStrExt::encode_wide(text).flat_map(u16::to_le_bytes).collect();
}

/// The text of these bytes, whatever they are.
pub(crate) fn from_bytes(bytes: Vec<u8>) -> OsString {
    #[cfg(unix)]
    return std::os::unix::ffi::OsStringExt::from_vec(bytes);
    #[cfg(windows)]
    {
        let (units, _) = bytes.as_chunks();
        let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
        std::os::windows::ffi::OsStringExt::from_wide(&units)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_comes_back() {
        for text in ["", "C:\\Users\\Ünï 中\\日誌.log", "/home/me/ledger"] {
            assert_eq!(from_bytes(to_bytes(OsStr::new(text))), text);
        }
    }

    #[test]
    fn what_is_no_text_comes_back_as_well() {
        #[cfg(unix)]
        let odd: OsString = std::os::unix::ffi::OsStringExt::from_vec(vec![0xff, b'/']);
        #[cfg(windows)]
        let odd: OsString = std::os::windows::ffi::OsStringExt::from_wide(&[0xd800, 0x41]);
        assert_eq!(from_bytes(to_bytes(&odd)), odd);
        from_bytes(vec![1, 2, 3]);
    }
}

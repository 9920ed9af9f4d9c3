//! Which API a product was compiled for, and which library it found.

use std::ffi::{CStr, c_char};

/// The version of the library that this header belongs to. Within a major version, and while that is 0 within a minor one, what is
/// compiled with an older header runs with a newer library.
pub const REPORTER_VERSION_MAJOR: u32 = 0;
pub const REPORTER_VERSION_MINOR: u32 = 1;
pub const REPORTER_VERSION_PATCH: u32 = 0;

const TEXT: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(text) => text,
    Err(_) => panic!("a version without zero bytes"),
};

/// The version of the library that runs: major << 24 | minor << 16 | patch.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_version() -> u32 {
    (REPORTER_VERSION_MAJOR << 24) | (REPORTER_VERSION_MINOR << 16) | REPORTER_VERSION_PATCH
}

/// The version of the library that runs, such as "0.1.0". It is the library's, and always valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_version_text() -> *const c_char {
    TEXT.as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_tells_the_version_of_the_package() {
        let header = format!("{REPORTER_VERSION_MAJOR}.{REPORTER_VERSION_MINOR}.{REPORTER_VERSION_PATCH}");
        assert_eq!(header, env!("CARGO_PKG_VERSION"));
        assert_eq!(TEXT.to_str(), Ok(env!("CARGO_PKG_VERSION")));
    }
}

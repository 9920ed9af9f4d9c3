//! Values in the registry that only an administrator can write, mostly by a group policy: see `docs/admx`.
//!
//! `HKLM\Software\Policies\Error Reporting` holds for every product, its key `<vendor>\<product>` for one:
//!
//! ```text
//! Consent  REG_SZ        ask, basic, safe, everything or never; without it: ask
//! Never    REG_MULTI_SZ  names of categories: never collected nor sent, whoever wishes it
//! ```

use std::ffi::OsStr;
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::ptr;

use report_format::schema::v1::SoftError;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};
use windows_sys::Win32::Foundation::{
    ERROR_FILE_NOT_FOUND, ERROR_MORE_DATA, ERROR_NO_MORE_ITEMS, ERROR_PATH_NOT_FOUND, ERROR_SUCCESS, WIN32_ERROR,
};
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_LOCAL_MACHINE, KEY_QUERY_VALUE, KEY_WOW64_64KEY, REG_MULTI_SZ, REG_SZ, REG_VALUE_TYPE, RegCloseKey,
    RegEnumValueW, RegOpenKeyExW,
};

use super::{AdministratorConsent, Places, Stated, soft_error};
use crate::text::path_component;

/// Where the values lie.
const KEY: &str = r"Software\Policies\Error Reporting";
const CONSENT: &str = "Consent";
const NEVER: &str = "Never";
/// Nothing longer is a policy.
const LONGEST: usize = 64 << 10;
/// UTF-16 units of a value's name, as the system limits it.
const LONGEST_NAME: usize = 16 << 10;
/// Values of a key: we know two.
const MOST: u32 = 64;

pub(super) fn read(vendor: &str, product: &str, soft_errors: &mut Vec<SoftError>) -> Places {
    let own = format!(r"{KEY}\{}\{}", path_component(vendor), path_component(product));
    Places { of_all: read_key(KEY, soft_errors), of_product: read_key(&own, soft_errors) }
}

fn read_key(path: &str, soft_errors: &mut Vec<SoftError>) -> Stated {
    let stated = match Key::open(path) {
        Ok(None) => return Stated::default(),
        Ok(Some(key)) => key.stated(),
        Err(error) => Err(error.to_string()),
    };
    stated.unwrap_or_else(|reason| {
        soft_errors.push(soft_error(format!(
            "the administrator's policy HKLM\\{path} cannot be used: {reason}; nothing is sent until it is mended"
        )));
        Stated::unclear()
    })
}

/// An open key of the registry.
struct Key(HKEY);

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: a key that `open` has opened.
        unsafe { RegCloseKey(self.0) };
    }
}

/// A value: its name, its type and its bytes.
type Value = (String, REG_VALUE_TYPE, Vec<u8>);

impl Key {
    /// `None` where there is none. A program of 32 bits would be shown another one by this name.
    fn open(path: &str) -> io::Result<Option<Self>> {
        let path: Vec<u16> = OsStr::new(path).encode_wide().chain([0]).collect();
        let mut key = ptr::null_mut();
        let access = KEY_QUERY_VALUE | KEY_WOW64_64KEY;
        // SAFETY: the path ends in a zero; the key's place lives here.
        match unsafe { RegOpenKeyExW(HKEY_LOCAL_MACHINE, path.as_ptr(), 0, access, &raw mut key) } {
            ERROR_SUCCESS => Ok(Some(Self(key))),
            ERROR_FILE_NOT_FOUND | ERROR_PATH_NOT_FOUND => Ok(None),
            error => Err(os_error(error)),
        }
    }

    /// What its values say; what is none of ours is a slip of somebody who wanted something.
    fn stated(&self) -> Result<Stated, String> {
        let mut stated = Stated::default();
        for index in 0..MOST {
            let Some((name, kind, bytes)) = self.value(index)? else { return Ok(stated) };
            // Names have no case here.
            if name.eq_ignore_ascii_case(CONSENT) && kind == REG_SZ {
                stated.consent = Some(grade(&strings(&bytes).concat())?);
            } else if name.eq_ignore_ascii_case(NEVER) && kind == REG_MULTI_SZ {
                stated.never = strings(&bytes);
            } else {
                return Err(format!(
                    "{name:?} of type {kind} is neither {CONSENT} (a text) nor {NEVER} (a list of texts)"
                ));
            }
        }
        Err(format!("it has {MOST} values or more"))
    }

    fn value(&self, index: u32) -> Result<Option<Value>, String> {
        let (mut name, mut bytes) = (vec![0_u16; LONGEST_NAME], vec![0_u8; LONGEST]);
        let (mut name_length, mut length, mut kind) = (name.len() as u32, bytes.len() as u32, 0);
        // SAFETY: an open key; room of the lengths that are told, and places that live here.
        let error = unsafe {
            RegEnumValueW(
                self.0,
                index,
                name.as_mut_ptr(),
                &raw mut name_length,
                ptr::null(),
                &raw mut kind,
                bytes.as_mut_ptr(),
                &raw mut length,
            )
        };
        match error {
            ERROR_SUCCESS => {}
            ERROR_NO_MORE_ITEMS => return Ok(None),
            ERROR_MORE_DATA => return Err(format!("a value is longer than {LONGEST} bytes")),
            error => return Err(os_error(error).to_string()),
        }
        name.truncate(name_length as usize);
        bytes.truncate(length as usize);
        Ok(Some((String::from_utf16_lossy(&name), kind, bytes)))
    }
}

fn grade(text: &str) -> Result<AdministratorConsent, String> {
    let text: StrDeserializer<'_, Error> = text.into_deserializer();
    AdministratorConsent::deserialize(text).map_err(|error| error.to_string())
}

/// The texts in a value, which should end in zeros and need not.
fn strings(bytes: &[u8]) -> Vec<String> {
    let (units, _) = bytes.as_chunks::<2>();
    let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
    let texts = units.split(|unit| *unit == 0).filter(|text| !text.is_empty());
    texts.map(String::from_utf16_lossy).collect()
}

fn os_error(error: WIN32_ERROR) -> io::Error {
    io::Error::from_raw_os_error(error.cast_signed())
}

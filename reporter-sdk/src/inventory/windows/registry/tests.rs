//! A key of our own with values that nobody expects.

use windows_sys::Win32::System::Registry::{
    KEY_ALL_ACCESS, REG_BINARY, REG_OPTION_VOLATILE, REG_QWORD, RegCreateKeyExW, RegDeleteTreeW, RegSetValueExW,
};

use super::*;

/// A key below `HKCU\Software` that goes with it. Volatile: if the test is ended it is gone with the session.
pub(in crate::inventory::windows) struct Prepared {
    pub(in crate::inventory::windows) path: String,
}

impl Prepared {
    pub(in crate::inventory::windows) fn new(name: &str) -> Self {
        let path = format!(r"Software\Reporter Tests\{name} {}", std::process::id());
        let prepared = Self { path };
        prepared.key("");
        prepared
    }

    /// The key at `path` below it, made where there is none.
    fn key(&self, path: &str) -> Key {
        let path = format!(r"{}\{path}", self.path);
        let path = wide(path.trim_end_matches('\\'));
        let mut handle: HKEY = ptr::null_mut();
        // SAFETY: a path with a zero at its end, and a place for the new handle.
        let result = unsafe {
            RegCreateKeyExW(
                HKEY_CURRENT_USER,
                path.as_ptr(),
                0,
                ptr::null(),
                REG_OPTION_VOLATILE,
                KEY_ALL_ACCESS,
                ptr::null(),
                &raw mut handle,
                ptr::null_mut(),
            )
        };
        assert_eq!(result, ERROR_SUCCESS);
        Key { handle, view: View::Bits64 }
    }

    pub(in crate::inventory::windows) fn bytes(&self, path: &str, name: &str, kind: u32, bytes: &[u8]) {
        let key = self.key(path);
        let name = wide(name);
        // Of no bytes Rust has an address that is none, and Wine looks at it all the same.
        let start = if bytes.is_empty() { ptr::null() } else { bytes.as_ptr() };
        // SAFETY: an open key, a name with a zero at its end, and bytes of this length.
        let result = unsafe { RegSetValueExW(key.handle, name.as_ptr(), 0, kind, start, bytes.len() as u32) };
        assert_eq!(result, ERROR_SUCCESS);
    }

    pub(in crate::inventory::windows) fn text(&self, path: &str, name: &str, text: &str) {
        let bytes: Vec<u8> = wide(text).into_iter().flat_map(u16::to_le_bytes).collect();
        self.bytes(path, name, REG_SZ, &bytes);
    }

    pub(in crate::inventory::windows) fn number(&self, path: &str, name: &str, number: u32) {
        self.bytes(path, name, REG_DWORD, &number.to_le_bytes());
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        let path = wide(&self.path);
        // SAFETY: a path with a zero at its end, of a key of ours.
        unsafe { RegDeleteTreeW(HKEY_CURRENT_USER, path.as_ptr()) };
    }
}

fn open(prepared: &Prepared, path: &str) -> Option<Key> {
    Key::open(Hive::User, &format!(r"{}\{path}", prepared.path), View::Bits64).unwrap()
}

#[test]
fn texts_and_numbers_are_read_in_their_own_type_only() {
    let prepared = Prepared::new("types");
    prepared.text("k", "text", "Grüße");
    prepared.number("k", "number", 7);
    prepared.bytes("k", "expand", REG_EXPAND_SZ, b"%\0a\0%\0\0\0");
    prepared.bytes("k", "binary", REG_BINARY, b"a\0b\0\0\0");
    prepared.bytes("k", "qword", REG_QWORD, &[1, 0, 0, 0, 0, 0, 0, 0]);
    prepared.text("k", "empty", "");
    let key = open(&prepared, "k").unwrap();
    assert_eq!(key.text("text").as_deref(), Some("Grüße"));
    assert_eq!(key.text("expand").as_deref(), Some("%a%"));
    assert_eq!(key.number("number"), Some(7));
    for name in ["number", "binary", "qword", "empty", "absent"] {
        assert_eq!(key.text(name), None, "{name}");
    }
    for name in ["text", "binary", "qword", "absent"] {
        assert_eq!(key.number(name), None, "{name}");
    }
    assert!(key.has("binary") && !key.has("absent"));
    assert!(open(&prepared, "absent").is_none());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(key.written().unwrap().abs_diff(now) < 3600);
}

#[test]
fn values_of_hostile_length_are_cut_or_left_out() {
    let prepared = Prepared::new("lengths");
    prepared.bytes("k", "unterminated", REG_SZ, b"a\0b\0");
    prepared.bytes("k", "odd", REG_SZ, b"a\0b\0c");
    prepared.bytes("k", "one byte", REG_SZ, b"a");
    prepared.bytes("k", "nothing", REG_SZ, b"");
    prepared.bytes("k", "zeroes inside", REG_SZ, b"a\0\0\0b\0\0\0");
    prepared.bytes("k", "half a character", REG_SZ, b"\0\xd8a\0");
    prepared.bytes("k", "long", REG_SZ, &b"x\0".repeat(100_000));
    prepared.bytes("k", "too long", REG_SZ, &b"x\0".repeat(VALUE_LIMIT));
    prepared.bytes("k", "short number", REG_DWORD, &[1, 0]);
    prepared.bytes("k", "long number", REG_DWORD, &[1; 5000]);
    let key = open(&prepared, "k").unwrap();
    assert_eq!(key.text("unterminated").as_deref(), Some("ab"));
    assert_eq!(key.text("odd").as_deref(), Some("ab"));
    assert_eq!(key.text("one byte"), None);
    assert_eq!(key.text("nothing"), None);
    assert_eq!(key.text("zeroes inside").as_deref(), Some("a"));
    assert_eq!(key.text("half a character").as_deref(), Some("\u{fffd}a"));
    assert_eq!(key.text("long").unwrap().len(), 100_000);
    assert_eq!(key.text("too long"), None);
    assert_eq!((key.number("short number"), key.number("long number")), (None, None));
}

#[test]
fn keys_are_listed_up_to_the_limit() {
    let prepared = Prepared::new("keys");
    for name in ["b", "a", "c"] {
        prepared.number(name, "x", 1);
    }
    let key = open(&prepared, "").unwrap();
    assert_eq!(key.names(10), ["a", "b", "c"]);
    assert_eq!(key.names(2).len(), 2);
    assert_eq!(key.sub_key("a").unwrap().number("x"), Some(1));
    assert!(key.sub_key("d").is_none());
}

//! Who may do what with an object of the system: its security descriptor, made and read.

#[cfg(any(feature = "handler", test))]
#[cfg_attr(not(feature = "handler"), expect(dead_code, reason = "tests use a part of it"))]
mod folders;

use std::{
    ffi::c_void,
    fmt, io,
    os::windows::io::{AsHandle, AsRawHandle},
    ptr, slice,
};

use windows_sys::Win32::{
    Foundation::{ERROR_SUCCESS, LocalFree, WIN32_ERROR},
    Security::{
        ACL,
        Authorization::{
            ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, GetSecurityInfo,
            SDDL_REVISION_1, SE_FILE_OBJECT,
        },
        DACL_SECURITY_INFORMATION, OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID, SECURITY_ATTRIBUTES,
    },
};

#[cfg(feature = "handler")]
pub(crate) use folders::{make_folder, owner_only_folder, verbatim};

use crate::places;

/// The system itself.
pub(crate) const SYSTEM: &str = "S-1-5-18";
/// The machine's administrators.
pub(crate) const ADMINISTRATORS: &str = "S-1-5-32-544";
/// The service that installs the system's own files.
pub(crate) const TRUSTED_INSTALLER: &str = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";
/// Stand for whoever makes something in a folder, for their group, and for the owner, who is looked at anyway. Nobody is one of these by himself.
const STAND_INS: [&str; 3] = ["S-1-3-0", "S-1-3-1", "S-1-3-4"];

/// Values of `ACE_HEADER.AceType` and `AceFlags`.
const ALLOWED: u8 = 0;
const DENIED: u8 = 1;
const ALLOWED_CALLBACK: u8 = 9;
const DENIED_CALLBACK: u8 = 10;
const INHERIT_ONLY: u8 = 8;

/// A security descriptor that the system has allocated.
pub(crate) struct Descriptor(PSECURITY_DESCRIPTOR);

impl Descriptor {
    /// As the Security Descriptor Definition Language writes it.
    pub(crate) fn of_text(text: &str) -> io::Result<Self> {
        let text: Vec<u16> = text.encode_utf16().chain([0]).collect();
        let mut descriptor = ptr::null_mut();
        // SAFETY: the text ends in a zero; the descriptor's place lives here, and its size is not asked for.
        let made = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                &raw mut descriptor,
                ptr::null_mut(),
            )
        };
        if made == 0 { Err(io::Error::last_os_error()) } else { Ok(Self(descriptor)) }
    }

    /// For an object that lets in this process's user and nobody else.
    pub(crate) fn owner_only() -> io::Result<Self> {
        Self::of_text(&format!("D:P(A;;GA;;;{})", places::user()?))
    }

    /// For making an object with it. The attributes are to be used as long as this lives.
    pub(crate) fn attributes(&self, inherited: bool) -> SECURITY_ATTRIBUTES {
        SECURITY_ATTRIBUTES {
            nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
            lpSecurityDescriptor: self.0,
            bInheritHandle: inherited.into(),
        }
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: the system allocated it for us.
        unsafe { LocalFree(self.0) };
    }
}

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Descriptor")
    }
}

/// Whose a file or folder is, and what others than some may do with it.
#[derive(Debug)]
pub(crate) struct Access {
    /// The owner's security identifier, as text.
    pub(crate) owner: String,
    /// `None` where the system keeps no list: everybody may do everything.
    entries: Option<Vec<Entry>>,
}

/// An entry that allows something.
#[derive(Debug, PartialEq)]
struct Entry {
    who: String,
    rights: u32,
    /// For what is made in the folder alone.
    inherit_only: bool,
}

impl Access {
    /// Of an open file or folder.
    pub(crate) fn of(file: &impl AsHandle) -> io::Result<Self> {
        let handle = file.as_handle().as_raw_handle();
        let what = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
        Self::read(|owner, list, descriptor| {
            // SAFETY: a handle that is borrowed for the call; the rest as above.
            unsafe {
                GetSecurityInfo(handle, SE_FILE_OBJECT, what, owner, ptr::null_mut(), list, ptr::null_mut(), descriptor)
            }
        })
    }

    fn read(get: impl FnOnce(*mut PSID, *mut *mut ACL, *mut PSECURITY_DESCRIPTOR) -> WIN32_ERROR) -> io::Result<Self> {
        let (mut owner, mut list, mut descriptor) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        done(get(&raw mut owner, &raw mut list, &raw mut descriptor))?;
        // Owner and list lie in it.
        let _descriptor = Descriptor(descriptor);
        if owner.is_null() {
            return Err(io::Error::other("nobody owns it"));
        }
        // SAFETY: a SID of the system's, in the descriptor.
        let owner = unsafe { sid_text(owner) }?;
        if list.is_null() {
            return Ok(Self { owner, entries: None });
        }
        // SAFETY: a list of the system's, in the descriptor; it begins with its header.
        let size = unsafe { (&raw const (*list).AclSize).read() };
        // SAFETY: as the header says, and the system has checked when the list was set.
        let bytes = unsafe { slice::from_raw_parts(list.cast::<u8>(), size.into()) };
        Ok(Self { owner, entries: Some(entries(bytes)?) })
    }

    /// The first who may do any of `rights` with it, and is none of `trusted`.
    pub(crate) fn others_who_may(&self, rights: u32, trusted: &[&str]) -> Option<&str> {
        let Some(entries) = &self.entries else { return Some("everybody") };
        let is_known = |who: &str| trusted.contains(&who) || STAND_INS.contains(&who);
        let other = |entry: &&Entry| !entry.inherit_only && entry.rights & rights != 0 && !is_known(&entry.who);
        entries.iter().find(other).map(|entry| entry.who.as_str())
    }
}

/// The entries that allow something, of an access list as it lies in memory.
fn entries(list: &[u8]) -> io::Result<Vec<Entry>> {
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, "an access list that makes no sense");
    let count = list.get(4..6).and_then(|count| count.try_into().ok()).map(u16::from_le_bytes).ok_or_else(malformed)?;
    let mut rest = list.get(8..).ok_or_else(malformed)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        let &[kind, flags, low, high, ..] = rest else { return Err(malformed()) };
        let size = usize::from(u16::from_le_bytes([low, high])).max(4);
        let (entry, after) = rest.split_at_checked(size).ok_or_else(malformed)?;
        rest = after;
        match kind {
            DENIED | DENIED_CALLBACK => {}
            ALLOWED | ALLOWED_CALLBACK => {
                let (rights, sid) = entry[4..].split_first_chunk::<4>().ok_or_else(malformed)?;
                let who = sid_of_bytes(sid).ok_or_else(malformed)?;
                let rights = u32::from_le_bytes(*rights);
                entries.push(Entry { who, rights, inherit_only: flags & INHERIT_ONLY != 0 });
            }
            // Of no kind that files have: whom it allows what is not known.
            _ => entries.push(Entry { who: format!("entry of type {kind}"), rights: !0, inherit_only: false }),
        }
    }
    Ok(entries)
}

/// `S-1-5-32-544`, of a SID as it lies in memory, with more behind it or not.
fn sid_of_bytes(sid: &[u8]) -> Option<String> {
    let ([revision, count, authority @ ..], rest) = sid.split_first_chunk::<8>()?;
    let authority = authority.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let (parts, _) = rest.as_chunks::<4>();
    let mut text = format!("S-{revision}-{authority}");
    for part in parts.get(..usize::from(*count))? {
        text.push_str(&format!("-{}", u32::from_le_bytes(*part)));
    }
    Some(text)
}

/// # Safety
/// `sid` is a valid SID.
pub(crate) unsafe fn sid_text(sid: PSID) -> io::Result<String> {
    let mut text = ptr::null_mut();
    // SAFETY: as the caller promises; the text's place lives here.
    if unsafe { ConvertSidToStringSidW(sid, &raw mut text) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a text of the system's, with a zero at its end.
    let sid = unsafe { places::wide_text(text) }.to_string_lossy().into_owned();
    // SAFETY: the system allocated it for us.
    unsafe { LocalFree(text.cast::<c_void>()) };
    Ok(sid)
}

fn done(error: WIN32_ERROR) -> io::Result<()> {
    if error == ERROR_SUCCESS { Ok(()) } else { Err(io::Error::from_raw_os_error(error.cast_signed())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list with one entry per (type, flags, rights, last part of its SID).
    fn list(of: &[(u8, u8, u32, u32)]) -> Vec<u8> {
        let mut list = vec![2, 0, 0, 0, of.len() as u8, 0, 0, 0];
        for (kind, flags, rights, last) in of {
            list.extend([*kind, *flags, 24, 0]);
            list.extend(rights.to_le_bytes());
            list.extend([1, 2, 0, 0, 0, 0, 0, 5]);
            list.extend([32_u32.to_le_bytes(), last.to_le_bytes()].as_flattened());
        }
        list
    }

    fn access(of: &[(u8, u8, u32, u32)]) -> Access {
        Access { owner: SYSTEM.into(), entries: Some(entries(&list(of)).unwrap()) }
    }

    #[test]
    fn who_may_do_what_is_read_from_the_list() {
        let users = "S-1-5-32-545";
        let read = access(&[(ALLOWED, 0, 0x1f_01ff, 544), (ALLOWED, 0, 0x1200a9, 545), (DENIED, 0, 2, 546)]);
        assert_eq!(read.others_who_may(2, &[ADMINISTRATORS]), None);
        assert_eq!(read.others_who_may(1, &[ADMINISTRATORS]), Some(users));
        assert!(!read.is_for(&[ADMINISTRATORS]) && read.is_for(&[ADMINISTRATORS, users]));
        let below = access(&[(ALLOWED, INHERIT_ONLY, 0x1f_01ff, 545)]);
        assert_eq!(below.others_who_may(!0, &[]), None);
        assert!(!below.is_for(&[ADMINISTRATORS]), "what is made in the folder is theirs as well");
        assert_eq!(access(&[(5, 0, 0, 1)]).others_who_may(1, &[]), Some("entry of type 5"));
        let none = Access { owner: SYSTEM.into(), entries: None };
        assert_eq!(none.others_who_may(1, &[SYSTEM]), Some("everybody"));
        assert!(!none.is_for(&[SYSTEM]));
    }

    #[test]
    fn a_list_that_is_cut_or_lies_is_an_error_and_no_more() {
        let whole = list(&[(ALLOWED, 0, 7, 544), (DENIED, 0, 7, 545)]);
        entries(&whole).unwrap();
        for end in 0..whole.len() {
            assert!(entries(&whole[..end]).is_err(), "{end}");
        }
        for at in 0..whole.len() {
            let mut odd = whole.clone();
            odd[at] = 0xff;
            let _ = entries(&odd);
        }
        assert_eq!(sid_of_bytes(&[1, 200, 0, 0, 0, 0, 0, 5, 1, 0, 0, 0]), None);
    }

    #[test]
    fn what_a_descriptor_says_the_system_tells_again() {
        let folder = tempfile::tempdir().unwrap();
        let access = Access::of_path(folder.path()).unwrap();
        assert!(access.owner.starts_with("S-1-5-"), "{access:?}");
        let descriptor = Descriptor::of_text(&format!("D:P(A;OICI;FA;;;{})(A;OICI;FA;;;SY)", places::user().unwrap()));
        assert!(Descriptor::of_text("no descriptor").is_err());
        drop(descriptor.unwrap());
    }
}

//! Whose a process is: the user in its token, and that user's rights.

use std::ffi::c_void;
use std::io;
use std::os::windows::io::{AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::ptr;

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::Security::{
    CheckTokenMembership, CreateWellKnownSid, GetTokenInformation, TOKEN_ELEVATION, TOKEN_ELEVATION_TYPE,
    TOKEN_INFORMATION_CLASS, TOKEN_QUERY, TOKEN_USER, TokenElevation, TokenElevationType, TokenElevationTypeDefault,
    TokenUser, WELL_KNOWN_SID_TYPE,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

/// A security identifier, which has 68 bytes at most, and what stands before it. Aligned for both.
type Room = [u64; 16];

#[derive(Debug)]
pub(super) struct Token(OwnedHandle);

impl Token {
    pub(super) fn own() -> io::Result<Self> {
        // SAFETY: has no parameters, and what it gives needs not be closed.
        let this = unsafe { BorrowedHandle::borrow_raw(GetCurrentProcess()) };
        Self::of(this)
    }

    /// Of another user's process only administrators get it.
    pub(super) fn of(process: BorrowedHandle<'_>) -> io::Result<Self> {
        let mut token: HANDLE = ptr::null_mut();
        // SAFETY: an open process, and a place for the token.
        if unsafe { OpenProcessToken(process.as_raw_handle(), TOKEN_QUERY, &raw mut token) } == 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: just made, and nobody else's.
        Ok(Self(unsafe { OwnedHandle::from_raw_handle(token) }))
    }

    /// Whether the user is a person's account: one of this machine or a domain (`S-1-5-21-…`), or of a directory in the net (`S-1-12-1-…`). All others are the
    /// system's own and its services'.
    pub(super) fn is_of_a_person(&self) -> io::Result<bool> {
        let mut room: Room = [0; 16];
        self.ask(TokenUser, room.as_mut_ptr().cast(), size_of_val(&room))?;
        let bytes: Vec<u8> = room.iter().flat_map(|word| word.to_ne_bytes()).collect();
        // It lies behind the structure that points at it: revision, number of parts, authority (6 bytes, big-endian), parts (4 bytes each).
        let sid = &bytes[size_of::<TOKEN_USER>()..];
        let (authority, first) = (sid[7], u32::from_ne_bytes([sid[8], sid[9], sid[10], sid[11]]));
        Ok(matches!((authority, first), (5, 21) | (12, 1)))
    }

    /// With all the rights that its user can have.
    pub(super) fn is_elevated(&self) -> io::Result<bool> {
        let mut elevation = TOKEN_ELEVATION::default();
        self.ask(TokenElevation, (&raw mut elevation).cast(), size_of_val(&elevation))?;
        Ok(elevation.TokenIsElevated != 0)
    }

    /// Whether the user has two tokens, of which this is one: an administrator, who has to be asked before he acts as one.
    pub(super) fn is_split(&self) -> io::Result<bool> {
        let mut kind: TOKEN_ELEVATION_TYPE = 0;
        self.ask(TokenElevationType, (&raw mut kind).cast(), size_of_val(&kind))?;
        Ok(kind != TokenElevationTypeDefault)
    }

    fn ask(&self, class: TOKEN_INFORMATION_CLASS, to: *mut c_void, size: usize) -> io::Result<()> {
        let mut length = 0;
        // SAFETY: an open token; the callers give a place of this size, which lives until the call returns.
        let done = unsafe { GetTokenInformation(self.0.as_raw_handle(), class, to, size as u32, &raw mut length) };
        if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// Whether this thread's user is a member of a group that every Windows has.
pub(super) fn is_member(group: WELL_KNOWN_SID_TYPE) -> io::Result<bool> {
    let mut sid: Room = [0; 16];
    let mut size = size_of_val(&sid) as u32;
    // SAFETY: no domain, and a place of this size.
    if unsafe { CreateWellKnownSid(group, ptr::null_mut(), sid.as_mut_ptr().cast(), &raw mut size) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let mut member = 0;
    // SAFETY: this thread's own token, the identifier that was just made, and a place for the answer.
    if unsafe { CheckTokenMembership(ptr::null_mut(), sid.as_mut_ptr().cast(), &raw mut member) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(member != 0)
}

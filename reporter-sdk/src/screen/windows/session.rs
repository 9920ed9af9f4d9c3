//! Whether a person sees the desktop of this process, and if not, why.

use std::{
    ffi::c_void,
    io,
    mem::{self, MaybeUninit},
    ptr,
};

use windows_sys::{
    Win32::{
        Foundation::{ERROR_ACCESS_DENIED, HANDLE},
        System::{
            RemoteDesktop::{
                ProcessIdToSessionId, WTS_CURRENT_SERVER_HANDLE, WTS_CURRENT_SESSION, WTS_INFO_CLASS,
                WTS_SESSIONSTATE_LOCK, WTSConnectState, WTSDisconnected, WTSFreeMemory, WTSINFOEXW,
                WTSQuerySessionInformationW, WTSSessionInfoEx,
            },
            StationsAndDesktops::{
                CloseDesktop, DESKTOP_READOBJECTS, GetProcessWindowStation, GetThreadDesktop,
                GetUserObjectInformationW, HDESK, OpenInputDesktop, UOI_NAME,
            },
            Threading::{GetCurrentProcessId, GetCurrentThreadId},
        },
    },
    core::PWSTR,
};

/// Where Windows has its services.
const SERVICES: u32 = 0;
/// The one window station of a session that is shown.
const SHOWN: &str = "WinSta0";
/// The desktop on which the system asks for passwords and consent.
const SECURE: &str = "Winlogon";

/// Why there is nothing to take an image of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::screen) enum SessionError {
    #[error("the program runs as a service, in the session that has no screen")]
    Service,
    #[error("the program runs on a window station that is never shown")]
    WindowStation,
    #[error("the session is disconnected: nobody sees its screen")]
    Disconnected,
    #[error("the screen is locked")]
    Locked,
    #[error("the screen shows the secure desktop, where the system asks for a password or for consent")]
    SecureDesktop,
    #[error("the screen shows another desktop than the program's")]
    OtherDesktop,
}

/// Refuses a session in which the screen shows something else than the desktop of this process, or nothing.
pub(in crate::screen) fn check() -> Result<(), SessionError> {
    Facts::look().judge()
}

/// `None` for what the system does not tell: then it is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Facts {
    session: Option<u32>,
    window_station: Option<String>,
    is_disconnected: bool,
    is_locked: bool,
    shown: Shown,
    own_desktop: Option<String>,
}

/// The desktop that has the keyboard.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shown {
    Desktop(Option<String>),
    /// One that is not ours to open.
    Denied,
    Unknown,
}

impl Facts {
    fn look() -> Facts {
        // SAFETY: has no parameters; a handle that is nobody's to close.
        let station = unsafe { GetProcessWindowStation() };
        // SAFETY: has no parameters.
        let thread = unsafe { GetCurrentThreadId() };
        // SAFETY: this thread, and a handle that is nobody's to close.
        let desktop = unsafe { GetThreadDesktop(thread) };
        Facts {
            session: session(),
            window_station: name(station),
            is_disconnected: told(WTSConnectState) == Some(WTSDisconnected),
            is_locked: told::<WTSINFOEXW>(WTSSessionInfoEx).is_some_and(|info| is_locked(&info)),
            shown: shown(),
            own_desktop: name(desktop),
        }
    }

    fn judge(&self) -> Result<(), SessionError> {
        if self.session == Some(SERVICES) {
            return Err(SessionError::Service);
        }
        if self.window_station.as_ref().is_some_and(|name| !name.eq_ignore_ascii_case(SHOWN)) {
            return Err(SessionError::WindowStation);
        }
        if self.is_disconnected {
            return Err(SessionError::Disconnected);
        }
        if self.is_locked {
            return Err(SessionError::Locked);
        }
        match (&self.shown, &self.own_desktop) {
            (Shown::Denied, _) => Err(SessionError::SecureDesktop),
            (Shown::Desktop(Some(shown)), _) if shown.eq_ignore_ascii_case(SECURE) => Err(SessionError::SecureDesktop),
            (Shown::Desktop(Some(shown)), Some(own)) if !shown.eq_ignore_ascii_case(own) => {
                Err(SessionError::OtherDesktop)
            }
            (Shown::Desktop(_) | Shown::Unknown, _) => Ok(()),
        }
    }
}

fn session() -> Option<u32> {
    // SAFETY: has no parameters.
    let process = unsafe { GetCurrentProcessId() };
    let mut session = 0;
    // SAFETY: a place for a number.
    (unsafe { ProcessIdToSessionId(process, &raw mut session) } != 0).then_some(session)
}

/// What the system knows of this session, as a structure of which any bytes are a value.
fn told<T>(class: WTS_INFO_CLASS) -> Option<T> {
    let (mut buffer, mut bytes): (PWSTR, u32) = (ptr::null_mut(), 0);
    // SAFETY: places for the address and the size of what it allocates.
    let done = unsafe {
        WTSQuerySessionInformationW(
            WTS_CURRENT_SERVER_HANDLE,
            WTS_CURRENT_SESSION,
            class,
            &raw mut buffer,
            &raw mut bytes,
        )
    };
    if done == 0 || buffer.is_null() {
        return None;
    }
    // SAFETY: so many bytes are there, and whatever they are is a value.
    let value = (bytes as usize >= size_of::<T>()).then(|| unsafe { buffer.cast::<T>().read_unaligned() });
    // SAFETY: the system allocated it for us.
    unsafe { WTSFreeMemory(buffer.cast()) };
    value
}

fn is_locked(info: &WTSINFOEXW) -> bool {
    if info.Level != 1 {
        return false;
    }
    // SAFETY: the only member that there is, and integers.
    let flags = unsafe { info.Data.WTSInfoExLevel1.SessionFlags };
    // Windows 7 had the two values the wrong way round; it is no longer served.
    flags.cast_unsigned() == WTS_SESSIONSTATE_LOCK
}

fn shown() -> Shown {
    // SAFETY: takes numbers.
    let desktop: HDESK = unsafe { OpenInputDesktop(0, 0, DESKTOP_READOBJECTS) };
    if desktop.is_null() {
        let denied = io::Error::last_os_error().raw_os_error() == Some(ERROR_ACCESS_DENIED.cast_signed());
        return if denied { Shown::Denied } else { Shown::Unknown };
    }
    let name = name(desktop);
    // SAFETY: just opened.
    unsafe { CloseDesktop(desktop) };
    Shown::Desktop(name)
}

/// Of a window station or a desktop.
fn name(object: *mut c_void) -> Option<String> {
    let mut room = MaybeUninit::<[u16; 128]>::zeroed();
    let mut needed = 0;
    // SAFETY: an object of this kind or null, and room of this size.
    let done = unsafe {
        GetUserObjectInformationW(
            object as HANDLE,
            UOI_NAME,
            room.as_mut_ptr().cast(),
            mem::size_of_val(&room) as u32,
            &raw mut needed,
        )
    };
    // SAFETY: numbers, which were zero.
    let room = unsafe { room.assume_init() };
    (done != 0).then(|| String::from_utf16_lossy(&room).split('\0').next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> Facts {
        Facts {
            session: Some(1),
            window_station: Some(SHOWN.into()),
            is_disconnected: false,
            is_locked: false,
            shown: Shown::Desktop(Some("Default".into())),
            own_desktop: Some("Default".into()),
        }
    }

    #[test]
    fn each_kind_of_session_that_shows_nothing_has_its_own_reason() {
        assert_eq!(usual().judge(), Ok(()));
        let desktop = |name: &str| Shown::Desktop(Some(name.into()));
        for (facts, expected) in [
            (Facts { session: Some(0), ..usual() }, SessionError::Service),
            (Facts { window_station: Some("Service-0x0-3e7$".into()), ..usual() }, SessionError::WindowStation),
            (Facts { is_disconnected: true, ..usual() }, SessionError::Disconnected),
            (Facts { is_locked: true, shown: Shown::Denied, ..usual() }, SessionError::Locked),
            (Facts { shown: Shown::Denied, ..usual() }, SessionError::SecureDesktop),
            (Facts { shown: desktop("Winlogon"), ..usual() }, SessionError::SecureDesktop),
            (Facts { shown: desktop("Screen-saver"), ..usual() }, SessionError::OtherDesktop),
        ] {
            assert_eq!(facts.judge(), Err(expected), "{facts:?}");
        }
    }

    #[test]
    fn what_the_system_does_not_tell_is_no_reason() {
        let nothing = Facts {
            session: None,
            window_station: None,
            is_disconnected: false,
            is_locked: false,
            shown: Shown::Unknown,
            own_desktop: None,
        };
        assert_eq!(nothing.judge(), Ok(()));
        assert_eq!(Facts { shown: Shown::Desktop(None), ..usual() }.judge(), Ok(()));
    }

    #[test]
    fn the_session_of_this_test_is_told() {
        let facts = Facts::look();
        eprintln!("{facts:?}");
        assert!(facts.session.is_some() && facts.window_station.is_some(), "{facts:?}");
    }
}

//! Whether anybody would see a window of this process.

use windows_sys::Win32::System::RemoteDesktop::ProcessIdToSessionId;
use windows_sys::Win32::System::StationsAndDesktops::{
    GetProcessWindowStation, GetUserObjectInformationW, UOI_FLAGS, USEROBJECTFLAGS,
};
use windows_sys::Win32::System::Threading::GetCurrentProcessId;
use windows_sys::Win32::UI::WindowsAndMessaging::WSF_VISIBLE;

/// Where Windows has its services. No display ever shows it.
const SERVICES: u32 = 0;

/// Whether this session has a desktop that a person can see.
pub fn can_show() -> bool {
    is_seen(session(), station_flags())
}

/// Of a session's number and its station's flags, as far as the system tells them. One that is locked, disconnected or of somebody far away is as any: its number says so of none of
/// these, its station stays visible, and the person comes back.
fn is_seen(session: Option<u32>, station_flags: Option<u32>) -> bool {
    session != Some(SERVICES) && station_flags.is_some_and(|flags| flags & WSF_VISIBLE.cast_unsigned() != 0)
}

/// `None` where the system does not tell: then it is tried.
fn session() -> Option<u32> {
    // SAFETY: has no parameters.
    let process = unsafe { GetCurrentProcessId() };
    let mut session = 0;
    // SAFETY: a place for a number, which lives here.
    (unsafe { ProcessIdToSessionId(process, &raw mut session) } != 0).then_some(session)
}

fn station_flags() -> Option<u32> {
    // SAFETY: has no parameters; a handle that is nobody's to close.
    let station = unsafe { GetProcessWindowStation() };
    let mut flags = USEROBJECTFLAGS::default();
    let size = size_of_val(&flags) as u32;
    // SAFETY: the station of this process, and room of the size that is said.
    let told =
        unsafe { GetUserObjectInformationW(station, UOI_FLAGS, (&raw mut flags).cast(), size, std::ptr::null_mut()) };
    (told != 0).then_some(flags.dwFlags)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A flag that says nothing of this.
    const OTHER: u32 = 0x10;
    const VISIBLE: u32 = WSF_VISIBLE.cast_unsigned();

    #[test]
    fn a_service_shows_nothing() {
        // Windows gives services that may speak with a desktop a station with this flag, in a session that nobody sees.
        assert!(!is_seen(Some(SERVICES), Some(VISIBLE)));
        assert!(!is_seen(Some(SERVICES), Some(0)));
        // With a person's account, but started by nobody at a desktop: a scheduled task, or a shell from far away.
        assert!(!is_seen(Some(1), Some(OTHER)));
        assert!(!is_seen(Some(1), None));
    }

    #[test]
    fn a_persons_session_shows_it_locked_disconnected_or_far_away() {
        for session in [1, 2, 65_536] {
            assert!(is_seen(Some(session), Some(VISIBLE | OTHER)), "session {session}");
        }
        // Where the system does not tell the number, it is tried.
        assert!(is_seen(None, Some(VISIBLE)));
    }
}

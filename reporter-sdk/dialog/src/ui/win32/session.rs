//! Whether anybody would see a window of this process.

use windows_sys::Win32::System::RemoteDesktop::ProcessIdToSessionId;
use windows_sys::Win32::System::StationsAndDesktops::{
    GetProcessWindowStation, GetUserObjectInformationW, UOI_FLAGS, USEROBJECTFLAGS,
};
use windows_sys::Win32::System::Threading::GetCurrentProcessId;
use windows_sys::Win32::UI::WindowsAndMessaging::WSF_VISIBLE;

/// Where Windows has its services. No display ever shows it.
const SERVICES: u32 = 0;

/// Whether this session has a desktop that a person can see. One that is locked or disconnected counts: the person comes back.
pub fn can_show() -> bool {
    session() != Some(SERVICES) && station_is_visible()
}

/// `None` where the system does not tell: then it is tried.
fn session() -> Option<u32> {
    // SAFETY: has no parameters.
    let process = unsafe { GetCurrentProcessId() };
    let mut session = 0;
    // SAFETY: a place for a number, which lives here.
    (unsafe { ProcessIdToSessionId(process, &raw mut session) } != 0).then_some(session)
}

fn station_is_visible() -> bool {
    // SAFETY: has no parameters; a handle that is nobody's to close.
    let station = unsafe { GetProcessWindowStation() };
    let mut flags = USEROBJECTFLAGS::default();
    let size = size_of_val(&flags) as u32;
    // SAFETY: the station of this process, and room of the size that is said.
    let told =
        unsafe { GetUserObjectInformationW(station, UOI_FLAGS, (&raw mut flags).cast(), size, std::ptr::null_mut()) };
    told != 0 && flags.dwFlags & WSF_VISIBLE.cast_unsigned() != 0
}

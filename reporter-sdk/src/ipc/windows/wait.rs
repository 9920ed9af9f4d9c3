//! Waits for one of several things.

use std::{
    io,
    os::windows::io::{AsRawHandle, BorrowedHandle},
    time::Duration,
};

use windows_sys::Win32::{
    Foundation::{WAIT_FAILED, WAIT_OBJECT_0},
    System::Threading::{INFINITE, WaitForMultipleObjects, WaitForSingleObject},
};

/// What can be waited for: an object that becomes signalled.
pub(crate) type Waitable<'a> = BorrowedHandle<'a>;

/// Waits until at least one is ready, or for so long; says which are. None may be, without reason.
pub(crate) fn ready<const N: usize>(of: [Waitable<'_>; N], timeout: Option<Duration>) -> io::Result<[bool; N]> {
    let handles = of.map(|object| object.as_raw_handle());
    // A wait that is longer than the system's longest ends without reason.
    let millis = timeout.map_or(INFINITE, |time| time.as_micros().div_ceil(1000).min(u128::from(INFINITE - 1)) as u32);
    // SAFETY: so many handles, which are borrowed for the call.
    if unsafe { WaitForMultipleObjects(N as u32, handles.as_ptr(), 0, millis) } == WAIT_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: as above.
    Ok(handles.map(|handle| unsafe { WaitForSingleObject(handle, 0) } == WAIT_OBJECT_0))
}

#[cfg(test)]
mod tests {
    use std::os::windows::io::AsHandle;

    use super::*;
    use crate::ipc::socket::event;

    #[test]
    fn what_is_ready_is_told_and_what_is_not_takes_its_time() {
        let (quiet, loud) = (event().unwrap(), event().unwrap());
        let short = Some(Duration::from_millis(30));
        assert_eq!(ready([quiet.as_handle(), loud.as_handle()], short).unwrap(), [false, false]);
        // SAFETY: an event that lives here.
        unsafe { windows_sys::Win32::System::Threading::SetEvent(loud.as_raw_handle()) };
        assert_eq!(ready([quiet.as_handle(), loud.as_handle()], None).unwrap(), [false, true]);
    }
}

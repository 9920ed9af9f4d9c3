//! An event with a name that whoever wants this process to end can find, and the signals of its console.

use std::ffi::OsStr;
use std::io;
use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::sync::OnceLock;
use std::time::Duration;

use windows_sys::Win32::Foundation::ERROR_ALREADY_EXISTS;
use windows_sys::Win32::System::Console::SetConsoleCtrlHandler;
use windows_sys::Win32::System::Console::{CTRL_C_EVENT, CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT};
use windows_sys::Win32::System::Threading::{CreateEventW, EVENT_MODIFY_STATE, OpenEventW, SetEvent};
use windows_sys::core::BOOL;

use crate::ipc::socket;
use crate::ipc::spawn::wide;
use crate::security::Descriptor;

/// What can be waited for together with other things.
pub(crate) type Waitable<'a> = BorrowedHandle<'a>;

/// Signalled from the first wish on, since nobody resets it.
static WISH: OnceLock<OwnedHandle> = OnceLock::new();

/// The event that a process of this number listens to. Its user's alone; each session has its own.
fn event_name(pid: u32) -> String {
    format!("Local\\error-reporting-stop-{pid}")
}

/// Makes the event, and takes the signals of the console out of their ordinary way.
pub(crate) fn listen() -> io::Result<()> {
    let _ = WISH.set(event(&event_name(std::process::id()))?);
    // SAFETY: a function that lives as long as this program.
    if unsafe { SetConsoleCtrlHandler(Some(on_signal), 1) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn event(name: &str) -> io::Result<OwnedHandle> {
    let security = Descriptor::owner_only()?;
    let attributes = security.attributes(false);
    let name = wide(OsStr::new(name))?;
    // SAFETY: the name ends in a zero; the attributes live until the call returns.
    let event = unsafe { CreateEventW(&raw const attributes, 1, 0, name.as_ptr()) };
    let error = io::Error::last_os_error();
    if event.is_null() {
        return Err(error);
    }
    // SAFETY: just made, and nobody else's.
    let event = unsafe { OwnedHandle::from_raw_handle(event) };
    // Situation: another program was there before, and could wish what it likes. Handling: an event without a name; the console's signals remain.
    if error.raw_os_error() == Some(ERROR_ALREADY_EXISTS.cast_signed()) { socket::event() } else { Ok(event) }
}

/// On a thread that the system starts for it.
unsafe extern "system" fn on_signal(signal: u32) -> BOOL {
    // Whoever presses Ctrl-C means the product.
    if signal == CTRL_C_EVENT {
        return 1;
    }
    if let Some(wish) = WISH.get() {
        // SAFETY: an event of ours.
        unsafe { SetEvent(wish.as_raw_handle()) };
    }
    // With the return of this function the system ends the process; until then it leaves it some seconds, for what is at hand.
    if matches!(signal, CTRL_CLOSE_EVENT | CTRL_LOGOFF_EVENT | CTRL_SHUTDOWN_EVENT) {
        std::thread::sleep(Duration::from_secs(20));
    }
    1
}

/// Asks a process that listens to end; false where none of this number does, or it is another user's.
pub(crate) fn ask(pid: u32) -> bool {
    let Ok(name) = wide(OsStr::new(&event_name(pid))) else { return false };
    // SAFETY: the name ends in a zero.
    let event = unsafe { OpenEventW(EVENT_MODIFY_STATE, 0, name.as_ptr()) };
    if event.is_null() {
        return false;
    }
    // SAFETY: just made, and nobody else's.
    let event = unsafe { OwnedHandle::from_raw_handle(event) };
    // SAFETY: an event that was just opened.
    unsafe { SetEvent(event.as_raw_handle()) != 0 }
}

/// Signalled once this program is to end; `None` where nobody listens.
pub(crate) fn wish() -> Option<Waitable<'static>> {
    WISH.get().map(AsHandle::as_handle)
}

/// Waits for so long, or until this program is to end. Returns whether it is.
pub(crate) fn rest(time: Duration) -> bool {
    let Some(wish) = wish() else {
        std::thread::sleep(time);
        return false;
    };
    socket::wait(&wish, time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_is_found_by_its_name_and_stays_signalled() {
        let name = event_name(std::process::id()) + "-test";
        let ours = event(&name).unwrap();
        assert!(!socket::wait(&ours, Duration::ZERO));
        let wide = wide(OsStr::new(&name)).unwrap();
        // SAFETY: the name ends in a zero.
        let found = unsafe { OpenEventW(EVENT_MODIFY_STATE, 0, wide.as_ptr()) };
        assert!(!found.is_null(), "{}", io::Error::last_os_error());
        // SAFETY: just made, and nobody else's.
        let found = unsafe { OwnedHandle::from_raw_handle(found) };
        let second = event(&name).unwrap();
        // SAFETY: an event that was just opened.
        assert_ne!(unsafe { SetEvent(found.as_raw_handle()) }, 0);
        assert!(socket::wait(&ours, Duration::ZERO) && socket::wait(&ours, Duration::ZERO));
        assert!(!socket::wait(&second, Duration::ZERO), "who comes second has one of its own");
    }
}

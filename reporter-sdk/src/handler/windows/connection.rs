//! What the product gives the handler as it starts it, and how that becomes a process of its own.

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle, RawHandle};

use windows_sys::Win32::Foundation::{HANDLE_FLAG_INHERIT, INVALID_HANDLE_VALUE, SetHandleInformation};
use windows_sys::Win32::Storage::FileSystem::{FILE_TYPE_PIPE, GetFileType};
use windows_sys::Win32::System::Console::{
    GetStdHandle, STD_ERROR_HANDLE, STD_HANDLE, STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, SetStdHandle,
};
use windows_sys::Win32::System::Diagnostics::Debug::{
    SEM_FAILCRITICALERRORS, SEM_NOGPFAULTERRORBOX, SEM_NOOPENFILEERRORBOX, SetErrorMode,
};
use windows_sys::Win32::System::LibraryLoader::{LOAD_LIBRARY_SEARCH_SYSTEM32, SetDefaultDllDirectories};
use windows_sys::Win32::System::Threading::GetProcessId;

use crate::ipc::socket::Socket;
use crate::stopping;

/// The product at the other end of two pipes, and its process.
#[derive(Debug)]
pub struct Connection {
    pub(in crate::handler) control: Socket,
    pub(in crate::handler) crash_channel: Socket,
    pub(in crate::handler) product: OwnedHandle,
}

impl Connection {
    /// Standard input (control) and standard output (crash channel) of this process, and the handle of the product's process by its number, which comes as an argument.
    ///
    /// # Errors
    /// They are no pipes, or that is no process: no product has started this program.
    pub fn inherited(product: Option<usize>) -> io::Result<Self> {
        let product = product.ok_or_else(|| io::Error::other("without a product's process"))?;
        let product = std::ptr::without_provenance_mut::<core::ffi::c_void>(product);
        // SAFETY: whatever number it is, the call only asks.
        let id = unsafe { GetProcessId(product) };
        // 0: no handle, or none of a process. Our own would be a caller's joke.
        if id == 0 || id == std::process::id() {
            return Err(io::Error::other("the product's process is none"));
        }
        // SAFETY: the product made it for us alone, and says its number once.
        let product = unsafe { OwnedHandle::from_raw_handle(product) };
        let [control, crash_channel] = [standard(STD_INPUT_HANDLE)?, standard(STD_OUTPUT_HANDLE)?];
        for handle in [product.as_raw_handle(), control.as_raw_handle(), crash_channel.as_raw_handle()] {
            // Programs that we start must not have them.
            // SAFETY: a handle of ours.
            unsafe { SetHandleInformation(handle, HANDLE_FLAG_INHERIT, 0) };
        }
        let takes_from = product.try_clone()?;
        Ok(Self {
            control: Socket::of_product(control, Some(takes_from))?,
            crash_channel: Socket::of_product(crash_channel, None)?,
            product,
        })
    }

    pub(in crate::handler) fn into_parts(self) -> (Socket, Socket) {
        (self.control, self.crash_channel)
    }

    /// Makes the calling process independent of the product that has started it. Call it before any library is loaded.
    ///
    /// It loads libraries from the system's folder alone, shows no error boxes of the system's, stands in the system's folder so that it holds no other one, and has
    /// nothing to read from or write to. From here on `reporter-handler stop` lets it finish what it is doing.
    ///
    /// # Errors
    /// The system refused.
    pub fn detach(&self) -> io::Result<()> {
        restrict_library_search()?;
        // A fault of ours must not put a box of the system's before the person: it is the product that was expected to fail.
        // SAFETY: takes numbers.
        unsafe { SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX) };
        if let Some(folder) = std::env::var_os("SystemRoot") {
            // A folder that somebody stands in cannot be removed: the product's can be on a stick.
            std::env::set_current_dir(folder)?;
        }
        for which in [STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE] {
            // What somebody prints must not get into a pipe.
            // SAFETY: without a handle the standard library reads nothing and writes nowhere.
            unsafe { SetStdHandle(which, std::ptr::null_mut()) };
        }
        stopping::listen()
    }
}

/// From here on a library comes from the system's folder, not from the one of the program or the current one, where somebody with fewer rights may have put another
/// of its name.
fn restrict_library_search() -> io::Result<()> {
    // SAFETY: takes a number.
    if unsafe { SetDefaultDllDirectories(LOAD_LIBRARY_SEARCH_SYSTEM32) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn standard(which: STD_HANDLE) -> io::Result<OwnedHandle> {
    // SAFETY: takes a number.
    let handle: RawHandle = unsafe { GetStdHandle(which) };
    // SAFETY: whatever handle it is, the call only asks.
    if handle.is_null() || handle == INVALID_HANDLE_VALUE || unsafe { GetFileType(handle) } != FILE_TYPE_PIPE {
        return Err(io::Error::other("not a pipe"));
    }
    // SAFETY: nobody else in this process uses it: `detach` takes it out of its place, and nothing was printed before.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

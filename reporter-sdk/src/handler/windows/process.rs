//! A process, as far as it lets us look into it.

use std::io;
use std::mem::MaybeUninit;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::Diagnostics::Debug::ReadProcessMemory;
use windows_sys::Win32::System::Memory::{MEMORY_BASIC_INFORMATION, VirtualQueryEx};
use windows_sys::Win32::System::Threading::{OpenProcess, PROCESS_QUERY_INFORMATION, PROCESS_VM_READ};

/// May be asked and read, and nothing else. The product is one of which the server holds a handle, so that its number stays its own.
#[derive(Debug)]
pub(super) struct Process(OwnedHandle);

impl Process {
    pub(super) fn open(pid: u32) -> io::Result<Self> {
        // SAFETY: takes numbers only.
        let handle = unsafe { OpenProcess(PROCESS_QUERY_INFORMATION | PROCESS_VM_READ, 0, pid) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: just made, and nobody else's.
        Ok(Self(unsafe { OwnedHandle::from_raw_handle(handle) }))
    }

    pub(super) fn handle(&self) -> HANDLE {
        self.0.as_raw_handle()
    }

    /// Reads all of `buffer`, or fails.
    pub(super) fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
        let address = usize::try_from(address).map_err(io::Error::other)?;
        let mut count = 0;
        // SAFETY: writes at most as many bytes as the buffer has; the other address is of another process, which the kernel checks there.
        let read = unsafe {
            ReadProcessMemory(
                self.handle(),
                ptr::without_provenance(address),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                &raw mut count,
            )
        };
        match read {
            0 => Err(io::Error::last_os_error()),
            _ if count < buffer.len() => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// The address that is stored there.
    pub(super) fn pointer(&self, address: u64) -> io::Result<u64> {
        let mut bytes = [0; size_of::<usize>()];
        self.read(address, &mut bytes)?;
        Ok(usize::from_le_bytes(bytes) as u64)
    }

    /// The pages from `address` on that are alike; `None` past the last address.
    pub(super) fn pages(&self, address: u64) -> Option<MEMORY_BASIC_INFORMATION> {
        let address = usize::try_from(address).ok()?;
        // SAFETY: integers and pointers, for which zero is a value.
        let mut pages: MEMORY_BASIC_INFORMATION = unsafe { MaybeUninit::zeroed().assume_init() };
        let size = size_of_val(&pages);
        // SAFETY: writes to a value of that size, which lives here.
        let told = unsafe { VirtualQueryEx(self.handle(), ptr::without_provenance(address), &raw mut pages, size) };
        (told == size).then_some(pages)
    }
}

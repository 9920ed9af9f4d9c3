//! The process that has failed, and how.

use std::{
    ffi::c_void,
    mem::offset_of,
    os::windows::io::{FromRawHandle, OwnedHandle},
    ptr,
};

use windows_sys::Win32::{
    Foundation::{DUPLICATE_SAME_ACCESS, DuplicateHandle, HANDLE},
    System::{
        Diagnostics::Debug::{CONTEXT, EXCEPTION_RECORD, ReadProcessMemory, WriteProcessMemory},
        ErrorReporting::WER_RUNTIME_EXCEPTION_INFORMATION,
        Threading::{GetCurrentProcess, GetProcessId, GetThreadId},
    },
};

/// By a handle that Windows Error Reporting keeps open until the callback returns.
pub(crate) struct Process {
    handle: HANDLE,
    pub(crate) id: u32,
}

impl Process {
    /// Memory of the process; `None` where there is none.
    pub(crate) fn read<const N: usize>(&self, address: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        let mut read = 0;
        // SAFETY: the kernel checks the address in that process, and writes to a place of this size.
        let done = unsafe {
            ReadProcessMemory(self.handle, address as *const c_void, bytes.as_mut_ptr().cast(), N, &raw mut read)
        };
        (done != 0 && read == N).then_some(bytes)
    }

    pub(crate) fn write(&self, address: u64, bytes: &[u8]) -> Option<()> {
        let mut written = 0;
        let (from, size) = (bytes.as_ptr().cast(), bytes.len());
        // SAFETY: the kernel checks the address in that process, and reads from a place of this size.
        let done = unsafe { WriteProcessMemory(self.handle, address as *const c_void, from, size, &raw mut written) };
        (done != 0 && written == size).then_some(())
    }

    /// Our own copy of what the process calls by this number.
    pub(crate) fn copy_of(&self, number: u64) -> Option<OwnedHandle> {
        let mut copy: HANDLE = ptr::null_mut();
        // SAFETY: has no parameters.
        let here = unsafe { GetCurrentProcess() };
        // SAFETY: the kernel looks the number up in that process; the new handle is written to a place that lives here.
        let done =
            unsafe { DuplicateHandle(self.handle, number as HANDLE, here, &raw mut copy, 0, 0, DUPLICATE_SAME_ACCESS) };
        // SAFETY: just made, and nobody else's.
        (done != 0).then(|| unsafe { OwnedHandle::from_raw_handle(copy) })
    }
}

/// What Windows Error Reporting tells of a fault.
pub(crate) struct Fault {
    pub(crate) process: Process,
    pub(crate) thread: u32,
    pub(crate) record: EXCEPTION_RECORD,
    pub(crate) registers: CONTEXT,
    pub(crate) is_fatal: bool,
}

impl Fault {
    /// `None` for one that an older Windows tells less of than is needed.
    ///
    /// # Safety
    /// `information` is null, or there in the size that it tells.
    pub(crate) unsafe fn of(information: *const WER_RUNTIME_EXCEPTION_INFORMATION) -> Option<Self> {
        const NEEDED: usize = offset_of!(WER_RUNTIME_EXCEPTION_INFORMATION, dwReserved);
        if information.is_null() {
            return None;
        }
        // SAFETY: as the caller promises, it has its size at least.
        let size = unsafe { (&raw const (*information).dwSize).read() };
        if (size as usize) < NEEDED {
            return None;
        }
        // SAFETY: as the caller promises, and its size was checked.
        let (process, thread, record, registers, is_fatal) = unsafe {
            (
                (&raw const (*information).hProcess).read(),
                (&raw const (*information).hThread).read(),
                (&raw const (*information).exceptionRecord).read(),
                (&raw const (*information).context).read(),
                (&raw const (*information).bIsFatal).read(),
            )
        };
        // SAFETY: handles that are open.
        let id = unsafe { GetProcessId(process) };
        // SAFETY: as above.
        let thread = unsafe { GetThreadId(thread) };
        let process = Process { handle: process, id };
        (id != 0 && thread != 0).then_some(Self { process, thread, record, registers, is_fatal: is_fatal != 0 })
    }
}

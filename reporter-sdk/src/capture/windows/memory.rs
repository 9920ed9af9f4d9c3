//! This process's memory, read where it may not be what it should: by the kernel, which answers with an error where we would fault. Safe in an exception handler.

use std::ffi::c_void;

use windows_sys::Win32::System::{
    Diagnostics::Debug::ReadProcessMemory,
    Memory::{MEM_IMAGE, MEMORY_BASIC_INFORMATION, VirtualQuery},
    Threading::GetCurrentProcess,
};

/// Fills `bytes` from this address on, or says that it cannot.
fn fill(bytes: &mut [u8], address: usize) -> bool {
    let from = std::ptr::with_exposed_provenance::<c_void>(address);
    // SAFETY: has no parameters.
    let this = unsafe { GetCurrentProcess() };
    // SAFETY: a system call, which takes no lock of this process. It writes no more than the bytes that are there, and reads what it finds itself able to.
    unsafe { ReadProcessMemory(this, from, bytes.as_mut_ptr().cast(), bytes.len(), std::ptr::null_mut()) != 0 }
}

/// The bytes at an address, if they can be read.
pub(super) fn bytes<const N: usize>(address: usize) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    fill(&mut bytes, address).then_some(bytes)
}

pub(super) fn word(address: usize) -> Option<u32> {
    bytes(address).map(u32::from_le_bytes)
}

pub(super) fn pointer(address: usize) -> Option<usize> {
    bytes(address).map(usize::from_le_bytes)
}

/// The text at an address up to its zero, or as much of it as there is and fits.
pub(super) fn text(address: usize, room: &mut [u8]) -> &[u8] {
    /// Memory comes and goes by pages, of which this is a part.
    const PIECE: usize = 64;
    let mut length = 0;
    while length < room.len() && address != 0 {
        let Some(at) = address.checked_add(length) else { break };
        let size = (PIECE - at % PIECE).min(room.len() - length);
        let piece = &mut room[length..length + size];
        if !fill(piece, at) {
            break;
        }
        if let Some(end) = piece.iter().position(|byte| *byte == 0) {
            length += end;
            break;
        }
        length += size;
    }
    &room[..length]
}

/// The start of the program or library that an address lies in. `None` for memory of any other kind, such as what a runtime compiles to.
pub(super) fn image(address: usize) -> Option<usize> {
    let mut information = MEMORY_BASIC_INFORMATION::default();
    let at = std::ptr::without_provenance(address);
    // SAFETY: a system call, which takes no lock of this process; the structure lives here and has the size that is told.
    let known = unsafe { VirtualQuery(at, &raw mut information, size_of_val(&information)) };
    (known != 0 && information.Type == MEM_IMAGE).then(|| information.AllocationBase.addr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_not_there_is_an_answer() {
        assert_eq!(word(&raw const SEVEN as usize), Some(7));
        assert_eq!((word(0), word(usize::MAX - 1), pointer(0x10)), (None, None, None));
        let mut room = [0; 100];
        assert_eq!(text(c"std::bad_alloc".as_ptr() as usize, &mut room), b"std::bad_alloc");
        assert_eq!(text(c"std::bad_alloc".as_ptr() as usize, &mut room[..3]), b"std");
        let long = [b'x'; 90];
        assert_eq!(text(long.as_ptr() as usize, &mut room[..80]), &long[..80]);
        assert!(text(0, &mut room).is_empty() && text(usize::MAX - 2, &mut room).is_empty());
    }

    static SEVEN: u32 = 7;

    #[test]
    fn code_lies_in_an_image_and_other_memory_does_not() {
        assert!(image(code_lies_in_an_image_and_other_memory_does_not as *const () as usize).is_some());
        let heap = Box::new(1);
        assert_eq!((image(&raw const *heap as usize), image(0)), (None, None));
    }
}

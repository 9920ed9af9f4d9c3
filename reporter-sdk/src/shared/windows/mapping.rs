//! The memory itself: a section without a name, mapped by both. A section never changes its size.

use std::{
    io,
    os::windows::io::{AsHandle, AsRawHandle, FromRawHandle, OwnedHandle},
    ptr::{self, NonNull},
    slice,
    sync::atomic::AtomicU64,
};

use windows_sys::Win32::{
    Foundation::INVALID_HANDLE_VALUE,
    System::Memory::{
        CreateFileMappingW, FILE_MAP_READ, FILE_MAP_WRITE, MEMORY_MAPPED_VIEW_ADDRESS, MapViewOfFile, PAGE_READWRITE,
        UnmapViewOfFile,
    },
};

use crate::shared::{layout, writer};

/// The shared memory in this process. It stays mapped until dropped; the product leaks its own.
#[derive(Debug)]
pub(crate) struct Mapping(View);

impl Mapping {
    /// The product's side: new memory with its header, else all zero.
    pub(crate) fn create() -> io::Result<(Self, OwnedHandle)> {
        let section = section(layout::SIZE)?;
        let mapping = Self(View::of(&section, FILE_MAP_READ | FILE_MAP_WRITE, layout::SIZE)?);
        // Before anyone sees it: the handler looks at the header when it is greeted.
        writer::write_header(mapping.words());
        Ok((mapping, section))
    }

    /// The handler's side, read-only. Refuses memory that is smaller than ours.
    #[cfg(any(feature = "handler", test))]
    pub(crate) fn open(section: impl AsHandle) -> io::Result<Self> {
        // Mapping more than there is fails.
        Ok(Self(View::of(&section, FILE_MAP_READ, layout::SIZE)?))
    }

    /// All words. They may change at any time, hence atomics.
    pub(crate) fn words(&self) -> &[AtomicU64] {
        // SAFETY: the view is page-aligned, SIZE bytes long, lives as long as `self`, and every bit pattern is an AtomicU64. In the handler it is
        // mapped for reading only; `snapshot` stores nothing.
        unsafe { slice::from_raw_parts(self.0.start.as_ptr().cast(), layout::WORDS) }
    }
}

/// Memory of a section, as long as this lives.
#[derive(Debug)]
struct View {
    start: NonNull<u8>,
}

// SAFETY: the pointer is to memory that belongs to this value alone in this process, and is used by atomic operations and copies only.
unsafe impl Send for View {}
// SAFETY: as above.
unsafe impl Sync for View {}

impl View {
    fn of(section: impl AsHandle, access: u32, size: usize) -> io::Result<Self> {
        let section = section.as_handle().as_raw_handle();
        // SAFETY: a new view at a place of the kernel's choice touches no memory that Rust knows of.
        let view = unsafe { MapViewOfFile(section, access, 0, 0, size) };
        NonNull::new(view.Value.cast()).map(|start| Self { start }).ok_or_else(io::Error::last_os_error)
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let view = MEMORY_MAPPED_VIEW_ADDRESS { Value: self.start.as_ptr().cast() };
        // SAFETY: `of` made exactly this view, and nothing is lent for longer than `self` lives.
        unsafe { UnmapViewOfFile(view) };
    }
}

/// New memory of zeros, backed by the page file.
fn section(size: usize) -> io::Result<OwnedHandle> {
    let (high, low) = ((size as u64 >> 32) as u32, size as u32);
    // SAFETY: without a name, attributes or file it takes numbers only.
    let section =
        unsafe { CreateFileMappingW(INVALID_HANDLE_VALUE, ptr::null(), PAGE_READWRITE, high, low, ptr::null()) };
    if section.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, and nobody else's.
    Ok(unsafe { OwnedHandle::from_raw_handle(section) })
}

/// Before the content of [`sealed_bytes`]: its size, since sections are whole pages.
const PREFIX: usize = 8;

/// A section with `content`, which the handler copies out of it.
pub(crate) fn sealed_bytes(content: &[u8]) -> io::Result<OwnedHandle> {
    let size = PREFIX + content.len();
    let section = section(size)?;
    let view = View::of(&section, FILE_MAP_WRITE, size)?;
    // SAFETY: the view has room for both parts, and nobody else has the section yet.
    let room = unsafe { slice::from_raw_parts_mut(view.start.as_ptr(), size) };
    room[..PREFIX].copy_from_slice(&(content.len() as u64).to_le_bytes());
    room[PREFIX..].copy_from_slice(content);
    Ok(section)
}

/// The content of a section that [`sealed_bytes`] made, of `limit` bytes at most. Who made it may still change it, which harms nobody but the content.
#[cfg(any(feature = "handler", test))]
pub(crate) fn read_sealed(section: impl AsHandle, limit: u64) -> io::Result<Vec<u8>> {
    let copy = |from: &View, size: usize| {
        let mut bytes = vec![0; size];
        // SAFETY: the view has `size` bytes at least. A copy by the machine, not a reference: another process may write meanwhile.
        unsafe { ptr::copy_nonoverlapping(from.start.as_ptr(), bytes.as_mut_ptr(), size) };
        bytes
    };
    let prefix = copy(&View::of(&section, FILE_MAP_READ, PREFIX)?, PREFIX);
    let size = prefix.try_into().map_or(u64::MAX, u64::from_le_bytes);
    if size > limit {
        return Err(io::Error::other(format!("{size} bytes, at most {limit} are allowed")));
    }
    let whole = PREFIX + usize::try_from(size).map_err(io::Error::other)?;
    // Mapping more than there is fails.
    let mut bytes = copy(&View::of(&section, FILE_MAP_READ, whole)?, whole);
    bytes.drain(..PREFIX);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::shared::snapshot::Snapshot;

    #[test]
    fn what_the_product_writes_the_handler_reads() {
        let (product, section) = Mapping::create().unwrap();
        let handler = Mapping::open(&section).unwrap();
        Snapshot::check(&handler).unwrap();
        product.words()[layout::WORDS - 1].store(7, Ordering::Relaxed);
        assert_eq!(handler.words()[layout::WORDS - 1].load(Ordering::Relaxed), 7);
    }

    #[test]
    fn a_section_that_is_too_small_is_refused() {
        assert!(Mapping::open(section(4096).unwrap()).is_err());
    }

    #[test]
    fn bytes_come_back_with_their_length_and_not_beyond_a_limit() {
        for content in [&b""[..], b"log", &[7; 70_000]] {
            let section = sealed_bytes(content).unwrap();
            assert_eq!(read_sealed(&section, 70_000).unwrap(), content);
        }
        assert!(read_sealed(sealed_bytes(b"log").unwrap(), 2).is_err());
        let forged = section(4096).unwrap();
        let view = View::of(&forged, FILE_MAP_WRITE, 8).unwrap();
        // SAFETY: the view has eight bytes.
        unsafe { view.start.as_ptr().cast::<u64>().write(1 << 40) };
        assert!(read_sealed(&forged, u64::MAX).is_err());
    }
}

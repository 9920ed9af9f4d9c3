//! The memory itself: a sealed memfd, mapped by both.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, OwnedFd},
    ptr::{self, NonNull},
    slice,
    sync::atomic::AtomicU64,
};

use rustix::{
    fs::{MemfdFlags, SealFlags},
    mm::{MapFlags, ProtFlags},
};

use crate::shared::{layout, writer};

/// The shared memory in this process. It stays mapped until dropped; the product leaks its own.
#[derive(Debug)]
pub(crate) struct Mapping {
    start: NonNull<AtomicU64>,
}

// SAFETY: the pointer is to memory that belongs to this value alone in this process, and is used by atomic operations only.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// The product's side: new memory with its header, else all zero, of a size that no one can change. The descriptor is close-on-exec.
    pub(crate) fn create() -> io::Result<(Self, OwnedFd)> {
        // The name shows in /proc/PID/maps only.
        let fd = rustix::fs::memfd_create(c"reporter", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        rustix::fs::ftruncate(&fd, layout::SIZE as u64)?;
        rustix::fs::fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW)?;
        let mapping = Self::map(&fd, ProtFlags::READ | ProtFlags::WRITE)?;
        // Before anyone sees it: the handler looks at the header when it is greeted.
        writer::write_header(mapping.words());
        // From now on it can be mapped for reading alone. Linux 5.1; without it the handler could write, which it never does.
        let _ = rustix::fs::fcntl_add_seals(&fd, SealFlags::FUTURE_WRITE);
        rustix::fs::fcntl_add_seals(&fd, SealFlags::SEAL)?;
        Ok((mapping, fd))
    }

    /// The handler's side, read-only. Refuses memory that is not ours in size or that its owner could cut short, since reading past the end would
    /// be a SIGBUS here.
    #[cfg(any(feature = "handler", test))]
    pub(crate) fn open(fd: impl AsFd) -> io::Result<Self> {
        let size = rustix::fs::fstat(&fd)?.st_size;
        if size != layout::SIZE as i64 {
            return Err(io::Error::other(format!("shared memory of {size} bytes, expected {}", layout::SIZE)));
        }
        if !rustix::fs::fcntl_get_seals(&fd)?.contains(SealFlags::SHRINK) {
            return Err(io::Error::other("shared memory is not sealed against shrinking"));
        }
        Self::map(fd, ProtFlags::READ)
    }

    fn map(fd: impl AsFd, protection: ProtFlags) -> io::Result<Self> {
        // SAFETY: a new mapping at a place of the kernel's choice touches no memory that Rust knows of.
        let start = unsafe { rustix::mm::mmap(ptr::null_mut(), layout::SIZE, protection, MapFlags::SHARED, fd, 0)? };
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("memory was mapped at address 0"))?;
        Ok(Self { start })
    }

    /// All words. They may change at any time, hence atomics.
    pub(crate) fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping is page-aligned, SIZE bytes long, sealed against shrinking, lives as long as `self`, and every bit pattern is an
        // AtomicU64. In the handler it is mapped for reading only; `snapshot` stores nothing.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), layout::WORDS) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: `map` made exactly this mapping, and `words` lends it no longer than `self` lives.
        let _ = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), layout::SIZE) };
    }
}

/// Bytes of a descriptor that the handler can read by position and no one can change.
pub(crate) fn sealed_bytes(content: &[u8]) -> io::Result<OwnedFd> {
    use std::io::Write;
    let fd = rustix::fs::memfd_create(c"attachment", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut file = File::from(fd);
    file.write_all(content)?;
    rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL)?;
    Ok(file.into())
}

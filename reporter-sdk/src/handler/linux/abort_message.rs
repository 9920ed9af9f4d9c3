//! The last words of the C library.
//!
//! Situation: glibc finds a free list damaged, or an `assert` fails; it prints why to standard error, which nobody keeps, and aborts. Example: "double free
//! or corruption (fasttop)", where the report says no more than SIGABRT. Handling: glibc keeps a copy for debuggers, at `__abort_msg`
//! (GLIBC_PRIVATE, since 2.11), in a mapping of its own that begins with its size. Read from outside, while the process is held: it is evidence of a
//! process that has gone wrong, bounded here and redacted with the other messages. Other C libraries keep none.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::elf::{ElfError, ElfFile};
use super::procfs;
use crate::handler::modules::LoadedModules;

const VARIABLE: &str = "__abort_msg";
/// Bytes kept of the message.
const LONGEST: usize = 2048;
/// Of the size, before the text.
const HEADER: usize = 4;

/// Why it is not known whether there is a message.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AbortMessageError {
    #[error("cannot read the memory of process {pid}")]
    Process { pid: u32, source: io::Error },
    #[error("cannot look into the C library")]
    Library(#[from] ElfError),
}

impl AbortMessageError {
    /// The system lets us not look into the process.
    fn is_refused(&self) -> bool {
        matches!(self, Self::Process { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// What glibc said in process `pid` before it aborted; `None` where it did not, or there is another C library.
pub(crate) fn read(pid: u32) -> Result<Option<String>, AbortMessageError> {
    match find(pid) {
        // No right to trace: there is no dump either, and that says why.
        Err(error) if error.is_refused() => Ok(None),
        found => found,
    }
}

fn find(pid: u32) -> Result<Option<String>, AbortMessageError> {
    let failed = |source| AbortMessageError::Process { pid, source };
    let modules = LoadedModules::of_process(pid).map_err(failed)?;
    let Some(libc) = modules.all.iter().find(|module| is_glibc(&module.path)) else { return Ok(None) };
    let (file, _) = ElfFile::identify(&libc.path)?;
    let Some(stated) = file.variable(VARIABLE)? else { return Ok(None) };
    let place = libc.range.start.wrapping_sub(file.first_address()?).wrapping_add(stated);
    let memory = procfs::path(pid, "mem").and_then(File::open).map_err(failed)?;
    message(&memory, place).map_err(failed)
}

/// `libc.so.6`, and `libc-2.31.so` before glibc 2.34; musl's is `libc.so` or `ld-musl-x86_64.so.1`.
fn is_glibc(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "libc.so.6" || name.as_bytes().starts_with(b"libc-2."))
}

/// `place` holds the address of a size in four bytes and a text that ends in a zero, or null.
fn message(memory: &impl FileExt, place: u64) -> io::Result<Option<String>> {
    let mut pointer = [0; 8];
    memory.read_exact_at(&mut pointer, place)?;
    let start = u64::from_ne_bytes(pointer);
    if start == 0 {
        return Ok(None);
    }
    let mut bytes = [0; HEADER + LONGEST];
    // One page or more; what is behind it may be anything.
    let count = memory.read_at(&mut bytes, start)?;
    let Some((size, text)) = bytes[..count].split_first_chunk::<HEADER>() else { return Ok(None) };
    let size = (u32::from_ne_bytes(*size) as usize).saturating_sub(HEADER);
    let text = &text[..text.len().min(size)];
    let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = String::from_utf8_lossy(text).trim().to_owned();
    Ok((!text.is_empty()).then_some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes at address 0 and up.
    struct Memory(Vec<u8>);

    impl FileExt for Memory {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            let from =
                self.0.get(usize::try_from(offset).unwrap_or(usize::MAX)..).ok_or(io::ErrorKind::InvalidInput)?;
            let count = from.len().min(buffer.len());
            buffer[..count].copy_from_slice(&from[..count]);
            Ok(count)
        }

        fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
            unreachable!("only read")
        }
    }

    fn read_from(pointer: u64, size: u32, text: &[u8]) -> io::Result<Option<String>> {
        message(&Memory([&pointer.to_ne_bytes()[..], &size.to_ne_bytes(), text].concat()), 0)
    }

    #[test]
    fn the_message_ends_at_its_zero_its_size_or_our_limit() {
        let told = |size, text: &[u8]| read_from(8, size, text).unwrap();
        assert_eq!(told(4096, b"corrupted size vs. prev_size\n\0old text").unwrap(), "corrupted size vs. prev_size");
        assert_eq!(told(4 + 7, b"unaligned chunk").unwrap(), "unalign");
        assert_eq!(told(u32::MAX, &[b'x'; 5000]).unwrap().len(), LONGEST);
        assert_eq!(told(4096, b"G\xfcte\0").unwrap(), "G\u{fffd}te");
        assert_eq!((told(0, b"text\0"), told(4096, b"\n\0")), (None, None));
    }

    #[test]
    fn no_message_and_nonsense_are_told_apart() {
        assert_eq!(read_from(0, 0, b"").unwrap(), None);
        assert!(read_from(u64::MAX, 0, b"").is_err());
        assert!(message(&Memory(vec![1; 7]), 0).is_err());
    }

    #[test]
    fn a_process_that_said_nothing_has_no_message() {
        assert_eq!(read(std::process::id()).unwrap(), None);
        assert!(matches!(read(u32::MAX), Err(AbortMessageError::Process { .. })));
    }

    #[test]
    fn glibc_is_known_by_its_name() {
        for (path, is) in [
            ("/lib/libc.so.6", true),
            ("/lib/libc-2.31.so", true),
            ("/lib/libc.so", false),
            ("/lib/libc++.so.1", false),
        ] {
            assert_eq!(is_glibc(Path::new(path)), is, "{path}");
        }
    }
}

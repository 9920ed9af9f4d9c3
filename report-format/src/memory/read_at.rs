//! Bytes that are read at places, from several threads.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Mutex, PoisonError};

/// A file, or bytes like a file's. Unlike with `Read` and `Seek` there is no position that readers would have to share.
///
/// A `File` is read without a lock. What can only be read and sought goes into a [`Mutex`].
pub trait ReadAt: Sync {
    /// Fills `buffer` with the bytes from `offset` on.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] where the file ends before, else the device's. What `buffer` then holds does not matter.
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Bytes in all.
    ///
    /// # Errors
    /// The device's.
    fn length(&self) -> io::Result<u64>;
}

impl ReadAt for File {
    #[cfg(unix)]
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        // Near 2^63 the system finds fault with the place itself, where any file has ended long before.
        std::os::unix::fs::FileExt::read_exact_at(self, buffer, offset).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidInput => io::ErrorKind::UnexpectedEof.into(),
            _ => error,
        })
    }

    /// `seek_read` moves the file's position, but reads at the place that it is given: threads do not disturb one another.
    #[cfg(windows)]
    fn read_exact_at(&self, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        // Places are signed there, no file reaches beyond, and 2^64 - 2 would mean "where the file stands".
        if offset.checked_add(buffer.len() as u64).is_none_or(|end| end > i64::MAX as u64) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        while !buffer.is_empty() {
            match std::os::windows::fs::FileExt::seek_read(self, buffer, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    buffer = &mut buffer[read..];
                    offset += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }
}

impl ReadAt for [u8] {
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset).ok().and_then(|from| self.get(from..));
        let bytes = from.and_then(|from| from.get(..buffer.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }
}

impl ReadAt for Vec<u8> {
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.as_slice().read_exact_at(offset, buffer)
    }

    fn length(&self) -> io::Result<u64> {
        self.as_slice().length()
    }
}

impl<R: ReadAt + ?Sized> ReadAt for &R {
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        (**self).read_exact_at(offset, buffer)
    }

    fn length(&self) -> io::Result<u64> {
        (**self).length()
    }
}

/// One reader at a time. A thread that panicked while it read left nothing behind but a position, which is set anew each time.
impl<R: Read + Seek + Send> ReadAt for Mutex<R> {
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut file = self.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(buffer)
    }

    fn length(&self) -> io::Result<u64> {
        self.lock().unwrap_or_else(PoisonError::into_inner).seek(SeekFrom::End(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn each_kind_of_file_gives_the_same_bytes_and_the_same_end() {
        let bytes: Vec<u8> = (0..100).collect();
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, &bytes).unwrap();
        let kinds: [&dyn ReadAt; 4] = [&bytes.as_slice(), &bytes, &file, &Mutex::new(Cursor::new(bytes.clone()))];
        for kind in kinds {
            assert_eq!(kind.length().unwrap(), 100);
            let mut buffer = [0; 10];
            kind.read_exact_at(90, &mut buffer).unwrap();
            assert_eq!(buffer, bytes[90..]);
            for past in [91, 100, 101, u64::MAX >> 1, u64::MAX - 1] {
                let error = kind.read_exact_at(past, &mut buffer).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{past}");
            }
        }
    }
}

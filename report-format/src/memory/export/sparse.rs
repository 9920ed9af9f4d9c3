//! Files with holes.

use std::io::{self, Seek, SeekFrom, Write};

use crate::memory::PAGE;

/// Leaves holes where pages of zeros would be written: a writer around a file, for exports.
///
/// A page, here, is 4096 bytes from a multiple of 4096 in the file on, and a hole is made by seeking over it. The file has to be new: what
/// stood in it before would show through. File systems that know no holes fill them with zeros.
///
/// ```
/// use std::io::{Cursor, Write};
/// use report_format::memory::export::Sparse;
///
/// let mut file = Sparse::new(Cursor::new(Vec::new()));
/// file.write_all(b"before")?;
/// file.write_all(&[0; 100_000])?;
/// assert_eq!(file.finish()?.into_inner().len(), 100_006);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Sparse<W> {
    inner: W,
    /// Bytes written, holes included.
    length: u64,
    /// Bytes at the end that `inner` has not seen: a hole.
    pending: u64,
}

impl<W: Write + Seek> Sparse<W> {
    /// Writes to `inner` from its present position on, which must be its beginning.
    pub fn new(inner: W) -> Self {
        Self { inner, length: 0, pending: 0 }
    }

    /// Gives the file its whole length, and back. Without it a hole at the end is missing.
    ///
    /// # Errors
    /// Those of the file.
    pub fn finish(mut self) -> io::Result<W> {
        if self.pending > 0 {
            self.pending -= 1;
            self.fill(&[0])?;
        }
        self.inner.flush()?;
        Ok(self.inner)
    }

    /// Writes bytes behind the hole that there may be.
    fn fill(&mut self, bytes: &[u8]) -> io::Result<()> {
        while self.pending > 0 {
            let step = self.pending.min(i64::MAX as u64);
            self.inner.seek(SeekFrom::Current(step as i64))?;
            self.pending -= step;
        }
        self.inner.write_all(bytes)
    }
}

impl<W: Write + Seek> Write for Sparse<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let to_page = PAGE - (self.length % PAGE as u64) as usize;
        let length = if to_page == PAGE && bytes.len() >= PAGE {
            // As many pages as are alike go in one step.
            // A comparison of whole pages, which is fast in a build for tests too: there may be many GiB of zeros.
            let is_zero = |page: &[u8]| page == [0; PAGE];
            let hole = is_zero(&bytes[..PAGE]);
            let pages = bytes.chunks_exact(PAGE).take_while(|page| is_zero(page) == hole).count();
            if hole {
                self.pending += (pages * PAGE) as u64;
            } else {
                self.fill(&bytes[..pages * PAGE])?;
            }
            pages * PAGE
        } else {
            let length = to_page.min(bytes.len());
            self.fill(&bytes[..length])?;
            length
        };
        self.length += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    proptest! {
        #[test]
        fn the_bytes_are_those_written_however_they_were_cut(
            runs in proptest::collection::vec((any::<bool>(), 1..20_000_usize), 0..12),
            piece in 1..30_000_usize,
        ) {
            let bytes: Vec<u8> = runs.iter().flat_map(|(zero, length)| vec![u8::from(!zero); *length]).collect();
            let mut file = Sparse::new(Cursor::new(Vec::new()));
            for piece in bytes.chunks(piece) {
                file.write_all(piece).unwrap();
            }
            prop_assert!(file.finish().unwrap().into_inner() == bytes);
        }
    }

    // Not on Windows: a seek makes no hole in a file there.
    #[cfg(unix)]
    #[test]
    fn zeros_take_no_place_on_the_disk() {
        use std::os::unix::fs::MetadataExt;
        let mut file = Sparse::new(tempfile::tempfile().unwrap());
        file.write_all(&[1; PAGE]).unwrap();
        for _ in 0..256 {
            file.write_all(&[0; 1 << 16]).unwrap();
        }
        let metadata = file.finish().unwrap().metadata().unwrap();
        assert_eq!(metadata.len(), PAGE as u64 + (16 << 20));
        assert!(metadata.blocks() * 512 < 1 << 20, "{} blocks", metadata.blocks());
    }
}

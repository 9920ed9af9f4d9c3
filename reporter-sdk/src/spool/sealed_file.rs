//! A file that only its holder can read: what lies on the disk is encrypted with a key that is nowhere but in memory.
//!
//! The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár 2015) over AES-256-GCM: chunks of 64 KiB, each with its number and whether it is the last in its
//! nonce. A chunk that was changed, swapped, left out or added is an error, and so is an end that is cut off. A key is used for one file alone, so that no nonce
//! comes twice.

use std::io::{self, Cursor, ErrorKind, Read, Seek, SeekFrom, Write};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::{Zeroize, Zeroizing};

use crate::fail_points::{self, Point};
use crate::random;

/// Bytes of plain text in a chunk, but for the last, which has less or as many.
const CHUNK: usize = 64 << 10;
const TAG: usize = 16;

/// A key to one sealed file.
pub(super) struct Key(Zeroizing<[u8; 32]>);

/// Seals what is in memory, with a new key.
pub(super) fn seal(plain: &[u8]) -> io::Result<(Vec<u8>, Key)> {
    let mut writer = SealedWriter::new(Vec::with_capacity(plain.len() + plain.len() / CHUNK * TAG + TAG))?;
    writer.write_all(plain)?;
    let SealedFile { file, key } = writer.finish()?;
    Ok((file, Key(key)))
}

/// What was sealed with this key.
pub(super) fn open(sealed: &[u8], key: &Key) -> io::Result<Vec<u8>> {
    let mut plain = Vec::with_capacity(sealed.len());
    SealedFile { file: Cursor::new(sealed), key: key.0.clone() }.open()?.read_to_end(&mut plain)?;
    Ok(plain)
}

/// Writes a sealed file, front to back. Nothing of it can be read before [`finish`](Self::finish).
pub(crate) struct SealedWriter<F> {
    file: F,
    key: Zeroizing<[u8; 32]>,
    cipher: LessSafeKey,
    chunk: Vec<u8>,
    number: u64,
    /// After a failure the file is not what was written: no second try.
    failed: bool,
}

/// A sealed file and the key to it. With this the key is gone, and the file's content with it, wherever its bytes still lie.
pub(crate) struct SealedFile<F> {
    file: F,
    key: Zeroizing<[u8; 32]>,
}

impl<F: Write> SealedWriter<F> {
    /// Takes an empty file, with a new key.
    pub(crate) fn new(file: F) -> io::Result<Self> {
        let mut key = Zeroizing::new([0; 32]);
        random::fill(&mut *key)?;
        let cipher = cipher(&key)?;
        Ok(Self { file, key, cipher, chunk: Vec::with_capacity(CHUNK + TAG), number: 0, failed: false })
    }

    fn seal(&mut self, last: bool) -> io::Result<()> {
        if std::mem::replace(&mut self.failed, true) {
            return Err(io::Error::other("writing failed before"));
        }
        let nonce = nonce(self.number, last);
        let sealed = self.cipher.seal_in_place_append_tag(nonce, Aad::empty(), &mut self.chunk);
        sealed.map_err(|_| io::Error::other("the cipher refuses a chunk"))?;
        fail_points::reach(Point::ImageWrite)?;
        self.file.write_all(&self.chunk)?;
        self.chunk.clear();
        self.number += 1;
        self.failed = false;
        Ok(())
    }

    /// Writes the last chunk.
    pub(crate) fn finish(mut self) -> io::Result<SealedFile<F>> {
        self.seal(true)?;
        self.file.flush()?;
        Ok(SealedFile { file: self.file, key: self.key })
    }
}

impl<F: Write> Write for SealedWriter<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Only once there is more: a full chunk may be the last.
        if self.chunk.len() == CHUNK && !bytes.is_empty() {
            self.seal(false)?;
        }
        let now = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..now]);
        Ok(now)
    }

    /// What does not fill a chunk stays here.
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl<F: Read + Seek> SealedFile<F> {
    /// Reads it from its start.
    pub(crate) fn open(&mut self) -> io::Result<SealedReader<'_, F>> {
        self.file.seek(SeekFrom::Start(0))?;
        let cipher = cipher(&self.key)?;
        let buffer = Vec::with_capacity(CHUNK + TAG + 1);
        Ok(SealedReader {
            file: &mut self.file,
            cipher,
            buffer,
            plain: Zeroizing::new(Vec::new()),
            at: 0,
            number: 0,
            ended: false,
        })
    }
}

/// Reads a sealed file. Gives no byte of a chunk that is not as it was written, and no end that is not its end.
pub(crate) struct SealedReader<'a, F> {
    file: &'a mut F,
    cipher: LessSafeKey,
    /// The next chunk as it lies in the file, and one byte more, if there is one.
    buffer: Vec<u8>,
    plain: Zeroizing<Vec<u8>>,
    at: usize,
    number: u64,
    ended: bool,
}

impl<F: Read> SealedReader<'_, F> {
    fn next_chunk(&mut self) -> io::Result<()> {
        const SEALED: usize = CHUNK + TAG;
        let wanted = SEALED + 1 - self.buffer.len();
        (&mut *self.file).take(wanted as u64).read_to_end(&mut self.buffer)?;
        let last = self.buffer.len() <= SEALED;
        let ahead = if last { None } else { self.buffer.pop() };
        self.plain.zeroize();
        std::mem::swap(&mut *self.plain, &mut self.buffer);
        let (number, nonce) = (self.number, nonce(self.number, last));
        let opened = self.cipher.open_in_place(nonce, Aad::empty(), &mut self.plain).map(|plain| plain.len());
        let opened = opened.map_err(|_| {
            let why = format!("chunk {number} of a sealed file is not what was written, or its end is missing");
            io::Error::new(ErrorKind::InvalidData, why)
        });
        // Not to be read on, whatever the caller makes of the error.
        let length = opened.inspect_err(|_| (self.plain.clear(), self.ended = true, self.at = 0).0)?;
        self.plain.truncate(length);
        self.buffer.clear();
        self.buffer.extend(ahead);
        (self.at, self.number, self.ended) = (0, number + 1, last);
        Ok(())
    }
}

impl<F: Read> Read for SealedReader<'_, F> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at == self.plain.len() && !self.ended {
            self.next_chunk()?;
        }
        let now = into.len().min(self.plain.len() - self.at);
        into[..now].copy_from_slice(&self.plain[self.at..self.at + now]);
        self.at += now;
        Ok(now)
    }
}

fn cipher(key: &[u8; 32]) -> io::Result<LessSafeKey> {
    let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| io::Error::other("the cipher refuses its key"))?;
    Ok(LessSafeKey::new(key))
}

fn nonce(number: u64, last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&number.to_be_bytes());
    nonce[11] = u8::from(last);
    Nonce::assume_unique_for_key(nonce)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SEALED: usize = CHUNK + TAG;

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * 7 + at / 251) as u8).collect()
    }

    fn sealed(plain: &[u8], pieces: usize) -> SealedFile<Cursor<Vec<u8>>> {
        let mut writer = SealedWriter::new(Cursor::new(Vec::new())).unwrap();
        plain.chunks(pieces).for_each(|piece| writer.write_all(piece).unwrap());
        writer.finish().unwrap()
    }

    fn read(file: &mut SealedFile<Cursor<Vec<u8>>>) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        file.open()?.read_to_end(&mut plain).map(|_| plain)
    }

    fn assert_refused(file: &mut SealedFile<Cursor<Vec<u8>>>, what: &str) {
        let error = read(file).expect_err(what);
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{what}: {error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn any_bytes_in_any_pieces_come_back(
            length in prop_oneof![0..100_usize, CHUNK - 2..CHUNK + 3, 2 * CHUNK - 2..2 * CHUNK + 3, 0..300_000_usize],
            pieces in 1..200_000_usize,
        ) {
            let plain = pattern(length);
            let mut file = sealed(&plain, pieces);
            prop_assert_eq!(read(&mut file).unwrap(), plain.clone());
            prop_assert_eq!(read(&mut file).unwrap(), plain, "a second time");
        }

        #[test]
        fn a_bit_that_was_changed_is_noticed(length in 0..200_000_usize, at: prop::sample::Index, bit in 0..8_u8) {
            let mut file = sealed(&pattern(length), 10_000);
            let bytes = file.file.get_mut();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            assert_refused(&mut file, "a flipped bit");
        }

        #[test]
        fn an_end_that_was_cut_off_is_noticed(length in 0..200_000_usize, left: prop::sample::Index) {
            let mut file = sealed(&pattern(length), 10_000);
            let bytes = file.file.get_mut();
            bytes.truncate(left.index(bytes.len()));
            assert_refused(&mut file, "a cut");
        }
    }

    #[test]
    fn whole_chunks_that_were_cut_off_swapped_repeated_or_added_are_noticed() {
        let plain = pattern(3 * CHUNK);
        type Change = fn(&mut Vec<u8>);
        let changes: [(&str, Change); 5] = [
            ("cut", |bytes| bytes.truncate(2 * SEALED)),
            ("swapped", |bytes| bytes[..2 * SEALED].rotate_left(SEALED)),
            ("left out", |bytes| drop(bytes.drain(SEALED..2 * SEALED))),
            ("repeated", |bytes| bytes.extend_from_within(2 * SEALED..)),
            ("added", |bytes| bytes.push(0)),
        ];
        for (what, change) in changes {
            let mut file = sealed(&plain, CHUNK);
            assert_eq!(file.file.get_ref().len(), 3 * SEALED);
            change(file.file.get_mut());
            assert_refused(&mut file, what);
        }
    }

    #[test]
    fn what_lies_there_is_not_what_was_written_and_differs_each_time() {
        let plain = pattern(CHUNK + 10);
        let (one, two) = (sealed(&plain, CHUNK), sealed(&plain, CHUNK));
        assert_ne!(one.file.get_ref(), two.file.get_ref());
        assert!(!one.file.get_ref().windows(16).any(|window| window == &plain[..16]));
    }

    #[test]
    fn what_was_sealed_in_memory_is_opened_by_its_own_key_alone() {
        for length in [0, 1, CHUNK, 3 * CHUNK + 5] {
            let plain = pattern(length);
            let (sealed, key) = seal(&plain).unwrap();
            let (_, other) = seal(&plain).unwrap();
            assert_eq!(open(&sealed, &key).unwrap(), plain);
            assert_eq!(open(&sealed, &other).unwrap_err().kind(), ErrorKind::InvalidData);
        }
    }

    #[test]
    fn a_disk_that_is_full_stays_an_error() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut writer = SealedWriter::new(Full).unwrap();
        assert_eq!(writer.write_all(&pattern(CHUNK + 1)).unwrap_err().kind(), ErrorKind::StorageFull);
        assert!(writer.finish().is_err());
    }
}

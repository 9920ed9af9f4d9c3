//! The bytes of a sealed section: keys first, then an age file.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use age::{DecryptError, Decryptor, stream::StreamReader};

use super::{
    Class, KeyId, SecretKey,
    keyfile::{MOST_KEYS, matching},
};
use crate::{error::Error, loss::Loss};

/// Bytes of the largest age header that is parsed. One for 64 keys has some 7,000; age looks at it again for each of its lines.
const LARGEST_HEADER: u64 = 16 << 10;

/// A sealed section, and whether its keys opened it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SealedSection {
    /// What it holds.
    pub class: Class,
    /// Its number in the report.
    pub ordinal: u32,
    /// The keys that open it, by their ids; none if they cannot be read.
    pub keys: Vec<KeyId>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of opening a sealed section.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// All of it was decrypted.
    Opened,
    /// None of the keys given is one of its keys.
    NoKey,
    /// Some of it could not be decrypted, or none.
    Damaged {
        /// Bytes of the report inside that could be.
        read: u64,
        /// What is wrong.
        what: &'static str,
        /// What is there is right, and something is missing; else bytes contradict one another.
        cut: bool,
        /// Its seal was opened: what is wrong is further on.
        opened: bool,
    },
}

impl SealedSection {
    /// What its outcome costs the report it stands in.
    pub(super) fn loss(&self) -> Option<Loss> {
        let Outcome::Damaged { read, what, cut, .. } = self.outcome else { return None };
        Some(Loss::Sealed { ordinal: self.ordinal, kind: self.class.kind() as u16, read, what, cut })
    }
}

/// What stands before the age file.
pub(super) fn prefix(ids: &[KeyId]) -> Vec<u8> {
    let mut bytes = (ids.len() as u32).to_le_bytes().to_vec();
    bytes.extend(ids.iter().flat_map(|id| id.0));
    bytes
}

/// Why there is nothing to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    NoKey,
    Damaged(&'static str),
}

/// Reads the beginning of a sealed section: its keys, and what it holds if one of `keys` is among them.
pub(super) fn unlock<R: Read>(input: R, keys: &[SecretKey]) -> (Vec<KeyId>, Result<Plain<R>, Closed>) {
    let mut input = BufReader::new(input);
    let Ok(ids) = key_ids(&mut input) else {
        return (Vec::new(), Err(Closed::Damaged("the list of its keys is no such list")));
    };
    let keys = matching(keys, &ids);
    if keys.is_empty() {
        return (ids, Err(Closed::NoKey));
    }
    let plain = decryptor(input).and_then(|age| {
        // Only keys of type X25519 are ever tried: one multiplication for each of the few stanzas that fit into the header.
        age.decrypt(keys.iter().map(|key| key.identity() as &dyn age::Identity)).map_err(|error| match error {
            DecryptError::NoMatchingKeys => "it names a key that does not open it",
            _ => "its age header is damaged",
        })
    });
    let plain = plain.map(|age| Plain { age, read: 0, stopped: false });
    (ids, plain.map_err(Closed::Damaged))
}

fn key_ids(input: &mut impl Read) -> io::Result<Vec<KeyId>> {
    let mut count = [0; 4];
    input.read_exact(&mut count)?;
    let count = usize::from(u16::from_le_bytes([count[0], count[1]]));
    if !(1..=MOST_KEYS).contains(&count) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut ids = vec![KeyId([0; 8]); count];
    ids.iter_mut().try_for_each(|id| input.read_exact(&mut id.0))?;
    Ok(ids)
}

type AgeFile<R> = Chain<Cursor<Vec<u8>>, BufReader<R>>;

fn decryptor<R: Read>(mut input: BufReader<R>) -> Result<Decryptor<AgeFile<R>>, &'static str> {
    // The header ends with the line of its MAC. Read here, since age reads on for as long as a header does not end.
    let mut header = Vec::new();
    let mut limited = (&mut input).take(LARGEST_HEADER);
    loop {
        let line = header.len();
        match limited.read_until(b'\n', &mut header) {
            Ok(read) if read > 0 && header.ends_with(b"\n") => {}
            _ => return Err("its age header has no end"),
        }
        if header[line..].starts_with(b"---") {
            break;
        }
    }
    Decryptor::new_buffered(Cursor::new(header).chain(input)).map_err(|_| "its age header is damaged")
}

/// What a section holds, decrypted. Ends where the next bytes do not decrypt.
pub(super) struct Plain<R> {
    age: StreamReader<AgeFile<R>>,
    /// Bytes given.
    pub(super) read: u64,
    /// It ended before its end.
    pub(super) stopped: bool,
}

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stopped || buffer.is_empty() {
            return Ok(0);
        }
        // age repeats reads that are interrupted.
        let read = self.age.read(buffer).unwrap_or_else(|_| {
            self.stopped = true;
            0
        });
        self.read += read as u64;
        Ok(read)
    }
}

/// Frames of one section, given one after the other up to the first that is missing.
pub(super) trait Chunks {
    /// The next chunk; `None` where the section ends or something is missing.
    fn next(&mut self) -> Result<Option<Vec<u8>>, Error>;
}

/// The raw bytes of a section.
pub(super) struct Joined<C> {
    pub(super) chunks: C,
    chunk: Cursor<Vec<u8>>,
    ended: bool,
    /// The input failed; not for want of bytes.
    failed: Option<Error>,
}

impl<C: Chunks> Joined<C> {
    pub(super) fn new(chunks: C) -> Self {
        Self { chunks, chunk: Cursor::default(), ended: false, failed: None }
    }

    /// The chunks, unless reading them failed.
    pub(super) fn check(&mut self) -> Result<&mut C, Error> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => Ok(&mut self.chunks),
        }
    }
}

impl<C: Chunks> Read for Joined<C> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.chunk.read(buffer)?;
            if read > 0 || buffer.is_empty() || self.ended {
                return Ok(read);
            }
            match self.chunks.next() {
                Ok(Some(chunk)) => self.chunk = Cursor::new(chunk),
                Ok(None) => self.ended = true,
                Err(error) => (self.ended, self.failed) = (true, Some(error)),
            }
        }
    }
}

impl Closed {
    /// `lacking`: its frames are not all there.
    pub(super) fn outcome(self, lacking: bool) -> Outcome {
        match self {
            Self::NoKey => Outcome::NoKey,
            Self::Damaged(_) if lacking => Outcome::Damaged { read: 0, what: LACKING, cut: true, opened: false },
            Self::Damaged(what) => Outcome::Damaged { read: 0, what, cut: false, opened: false },
        }
    }
}

/// How decrypting ended: after `read` bytes, `stopped` before the end of the age file, `lacking` frames.
pub(super) fn outcome(read: u64, stopped: bool, lacking: bool, trouble: Option<&'static str>) -> Outcome {
    let what = match trouble {
        _ if stopped && lacking => LACKING,
        _ if stopped => "it does not decrypt: it was changed after it was sealed",
        Some(what) => what,
        None => return Outcome::Opened,
    };
    Outcome::Damaged { read, what, cut: stopped && lacking, opened: true }
}

/// What is wrong with a report inside that is none, or cannot be read. It costs its class and not the report.
pub(super) fn trouble(error: &Error) -> &'static str {
    match error {
        Error::Limit { .. } => OVER_A_LIMIT,
        Error::Unsupported { .. } => "the report inside is of a later version: update this program",
        _ => "what is inside is no report",
    }
}

/// Whether the frames inside a seal name another summary than those around it.
pub(super) fn is_other(inside: Option<u32>, around: Option<u32>) -> bool {
    inside.is_some() && inside != around
}

const LACKING: &str = "frames of it are lost";
pub(super) const OTHER_REPORT: &str = "what is inside belongs to another report";
pub(super) const NESTED: &str = "a sealed section stands inside it, and is left out";
pub(super) const NO_ROOM: &str = "the new report is full of sections, and it is left out";
pub(super) const OVER_A_LIMIT: &str = "the report inside is over a limit";
pub(super) const NOT_STORED: &str = "it is compressed, and sealed sections never are";

/// More bytes than are read of a section before it is known whether it opens.
pub(super) const HELD: usize = 64 << 10;

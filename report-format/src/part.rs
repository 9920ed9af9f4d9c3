//! A report in parts, each small enough for one mail. `proto/FORMAT.md`, section 13.
//!
//! ```
//! use std::io::Cursor;
//! use report_format::{Summary, Writer, part::{self, Split}, schema::v1::{Category, Product, SectionKind}};
//!
//! let mut writer = Writer::new(Vec::new(), &Summary::default())?;
//! for _ in 0..20 {
//!     writer.write_message(SectionKind::Product, Category::Essential, &Product::default())?;
//! }
//! let (report, ..) = writer.finish()?;
//!
//! let mut split = Split::new(Cursor::new(&report), 1024)?;
//! let mut parts = Vec::new();
//! for number in 0..split.count() {
//!     let mut part = Vec::new();
//!     split.write(number, &mut part)?;
//!     parts.push(Cursor::new(part));
//! }
//! assert!(parts.len() > 1);
//!
//! // They may come in any order.
//! parts.reverse();
//! let mut joined = Vec::new();
//! assert!(part::join(parts, &mut joined)?.whole);
//! assert_eq!(joined, report);
//! # Ok::<(), report_format::Error>(())
//! ```

use std::{
    cmp::Reverse,
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    ops::RangeInclusive,
};

use sha2::{Digest as _, Sha256};

use crate::{
    error::Error,
    file::{Frames, Walk},
    frame::{self, LINE_ENDS, PREAMBLE},
    id::{Digest, ReportId},
    sniff,
};

/// The first bytes of a part, to tell one from other files.
pub const MAGIC: [u8; 8] = *b"\x8fREPPART";
/// Bytes of a part before its piece of the report.
pub const HEADER: usize = 100;
/// The smallest part that a report can be cut into, in bytes.
pub const SMALLEST: u64 = 1024;
/// Into how many parts a report is cut at most.
pub const MOST: u32 = 1 << 16;

/// Bytes copied at once.
const STEP: usize = 64 << 10;

/// What a part says about itself and about the report it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartHeader {
    /// The number that all frames of the report carry.
    pub report: u32,
    /// The report's id, zeros if it has none.
    pub id: ReportId,
    /// Which part, from 0.
    pub number: u32,
    /// How many parts there are.
    pub count: u32,
    /// Where in the report its piece begins.
    pub offset: u64,
    /// Bytes of its piece.
    pub length: u64,
    /// Bytes of the whole report.
    pub total: u64,
    /// SHA-256 of the whole report.
    pub digest: Digest,
}

impl PartHeader {
    /// The header that stands at the start of `bytes`, if there is one whose checksum is right and whose numbers are possible.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..HEADER)?;
        let right = bytes[..8] == MAGIC
            && bytes[8..12] == LINE_ENDS
            && frame::u32_at(bytes, 96) == crc32c::crc32c(&bytes[..96]);
        let header = Self {
            report: frame::u32_at(bytes, 12),
            id: ReportId(frame::array(bytes, 16)),
            number: frame::u32_at(bytes, 32),
            count: frame::u32_at(bytes, 36),
            offset: frame::u64_at(bytes, 40),
            length: frame::u64_at(bytes, 48),
            total: frame::u64_at(bytes, 56),
            digest: Digest(frame::array(bytes, 64)),
        };
        (right && header.is_possible()).then_some(header)
    }

    /// Reads the header at the start of a part.
    ///
    /// # Errors
    /// [`Error::Format`] if `input` is no part, with what it is instead, or if its header is damaged; [`Error::Io`].
    pub fn read(input: impl Read) -> Result<Self, Error> {
        let mut head = Vec::new();
        input.take(sniff::ENOUGH as u64).read_to_end(&mut head)?;
        Self::parse(&head).ok_or_else(|| match frame::version(&head) {
            _ if head.starts_with(&MAGIC) => Error::format(
                "the beginning of this part is damaged, and its place is not known",
                "have it sent again, or join the others without it",
            ),
            Some(_) => {
                Error::format("this is a whole report and no part of one", "there is nothing to join; open it as it is")
            }
            None => sniff::not_a_report(&head),
        })
    }

    /// The first part begins where the report does, the last ends where it ends, and none reaches beyond.
    fn is_possible(&self) -> bool {
        let end = self.offset.checked_add(self.length).filter(|&end| end <= self.total);
        self.number < self.count
            && end.is_some_and(|end| (self.number == self.count - 1) <= (end == self.total))
            && (self.number == 0) <= (self.offset == 0)
    }

    fn to_bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&LINE_ENDS);
        bytes[12..16].copy_from_slice(&self.report.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.id.0);
        bytes[32..36].copy_from_slice(&self.number.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.count.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.offset.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.length.to_le_bytes());
        bytes[56..64].copy_from_slice(&self.total.to_le_bytes());
        bytes[64..96].copy_from_slice(&self.digest.0);
        let crc = crc32c::crc32c(&bytes[..96]);
        bytes[96..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Whether both are parts of one report that was cut once.
    fn belongs_to(&self, other: &Self) -> bool {
        let Self { number, offset, length, .. } = *other;
        Self { number, offset, length, ..*self } == *other
    }

    fn end(&self) -> u64 {
        self.offset + self.length
    }

    /// Its name for people, who count from 1.
    fn name(&self) -> String {
        let Self { number, count, id, digest, .. } = self;
        format!("part {} of {count} of report {id} (SHA-256 {digest})", u64::from(*number) + 1)
    }
}

/// A report that is cut into parts.
///
/// Memory: 8 bytes for each part, and one frame.
#[derive(Debug)]
pub struct Split<R> {
    input: R,
    /// Of the report: which part, and where it lies, is filled in for each.
    header: PartHeader,
    /// Where each piece begins.
    starts: Vec<u64>,
}

impl<R: Read + Seek> Split<R> {
    /// Plans parts of at most `part_size` bytes, headers included; at least [`SMALLEST`]. Pieces begin at frames, but for frames that
    /// are larger than a part. Reads all of `input`, from its start.
    ///
    /// The report may be damaged, except in its first frame.
    ///
    /// # Errors
    /// [`Error::Usage`] for a size that is too small for this report or at all; [`Error::Format`] if `input` does not begin as a report
    /// does; [`Error::Unsupported`] for a newer major version; [`Error::Io`].
    pub fn new(input: R, part_size: u64) -> Result<Self, Error> {
        if part_size < SMALLEST {
            return Err(Error::Usage("a part has at least 1024 bytes"));
        }
        let (mut frames, summary, _) = Frames::open(input)?;
        let starts = cut(&mut frames, part_size - HEADER as u64)?;
        let header = PartHeader {
            report: frames.report,
            id: ReportId::try_from(&summary.report_id[..]).unwrap_or(ReportId([0; 16])),
            number: 0,
            count: starts.len() as u32,
            offset: 0,
            length: 0,
            total: frames.length,
            digest: Digest([0; 32]),
        };
        let mut input = frames.into_input();
        let mut hasher = Sha256::new();
        input.seek(SeekFrom::Start(0))?;
        copy_exactly(&mut input, header.total, |bytes| {
            hasher.update(bytes);
            Ok(())
        })?;
        Ok(Self { input, header: PartHeader { digest: Digest(hasher.finalize().into()), ..header }, starts })
    }

    /// How many parts there are: 1 at least.
    pub fn count(&self) -> u32 {
        self.header.count
    }

    /// Writes one part. The answer is what its header says.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is no part of this number; [`Error::Io`], also if the report was cut since it was planned.
    pub fn write<W: Write>(&mut self, number: u32, mut output: W) -> Result<PartHeader, Error> {
        let Some(&offset) = self.starts.get(number as usize) else {
            return Err(Error::Usage("the report has no part of this number"));
        };
        let end = self.starts.get(number as usize + 1).copied().unwrap_or(self.header.total);
        let header = PartHeader { number, offset, length: end - offset, ..self.header };
        output.write_all(&header.to_bytes())?;
        self.input.seek(SeekFrom::Start(offset))?;
        copy_exactly(&mut self.input, header.length, |bytes| output.write_all(bytes))?;
        output.flush()?;
        Ok(header)
    }
}

/// Where pieces of at most `room` bytes begin: at a frame wherever one fits.
fn cut<R: Read + Seek>(frames: &mut Frames<R>, room: u64) -> Result<Vec<u64>, Error> {
    let (length, mut starts) = (frames.length, vec![0]);
    let (mut start, mut at) = (0, 0);
    while at < length {
        // From here to the next frame, or to the end of the one that stands here.
        let next = match at {
            0 => PREAMBLE as u64,
            _ => match frames.next(at, length)? {
                Some((found, header)) if found == at && header.length as usize <= frame::MAX_PAYLOAD => {
                    at + header.frame_length() as u64
                }
                // The length of such a frame means nothing.
                Some((found, _)) if found == at => at + frame::SYNC.len() as u64,
                Some((found, _)) => found,
                None => length,
            },
        };
        let next = next.min(length);
        if next - start > room && at > start {
            start = at;
            starts.push(start);
        }
        while next - start > room {
            start += room;
            starts.push(start);
        }
        if starts.len() > MOST as usize {
            return Err(Error::Usage("parts of this size would be more than 65536: make them larger"));
        }
        at = next;
    }
    Ok(starts)
}

/// What [`join`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Joined {
    /// Whether all of the report was written, and its SHA-256 is right. If not, what was written is a damaged report, for
    /// [`recover`](crate::rewrite::recover).
    pub whole: bool,
    /// How many parts the report was cut into.
    pub count: u32,
    /// The numbers of parts that were not there, from 0.
    pub missing: Vec<RangeInclusive<u32>>,
    /// The numbers of parts whose end is missing, from 0. What there is of them was used.
    pub cut: Vec<u32>,
    /// The report's id, zeros if it has none.
    pub id: ReportId,
    /// Bytes written.
    pub bytes: u64,
    /// What the SHA-256 of the whole report should be.
    pub digest: Digest,
}

/// A part that was given.
struct Given<R> {
    header: PartHeader,
    input: R,
    /// Bytes of its piece that are there.
    there: u64,
    /// How many of them are whole frames, or the report's first bytes. Counted where a part came more than once.
    whole: u64,
}

impl<R: Read + Seek> Given<R> {
    fn count_whole(&mut self) -> Result<(), Error> {
        self.whole = 0;
        let end = HEADER as u64 + self.there;
        let mut frames = Frames::new(&mut self.input, end, self.header.report);
        let mut walk = Walk::new(HEADER as u64, end);
        while let Some(frame) = frames.next_whole(&mut walk)? {
            self.whole += frame.header.frame_length() as u64;
        }
        let mut head = Vec::new();
        self.input.seek(SeekFrom::Start(HEADER as u64))?;
        (&mut self.input).take(PREAMBLE as u64).read_to_end(&mut head)?;
        if self.header.offset == 0 && frame::version(&head).is_some() {
            self.whole += PREAMBLE as u64;
        }
        Ok(())
    }
}

/// Puts a report together from its parts, given in any order. Some may be given twice, and some may be missing: then what is there is
/// written, without holes. Each input is one part, from its start; bytes behind its piece are ignored. Of a part that is given twice, the
/// copy with more whole frames is taken; with as many, the longer one, and then the first.
///
/// Memory: one frame, the inputs, and what their headers say; no header makes it take more.
///
/// # Errors
/// [`Error::Format`] if an input is no part, or they are of several reports, or contradict one another; [`Error::Usage`] if there are none;
/// [`Error::Io`].
pub fn join<R: Read + Seek, W: Write>(parts: impl IntoIterator<Item = R>, mut output: W) -> Result<Joined, Error> {
    let mut given = parts.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = given.first().map(|part| part.header) else {
        return Err(Error::Usage("there are no parts to join"));
    };
    if let Some(other) = given.iter().find(|part| !part.header.belongs_to(&first)) {
        let what = format!("{} and {} do not belong together", first.name(), other.header.name());
        return Err(Error::format(what, "join the parts of each report on their own"));
    }
    given.sort_by_key(|part| part.header.number);
    check_places(&given)?;
    // Of a part that came more than once, the copy of which more is whole.
    for copies in given.chunk_by_mut(|one, next| one.header.number == next.header.number) {
        if copies.len() > 1 {
            copies.iter_mut().try_for_each(Given::count_whole)?;
            copies.sort_by_key(|part| Reverse((part.whole, part.there)));
        }
    }
    given.dedup_by_key(|part| part.header.number);

    let mut joined = Joined {
        whole: false,
        count: first.count,
        missing: missing(given.iter().map(|part| part.header.number), first.count),
        cut: Vec::new(),
        id: first.id,
        bytes: 0,
        digest: first.digest,
    };
    let mut hasher = Sha256::new();
    for part in &mut given {
        part.input.seek(SeekFrom::Start(HEADER as u64))?;
        copy_exactly(&mut part.input, part.there, |bytes| {
            hasher.update(bytes);
            output.write_all(bytes)
        })?;
        joined.bytes += part.there;
        if part.there < part.header.length {
            joined.cut.push(part.header.number);
        }
    }
    output.flush()?;
    joined.whole = hasher.finalize()[..] == first.digest.0;
    Ok(joined)
}

/// Reads the header of a part, and how much of it is there.
fn open<R: Read + Seek>(mut input: R) -> Result<Given<R>, Error> {
    let length = input.seek(SeekFrom::End(0))?;
    input.seek(SeekFrom::Start(0))?;
    let header = PartHeader::read(&mut input)?;
    let there = length.saturating_sub(HEADER as u64).min(header.length);
    Ok(Given { header, input, there, whole: 0 })
}

/// Pieces must follow one another without gaps or overlaps, but for the parts that are missing. `given` is in order.
fn check_places<R>(given: &[Given<R>]) -> Result<(), Error> {
    for (one, next) in given.iter().zip(given.iter().skip(1)).map(|(one, next)| (one.header, next.header)) {
        let fits = match next.number - one.number {
            0 => one == next,
            1 => one.end() == next.offset,
            _ => one.end() <= next.offset,
        };
        if !fits {
            let what = format!("{} and {} contradict one another about their places", one.name(), next.name());
            return Err(Error::format(
                what,
                "the report was cut more than once: join the parts of each time on their own",
            ));
        }
    }
    Ok(())
}

/// The numbers below `count` that are not in `there`, which ascends.
fn missing(there: impl Iterator<Item = u32>, count: u32) -> Vec<RangeInclusive<u32>> {
    let mut missing = Vec::new();
    let mut next = 0;
    for number in there.chain([count]) {
        if number > next {
            missing.push(next..=number - 1);
        }
        next = number.saturating_add(1);
    }
    missing
}

/// Gives `length` bytes of `input` to `each`, piece by piece.
fn copy_exactly(
    input: &mut impl Read,
    length: u64,
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), Error> {
    let (mut left, mut buffer) = (length, vec![0; STEP]);
    while left > 0 {
        let wanted = left.min(STEP as u64) as usize;
        match input.read(&mut buffer[..wanted]) {
            Ok(0) => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
            Ok(read) => {
                each(&buffer[..read])?;
                left -= read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

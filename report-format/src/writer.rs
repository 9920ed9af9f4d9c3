//! Writing a report, front to back.

use std::{
    fmt,
    io::{self, Write},
    mem,
};

use prost::Message;
use sha2::{Digest as _, Sha256};

use crate::{
    assembly::Passed,
    codec::Encoder,
    error::Error,
    frame::{self, CHUNK, Header, IndexEntry, MAJOR_VERSION, MAX_SECTIONS},
    id::Digest,
    schema::v1::{Category, SectionKind, Summary},
    section::{Codec, SectionHeader},
};

const FAILED_BEFORE: &str = "writing failed before; the report is partial";

/// Writes a report to anything that takes bytes: no seek, two chunks of memory, the same input always gives the same bytes.
///
/// Each frame is one call of `write_all`, so no [`BufWriter`](io::BufWriter) is needed.
/// A writer that is dropped before [`finish`](Writer::finish) leaves a report that readers call partial.
pub struct Writer<W> {
    out: Output<W>,
    summary: Vec<u8>,
    index: Vec<IndexEntry>,
    encoder: Encoder,
    /// Raw bytes of the open section that are not a whole chunk yet.
    chunk: Vec<u8>,
    incomplete: bool,
    broken: Option<&'static str>,
}

/// The file below the frames: what was written, hashed and counted.
struct Output<W> {
    inner: W,
    hasher: Sha256,
    bytes: u64,
    sequence: u32,
    report: u32,
    /// Of the last frame, for its memory.
    payload: Vec<u8>,
}

impl<W: Write> Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.write_all(bytes)?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Writes a frame around the payload that `payload` appends.
    fn frame(&mut self, header: Header, payload: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>) -> Result<(), Error> {
        let mut bytes = mem::take(&mut self.payload);
        bytes.clear();
        payload(&mut bytes)?;
        let written = self.frame_around(header, &bytes);
        self.payload = bytes;
        written
    }

    /// Writes a frame around this payload. Fills in report, sequence and length.
    fn frame_around(&mut self, header: Header, payload: &[u8]) -> Result<(), Error> {
        let header = Header { report: self.report, sequence: self.sequence, length: payload.len() as u32, ..header };
        self.write(&header.to_bytes())?;
        self.write(payload)?;
        self.write(&crc32c::crc32c(payload).to_le_bytes())?;
        self.sequence = self.sequence.checked_add(1).ok_or(Error::Limit {
            what: "frames in a report",
            limit: u64::from(u32::MAX),
            seen: 1 << 32,
        })?;
        Ok(())
    }
}

impl<W: Write> Writer<W> {
    /// Begins a report: writes its first bytes and the summary.
    ///
    /// `report_id` and `product_id` of the summary are 16 bytes or empty, since nothing but ids and numbers may stand in
    /// clear.
    ///
    /// # Errors
    /// [`Error::Usage`] for an id of another length; [`Error::Io`] of the writer.
    pub fn new(inner: W, summary: &Summary) -> Result<Self, Error> {
        if [&summary.report_id, &summary.product_id].iter().any(|id| !matches!(id.len(), 0 | 16)) {
            return Err(Error::Usage("an id in the summary is not 16 bytes long"));
        }
        Self::with_summary_bytes(inner, summary.encode_to_vec())
    }

    pub(crate) fn with_summary_bytes(inner: W, summary: Vec<u8>) -> Result<Self, Error> {
        let report = crc32c::crc32c(&summary);
        let mut out = Output { inner, hasher: Sha256::new(), bytes: 0, sequence: 0, report, payload: Vec::new() };
        out.write(&frame::preamble(MAJOR_VERSION))?;
        let mut writer = Self {
            out,
            summary,
            index: Vec::new(),
            encoder: Encoder::default(),
            chunk: Vec::new(),
            incomplete: false,
            broken: None,
        };
        writer.write_summary()?;
        Ok(writer)
    }

    fn write_summary(&mut self) -> Result<(), Error> {
        self.out.frame(Header { frame_type: frame::SUMMARY, ..Header::default() }, |payload| {
            payload.extend_from_slice(&self.summary);
            Ok(())
        })
    }

    /// Begins a section. Write its raw bytes into the answer and call [`SectionWriter::finish`].
    ///
    /// # Errors
    /// [`Error::Usage`] for a codec that is not known, or after an earlier failure; [`Error::Limit`] for more than [`MAX_SECTIONS`].
    pub fn section(&mut self, header: SectionHeader) -> Result<SectionWriter<'_, W>, Error> {
        self.check()?;
        if matches!(header.codec, Codec::Other(_)) {
            return Err(Error::Usage("this codec cannot be written"));
        }
        // The codec must be one we have: a report made without a compressor is larger, but as good.
        let codec = if header.codec.is_supported() { header.codec } else { Codec::Stored };
        let template = self.open_section(SectionHeader { codec, ..header })?;
        self.chunk.clear();
        Ok(SectionWriter { writer: self, template, codec, raw: 0, frames: 0, crc: 0, done: false })
    }

    /// Enters a section in the index; the answer is the header of its frames.
    fn open_section(&mut self, header: SectionHeader) -> Result<Header, Error> {
        let section = self.index.len() as u32 + 1;
        if section > MAX_SECTIONS {
            let (limit, seen) = (u64::from(MAX_SECTIONS), u64::from(section));
            return Err(Error::Limit { what: "sections in a report", limit, seen });
        }
        let SectionHeader { kind, category, .. } = header;
        self.index.push(IndexEntry { offset: self.out.bytes, section, kind, category });
        Ok(Header {
            flags: if header.critical { frame::CRITICAL } else { 0 },
            codec: header.codec.number(),
            kind,
            category,
            section,
            ..Header::default()
        })
    }

    /// Writes a message as a section of its own: compressed and ignorable.
    ///
    /// # Errors
    /// [`Error::Io`] of the writer; [`Error::Usage`] after an earlier failure; [`Error::Limit`] for more than [`MAX_SECTIONS`].
    pub fn write_message(
        &mut self,
        kind: SectionKind,
        category: Category,
        message: &impl Message,
    ) -> Result<(), Error> {
        let mut section = self.section(SectionHeader::new(kind, category))?;
        section.write_all(&message.encode_to_vec())?;
        section.finish()
    }

    /// Begins a section whose frames are copied from another report, with a codec that need not be known. The answer is for
    /// [`copy_frame`](Self::copy_frame); the last frame must be a section end.
    pub(crate) fn copy_section(&mut self, header: SectionHeader) -> Result<Header, Error> {
        self.check()?;
        self.open_section(header)
    }

    /// Writes a data frame or a section end of the section that was begun last, with this payload.
    pub(crate) fn copy_frame(&mut self, section: &Header, frame_type: u8, passed: &Passed) -> Result<(), Error> {
        self.check()?;
        let gap = if passed.gap { frame::GAP } else { 0 };
        let header = Header { frame_type, flags: section.flags | gap, offset: passed.offset, ..*section };
        let written = self.out.frame(header, |payload| {
            payload.extend_from_slice(&passed.payload);
            Ok(())
        });
        if written.is_err() {
            self.broken = Some(FAILED_BEFORE);
        }
        written
    }

    /// How many sections were begun.
    pub(crate) fn sections(&self) -> u32 {
        self.index.len() as u32
    }

    /// Marks the report as known to be incomplete: readers will call it partial. For whoever writes what is left of a
    /// damaged report, or had to stop early.
    pub fn declare_incomplete(&mut self) {
        self.incomplete = true;
    }

    /// Writes the end, flushes, and gives back the inner writer, the SHA-256 of all bytes written, and their number.
    ///
    /// # Errors
    /// [`Error::Usage`] if a section was dropped before it was finished, or after an earlier failure; [`Error::Io`] of the writer. Then the
    /// file is a partial report.
    pub fn finish(mut self) -> Result<(W, Digest, u64), Error> {
        self.check()?;
        self.write_summary()?;
        self.out.frame(Header { frame_type: frame::INDEX, ..Header::default() }, |payload| {
            payload.extend(self.index.iter().flat_map(|entry| entry.to_bytes()));
            Ok(())
        })?;
        let digest = self.out.hasher.clone().finalize();
        let end = Header {
            frame_type: frame::END,
            flags: if self.incomplete { frame::INCOMPLETE } else { 0 },
            offset: self.out.bytes,
            ..Header::default()
        };
        self.out.frame(end, |payload| {
            payload.extend_from_slice(&digest);
            Ok(())
        })?;
        self.out.inner.flush()?;
        Ok((self.out.inner, Digest(self.out.hasher.finalize().into()), self.out.bytes))
    }

    /// Bytes of the report so far.
    pub(crate) fn position(&self) -> u64 {
        self.out.bytes
    }

    fn check(&self) -> Result<(), Error> {
        self.broken.map_or(Ok(()), |why| Err(Error::Usage(why)))
    }
}

/// Takes the raw bytes of one section. Cuts them into chunks, encodes each, and writes it at once.
///
/// Dropped before [`finish`](SectionWriter::finish), it makes the [`Writer`] refuse to go on.
#[must_use = "a section that is not finished breaks the report"]
pub struct SectionWriter<'a, W: Write> {
    writer: &'a mut Writer<W>,
    template: Header,
    codec: Codec,
    raw: u64,
    frames: u32,
    crc: u32,
    done: bool,
}

impl<W: Write> SectionWriter<'_, W> {
    /// Writes a chunk that was encoded elsewhere by the section's codec, as a frame of its own: `raw_length` bytes before, at most
    /// [`CHUNK`], with this CRC-32C. Not to be mixed with [`Write::write`], whose chunks are cut here.
    pub(crate) fn write_encoded(&mut self, payload: &[u8], raw_length: u32, raw_crc: u32) -> Result<(), Error> {
        self.writer.check()?;
        debug_assert!(self.writer.chunk.is_empty() && raw_length as usize <= CHUNK);
        let data = Header { frame_type: frame::DATA, offset: self.raw, ..self.template };
        let written = self.writer.out.frame_around(data, payload);
        if written.is_err() {
            self.writer.broken = Some(FAILED_BEFORE);
        }
        written?;
        self.raw += u64::from(raw_length);
        self.frames += 1;
        self.crc = crc32c::crc32c_combine(self.crc, raw_crc, raw_length as usize);
        Ok(())
    }

    /// Ends the chunk here, though it is not full: what is written next begins another. For kinds whose chunks mean something.
    ///
    /// # Errors
    /// [`Error::Io`] of the writer; [`Error::Usage`] after an earlier failure.
    pub fn end_chunk(&mut self) -> Result<(), Error> {
        self.writer.check()?;
        if self.writer.chunk.is_empty() {
            return Ok(());
        }
        let mut chunk = mem::take(&mut self.writer.chunk);
        let written = self.write_chunk(&chunk);
        chunk.clear();
        self.writer.chunk = chunk;
        written
    }

    /// Bytes of the report before the next frame.
    pub(crate) fn position(&self) -> u64 {
        self.writer.position()
    }

    /// Whether chunks will be encoded as asked, or stored for want of a compressor.
    pub(crate) fn codec(&self) -> Codec {
        self.codec
    }

    /// Writes what is left and the section's end.
    ///
    /// # Errors
    /// [`Error::Io`] of the writer; [`Error::Usage`] after an earlier failure. Then the [`Writer`] refuses to go on.
    pub fn finish(mut self) -> Result<(), Error> {
        self.end_chunk()?;
        let end = Header { frame_type: frame::SECTION_END, offset: self.raw, ..self.template };
        let (frames, crc) = (self.frames, self.crc);
        self.writer.out.frame(end, |payload| {
            payload.extend_from_slice(&frames.to_le_bytes());
            payload.extend_from_slice(&crc.to_le_bytes());
            Ok(())
        })?;
        self.done = true;
        Ok(())
    }

    fn write_chunk(&mut self, chunk: &[u8]) -> Result<(), Error> {
        let data = Header { frame_type: frame::DATA, offset: self.raw, ..self.template };
        let Writer { out, encoder, .. } = &mut *self.writer;
        let written = out.frame(data, |payload| encoder.encode(self.codec, chunk, payload));
        if written.is_err() {
            self.writer.broken = Some(FAILED_BEFORE);
        }
        written?;
        self.raw += chunk.len() as u64;
        self.frames += 1;
        self.crc = crc32c::crc32c_append(self.crc, chunk);
        Ok(())
    }
}

impl<W: Write> Write for SectionWriter<'_, W> {
    /// Takes all of `bytes`. Blocks as long as the inner writer does.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let to_io = |error| match error {
            Error::Io(error) => error,
            other => io::Error::other(other),
        };
        self.writer.check().map_err(to_io)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = CHUNK - self.writer.chunk.len();
            let (now, later) = rest.split_at(room.min(rest.len()));
            rest = later;
            if now.len() == CHUNK {
                // A whole chunk at once: no need to copy it first.
                self.write_chunk(now).map_err(to_io)?;
                continue;
            }
            self.writer.chunk.extend_from_slice(now);
            if self.writer.chunk.len() == CHUNK {
                self.end_chunk().map_err(to_io)?;
            }
        }
        Ok(bytes.len())
    }

    /// Flushes the inner writer. A chunk that is not full stays here, or flushing would change the bytes of the report.
    fn flush(&mut self) -> io::Result<()> {
        self.writer.out.inner.flush()
    }
}

impl<W: Write> Drop for SectionWriter<'_, W> {
    fn drop(&mut self) {
        if !self.done && self.writer.broken.is_none() {
            self.writer.broken = Some("a section was dropped before it was finished; the report is partial");
        }
    }
}

impl<W> fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("bytes", &self.out.bytes)
            .field("sections", &self.index.len())
            .field("broken", &self.broken)
            .finish_non_exhaustive()
    }
}

impl<W: Write> fmt::Debug for SectionWriter<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SectionWriter").field("header", &self.template).field("raw", &self.raw).finish_non_exhaustive()
    }
}

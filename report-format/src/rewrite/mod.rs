//! Making a report of a report: sections are copied chunk by chunk, as they stand in the file, also those that this version
//! does not know. `proto/FORMAT.md`, section 12.
//!
//! Each frame is checked as a reader checks it, and none is encoded again. Memory: two frames, whatever the report's size.

mod copy;
mod losses;
mod recover;
mod redact;
pub(crate) mod wire;

use std::io::{ErrorKind, Read, Write};

pub use copy::{Copied, copy_sections};
pub use recover::{Recovered, recover};
pub use redact::{Redact, Redacted, redact};

#[cfg(feature = "seal")]
pub(crate) use recover::find_summary;

use crate::{
    assembly::Passed,
    decoder::{Decoder, Event},
    error::Error,
    frame::{DATA, SECTION_END},
    limits::Limits,
    section::SectionHeader,
    writer::Writer,
};

pub(crate) use losses::Losses;

/// Bytes read from the input at once.
const STEP: usize = 64 << 10;

/// A report from which sections are copied: pulls frames out of a reader.
///
/// Call [`next_section`](Self::next_section), then one of [`copy_section`](Self::copy_section),
/// [`skip_section`](Self::skip_section) and [`next_frame`](Self::next_frame) until the section ends.
pub(crate) struct Source<R> {
    input: R,
    decoder: Decoder,
    buffer: Vec<u8>,
    ended: bool,
    /// The number of the section that `next_section` gave.
    ordinal: u32,
    losses: Losses,
}

/// A frame of a section that is being copied.
#[derive(Debug)]
pub(crate) enum Frame {
    Data(Passed),
    /// The section ends. `None`: its end frame never came.
    End(Option<Passed>),
}

impl<R: Read> Source<R> {
    /// How many raw bytes there are does not matter to who copies: [`Limits::raw_total`] and [`Limits::memory_image`] are not applied.
    pub(crate) fn new(input: R, limits: &Limits) -> Self {
        let losses = Losses::new(limits.losses);
        let limits = Limits { raw_total: u64::MAX, memory_image: u64::MAX, ..limits.clone() };
        let decoder = Decoder::passing_through(limits);
        Self { input, decoder, buffer: vec![0; STEP], ended: false, ordinal: 0, losses }
    }

    /// The checksum of the summary, as frames name it, if there was a frame so far.
    #[cfg(feature = "seal")]
    pub(crate) fn summary_crc(&self) -> Option<u32> {
        self.decoder.summary_crc()
    }

    /// The bytes of the summary, if it came so far: at the first section it has, unless the report's beginning is lost.
    pub(crate) fn summary(&self) -> Option<&[u8]> {
        self.decoder.summary()
    }

    /// The number in the report of the section that [`next_section`](Self::next_section) gave.
    #[cfg(feature = "seal")]
    pub(crate) fn ordinal(&self) -> u32 {
        self.ordinal
    }

    pub(crate) fn losses(&self) -> &Losses {
        &self.losses
    }

    pub(crate) fn into_losses(self) -> Losses {
        self.losses
    }

    /// Goes on to the next section. `None`: the report has no more, and all its losses are known.
    pub(crate) fn next_section(&mut self) -> Result<Option<SectionHeader>, Error> {
        while let Some((event, _)) = self.next_event()? {
            if let Event::SectionBegin { ordinal, header } = event {
                self.ordinal = ordinal;
                return Ok(Some(header));
            }
        }
        Ok(None)
    }

    /// The next frame of the section that [`next_section`](Self::next_section) gave. Not to be called after its end.
    pub(crate) fn next_frame(&mut self) -> Result<Frame, Error> {
        while let Some((event, passed)) = self.next_event()? {
            match (event, passed) {
                (Event::SectionData { .. }, Some(passed)) => return Ok(Frame::Data(passed)),
                (Event::SectionEnd { .. }, passed) => return Ok(Frame::End(passed)),
                _ => {}
            }
        }
        Ok(Frame::End(None))
    }

    /// Copies the section that [`next_section`](Self::next_section) gave. Where its end is lost, it gets one with a gap.
    pub(crate) fn copy_section<W: Write>(
        &mut self,
        header: SectionHeader,
        writer: &mut Writer<W>,
    ) -> Result<(), Error> {
        let section = writer.copy_section(header)?;
        loop {
            match self.next_frame()? {
                Frame::Data(passed) => writer.copy_frame(&section, DATA, &passed)?,
                Frame::End(end) => return writer.copy_frame(&section, SECTION_END, &end.unwrap_or_else(lost_end)),
            }
        }
    }

    /// Leaves out the section that [`next_section`](Self::next_section) gave.
    pub(crate) fn skip_section(&mut self) -> Result<(), Error> {
        while let Frame::Data(_) = self.next_frame()? {}
        Ok(())
    }

    /// The next event that is no loss.
    fn next_event(&mut self) -> Result<Option<(Event, Option<Passed>)>, Error> {
        loop {
            match self.decoder.next_passed()? {
                Some((Event::Lost(loss), _)) => self.losses.take(loss),
                Some(event) => return Ok(Some(event)),
                None if self.ended => return Ok(None),
                None => match self.input.read(&mut self.buffer) {
                    Ok(0) => {
                        self.ended = true;
                        self.decoder.finish();
                    }
                    Ok(read) => self.decoder.push(&self.buffer[..read]),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error.into()),
                },
            }
        }
    }
}

/// The end of a section whose own end is lost: nothing is known of its length, number of frames and checksum.
pub(crate) fn lost_end() -> Passed {
    Passed { offset: 0, gap: true, payload: vec![0; 8] }
}

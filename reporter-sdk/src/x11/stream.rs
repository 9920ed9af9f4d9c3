//! A connection that ends: each wait has the same deadline, and no answer is believed to be longer than any can be.
//!
//! Situation: x11rb waits without an end, and makes room for as many bytes as an answer says that it has. Example: a server that is stopped in a debugger; one
//! that says 16 GiB. Handling: this stands between, and reads the length of each packet before x11rb does.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use x11rb::protocol::xproto::GE_GENERIC_EVENT;
use x11rb::rust_connection::{DefaultStream, PollMode, Stream};
use x11rb::utils::RawFdContainer;

use crate::local_socket::left;

/// The least that a packet has; its first eight bytes tell how much follows.
const PACKET: usize = 32;

/// An image of 8K in 32 bits has 133 MB.
const ANSWER_LIMIT: usize = 160 << 20;

/// Of all answers together: some displays of 8K.
const TOTAL_LIMIT: usize = 1 << 30;

#[derive(Debug)]
pub(crate) struct Limited {
    stream: DefaultStream,
    deadline: Instant,
    packets: Mutex<Packets>,
}

/// Where in the stream of packets we are.
#[derive(Debug)]
enum Packets {
    /// Before them comes the display's description, of at most 256 KiB, which is read as it comes.
    NotYet,
    Head {
        bytes: [u8; PACKET],
        read: usize,
        total: usize,
    },
    Body {
        left: usize,
        total: usize,
    },
}

impl Packets {
    /// How much may be read at once: never past a length that has not been checked.
    fn wanted(&self) -> usize {
        match self {
            Self::NotYet => usize::MAX,
            Self::Head { read, .. } => PACKET - read,
            Self::Body { left, .. } => *left,
        }
    }

    fn take(&mut self, new: &[u8]) -> io::Result<()> {
        let too_long = || Err(io::Error::new(io::ErrorKind::InvalidData, "an answer longer than any can be"));
        match self {
            Self::NotYet => {}
            Self::Head { bytes, read, total } => {
                bytes[*read..*read + new.len()].copy_from_slice(new);
                *read += new.len();
                if *read == PACKET {
                    let length = following(bytes);
                    let total = total.saturating_add(PACKET + length);
                    if length > ANSWER_LIMIT || total > TOTAL_LIMIT {
                        return too_long();
                    }
                    *self = if length == 0 { Self::head(total) } else { Self::Body { left: length, total } };
                }
            }
            Self::Body { left, total } => {
                *left -= new.len();
                if *left == 0 {
                    *self = Self::head(*total);
                }
            }
        }
        Ok(())
    }

    fn head(total: usize) -> Self {
        Self::Head { bytes: [0; PACKET], read: 0, total }
    }
}

/// Of replies and generic events the bytes after the first 32; all else has none.
fn following(head: &[u8; PACKET]) -> usize {
    const REPLY: u8 = 1;
    if head[0] != REPLY && head[0] & 0x7f != GE_GENERIC_EVENT {
        return 0;
    }
    let words = u32::from_ne_bytes([head[4], head[5], head[6], head[7]]);
    usize::try_from(words).map_or(usize::MAX, |words| words.saturating_mul(4))
}

impl Limited {
    pub(super) fn new(stream: UnixStream, deadline: Instant) -> io::Result<Self> {
        let (stream, _) = DefaultStream::from_unix_stream(stream)?;
        Ok(Self { stream, deadline, packets: Mutex::new(Packets::NotYet) })
    }

    /// The display's description has been read: from here on there are packets.
    pub(super) fn follow_packets(&self) {
        *self.packets.lock().unwrap_or_else(PoisonError::into_inner) = Packets::head(0);
    }
}

impl Stream for Limited {
    fn poll(&self, mode: PollMode) -> io::Result<()> {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, mode.readable());
        flags.set(PollFlags::OUT, mode.writable());
        loop {
            let wait = Timespec::try_from(left(self.deadline)?).map_err(io::Error::other)?;
            match poll(&mut [PollFd::new(&self.stream, flags)], Some(&wait)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn read(&self, buffer: &mut [u8], descriptors: &mut Vec<RawFdContainer>) -> io::Result<usize> {
        // A server that never stops sending never lets us wait.
        left(self.deadline)?;
        let mut packets = self.packets.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = buffer.len().min(packets.wanted());
        let read = self.stream.read(&mut buffer[..wanted], descriptors)?;
        packets.take(&buffer[..read])?;
        Ok(read)
    }

    fn write(&self, bytes: &[u8], descriptors: &mut Vec<RawFdContainer>) -> io::Result<usize> {
        self.stream.write(bytes, descriptors)
    }

    fn write_vectored(&self, bytes: &[io::IoSlice<'_>], descriptors: &mut Vec<RawFdContainer>) -> io::Result<usize> {
        self.stream.write_vectored(bytes, descriptors)
    }
}

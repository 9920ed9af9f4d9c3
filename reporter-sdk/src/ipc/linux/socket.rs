//! Datagram sockets with descriptors and time-outs, for both ends.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::{Duration, Instant},
};

use prost::Message;
use rustix::{
    event::{PollFd, PollFlags, Timespec},
    io::Errno,
    net::{
        AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    },
    process::Pid,
};
use zeroize::Zeroizing;

/// The largest message, in bytes: well below what a socket takes by default (208 KiB).
pub(crate) const MESSAGE_LIMIT: usize = 128 << 10;
/// The most descriptors with one message.
pub(crate) const DESCRIPTOR_LIMIT: usize = 4;

/// What can be handed over with a message.
pub(crate) type Descriptor = OwnedFd;

/// For [`Socket::send`].
pub(crate) fn lend(descriptor: &Descriptor) -> BorrowedFd<'_> {
    descriptor.as_fd()
}

/// Why a message was not sent or received.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum IpcError {
    #[error("the other side is gone")]
    Closed,
    #[error("no answer in {0:?}")]
    TimedOut(Duration),
    #[error("a message of {size} bytes, at most {MESSAGE_LIMIT} are allowed")]
    TooLarge { size: usize },
    #[error("a message came with more than {DESCRIPTOR_LIMIT} descriptors")]
    TooManyDescriptors,
    #[error("not a message")]
    Malformed(#[from] prost::DecodeError),
    #[error("socket")]
    Io(#[source] io::Error),
}

impl From<Errno> for IpcError {
    fn from(error: Errno) -> Self {
        match error {
            Errno::PIPE | Errno::CONNRESET | Errno::CONNREFUSED | Errno::NOTCONN => Self::Closed,
            other => Self::Io(other.into()),
        }
    }
}

/// What came with a datagram.
#[derive(Debug)]
pub(crate) struct Datagram {
    pub(crate) size: usize,
    pub(crate) descriptors: Vec<OwnedFd>,
    /// As the kernel knows it, where [`Socket::name_senders`] was called and the sender is to be seen from here.
    #[cfg_attr(not(any(feature = "handler", test)), expect(dead_code, reason = "the product knows who writes to it"))]
    pub(crate) sender: Option<Pid>,
}

/// One end of a connected pair of datagram sockets (`SOCK_SEQPACKET`: reliable, in order, and its end is seen).
///
/// All methods can be called from several threads at once; a message is never mixed with another.
#[derive(Debug)]
pub(crate) struct Socket(OwnedFd);

impl Socket {
    /// Two connected ends, close-on-exec.
    pub(crate) fn pair() -> io::Result<(Self, Self)> {
        let flags = SocketFlags::CLOEXEC;
        let (a, b) = rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        Ok((Self(a), Self(b)))
    }

    /// Sends `message` with copies of descriptors, waiting up to `timeout` for room; zero never blocks.
    pub(crate) fn send(
        &self,
        message: &impl Message,
        descriptors: &[BorrowedFd<'_>],
        timeout: Duration,
    ) -> Result<(), IpcError> {
        let size = message.encoded_len();
        if size > MESSAGE_LIMIT {
            return Err(IpcError::TooLarge { size });
        }
        // Made in one piece, so that no outgrown part stays in the heap, and wiped: the message may hold a password.
        let mut bytes = Zeroizing::new(Vec::with_capacity(size));
        message.encode_raw(&mut *bytes);
        self.send_bytes(&bytes, descriptors, timeout)
    }

    /// Sends one datagram as it is.
    pub(crate) fn send_bytes(
        &self,
        bytes: &[u8],
        descriptors: &[BorrowedFd<'_>],
        timeout: Duration,
    ) -> Result<(), IpcError> {
        if descriptors.len() > DESCRIPTOR_LIMIT {
            return Err(IpcError::TooManyDescriptors);
        }
        let started = Instant::now();
        loop {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTOR_LIMIT))];
            let mut ancillary = SendAncillaryBuffer::new(&mut space);
            if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
                return Err(IpcError::TooManyDescriptors);
            }
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            match rustix::net::sendmsg(&self.0, &[IoSlice::new(bytes)], &mut ancillary, flags) {
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait(PollFlags::OUT, started, timeout)?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Receives a message and what descriptors came with it, waiting up to `timeout`.
    pub(crate) fn receive<M: Message + Default>(&self, timeout: Duration) -> Result<(M, Vec<OwnedFd>), IpcError> {
        let mut bytes = Zeroizing::new(vec![0; MESSAGE_LIMIT]);
        let (size, descriptors) = self.receive_bytes(&mut bytes, timeout)?;
        Ok((M::decode(&bytes[..size])?, descriptors))
    }

    /// Has the kernel tell from now on who has sent a datagram.
    #[cfg(any(feature = "handler", test))]
    pub(crate) fn name_senders(&self) -> Result<(), IpcError> {
        Ok(rustix::net::sockopt::set_socket_passcred(&self.0, true)?)
    }

    /// Receives one datagram into `bytes`; returns its size and what descriptors came with it.
    ///
    /// [`IpcError::TooLarge`] for one that does not fit.
    pub(crate) fn receive_bytes(&self, bytes: &mut [u8], timeout: Duration) -> Result<(usize, Vec<OwnedFd>), IpcError> {
        let Datagram { size, descriptors, .. } = self.receive_datagram(bytes, timeout)?;
        Ok((size, descriptors))
    }

    /// The same, with its sender.
    pub(crate) fn receive_datagram(&self, bytes: &mut [u8], timeout: Duration) -> Result<Datagram, IpcError> {
        let started = Instant::now();
        loop {
            let mut space =
                [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTOR_LIMIT), ScmCredentials(1))];
            let mut ancillary = RecvAncillaryBuffer::new(&mut space);
            // TRUNC makes the kernel tell a cut datagram's whole size.
            let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC | RecvFlags::TRUNC;
            let received = rustix::net::recvmsg(&self.0, &mut [IoSliceMut::new(bytes)], &mut ancillary, flags);
            // Collected before anything can fail: what is not handed on is closed.
            let (mut descriptors, mut sender) = (Vec::new(), None);
            for part in ancillary.drain() {
                match part {
                    RecvAncillaryMessage::ScmRights(received) => descriptors.extend(received),
                    RecvAncillaryMessage::ScmCredentials(credentials) => sender = Some(credentials.pid),
                    _ => {}
                }
            }
            match received {
                // Neither side sends empty datagrams: this is the end.
                Ok(message) if message.bytes == 0 => return Err(IpcError::Closed),
                Ok(message) if message.flags.contains(ReturnFlags::TRUNC) => {
                    return Err(IpcError::TooLarge { size: message.bytes });
                }
                Ok(message) if message.flags.contains(ReturnFlags::CTRUNC) => return Err(IpcError::TooManyDescriptors),
                Ok(message) => return Ok(Datagram { size: message.bytes, descriptors, sender }),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait(PollFlags::IN, started, timeout)?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Ready while there is something to receive, or the end.
    #[cfg(any(feature = "handler", test))]
    pub(crate) fn readable(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    fn wait(&self, events: PollFlags, started: Instant, timeout: Duration) -> Result<(), IpcError> {
        let left = timeout.checked_sub(started.elapsed()).ok_or(IpcError::TimedOut(timeout))?;
        let left = Timespec::try_from(left).map_err(|_| IpcError::TimedOut(timeout))?;
        match rustix::event::poll(&mut [PollFd::new(&self.0, events)], Some(&left)) {
            Ok(0) => Err(IpcError::TimedOut(timeout)),
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl From<Socket> for OwnedFd {
    fn from(socket: Socket) -> Self {
        socket.0
    }
}

impl From<OwnedFd> for Socket {
    fn from(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Read};

    use super::*;
    use crate::schema::{ClientMessage, Flush, client_message};

    const SHORT: Duration = Duration::from_millis(30);

    fn flush(sequence: u64) -> ClientMessage {
        ClientMessage { sequence, message: Some(client_message::Message::Flush(Flush { timeout_millis: 5 })) }
    }

    #[test]
    fn a_message_arrives_with_its_descriptors() {
        let (a, b) = Socket::pair().unwrap();
        let content = crate::shared::mapping::sealed_bytes(b"log").unwrap();
        a.send(&flush(7), &[content.as_fd()], SHORT).unwrap();
        a.send(&flush(8), &[], SHORT).unwrap();
        let (message, mut descriptors) = b.receive::<ClientMessage>(SHORT).unwrap();
        assert_eq!((message.sequence, descriptors.len()), (7, 1));
        let mut text = String::new();
        let mut file = File::from(descriptors.remove(0));
        rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(0)).unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "log");
        let (message, descriptors) = b.receive::<ClientMessage>(SHORT).unwrap();
        assert_eq!((message.sequence, descriptors.len()), (8, 0));
    }

    #[test]
    fn the_kernel_names_the_sender_where_it_is_asked_to() {
        let (a, b) = Socket::pair().unwrap();
        let receive = || b.receive_datagram(&mut [0; 8], SHORT).unwrap();
        a.send_bytes(b"x", &[], SHORT).unwrap();
        assert_eq!(receive().sender, None);
        b.name_senders().unwrap();
        a.send_bytes(b"x", &[a.as_fd(); DESCRIPTOR_LIMIT], SHORT).unwrap();
        let received = receive();
        assert_eq!((received.sender, received.descriptors.len()), (Some(rustix::process::getpid()), DESCRIPTOR_LIMIT));
    }

    #[test]
    fn silence_ends_in_a_time_out_and_a_closed_end_at_once() {
        let (a, b) = Socket::pair().unwrap();
        let started = Instant::now();
        assert!(matches!(b.receive::<ClientMessage>(SHORT), Err(IpcError::TimedOut(_))));
        assert!(started.elapsed() >= SHORT);
        drop(a);
        let started = Instant::now();
        assert!(matches!(b.receive::<ClientMessage>(Duration::from_secs(60)), Err(IpcError::Closed)));
        assert!(matches!(b.send(&flush(1), &[], SHORT), Err(IpcError::Closed)));
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_full_queue_does_not_block() {
        let (a, _b) = Socket::pair().unwrap();
        let big = [1; 60_000];
        let error = (0..100).find_map(|_| a.send_bytes(&big, &[], Duration::ZERO).err()).unwrap();
        assert!(matches!(error, IpcError::TimedOut(Duration::ZERO)), "{error}");
    }

    #[test]
    fn what_is_too_large_or_no_message_is_refused() {
        let (a, b) = Socket::pair().unwrap();
        a.send_bytes(&[0xff; 100], &[], SHORT).unwrap();
        assert!(matches!(b.receive::<ClientMessage>(SHORT), Err(IpcError::Malformed(_))));
        a.send_bytes(&[0; 100], &[], SHORT).unwrap();
        assert!(matches!(b.receive_bytes(&mut [0; 10], SHORT), Err(IpcError::TooLarge { size: 100 })));
        let refused = crate::schema::Refused { reason: "x".repeat(MESSAGE_LIMIT) };
        assert!(matches!(a.send(&refused, &[], SHORT), Err(IpcError::TooLarge { .. })));
        let fds = [a.as_fd(); DESCRIPTOR_LIMIT + 1];
        assert!(matches!(a.send_bytes(b"x", &fds, SHORT), Err(IpcError::TooManyDescriptors)));
    }
}

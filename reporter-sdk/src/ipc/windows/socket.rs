//! Pipes of messages with handles and time-outs, for both ends.
//!
//! The kernel does not carry handles here. A message that brings some starts with their numbers in the product's process, from which the handler, who may, takes
//! them over: the less trusted side names what is its own, and a number that means nothing there is an error and no more.

use std::{
    io,
    os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle, RawHandle},
    ptr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use prost::Message;
use windows_sys::Win32::{
    Foundation::{
        DUPLICATE_CLOSE_SOURCE, DUPLICATE_SAME_ACCESS, DuplicateHandle, ERROR_BROKEN_PIPE, ERROR_IO_INCOMPLETE,
        ERROR_IO_PENDING, ERROR_MORE_DATA, ERROR_NO_DATA, ERROR_OPERATION_ABORTED, ERROR_PIPE_NOT_CONNECTED,
        GENERIC_READ, GENERIC_WRITE, HANDLE, INVALID_HANDLE_VALUE, WAIT_OBJECT_0,
    },
    Storage::FileSystem::{
        CreateFileW, FILE_FLAG_FIRST_PIPE_INSTANCE, FILE_FLAG_OVERLAPPED, OPEN_EXISTING, PIPE_ACCESS_DUPLEX, ReadFile,
        SECURITY_IDENTIFICATION, SECURITY_SQOS_PRESENT, WriteFile,
    },
    System::{
        IO::{CancelIoEx, GetOverlappedResult, OVERLAPPED},
        Pipes::{
            CreateNamedPipeW, PIPE_READMODE_MESSAGE, PIPE_REJECT_REMOTE_CLIENTS, PIPE_TYPE_MESSAGE, PIPE_WAIT,
            SetNamedPipeHandleState,
        },
        Threading::{CreateEventW, GetCurrentProcess, ResetEvent, WaitForSingleObject},
    },
};
use zeroize::{Zeroize, Zeroizing};

use crate::security;

/// The largest message, in bytes.
pub(crate) const MESSAGE_LIMIT: usize = 128 << 10;
/// The most handles with one message.
pub(crate) const DESCRIPTOR_LIMIT: usize = 4;

/// The numbers of the handles: how many there are, and each.
pub(crate) const HEADER: usize = 8 * (1 + DESCRIPTOR_LIMIT);
/// What a pipe holds before its writer waits.
const PIPE_BYTES: u32 = 256 << 10;

/// What can be handed over with a message.
pub(crate) type Descriptor = OwnedHandle;

/// For [`Socket::send`].
pub(crate) fn lend(descriptor: &Descriptor) -> BorrowedHandle<'_> {
    descriptor.as_handle()
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
    #[error("a message came with more than {DESCRIPTOR_LIMIT} handles, or with one that is none")]
    TooManyDescriptors,
    #[error("not a message")]
    Malformed(#[from] prost::DecodeError),
    #[error("pipe")]
    Io(#[source] io::Error),
}

impl IpcError {
    fn of(error: io::Error) -> Self {
        match error.raw_os_error().map(i32::cast_unsigned) {
            Some(ERROR_BROKEN_PIPE | ERROR_NO_DATA | ERROR_PIPE_NOT_CONNECTED) => Self::Closed,
            _ => Self::Io(error),
        }
    }

    fn last() -> Self {
        Self::of(io::Error::last_os_error())
    }
}

/// What came with a datagram.
#[derive(Debug)]
pub(crate) struct Datagram {
    pub(crate) size: usize,
    pub(crate) descriptors: Vec<OwnedHandle>,
}

/// One end of a pipe of messages (reliable, in order, and its end is seen).
///
/// All methods can be called from several threads at once; a message is never mixed with another.
#[derive(Debug)]
pub(crate) struct Socket {
    pipe: OwnedHandle,
    /// Signalled while there is something to receive, or the end.
    readable: OwnedHandle,
    /// The process from which handles are taken.
    product: Option<OwnedHandle>,
    reading: Mutex<Reading>,
}

/// The read that waits in the kernel.
struct Reading {
    /// In a place that does not move: the kernel writes there until the read has ended.
    overlapped: Box<OVERLAPPED>,
    buffer: Zeroizing<Vec<u8>>,
    pending: bool,
}

// SAFETY: the pointers in it are handles, which any thread may use, and an offset.
unsafe impl Send for Reading {}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reading").field("pending", &self.pending).finish_non_exhaustive()
    }
}

impl Socket {
    /// Two connected ends. The second one can be inherited by a process that is started with it.
    pub(crate) fn pair() -> io::Result<(Self, Self)> {
        let (ours, theirs) = pipe_pair()?;
        Ok((Self::new(ours)?, Self::new(theirs)?))
    }

    fn new(pipe: OwnedHandle) -> io::Result<Self> {
        let readable = event()?;
        let overlapped = Box::new(OVERLAPPED { hEvent: readable.as_raw_handle(), ..Default::default() });
        let buffer = Zeroizing::new(vec![0; HEADER + MESSAGE_LIMIT]);
        let reading = Mutex::new(Reading { overlapped, buffer, pending: false });
        Ok(Self { pipe, readable, product: None, reading })
    }

    /// The end that a handler finds, of a product whose process this is.
    #[cfg(any(feature = "handler", test))]
    pub(crate) fn of_product(pipe: OwnedHandle, product: Option<OwnedHandle>) -> io::Result<Self> {
        let mut socket = Self::new(pipe)?;
        socket.product = product;
        Ok(socket)
    }

    /// Sends `message` with copies of handles, waiting up to `timeout` for room; zero never blocks.
    pub(crate) fn send(
        &self,
        message: &impl Message,
        descriptors: &[BorrowedHandle<'_>],
        timeout: Duration,
    ) -> Result<(), IpcError> {
        let size = message.encoded_len();
        if size > MESSAGE_LIMIT {
            return Err(IpcError::TooLarge { size });
        }
        // Wiped, since the message may hold a password.
        let mut bytes = Zeroizing::new(Vec::with_capacity(size));
        message.encode_raw(&mut *bytes);
        self.send_bytes(&bytes, descriptors, timeout)
    }

    /// Sends one datagram as it is.
    pub(crate) fn send_bytes(
        &self,
        bytes: &[u8],
        descriptors: &[BorrowedHandle<'_>],
        timeout: Duration,
    ) -> Result<(), IpcError> {
        if descriptors.len() > DESCRIPTOR_LIMIT {
            return Err(IpcError::TooManyDescriptors);
        }
        let offered = descriptors.iter().map(|handle| handle.try_clone_to_owned()).collect::<io::Result<Vec<_>>>();
        let offered = offered.map_err(IpcError::Io)?;
        let mut datagram = Zeroizing::new(vec![0; HEADER + bytes.len()]);
        datagram[..8].copy_from_slice(&(offered.len() as u64).to_le_bytes());
        for (room, handle) in datagram[8..HEADER].chunks_exact_mut(8).zip(&offered) {
            room.copy_from_slice(&(handle.as_raw_handle() as u64).to_le_bytes());
        }
        datagram[HEADER..].copy_from_slice(bytes);
        write(&self.pipe, &datagram, timeout)?;
        // The handler closes them here as it takes them.
        offered.into_iter().for_each(std::mem::forget);
        Ok(())
    }

    /// Receives a message and what handles came with it, waiting up to `timeout`.
    pub(crate) fn receive<M: Message + Default>(&self, timeout: Duration) -> Result<(M, Vec<OwnedHandle>), IpcError> {
        let mut bytes = Zeroizing::new(vec![0; MESSAGE_LIMIT]);
        let (size, descriptors) = self.receive_bytes(&mut bytes, timeout)?;
        Ok((M::decode(&bytes[..size])?, descriptors))
    }

    /// Receives one datagram into `bytes`; returns its size and what handles came with it.
    ///
    /// [`IpcError::TooLarge`] for one that does not fit.
    pub(crate) fn receive_bytes(
        &self,
        bytes: &mut [u8],
        timeout: Duration,
    ) -> Result<(usize, Vec<OwnedHandle>), IpcError> {
        let Datagram { size, descriptors } = self.receive_datagram(bytes, timeout)?;
        Ok((size, descriptors))
    }

    /// The same.
    pub(crate) fn receive_datagram(&self, bytes: &mut [u8], timeout: Duration) -> Result<Datagram, IpcError> {
        let started = Instant::now();
        let (size, mut reading) = loop {
            let mut reading = self.begin_reading()?;
            if !wait(&self.readable, timeout.saturating_sub(started.elapsed())) {
                return Err(IpcError::TimedOut(timeout));
            }
            // Situation: the thread that began the read, for an earlier question, has ended since, and the kernel calls off what a thread has begun. Handling: another
            // one is begun. Nothing is lost by it.
            if let Some(size) = reading.finish(&self.pipe)? {
                break (size, reading);
            }
        };
        let datagram = self.unpack(&reading.buffer[..size], bytes);
        reading.buffer[..size].zeroize();
        datagram
    }

    /// Signalled while there is something to receive, or the end.
    #[cfg(any(feature = "handler", test))]
    pub(crate) fn readable(&self) -> BorrowedHandle<'_> {
        // Where it fails, whoever receives is told why.
        if self.begin_reading().is_err() {
            signal(&self.readable);
        }
        self.readable.as_handle()
    }

    fn begin_reading(&self) -> Result<MutexGuard<'_, Reading>, IpcError> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        reading.begin(&self.pipe, &self.readable)?;
        Ok(reading)
    }

    fn unpack(&self, datagram: &[u8], bytes: &mut [u8]) -> Result<Datagram, IpcError> {
        let Some((header, content)) = datagram.split_at_checked(HEADER) else {
            return Err(IpcError::TooManyDescriptors);
        };
        let (words, _) = header.as_chunks::<8>();
        let [count, numbers @ ..] = words else { return Err(IpcError::TooManyDescriptors) };
        let count = usize::try_from(u64::from_le_bytes(*count)).unwrap_or(usize::MAX);
        let numbers = numbers.get(..count).ok_or(IpcError::TooManyDescriptors)?;
        // Taken before anything can fail: what is not handed on is closed.
        let taken: Vec<_> = numbers.iter().map(|number| self.take(u64::from_le_bytes(*number))).collect();
        let descriptors = taken.into_iter().collect::<Option<_>>().ok_or(IpcError::TooManyDescriptors)?;
        let room = bytes.get_mut(..content.len()).ok_or(IpcError::TooLarge { size: content.len() })?;
        room.copy_from_slice(content);
        Ok(Datagram { size: content.len(), descriptors })
    }

    /// Takes over what the product calls by this number.
    fn take(&self, number: u64) -> Option<OwnedHandle> {
        let product = self.product.as_ref()?;
        let mut taken: HANDLE = ptr::null_mut();
        let flags = DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE;
        // SAFETY: has no parameters.
        let here = unsafe { GetCurrentProcess() };
        // SAFETY: the kernel looks the number up in the product's process; the new handle is written to a place that lives here.
        let done =
            unsafe { DuplicateHandle(product.as_raw_handle(), number as HANDLE, here, &raw mut taken, 0, 0, flags) };
        // SAFETY: just made, and nobody else's.
        (done != 0).then(|| unsafe { OwnedHandle::from_raw_handle(taken) })
    }

    /// The handle that another process is to find its end by.
    pub(crate) fn raw(&self) -> RawHandle {
        self.pipe.as_raw_handle()
    }
}

impl From<Socket> for OwnedHandle {
    /// The pipe alone: nothing may be waiting to be received.
    fn from(mut socket: Socket) -> Self {
        socket.stop_reading();
        // SAFETY: its copy in `socket` is forgotten with it.
        let pipe = unsafe { OwnedHandle::from_raw_handle(socket.pipe.as_raw_handle()) };
        // The event and the buffer stay behind: this is done once for a process.
        std::mem::forget(socket);
        pipe
    }
}

impl Socket {
    fn stop_reading(&mut self) {
        let Self { pipe, reading, .. } = self;
        reading.get_mut().unwrap_or_else(PoisonError::into_inner).stop(pipe);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.stop_reading();
    }
}

impl Reading {
    fn begin(&mut self, pipe: &OwnedHandle, readable: &OwnedHandle) -> Result<(), IpcError> {
        if self.pending {
            return Ok(());
        }
        // SAFETY: an event of ours.
        unsafe { ResetEvent(readable.as_raw_handle()) };
        let size = self.buffer.len() as u32;
        let (buffer, overlapped) = (self.buffer.as_mut_ptr(), &raw mut *self.overlapped);
        // SAFETY: both stay where they are until the read has ended: `stop` waits for it before they are freed.
        let read = unsafe { ReadFile(pipe.as_raw_handle(), buffer, size, ptr::null_mut(), overlapped) };
        let error = io::Error::last_os_error();
        self.pending = read != 0
            || matches!(error.raw_os_error().map(i32::cast_unsigned), Some(ERROR_IO_PENDING | ERROR_MORE_DATA));
        if self.pending { Ok(()) } else { Err(IpcError::of(error)) }
    }

    /// Takes what has come; `None` where it was called off. Call it once the event is signalled.
    fn finish(&mut self, pipe: &OwnedHandle) -> Result<Option<usize>, IpcError> {
        let mut size = 0;
        // SAFETY: the structure of the read that was begun.
        let done = unsafe { GetOverlappedResult(pipe.as_raw_handle(), &raw const *self.overlapped, &raw mut size, 0) };
        let error = io::Error::last_os_error();
        if done != 0 {
            self.pending = false;
            return Ok(Some(size as usize));
        }
        match error.raw_os_error().map(i32::cast_unsigned) {
            // Signalled by somebody else: it goes on.
            Some(ERROR_IO_INCOMPLETE) => Ok(None),
            Some(ERROR_OPERATION_ABORTED) => {
                self.pending = false;
                Ok(None)
            }
            Some(ERROR_MORE_DATA) => {
                self.pending = false;
                Err(IpcError::TooLarge { size: self.buffer.len() + drain(pipe) })
            }
            _ => {
                self.pending = false;
                Err(IpcError::of(error))
            }
        }
    }

    fn stop(&mut self, pipe: &OwnedHandle) {
        if !self.pending {
            return;
        }
        // SAFETY: the structure of the read that was begun.
        unsafe { CancelIoEx(pipe.as_raw_handle(), &raw const *self.overlapped) };
        let mut size = 0;
        // SAFETY: as above; waits for its end.
        unsafe { GetOverlappedResult(pipe.as_raw_handle(), &raw const *self.overlapped, &raw mut size, 1) };
        self.pending = false;
    }
}

/// Reads the rest of a message that is too large, so that the next one is a message again. Returns its bytes.
fn drain(pipe: &OwnedHandle) -> usize {
    let Ok(event) = event() else { return 0 };
    let (mut rest, mut total) = (vec![0_u8; 64 << 10], 0);
    loop {
        let mut overlapped = OVERLAPPED { hEvent: event.as_raw_handle(), ..Default::default() };
        // SAFETY: both live until the read has ended, for which the next call waits.
        unsafe {
            ReadFile(pipe.as_raw_handle(), rest.as_mut_ptr(), rest.len() as u32, ptr::null_mut(), &raw mut overlapped)
        };
        let mut size = 0;
        // SAFETY: as above.
        let done = unsafe { GetOverlappedResult(pipe.as_raw_handle(), &raw const overlapped, &raw mut size, 1) };
        let more = io::Error::last_os_error().raw_os_error() == Some(ERROR_MORE_DATA.cast_signed());
        total += size as usize;
        if done != 0 || !more {
            return total;
        }
    }
}

/// Writes one message, waiting up to `timeout` for room.
fn write(pipe: &OwnedHandle, bytes: &[u8], timeout: Duration) -> Result<(), IpcError> {
    let event = event().map_err(IpcError::Io)?;
    let mut overlapped = OVERLAPPED { hEvent: event.as_raw_handle(), ..Default::default() };
    let handle = pipe.as_raw_handle();
    let size = bytes.len() as u32;
    // SAFETY: both live until the write has ended, for which this function waits.
    let written = unsafe { WriteFile(handle, bytes.as_ptr(), size, ptr::null_mut(), &raw mut overlapped) };
    if written == 0 && io::Error::last_os_error().raw_os_error() != Some(ERROR_IO_PENDING.cast_signed()) {
        return Err(IpcError::last());
    }
    let in_time = wait(&event, timeout);
    if !in_time {
        // SAFETY: the structure of the write that was begun.
        unsafe { CancelIoEx(handle, &raw const overlapped) };
    }
    let mut size = 0;
    // SAFETY: as above; waits for its end, which has come or was just asked for.
    let done = unsafe { GetOverlappedResult(handle, &raw const overlapped, &raw mut size, 1) };
    if done != 0 {
        return Ok(());
    }
    match io::Error::last_os_error() {
        error if error.raw_os_error() == Some(ERROR_OPERATION_ABORTED.cast_signed()) => {
            Err(IpcError::TimedOut(timeout))
        }
        error => Err(IpcError::of(error)),
    }
}

/// An event that stays signalled until it is reset.
pub(crate) fn event() -> io::Result<OwnedHandle> {
    // SAFETY: without attributes or a name it takes numbers only.
    let event = unsafe { CreateEventW(ptr::null(), 1, 0, ptr::null()) };
    if event.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, and nobody else's.
    Ok(unsafe { OwnedHandle::from_raw_handle(event) })
}

#[cfg(any(feature = "handler", test))]
fn signal(event: &OwnedHandle) {
    // SAFETY: an event of ours.
    unsafe { windows_sys::Win32::System::Threading::SetEvent(event.as_raw_handle()) };
}

/// Whether it is signalled in that time.
pub(crate) fn wait(object: &impl AsHandle, timeout: Duration) -> bool {
    let started = Instant::now();
    loop {
        let left = timeout.saturating_sub(started.elapsed());
        // INFINITE is one more; longer waits are made of several.
        let millis = left.as_micros().div_ceil(1000).min(u128::from(u32::MAX - 1)) as u32;
        // SAFETY: a handle that is borrowed for the call.
        if unsafe { WaitForSingleObject(object.as_handle().as_raw_handle(), millis) } == WAIT_OBJECT_0 {
            return true;
        }
        if started.elapsed() >= timeout {
            return false;
        }
    }
}

/// Both ends of a new pipe, the second one inheritable. Nobody else can connect: there is one instance, and it is taken at once; its name is random, so that
/// nobody can have been there before; and only this user may open it.
fn pipe_pair() -> io::Result<(OwnedHandle, OwnedHandle)> {
    let name: Vec<u16> = format!("\\\\.\\pipe\\error-reporting-{}-{}\0", std::process::id(), uuid::Uuid::now_v7())
        .encode_utf16()
        .collect();
    let security = security::Descriptor::owner_only()?;
    let attributes = security.attributes(false);
    let access = PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE;
    let mode = PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS;
    // SAFETY: the name ends in a zero; the attributes live until the call returns.
    let ours =
        unsafe { CreateNamedPipeW(name.as_ptr(), access, mode, 1, PIPE_BYTES, PIPE_BYTES, 0, &raw const attributes) };
    if ours == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, and nobody else's.
    let ours = unsafe { OwnedHandle::from_raw_handle(ours) };
    let attributes = security.attributes(true);
    // Identification: whoever serves the pipe may learn who its client is, and not act as it.
    let flags = FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION;
    let access = GENERIC_READ | GENERIC_WRITE;
    // SAFETY: as above.
    let theirs =
        unsafe { CreateFileW(name.as_ptr(), access, 0, &raw const attributes, OPEN_EXISTING, flags, ptr::null_mut()) };
    if theirs == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: as above.
    let theirs = unsafe { OwnedHandle::from_raw_handle(theirs) };
    let mode = PIPE_READMODE_MESSAGE;
    // SAFETY: the one value that is given lives here.
    let set = unsafe { SetNamedPipeHandleState(theirs.as_raw_handle(), &raw const mode, ptr::null(), ptr::null()) };
    if set == 0 { Err(io::Error::last_os_error()) } else { Ok((ours, theirs)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{ClientMessage, Flush, Refused, client_message};

    const SHORT: Duration = Duration::from_millis(50);

    fn flush(sequence: u64) -> ClientMessage {
        ClientMessage { sequence, message: Some(client_message::Message::Flush(Flush { timeout_millis: 5 })) }
    }

    /// The second end with the right to take handles from this process, which is both.
    fn pair() -> (Socket, Socket) {
        let (a, b) = Socket::pair().unwrap();
        let product = crate::ipc::spawn::this_process().unwrap();
        let b = Socket::of_product(b.into(), Some(product)).unwrap();
        (a, b)
    }

    #[test]
    fn a_message_arrives_with_its_handles() {
        use crate::shared::mapping::{read_sealed, sealed_bytes};
        let (a, b) = pair();
        let content = sealed_bytes(b"log").unwrap();
        a.send(&flush(7), &[content.as_handle()], SHORT).unwrap();
        drop(content);
        a.send(&flush(8), &[], SHORT).unwrap();
        let (message, descriptors) = b.receive::<ClientMessage>(SHORT).unwrap();
        assert_eq!((message.sequence, descriptors.len()), (7, 1));
        assert_eq!(read_sealed(&descriptors[0], 10).unwrap(), b"log");
        let (message, descriptors) = b.receive::<ClientMessage>(SHORT).unwrap();
        assert_eq!((message.sequence, descriptors.len()), (8, 0));
        b.send(&flush(9), &[], SHORT).unwrap();
        assert_eq!(a.receive::<ClientMessage>(SHORT).unwrap().0.sequence, 9);
    }

    #[test]
    fn a_number_that_is_no_handle_is_refused_and_the_next_message_arrives() {
        let (a, b) = pair();
        let mut forged = vec![0; HEADER];
        forged[0] = 1;
        forged[8..16].copy_from_slice(&0x7fff_fff0_u64.to_le_bytes());
        write(&a.pipe, &forged, SHORT).unwrap();
        assert!(matches!(b.receive_bytes(&mut [0; 8], SHORT), Err(IpcError::TooManyDescriptors)));
        forged[0] = 200;
        write(&a.pipe, &forged, SHORT).unwrap();
        assert!(matches!(b.receive_bytes(&mut [0; 8], SHORT), Err(IpcError::TooManyDescriptors)));
        write(&a.pipe, b"short", SHORT).unwrap();
        assert!(matches!(b.receive_bytes(&mut [0; 8], SHORT), Err(IpcError::TooManyDescriptors)));
        a.send_bytes(b"x", &[], SHORT).unwrap();
        assert_eq!(b.receive_bytes(&mut [0; 8], SHORT).unwrap().0, 1);
    }

    #[test]
    fn silence_ends_in_a_time_out_and_a_closed_end_at_once() {
        let (a, b) = pair();
        let started = Instant::now();
        assert!(matches!(b.receive::<ClientMessage>(SHORT), Err(IpcError::TimedOut(_))));
        assert!(started.elapsed() >= SHORT);
        assert!(!wait(&b.readable(), Duration::ZERO));
        a.send_bytes(b"x", &[], SHORT).unwrap();
        assert!(wait(&b.readable(), SHORT));
        assert_eq!(b.receive_bytes(&mut [0; 8], Duration::ZERO).unwrap().0, 1);
        assert!(!wait(&b.readable(), Duration::ZERO));
        drop(a);
        let started = Instant::now();
        assert!(wait(&b.readable(), SHORT));
        assert!(matches!(b.receive::<ClientMessage>(Duration::from_secs(60)), Err(IpcError::Closed)));
        assert!(matches!(b.send(&flush(1), &[], SHORT), Err(IpcError::Closed)));
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn what_comes_after_the_end_of_the_thread_that_asked_first_arrives() {
        let (a, b) = pair();
        std::thread::scope(|scope| {
            scope.spawn(|| assert!(matches!(b.receive_bytes(&mut [0; 8], SHORT), Err(IpcError::TimedOut(_)))));
        });
        assert!(matches!(b.receive_bytes(&mut [0; 8], SHORT), Err(IpcError::TimedOut(_))));
        a.send_bytes(b"x", &[], SHORT).unwrap();
        assert_eq!(b.receive_bytes(&mut [0; 8], Duration::from_secs(5)).unwrap().0, 1);
    }

    #[test]
    fn a_full_queue_does_not_block() {
        let (a, _b) = pair();
        let big = [1; 60_000];
        let error = (0..100).find_map(|_| a.send_bytes(&big, &[], Duration::ZERO).err()).unwrap();
        assert!(matches!(error, IpcError::TimedOut(Duration::ZERO)), "{error}");
    }

    #[test]
    fn what_is_too_large_or_no_message_is_refused() {
        let (a, b) = pair();
        a.send_bytes(&[0xff; 100], &[], SHORT).unwrap();
        assert!(matches!(b.receive::<ClientMessage>(SHORT), Err(IpcError::Malformed(_))));
        a.send_bytes(&[0; 100], &[], SHORT).unwrap();
        assert!(matches!(b.receive_bytes(&mut [0; 10], SHORT), Err(IpcError::TooLarge { size: 100 })));
        let refused = Refused { reason: "x".repeat(MESSAGE_LIMIT) };
        assert!(matches!(a.send(&refused, &[], SHORT), Err(IpcError::TooLarge { .. })));
        a.send_bytes(&[0; MESSAGE_LIMIT + 9], &[], Duration::from_secs(1)).unwrap();
        let mut room = vec![0; MESSAGE_LIMIT];
        assert!(matches!(b.receive_bytes(&mut room, SHORT), Err(IpcError::TooLarge { .. })));
        a.send_bytes(b"x", &[], SHORT).unwrap();
        assert_eq!(b.receive_bytes(&mut [0; 8], SHORT).unwrap().0, 1, "the next one is whole again");
        let handles = [b.pipe.as_handle(); DESCRIPTOR_LIMIT + 1];
        assert!(matches!(a.send_bytes(b"x", &handles, SHORT), Err(IpcError::TooManyDescriptors)));
    }
}

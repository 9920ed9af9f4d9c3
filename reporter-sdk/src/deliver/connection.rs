//! A connection to a mail server that ends when its time is up, whatever the server does.
//!
//! lettre's own connection has a time-out per system call, so a server that answers a byte at a time holds it for
//! ever; it drops SIZE from what the server offers; and it ends a message even when its source failed half-way, which
//! would deliver half a report as a whole one. So the words are lettre's (commands, answers, addresses), and the wire
//! is ours.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use lettre::transport::smtp::response::Response;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, StreamOwned};

use super::{DeliverError, Step, one_line};

/// A server that says nothing for this long while it should is taken for dead (before the whole time is up).
const SILENCE: Duration = Duration::from_secs(60);
/// Servers say a few hundred bytes; this is where an answer stops being one.
const LONGEST_ANSWER: usize = 64 * 1024;
/// How much of the server's words an error carries, in characters.
const LONGEST_QUOTE: usize = 300;

/// The conversation's wire: connected, perhaps encrypted.
pub(super) struct Connection {
    host: String,
    started: Instant,
    wire: Wire,
    buffer: VecDeque<u8>,
}

enum Wire {
    Plain(Socket),
    Encrypted(Box<StreamOwned<ClientConnection, Socket>>),
    /// Only while one becomes the other, and after that failed.
    Broken,
}

/// What the server said.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) code: u16,
    pub(super) response: Response,
}

impl Answer {
    /// All lines as one, fit for a log.
    pub(super) fn text(&self) -> String {
        one_line(&self.response.message().collect::<Vec<_>>().join(" "), LONGEST_QUOTE)
    }
}

impl Connection {
    /// Connects to whichever of the host's addresses takes it, until `timeout` has passed; that time then goes on for
    /// everything else on this connection.
    pub(super) fn open(host: &str, port: u16, timeout: Duration) -> Result<Self, DeliverError> {
        let started = Instant::now();
        let deadline = started + timeout;
        let addresses = resolve(host, port, started, deadline)?;
        let tcp = connect(host, port, &addresses, started, deadline)?;
        let wire = Wire::Plain(Socket { tcp, deadline, silence: SILENCE });
        Ok(Self { host: host.to_owned(), started, wire, buffer: VecDeque::new() })
    }

    /// Encrypts the connection. On return the server has proved that it is `host`.
    pub(super) fn encrypt(&mut self, config: &Arc<ClientConfig>) -> Result<(), DeliverError> {
        // Situation: somebody on the way appends commands' answers in clear text after the answer to STARTTLS; a
        // client that keeps them takes them for what the server says under encryption (CVE-2021-38371 and kin).
        if !self.buffer.is_empty() {
            return Err(self.protocol(Step::Encryption, "spoke before encryption began"));
        }
        let tls = |source| DeliverError::Tls { host: self.host.clone(), source };
        let name = ServerName::try_from(self.host.clone()).map_err(|e| tls(rustls::Error::General(e.to_string())))?;
        let mut session = ClientConnection::new(Arc::clone(config), name).map_err(tls)?;
        let Wire::Plain(mut socket) = std::mem::replace(&mut self.wire, Wire::Broken) else {
            return Err(self.protocol(Step::Encryption, "is encrypted already"));
        };
        while session.is_handshaking() {
            session.complete_io(&mut socket).map_err(|e| self.failure(&Step::Encryption, e))?;
        }
        self.wire = Wire::Encrypted(Box::new(StreamOwned::new(session, socket)));
        Ok(())
    }

    /// "TLS 1.3"; `None` in clear text.
    pub(super) fn encryption(&self) -> Option<String> {
        let Wire::Encrypted(stream) = &self.wire else { return None };
        Some(match stream.conn.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3".into(),
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2".into(),
            other => format!("{other:?}"),
        })
    }

    /// Sends one command and waits for its answer.
    pub(super) fn command(&mut self, step: &Step, command: &impl ToString) -> Result<Answer, DeliverError> {
        self.write(step, command.to_string().as_bytes())?;
        self.answer(step)
    }

    /// Writes all of it.
    pub(super) fn write(&mut self, step: &Step, bytes: &[u8]) -> Result<(), DeliverError> {
        let written = self.wire.write_all(bytes).and_then(|()| self.wire.flush());
        written.map_err(|e| self.failure(step, e))
    }

    /// The next answer, whatever it says.
    pub(super) fn answer(&mut self, step: &Step) -> Result<Answer, DeliverError> {
        let mut text = String::new();
        loop {
            let line = self.line(step)?;
            let line = line.trim_end();
            text.push_str(line);
            // Situation: a bare "250", or lines that end in LF alone. The RFC wants clients to take the first, and
            // servers do the second; lettre's parser takes neither.
            text.push_str(if line.len() == 3 { " \r\n" } else { "\r\n" });
            if text.len() > LONGEST_ANSWER {
                return Err(self.protocol(step.clone(), &format!("answers more than {LONGEST_ANSWER} bytes")));
            }
            // "250-more follows", "250 the last line", "250".
            if line.as_bytes().get(3) != Some(&b'-') {
                break;
            }
        }
        let parsed = Response::from_str(&text).ok().and_then(|response| Some((code(&text)?, response)));
        let Some((code, response)) = parsed else {
            let quote = one_line(&text, 80);
            return Err(self.protocol(step.clone(), &format!("does not speak SMTP: it says {quote:?}")));
        };
        Ok(Answer { code, response })
    }

    /// From now on the server may be silent until the whole time is up: it scans the message, or waits for another.
    pub(super) fn be_patient(&mut self) {
        if let Some(socket) = self.wire.socket() {
            socket.silence = Duration::MAX;
        }
    }

    /// From now on an answer is welcome, but not worth more than `limit`.
    pub(super) fn hurry(&mut self, limit: Duration) {
        if let Some(socket) = self.wire.socket() {
            socket.deadline = socket.deadline.min(Instant::now() + limit);
        }
    }

    /// The error for a server that cannot do what is needed.
    pub(super) fn protocol(&self, step: Step, what: &str) -> DeliverError {
        DeliverError::Protocol { host: self.host.clone(), step, what: what.to_owned() }
    }

    fn line(&mut self, step: &Step) -> Result<String, DeliverError> {
        let mut seen = 0;
        loop {
            if let Some(at) = self.buffer.iter().skip(seen).position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=seen + at).collect();
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            seen = self.buffer.len();
            if seen > LONGEST_ANSWER {
                return Err(self.protocol(step.clone(), &format!("sends a line of more than {LONGEST_ANSWER} bytes")));
            }
            let mut chunk = [0; 1024];
            let got = match self.wire.read(&mut chunk) {
                Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection")),
                other => other,
            };
            let got = match got {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                other => other.map_err(|e| self.failure(step, e))?,
            };
            self.buffer.extend(&chunk[..got]);
        }
    }

    /// Sorts what the system calls an error by who is to blame.
    fn failure(&self, step: &Step, error: io::Error) -> DeliverError {
        let host = self.host.clone();
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return DeliverError::Tls { host, source: tls.clone() };
        }
        match error.kind() {
            // A time-out of a socket is EAGAIN on Unix and a time-out on Windows.
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                DeliverError::Timeout { host, step: step.clone(), waited: self.started.elapsed() }
            }
            _ => DeliverError::Lost { host, step: step.clone(), source: error },
        }
    }
}

fn code(answer: &str) -> Option<u16> {
    answer.get(..3)?.parse().ok()
}

/// All addresses of the host. The resolver knows no deadline, so it works in a thread that is left behind when it
/// takes too long; it holds nothing but the name.
fn resolve(host: &str, port: u16, started: Instant, deadline: Instant) -> Result<Vec<SocketAddr>, DeliverError> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let failed = |source| DeliverError::Resolve { host: host.to_owned(), source };
    let (sender, receiver) = mpsc::sync_channel(1);
    let name = host.to_owned();
    let work = move || sender.send((name.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>));
    thread::Builder::new().name("resolver".into()).spawn(work).map_err(failed)?;
    match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(Ok(addresses)) if addresses.is_empty() => Err(failed(io::Error::new(io::ErrorKind::NotFound, "no address"))),
        Ok(found) => found.map_err(failed),
        Err(_) => {
            Err(DeliverError::Timeout { host: host.to_owned(), step: Step::Connecting, waited: started.elapsed() })
        }
    }
}

/// The first address that takes the connection. An address that stays silent costs its share of the time, so that
/// those after it have theirs.
fn connect(
    host: &str,
    port: u16,
    addresses: &[SocketAddr],
    started: Instant,
    deadline: Instant,
) -> Result<TcpStream, DeliverError> {
    let host = host.to_owned();
    let mut failure = None;
    for (tried, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(DeliverError::Timeout { host, step: Step::Connecting, waited: started.elapsed() });
        }
        let others = u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
        match TcpStream::connect_timeout(address, (left / others).clamp(Duration::from_millis(1), SILENCE)) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = Some(error),
        }
    }
    let source = failure.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no address"));
    Err(DeliverError::Connect { host, port, addresses: addresses.len(), source })
}

/// A socket whose every call ends by the deadline.
struct Socket {
    tcp: TcpStream,
    deadline: Instant,
    silence: Duration,
}

impl Socket {
    fn patience(&self) -> io::Result<Option<Duration>> {
        let left = self.deadline.saturating_duration_since(Instant::now()).min(self.silence);
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(Some(left)) }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tcp.set_read_timeout(self.patience()?)?;
        self.tcp.read(buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.set_write_timeout(self.patience()?)?;
        self.tcp.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Wire {
    fn socket(&mut self) -> Option<&mut Socket> {
        match self {
            Self::Plain(socket) => Some(socket),
            Self::Encrypted(stream) => Some(&mut stream.sock),
            Self::Broken => None,
        }
    }

    fn broken<T>() -> io::Result<T> {
        Err(io::Error::new(io::ErrorKind::NotConnected, "the connection is no longer usable"))
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Encrypted(stream) => stream.read(buffer),
            Self::Broken => Self::broken(),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Encrypted(stream) => stream.write(bytes),
            Self::Broken => Self::broken(),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Encrypted(stream) => stream.flush(),
            Self::Broken => Self::broken(),
        }
    }
}

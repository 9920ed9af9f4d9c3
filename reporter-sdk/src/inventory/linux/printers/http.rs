//! One question by HTTP/1.1 over a local socket. The answer is bounded in time and size, whatever it says of itself.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use crate::local_socket::left;

/// A printer takes some hundred bytes.
const ANSWER_LIMIT: usize = 1 << 20;

/// The body of the answer, if that is a success.
pub(super) fn post(mut server: UnixStream, content: &str, body: &[u8], deadline: Instant) -> io::Result<Vec<u8>> {
    let head = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    // What is sent fits into any socket's buffer.
    server.set_write_timeout(Some(left(deadline)?))?;
    server.write_all(&[head.as_bytes(), body].concat()).map_err(late)?;
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        // For each piece anew: a server that drips has no more time than one that is silent.
        server.set_read_timeout(Some(left(deadline)?))?;
        match server.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => answer.extend_from_slice(&piece[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(late(error)),
        }
        if answer.len() > ANSWER_LIMIT {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {ANSWER_LIMIT} bytes")));
        }
    }
    self::body(&answer)
}

fn late(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::WouldBlock { io::ErrorKind::TimedOut.into() } else { error }
}

pub(in crate::inventory) fn body(answer: &[u8]) -> io::Result<Vec<u8>> {
    let nonsense = || io::Error::new(io::ErrorKind::InvalidData, "no answer of HTTP");
    let end = memchr(answer, b"\r\n\r\n").ok_or_else(nonsense)?;
    let (head, body) = (str::from_utf8(&answer[..end]).map_err(|_| nonsense())?, &answer[end + 4..]);
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse::<u16>().ok());
    match status.ok_or_else(nonsense)? {
        200..=299 => {}
        status => return Err(io::Error::other(format!("HTTP status {status}"))),
    }
    let chunked = lines.filter_map(|line| line.split_once(':')).any(|(name, value)| {
        name.eq_ignore_ascii_case("transfer-encoding") && value.trim().eq_ignore_ascii_case("chunked")
    });
    // What is missing at its end is missed by who reads it.
    if chunked { unchunk(body).ok_or_else(nonsense) } else { Ok(body.to_vec()) }
}

/// `5;extension\r\nhello\r\n0\r\n\r\n`
fn unchunk(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let line = memchr(body, b"\r\n")?;
        let size = str::from_utf8(&body[..line]).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        let (chunk, rest) = body[line + 2..].split_at_checked(size)?;
        whole.extend_from_slice(chunk);
        body = rest.strip_prefix(b"\r\n")?;
    }
}

fn memchr(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bodies_are_taken_whole_and_in_chunks() {
        assert_eq!(body(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhello").unwrap(), b"hello");
        let chunks =
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n";
        assert_eq!(body(chunks).unwrap(), b"hello0123456789");
        let refused = body(b"HTTP/1.1 401 CANARY\r\n\r\n").unwrap_err();
        assert_eq!(refused.to_string(), "HTTP status 401");
        for nonsense in [
            &b""[..],
            b"HTTP/1.1 200 OK\r\n",
            b"SSH-2.0\r\n\r\n",
            b"HTTP/1.1 ok\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nx",
        ] {
            assert!(body(nonsense).is_err(), "{}", nonsense.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn no_answer_breaks_the_reader(bytes: Vec<u8>, rest: Vec<u8>, chunked: bool) {
            let _ = body(&bytes);
            let head: &[u8] = if chunked { b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" } else { b"HTTP/1.1 200 OK\r\n\r\n" };
            let _ = body(&[head, &rest].concat());
        }
    }
}

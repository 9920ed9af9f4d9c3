//! Stands between the handler and the mail server, and keeps every byte of their conversations.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// All that was said since the last look, in both directions.
#[derive(Clone, Default)]
pub(crate) struct Conversation {
    pub(crate) handler: Vec<u8>,
    pub(crate) server: Vec<u8>,
}

impl Conversation {
    /// The message between DATA and the dot.
    pub(crate) fn mail(&self) -> &[u8] {
        let said = &self.handler[..];
        let begin = memchr::memmem::find(said, b"\r\nDATA\r\n").expect("a mail was sent") + b"\r\nDATA\r\n".len();
        let end = memchr::memmem::find(&said[begin..], b"\r\n.\r\n").expect("the mail has an end");
        &said[begin..begin + end + 2]
    }
}

pub(crate) struct Relay {
    pub(crate) port: u16,
    said: Arc<Mutex<Conversation>>,
}

impl Relay {
    pub(crate) fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Self { port: listener.local_addr().unwrap().port(), said: Arc::default() };
        let said = Arc::clone(&relay.said);
        thread::spawn(move || {
            for handler in listener.incoming() {
                let handler = handler.unwrap();
                let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                let (from, to) = (handler.try_clone().unwrap(), server.try_clone().unwrap());
                let (one, other) = (Arc::clone(&said), Arc::clone(&said));
                thread::spawn(move || pass_on(from, to, |bytes| one.lock().unwrap().handler.extend(bytes)));
                thread::spawn(move || pass_on(server, handler, |bytes| other.lock().unwrap().server.extend(bytes)));
            }
        });
        relay
    }

    /// What was said since the last look.
    pub(crate) fn takes(&self) -> Conversation {
        std::mem::take(&mut *self.said.lock().unwrap())
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, keep: impl Fn(&[u8])) {
    let mut bytes = [0; 1 << 14];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        keep(&bytes[..count]);
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    // The other direction may still have something to say.
    let _ = to.shutdown(Shutdown::Write);
}

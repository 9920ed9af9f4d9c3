//! A reporter without a handler, and the handler's reading of memory without a reporter, for the project's own benchmarks.

use std::time::Duration;

use crate::{
    Options, Reporter,
    ipc::{launch::Launched, socket::Socket},
    schema::{HandlerMessage, Ready, handler_message::Message},
};

/// Makes recording active for the rest of the process, into shared memory that nobody reads.
///
/// # Panics
/// The system gives neither sockets nor shared memory.
pub fn start() {
    let (control, handler) = Socket::pair().expect("a pair of sockets");
    let (crash, nobody) = Socket::pair().expect("a pair of sockets");
    // Its answer waits in the socket before it is asked for.
    let ready = HandlerMessage {
        sequence: 0,
        message: Some(Message::Ready(Ready { handler_version: env!("CARGO_PKG_VERSION").into(), ..Ready::default() })),
    };
    handler.send(&ready, &[], Duration::ZERO).expect("room in a new socket");
    let launched = Launched { control, crash, process: None, program: "the benchmark".into() };
    let reporter = Reporter::connect(Options::new("Example Software", "Ledger", "1.0"), launched);
    assert!(reporter.is_active(), "{:?}", reporter.soft_errors());
    // Ending it would wait for an answer.
    std::mem::forget((reporter, handler, nobody));
}

/// Writes the memory of process `pid`, which is held meanwhile, as a report of nothing else.
///
/// # Errors
/// The process cannot be held or read, or `out` not be written.
#[cfg(feature = "handler")]
pub fn full_memory<W: std::io::Write>(
    pid: u32,
    threads: usize,
    out: W,
) -> Result<(W, report_format::memory::Stats), Box<dyn std::error::Error>> {
    crate::handler::full_memory_of(pid, threads, out)
}

//! Crashes of children that the product has forked. What they say is believed as little as what the product says: the kernel tells who has sent it,
//! and only a process below the product in the tree of processes is dumped.

use report_format::schema::v1::ErrorKind;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::Pid;

use super::procfs;
use super::watch::Product;
use crate::handler::evidence::Occurrence;
use crate::ipc::child_crash::ChildCrash;
use crate::ipc::socket::{Datagram, IpcError, Socket};
use crate::shared::snapshot::{CrashRecord, Signal, Snapshot};

/// Between the product and its descendant.
const MOST_GENERATIONS: usize = 64;

/// A child that has crashed and waits.
#[derive(Debug)]
pub(crate) struct CrashedChild {
    pid: u32,
    /// On which it waits for the word to go on.
    socket: Socket,
    record: CrashRecord,
}

/// A message that is not the crash of a child of the product.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoChild {
    #[error("the message makes no sense")]
    Message,
    #[error("nobody knows who has sent it")]
    Sender,
    #[error("process {0} is not a child of the product")]
    Stranger(u32),
}

/// Has the kernel tell who writes to the crash channel.
pub(crate) fn listen(crash_channel: &Socket) -> Result<(), IpcError> {
    crash_channel.name_senders()
}

impl CrashedChild {
    /// Whoever has sent this datagram, if it is a child of `product`.
    pub(crate) fn of(product: &Product, bytes: &[u8], datagram: Datagram) -> Result<Self, NoChild> {
        let (said, context) = ChildCrash::parse(bytes).ok_or(NoChild::Message)?;
        let socket = datagram.descriptors.into_iter().next().ok_or(NoChild::Message)?;
        let sender = datagram.sender.ok_or(NoChild::Sender)?;
        let pid = sender.as_raw_nonzero().get().cast_unsigned();
        if !is_below(sender, product).unwrap_or(false) {
            return Err(NoChild::Stranger(pid));
        }
        let record = CrashRecord {
            number: 0,
            kind: ErrorKind::Crash,
            pid,
            tid: said.tid,
            monotonic: said.monotonic,
            realtime: said.realtime,
            signal: Some(Signal { number: said.signal.0, code: said.signal.1 }),
            address: said.address,
            context: context.to_vec(),
        };
        Ok(Self { pid, socket: Socket::from(socket), record })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// On which it waits for the word to go on.
    pub(crate) fn into_socket(self) -> Socket {
        self.socket
    }

    /// For a report, with what the product had recorded.
    pub(crate) fn occurrence(&self, snapshot: Snapshot) -> Occurrence {
        Occurrence { kind: ErrorKind::Crash, snapshot, crash: Some(self.record.clone()), handled: None }
    }
}

/// Whether a process descends from the product. One that has left for another parent does not.
fn is_below(process: Pid, product: &Product) -> Option<bool> {
    // Held by its descriptor first, so that the number is its own for as long as the descriptor says that it lives.
    let held = Product::open(process).ok()?;
    let mut ancestor = process;
    for _ in 0..MOST_GENERATIONS {
        ancestor = parent(ancestor)?;
        if ancestor == product.pid() {
            return Some(is_alive(&held) && is_alive(product));
        }
    }
    Some(false)
}

/// Field 4 of `/proc/PID/stat`; `None` for the first process of all.
fn parent(pid: Pid) -> Option<Pid> {
    let stat = std::fs::read(procfs::path(pid.as_raw_nonzero().get().cast_unsigned(), "stat").ok()?).ok()?;
    let text = str::from_utf8(&stat[stat.iter().rposition(|&byte| byte == b')')? + 1..]).ok()?;
    Pid::from_raw(text.split_ascii_whitespace().nth(1)?.parse().ok()?)
}

fn is_alive(process: &Product) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    rustix::event::poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&now)) == Ok(0)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    struct Sleeping(Child);

    impl Sleeping {
        fn start() -> Self {
            Self(Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap())
        }

        fn pid(&self) -> Pid {
            Pid::from_child(&self.0)
        }
    }

    impl Drop for Sleeping {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    fn of(product: &Product, sender: Option<Pid>) -> Result<CrashedChild, NoChild> {
        let record = ChildCrash { tid: 1, signal: (11, 1), address: None, monotonic: 1, realtime: 2 };
        let (ours, _) = Socket::pair().unwrap();
        let bytes = record.to_bytes();
        let datagram = Datagram { size: bytes.len(), descriptors: vec![ours.into()], sender };
        CrashedChild::of(product, &bytes, datagram)
    }

    #[test]
    fn a_child_is_known_by_the_kernel_and_nobody_else_is_taken_for_one() {
        let own = Product::open(rustix::process::getpid()).unwrap();
        let (child, sibling) = (Sleeping::start(), Sleeping::start());
        let crashed = of(&own, Some(child.pid())).unwrap();
        assert_eq!(crashed.pid, child.0.id());
        let product = Product::open(child.pid()).unwrap();
        for stranger in [sibling.pid(), own.pid(), child.pid(), Pid::INIT] {
            assert!(matches!(of(&product, Some(stranger)), Err(NoChild::Stranger(_))), "{stranger:?}");
        }
        assert!(matches!(of(&own, None), Err(NoChild::Sender)));
    }

    #[test]
    fn a_message_that_is_none_is_refused() {
        let own = Product::open(rustix::process::getpid()).unwrap();
        let child = Sleeping::start();
        let bytes = [0; ChildCrash::SIZE];
        let datagram = |descriptors| Datagram { size: bytes.len(), descriptors, sender: Some(child.pid()) };
        let with_socket = datagram(vec![Socket::pair().unwrap().0.into()]);
        assert!(matches!(CrashedChild::of(&own, &bytes[1..], with_socket), Err(NoChild::Message)));
        assert!(matches!(CrashedChild::of(&own, &bytes, datagram(Vec::new())), Err(NoChild::Message)));
    }
}

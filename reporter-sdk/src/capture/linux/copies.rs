//! Another copy of this library in the same process: a host and its plug-in that each have their own.
//!
//! Two would report each crash twice, and the second would take the first one's handlers for a product's. The copies share no variable, and may be of different
//! releases. But the shared memory of a copy that reports is a mapping of this process, named in `/proc/self/maps`, and its header says whose it is and
//! whether it has ended. A forked child inherits the mapping; the header has its parent's id.

use std::{
    fs::{self, File},
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            fs::FileExt,
            net::{SocketAddr, UnixListener},
        },
    },
    thread,
    time::{Duration, Instant},
};

use crate::shared::layout::{self, header};

/// Whether another copy reports for this process, while this one does not. Where `/proc` is not to be had, nobody is seen.
pub(crate) fn another_reports() -> bool {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut starts = maps.lines().filter(|line| line.contains(NAME)).filter_map(|line| {
        let (start, _) = line.split_once('-')?;
        usize::from_str_radix(start, 16).ok()
    });
    let Ok(memory) = File::open("/proc/self/mem") else { return false };
    starts.any(|start| is_in_force(&memory, start).unwrap_or(false))
}

/// The right to start a reporter in this process, until dropped: two copies that start at the same instant would see nothing of each other.
///
/// What they share is the process's number. A socket has a name that only one can have at a time, which leaves no file behind, and is gone with its owner, in
/// whatever way that ends.
#[derive(Debug)]
pub(crate) struct Turn {
    _name: Option<UnixListener>,
}

impl Turn {
    /// Another copy has started long before. Whoever keeps the name that long is none: names are the machine's, and anyone can take one.
    const PATIENCE: Duration = Duration::from_millis(200);

    pub(crate) fn take() -> Self {
        let started = Instant::now();
        loop {
            let name = SocketAddr::from_abstract_name(format!("reporter-start-{}", std::process::id()));
            match name.and_then(|name| UnixListener::bind_addr(&name)) {
                Ok(name) => return Self { _name: Some(name) },
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && started.elapsed() < Self::PATIENCE => {
                    thread::sleep(Duration::from_millis(1));
                }
                // Rather two than none.
                Err(_) => return Self { _name: None },
            }
        }
    }
}

const NAME: &str = " /memfd:reporter (deleted)";

/// Read as a file, since its owner may unmap it any time.
fn is_in_force(memory: &File, start: usize) -> io::Result<bool> {
    let word = |at: usize| {
        let mut bytes = [0; 8];
        memory.read_exact_at(&mut bytes, (start + at * 8) as u64)?;
        io::Result::Ok(u64::from_ne_bytes(bytes))
    };
    Ok(word(header::MAGIC)? == layout::MAGIC
        && word(header::PID)? == u64::from(std::process::id())
        && word(header::CLEAN_EXIT)? == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_second_waits_for_its_turn_but_not_for_ever() {
        let first = Turn::take();
        let started = Instant::now();
        let waits = thread::spawn(move || (Turn::take()._name.is_some(), started.elapsed()));
        thread::sleep(Duration::from_millis(50));
        drop(first);
        let (has_it, waited) = waits.join().unwrap();
        assert!(has_it && waited >= Duration::from_millis(50), "{waited:?}");
        let _kept = Turn::take();
        assert!(Turn::take()._name.is_none(), "by somebody who does not start");
    }
}

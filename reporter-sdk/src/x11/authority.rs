//! The file of cookies (`~/.Xauthority`). x11rb has a reader for it, which takes the path from the environment only, and waits for a pipe.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

const FILE_LIMIT: u64 = 1 << 20;

/// The only protocol that is in use.
pub(crate) const PROTOCOL: &[u8] = b"MIT-MAGIC-COOKIE-1";

const LOCAL: u16 = 256;
const ANY: u16 = u16::MAX;

/// The protocol's name, and the cookie for this display.
pub(super) fn cookie(file: &Path, display: u16) -> Option<(Vec<u8>, Vec<u8>)> {
    let bytes = read(file)?;
    let host = rustix::system::uname();
    choose(&bytes, host.nodename().to_bytes(), display).map(|cookie| (PROTOCOL.to_vec(), cookie.to_vec()))
}

fn read(file: &Path) -> Option<Zeroizing<Vec<u8>>> {
    // Without O_NONBLOCK a pipe in place of the file would hold us until somebody writes.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(file, flags, Mode::empty()).ok()?);
    let metadata = file.metadata().ok()?;
    if !metadata.is_file() || metadata.len() > FILE_LIMIT {
        return None;
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len() as usize));
    file.take(FILE_LIMIT).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// That of this host or of any, else that of another name: a host that is renamed while somebody is logged in (by DHCP) has the entry of its old name, and
/// with a local socket there is no doubt which host is meant.
pub(crate) fn choose<'a>(mut file: &'a [u8], host: &[u8], display: u16) -> Option<&'a [u8]> {
    let number = display.to_string();
    let mut of_other_name = None;
    while let Some(entry) = Entry::take(&mut file) {
        let fits = entry.protocol == PROTOCOL && (entry.number.is_empty() || entry.number == number.as_bytes());
        match entry.family {
            ANY if fits => return Some(entry.cookie),
            LOCAL if fits && entry.host == host => return Some(entry.cookie),
            LOCAL if fits => of_other_name = of_other_name.or(Some(entry.cookie)),
            _ => {}
        }
    }
    of_other_name
}

struct Entry<'a> {
    family: u16,
    host: &'a [u8],
    number: &'a [u8],
    protocol: &'a [u8],
    cookie: &'a [u8],
}

impl<'a> Entry<'a> {
    /// `None` at the end, or where the file is cut.
    fn take(file: &mut &'a [u8]) -> Option<Self> {
        let family = u16::from_be_bytes(*file.split_off(..2)?.first_chunk()?);
        let mut counted = || {
            let length = u16::from_be_bytes(*file.split_off(..2)?.first_chunk()?);
            file.split_off(..length.into())
        };
        Some(Self { family, host: counted()?, number: counted()?, protocol: counted()?, cookie: counted()? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(family: u16, parts: [&[u8]; 4]) -> Vec<u8> {
        let counted = parts.iter().flat_map(|part| {
            let length = u16::try_from(part.len()).unwrap();
            [&length.to_be_bytes(), *part].concat()
        });
        family.to_be_bytes().into_iter().chain(counted).collect()
    }

    #[test]
    fn the_cookie_of_this_host_and_display_is_chosen_before_that_of_an_old_name() {
        let file = [
            entry(0, [b"\x0a\x00\x00\x01", b"1", PROTOCOL, b"network"]),
            entry(LOCAL, [b"pc", b"1", b"XDM-AUTHORIZATION-1", b"other protocol"]),
            entry(LOCAL, [b"old", b"1", PROTOCOL, b"old name"]),
            entry(LOCAL, [b"pc", b"2", PROTOCOL, b"display 2"]),
            entry(LOCAL, [b"pc", b"1", PROTOCOL, b"display 1"]),
            entry(ANY, [b"", b"7", PROTOCOL, b"any host"]),
        ]
        .concat();
        let of = |host: &[u8], display| choose(&file, host, display);
        assert_eq!(of(b"pc", 1), Some(&b"display 1"[..]));
        assert_eq!(of(b"pc", 2), Some(&b"display 2"[..]));
        assert_eq!(of(b"new", 1), Some(&b"old name"[..]));
        assert_eq!(of(b"new", 7), Some(&b"any host"[..]));
        assert_eq!(of(b"pc", 3), None);
    }

    proptest! {
        #[test]
        fn no_file_breaks_the_reader(bytes: Vec<u8>, display: u16) {
            choose(&bytes, b"pc", display);
        }
    }
}

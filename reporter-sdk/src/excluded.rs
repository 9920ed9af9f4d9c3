//! Memory of the product that is in no report: keys, passwords, what the law protects.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use crate::{Error, reporter};

/// How many pieces of memory [`exclude_memory`] takes.
pub const EXCLUSION_LIMIT: usize = 1024;

/// Keeps a piece of the product's memory out of all reports from now on: whatever is made of the product's memory, a minidump or an image of all of it, has
/// zeros there. `length` is in bytes; any address will do, and nothing is read here.
///
/// It holds for errors that happen after the call has returned, and for as long as the memory stays where it is: call [`include_memory`] before it is given
/// back, or what comes to lie there is excluded as well. Copies are not known: a password that was also passed to a library, formatted or read from a
/// file lies in other places too. A second call for the same address takes the place of the first.
///
/// The handler keeps the list, so it does nothing while no reporter is active: call it after the start.
///
/// # Errors
/// [`Error::Limit`] beyond [`EXCLUSION_LIMIT`] pieces; [`Error::Usage`] for a piece that ends behind the last address; [`Error::Io`] where the handler cannot be told.
///
/// ```
/// let key = [7_u8; 32];
/// reporter_sdk::exclude_memory(key.as_ptr(), key.len())?;
/// // … and once it is wiped:
/// reporter_sdk::include_memory(key.as_ptr())?;
/// # Ok::<(), reporter_sdk::Error>(())
/// ```
pub fn exclude_memory(address: *const u8, length: usize) -> Result<(), Error> {
    if address.addr().checked_add(length).is_none() {
        return Err(Error::Usage(format!("{length} bytes at {:#x} end behind the last address", address.addr())));
    }
    let (address, length) = (address as u64, length as u64);
    let Some(state) = reporter::entered().filter(|_| length > 0) else { return Ok(()) };
    add(address, length)?;
    state.send_exclusion(address, length).inspect_err(|_| remove(address))
}

/// Ends what [`exclude_memory`] began for this address. Does nothing for another one.
///
/// # Errors
/// [`Error::Io`] where the handler cannot be told: it goes on excluding.
pub fn include_memory(address: *const u8) -> Result<(), Error> {
    let Some(state) = reporter::entered() else { return Ok(()) };
    let address = address as u64;
    state.send_exclusion(address, 0)?;
    remove(address);
    Ok(())
}

/// What the product's own signal handlers leave out of the record that they make. A length of 0: free.
static PIECES: [Piece; EXCLUSION_LIMIT] =
    [const { Piece { address: AtomicU64::new(0), length: AtomicU64::new(0) } }; EXCLUSION_LIMIT];
/// Held by who changes them.
static CHANGING: Mutex<()> = Mutex::new(());

struct Piece {
    address: AtomicU64,
    length: AtomicU64,
}

impl Piece {
    fn length(&self) -> u64 {
        self.length.load(Ordering::Acquire)
    }

    fn is_at(&self, address: u64) -> bool {
        self.length() > 0 && self.address.load(Ordering::Relaxed) == address
    }

    /// A signal that comes between the two stores finds the piece free.
    fn set(&self, address: u64, length: u64) {
        self.length.store(0, Ordering::Release);
        self.address.store(address, Ordering::Release);
        self.length.store(length, Ordering::Release);
    }
}

fn add(address: u64, length: u64) -> Result<(), Error> {
    let _changing = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
    let known = PIECES.iter().find(|piece| piece.is_at(address));
    match known.or_else(|| PIECES.iter().find(|piece| piece.length() == 0)) {
        Some(piece) => piece.set(address, length),
        None => {
            return Err(Error::Limit {
                what: "the list of excluded memory",
                size: 1 + EXCLUSION_LIMIT as u64,
                limit: EXCLUSION_LIMIT as u64,
            });
        }
    }
    Ok(())
}

fn remove(address: u64) {
    let _changing = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
    PIECES.iter().filter(|piece| piece.is_at(address)).for_each(|piece| piece.set(0, 0));
}

/// The pieces, as addresses from and to. Async-signal-safe: loads alone. Only a product of Linux ever has to make a record itself.
#[cfg(any(target_os = "linux", test))]
pub(crate) fn pieces() -> impl Iterator<Item = (u64, u64)> {
    PIECES.iter().filter_map(|piece| {
        let length = piece.length();
        let start = piece.address.load(Ordering::Acquire);
        (length > 0).then(|| (start, start.saturating_add(length)))
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The list is the whole process's, and so are the tests'.
    static ALONE: Mutex<()> = Mutex::new(());

    /// Runs `work` while a piece is excluded.
    #[cfg(target_os = "linux")]
    pub(crate) fn with(address: u64, length: u64, work: impl FnOnce()) {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        add(address, length).unwrap();
        work();
        remove(address);
    }

    #[test]
    fn the_list_knows_each_address_once_and_has_an_end() {
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let all = || pieces().collect::<Vec<_>>();
        add(0x1000, 16).unwrap();
        add(0x1000, 32).unwrap();
        add(0x3000, 1).unwrap();
        assert_eq!(all(), [(0x1000, 0x1020), (0x3000, 0x3001)]);
        remove(0x2000);
        remove(0x1000);
        assert_eq!(all(), [(0x3000, 0x3001)]);
        for number in 1..EXCLUSION_LIMIT as u64 {
            add(0x10_0000 + number, 1).unwrap();
        }
        assert!(matches!(add(0x5000, 1), Err(Error::Limit { .. })));
        add(0x3000, 2).unwrap();
        assert!(all().contains(&(0x3000, 0x3002)));
        for (start, _) in all() {
            remove(start);
        }
        assert_eq!(all(), []);
    }

    #[test]
    fn what_ends_behind_the_last_address_is_refused() {
        let last = std::ptr::without_provenance(usize::MAX);
        assert!(matches!(exclude_memory(last, 1), Err(Error::Usage(_))));
        assert!(exclude_memory(last, 0).is_ok() && include_memory(last).is_ok(), "nothing to do without a reporter");
    }
}

//! Bytes that nobody can guess.

use std::io;

use ring::rand::{SecureRandom, SystemRandom};

/// Fills `bytes` by the system's generator.
pub(crate) fn fill(bytes: &mut [u8]) -> io::Result<()> {
    SystemRandom::new().fill(bytes).map_err(|_| io::Error::other("the system gives no random bytes"))
}

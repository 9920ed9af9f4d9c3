//! What the product keeps out of all that is made of its memory.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::excluded::EXCLUSION_LIMIT;

/// Pieces of the product's memory, by their addresses.
#[derive(Debug, Default)]
pub(crate) struct Exclusions(BTreeMap<u64, u64>);

/// One piece too many. The product counts them itself: one that gets here has gone wrong.
#[derive(Debug, thiserror::Error)]
#[error("{length} bytes at {address:#x} are not excluded from memory: there are {EXCLUSION_LIMIT} pieces already")]
pub(crate) struct TooMany {
    address: u64,
    length: u64,
}

impl Exclusions {
    /// Takes a piece up, or changes its length. Without a length it is not excluded any more.
    pub(crate) fn change(&mut self, address: u64, length: u64) -> Result<(), TooMany> {
        if length == 0 {
            self.0.remove(&address);
        } else if self.0.len() < EXCLUSION_LIMIT || self.0.contains_key(&address) {
            self.0.insert(address, length);
        } else {
            return Err(TooMany { address, length });
        }
        Ok(())
    }

    /// From and to. They may overlap.
    pub(crate) fn ranges(&self) -> Vec<Range<u64>> {
        self.0.iter().map(|(&address, &length)| address..address.saturating_add(length)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_and_go_by_their_address_and_have_an_end() {
        let mut exclusions = Exclusions::default();
        exclusions.change(0x2000, 10).unwrap();
        exclusions.change(0x1000, 0x2000).unwrap();
        exclusions.change(0x2000, 20).unwrap();
        exclusions.change(u64::MAX - 1, 50).unwrap();
        exclusions.change(7, 0).unwrap();
        assert_eq!(exclusions.ranges(), [0x1000..0x3000, 0x2000..0x2014, u64::MAX - 1..u64::MAX]);
        for number in 3..EXCLUSION_LIMIT as u64 {
            exclusions.change(number * 0x10_0000, 1).unwrap();
        }
        assert!(exclusions.change(5, 5).is_err() && exclusions.change(0x2000, 5).is_ok());
        exclusions.change(0x1000, 0).unwrap();
        assert!(exclusions.change(5, 5).is_ok());
    }
}

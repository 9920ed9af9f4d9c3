//! Pages that are equal are stored once, as far as a run may reach.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState},
};

use super::block::{PAGES, REACH};

/// The 128 bits by which pages are told apart.
pub(crate) type Fingerprint = u128;

/// Makes fingerprints under a key of its own for each image.
///
/// Two pages are taken for equal if their fingerprints are. By chance that happens once in 2^128; who wants to make it happen, to hide
/// what a page held, would have to know the key, which is drawn at random and goes into no output: what is written depends on
/// which pages are equal, not on their fingerprints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key(u64);

impl Key {
    pub(crate) fn random() -> Self {
        Self(RandomState::new().hash_one(0_u8))
    }

    pub(crate) fn fingerprint(self, page: &[u8]) -> Fingerprint {
        xxhash_rust::xxh3::xxh3_128_with_seed(page, self.0)
    }
}

/// A fingerprint is its own hash.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn write(&mut self, _: &[u8]) {
        unreachable!("fingerprints are written as numbers");
    }

    fn write_u128(&mut self, number: u128) {
        self.0 = number as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Where a page is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) number: u64,
    /// The first page of the block that stores it: runs do not go from one block into another.
    pub(crate) block: u64,
}

/// The pages within reach of the next block. Memory: 16,384 entries, about 1 MiB, however large the image is.
#[derive(Default)]
pub(crate) struct Stored {
    next: u64,
    block: u64,
    places: HashMap<Fingerprint, Place, BuildHasherDefault<Identity>>,
    /// The fingerprints of `places` in the order of their numbers.
    order: VecDeque<Fingerprint>,
}

impl Stored {
    /// Begins a block: the answer is the number of its first page. Forgets what is out of reach of a block, should it be full.
    pub(crate) fn begin_block(&mut self) -> u64 {
        self.block = self.next;
        let oldest = (self.next + PAGES as u64).saturating_sub(REACH);
        while self.next - (self.order.len() as u64) < oldest {
            let Some(fingerprint) = self.order.pop_front() else { break };
            self.places.remove(&fingerprint);
        }
        self.block
    }

    /// Where the page stands, and whether it is to be stored now.
    pub(crate) fn place(&mut self, fingerprint: Fingerprint) -> (Place, bool) {
        if let Some(&place) = self.places.get(&fingerprint) {
            return (place, false);
        }
        let place = Place { number: self.next, block: self.block };
        self.places.insert(fingerprint, place);
        self.order.push_back(fingerprint);
        self.next += 1;
        (place, true)
    }
}

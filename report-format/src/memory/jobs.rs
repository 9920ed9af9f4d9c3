//! Cutting memory into jobs: what becomes one block.

use super::{
    PAGE, Source,
    block::{EXTENTS, PAGES},
};
use crate::schema::v1::MemoryRegion;

/// Pieces that are not read, in one job. Each may become an extent, and so may each page that is read.
const UNREAD: usize = EXTENTS - PAGES;

/// What is known of a piece before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    Nothing,
    Zeros,
    /// Nobody wants to read it any more.
    Unreadable,
}

/// Pages in a row, of one region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) address: u64,
    pub(crate) pages: u32,
    pub(crate) known: Known,
}

/// Cuts regions into jobs, in ascending order. What a job holds depends on the source alone, and so the report does.
pub(crate) struct Jobs<'a> {
    regions: std::slice::Iter<'a, MemoryRegion>,
    /// What is left of the region being cut.
    address: u64,
    left: u64,
    /// From now on nothing is read.
    pub(crate) cancelled: bool,
}

impl<'a> Jobs<'a> {
    pub(crate) fn new(regions: &'a [MemoryRegion]) -> Self {
        Self { regions: regions.iter(), address: 0, left: 0, cancelled: false }
    }

    /// The next job into `pieces`. None are left if it stays empty.
    pub(crate) fn next<S: Source + ?Sized>(&mut self, source: &S, pieces: &mut Vec<Piece>) {
        pieces.clear();
        let (mut read, mut unread) = (0, 0);
        while read < PAGES && unread < UNREAD {
            if self.left == 0 {
                let Some(region) = self.regions.next() else { return };
                (self.address, self.left) = (region.address, region.size);
                continue;
            }
            let address = self.address;
            let (known, size) = match self.cancelled {
                true => (Known::Unreadable, self.left),
                false => (Known::Zeros, self.zeros(source)),
            };
            if size > 0 {
                let pages = (size / PAGE as u64).min(u64::from(u32::MAX)) as u32;
                self.advance(pages);
                pieces.push(Piece { address, pages, known });
                unread += 1;
                continue;
            }
            let mut pages = 0;
            while self.left > 0 && read < PAGES && (pages == 0 || self.zeros(source) == 0) {
                self.advance(1);
                pages += 1;
                read += 1;
            }
            pieces.push(Piece { address, pages, known: Known::Nothing });
        }
    }

    /// Bytes from here on that need not be read: whole pages, whatever the source says.
    fn zeros<S: Source + ?Sized>(&self, source: &S) -> u64 {
        let known = source.zeros(self.address, self.left).min(self.left);
        known - known % PAGE as u64
    }

    fn advance(&mut self, pages: u32) {
        let size = u64::from(pages) * PAGE as u64;
        self.address += size;
        self.left -= size;
    }
}

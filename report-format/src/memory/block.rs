//! Blocks: what a chunk of a memory image holds. `proto/FORMAT.md`, section 10.

use std::sync::Arc;

use crate::{
    frame::{CHUNK, u32_at, u64_at},
    memory::PAGE,
};

/// Bytes before the extents.
pub(crate) const HEAD: usize = 16;
/// Bytes of an extent.
pub(crate) const EXTENT: usize = 24;
/// Pages that a writer puts into a block at most. With them there is room for [`EXTENTS`].
pub(crate) const PAGES: usize = 252;
/// Extents that fit into a block beside [`PAGES`].
pub(crate) const EXTENTS: usize = (CHUNK - HEAD - PAGES * PAGE) / EXTENT;
/// How many stored pages back a run may reach.
pub(crate) const REACH: u64 = 16_384;

/// What a run of pages holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Zeros,
    /// The stored pages from this number on.
    Stored(u64),
    /// They could not be read.
    Unreadable,
}

/// A run of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) address: u64,
    pub(crate) pages: u32,
    pub(crate) content: Content,
}

impl Extent {
    /// Bytes of memory it covers.
    pub(crate) fn size(&self) -> u64 {
        u64::from(self.pages) * PAGE as u64
    }

    /// The address behind it.
    pub(crate) fn end(&self) -> u64 {
        self.address + self.size()
    }

    pub(crate) fn to_bytes(self) -> [u8; EXTENT] {
        let (what, number) = match self.content {
            Content::Zeros => (0_u32, 0),
            Content::Stored(number) => (1, number),
            Content::Unreadable => (2, 0),
        };
        let mut bytes = [0; EXTENT];
        bytes[..8].copy_from_slice(&self.address.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.pages.to_le_bytes());
        bytes[12..16].copy_from_slice(&what.to_le_bytes());
        bytes[16..].copy_from_slice(&number.to_le_bytes());
        bytes
    }

    /// Reads an extent of exactly [`EXTENT`] bytes. Checks what can be checked of it alone.
    fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let (address, pages, number) = (u64_at(bytes, 0), u32_at(bytes, 8), u64_at(bytes, 16));
        let content = match u32_at(bytes, 12) {
            0 => Content::Zeros,
            1 => Content::Stored(number),
            2 => Content::Unreadable,
            _ => return Err("an extent holds something that is not defined"),
        };
        let fits = address.checked_add(u64::from(pages) * PAGE as u64).is_some();
        if pages == 0 || !fits || !address.is_multiple_of(PAGE as u64) {
            return Err("an extent is no run of whole pages");
        }
        Ok(Self { address, pages, content })
    }
}

/// The bytes before the stored pages of a block.
pub(crate) fn head(first: u64, stored: u32, extents: &[Extent]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + extents.len() * EXTENT);
    bytes.extend_from_slice(&first.to_le_bytes());
    bytes.extend_from_slice(&(extents.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&stored.to_le_bytes());
    for extent in extents {
        bytes.extend_from_slice(&extent.to_bytes());
    }
    bytes
}

/// A block, read and checked.
#[derive(Debug)]
pub(crate) struct Block {
    /// At least one.
    pub(crate) extents: Vec<Extent>,
    /// Apart from the extents: pages are needed longer, and extents can be larger than they.
    pub(crate) pages: Arc<Pages>,
}

/// The stored pages of a block.
#[derive(Debug)]
pub(crate) struct Pages {
    pub(crate) first: u64,
    bytes: Vec<u8>,
}

impl Block {
    /// Takes the raw bytes of a chunk.
    ///
    /// # Errors
    /// What is wrong, if it breaks one of the rules that can be checked within a block.
    pub(crate) fn parse(mut raw: Vec<u8>) -> Result<Self, &'static str> {
        if raw.len() < HEAD {
            return Err("a block of memory is too short");
        }
        let (first, count, stored) = (u64_at(&raw, 0), u32_at(&raw, 8) as usize, u32_at(&raw, 12));
        let expected = HEAD as u64 + count as u64 * EXTENT as u64 + u64::from(stored) * PAGE as u64;
        if count == 0 || raw.len() as u64 != expected {
            return Err("a block of memory is not as long as it says");
        }
        let end = first.checked_add(u64::from(stored)).ok_or("a block numbers its pages beyond 2^64")?;
        let mut extents: Vec<Extent> = Vec::with_capacity(count);
        for bytes in raw[HEAD..HEAD + count * EXTENT].chunks_exact(EXTENT) {
            let extent = Extent::parse(bytes)?;
            if extents.last().is_some_and(|last| last.end() > extent.address) {
                return Err("extents do not ascend");
            }
            if let Content::Stored(number) = extent.content {
                let run_end = number.checked_add(u64::from(extent.pages)).ok_or("a run ends beyond 2^64")?;
                // The run lies in this block, or in earlier ones, and within reach.
                let inside = number >= first && run_end <= end;
                let earlier = run_end <= first && number.saturating_add(REACH) >= end;
                if !inside && !earlier {
                    return Err("a run of stored pages lies out of reach");
                }
            }
            extents.push(extent);
        }
        let bytes = raw.split_off(HEAD + count * EXTENT);
        Ok(Self { extents, pages: Arc::new(Pages { first, bytes }) })
    }

    /// The first address it tells of.
    pub(crate) fn address(&self) -> u64 {
        self.extents[0].address
    }

    /// The address behind the last that it tells of.
    pub(crate) fn end(&self) -> u64 {
        self.extents.last().map_or(0, Extent::end)
    }

    /// The extent that covers an address.
    pub(crate) fn extent(&self, address: u64) -> Option<&Extent> {
        let at = self.extents.partition_point(|extent| extent.address <= address).checked_sub(1)?;
        self.extents.get(at).filter(|extent| address < extent.end())
    }
}

impl Pages {
    /// The number behind the last page.
    pub(crate) fn end(&self) -> u64 {
        self.first + (self.bytes.len() / PAGE) as u64
    }

    /// The bytes of a run of pages, if all of them are stored here.
    pub(crate) fn run(&self, number: u64, count: u64) -> Option<&[u8]> {
        let from = number.checked_sub(self.first)?;
        if from.checked_add(count)? > self.end() - self.first {
            return None;
        }
        self.bytes.get(from as usize * PAGE..(from + count) as usize * PAGE)
    }

    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(address: u64, pages: u32, content: Content) -> Extent {
        Extent { address, pages, content }
    }

    fn block(first: u64, stored: u32, extents: &[Extent]) -> Result<Block, &'static str> {
        let mut raw = head(first, stored, extents);
        for page in 0..stored {
            raw.resize(raw.len() + PAGE, page as u8);
        }
        Block::parse(raw)
    }

    #[test]
    fn a_block_of_most_pages_and_most_extents_is_one_chunk() {
        assert_eq!(HEAD + EXTENTS * EXTENT + PAGES * PAGE, CHUNK);
    }

    #[test]
    fn a_block_reads_back() {
        let extents = [
            extent(0x1000, 3, Content::Zeros),
            extent(0x4000, 2, Content::Stored(7)),
            extent(0x8000, 1, Content::Unreadable),
            extent(0x9000, 1, Content::Stored(5)),
        ];
        let block = block(7, 2, &extents).unwrap();
        assert_eq!((block.pages.first, block.pages.end(), &block.extents[..]), (7, 9, &extents[..]));
        assert_eq!(block.pages.run(8, 1).unwrap(), [1; PAGE]);
        assert_eq!(block.pages.run(7, 2).unwrap().len(), 2 * PAGE);
        assert_eq!(
            [(9, 1), (6, 1), (8, 2), (8, u64::MAX)].map(|(number, count)| block.pages.run(number, count)),
            [None; 4]
        );
        assert_eq!(block.extent(0x5fff), Some(&extents[1]));
        assert_eq!(block.extent(0x6000), None);
        assert_eq!(block.extent(0xfff), None);
    }

    #[test]
    fn a_block_that_breaks_a_rule_is_refused() {
        let zeros = extent(0x1000, 1, Content::Zeros);
        assert!(block(0, 0, &[zeros]).is_ok());
        for (what, refused) in [
            ("no extent", block(0, 0, &[])),
            ("no page", block(0, 0, &[extent(0x1000, 0, Content::Zeros)])),
            ("half a page", block(0, 0, &[extent(0x1001, 1, Content::Zeros)])),
            ("beyond the last address", block(0, 0, &[extent(u64::MAX - 0xfff, 2, Content::Zeros)])),
            ("overlap", block(0, 0, &[extent(0x1000, 2, Content::Zeros), extent(0x2000, 1, Content::Zeros)])),
            ("descent", block(0, 0, &[extent(0x2000, 1, Content::Zeros), zeros])),
            ("a page to come", block(5, 1, &[extent(0x1000, 1, Content::Stored(6))])),
            ("half a run to come", block(5, 1, &[extent(0x1000, 2, Content::Stored(5))])),
            ("a run in two blocks", block(5, 1, &[extent(0x1000, 2, Content::Stored(4))])),
            ("out of reach", block(REACH, 1, &[extent(0x1000, 1, Content::Stored(0))])),
            ("a number beyond all", block(5, 0, &[extent(0x1000, 2, Content::Stored(u64::MAX))])),
            ("pages beyond all", block(u64::MAX, 1, &[zeros])),
        ] {
            assert!(refused.is_err(), "{what}");
        }
        assert!(block(REACH, 1, &[extent(0x1000, 1, Content::Stored(1))]).is_ok());
        let whole = head(0, 0, &[zeros]);
        assert!(Block::parse(whole[..whole.len() - 1].to_vec()).is_err());
        assert!(Block::parse([&whole[..], &[0]].concat()).is_err());
        assert!(Block::parse(whole[..8].to_vec()).is_err());
        let mut undefined = whole;
        undefined[HEAD + 12] = 3;
        assert!(Block::parse(undefined).is_err());
    }
}

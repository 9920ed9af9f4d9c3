//! The blocks of a memory image in a file: found, decompressed and kept.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{Read, Seek},
    sync::Arc,
};

use super::{
    PAGE,
    block::{Block, Pages, REACH},
};
use crate::{
    codec::Decompressor,
    error::Error,
    file::{FileSection, Frames, Walk, WholeFrame},
    frame::{self, Header, u64_at},
    section::Codec,
};

/// Bytes of an entry of the index.
const ENTRY: usize = 24;
/// Blocks of which the extents are kept.
const RECENT: usize = 4;
/// Bytes of stored pages that are kept: all that a block can reach, and the rest of the block in which that begins.
const KEPT: usize = (REACH as usize + 512) * PAGE;

/// Where a block is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Of its first extent.
    pub(super) address: u64,
    /// Where its frame begins in the file.
    at: u64,
    /// Number of the first page that it stores.
    first: u64,
    /// It was looked for and is not there.
    lost: bool,
    /// It was looked into and stores no page, or it is lost.
    empty: bool,
}

impl Entry {
    fn new(address: u64, at: u64, first: u64) -> Self {
        Self { address, at, first, lost: false, empty: false }
    }
}

/// The entries of an index, if they are in order.
pub(super) fn entries(index: &[u8], section: &FileSection) -> Option<Vec<Entry>> {
    let (chunks, []) = index.as_chunks::<ENTRY>() else { return None };
    let mut entries: Vec<Entry> = Vec::with_capacity(chunks.len());
    for bytes in chunks {
        let at = section.offset.checked_add(u64_at(bytes, 8)).filter(|at| *at < section.end())?;
        let entry = Entry::new(u64_at(bytes, 0), at, u64_at(bytes, 16));
        if entries.last().is_some_and(|last| !follows(&entry, last)) {
            return None;
        }
        entries.push(entry);
    }
    Some(entries)
}

/// Whether a block can stand behind another.
fn follows(entry: &Entry, last: &Entry) -> bool {
    last.address < entry.address && last.at < entry.at && last.first <= entry.first
}

/// The blocks of one image. Whoever reads from the first address to the last has each decompressed once, whatever the image
/// shares with what; whoever jumps about, two for each page.
pub(super) struct Blocks<'a, R> {
    frames: &'a mut Frames<R>,
    section: FileSection,
    raw_chunk: u32,
    entries: Vec<Entry>,
    /// The entries are those of the index.
    indexed: bool,
    decompressor: Decompressor,
    /// What was read last, the newest at the back, by number of block.
    recent: VecDeque<(usize, Arc<Block>)>,
    /// Stored pages, by number of block.
    kept: BTreeMap<usize, Arc<Pages>>,
    kept_bytes: usize,
}

impl<'a, R: Read + Seek> Blocks<'a, R> {
    /// Without entries that tell where the blocks are, all blocks are read to make them.
    pub(super) fn new(
        frames: &'a mut Frames<R>,
        section: FileSection,
        raw_chunk: u32,
        entries: Option<Vec<Entry>>,
    ) -> Result<Self, Error> {
        let mut blocks = Self {
            frames,
            section,
            raw_chunk,
            entries: Vec::new(),
            indexed: false,
            decompressor: Decompressor::default(),
            recent: VecDeque::new(),
            kept: BTreeMap::new(),
            kept_bytes: 0,
        };
        match entries {
            Some(entries) if blocks.are_in_place(&entries)? => (blocks.entries, blocks.indexed) = (entries, true),
            _ => blocks.scan()?,
        }
        Ok(blocks)
    }

    /// Whether blocks stand where an index says. A frame that was lost, and left out by who recovered the report or joined its parts, moves
    /// all that are behind it, so the last one tells. Its payload does not matter: damage alone moves nothing.
    fn are_in_place(&mut self, entries: &[Entry]) -> Result<bool, Error> {
        let Some(last) = entries.last() else { return Ok(true) };
        let header = self.frames.header(last.at)?;
        Ok(header.is_some_and(|header| self.may_be_block(&header)))
    }

    /// Whether the entries are those of the index, and were not made from the blocks.
    pub(super) fn are_indexed(&self) -> bool {
        self.indexed
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The last block that begins at an address or before it.
    pub(super) fn covering(&self, address: u64) -> Option<usize> {
        self.entries.partition_point(|entry| entry.address <= address).checked_sub(1)
    }

    /// The block that stores a page, if any does.
    pub(super) fn storing(&self, page: u64) -> Option<usize> {
        self.entries.partition_point(|entry| entry.first <= page).checked_sub(1)
    }

    /// A block. `None` if it is lost.
    pub(super) fn block(&mut self, number: usize) -> Result<Option<Arc<Block>>, Error> {
        if let Some((_, block)) = self.recent.iter().rev().find(|(recent, _)| *recent == number) {
            return Ok(Some(block.clone()));
        }
        let Some(block) = self.load(number)? else { return Ok(None) };
        self.keep(number, number, &block.pages);
        let block = Arc::new(block);
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((number, block.clone()));
        Ok(Some(block))
    }

    /// The stored pages of a block that block `current` shares. `None` if they are lost.
    pub(super) fn pages(&mut self, number: usize, current: usize) -> Result<Option<Arc<Pages>>, Error> {
        if let Some(pages) = self.kept.get(&number) {
            return Ok(Some(pages.clone()));
        }
        if self.entries[number].empty {
            return Ok(None);
        }
        let pages = self.load(number)?.map(|block| block.pages).filter(|pages| pages.size() > 0);
        match &pages {
            Some(pages) => self.keep(number, current, pages),
            // Or a thousand extents that share with it would each look again.
            None => self.entries[number].empty = true,
        }
        Ok(pages)
    }

    /// Keeps pages for blocks to come. What must go for them is what block `current`, and those after it, will miss least.
    fn keep(&mut self, number: usize, current: usize, pages: &Arc<Pages>) {
        // A limit over 1 MiB lets a chunk be larger than all that is kept.
        if pages.size() == 0 || pages.size() > KEPT || self.kept.contains_key(&number) {
            return;
        }
        while self.kept_bytes + pages.size() > KEPT {
            let later = self.kept.last_key_value().is_some_and(|(last, _)| *last > current);
            let gone = if later { self.kept.pop_last() } else { self.kept.pop_first() };
            let Some((_, gone)) = gone else { break };
            self.kept_bytes -= gone.size();
        }
        self.kept_bytes += pages.size();
        self.kept.insert(number, pages.clone());
    }

    /// Reads the block that an entry tells of, if it is there.
    fn load(&mut self, number: usize) -> Result<Option<Block>, Error> {
        let entry = self.entries[number];
        if entry.lost {
            return Ok(None);
        }
        // Numbers that overlap would let a block reach more pages than are kept; addresses, tell two things of a page; frames, have the same
        // bytes checksummed for each of them.
        let (address, first, end) = self
            .entries
            .get(number + 1)
            .map_or((u64::MAX, u64::MAX, self.section.end()), |next| (next.address, next.first, next.at));
        let header = self.frames.header(entry.at)?.filter(|header| entry.at + header.frame_length() as u64 <= end);
        let block = match header {
            Some(header) => self.read(entry.at, &header)?,
            None => None,
        };
        let is_it = |block: &Block| {
            let begins = block.address() == entry.address && block.pages.first == entry.first;
            begins && block.end() <= address && block.pages.end() <= first
        };
        let block = block.filter(is_it);
        self.entries[number].lost = block.is_none();
        Ok(block)
    }

    /// Reads the block in a frame. `None` if it is damaged, or no block.
    fn read(&mut self, at: u64, header: &Header) -> Result<Option<Block>, Error> {
        if !self.may_be_block(header) {
            return Ok(None);
        }
        let Some(payload) = self.frames.payload(at, header)? else { return Ok(None) };
        Ok(decode(&mut self.decompressor, header, payload, self.raw_chunk))
    }

    fn may_be_block(&self, header: &Header) -> bool {
        header.frame_type == frame::DATA
            && header.section == self.section.ordinal
            && header.kind == self.section.kind
            && header.flags & frame::MUST_UNDERSTAND == 0
            && Codec::from_number(header.codec).is_supported()
    }

    /// Makes the entries from the blocks.
    fn scan(&mut self) -> Result<(), Error> {
        let mut walk = Walk::new(self.section.offset, self.section.end());
        while let Some(WholeFrame { at, header, payload }) = self.frames.next_whole(&mut walk)? {
            let block = decode(&mut self.decompressor, &header, payload, self.raw_chunk);
            let Some(block) = block.filter(|_| self.may_be_block(&header)) else { continue };
            let entry = Entry::new(block.address(), at, block.pages.first);
            if self.entries.last().is_none_or(|last| follows(&entry, last)) {
                self.entries.push(entry);
            }
        }
        Ok(())
    }
}

fn decode(decompressor: &mut Decompressor, header: &Header, payload: &[u8], limit: u32) -> Option<Block> {
    let raw = decompressor.decode(Codec::from_number(header.codec), payload, limit).ok()?;
    Block::parse(raw).ok()
}

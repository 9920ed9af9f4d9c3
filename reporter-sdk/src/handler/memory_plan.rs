//! What is taken of a process's memory, on any system.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::Range;

use report_format::schema::v1::{self, MemoryRange, MemoryRegion};

use super::soft_note;

/// What is taken of a process's memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryPlan {
    /// Addresses whose content becomes zero.
    pub(crate) excluded: Vec<Range<u64>>,
    /// Bytes to read at most, 0 for no limit. What is known to be zero does not count.
    pub(crate) most_bytes: u64,
}

/// A piece of memory that may have to be left out.
pub(super) struct Piece {
    /// The least first: those say the least of what the product did.
    pub(super) rank: u8,
    pub(super) start: u64,
    /// Bytes that would be read.
    pub(super) to_read: u64,
}

/// Which pieces are to be left out, by their starts, until no more than `most` bytes are to be read: of a rank the largest first.
pub(super) fn left_out(pieces: &[Piece], most: u64, soft_errors: &mut Vec<v1::SoftError>) -> BTreeSet<u64> {
    let total: u64 = pieces.iter().map(|piece| piece.to_read).sum();
    let mut left_out = BTreeSet::new();
    if most == 0 || total <= most {
        return left_out;
    }
    let mut order: Vec<_> = pieces.iter().map(|piece| (piece.rank, Reverse(piece.to_read), piece.start)).collect();
    order.sort_unstable();
    let mut left = total;
    for (_, Reverse(size), start) in order {
        if left <= most {
            break;
        }
        left -= size;
        left_out.insert(start);
    }
    let message = format!(
        "{} of {total} bytes in {} mappings are left out: the product's limit is {most} bytes",
        total - left,
        left_out.len()
    );
    soft_errors.push(soft_note("memory", message));
    left_out
}

/// What reads as zeros.
#[derive(Clone, Debug, Default)]
pub(super) struct Erased(Vec<Range<u64>>);

impl Erased {
    /// In ascending order, and without overlap.
    pub(super) fn new(ranges: impl Iterator<Item = Range<u64>>) -> Self {
        Self(merged(ranges))
    }

    /// The same, and these.
    #[cfg(windows)]
    pub(super) fn and(&self, others: Vec<Range<u64>>) -> Self {
        Self::new(self.0.iter().cloned().chain(others))
    }

    /// Whether nothing else lies in `range`.
    pub(super) fn covers(&self, range: &Range<u64>) -> bool {
        self.0.iter().any(|erased| erased.start <= range.start && range.end <= erased.end)
    }

    /// Clears what lies in `memory`, which is at `address`.
    pub(super) fn clear(&self, address: u64, memory: &mut [u8]) {
        let range = address..address.saturating_add(memory.len() as u64);
        for erased in overlapping(&self.0, &range) {
            let (start, end) = (erased.start.max(range.start), erased.end.min(range.end));
            memory[(start - address) as usize..(end - address) as usize].fill(0);
        }
    }

    /// What of it lies in the regions, for the report's record.
    pub(super) fn within(&self, regions: &[MemoryRegion]) -> Vec<MemoryRange> {
        let mut ranges = Vec::new();
        for region in regions {
            let region = region.address..region.address.saturating_add(region.size);
            ranges.extend(overlapping(&self.0, &region).map(|range| {
                let (start, end) = (range.start.max(region.start), range.end.min(region.end));
                MemoryRange { address: start, size: end - start }
            }));
        }
        ranges
    }
}

/// In ascending order, and without overlap.
fn merged(ranges: impl Iterator<Item = Range<u64>>) -> Vec<Range<u64>> {
    let mut ranges: Vec<_> = ranges.filter(|range| range.start < range.end).collect();
    ranges.sort_unstable_by_key(|range| range.start);
    ranges.dedup_by(|next, last| {
        let touches = next.start <= last.end;
        if touches {
            last.end = last.end.max(next.end);
        }
        touches
    });
    ranges
}

/// Those of `ranges`, which ascend without overlap, that have something in common with `with`.
pub(super) fn overlapping<'r>(ranges: &'r [Range<u64>], with: &Range<u64>) -> impl Iterator<Item = &'r Range<u64>> {
    let (start, end) = (with.start, with.end);
    let first = ranges.partition_point(|range| range.end <= start);
    ranges[first..].iter().take_while(move |range| range.start < end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_erased_is_told_by_region_and_cleared_where_it_lies() {
        let erased = Erased::new([0x20..0x30, 0x28..0x38, 0x50..0x50, 0x60..0x70].into_iter());
        assert!(erased.covers(&(0x21..0x38)) && !erased.covers(&(0x1f..0x21)) && !erased.covers(&(0x37..0x39)));
        let mut memory = [7; 0x20];
        erased.clear(0x18, &mut memory);
        assert_eq!(memory, [[7; 8].as_slice(), &[0; 0x18]].concat()[..]);
        let region = |address, size| MemoryRegion { address, size, ..Default::default() };
        let told = erased.within(&[region(0, 0x24), region(0x24, 0x40)]);
        let range = |address, size| MemoryRange { address, size };
        assert_eq!(told, [range(0x20, 4), range(0x24, 0x14), range(0x60, 4)]);
    }

    #[test]
    fn the_least_telling_pieces_go_first_and_of_them_the_largest() {
        let piece = |rank, start, to_read| Piece { rank, start, to_read };
        let pieces = [piece(2, 1, 100), piece(0, 2, 10), piece(0, 3, 20), piece(1, 4, 30)];
        let mut soft_errors = Vec::new();
        let mut out = |most| left_out(&pieces, most, &mut soft_errors).into_iter().collect::<Vec<_>>();
        assert_eq!(out(0), [0; 0]);
        assert_eq!(out(160), [0; 0]);
        assert_eq!(out(150), [3]);
        assert_eq!(out(131), [2, 3]);
        assert_eq!(out(50), [1, 2, 3, 4]);
        assert!(soft_errors[0].message.starts_with("20 of 160 bytes in 1 mappings"), "{soft_errors:?}");
    }
}

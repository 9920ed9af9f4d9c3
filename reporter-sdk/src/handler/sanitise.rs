//! Leaves of a dump's memory only what looks like an address, for products whose stacks can hold what must not leave the machine.
//!
//! As Breakpad and minidump-writer do it to stacks: an aligned word that points into code or into a stack stays, for these are what frames are found by; all
//! else becomes one fixed word. Other than theirs, small numbers go too (a PIN is one), and it is done to all memory in the dump, such as what registers
//! point at, for a password is there as well as on a stack. The code itself stays, and so do registers.

use std::ops::Range;

use minidump::{Minidump, MinidumpMemoryInfo, MinidumpMemoryInfoList, MinidumpModuleList, Module};

/// In place of a word. Of 64 bits it is no address: in the upper half and not canonical on any machine. Easy to see in a debugger, and as Breakpad writes it; of 32 bits
/// it is the half of it, which can be an address and hardly is.
pub(super) const REPLACED: usize = 0x0def_aced_0def_aced_u64 as usize;

/// As large as the addresses of a product, which are of the handler's kind.
const WORD: usize = size_of::<usize>();

/// Places in the process's memory, in order and apart from each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Addresses(Vec<Range<u64>>);

impl Addresses {
    /// Of the code, as far as the dump tells: what may be executed, else all of the modules.
    pub(crate) fn of_code(dump: &Minidump<'_, &[u8]>) -> Self {
        let regions = dump.get_stream::<MinidumpMemoryInfoList<'_>>().unwrap_or_default();
        let code = regions.iter().filter(|region| region.is_executable());
        let code: Self =
            code.filter_map(MinidumpMemoryInfo::memory_range).map(|r| r.start..r.end.saturating_add(1)).collect();
        if !code.0.is_empty() {
            return code;
        }
        let modules = dump.get_stream::<MinidumpModuleList>().unwrap_or_default();
        modules
            .iter()
            .map(|module| module.base_address()..module.base_address().saturating_add(module.size()))
            .collect()
    }

    pub(super) fn contain(&self, address: u64) -> bool {
        let after = self.0.partition_point(|range| range.start <= address);
        after.checked_sub(1).is_some_and(|at| address < self.0[at].end)
    }
}

impl FromIterator<Range<u64>> for Addresses {
    fn from_iter<I: IntoIterator<Item = Range<u64>>>(ranges: I) -> Self {
        let mut all: Vec<_> = ranges.into_iter().filter(|range| !range.is_empty()).collect();
        all.sort_by_key(|range| range.start);
        let mut apart: Vec<Range<u64>> = Vec::new();
        for range in all {
            match apart.last_mut().filter(|last| range.start <= last.end) {
                Some(last) => last.end = last.end.max(range.end),
                None => apart.push(range),
            }
        }
        Self(apart)
    }
}

/// Replaces in `memory`, which was at `start`, all that is neither code nor an address in `code` or on one of the `stacks`. Returns how many bytes.
pub(super) fn sanitise(memory: &mut [u8], start: u64, code: &Addresses, stacks: &Addresses) -> u64 {
    // Words lie at multiples of their size; what is before the first is no whole one.
    let before = memory.len().min((start.wrapping_neg() % WORD as u64) as usize);
    let (head, words) = memory.split_at_mut(before);
    let mut replaced = if code.contain(start) { 0 } else { clear(head) };
    let mut chunks = words.chunks_exact_mut(WORD);
    let mut address = start.saturating_add(before as u64);
    for chunk in &mut chunks {
        let word = usize::from_le_bytes((&*chunk).try_into().unwrap_or_default());
        let points = |at: u64| code.contain(at) || stacks.contain(at);
        let stays = word == 0 || word == REPLACED || points(word as u64) || code.contain(address);
        if !stays {
            chunk.copy_from_slice(&REPLACED.to_le_bytes());
            replaced += WORD as u64;
        }
        address = address.saturating_add(WORD as u64);
    }
    if !code.contain(address) {
        replaced += clear(chunks.into_remainder());
    }
    replaced
}

fn clear(bytes: &mut [u8]) -> u64 {
    let there = bytes.iter().filter(|byte| **byte != 0).count() as u64;
    bytes.fill(0);
    there
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CODE: Range<u64> = 0x5000..0x6000;
    const STACK: Range<u64> = 0x7000..0x8000;

    fn words(words: &[usize]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn sanitised(mut memory: Vec<u8>, start: u64) -> (Vec<u8>, u64) {
        let replaced = sanitise(&mut memory, start, &Addresses::from_iter([CODE]), &Addresses::from_iter([STACK]));
        (memory, replaced)
    }

    #[test]
    fn addresses_of_code_and_of_stacks_stay_and_all_else_goes() {
        let password = usize::from_le_bytes(*b"hunter2!".first_chunk().unwrap());
        let memory = words(&[0x5000, 0x5fff, 0x6000, 0x4fff, 0x7010, 0x8000, password, 1234, 0]);
        let r = REPLACED;
        assert_eq!(sanitised(memory, 0x7000), (words(&[0x5000, 0x5fff, r, r, 0x7010, r, r, r, 0]), 5 * WORD as u64));
    }

    #[test]
    fn code_stays_as_it_is() {
        let code = b"\x55\x48\x89\xe5 any bytes of it".to_vec();
        assert_eq!(sanitised(code.clone(), 0x5101), (code, 0));
        // As far as it is code.
        let (memory, _) = sanitised(vec![0x41; 32], 0x5ff0);
        assert_eq!(memory, [vec![0x41; 16], words(&[REPLACED; 16 / WORD])].concat());
    }

    #[test]
    fn what_is_no_whole_word_goes() {
        let (memory, replaced) = sanitised(b"abcdefghijk".to_vec(), 0x7006);
        assert_eq!((memory, replaced), ([&[0, 0][..], &words(&[REPLACED; 8 / WORD]), &[0]].concat(), 11));
        assert_eq!(sanitised(b"abc".to_vec(), 0x7001), (vec![0; 3], 3));
        assert_eq!(sanitised(Vec::new(), u64::MAX).1, 0);
    }

    #[test]
    fn places_that_meet_or_overlap_are_one() {
        let places = Addresses::from_iter([30..40, 0..10, 5..20, 20..30, 50..50]);
        assert_eq!(places.0.len(), 1, "{places:?}");
        assert!(places.contain(0) && places.contain(39) && !places.contain(40));
    }

    proptest! {
        #[test]
        fn any_memory_is_taken_and_a_second_time_changes_nothing(memory: Vec<u8>, start: u64) {
            let (once, replaced) = sanitised(memory.clone(), start);
            prop_assert_eq!(once.len(), memory.len());
            prop_assert!(replaced <= memory.len() as u64);
            prop_assert_eq!(sanitised(once.clone(), start), (once, 0));
        }

        #[test]
        fn no_text_survives(text in "[ -~]{8,64}", start in 0x7000u64..0x7100) {
            let (memory, _) = sanitised(text.clone().into_bytes(), start);
            let left = text.as_bytes().windows(4).any(|piece| memory.windows(4).any(|window| window == piece));
            prop_assert!(!left, "{:?}", memory);
        }
    }
}

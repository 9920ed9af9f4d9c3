//! Where a process keeps its arguments and its environment, so that they can be taken out of copies of its memory.
//!
//! Situation: the kernel copies both to the top of the first thread's stack, and a minidump holds that stack from the stack pointer
//! up. Example: `API_TOKEN=…` in the environment of a CI job was found in a dump whose environment stream had been removed.
//! Handling: the block's ranges are read while the process is held, and zeroed in every piece of memory that is kept.

use std::io;
use std::ops::Range;
use std::path::PathBuf;

use super::memory_map;
use super::procfs;

/// The ranges to zero, in addresses of the process; disjoint or not, never reversed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ArgumentBlock {
    pub(crate) ranges: Vec<Range<u64>>,
}

/// Why the block's place is unknown. Memory must not be kept then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArgumentBlockError {
    #[error("cannot read {}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} does not tell where arguments and environment lie (no right to trace the process?)", path.display())]
    Hidden { path: PathBuf },
}

const AT_PLATFORM: u64 = 15;
const AT_RANDOM: u64 = 25;
const AT_EXECFN: u64 = 31;

impl ArgumentBlock {
    /// As [`read`](Self::read), where nobody has the process's memory map yet.
    pub(crate) fn of_process(pid: u32) -> Result<Self, ArgumentBlockError> {
        Self::read(pid, &memory_map::read(pid).unwrap_or_default())
    }

    /// Reads the places from `/proc`. The process must be alive, and held: they move with `prctl(PR_SET_MM)`. `maps` is its memory map.
    pub(crate) fn read(pid: u32, maps: &[u8]) -> Result<Self, ArgumentBlockError> {
        let hidden = || ArgumentBlockError::Hidden { path: PathBuf::from(format!("/proc/{pid}/stat")) };
        procfs::check().map_err(|_| hidden())?;
        let file = |name: &str| {
            let path = PathBuf::from(format!("/proc/{pid}/{name}"));
            std::fs::read(&path).map_err(|source| ArgumentBlockError::Io { path, source })
        };
        Self::from_proc(&file("stat")?, &file("auxv")?, maps).ok_or_else(hidden)
    }

    fn from_proc(stat: &[u8], auxv: &[u8], maps: &[u8]) -> Option<Self> {
        let [arg_start, arg_end, env_start, env_end] = stat_ranges(stat)?;
        if arg_start == 0 || env_start == 0 {
            return None;
        }
        let mut ranges = vec![arg_start..arg_end, env_start..env_end];
        // Where the kernel put them at exec: AT_EXECFN's string ends the block and the mapping. The process may have moved its
        // arguments since (setproctitle), which leaves the old ones behind. AT_RANDOM and AT_PLATFORM lie just below the first argument:
        // whatever is above the higher of them is arguments, environment and the executable's path.
        let entry = |key| aux_value(auxv, key);
        let execfn = entry(AT_EXECFN)?;
        let stack = mapping_of(maps, execfn)?;
        let in_stack = |at: &u64| stack.contains(at);
        let below = [entry(AT_RANDOM), entry(AT_PLATFORM)]
            .into_iter()
            .flatten()
            .filter(|at| in_stack(at) && *at < execfn)
            .max();
        let start = below.or_else(|| [arg_start, env_start, execfn].into_iter().filter(in_stack).min())?;
        ranges.push(start..stack.end);
        ranges.retain(|r| r.start < r.end);
        Some(Self { ranges })
    }
}

/// Fields 48 to 51 of `/proc/PID/stat`. The second, the name, can hold spaces and parentheses: counted from its last one.
fn stat_ranges(stat: &[u8]) -> Option<[u64; 4]> {
    let text = str::from_utf8(&stat[stat.iter().rposition(|&b| b == b')')? + 1..]).ok()?;
    let mut fields = text.split_ascii_whitespace().skip(48 - 3).map(|field| field.parse().ok());
    Some([fields.next()??, fields.next()??, fields.next()??, fields.next()??])
}

fn aux_value(auxv: &[u8], key: u64) -> Option<u64> {
    const WORD: usize = size_of::<usize>();
    let word = |bytes: &[u8]| bytes.try_into().map(|b| usize::from_ne_bytes(b) as u64).ok();
    auxv.chunks_exact(2 * WORD).find(|pair| word(&pair[..WORD]) == Some(key)).and_then(|pair| word(&pair[WORD..]))
}

fn mapping_of(maps: &[u8], address: u64) -> Option<Range<u64>> {
    memory_map::mappings(maps).map(|mapping| mapping.range).find(|range| range.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(entries: &[(u64, u64)]) -> Vec<u8> {
        entries.iter().flat_map(|(k, v)| [*k as usize, *v as usize]).flat_map(usize::to_ne_bytes).collect()
    }

    fn stat(numbers: &str) -> Vec<u8> {
        let zeros = "0 ".repeat(44);
        format!("7 (a ) b) S {zeros}{numbers} 0").into_bytes()
    }

    const MAPS: &[u8] = b"1000-2000 r-xp 0 0:0 0 /bin/x\n7000-9000 rw-p 0 0:0 0 [stack]\n";

    #[test]
    fn all_above_the_random_bytes_goes() {
        let auxv = pairs(&[(AT_RANDOM, 0x8100), (AT_PLATFORM, 0x8110), (AT_EXECFN, 0x8ff0)]);
        let block = ArgumentBlock::from_proc(&stat("33024 33280 33280 33536"), &auxv, MAPS).unwrap();
        assert!(block.ranges.contains(&(0x8110..0x9000)), "{block:x?}");
    }

    #[test]
    fn moved_arguments_go_and_those_left_behind_too() {
        let auxv = pairs(&[(AT_RANDOM, 0x8100), (AT_EXECFN, 0x8ff0)]);
        let block = ArgumentBlock::from_proc(&stat("4096 4100 33280 33536"), &auxv, MAPS).unwrap();
        assert_eq!(block.ranges, [4096..4100, 33280..33536, 0x8100..0x9000]);
    }

    #[test]
    fn hidden_fields_are_an_error_not_an_empty_block() {
        let auxv = pairs(&[(AT_EXECFN, 0x8ff0)]);
        assert_eq!(ArgumentBlock::from_proc(&stat("0 0 0 0"), &auxv, MAPS), None);
        assert_eq!(ArgumentBlock::from_proc(b"7 (x", &auxv, MAPS), None);
        assert_eq!(ArgumentBlock::from_proc(&stat("1 2 3 4"), &[1, 2, 3], MAPS), None);
    }

    #[test]
    fn the_block_of_this_process_is_found() {
        let pid = std::process::id();
        let block = ArgumentBlock::read(pid, &memory_map::read(pid).unwrap()).unwrap();
        assert!(block.ranges.iter().any(|r| r.end - r.start > 16));
    }
}

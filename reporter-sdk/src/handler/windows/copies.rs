//! Copies of the environment and of the command line that the process made itself.
//!
//! Situation: the C libraries copy both before `main` runs, as UTF-16 and in the code page of the machine. Example: a token in the environment of a service was
//! found in the heap of each of its C++ programs. `msvcrt.dll` tells by its variables where its copies are; the Universal CRT and one that is linked into the
//! program tell nobody. Handling: what the process was given is looked for in all memory that is its own, as it is read, and zeroed where it is found.
//!
//! Found are whole variables (`NAME=value`) and whole lines. What a program takes out of them and keeps is its own, and its to exclude.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use aho_corasick::AhoCorasick;
use windows_sys::Win32::Globalization::{CP_ACP, WideCharToMultiByte};

use super::process::Process;

/// What a process was given. Printed by its size alone.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Texts(Vec<Vec<u16>>);

impl std::fmt::Debug for Texts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} texts", self.0.len())
    }
}

/// Characters. What is shorter is found everywhere, and says little.
const SHORTEST: usize = 8;
/// Variables: no environment has more.
const MOST: usize = 4096;
/// Bytes of a text that are looked for at first: a table for all would be larger than what it is looked for in.
const HEAD: usize = 128;

impl Texts {
    /// Those in `units`, each up to a zero, that are long enough to be told from others.
    pub(super) fn take(&mut self, units: &[u16]) {
        let long = units.split(|unit| *unit == 0).filter(|text| text.len() >= SHORTEST);
        self.0.extend(long.map(<[u16]>::to_vec));
        self.0.truncate(MOST);
    }

    /// The arguments of a command line as the C libraries lay them out: one behind the other, with a zero between two. Without the first, which is the program.
    pub(super) fn take_arguments(&mut self, arguments: &[Vec<u16>]) {
        let arguments = arguments.get(1..).unwrap_or_default().join(&0);
        if arguments.len() >= SHORTEST && self.0.len() < MOST {
            self.0.push(arguments);
        }
    }

    /// As bytes: UTF-16, UTF-8 (the code page of programs that ask for it), and the machine's code page.
    fn spellings(&self) -> Vec<Vec<u8>> {
        let of = |text: &Vec<u16>| {
            let wide = text.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            [wide, String::from_utf16_lossy(text).into_bytes(), in_code_page(text)]
        };
        let all: BTreeSet<_> = self.0.iter().flat_map(of).filter(|spelling| !spelling.is_empty()).collect();
        all.into_iter().collect()
    }
}

/// What is looked for, and what was found of it.
#[derive(Debug)]
pub(super) struct Copies {
    spellings: Vec<Vec<u8>>,
    heads: AhoCorasick,
    /// Bytes before and behind what is read in which a copy can begin or end.
    around: u64,
    found: Mutex<BTreeSet<(u64, u64)>>,
}

impl Copies {
    pub(super) fn of(texts: &Texts) -> Self {
        let spellings = texts.spellings();
        let heads = spellings.iter().map(|spelling| &spelling[..spelling.len().min(HEAD)]);
        let heads = AhoCorasick::new(heads).expect("4096 texts of 128 bytes, three times, are far below its limits");
        let around = spellings.iter().map(Vec::len).max().unwrap_or_default() as u64;
        Self { spellings, heads, around, found: Mutex::default() }
    }

    /// Reads `buffer`, which is at `address` in a region of a process that stands still, with zeros for each copy.
    pub(super) fn read(
        &self,
        process: &Process,
        region: &Range<u64>,
        address: u64,
        buffer: &mut [u8],
    ) -> io::Result<()> {
        let end = address.saturating_add(buffer.len() as u64);
        // Part of a copy can lie before it, and part behind.
        let start = address.saturating_sub(self.around).max(region.start).min(address);
        let mut wide = vec![0; (end.saturating_add(self.around).min(region.end).max(end) - start) as usize];
        let at = (address - start) as usize;
        if process.read(start, &mut wide).is_err() {
            // Something around it cannot be read; then that holds no part of a copy.
            wide.fill(0);
            process.read(address, &mut wide[at..at + buffer.len()])?;
        }
        for copy in self.in_bytes(&wide) {
            let range = (start + copy.start as u64, start + copy.end as u64);
            if range.0 < end && address < range.1 {
                self.found.lock().unwrap_or_else(PoisonError::into_inner).insert(range);
            }
            wide[copy].fill(0);
        }
        buffer.copy_from_slice(&wide[at..at + buffer.len()]);
        Ok(())
    }

    fn in_bytes(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let heads = self.heads.find_overlapping_iter(bytes);
        let whole = heads.filter_map(|head| {
            let spelling = &self.spellings[head.pattern().as_usize()];
            bytes[head.start()..].starts_with(spelling).then(|| head.start()..head.start() + spelling.len())
        });
        whole.collect()
    }

    /// The ranges of all that was found by now.
    pub(super) fn found(&self) -> Vec<Range<u64>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|(start, end)| *start..*end).collect()
    }
}

/// Empty where it cannot be had.
fn in_code_page(text: &[u16]) -> Vec<u8> {
    // No character of any code page has more.
    let mut bytes = vec![0; text.len() * 4];
    let (Ok(units), Ok(room)) = (i32::try_from(text.len()), i32::try_from(bytes.len())) else { return Vec::new() };
    // SAFETY: reads and writes as much as it is told that there is; a default character is not asked for.
    let length = unsafe {
        WideCharToMultiByte(CP_ACP, 0, text.as_ptr(), units, bytes.as_mut_ptr(), room, ptr::null(), ptr::null_mut())
    };
    bytes.truncate(usize::try_from(length).unwrap_or_default());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copies(texts: &[&str]) -> Copies {
        let mut all = Texts::default();
        for text in texts {
            all.take(&text.encode_utf16().collect::<Vec<_>>());
        }
        Copies::of(&all)
    }

    fn found(texts: &[&str], bytes: &[u8]) -> Vec<Range<usize>> {
        copies(texts).in_bytes(bytes)
    }

    #[test]
    fn a_copy_is_zeroed_in_each_spelling_wherever_a_piece_of_it_is_read() {
        const PIECE: usize = 64;
        let text = "TOKEN=größer als sonst";
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let process = Process::open(std::process::id()).unwrap();
        for spelling in [text.as_bytes(), &wide] {
            for at in [0, 1, 50, PIECE - 1, PIECE, PIECE + 5, 2 * PIECE + 100] {
                let mut area = vec![b'T'; 5 * PIECE];
                area[at..at + spelling.len()].copy_from_slice(spelling);
                let mut expected = area.clone();
                expected[at..at + spelling.len()].fill(0);
                let start = area.as_ptr().addr() as u64;
                let (copies, mut read) = (copies(&[text]), vec![0; area.len()]);
                for (number, piece) in read.chunks_mut(PIECE).enumerate() {
                    let region = start..start + area.len() as u64;
                    copies.read(&process, &region, start + (number * PIECE) as u64, piece).unwrap();
                }
                assert_eq!(read, expected, "at {at}");
                assert_eq!(copies.found(), [start + at as u64..start + (at + spelling.len()) as u64]);
            }
        }
    }

    #[test]
    fn only_the_whole_of_a_long_text_is_one() {
        let long = format!("PATH={}", "C:\\some folder;".repeat(100));
        let other = format!("{}X", &long[..long.len() - 1]);
        let area = format!("{other} {long}").into_bytes();
        assert_eq!(found(&[&long], &area), [other.len() + 1..other.len() + 1 + long.len()]);
        // A text in another.
        assert_eq!(found(&["ABC=12345", "C=1234567"], b"..ABC=1234567"), [2..11, 4..13]);
    }

    #[test]
    fn short_ones_are_left_and_arguments_go_together() {
        assert!(found(&["A=1"], b"A=1 A=1").is_empty());
        let mut texts = Texts::default();
        texts.take_arguments(&["prog", "-x", "secret"].map(|text| text.encode_utf16().collect()));
        let given: Vec<_> = texts.0.iter().map(|text| String::from_utf16_lossy(text)).collect();
        assert_eq!(given, ["-x\0secret"]);
    }
}

//! Copies of the environment and of the command line that the process made itself.
//!
//! Situation: the C libraries copy both before `main` runs, as UTF-16 and in the code page of the machine. Example: a token in the environment of a service was
//! found in the heap of each of its C++ programs. `msvcrt.dll` tells by its variables where its copies are; the Universal CRT and one that is linked into the
//! program tell nobody. Handling: what the process was given is looked for in all memory that is its own, and zeroed where it is found.
//!
//! Found are whole variables (`NAME=value`) and whole lines. What a program takes out of them and keeps is its own, and its to exclude.

use std::collections::BTreeSet;
use std::ops::Range;
use std::ptr;

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
/// Bytes that are read at a time.
const PIECE: usize = 1 << 20;

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

    /// Where they are in the `areas` of a process that stands still.
    pub(super) fn find(&self, process: &Process, areas: impl Iterator<Item = Range<u64>>) -> Vec<Range<u64>> {
        let spellings = self.spellings();
        let Some(longest) = spellings.iter().map(Vec::len).max() else { return Vec::new() };
        let heads = spellings.iter().map(|spelling| &spelling[..spelling.len().min(HEAD)]);
        let heads = AhoCorasick::new(heads).expect("4096 texts of 128 bytes, three times, are far below its limits");
        let mut found = Vec::new();
        let mut buffer = vec![0; PIECE + longest];
        for area in areas {
            for start in area.clone().step_by(PIECE) {
                // With as much of the next as a text that begins in this one can need.
                let bytes = &mut buffer[..usize::try_from(area.end - start).unwrap_or(usize::MAX).min(PIECE + longest)];
                read(process, start, bytes);
                for head in heads.find_overlapping_iter(&*bytes).filter(|head| head.start() < PIECE) {
                    let spelling = &spellings[head.pattern().as_usize()];
                    if bytes[head.start()..].starts_with(spelling) {
                        let at = start + head.start() as u64;
                        found.push(at..at + spelling.len() as u64);
                    }
                }
            }
        }
        found
    }
}

/// As much as can be read, page by page if need be; what cannot is zeros.
fn read(process: &Process, start: u64, bytes: &mut [u8]) {
    const PAGE: usize = 4096;
    if process.read(start, bytes).is_ok() {
        return;
    }
    for (page, at) in bytes.chunks_mut(PAGE).zip((start..).step_by(PAGE)) {
        if process.read(at, page).is_err() {
            page.fill(0);
        }
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

    fn found(texts: &[&str], area: &[u8]) -> Vec<Range<usize>> {
        let mut all = Texts::default();
        for text in texts {
            all.take(&text.encode_utf16().collect::<Vec<_>>());
        }
        let start = area.as_ptr().addr();
        let process = Process::open(std::process::id()).unwrap();
        let areas = std::iter::once(start as u64..(start + area.len()) as u64);
        all.find(&process, areas).into_iter().map(|r| r.start as usize - start..r.end as usize - start).collect()
    }

    #[test]
    fn a_text_is_found_in_each_spelling_wherever_it_begins() {
        let text = "TOKEN=größer als sonst";
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for spelling in [text.as_bytes(), &wide] {
            for at in [0, 1, 4095, PIECE - 1, PIECE, PIECE + 5, 2 * PIECE + 100] {
                let mut area = vec![b'T'; 2 * PIECE + 200];
                area[at..at + spelling.len()].copy_from_slice(spelling);
                assert_eq!(found(&[text], &area), [at..at + spelling.len()], "at {at}");
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

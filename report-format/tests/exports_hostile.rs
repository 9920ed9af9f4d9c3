//! Minidumps and core files come with reports from anywhere: whatever is in them, they are read or refused.
#![cfg(feature = "export")]

#[path = "common/process.rs"]
mod process;

use std::sync::LazyLock;

use process::{Made, Page, assert_same_memory, mixed, small};
use proptest::prelude::*;
use proptest::sample::Index;
use report_format::Error;
use report_format::memory::{CoreFile, FullMinidump, PAGE, ReadAt, Source, export};

/// Little memory, so that the lists in front of it are much of a file.
fn memory() -> Made {
    Made::new([(process::PROGRAM, process::PROGRAM + 0x6000), (0x7fff_f000_0000, 0x7fff_f000_4000)], mixed)
}

static SMALL: LazyLock<Vec<u8>> = LazyLock::new(small);
static FULL: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut file = Vec::new();
    export::minidump(&SMALL, &memory(), &mut file).unwrap();
    file
});
static CORE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut file = Vec::new();
    export::core(&SMALL, &memory(), &mut file).unwrap();
    file
});

/// What is done to a file.
#[derive(Debug, Clone)]
enum Change {
    Byte(Index, u8),
    Word(Index, u32),
    Long(Index, u64),
    Cut(Index),
    Copy(Index, Index),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let telling = prop_oneof![
        Just(0_u64),
        Just(1),
        Just(0x7fff_ffff),
        Just(0xffff),
        Just(0xffff_ffff),
        Just(u64::MAX),
        Just(u64::MAX - 0xfff),
        Just(1 << 63),
        (0..64_u64).prop_map(|page| page * PAGE as u64),
        0..20_000_u64,
        any::<u64>(),
    ];
    let telling = telling.boxed();
    let change = prop_oneof![
        3 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        6 => (any::<Index>(), telling.clone()).prop_map(|(at, word)| Change::Word(at, word as u32)),
        6 => (any::<Index>(), telling).prop_map(|(at, long)| Change::Long(at, long)),
        1 => any::<Index>().prop_map(Change::Cut),
        2 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Copy(from, to)),
    ];
    prop::collection::vec(change, 1..8)
}

/// The file with changes in its first `head` bytes, at multiples of two, where numbers stand.
fn changed(file: &[u8], head: usize, changes: &[Change]) -> Vec<u8> {
    let mut bytes = file.to_vec();
    let mut length = bytes.len();
    let place = |at: &Index| at.index(head / 2) * 2;
    for change in changes {
        match change {
            Change::Byte(at, byte) => bytes[at.index(head)] = *byte,
            Change::Word(at, word) => bytes[place(at)..][..4].copy_from_slice(&word.to_le_bytes()),
            Change::Long(at, long) => bytes[place(at)..][..8].copy_from_slice(&long.to_le_bytes()),
            Change::Cut(at) => length = at.index(file.len()),
            Change::Copy(from, to) => {
                let piece: [u8; 16] = bytes[place(from)..][..16].try_into().unwrap();
                bytes[place(to)..][..16].copy_from_slice(&piece);
            }
        }
    }
    bytes.truncate(length);
    bytes
}

/// The file is to blame, not the disk it lies on nor who calls.
fn check_error(error: &Error) -> Result<(), TestCaseError> {
    let is_ours = matches!(error, Error::Format { .. } | Error::Limit { .. } | Error::Unsupported { .. });
    prop_assert!(is_ours, "{error:?}");
    Ok(())
}

/// Regions as a source has to have them; what it says can be read, can be read, and nothing else.
fn check_source(source: &dyn Source, file: &[u8]) -> Result<(), TestCaseError> {
    let mut free = 0;
    let mut page = [0; PAGE];
    let mut read = 0;
    for region in source.regions() {
        prop_assert!(region.size > 0 && region.address >= free, "{region:x?} before {free:#x}");
        prop_assert_eq!((region.address % PAGE as u64, region.size % PAGE as u64), (0, 0));
        free = region.address.checked_add(region.size).expect("a region has an end");
        let (mut at, mut steps) = (region.address, 0);
        while at < free && steps < 100 {
            steps += 1;
            match source.readable(at, free - at) {
                Ok(length) => {
                    prop_assert!(length > 0 && length % PAGE as u64 == 0 && length <= free - at);
                    source.read(at, &mut page).expect("it said so");
                    source.read(at + length - PAGE as u64, &mut page).expect("it said so");
                    read += length;
                    at += length;
                }
                Err(length) => {
                    prop_assert!(length > 0 && length % PAGE as u64 == 0 && length <= free - at);
                    source.read(at, &mut page).expect_err("it said so");
                    at += length;
                }
            }
        }
    }
    // Several segments can name the same bytes of a file, but each is in the file.
    prop_assert!(read <= (file.length()? * source.regions().len() as u64));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_small_minidump_is_exported_right_or_refused(changes in changes()) {
        let dump = changed(&SMALL, SMALL.len() - 16, &changes);
        let memory = memory();
        let mut full = Vec::new();
        match export::minidump(&dump, &memory, &mut full) {
            Ok(exported) => {
                prop_assert_eq!(exported.length, full.len() as u64);
                // What else is in it may be nonsense as before, and refused for that.
                match FullMinidump::open(full) {
                    Ok(full) => assert_same_memory(&memory, &full),
                    Err(error) => check_error(&error)?,
                }
            }
            Err(error) => {
                check_error(&error)?;
                prop_assert!(full.is_empty());
            }
        }
        let mut core = Vec::new();
        match export::core(&dump, &memory, &mut core) {
            Ok(_) => assert_same_memory(&memory, &CoreFile::open(core).unwrap()),
            Err(error) => {
                check_error(&error)?;
                prop_assert!(core.is_empty());
            }
        }
    }

    #[test]
    fn a_changed_full_minidump_is_a_source_or_refused(changes in changes()) {
        let head = FULL.len() - memory_size(&FULL) - 16;
        let file = changed(&FULL, head, &changes);
        match FullMinidump::open(file.as_slice()) {
            Ok(source) => check_source(&source, &file)?,
            Err(error) => check_error(&error)?,
        }
    }

    #[test]
    fn a_changed_core_file_is_a_source_or_refused(changes in changes()) {
        let head = CORE.len() - memory_size(&CORE) - 16;
        let file = changed(&CORE, head, &changes);
        match CoreFile::open(file.as_slice()) {
            Ok(source) => check_source(&source, &file)?,
            Err(error) => check_error(&error)?,
        }
    }

    #[test]
    fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..200), magic in 0..3) {
        let magic: &[u8] = [b"".as_slice(), b"MDMP\x93\xa7\0\0", b"\x7fELF\x02\x01\x01"][magic as usize];
        let file = [magic, &bytes].concat();
        if let Err(error) = CoreFile::open(file.as_slice()) {
            check_error(&error)?;
        }
        if let Err(error) = FullMinidump::open(file.as_slice()) {
            check_error(&error)?;
        }
        if let Err(error) = export::core(&file, &memory(), Vec::new()) {
            check_error(&error)?;
        }
    }
}

fn memory_size(file: &[u8]) -> usize {
    let readable = memory();
    let pages = readable.regions.iter().flat_map(|region| (region.address..region.address + region.size).step_by(PAGE));
    let size = pages.filter(|at| (readable.page)(*at) != Page::Unreadable).count() * PAGE;
    assert!(size > 4 * PAGE && size < file.len());
    size
}

#[test]
fn a_file_that_was_cut_gives_the_memory_before_the_cut() {
    let cut = FULL.len() - 3 * PAGE - 100;
    let source = FullMinidump::open(&FULL[..cut]).unwrap();
    let mut page = [0; PAGE];
    let whole = memory();
    let mut left: Vec<bool> = Vec::new();
    for region in source.regions() {
        for at in (region.address..region.address + region.size).step_by(PAGE) {
            left.push(source.read(at, &mut page).is_ok());
            assert_eq!(source.readable(at, PAGE as u64).is_ok(), left[left.len() - 1]);
            let mut expected = [0; PAGE];
            whole.read(at, &mut expected).unwrap();
            assert!(page == expected || !left[left.len() - 1], "page {at:#x}");
        }
    }
    // The page of the cut is lost too.
    assert_eq!(left.iter().position(|is_there| !is_there), Some(left.len() - 4));
    assert_eq!(left.iter().filter(|is_there| **is_there).count(), left.len() - 4);
}

#[test]
fn regions_that_reports_must_not_have_are_refused_before_anything_is_written() {
    let cases: [&[(u64, u64)]; 5] = [
        &[(0x1_0000, 0x1_1000), (0x1_0000, 0x1_2000)],
        &[(0x2_0000, 0x2_1000), (0x1_0000, 0x1_1000)],
        &[(0x1_0001, 0x1_1001)],
        &[(0x1_0000, 0x1_0000)],
        &[(0x1_0000, 0x1_0800)],
    ];
    let mut hostile: Vec<Made> = cases.into_iter().map(|case| Made::new(case.iter().copied(), mixed)).collect();
    let mut endless = Made::new([(0x1_0000, 0x1_1000)], mixed);
    endless.regions[0].address = u64::MAX - 0xfff;
    endless.regions[0].size = 0x2000;
    hostile.push(endless);
    for memory in hostile {
        for export in [true, false] {
            let mut file = Vec::new();
            let done = match export {
                true => export::minidump(&SMALL, &memory, &mut file),
                false => export::core(&SMALL, &memory, &mut file),
            };
            let error = done.unwrap_err();
            assert!(matches!(error, Error::Format { .. }), "{:x?}: {error}", memory.regions);
            assert!(file.is_empty());
        }
    }
}

/// A list of threads that all name the same registers: 48 bytes each in the minidump, a kilobyte each in a core file.
#[test]
fn more_threads_than_a_process_has_are_a_limit() {
    const THREAD_LIST: u32 = 3;
    const THREAD: usize = 48;
    let word = |bytes: &[u8], at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let mut dump = SMALL.clone();
    let (streams, directory) = (word(&dump, 8), word(&dump, 12));
    let entry = (0..streams).map(|at| directory + 12 * at).find(|&at| word(&dump, at) == THREAD_LIST as usize).unwrap();
    let first = word(&dump, entry + 8) + 4;
    let thread = dump[first..first + THREAD].to_vec();
    for (count, is_refused) in [(1_000_u32, false), (65_537, true)] {
        let list = [&count.to_le_bytes()[..], &thread.repeat(count as usize)].concat();
        let at = dump.len() as u32;
        dump[entry + 4..entry + 8].copy_from_slice(&(list.len() as u32).to_le_bytes());
        dump[entry + 8..entry + 12].copy_from_slice(&at.to_le_bytes());
        dump.extend(list);
        match export::core(&dump, &memory(), std::io::sink()) {
            Err(Error::Limit { limit: 65_536, seen: 65_537, .. }) => assert!(is_refused),
            other => assert_eq!(other.unwrap().threads, u64::from(count)),
        }
    }
}

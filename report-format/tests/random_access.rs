//! A report that is read from a file, section by section, is what it is to whoever reads all of it.
#![cfg(feature = "zstd")]

mod common;

use std::{
    cell::Cell,
    fs,
    io::{self, Cursor, Read, Seek, SeekFrom},
    path::Path,
};

use common::{Frame, frames, hand_made, header, read, report, small, stored, summary};
use proptest::prelude::*;
use prost::Message;
use report_format::{
    Codec, Error, Limits, Loss, MAX_PAYLOAD, Report, ReportFile, SectionState, Status,
    part::Split,
    rewrite::recover,
    schema::v1::{MemoryRegion, MemoryRegions, SectionKind},
};

fn open(bytes: &[u8]) -> Option<ReportFile<Cursor<&[u8]>>> {
    ReportFile::open(Cursor::new(bytes), &Limits::default()).ok()
}

fn is_contradiction(loss: &Loss) -> bool {
    matches!(loss, Loss::Contradiction { .. })
}

/// Whether both readers could read it; then they found the same.
fn agree(name: &str, bytes: &[u8]) -> bool {
    let (Ok(report), Some(mut file)) = (read(bytes), open(bytes)) else { return false };
    for section in report.sections() {
        let listed = file.sections().iter().find(|listed| listed.ordinal == section.ordinal).copied();
        let Some(listed) = listed else {
            // The index leaves it out.
            assert!(
                report.status() == Status::Corrupt && file.has_index(),
                "{name}: section {} is not found",
                section.ordinal
            );
            continue;
        };
        let found = match file.section(&listed) {
            Ok(found) => found,
            // Of a report in memory the rest is left out; who asks for one section is told.
            Err(Error::Limit { .. }) if report.losses().iter().any(|loss| matches!(loss, Loss::Limit { .. })) => {
                continue;
            }
            Err(error) => panic!("{name}: {error}"),
        };
        if (listed.kind, listed.category) != (section.header.kind, section.header.category) {
            // The index says something else than the section's frames.
            assert_eq!((report.status(), found.state), (Status::Corrupt, SectionState::Incomplete), "{name}");
            continue;
        }
        assert_eq!(found.header, section.header, "{name}");
        if matches!(section.kind(), Some(SectionKind::MemoryImage | SectionKind::SealedFullMemory)) {
            assert_eq!(found.state == SectionState::Whole, section.state == SectionState::NotKept, "{name}");
        } else if found.state == SectionState::Incomplete && report.losses().iter().any(is_contradiction) {
            // What contradicts the frames before the section is not seen by who reads the section alone; that it is not whole is.
            assert_eq!(found.state, section.state, "{name}");
        } else {
            assert_eq!(&found, section, "{name}");
        }
    }
    for listed in file.sections().to_vec() {
        if !report.sections().iter().any(|section| section.ordinal == listed.ordinal) {
            let found = file.section(&listed).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!((found.state, found.bytes.len()), (SectionState::Incomplete, 0), "{name}");
        }
    }
    assert!(report.status() != Status::Complete || file.has_index(), "{name}: complete, and yet said to be cut");
    true
}

#[test]
fn both_readers_agree_on_every_file_of_the_testkit() {
    let testkit = Path::new(env!("CARGO_MANIFEST_DIR")).join("testkit");
    let mut agreed = 0;
    for folder in ["good", "good/v1.0", "must-fail", "sealed"] {
        for entry in fs::read_dir(testkit.join(folder)).expect("a folder of the testkit") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|extension| extension == "report") {
                agreed += u32::from(agree(&path.display().to_string(), &fs::read(&path).expect("readable")));
            }
        }
    }
    assert!(agreed > 80, "{agreed} files");
}

#[test]
fn a_section_whose_beginning_was_lost_is_not_whole_after_recovery_either() {
    // The only chunk of it makes no sense, and its end is cut off: what is recovered is a section end that says "gap".
    let data =
        Frame { frame_type: 2, codec: 1, kind: 1, section: 1, payload: b"no zstd frame".to_vec(), ..Frame::default() };
    let bytes = hand_made(&[data], &[(1, 1)]);
    let cut = &bytes[..frames(&bytes)[1].end + 7];
    let mut recovered = Vec::new();
    recover(Cursor::new(cut), &mut recovered, &Limits::default()).expect("a report");
    let mut file = open(&recovered).expect("a report");
    let section = file.find(SectionKind::Product).expect("its end is there");
    assert_eq!(file.section(&section).expect("no limit").state, SectionState::Incomplete);
    assert!(agree("recovered", &recovered));
}

/// A report as a later 1.x may write it: unknown frames between all others, and more behind the digest.
fn of_a_later_version(unknown: usize) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let whole = small();
    let report = u32::from_le_bytes(whole[28..32].try_into().expect("four bytes"));
    let noise = Frame { frame_type: 77, payload: vec![7; unknown], ..Frame::default() };
    let (mut bytes, mut sequence, mut index) = (whole[..16].to_vec(), 0, Vec::new());
    let all = frames(&whole);
    for (number, frame) in all.iter().enumerate() {
        if number > 0 {
            bytes.extend(Frame { sequence, ..noise.clone() }.bytes(report));
            sequence += 1;
        }
        let old = &whole[frame.clone()];
        let mut payload = old[40..old.len() - 4].to_vec();
        let (frame_type, section) = (old[4], u32::from_le_bytes(old[16..20].try_into().expect("four bytes")));
        if section as usize > index.len() / 16 {
            index.extend((bytes.len() as u64).to_le_bytes());
            index.extend([&old[16..20], &old[8..12]].concat());
        }
        match frame_type {
            4 => payload = index.clone(),
            5 => payload = [&Sha256::digest(&bytes)[..], b"more"].concat(),
            _ => {}
        }
        let mut header = old[..36].to_vec();
        header[20..24].copy_from_slice(&sequence.to_le_bytes());
        if frame_type == 5 {
            header[24..32].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
        }
        header[32..36].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        bytes.extend(&header);
        bytes.extend(crc32c::crc32c(&header).to_le_bytes());
        bytes.extend(&payload);
        bytes.extend(crc32c::crc32c(&payload).to_le_bytes());
        sequence += 1;
    }
    bytes
}

#[test]
fn a_complete_report_of_a_later_version_is_opened_by_its_index() {
    for unknown in [0, 1000, 100_000] {
        let bytes = of_a_later_version(unknown);
        let whole = read(&bytes).expect("a report");
        assert_eq!(whole.status(), Status::Complete, "{:?}", whole.losses());
        let file = open(&bytes).expect("a report");
        assert!(file.has_index(), "frames of {unknown} bytes between");
        assert_eq!(file.sections().len(), whole.sections().len());
        assert!(agree("later", &bytes));
        for cut in [1, 40, 100] {
            assert!(!open(&bytes[..bytes.len() - cut]).expect("a report").has_index());
        }
    }
}

/// Counts what is read.
struct Counting<'a> {
    bytes: Cursor<&'a [u8]>,
    read: &'a Cell<u64>,
}

impl Read for Counting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        self.read.set(self.read.get() + read as u64);
        Ok(read)
    }
}

impl Seek for Counting<'_> {
    fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(place)
    }
}

/// A report whose image of memory is a header every `step` bytes, each with the greatest payload and none with a right checksum over it.
fn nested_false_frames(step: usize, megabytes: usize) -> Vec<u8> {
    let regions = vec![MemoryRegion { address: 0x1000, size: 0x1000, ..Default::default() }];
    let regions = MemoryRegions { regions, erased: Vec::new() }.encode_to_vec();
    let mut bytes = report(&[(header(20, Codec::Stored, false), regions)]);
    let number = u32::from_le_bytes(bytes[28..32].try_into().expect("four bytes"));
    bytes.truncate(frames(&bytes)[3].start);
    let one = Frame { frame_type: 2, kind: 19, section: 2, sequence: 3, ..Frame::default() };
    let mut header = one.bytes(number)[..36].to_vec();
    header[32..36].copy_from_slice(&(MAX_PAYLOAD as u32).to_le_bytes());
    header.extend(crc32c::crc32c(&header).to_le_bytes());
    header.resize(step, 0);
    bytes.extend(header.repeat((megabytes << 20) / step));
    bytes
}

#[test]
fn nested_false_frames_cost_linear_work_whoever_reads_them() {
    for (step, megabytes) in [(40, 3), (44, 3), (44, 6), (4096, 6)] {
        let bytes = nested_false_frames(step, megabytes);
        let read = Cell::new(0);
        let counting = || Counting { bytes: Cursor::new(&bytes), read: &read };
        let limit = 12 * bytes.len() as u64;
        let check = |what: &str| {
            let read = read.replace(0);
            assert!(read <= limit, "{what}: {read} bytes read of {}, a header every {step}", bytes.len());
        };
        let mut file = ReportFile::open(counting(), &Limits::default()).expect("a report");
        check("open");
        let image = file.find(SectionKind::MemoryImage).expect("it has begun");
        assert_eq!(file.section(&image).expect("no limit").bytes.len(), 0);
        check("section");
        let memory = file.memory().expect("no error").expect("an image");
        assert_eq!(memory.check().expect("readable").lost, 1);
        check("memory");
        Split::new(counting(), 1 << 20).expect("a report");
        check("split");
    }
}

/// Sections of several sizes and codecs, some of several chunks.
fn sections() -> Vec<u8> {
    let noise = |length: usize| (0..length as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 23) as u8).collect();
    let product = report_format::schema::v1::Product { name: "Ledger".into(), ..Default::default() };
    report(&[
        (header(1, Codec::Zstd, false), product.encode_to_vec()),
        (header(0x8001, Codec::Stored, false), noise((2 << 20) + 77)),
        (header(8, Codec::Zstd, true), noise(3000)),
        (header(0x8003, Codec::Stored, false), Vec::new()),
        (header(17, Codec::Zstd, false), noise((1 << 20) + 5)),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_readers_agree_however_a_report_was_damaged(
        damages in proptest::collection::vec((0..5_u8, any::<prop::sample::Index>(), 1..100_usize), 1..5),
        large in proptest::bool::weighted(0.2),
    ) {
        let mut bytes = if large { sections() } else { three_chunks() };
        let frames = frames(&bytes);
        let (length, only_flips) = (bytes.len(), damages.iter().all(|(what, ..)| *what == 0));
        // From the last byte on, so that places stay what they are.
        let mut damages: Vec<_> = damages.into_iter().map(|(what, at, length)| match what {
            0 => (what, at.index(bytes.len()), length),
            _ => (what, at.index(frames.len()), length),
        }).collect();
        damages.sort_by_key(|&(what, at, _)| std::cmp::Reverse(if what == 0 { at } else { frames[at].start }));
        for (what, at, length) in damages {
            let end = bytes.len();
            let bounded = |at: usize| at.min(end);
            match what {
                0 => if let Some(byte) = bytes.get_mut(at) { *byte ^= 1 << (length % 8) },
                1 => drop(bytes.drain(bounded(frames[at].start)..bounded(frames[at].end))),
                2 => {
                    let from = frames[at].start + length;
                    drop(bytes.drain(bounded(from)..bounded(from + 57)));
                }
                3 => {
                    let again = bytes[bounded(frames[at].start)..bounded(frames[at].end)].to_vec();
                    let behind = bounded(frames[at].end);
                    drop(bytes.splice(behind..behind, again));
                }
                _ => bytes.truncate(frames[at].start + length),
            }
        }
        // What was put in and what was lost may be as long as one another, by chance: then the index is believed, and is wrong.
        prop_assume!(only_flips || bytes.len() != length);
        agree("damaged", &bytes);
    }
}

/// The same in a few hundred bytes.
fn three_chunks() -> Vec<u8> {
    let [one, one_end] = stored(1, 0x8000, b"one");
    let chunk = |at: u64| Frame { kind: 0x8001, section: 2, offset: at, ..stored(2, 0x8001, b"two")[0].clone() };
    let end = Frame {
        offset: 9,
        payload: [3_u32.to_le_bytes(), crc32c::crc32c(b"twotwotwo").to_le_bytes()].concat(),
        ..stored(2, 0x8001, b"two")[1].clone()
    };
    let [three, three_end] = stored(3, 1, &summary().encode_to_vec());
    let all = [one, one_end, chunk(0), chunk(3), chunk(6), end, three, three_end];
    hand_made(&all, &[(1, 0x8000), (2, 0x8001), (3, 1)])
}

#[test]
fn a_report_read_into_memory_and_from_a_file_is_the_same() {
    for bytes in [small(), sections(), three_chunks()] {
        assert_eq!(Report::read(&bytes[..], &Limits::default()).expect("a report").status(), Status::Complete);
        assert!(agree("whole", &bytes));
    }
}

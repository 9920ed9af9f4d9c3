//! A report that was cut into parts is the same when they are joined, and what is left of it when some are lost.
#![cfg(feature = "zstd")]

mod common;

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use common::{frames, header, read, report, small, summary};
use proptest::prelude::*;
use report_format::{
    Codec, Decoder, Error, Event, Limits, ReportFile, ReportId,
    part::{HEADER, Joined, MAGIC, PartHeader, SMALLEST, Split, join},
    rewrite::recover,
};

fn split(report: &[u8], size: u64) -> Vec<Vec<u8>> {
    let mut split = Split::new(Cursor::new(report), size).expect("a report");
    let write = |number| {
        let mut part = Vec::new();
        let header = split.write(number, &mut part).expect("a part");
        assert_eq!(PartHeader::parse(&part), Some(header));
        assert_eq!((header.number, HEADER as u64 + header.length), (number, part.len() as u64));
        assert!(part.len() as u64 <= size);
        part
    };
    (0..Split::new(Cursor::new(report), size).expect("a report").count()).map(write).collect()
}

fn joined<'a>(parts: impl IntoIterator<Item = &'a Vec<u8>>) -> Result<(Vec<u8>, Joined), Error> {
    let mut output = Vec::new();
    let joined = join(parts.into_iter().map(Cursor::new), &mut output)?;
    assert_eq!(joined.bytes, output.len() as u64);
    Ok((output, joined))
}

fn refused<'a>(parts: impl IntoIterator<Item = &'a Vec<u8>>) -> String {
    match joined(parts) {
        Err(error @ Error::Format { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Some sections, a few of them larger than the smallest part: 20 KiB.
fn larger() -> Vec<u8> {
    // Nothing that a compressor can do anything with.
    let noise = |from: u32, length| {
        (from..).map(|at| crc32c::crc32c(&at.to_le_bytes()) as u8).take(length).collect::<Vec<u8>>()
    };
    let codecs = [Codec::Stored, Codec::Zstd];
    let lengths = [10, 700, 3000, 0, 100, 200, 300, 9000, 50, 60, 70, 1500];
    let section = |(at, length)| (header(0x8000 + at as u16, codecs[at % 2], false), noise(at as u32 * 7919, length));
    report(&lengths.into_iter().enumerate().map(section).collect::<Vec<_>>())
}

/// The header, changed and with its checksum made right.
fn changed(part: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut part = part.to_vec();
    part[at..at + bytes.len()].copy_from_slice(bytes);
    let crc = crc32c::crc32c(&part[..96]).to_le_bytes();
    part[96..100].copy_from_slice(&crc);
    part
}

#[test]
fn parts_are_no_larger_than_asked_and_begin_at_frames() {
    let whole =
        report(&(0..40_u16).map(|at| (header(0x8000 + at, Codec::Stored, false), vec![1; 300])).collect::<Vec<_>>());
    let starts: Vec<u64> = frames(&whole).iter().map(|frame| frame.start as u64).collect();
    let parts = split(&whole, 2000);
    assert!((whole.len() / 1900..=whole.len() / 1400).contains(&parts.len()), "{} parts", parts.len());
    for part in &parts {
        let header = PartHeader::parse(part).expect("a part");
        assert!(header.offset == 0 || starts.contains(&header.offset), "{header:?}");
    }
    assert_eq!(split(&whole, u64::MAX).len(), 1);
}

#[test]
fn a_part_is_what_the_format_says() {
    let whole = larger();
    let part = &split(&whole, 4000)[1];
    let u64_at = |at: usize| u64::from_le_bytes(part[at..at + 8].try_into().expect("8 bytes"));
    assert_eq!(&part[..12], b"\x8fREPPART\r\n\x1a\n");
    assert_eq!(part[12..16], whole[28..32], "as in the frames");
    assert_eq!(part[16..32], summary().report_id);
    assert_eq!(part[32..40], [1, 0, 0, 0, split(&whole, 4000).len() as u8, 0, 0, 0]);
    let (offset, length) = (u64_at(40) as usize, u64_at(48) as usize);
    assert_eq!(part[100..], whole[offset..offset + length]);
    assert_eq!(u64_at(56), whole.len() as u64);
    assert_eq!(part[64..96], <sha2::Sha256 as sha2::Digest>::digest(&whole)[..]);
    assert_eq!(part[96..100], crc32c::crc32c(&part[..96]).to_le_bytes());
}

#[test]
fn missing_parts_are_named_and_the_rest_is_written() {
    let whole = larger();
    let parts = split(&whole, 1500);
    assert!(parts.len() > 8);
    let last = parts.len() as u32 - 1;
    let there = parts.iter().enumerate().filter(|(at, _)| ![0, 3, 4, last as usize].contains(at)).map(|(_, part)| part);
    let (bytes, joined) = joined(there.clone()).expect("parts");
    assert_eq!(joined.missing, [0..=0, 3..=4, last..=last]);
    assert_eq!(
        (joined.whole, joined.count, joined.id),
        (false, last + 1, ReportId::try_from(&summary().report_id[..]).expect("an id"))
    );
    assert_eq!(bytes, there.flat_map(|part| part[HEADER..].to_vec()).collect::<Vec<_>>());
}

#[test]
fn a_part_that_is_cut_or_changed_makes_no_whole_report() {
    let whole = larger();
    let mut parts = split(&whole, 4000);
    parts[2].truncate(1000);
    let (bytes, damaged) = joined(&parts).expect("parts");
    assert_eq!((damaged.whole, damaged.cut, damaged.missing), (false, vec![2], vec![]));
    assert!(recover(Cursor::new(bytes), Vec::new(), &Limits::default()).expect("a report").recovery.is_some());
    // The other copy makes up for it, before or behind; bytes behind a part are none of its.
    let mut copy = split(&whole, 4000)[2].clone();
    copy.extend(b"\r\n--\r\n");
    for parts in [[&parts[..], &[copy.clone()]].concat(), [&[copy], &parts[..]].concat()] {
        let (bytes, joined) = joined(&parts).expect("parts");
        assert!(joined.whole && bytes == whole);
    }
    let mut parts = split(&whole, 4000);
    parts[1][500] ^= 1;
    assert!(!joined(&parts).expect("parts").1.whole, "the digest is not checked");
}

#[test]
fn of_two_copies_the_better_one_is_taken_in_whatever_order_they_come() {
    let whole = larger();
    // Larger than each of its frames: of one that is cut, nobody can tell whether it is whole.
    let parts = split(&whole, 12_000);
    for (number, good) in parts.iter().enumerate() {
        let mut flipped = good.clone();
        let last = flipped.len() - 1;
        flipped[last.min(HEADER + 10)] ^= 1;
        let cut = good[..good.len() - 1].to_vec();
        for bad in [flipped, cut] {
            for copies in [[good.clone(), bad.clone()], [bad, good.clone()]] {
                let others = parts.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, part)| part);
                let (bytes, joined) = joined(copies.iter().chain(others)).expect("parts");
                assert!(joined.whole && bytes == whole, "part {number}");
            }
        }
    }
}

#[test]
fn parts_of_two_reports_are_told_apart_by_name() {
    let (one, other) = (split(&small(), SMALLEST), split(&larger(), 4000));
    let error = refused([&one[0], &other[0]]);
    let id = ReportId::try_from(&summary().report_id[..]).expect("an id").to_string();
    assert_eq!(error.matches(&id).count(), 2, "{error}");
    assert!(
        error.contains(&format!("part 1 of {}", other.len())) && error.contains("do not belong together"),
        "{error}"
    );
    // One report that was cut twice.
    assert!(refused([&split(&larger(), 4000)[0], &split(&larger(), 2000)[1]]).contains("do not belong together"));
}

#[test]
fn parts_that_contradict_one_another_are_refused() {
    let parts = split(&larger(), 2500);
    let u64_at = |part: &[u8], at: usize| u64::from_le_bytes(part[at..at + 8].try_into().expect("8 bytes"));
    let offset = u64_at(&parts[2], 40);
    for moved in [offset - 1, offset + 1] {
        let moved = changed(&parts[2], 40, &moved.to_le_bytes());
        for others in [[&parts[1], &moved], [&parts[3], &moved], [&parts[2], &moved]] {
            assert!(refused(others).contains("contradict one another"));
        }
    }
    let early = changed(&parts[3], 40, &[0; 8]);
    assert!(refused([&parts[1], &early]).contains("contradict one another"));
}

#[test]
fn impossible_headers_are_damage_whatever_they_claim() {
    let part = &split(&larger(), 4000)[0];
    let max = u64::MAX.to_le_bytes();
    for (at, bytes) in
        [(32, &[9_u8, 0, 0, 0][..]), (36, &[0; 4]), (40, &max), (48, &max), (40, &[1, 0, 0, 0, 0, 0, 0, 0])]
    {
        assert_eq!(PartHeader::parse(&changed(part, at, bytes)), None);
        assert!(refused([&changed(part, at, bytes)]).contains("beginning of this part is damaged"));
    }
    for bit in 0..HEADER * 8 {
        let mut flipped = part.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(PartHeader::parse(&flipped), None, "bit {bit}");
    }
    // Large numbers that are possible take no memory: they are only never reached.
    let huge =
        [36, 48, 56].iter().fold(part.clone(), |part, &at| changed(&part, at, &(u64::MAX >> 1).to_le_bytes()[..4]));
    let huge = changed(&changed(&huge, 48, &(1_u64 << 60).to_le_bytes()), 56, &(1_u64 << 62).to_le_bytes());
    let (bytes, joined) = joined([&huge]).expect("a part");
    assert_eq!((bytes.len() + HEADER, joined.cut), (huge.len(), vec![0]));
    assert_eq!(joined.missing, [1..=u32::MAX - 1]);
}

#[test]
fn what_is_no_part_is_named() {
    assert!(refused([&small()]).contains("whole report"));
    assert!(refused([&b"Dear support,\nit crashed".to_vec()]).contains("a text file"));
    assert!(matches!(joined([]), Err(Error::Usage(_))));
}

#[test]
fn a_part_is_no_report_and_every_reader_says_so() {
    for size in [SMALLEST, 4000, u64::MAX] {
        for part in split(&larger(), size) {
            let errors = [
                read(&part).expect_err("a part"),
                ReportFile::open(Cursor::new(&part), &Limits::default()).expect_err("a part"),
                recover(Cursor::new(&part), Vec::new(), &Limits::default()).expect_err("a part"),
                Split::new(Cursor::new(&part), SMALLEST).expect_err("a part"),
            ];
            for error in errors {
                assert_eq!(
                    error.to_string(),
                    "this is not an error report but a part of a report: join all its parts first"
                );
            }
            let (_, error, _) = common::events(part.chunks(7));
            assert!(error.expect("a part").contains("join all its parts"));
        }
    }
    // A part whose header is damaged is still good for what is whole in it.
    let mut first = split(&larger(), 4000).remove(0);
    first[60] ^= 1;
    assert!(read(&first).expect("a damaged report").sections().len() >= 2);
}

#[test]
fn sizes_that_cannot_be_are_wrong_use() {
    for size in [0, SMALLEST - 1] {
        assert!(matches!(Split::new(Cursor::new(small()), size), Err(Error::Usage(_))));
    }
    let mut split = Split::new(Cursor::new(small()), SMALLEST).expect("a report");
    assert!(matches!(split.write(split.count(), Vec::new()), Err(Error::Usage(_))));
}

/// A report, and then zeros that take no memory.
#[derive(Debug)]
struct Long {
    report: Vec<u8>,
    at: u64,
    length: u64,
}

impl Read for Long {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.at).min(buffer.len() as u64) as usize;
        for byte in &mut buffer[..left] {
            *byte = self.report.get(self.at as usize).copied().unwrap_or(0);
            self.at += 1;
        }
        Ok(left)
    }
}

impl Seek for Long {
    fn seek(&mut self, place: SeekFrom) -> io::Result<u64> {
        self.at = match place {
            SeekFrom::Start(at) => at,
            SeekFrom::End(by) => self.length.wrapping_add_signed(by),
            SeekFrom::Current(by) => self.at.wrapping_add_signed(by),
        };
        Ok(self.at)
    }
}

#[test]
fn a_report_is_cut_into_65536_parts_at_most() {
    let long = |length| Long { report: small(), at: 0, length };
    let most = 65_535 * (SMALLEST - 100);
    assert_eq!(Split::new(long(most), SMALLEST).expect("a report").count(), 65_535 + 1, "the junk begins a part");
    let error = Split::new(long(most + 5000), SMALLEST).expect_err("too many");
    assert!(matches!(error, Error::Usage(why) if why.contains("65536")), "{error}");
}

/// Kind, place and bytes of each chunk of a damaged report.
fn chunks(bytes: &[u8]) -> Vec<(u16, u64, Vec<u8>)> {
    let mut decoder = Decoder::new(Limits::default());
    decoder.push(bytes);
    decoder.finish();
    let (mut chunks, mut kind) = (Vec::new(), 0);
    while let Ok(Some(event)) = decoder.next() {
        match event {
            Event::SectionBegin { header, .. } => kind = header.kind,
            Event::SectionData { offset, bytes, .. } if kind != 26 => chunks.push((kind, offset, bytes)),
            _ => {}
        }
    }
    chunks
}

/// The chunks of a report whose frames lie in these ranges of bytes as a whole.
fn whole_chunks(report: &[u8], there: &[std::ops::Range<usize>]) -> Vec<(u16, u64, Vec<u8>)> {
    let is_there = |byte: usize| there.iter().any(|range| range.contains(&byte));
    let data = frames(report).into_iter().filter(|frame| report[frame.start + 4] == 2);
    let all = chunks(report);
    data.zip(all).filter(|(frame, _)| frame.clone().all(is_there)).map(|(_, chunk)| chunk).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn cut_at_any_size_and_joined_in_any_order_it_is_the_same(size in SMALLEST..12_000, seed in any::<u64>(), twice in any::<prop::sample::Index>()) {
        let whole = larger();
        let mut parts = split(&whole, size);
        parts.push(parts[twice.index(parts.len())].clone());
        parts.sort_by_key(|part| crc32c::crc32c_append(seed as u32, &part[32..36]).wrapping_mul(seed as u32 | 1));
        let (bytes, joined) = joined(&parts).expect("parts");
        prop_assert!(bytes == whole);
        prop_assert!(joined.whole && joined.missing.is_empty() && joined.cut.is_empty());
    }

    #[test]
    fn of_any_parts_exactly_the_whole_frames_are_recovered(size in SMALLEST..6000, kept in any::<u64>()) {
        let whole = larger();
        let parts = split(&whole, size);
        let parts: Vec<_> = parts.iter().enumerate().filter(|(at, _)| kept >> (at % 64) & 1 != 0).map(|(_, part)| part).collect();
        prop_assume!(!parts.is_empty());
        let (bytes, _) = joined(parts.iter().copied()).expect("parts");
        let there: Vec<_> = parts.iter().map(|part| PartHeader::parse(part).expect("a part")).map(|header| {
            header.offset as usize..(header.offset + header.length) as usize
        }).collect();
        let mut output = Vec::new();
        match recover(Cursor::new(bytes), &mut output, &Limits::default()) {
            Ok(_) => prop_assert_eq!(chunks(&output), whole_chunks(&whole, &there)),
            Err(_) => prop_assert_eq!(whole_chunks(&whole, &there), vec![]),
        }
    }

    #[test]
    fn any_bytes_are_taken_for_a_header_without_harm(bytes in proptest::collection::vec(any::<u8>(), 84), more in 0..200_usize) {
        let mut part = [&MAGIC[..], b"\r\n\x1a\n", &bytes, &[0; 4], &vec![7; more][..]].concat();
        part = changed(&part, 0, &MAGIC);
        match joined([&part]) {
            Ok((bytes, joined)) => prop_assert!(bytes.len() <= more && !joined.whole),
            Err(error) => prop_assert!(error.to_string().contains("damaged")),
        }
    }
}

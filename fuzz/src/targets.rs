//! What each fuzz target does with an input. The test `fuzz_replay` of report-format runs the same functions over all
//! corpora and regressions, without a fuzzer.

use std::io::{self, Cursor, Write};

use report_format::{
    Codec, Decoder, Event, Limits, Loss, Report, ReportFile, SectionHeader, SectionState, Status, Summary, Writer,
    memory::{self, CoreFile, FullMinidump, PAGE, Source, export},
    part, rewrite,
    schema::v1::{Category, MemoryRegion, MemoryRegions, SectionKind},
    seal::{self, Outcome, SecretKey, StoredKey},
};

fn limits() -> Limits {
    Limits { raw_total: 16 << 20, ..Limits::default() }
}

/// Any input: no panic, and complete only if reading it again as its own rewrite gives the same.
///
/// The input is also read with its checksums made right, or mutations would never come past them.
pub fn decode(input: &[u8]) {
    for input in [input, &mended(input)] {
        let Ok(report) = Report::read(input, &limits()) else { continue };
        assert_eq!(report.status() == Status::Complete, report.loss_count() == 0, "{:?}", report.losses());
        if report.status() == Status::Complete {
            let sections = report.sections();
            assert!(sections.iter().all(|section| section.state != SectionState::Incomplete));
            assert!(report.summary().is_some() && report.digest().is_some());
        }
    }
}

/// Any input, split anywhere: the same events.
pub fn split(input: &[u8]) {
    let Some((&seed, input)) = input.split_first() else { return };
    let input = mended(input);
    let at_once = events([&input[..]]);
    assert_eq!(events(input.chunks(usize::from(seed) + 1)), at_once);
    let (left, right) = input.split_at(input.len() * usize::from(seed) / 256);
    assert_eq!(events([left, right]), at_once);
}

fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, Option<String>, Status) {
    let mut decoder = Decoder::new(limits());
    let mut events = Vec::new();
    let mut pieces = pieces.into_iter();
    loop {
        let piece = pieces.next();
        match piece {
            Some(piece) => decoder.push(piece),
            None => decoder.finish(),
        }
        loop {
            match decoder.next() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return (events, Some(error.to_string()), decoder.status()),
            }
        }
        if piece.is_none() {
            return (events, None, decoder.status());
        }
    }
}

/// Sections taken from the input are written, read back, and read again with one bit flipped.
pub fn roundtrip(input: &[u8]) {
    let Some((flip, mut input)) = input.split_first_chunk::<4>() else { return };
    let mut sections = Vec::new();
    while let Some((&[kind, flags, low, high], rest)) = input.split_first_chunk::<4>() {
        let (bytes, rest) = rest.split_at(usize::from(u16::from_le_bytes([low, high])).min(rest.len()));
        input = rest;
        let codec = if flags & 2 == 0 { Codec::Stored } else { Codec::Zstd };
        let header = SectionHeader { kind: u16::from(kind), category: u16::from(flags >> 2), codec, critical: false };
        // Long sections from short inputs: few, or each run takes long, repeat their bytes past the size of a chunk.
        let repeat = if flags >= 0xfc && sections.len() < 2 { (1 << 20) / bytes.len().max(1) + 1 } else { 1 };
        sections.push((header, bytes.repeat(repeat)));
    }
    let mut writer = Writer::new(Vec::new(), &Summary::default()).expect("an empty summary is a summary");
    for (header, bytes) in &sections {
        let mut section = writer.section(*header).expect("few sections");
        section.write_all(bytes).expect("a vector takes everything");
        section.finish().expect("a vector takes everything");
    }
    let (mut bytes, ..) = writer.finish().expect("all sections are finished");
    let limits = Limits { raw_total: 1 << 40, ..limits() };
    let report = Report::read(&bytes[..], &limits).expect("a report");
    assert_eq!(report.status(), Status::Complete, "{:?}", report.losses());
    assert_eq!(report.sections().len(), sections.len());
    for (read, (header, raw)) in report.sections().iter().zip(&sections) {
        assert_eq!((read.header.kind, read.header.category), (header.kind, header.category));
        if matches!(read.kind(), Some(SectionKind::MemoryImage | SectionKind::SealedFullMemory)) {
            assert!(read.bytes.is_empty() && read.state == SectionState::NotKept);
        } else {
            assert!(read.bytes == *raw && read.state == SectionState::Whole);
        }
    }
    let bit = u32::from_le_bytes(*flip) as usize % (bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
    if let Ok(report) = Report::read(&bytes[..], &limits) {
        assert_ne!(report.status(), Status::Complete, "bit {bit}");
    }
}

/// Any report, as it is, with its checksums made right, and then without a piece out of its middle: what is recovered is a report that is
/// right in what it has, and of which nothing more can be recovered.
pub fn recover(input: &[u8]) {
    let mended = mended(input);
    let mut cut = mended.clone();
    if let Some((&at, &length)) = input.last().zip(input.first()) {
        let from = cut.len() * usize::from(at) / 256;
        let to = (from + usize::from(length)).min(cut.len());
        cut.drain(from..to);
    }
    for input in [input, &mended, &cut] {
        let mut output = Vec::new();
        let Ok(recovered) = rewrite::recover(Cursor::new(input), &mut output, &limits()) else { continue };
        assert_eq!(recovered.bytes, output.len() as u64);
        let report = Report::read(&output[..], &limits()).expect("a report");
        assert_ne!(report.status(), Status::Corrupt, "{:?}", report.losses());
        assert_eq!(report.digest(), Some(recovered.digest));
        let mut again = Vec::new();
        let nothing = rewrite::recover(Cursor::new(&output), &mut again, &limits()).expect("a report");
        assert_eq!(nothing.recovery, None, "{:?}", nothing.losses);
        assert!(again == output, "recovering is not idempotent");
    }
}

/// Any report, and two bytes that say what is left out of it and how it is cut. What was left out is not there any more, and parts make the
/// same report again.
pub fn rewrite(input: &[u8]) {
    let Some((&[what, size], input)) = input.split_first_chunk::<2>() else { return };
    for report in [input, &mended(input)] {
        redact(report, what);
        cut_and_join(report, part::SMALLEST + u64::from(size) * 16);
    }
    // Whatever it is, it may also be given for a part.
    let mut output = Vec::new();
    if let Ok(joined) = part::join([Cursor::new(input)], &mut output) {
        assert!(joined.bytes == output.len() as u64 && output.len() <= input.len());
    }
}

/// The lower half of `what` is a kind, the upper half tells how much of it is left out.
fn redact(report: &[u8], what: u8) {
    let kind = u16::from(what % 16);
    let asked = match what >> 4 {
        0 => rewrite::Redact::default().kind(kind),
        1 => rewrite::Redact::default().category(kind),
        number => rewrite::Redact::default().field(kind, &[1]).field(kind, &[u32::from(number), 1]),
    };
    let mut output = Vec::new();
    let Ok(redacted) = rewrite::redact(report, &mut output, &asked, &limits()) else { return };
    assert_eq!(redacted.bytes, output.len() as u64);
    let read = Report::read(&output[..], &Limits { raw_total: 1 << 40, ..limits() }).expect("a report");
    assert_ne!(read.status(), Status::Corrupt, "{:?}", read.losses());
    // Without what was left out of it, there is nothing left to leave out.
    let mut again = Vec::new();
    let nothing = rewrite::redact(&output[..], &mut again, &asked, &limits()).expect("a report");
    assert!(nothing.redaction.is_none() || what >> 4 == 1, "{nothing:?}");
}

fn cut_and_join(report: &[u8], size: u64) {
    let Ok(mut split) = part::Split::new(Cursor::new(report), size) else { return };
    let write = |number| {
        let mut bytes = Vec::new();
        split.write(number, &mut bytes).expect("a part");
        assert!(bytes.len() as u64 <= size);
        Cursor::new(bytes)
    };
    let count = part::Split::new(Cursor::new(report), size).expect("it went well before").count();
    let parts: Vec<_> = (0..count).rev().map(write).collect();
    let mut joined = Vec::new();
    assert!(part::join(parts, &mut joined).expect("parts").whole);
    assert!(joined == report, "the parts make another report");
}

/// Any report, and an image of blocks that the input describes: no panic, each page is either there or not whoever is asked, and what the
/// index finds is found without it.
pub fn memory_image(input: &[u8]) {
    memory_of(input, true);
    memory_of(&mended(input), true);
    let [with, without] = [true, false].map(|index| memory_of(&described(input, index), false).expect("an image"));
    // Without it there may be more: an index tells of blocks that are damaged, and what these say of addresses is believed.
    assert!(with.iter().zip(&without).all(|(with, without)| with.is_none() || with == without));
}

/// The pages of a report's image, by what a read of each gives, if there are few.
fn memory_of(report: &[u8], any: bool) -> Option<Vec<Option<u8>>> {
    let mut file = ReportFile::open(Cursor::new(report), &limits()).ok()?;
    let image = file.memory().ok()??;
    let found = image.check().expect("a vector can be read");
    let total: u64 = image.regions().iter().map(|region| region.size / PAGE as u64).sum();
    assert_eq!(found.pages, total);
    assert_eq!(found.zero + found.held + found.unreadable + found.lost, total);
    if any && total > 1000 {
        return None;
    }
    let mut pages = Vec::new();
    for region in image.regions() {
        for address in (region.address..region.address + region.size).step_by(PAGE) {
            let mut page = [0; PAGE];
            let read = image.read_at(address, &mut page).is_ok();
            assert_eq!(image.readable(address, PAGE as u64).is_ok(), read, "{address:#x}");
            assert!(image.zeros(address, PAGE as u64) == 0 || page == [0; PAGE] && read, "{address:#x}");
            pages.push(read.then_some(page[0]));
        }
    }
    let read = pages.iter().flatten().count() as u64;
    assert_eq!(read, found.zero + found.held);
    Some(pages)
}

/// A report with an image of 256 pages, described by up to 96 records of 4 bytes: a block begins, with so many stored pages, or an extent follows.
fn described(input: &[u8], with_index: bool) -> Vec<u8> {
    let mut blocks: Vec<(u64, Vec<[u64; 4]>, u8)> = Vec::new();
    let (mut address, mut stored) = (0_u64, 0_u64);
    for record in input.as_chunks::<4>().0.iter().take(96) {
        let [what, pages, gap, number] = *record;
        if what >= 0xc0 || blocks.is_empty() {
            stored += blocks.last().map_or(0, |(_, _, pages)| u64::from(*pages));
            // Now and then a number that is not the next.
            blocks.push((stored.wrapping_add_signed(i64::from(gap as i8) / 100), Vec::new(), pages % 8));
            continue;
        }
        let (first, extents, _) = blocks.last_mut().expect("pushed above");
        address = address.wrapping_add_signed(i64::from(gap as i8) / 32);
        let run = first.wrapping_add_signed(i64::from(number as i8) / 8);
        extents.push([
            0x10000_u64.wrapping_add(address.wrapping_mul(PAGE as u64)),
            u64::from(pages % 8),
            u64::from(what % 4),
            run,
        ]);
        address = address.wrapping_add(u64::from(pages % 8));
    }
    let regions = [(0x10000, 100), (0x10000 + 100 * PAGE, 56), (0x10000 + 160 * PAGE, 100)];
    let regions = regions.map(|(address, pages)| MemoryRegion {
        address: address as u64,
        size: (pages * PAGE) as u64,
        ..MemoryRegion::default()
    });
    let message = MemoryRegions { regions: regions.to_vec(), erased: Vec::new() };
    let mut writer = Writer::new(Vec::new(), &Summary::default()).expect("an empty summary is a summary");
    writer.write_message(SectionKind::MemoryRegions, Category::FullMemory, &message).expect("a message");
    let (mut index, mut at) = (Vec::new(), 0_u64);
    let mut image = Vec::new();
    for (first, extents, pages) in blocks.iter().filter(|(_, extents, _)| !extents.is_empty()) {
        let mut raw = first.to_le_bytes().to_vec();
        raw.extend((extents.len() as u32).to_le_bytes());
        raw.extend(u32::from(*pages).to_le_bytes());
        for [address, pages, what, number] in extents {
            raw.extend(address.to_le_bytes());
            raw.extend((*pages as u32).to_le_bytes());
            raw.extend((*what as u32).to_le_bytes());
            raw.extend(number.to_le_bytes());
        }
        for page in 0..*pages {
            raw.extend([first.wrapping_add(page.into()) as u8; PAGE]);
        }
        index.extend(extents[0][0].to_le_bytes());
        index.extend(at.to_le_bytes());
        index.extend(first.to_le_bytes());
        at += raw.len() as u64 + 44;
        image.push(raw);
    }
    let header =
        |kind: SectionKind| SectionHeader { codec: Codec::Stored, ..SectionHeader::new(kind, Category::FullMemory) };
    let mut section = writer.section(header(SectionKind::MemoryImage)).expect("few sections");
    for raw in &image {
        section.write_all(raw).expect("a vector takes everything");
        section.end_chunk().expect("a vector takes everything");
    }
    section.finish().expect("a vector takes everything");
    if with_index {
        let mut section = writer.section(header(SectionKind::MemoryIndex)).expect("few sections");
        section.write_all(&index).expect("a vector takes everything");
        section.finish().expect("a vector takes everything");
    }
    writer.finish().expect("all sections are finished").0
}

/// Any core file, full minidump or small one: no panic, and what is read of them goes through a report, or an export, and stays as it was. Files
/// are also read with pages behind them, to where their headers say that memory is, or few mutations would leave any.
pub fn memory_source(input: &[u8]) {
    let mut longer = input.to_vec();
    while longer.len() < 64 << 10 {
        // Some pages are of zeros, and each comes again.
        let page = (longer.len() / PAGE) as u64 % 6;
        longer.extend(page.to_le_bytes());
    }
    for file in [input, &longer] {
        if let Ok(core) = CoreFile::open(file) {
            through_a_report(&core);
        }
        if let Ok(dump) = FullMinidump::open(file) {
            through_a_report(&dump);
        }
    }
    let memory = Pages::new();
    let mut core = Vec::new();
    if export::core(input, &memory, &mut core).is_ok() {
        assert_same_memory(&memory, &CoreFile::open(core).expect("a core file"));
    }
    let mut full = Vec::new();
    // What else is in the minidump may be nonsense as before, and refused for that.
    if export::minidump(input, &memory, &mut full).is_ok()
        && let Ok(full) = FullMinidump::open(full)
    {
        assert_same_memory(&memory, &full);
    }
}

fn through_a_report(source: &dyn Source) {
    let mut free = 0;
    for region in source.regions() {
        assert!(region.size > 0 && region.address >= free, "{region:x?}");
        assert_eq!((region.address % PAGE as u64, region.size % PAGE as u64), (0, 0));
        free = region.address.checked_add(region.size).expect("a region has an end");
    }
    let total: u64 = source.regions().iter().map(|region| region.size / PAGE as u64).sum();
    let names: usize = source.regions().iter().map(|region| region.mapping.len()).sum();
    if total > 256 || names > 1 << 20 {
        return;
    }
    let mut writer = Writer::new(Vec::new(), &Summary::default()).expect("an empty summary is a summary");
    let options = memory::Options { threads: 1, ..Default::default() };
    let stats = memory::encode(&mut writer, source, &options).expect("regions are in order");
    assert_eq!((stats.pages, stats.zero + stats.stored + stats.shared + stats.unreadable), (total, total));
    let (report, ..) = writer.finish().expect("all sections are finished");
    let mut file = ReportFile::open(Cursor::new(&report), &limits()).expect("a report");
    let image = file.memory().expect("a whole report").expect("an image");
    assert_eq!(image.regions(), source.regions());
    assert_same_memory(source, &image);
}

fn assert_same_memory(expected: &dyn Source, found: &dyn Source) {
    let (mut left, mut right) = ([1; PAGE], [2; PAGE]);
    for region in expected.regions() {
        for address in (region.address..region.address + region.size).step_by(PAGE) {
            let read = expected.read(address, &mut left).is_ok();
            assert_eq!(expected.readable(address, PAGE as u64).is_ok(), read, "{address:#x}");
            assert_eq!(found.read(address, &mut right).is_ok(), read, "{address:#x}");
            assert!(!read || left == right, "{address:#x}");
        }
    }
}

/// Four pages, of which one cannot be read.
struct Pages([MemoryRegion; 1]);

impl Pages {
    fn new() -> Self {
        Self([MemoryRegion { address: 0x7fff_0000, size: 4 * PAGE as u64, protection: 3, ..MemoryRegion::default() }])
    }
}

impl Source for Pages {
    fn regions(&self) -> &[MemoryRegion] {
        &self.0
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
        for (number, page) in (address / PAGE as u64 % 16..).zip(buffer.chunks_exact_mut(PAGE)) {
            if number == 2 {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            page.fill(number as u8);
        }
        Ok(())
    }
}

/// Any report with what is sealed in it, opened with a key that everybody has: no panic, and both ways of opening agree. The input is also
/// sealed with that key, or mutations would never come past the encryption.
pub fn seal_open(input: &[u8]) {
    let keys = test_keys();
    for report in [input, &mended(input), &sealed(&keys[0], input), &sealed(&keys[0], &mended(input))] {
        let mut output = Vec::new();
        let unsealed = seal::unseal(Cursor::new(report), &mut output, &keys, &limits());
        let read = seal::read(report, &keys, &limits());
        assert_eq!(unsealed.is_ok(), read.is_ok());
        let (Ok(unsealed), Ok((read, sections))) = (unsealed, read) else { continue };
        assert_eq!(read.status() == Status::Complete, read.loss_count() == 0, "{:?}", read.losses());
        let output = Report::read(&output[..], &limits()).expect("a report");
        assert_ne!(output.status(), Status::Corrupt, "{:?}", output.losses());
        // What is over the limit of a reader in memory is there when it is read from file to file.
        if read.losses().iter().any(over_limit) || output.losses().iter().any(over_limit) {
            continue;
        }
        assert_eq!(unsealed.sections, sections);
        if read.status() == Status::Complete && sections.iter().all(|section| section.outcome == Outcome::Opened) {
            assert_eq!(output.status(), Status::Complete, "{:?}", output.losses());
            let bytes = |report: &Report| {
                let mut bytes: Vec<_> = report.sections().iter().map(|section| section.bytes.clone()).collect();
                bytes.sort();
                bytes
            };
            assert!(bytes(&output) == bytes(&read));
        }
    }
}

fn test_keys() -> Vec<SecretKey> {
    let text = include_str!("../../report-format/testkit/keys/triage.txt");
    let keys = StoredKey::parse(text).expect("the test key");
    keys.into_iter().map(|key| key.secret).collect()
}

fn over_limit(loss: &Loss) -> bool {
    match loss {
        Loss::Limit { .. } => true,
        Loss::InSealed { loss, .. } => over_limit(loss),
        _ => false,
    }
}

/// A report with a sealed section that holds these bytes. The summary is that of the report inside, if it has one.
fn sealed(key: &SecretKey, plain: &[u8]) -> Vec<u8> {
    let mut raw = 1_u32.to_le_bytes().to_vec();
    raw.extend(key.id().0);
    let recipient: age::x25519::Recipient = key.public().to_string().parse().expect("our own key");
    let age = age::Encryptor::with_recipients([&recipient as &dyn age::Recipient].into_iter()).expect("one key");
    let mut age = age.wrap_output(&mut raw).expect("a vector takes everything");
    age.write_all(plain).expect("a vector takes everything");
    age.finish().expect("a vector takes everything");

    let inner = Report::read(plain, &limits()).ok().and_then(|report| report.summary().cloned());
    let summary = inner.unwrap_or_default();
    let writer = Writer::new(Vec::new(), &summary).or_else(|_| Writer::new(Vec::new(), &Summary::default()));
    let mut writer = writer.expect("an empty summary is a summary");
    let header = SectionHeader { kind: 22, category: 0, codec: Codec::Stored, critical: true };
    let mut section = writer.section(header).expect("one section");
    section.write_all(&raw).expect("a vector takes everything");
    section.finish().expect("a vector takes everything");
    writer.finish().expect("all sections are finished").0
}

/// The input with each checksum made right, and each frame's report id that of the first.
fn mended(input: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    if bytes.len() >= 16 && bytes[0] == 0x8f {
        let crc = crc32c::crc32c(&bytes[..12]);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    }
    let mut report = None;
    let mut at = 0;
    while at + 44 <= bytes.len() {
        if bytes[at..at + 4] != *b"\xf5RF\xc1" {
            at += 1;
            continue;
        }
        let length = u32::from_le_bytes([bytes[at + 32], bytes[at + 33], bytes[at + 34], bytes[at + 35]]) as usize;
        let payload_end = (at + 40).saturating_add(length);
        let whole = payload_end.saturating_add(4) <= bytes.len();
        if whole {
            let crc = crc32c::crc32c(&bytes[at + 40..payload_end]).to_le_bytes();
            bytes[payload_end..payload_end + 4].copy_from_slice(&crc);
            // The first frame is a summary, whose checksum is what all frames name.
            let report = *report.get_or_insert(crc);
            bytes[at + 12..at + 16].copy_from_slice(&report);
        }
        let crc = crc32c::crc32c(&bytes[at..at + 36]).to_le_bytes();
        bytes[at + 36..at + 40].copy_from_slice(&crc);
        at = if whole { payload_end + 4 } else { at + 4 };
    }
    bytes
}

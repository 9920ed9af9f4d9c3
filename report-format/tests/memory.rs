//! Memory goes into a report, small, and comes out of it, page for page.

mod common;

use std::{
    any::Any,
    cell::Cell,
    collections::BTreeMap,
    io::{self, Cursor, Write},
    ops::ControlFlow,
    panic::{self, AssertUnwindSafe},
    process::Command,
    sync::mpsc,
    thread,
    time::Duration,
};

use common::{frames, header, read, summary, write_section};
use proptest::prelude::*;
use report_format::{
    Codec, Error, Limits, Loss, Report, ReportFile, SectionState, Status, Writer,
    memory::{self, Options, PAGE, Source, Stats},
    part,
    rewrite::recover,
    schema::v1::{LostSections, MemoryRange, MemoryRegion, Recovery, SectionKind},
};

/// Pages made of a seed each: 0 is a page of zeros, [`Memory::UNREADABLE`] cannot be read.
#[derive(Debug)]
struct Memory {
    regions: Vec<MemoryRegion>,
    seeds: BTreeMap<u64, u32>,
}

impl Memory {
    const UNREADABLE: u32 = u32::MAX;

    /// Regions of the given seeds, with `gap` pages before each.
    fn new(regions: impl IntoIterator<Item = (u64, Vec<u32>)>) -> Self {
        let mut memory = Self { regions: Vec::new(), seeds: BTreeMap::new() };
        let mut address = 0x1_0000;
        for (gap, seeds) in regions {
            address += gap * PAGE as u64;
            let size = (seeds.len() * PAGE) as u64;
            memory.regions.push(MemoryRegion { address, size, protection: 3, ..Default::default() });
            for seed in seeds {
                memory.seeds.insert(address, seed);
                address += PAGE as u64;
            }
        }
        memory
    }

    fn of(seeds: impl IntoIterator<Item = u32>) -> Self {
        Self::new([(0, seeds.into_iter().collect())])
    }

    /// Half of a page differs from all others, half compresses.
    fn page(seed: u32) -> [u8; PAGE] {
        let mut page = [0; PAGE];
        if seed == 0 {
            return page;
        }
        let mut state = u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for byte in &mut page[..PAGE / 2] {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = state as u8;
        }
        page[PAGE / 2..].fill(seed as u8);
        page
    }

    /// `None` where there is no memory, or where it cannot be read.
    fn bytes(&self, address: u64, length: usize) -> Option<Vec<u8>> {
        let skip = address as usize % PAGE;
        let mut bytes = Vec::new();
        while bytes.len() < skip + length {
            let seed = self.seeds.get(&(address - skip as u64 + bytes.len() as u64))?;
            bytes.extend((*seed != Self::UNREADABLE).then(|| Self::page(*seed))?);
        }
        Some(bytes[skip..skip + length].to_vec())
    }

    fn encode(&self, options: &Options<'_>) -> (Vec<u8>, Stats) {
        let mut writer = Writer::new(Vec::new(), &summary()).unwrap();
        write_section(&mut writer, header(0x8001, Codec::Stored, false), b"before");
        let stats = memory::encode(&mut writer, self, options).unwrap();
        write_section(&mut writer, header(0x8002, Codec::Stored, false), b"after");
        (writer.finish().unwrap().0, stats)
    }
}

impl Source for Memory {
    fn regions(&self) -> &[MemoryRegion] {
        &self.regions
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
        for (number, page) in buffer.as_chunks_mut::<PAGE>().0.iter_mut().enumerate() {
            match self.seeds[&(address + (number * PAGE) as u64)] {
                Self::UNREADABLE => return Err(io::ErrorKind::PermissionDenied.into()),
                seed => *page = Self::page(seed),
            }
        }
        Ok(())
    }
}

fn open(report: &[u8]) -> ReportFile<Cursor<&[u8]>> {
    ReportFile::open(Cursor::new(report), &Limits::default()).expect("a report")
}

fn regions() -> impl Strategy<Value = Memory> {
    let seed = prop_oneof![3 => Just(0), 4 => 1..20_u32, 2 => any::<u32>(), 1 => Just(Memory::UNREADABLE)];
    // Runs, as memory has them.
    let run = (seed, 1..40_usize).prop_map(|(seed, count)| vec![seed; count]);
    let region = prop::collection::vec(run, 1..30).prop_map(|runs| runs.concat());
    prop::collection::vec((0..3_u64, region), 0..6).prop_map(Memory::new)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_page_comes_back_whatever_the_memory(memory in regions(), threads in 1..4_usize) {
        let (report, stats) = memory.encode(&Options { threads, ..Options::default() });
        prop_assert_eq!(&report, &memory.encode(&Options { threads: 1, ..Options::default() }).0, "threads make no difference");
        prop_assert_eq!(common::read(&report).unwrap().status(), Status::Complete);
        let pages = memory.seeds.len() as u64;
        prop_assert_eq!(stats.pages, pages);
        prop_assert_eq!(stats.zero + stats.stored + stats.shared + stats.unreadable, pages);

        let mut file = open(&report);
        let image = file.memory().unwrap().expect("a memory image");
        prop_assert_eq!(image.regions(), &memory.regions[..]);
        prop_assert!(image.has_index());
        let mut page = [0; PAGE];
        for (&address, &seed) in &memory.seeds {
            match image.read_at(address, &mut page) {
                Ok(()) => prop_assert!(page == Memory::page(seed) && seed != Memory::UNREADABLE, "{:#x}", address),
                Err(error) => prop_assert!(seed == Memory::UNREADABLE, "{error}"),
            }
        }
        let found = image.check().unwrap();
        prop_assert_eq!((found.pages, found.zero, found.unreadable, found.lost), (pages, stats.zero, stats.unreadable, 0));
        prop_assert_eq!(found.held, stats.stored + stats.shared);

        // It is a source itself, and what it knows without reading it says right.
        let mut writer = Writer::new(Vec::new(), &summary()).unwrap();
        memory::encode(&mut writer, &image, &Options::default()).unwrap();
        let (again, ..) = writer.finish().unwrap();
        let mut file = open(&again);
        let again = file.memory().unwrap().expect("a memory image");
        prop_assert_eq!(again.check().unwrap(), found);
        for (&address, &seed) in &memory.seeds {
            let alike = again.readable(address, PAGE as u64);
            prop_assert_eq!(alike, if seed == Memory::UNREADABLE { Err(PAGE as u64) } else { Ok(PAGE as u64) });
            if again.read_at(address, &mut page).is_ok() {
                prop_assert!(page == Memory::page(seed), "{:#x}", address);
            }
        }
    }

    #[test]
    fn any_bytes_are_read_at_any_place(memory in regions(), reads in prop::collection::vec((any::<prop::sample::Index>(), 0..20_000_usize), 1..20)) {
        prop_assume!(!memory.seeds.is_empty());
        let (report, _) = memory.encode(&Options::default());
        let mut file = open(&report);
        let image = file.memory().unwrap().expect("a memory image");
        let addresses = memory.seeds.len() * PAGE;
        for (from, length) in reads {
            let from = from.index(addresses);
            let address = memory.seeds.keys().nth(from / PAGE).unwrap() + (from % PAGE) as u64;
            let expected = memory.bytes(address, length);
            let mut found = vec![0; length];
            match image.read_at(address, &mut found) {
                Ok(()) => prop_assert!(expected.as_ref() == Some(&found)),
                Err(error) => prop_assert_eq!(expected, None, "{}", error),
            }
        }
    }
}

#[test]
fn zeros_cost_next_to_nothing_and_equal_pages_are_stored_once() {
    let (nothing, _) = Memory::of([0]).encode(&Options::default());
    let (zeros, stats) = Memory::of(vec![0; 10_000]).encode(&Options::default());
    assert_eq!((stats.zero, stats.stored), (10_000, 0));
    assert!(zeros.len() < nothing.len() + 10_000 / 2, "{} bytes for 10,000 pages of zeros", zeros.len());

    let (once, _) = Memory::of(1..=100).encode(&Options::default());
    let (often, stats) = Memory::of((0..100).flat_map(|_| 1..=100)).encode(&Options::default());
    assert_eq!((stats.stored, stats.shared), (100, 9_900));
    assert!(often.len() < once.len() + 6_000, "{} bytes instead of {}", often.len(), once.len());
}

#[test]
fn pages_stored_too_long_ago_are_stored_again() {
    // 16,384 pages back may be shared, no more: by then a reader has let go of them.
    let seeds = (1..=17_000).chain(1..=100).chain(16_900..=17_000);
    let memory = Memory::of(seeds);
    let (report, stats) = memory.encode(&Options::default());
    assert_eq!((stats.stored, stats.shared), (17_100, 101));
    let mut file = open(&report);
    let image = file.memory().unwrap().unwrap();
    assert_eq!(image.check().unwrap().held, 17_201);
    let mut page = [0; PAGE];
    for (address, seed) in memory.seeds.iter().rev().take(300) {
        image.read_at(*address, &mut page).unwrap();
        assert!(page == Memory::page(*seed), "{address:#x}");
    }
}

#[test]
fn a_page_that_cannot_be_read_is_named_and_the_others_are_there() {
    let memory = Memory::of([1, Memory::UNREADABLE, 2]);
    let (report, stats) = memory.encode(&Options::default());
    assert_eq!((stats.stored, stats.unreadable), (2, 1));
    let mut file = open(&report);
    let image = file.memory().unwrap().unwrap();
    let error = image.read_at(0x1_0000, &mut [0; 3 * PAGE]).unwrap_err();
    assert!(error.to_string().contains("0x11000 could not be read when the image was made"), "{error}");
    image.read_at(0x1_2000, &mut [0; PAGE]).unwrap();
    let outside = image.read_at(0x1_3000, &mut [0; 1]).unwrap_err();
    assert!(matches!(outside, Error::Usage(_)), "{outside}");
}

#[test]
fn what_was_erased_is_on_record() {
    let erased = [MemoryRange { address: 0x1_0010, size: 32 }];
    let (report, _) = Memory::of([0]).encode(&Options { erased: &erased, ..Options::default() });
    assert_eq!(open(&report).memory().unwrap().unwrap().erased(), erased);
}

#[test]
fn who_waits_can_cancel_and_gets_a_whole_report_of_what_was_read() {
    let memory = Memory::of(1..5_000);
    let blocks = Cell::new(0);
    let progress = |progress: memory::Progress| {
        assert_eq!(progress.total, 4_999 * PAGE as u64);
        blocks.set(blocks.get() + 1);
        if blocks.get() < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let (report, stats) = memory.encode(&Options { progress: Some(&progress), ..Options::default() });
    assert!(stats.cancelled);
    assert!(stats.stored >= 3 * 252 && stats.unreadable > 2_000, "{stats:?}");
    assert_eq!(read(&report).unwrap().status(), Status::Complete);
    let mut file = open(&report);
    let found = file.memory().unwrap().unwrap().check().unwrap();
    assert_eq!((found.held, found.unreadable, found.lost), (stats.stored, stats.unreadable, 0));
}

/// What `work` panics with, unless it goes on for so long that it never will.
fn panic_of(work: impl FnOnce() + Send + 'static) -> Box<dyn Any + Send> {
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || sender.send(panic::catch_unwind(AssertUnwindSafe(work))));
    ended.recv_timeout(Duration::from_secs(60)).expect("it waits forever").expect_err("it does not panic")
}

/// Takes so many bytes, then panics.
struct Panics(usize);

impl Write for Panics {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).unwrap_or_else(|| panic::panic_any("the writer's"));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_panic_of_the_writer_ends_the_workers_and_reaches_the_caller() {
    for threads in [1, 4] {
        let payload = panic_of(move || {
            // More blocks than there are buffers: workers wait for the first to come back.
            let memory = Memory::of(1..10_000);
            let mut writer = Writer::new(Panics(100_000), &summary()).unwrap();
            _ = memory::encode(&mut writer, &memory, &Options { threads, ..Options::default() });
        });
        assert_eq!(payload.downcast_ref(), Some(&"the writer's"), "{threads} threads");
    }
}

#[test]
fn a_panic_of_the_callback_ends_the_workers_and_leaves_a_writer_that_refuses_to_go_on() {
    let payload = panic_of(|| {
        let memory = Memory::of(1..10_000);
        let mut writer = Writer::new(Vec::new(), &summary()).unwrap();
        let progress = |_: memory::Progress| -> ControlFlow<()> { panic::panic_any("the callback's") };
        let options = Options { threads: 2, progress: Some(&progress), ..Options::default() };
        let encoded = panic::catch_unwind(AssertUnwindSafe(|| memory::encode(&mut writer, &memory, &options)));
        let payload = encoded.expect_err("it does not panic");
        assert!(matches!(writer.finish(), Err(Error::Usage(_))), "the report lacks most of its memory");
        panic::resume_unwind(payload);
    });
    assert_eq!(payload.downcast_ref(), Some(&"the callback's"));
}

#[test]
fn a_panic_of_the_source_ends_the_workers_and_reaches_the_caller() {
    struct Panicking(Memory);
    impl Source for Panicking {
        fn regions(&self) -> &[MemoryRegion] {
            self.0.regions()
        }

        fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
            if address > 0x100_0000 {
                panic::panic_any("the source's");
            }
            self.0.read(address, buffer)
        }
    }
    let payload = panic_of(|| {
        let mut writer = Writer::new(Vec::new(), &summary()).unwrap();
        let options = Options { threads: 3, ..Options::default() };
        _ = memory::encode(&mut writer, &Panicking(Memory::of(1..10_000)), &options);
    });
    assert_eq!(payload.downcast_ref(), Some(&"the source's"));
}

#[test]
#[cfg_attr(windows, ignore = "libtest itself starts a thread for each test, and goes on without one on Unix only")]
fn a_process_that_can_start_no_thread_makes_the_same_report() {
    const ANEW: &str = "TEST_WITHOUT_THREADS";
    if std::env::var_os(ANEW).is_some() {
        assert!(std::thread::Builder::new().spawn(|| ()).is_err(), "threads start here");
        let encoded = |threads| {
            let mut writer = Writer::new(Vec::new(), &summary()).unwrap();
            let options = Options { threads, ..Options::default() };
            memory::encode(&mut writer, &Memory::of(1..10_000), &options).unwrap();
            writer.finish().unwrap().0
        };
        assert!(encoded(4) == encoded(1));
        return;
    }
    // Stacks larger than all addresses: no thread of this process starts, not even that of the test, which then runs without one.
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_process_that_can_start_no_thread_makes_the_same_report", "--test-threads=1"])
        .env("RUST_MIN_STACK", (1_u64 << 50).to_string())
        .env(ANEW, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn regions_out_of_order_are_the_callers_mistake() {
    let region = |address, size| MemoryRegion { address, size, ..Default::default() };
    for (what, regions) in [
        ("half a page", vec![region(0x1000, 0x800)]),
        ("between pages", vec![region(0x1001, 0x1000)]),
        ("no bytes", vec![region(0x1000, 0)]),
        ("overlap", vec![region(0x1000, 0x2000), region(0x2000, 0x1000)]),
        ("descent", vec![region(0x2000, 0x1000), region(0x1000, 0x1000)]),
        ("beyond all addresses", vec![region(u64::MAX - 0xfff, 0x1000)]),
    ] {
        let memory = Memory { regions, seeds: BTreeMap::new() };
        let mut writer = Writer::new(Vec::new(), &summary()).unwrap();
        let error = memory::encode(&mut writer, &memory, &Options::default()).unwrap_err();
        assert!(matches!(error, Error::Usage(_)), "{what}: {error}");
    }
}

#[test]
fn a_report_in_memory_checks_an_image_and_does_not_keep_it() {
    let (report, _) = Memory::of(1..2_000).encode(&Options::default());
    let small = Limits { raw_total: 1 << 20, ..Limits::default() };
    let whole = Report::read(&report[..], &small).unwrap();
    assert_eq!(whole.status(), Status::Complete, "{:?}", whole.losses());
    let image = whole.sections().iter().find(|section| section.kind() == Some(SectionKind::MemoryImage)).unwrap();
    assert_eq!((image.state, image.bytes.len()), (SectionState::NotKept, 0));

    let smaller = Limits { memory_image: 1 << 20, ..small };
    let partial = Report::read(&report[..], &smaller).unwrap();
    assert_eq!(partial.status(), Status::Partial);
    let is_limit = |loss: &Loss| matches!(loss, Loss::Limit { ordinal: 3, kind: 19, limit: 0x10_0000, .. });
    assert!(partial.losses().iter().any(is_limit), "{:?}", partial.losses());
}

/// The data frames of the image in a report: of each, its place and the pages that it tells of, counted by hand.
fn image_frames(report: &[u8]) -> Vec<(std::ops::Range<usize>, u64)> {
    let is_block = |frame: &std::ops::Range<usize>| report[frame.start + 4] == 2 && report[frame.start + 8] == 19;
    let pages = |frame: &std::ops::Range<usize>| {
        let raw = zstd::bulk::decompress(&report[frame.start + 40..frame.end - 4], 1 << 20).unwrap();
        let extents = u32::from_le_bytes(raw[8..12].try_into().unwrap()) as usize;
        raw[16..16 + 24 * extents]
            .chunks(24)
            .map(|extent| u64::from(u32::from_le_bytes(extent[8..12].try_into().unwrap())))
            .sum()
    };
    frames(report).into_iter().filter(is_block).map(|frame| (frame.clone(), pages(&frame))).collect()
}

#[test]
fn a_damaged_block_costs_its_pages_and_no_others() {
    let memory = Memory::of(1..2_000);
    let (report, _) = memory.encode(&Options::default());
    let blocks = image_frames(&report);
    assert!(blocks.len() > 5, "{}", blocks.len());
    for (damaged, (frame, pages)) in blocks.iter().enumerate() {
        let mut report = report.clone();
        report[frame.start + 100] ^= 4;
        let mut file = open(&report);
        let image = file.memory().unwrap().unwrap();
        let found = image.check().unwrap();
        assert_eq!((found.lost, found.held), (*pages, 1_999 - pages));
        let mut page = [0; PAGE];
        let mut lost = 0;
        for (address, seed) in &memory.seeds {
            match image.read_at(*address, &mut page) {
                Ok(()) => assert!(page == Memory::page(*seed)),
                Err(error) => {
                    assert!(error.to_string().contains("is lost"), "{error}");
                    lost += 1;
                }
            }
        }
        assert_eq!(lost, *pages, "block {damaged}");
        // Exports and encoders ask how far the damage goes, and get it in one answer.
        let first = memory.seeds.keys().find(|address| image.read_at(**address, &mut page).is_err()).unwrap();
        assert_eq!(
            image.readable(*first, u64::MAX),
            Err(match damaged + 1 == blocks.len() {
                true => u64::MAX,
                false => pages * PAGE as u64,
            })
        );
    }
}

#[test]
fn a_lost_index_is_made_again_from_the_blocks() {
    let memory = Memory::of((1..3_000).map(|seed| seed % 2_000));
    let (report, _) = memory.encode(&Options::default());
    let is_index = |frame: &std::ops::Range<usize>| report[frame.start + 4] == 2 && report[frame.start + 8] == 21;
    let index = frames(&report).into_iter().find(is_index).unwrap();
    let mut damaged = report.clone();
    damaged[index.start + 50] ^= 1;
    for (what, report) in [("damaged", &damaged[..]), ("cut off", &report[..index.start])] {
        let mut file = open(report);
        let image = file.memory().unwrap().unwrap();
        assert!(!image.has_index(), "{what}");
        assert_eq!(image.check().unwrap().lost, 0, "{what}");
        let mut page = [0; PAGE];
        for (address, seed) in &memory.seeds {
            image.read_at(*address, &mut page).unwrap();
            assert!(page == Memory::page(*seed), "{what}: {address:#x}");
        }
    }
}

/// What a report without one block gives: every page but the block's own.
fn assert_only_lost(memory: &Memory, report: &[u8], pages: u64, what: &str) {
    let mut file = open(report);
    let image = file.memory().unwrap().unwrap();
    let found = image.check().unwrap();
    assert_eq!((found.lost, found.held), (pages, memory.seeds.len() as u64 - pages), "{what}");
    let mut page = [0; PAGE];
    let read = memory.seeds.iter().filter(|(address, seed)| match image.read_at(**address, &mut page) {
        Ok(()) => page == Memory::page(**seed),
        Err(_) => false,
    });
    assert_eq!(read.count() as u64, found.held, "{what}");
}

#[test]
fn a_lost_block_costs_no_other_though_those_behind_it_move_up() {
    let memory = Memory::of(1..2_000);
    let (report, _) = memory.encode(&Options::default());
    let blocks = image_frames(&report);
    for (lost, (frame, pages)) in blocks.iter().enumerate() {
        let damaged = [&report[..frame.start], &report[frame.end..]].concat();
        assert_only_lost(&memory, &damaged, *pages, &format!("block {lost} cut out"));
        let mut flipped = report.clone();
        flipped[frame.start + 100] ^= 4;
        for damaged in [damaged, flipped] {
            let mut recovered = Vec::new();
            recover(Cursor::new(damaged), &mut recovered, &Limits::default()).unwrap();
            assert_only_lost(&memory, &recovered, *pages, &format!("block {lost} recovered"));
        }
    }
}

#[test]
fn a_lost_part_of_a_report_costs_the_blocks_in_it_and_no_others() {
    let memory = Memory::of(1..2_000);
    let (report, _) = memory.encode(&Options::default());
    let blocks = image_frames(&report);
    let mut split = part::Split::new(Cursor::new(&report), 700_000).unwrap();
    let mut headers = Vec::new();
    let parts: Vec<Vec<u8>> = (0..split.count())
        .map(|number| {
            let mut part = Vec::new();
            headers.push(split.write(number, &mut part).unwrap());
            part
        })
        .collect();
    assert!(parts.len() > 5);
    for (lost, header) in headers.iter().enumerate().skip(1).take(parts.len() - 2) {
        let place = header.offset..header.offset + header.length;
        let pages =
            blocks.iter().filter(|(frame, _)| place.contains(&(frame.start as u64))).map(|(_, pages)| pages).sum();
        let others = parts.iter().enumerate().filter(|(number, _)| *number != lost).map(|(_, part)| Cursor::new(part));
        let mut joined = Vec::new();
        assert!(!part::join(others, &mut joined).unwrap().whole);
        assert_only_lost(&memory, &joined, pages, &format!("part {lost} lost"));
    }
}

#[test]
fn cut_anywhere_it_gives_every_block_that_is_whole() {
    let memory = Memory::new([(0, (1..1_500).collect()), (7, vec![0; 600]), (1, (700..2_500).collect())]);
    let (report, stats) = memory.encode(&Options::default());
    let blocks = image_frames(&report);
    let begins = blocks[0].0.start;
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut cuts = 0;
    for _ in 0..1_000 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let cut = (random % report.len() as u64) as usize;
        let report = &report[..cut];
        let status = read(report).map(|report| report.status());
        assert!(!matches!(status, Ok(Status::Complete)), "cut at {cut}");
        let Ok(mut file) = ReportFile::open(Cursor::new(report), &Limits::default()) else {
            assert!(cut < 200, "nothing can be read of the first {cut} bytes");
            continue;
        };
        if cut < begins {
            // Nothing of the image is there, or not even its regions.
            assert!(!matches!(file.memory(), Ok(Some(_))), "cut at {cut}");
            continue;
        }
        let whole: u64 = blocks.iter().filter(|(frame, _)| frame.end <= cut).map(|(_, pages)| pages).sum();
        if blocks[0].0.start + 40 > cut {
            continue;
        }
        let image = file.memory().unwrap().expect("the image has begun");
        let found = image.check().unwrap();
        assert_eq!(found.pages - found.lost, whole, "cut at {cut}");
        assert_eq!(found.pages, stats.pages);
        cuts += 1;
    }
    assert!(cuts > 900, "{cuts} cuts went through the image");
}

/// Of a cut report nothing but what is behind the cut is lost, and this is told exactly: the frame that is cut, the section that is open,
/// the end.
#[test]
fn every_cut_is_told_exactly_and_what_is_before_it_recovered() {
    let memory = Memory::new([(0, (1..600).collect()), (7, vec![0; 600]), (1, (500..900).collect())]);
    let (whole, _) = memory.encode(&Options::default());
    let all = frames(&whole);
    let number = |frame: &std::ops::Range<usize>, at: usize| whole[frame.start + at];
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below as u64) as usize
    };
    for round in 0..1_000 {
        // Every other cut is near where a frame begins, of which most are small.
        let anywhere = 16 + next(whole.len() - 16);
        let near = all[next(all.len())].start + next(90);
        let cut = if round % 2 == 0 { anywhere } else { near.min(whole.len() - 1) };
        let there: Vec<_> = all.iter().filter(|frame| frame.end <= cut).collect();
        let end = there.last().map_or(16, |frame| frame.end);
        // Types 2 and 3 are the frames of sections; the section of a chunk is open until its end.
        let open = there.last().filter(|frame| number(frame, 4) == 2);
        let kind = |frame: &std::ops::Range<usize>| u16::from_le_bytes([number(frame, 8), number(frame, 9)]);
        // There are fewer than 256 sections.
        let section = open.map(|frame| (u32::from(number(frame, 16)), kind(frame)));

        let report = read(&whole[..cut]).unwrap();
        let mut expected = Vec::new();
        expected.extend((end < cut).then_some(Loss::Cut { offset: end as u64, length: (cut - end) as u64 }));
        expected.extend(section.map(|(ordinal, kind)| Loss::SectionIncomplete { ordinal, kind }));
        expected.push(Loss::EndMissing);
        assert_eq!((report.status(), report.losses()), (Status::Partial, &expected[..]), "cut at {cut}");

        let mut output = Vec::new();
        let recovered = recover(Cursor::new(&whole[..cut]), &mut output, &Limits::default()).unwrap();
        let lost = |kind| LostSections { kind, incomplete: 1, missing: 0 };
        let record = Recovery {
            sections: section.map(|(_, kind)| lost(kind.into())).into_iter().collect(),
            unreadable_bytes: (cut - end) as u64,
            end_missing: true,
            ..Recovery::default()
        };
        assert_eq!(recovered.recovery, Some(record), "cut at {cut}");
        // Each chunk as it was, and the record of the recovery behind them.
        let chunks = |report: &[u8], frames: &[std::ops::Range<usize>]| -> Vec<Vec<u8>> {
            let chunks = frames.iter().filter(|frame| report[frame.start + 4] == 2);
            chunks.map(|frame| report[frame.start + 40..frame.end].to_vec()).collect()
        };
        let mut found = chunks(&output, &frames(&output));
        found.pop();
        assert!(found == chunks(&whole, &all[..there.len()]), "cut at {cut}");
    }
}

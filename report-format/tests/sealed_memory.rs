//! The memory of a process, sealed: of any size, in the memory of a few frames, and read at random once it is opened.
// Not on Windows: how much memory was used is read from /proc.
#![cfg(all(feature = "seal", feature = "zstd", target_os = "linux"))]

mod common;

use std::{
    env,
    fs::{self, File},
    io,
    process::Command,
};

use common::{frames, summary};
use report_format::{
    Limits, ReportFile, Status, Writer,
    memory::{self, Options, PAGE, Source},
    schema::v1::{MemoryRegion, SectionKind},
    seal::{self, Class, Outcome, Recipient, Recipients, SecretKey, Unkeyed},
};

/// Pages that differ from one another and do not compress, made when they are read.
struct Noise([MemoryRegion; 1]);

impl Noise {
    fn new(mebibytes: u64) -> Self {
        Self([MemoryRegion { address: 0x1_0000, size: mebibytes << 20, protection: 3, ..Default::default() }])
    }

    fn page(address: u64) -> [u8; PAGE] {
        let mut page = [0; PAGE];
        let mut state = address | 1;
        for word in page.as_chunks_mut::<8>().0 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *word = state.to_le_bytes();
        }
        page
    }
}

impl Source for Noise {
    fn regions(&self) -> &[MemoryRegion] {
        &self.0
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
        for (number, page) in (0..).zip(buffer.as_chunks_mut::<PAGE>().0) {
            *page = Self::page(address + number * PAGE as u64);
        }
        Ok(())
    }
}

/// The most memory that this process ever had, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it is there");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

/// Seals an image of this size from file to file, opens it, and reads some of its pages.
fn seal_and_open(mebibytes: u64) {
    let [clear, sealed, opened] = std::array::from_fn(|_| tempfile::tempfile().expect("a temporary file"));
    let rewound =
        |mut file: &File| io::Seek::rewind(&mut file).map(|()| file.try_clone().expect("a file")).expect("a file");
    let source = Noise::new(mebibytes);
    let mut writer = Writer::new(&clear, &summary()).expect("a summary");
    memory::encode(&mut writer, &source, &Options { threads: 2, ..Options::default() }).expect("encoded");
    writer.finish().expect("written");

    let key = SecretKey::generate();
    let recipient =
        Recipient { class: Class::FullMemory, key: key.public().clone(), label: String::new(), expires: None };
    let recipients = Recipients::new([recipient]).expect("one key");
    let limits = Limits::streaming();
    seal::seal(rewound(&clear), &sealed, &recipients, Unkeyed::Refuse, &limits).expect("sealed");
    let length = sealed.metadata().expect("a file").len();
    assert!(length > mebibytes << 20, "noise does not compress: {length} bytes");
    let unsealed = seal::unseal(rewound(&sealed), &opened, &[key], &limits).expect("a report");
    assert_eq!(unsealed.sections[0].outcome, Outcome::Opened);
    assert_eq!(unsealed.loss_count, 0);

    let mut file = ReportFile::open(rewound(&opened), &limits).expect("a report");
    let image = file.memory().expect("whole").expect("an image");
    assert!(image.has_index());
    let mut page = [0; PAGE];
    let pages = (mebibytes << 20) / PAGE as u64;
    for number in (0..20).map(|step| step * 7919 % pages).chain([pages - 1]) {
        let address = 0x1_0000 + number * PAGE as u64;
        image.read_at(address, &mut page).expect("it is there");
        assert!(page == Noise::page(address), "{address:#x}");
    }
}

#[test]
fn an_image_of_any_size_is_sealed_and_opened_in_the_same_memory() {
    const SIZE: &str = "SEALED_MEBIBYTES";
    if let Ok(mebibytes) = env::var(SIZE) {
        seal_and_open(mebibytes.parse().expect("a number"));
        println!("peak={}", peak());
        return;
    }
    let [small, large] = [64, 256].map(|mebibytes: u64| {
        let test = "an_image_of_any_size_is_sealed_and_opened_in_the_same_memory";
        let output = Command::new(env::current_exe().expect("this program"))
            .args(["--exact", test, "--nocapture"])
            .env(SIZE, mebibytes.to_string())
            .output()
            .expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        let peak =
            text.split("peak=").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("it says its peak");
        peak.parse::<u64>().expect("a number")
    });
    println!("peak of memory: {} MiB for 64 MiB, {} MiB for 256 MiB", small >> 20, large >> 20);
    assert!(large < small + (16 << 20), "{small} bytes for 64 MiB, {large} for 256");
}

#[test]
fn a_sealed_image_is_checked_without_its_key_and_a_lost_frame_costs_what_follows() {
    let source = Noise::new(8);
    let mut writer = Writer::new(Vec::new(), &summary()).expect("a summary");
    memory::encode(&mut writer, &source, &Options::default()).expect("encoded");
    let (clear, ..) = writer.finish().expect("a vector takes everything");
    let key = SecretKey::generate();
    let recipient =
        Recipient { class: Class::FullMemory, key: key.public().clone(), label: String::new(), expires: None };
    let recipients = Recipients::new([recipient]).expect("one key");
    let mut sealed = Vec::new();
    let limits = Limits::default();
    seal::seal(io::Cursor::new(&clear), &mut sealed, &recipients, Unkeyed::Refuse, &limits).expect("sealed");
    assert_eq!(common::read(&sealed).expect("a report").status(), Status::Complete);
    let is_data = |frame: &std::ops::Range<usize>| {
        sealed[frame.start + 4] == 2 && sealed[frame.start + 8] == SectionKind::SealedFullMemory as u8
    };
    let blocks: Vec<_> = frames(&sealed).into_iter().filter(is_data).collect();
    assert!(blocks.len() > 7);
    let lost = &blocks[4];
    let damaged = [&sealed[..lost.start], &sealed[lost.end..]].concat();
    let mut opened = Vec::new();
    let unsealed = seal::unseal(io::Cursor::new(&damaged), &mut opened, &[key], &limits).expect("a report");
    assert!(matches!(unsealed.sections[0].outcome, Outcome::Damaged { opened: true, cut: true, .. }), "{unsealed:?}");
    assert_eq!(common::read(&opened).expect("a report").status(), Status::Partial);
    let mut file = ReportFile::open(io::Cursor::new(&opened), &limits).expect("a report");
    let image = file.memory().expect("its regions are there").expect("an image");
    let found = image.check().expect("readable");
    assert!(found.held >= 3 * 252 && found.held <= 4 * 256, "{found:?}");
    assert_eq!(found.held + found.lost, found.pages);
    let mut page = [0; PAGE];
    image.read_at(0x1_0000, &mut page).expect("the first block is there");
    assert!(page == Noise::page(0x1_0000));
}

//! The dump encoder takes no more memory for a large image than for a small one. The only test of its program: it looks at what the whole
//! process holds.
// Not on Windows: how much memory was used is read from /proc.
#![cfg(target_os = "linux")]

use std::io;

use report_format::{
    Summary, Writer,
    memory::{self, Options, PAGE, Source},
    schema::v1::MemoryRegion,
};

const MIB: u64 = 1 << 20;

/// Pages that are made when they are read: some of zeros, some that come again, most that do not, all of them half noise.
struct Made([MemoryRegion; 1]);

impl Made {
    fn new(size: u64) -> Self {
        Self([MemoryRegion { address: 0x10_0000, size, protection: 3, ..Default::default() }])
    }
}

impl Source for Made {
    fn regions(&self) -> &[MemoryRegion] {
        &self.0
    }

    fn read(&self, address: u64, buffer: &mut [u8]) -> io::Result<()> {
        for (number, page) in (address / PAGE as u64..).zip(buffer.as_chunks_mut::<PAGE>().0) {
            page.fill(0);
            let mut state = match number % 8 {
                0 => continue,
                1 => number % 64,
                _ => number,
            };
            for word in page[..PAGE / 2].as_chunks_mut::<8>().0 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *word = (state ^ (state >> 29)).to_le_bytes();
            }
        }
        Ok(())
    }
}

fn encode(size: u64) {
    let mut writer = Writer::new(io::sink(), &Summary::default()).unwrap();
    let stats = memory::encode(&mut writer, &Made::new(size), &Options { threads: 2, ..Options::default() }).unwrap();
    assert!(stats.stored > stats.pages / 2 && stats.written > size / 4, "{stats:?}");
    writer.finish().unwrap();
}

/// Bytes that this process held at most so far.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("every process has it");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[test]
fn an_image_four_times_as_large_takes_no_more_memory() {
    let before = peak();
    encode(64 * MIB);
    let small = peak();
    encode(256 * MIB);
    let large = peak();
    let (over, more) = (large - before, large - small);
    println!("{} KiB over what was there before, of which {} KiB for the larger image", over >> 10, more >> 10);
    assert!(over < 24 * MIB, "{over} bytes");
    // The index has 24 bytes for each block, 5 KiB more: the rest is what the allocator does.
    assert!(more < 6 * MIB, "{more} bytes more for the larger image");
}

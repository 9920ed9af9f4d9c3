//! The text of `/proc/PID/smaps`: what is mapped, and what the process has said of it by `madvise`.

use std::ops::Range;

use super::memory_map::Mapping;

/// A mapping, as far as an image of memory asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Area {
    /// Whole pages.
    pub(super) range: Range<u64>,
    /// Bit 0: read, 1: write, 2: execute.
    pub(super) protection: u32,
    pub(super) shared: bool,
    /// Where in the mapped file it begins.
    pub(super) offset: u64,
    /// A path, a name in brackets, or nothing.
    pub(super) name: Vec<u8>,
    /// The kernel's bytes of it that are no file's: written to since it was mapped, or never a file's.
    pub(super) anonymous: u64,
    /// Not to be dumped: the process has said so (`MADV_DONTDUMP`).
    pub(super) dont_dump: bool,
    /// A device's memory: to read it can change the device's state.
    pub(super) device: bool,
}

impl Area {
    pub(super) fn size(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// Whether a file, a device or memory with a file behind it is mapped there.
    pub(super) fn is_of_file(&self) -> bool {
        self.name.starts_with(b"/")
    }

    /// Made by the kernel anew for each process: to read it from outside fails, or says nothing of the process.
    pub(super) fn is_kernels(&self) -> bool {
        self.name.starts_with(b"[vvar") || self.name == b"[vsyscall]" || self.name == b"[uprobes]"
    }
}

/// The areas of `smaps`, or of `maps`, which has their first lines alone; ascending, without overlap, of whole pages. Lines that make no sense are left out.
pub(super) fn areas(text: &[u8]) -> Vec<Area> {
    let mut areas: Vec<Area> = Vec::new();
    // Of an area that was left out, so are its facts.
    let mut is_in = false;
    for line in text.split(|&byte| byte == b'\n') {
        // Facts begin with a capital letter. There are two dozen for each of thousands of areas: most are to be passed over at a glance.
        match line.first() {
            Some(b'0'..=b'9' | b'a'..=b'f') => {
                let Some(area) = head(line) else { continue };
                let end = areas.last().map_or(0, |last| last.range.end);
                is_in = area.range.start >= end;
                areas.extend(is_in.then_some(area));
            }
            Some(b'A' | b'S' | b'V') if is_in => {
                if let Some(area) = areas.last_mut() {
                    fact(line, area);
                }
            }
            _ => {}
        }
    }
    areas
}

/// The line that an area begins with.
fn head(line: &[u8]) -> Option<Area> {
    const PAGE: u64 = 4096;
    let Mapping { range, permissions, offset, name } = Mapping::of_line(line)?;
    let is_sound = range.start < range.end && range.start.is_multiple_of(PAGE) && range.end.is_multiple_of(PAGE);
    let bit = |at: usize, letter: u8| u32::from(permissions.get(at) == Some(&letter));
    is_sound.then(|| Area {
        protection: bit(0, b'r') | bit(1, b'w') << 1 | bit(2, b'x') << 2,
        shared: permissions.get(3) == Some(&b's'),
        offset,
        name: name.to_vec(),
        anonymous: 0,
        dont_dump: false,
        device: false,
        range,
    })
}

/// `Anonymous:            12 kB` or `VmFlags: rd wr mr mw me dd`
fn fact(line: &[u8], area: &mut Area) {
    let Some((key, value)) = str::from_utf8(line).ok().and_then(|line| line.split_once(':')) else { return };
    match key {
        "Anonymous" | "Swap" => {
            let kilobytes: u64 = value.trim().trim_end_matches(" kB").parse().unwrap_or(0);
            area.anonymous = area.anonymous.saturating_add(kilobytes.saturating_mul(1024));
        }
        "VmFlags" => {
            for flag in value.split_ascii_whitespace() {
                area.dont_dump |= flag == "dd";
                area.device |= flag == "io" || flag == "pf";
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMAPS: &str = "\
00400000-00452000 r-xp 00001000 08:02 173521      /opt/a b/dbus daemon
Size:                328 kB
Anonymous:             8 kB
Swap:                  4 kB
VmFlags: rd ex mr mw me
7f0000000000-7f0000004000 rw-p 00000000 00:00 0 
Size:                 16 kB
VmFlags: rd wr mr mw me dd sd
7f0000002000-7f0000008000 rw-p 00000000 00:00 0                          [overlaps]
VmFlags: io
7f0000008000-7f0000009000 rw-s 00000000 00:06 12 /dev/dri/card0
VmFlags: rd wr sh io pf
7fff0000-zz rw-p 0 0:0 0
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
";

    #[test]
    fn areas_have_their_flags_and_what_makes_no_sense_is_left_out() {
        let found = areas(SMAPS.as_bytes());
        let ranges: Vec<_> = found.iter().map(|area| area.range.start).collect();
        assert_eq!(ranges, [0x40_0000, 0x7f00_0000_0000, 0x7f00_0000_8000, 0xffff_ffff_ff60_0000]);
        let program = &found[0];
        assert_eq!((program.protection, program.offset, program.anonymous), (5, 0x1000, 12 << 10));
        assert_eq!((program.name.as_slice(), program.is_of_file()), (&b"/opt/a b/dbus daemon"[..], true));
        assert!(found[1].dont_dump && !found[1].device && !found[1].is_of_file(), "not the flags of what overlaps it");
        assert!(found[2].device && found[2].shared);
        assert!(found[3].is_kernels());
    }

    #[test]
    fn the_map_of_this_process_is_understood_with_and_without_facts() {
        let [smaps, maps] = ["smaps", "maps"].map(|name| areas(&std::fs::read(format!("/proc/self/{name}")).unwrap()));
        let here = std::ptr::from_ref(&SMAPS) as u64;
        for areas in [&smaps, &maps] {
            assert!(areas.iter().any(|area| area.range.contains(&here) && area.is_of_file()));
        }
        assert!(smaps.iter().any(|area| area.anonymous > 0));
    }

    proptest! {
        #[test]
        fn any_text_gives_areas_in_order(text in "([0-9a-f]{1,5}000-[0-9a-f]{1,5}000 r.-[ps] [0-9a-f]{1,3} x y z\n|VmFlags: dd|[ -~]{0,40}\n){0,30}") {
            let mut end = 0;
            for area in areas(text.as_bytes()) {
                prop_assert!(area.range.start >= end && area.range.start < area.range.end);
                end = area.range.end;
            }
        }

        #[test]
        fn any_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            areas(&bytes);
        }
    }
}

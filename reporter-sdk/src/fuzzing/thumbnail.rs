//! Images that anybody can have made.

use std::time::{Duration, Instant};
use std::{fs, io};

use crate::screen;

/// More than the largest display needs as red, green, blue and alpha, and as what is made of that, in KiB.
const MEMORY_LIMIT: u64 = 512 << 10;
/// Many times what the largest display needs on a busy machine.
const TIME_LIMIT: Duration = Duration::from_secs(15);
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Any bytes as PNG, with its checksums made right: what comes of it is a PNG that is as small as it was to be, and making that of it again changes nothing.
/// Neither takes more than its time and memory.
pub fn thumbnail(input: &[u8]) {
    let Some((side, png)) = input.split_first() else { return };
    let side = u32::from(*side).max(1);
    let png = mended(png);
    let started = Instant::now();
    let before = watermark();
    let small = screen::thumbnail(&png, side);
    let taken = watermark_since(before);
    assert!(taken <= MEMORY_LIMIT, "{taken} KiB for {} bytes", png.len());
    assert!(started.elapsed() <= TIME_LIMIT, "{:?} for {} bytes", started.elapsed(), png.len());
    let Ok(small) = small else { return };
    let (of, to) = (size(&png).expect("was read"), size(&small).expect("a PNG"));
    assert!(to.iter().zip(of).all(|(&to, of)| (1..=side.min(of)).contains(&to)), "{of:?} became {to:?} of {side}");
    // Three bytes a pixel, a byte before each row, and what is around them.
    let [width, height] = to.map(u64::from);
    assert!(small.len() as u64 <= (width * 3 + 8) * height + 256, "{} bytes for {to:?}", small.len());
    assert!(screen::thumbnail(&small, side).is_ok_and(|again| again == small));
}

fn size(png: &[u8]) -> Option<[u32; 2]> {
    let header = png.get(16..24)?.as_chunks::<4>().0;
    Some([u32::from_be_bytes(*header.first()?), u32::from_be_bytes(*header.get(1)?)])
}

/// Or mutations would never come past the checksums.
fn mended(png: &[u8]) -> Vec<u8> {
    let mut mended = png.to_vec();
    let mut at = SIGNATURE.len();
    while let Some(length) = mended.get(at..).and_then(|rest| rest.first_chunk()) {
        let length = u32::from_be_bytes(*length) as usize;
        let Some(chunk) = mended.get(at + 4..).and_then(|rest| rest.get(..length.saturating_add(4))) else { break };
        let sum = crc(chunk).to_be_bytes();
        at += 8 + length;
        let Some(place) = mended.get_mut(at..at + 4) else { break };
        place.copy_from_slice(&sum);
        at += 4;
    }
    mended
}

fn crc(bytes: &[u8]) -> u32 {
    let bit = |crc: u32, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), bit))
}

/// How much memory this process has, in KiB; from here on it is looked at how much it had at most.
fn watermark() -> Option<u64> {
    fs::write("/proc/self/clear_refs", "5").ok()?;
    status("VmHWM:").ok()
}

/// How much more it had since then; nothing where the kernel does not tell.
fn watermark_since(before: Option<u64>) -> u64 {
    let now = before.and_then(|before| Some(status("VmHWM:").ok()?.saturating_sub(before)));
    now.unwrap_or_default()
}

fn status(field: &str) -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let value = status.lines().find_map(|line| line.strip_prefix(field)?.trim().strip_suffix(" kB")?.parse().ok());
    value.ok_or_else(|| io::ErrorKind::NotFound.into())
}

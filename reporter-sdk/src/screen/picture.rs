//! An image in memory, and as PNG.

use std::io::{self, Cursor, Write};

use super::ScreenError;

/// Of one image, 8K: more is no display, but a lie.
pub(super) const MOST_PIXELS: u64 = 40 << 20;
/// The longest side that is believed, of a display and of an image that is read.
pub(super) const LONGEST_SIDE: u32 = 32_767;

/// Rows of pixels from the top, a byte each of red, green and blue.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) rgb: Vec<u8>,
}

impl Picture {
    /// An image of this size without any row yet, if it is one that can be.
    pub(super) fn begin(width: u32, height: u32) -> Result<Picture, ScreenError> {
        check(width, height)?;
        Ok(Picture { width, height, rgb: Vec::with_capacity(bytes(width, height)) })
    }

    /// A smaller one, each pixel of which is the mean of those that it stands for (a box filter).
    pub(super) fn scaled(&self, width: u32, height: u32) -> Picture {
        let (width, height) = (width.clamp(1, self.width), height.clamp(1, self.height));
        // The pixels of this image that pixel `at` of `new` stands for, of `old` in all.
        let span = |at: u32, old: u32, new: u32| {
            let edge = |at: u32| (u64::from(at) * u64::from(old) / u64::from(new)) as usize;
            edge(at)..edge(at + 1)
        };
        let columns: Vec<_> = (0..width).map(|x| span(x, self.width, width)).collect();
        let mut rgb = Vec::with_capacity(bytes(width, height));
        let row_bytes = self.width as usize * 3;
        for y in 0..height {
            let rows = span(y, self.height, height);
            for columns in &columns {
                let mut sums = [0_u64; 3];
                for row in rows.clone() {
                    let row = &self.rgb[row * row_bytes..][columns.start * 3..columns.end * 3];
                    for pixel in row.as_chunks::<3>().0 {
                        sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += u64::from(*value));
                    }
                }
                let count = (rows.len() * columns.len()) as u64;
                rgb.extend(sums.map(|sum| ((sum + count / 2) / count) as u8));
            }
        }
        Picture { width, height, rgb }
    }

    /// As PNG of at most so many bytes; `None` where it has more.
    pub(super) fn to_png(&self, most_bytes: usize) -> Result<Option<Vec<u8>>, ScreenError> {
        let mut file = Capped { bytes: Vec::new(), most: most_bytes, full: false };
        let mut encoder = png::Encoder::new(&mut file, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        // The product waits for it: a tenth of the time of the better ones, for half as much again in size.
        encoder.set_compression(png::Compression::Fast);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(&self.rgb)?;
            writer.finish()
        });
        match written {
            _ if file.full => Ok(None),
            Ok(()) => Ok(Some(file.bytes)),
            Err(error) => Err(ScreenError::Write(error)),
        }
    }

    /// Halves it until it fits as PNG. Gives the PNG, the image that is in it, and of its first size how many percent that is.
    pub(super) fn fit(mut self, most_bytes: usize) -> Result<(Vec<u8>, Picture, u32), ScreenError> {
        let whole = self.width;
        loop {
            if let Some(png) = self.to_png(most_bytes)? {
                let percent = u64::from(self.width) * 100 / u64::from(whole.max(1));
                return Ok((png, self, percent.max(1) as u32));
            }
            if self.width.max(self.height) == 1 {
                return Err(ScreenError::Limit { most_bytes });
            }
            self = self.scaled(self.width.div_ceil(2), self.height.div_ceil(2));
        }
    }

    /// Reads a PNG from anywhere. What is transparent becomes white.
    pub(super) fn from_png(file: &[u8]) -> Result<Picture, ScreenError> {
        let limits = png::Limits { bytes: MOST_PIXELS as usize * 4 };
        let mut decoder = png::Decoder::new_with_limits(Cursor::new(file), limits);
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        decoder.set_ignore_text_chunk(true);
        let mut reader = decoder.read_info()?;
        let (width, height) = reader.info().size();
        check(width, height)?;
        let size = reader.output_buffer_size().ok_or(ScreenError::Size { width, height })?;
        let mut pixels = vec![0; size];
        let frame = reader.next_frame(&mut pixels)?;
        pixels.truncate(frame.buffer_size());
        let samples = frame.color_type.samples();
        let on_white = |value: u8, alpha: u8| {
            let (value, alpha) = (u32::from(value), u32::from(alpha));
            ((value * alpha + 255 * (255 - alpha)) / 255) as u8
        };
        let mut picture = Picture::begin(width, height)?;
        for pixel in pixels.chunks_exact(samples) {
            picture.rgb.extend(match *pixel {
                [grey] => [grey; 3],
                [grey, alpha] => [on_white(grey, alpha); 3],
                [red, green, blue] => [red, green, blue],
                [red, green, blue, alpha, ..] => [red, green, blue].map(|value| on_white(value, alpha)),
                [] => [0; 3],
            });
        }
        if picture.rgb.len() != bytes(width, height) {
            return Err(ScreenError::Size { width, height });
        }
        Ok(picture)
    }
}

/// Bytes of an image of this size, which was checked.
fn bytes(width: u32, height: u32) -> usize {
    width as usize * height as usize * 3
}

fn check(width: u32, height: u32) -> Result<(), ScreenError> {
    let sides = 1..=LONGEST_SIDE;
    let is_one = sides.contains(&width) && sides.contains(&height);
    if is_one && u64::from(width) * u64::from(height) <= MOST_PIXELS {
        Ok(())
    } else {
        Err(ScreenError::Size { width, height })
    }
}

/// Takes no more than so many bytes.
struct Capped {
    bytes: Vec<u8>,
    most: usize,
    full: bool,
}

impl Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.most - self.bytes.len() < bytes.len() {
            self.full = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn picture(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Picture {
        let rgb = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| pixel(x, y)).collect();
        Picture { width, height, rgb }
    }

    /// Nothing that compresses.
    fn noise(width: u32, height: u32) -> Picture {
        picture(width, height, |x, y| {
            let mixed = (u64::from(x) << 32 | u64::from(y)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            [(mixed >> 32) as u8, (mixed >> 40) as u8, (mixed >> 48) as u8]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_image_comes_back_from_its_png(width in 1..60_u32, height in 1..60_u32, seed: u8) {
            let made = picture(width, height, |x, y| [x as u8 ^ seed, y as u8, (x * y) as u8]);
            let png = made.to_png(usize::MAX).unwrap().unwrap();
            prop_assert!(Picture::from_png(&png).unwrap() == made);
        }

        #[test]
        fn a_smaller_image_is_made_of_means(width in 1..50_u32, height in 1..50_u32, to in (1..60_u32, 1..60_u32), colour: [u8; 3]) {
            let flat = picture(width, height, |_, _| colour).scaled(to.0, to.1);
            prop_assert_eq!((flat.width, flat.height), (to.0.min(width), to.1.min(height)));
            prop_assert_eq!(flat.rgb.len(), (flat.width * flat.height * 3) as usize);
            prop_assert!(flat.rgb.as_chunks::<3>().0.iter().all(|pixel| *pixel == colour));
        }

        #[test]
        fn no_bytes_make_reading_a_png_panic(bytes: Vec<u8>, at: prop::sample::Index, changed: u8) {
            let _ = Picture::from_png(&bytes);
            let mut png = noise(9, 7).to_png(usize::MAX).unwrap().unwrap();
            let at = at.index(png.len());
            png[at] = changed;
            let _ = Picture::from_png(&png);
            png.truncate(at);
            let _ = Picture::from_png(&png);
        }
    }

    #[test]
    fn halves_have_the_mean_of_four_pixels() {
        let made = picture(4, 2, |x, y| [(x * 10 + y) as u8, 255 * (x % 2) as u8, 7]);
        let half = made.scaled(2, 1);
        assert_eq!(half.rgb, [6, 128, 7, 26, 128, 7]);
    }

    #[test]
    fn what_is_too_large_is_halved_until_it_fits() {
        let (png, kept, percent) = noise(400, 300).fit(100_000).unwrap();
        assert!(png.len() <= 100_000, "{}", png.len());
        assert_eq!((kept.width, kept.height, percent), (200, 150, 50), "not more often than needed");
        assert!(Picture::from_png(&png).unwrap() == kept);
        let (_, kept, percent) = noise(401, 3).fit(usize::MAX).unwrap();
        assert_eq!((kept.width, percent), (401, 100));
        assert!(matches!(noise(8, 8).fit(10), Err(ScreenError::Limit { most_bytes: 10 })));
    }

    #[test]
    fn sizes_that_are_none_are_refused_before_there_is_anything_of_them() {
        for (width, height) in [(0, 5), (5, 0), (u32::MAX, 1), (30_000, 30_000), (u32::MAX, u32::MAX)] {
            assert!(matches!(Picture::begin(width, height), Err(ScreenError::Size { .. })), "{width} × {height}");
        }
        assert!(Picture::begin(7680, 4320).is_ok());
    }

    /// A PNG of one chunk after its header, which says what it likes.
    fn forged(width: u32, height: u32, data: &[u8]) -> Vec<u8> {
        let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
        let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
        for (kind, data) in [(b"IHDR", &header[..]), (b"IDAT", data), (b"IEND", &[])] {
            png.extend((data.len() as u32).to_be_bytes());
            let checked = [&kind[..], data].concat();
            png.extend_from_slice(&checked);
            png.extend(crc(&checked).to_be_bytes());
        }
        png
    }

    fn crc(bytes: &[u8]) -> u32 {
        !bytes
            .iter()
            .fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1))))
    }

    #[test]
    fn a_png_that_says_to_be_huge_is_refused_by_what_it_says() {
        for (width, height) in [(0x7fff_ffff, 0x7fff_ffff), (30_000, 30_000), (1, 0x7fff_ffff)] {
            let error = Picture::from_png(&forged(width, height, b"x\x9c")).err().unwrap();
            assert!(matches!(error, ScreenError::Size { .. } | ScreenError::Read(_)), "{width} × {height}: {error}");
        }
        assert!(matches!(Picture::from_png(&forged(4, 4, b"no zlib")), Err(ScreenError::Read(_))));
        assert!(matches!(Picture::from_png(&forged(4, 4, b"")), Err(ScreenError::Read(_))), "no pixels");
    }

    #[test]
    fn other_kinds_of_png_are_read_as_well() {
        let encode = |colour, depth, data: &[u8]| {
            let mut png = Vec::new();
            let mut encoder = png::Encoder::new(&mut png, 2, 1);
            encoder.set_color(colour);
            encoder.set_depth(depth);
            encoder.write_header().unwrap().write_image_data(data).unwrap();
            Picture::from_png(&png).unwrap().rgb
        };
        use png::{BitDepth, ColorType};
        assert_eq!(encode(ColorType::Grayscale, BitDepth::Eight, &[5, 9]), [5, 5, 5, 9, 9, 9]);
        assert_eq!(encode(ColorType::Rgba, BitDepth::Eight, &[1, 2, 3, 255, 1, 2, 3, 0]), [1, 2, 3, 255, 255, 255]);
        assert_eq!(encode(ColorType::Grayscale, BitDepth::One, &[0b0100_0000]), [0, 0, 0, 255, 255, 255]);
        assert_eq!(
            encode(ColorType::Rgb, BitDepth::Sixteen, &[1, 0, 2, 0, 3, 0, 4, 9, 5, 9, 6, 9]),
            [1, 2, 3, 4, 5, 6]
        );
    }
}

//! An image that stands for a larger one.

use std::io::Cursor;

use windows_sys::Win32::Foundation::RECT;
use windows_sys::Win32::Graphics::Gdi::{
    BI_RGB, BITMAPINFO, BITMAPINFOHEADER, COLOR_3DFACE, DIB_RGB_COLORS, GetSysColor, HALFTONE, HDC, SRCCOPY,
    SetBrushOrgEx, SetStretchBltMode, StretchDIBits,
};

/// Pixels of its longer side at most: enough for where all is enlarged twice.
const LARGEST: u32 = 512;

/// Decoded once, and already small: the image of a desktop of several displays would take a hundred megabytes.
#[derive(Debug)]
pub(super) struct Picture {
    width: i32,
    height: i32,
    /// Blue, green, red and nothing, from the upper left corner on.
    pixels: Vec<[u8; 4]>,
}

impl Picture {
    /// Of a PNG file, on this colour. `None` where it cannot be read: its fields are there, with all others.
    pub(super) fn read(png: &[u8], behind: [u8; 3]) -> Option<Self> {
        let mut decoder = png::Decoder::new(Cursor::new(png));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().ok()?;
        let info = reader.info();
        let (width, height) = (info.width, info.height);
        // Its rows come several times, each time with more pixels. No image of a desktop is such.
        if info.interlaced {
            return None;
        }
        let samples = reader.output_color_type().0.samples();
        // So many pixels, across and down, become one: their mean.
        let step = width.max(height).div_ceil(LARGEST).max(1);
        let mut sums = vec![[0_u32; 4]; width.div_ceil(step) as usize];
        let mut pixels = Vec::with_capacity(sums.len() * height.div_ceil(step) as usize);
        for y in 1..=height {
            let row = reader.next_row().ok()??;
            for (x, pixel) in row.data().chunks_exact(samples).enumerate() {
                let sum = sums.get_mut(x / step as usize)?;
                for (sum, value) in sum.iter_mut().zip(blue_green_red(pixel, behind)) {
                    *sum += u32::from(value);
                }
                sum[3] += 1;
            }
            if y % step == 0 || y == height {
                pixels.extend(sums.iter().map(mean));
                sums.fill([0; 4]);
            }
        }
        Some(Self { width: sums.len().try_into().ok()?, height: height.div_ceil(step).try_into().ok()?, pixels })
    }

    /// Of one colour, in whatever size: red, green and blue.
    pub(super) fn of_colour([red, green, blue]: [u8; 3]) -> Self {
        Self { width: 1, height: 1, pixels: vec![[blue, green, red, 0]] }
    }

    /// The largest size in this room that keeps its proportions.
    pub(super) fn size(&self, width: i32, height: i32) -> (i32, i32) {
        let by_width = (width, self.height.saturating_mul(width) / self.width.max(1));
        if by_width.1 <= height { by_width } else { (self.width.saturating_mul(height) / self.height.max(1), height) }
    }

    pub(super) fn draw(&self, dc: HDC, area: &RECT) {
        let header = BITMAPINFOHEADER {
            biSize: size_of::<BITMAPINFOHEADER>() as u32,
            biWidth: self.width,
            // Otherwise the lowest row would be the first.
            biHeight: -self.height,
            biPlanes: 1,
            biBitCount: 32,
            biCompression: BI_RGB,
            ..Default::default()
        };
        let info = BITMAPINFO { bmiHeader: header, ..Default::default() };
        // SAFETY: takes numbers.
        unsafe { SetStretchBltMode(dc, HALFTONE) };
        // SAFETY: takes numbers. As the mode before wants it.
        unsafe { SetBrushOrgEx(dc, 0, 0, std::ptr::null_mut()) };
        let (width, height) = (area.right - area.left, area.bottom - area.top);
        // SAFETY: `read` has made width times height pixels of four bytes, as the header says.
        unsafe {
            StretchDIBits(
                dc,
                area.left,
                area.top,
                width,
                height,
                0,
                0,
                self.width,
                self.height,
                self.pixels.as_ptr().cast(),
                &raw const info,
                DIB_RGB_COLORS,
                SRCCOPY,
            )
        };
    }
}

/// The system's colour of a window with controls, in red, green and blue.
pub(super) fn background() -> [u8; 3] {
    // SAFETY: takes a number.
    let [red, green, blue, _] = unsafe { GetSysColor(COLOR_3DFACE) }.to_le_bytes();
    [red, green, blue]
}

/// Of a colour or grey, through which shines what is behind it.
fn blue_green_red(pixel: &[u8], behind: [u8; 3]) -> [u8; 3] {
    let ([red, green, blue], opacity) = match *pixel {
        [red, green, blue] => ([red, green, blue], u8::MAX),
        [red, green, blue, opacity, ..] => ([red, green, blue], opacity),
        [grey, opacity] => ([grey; 3], opacity),
        [grey] => ([grey; 3], u8::MAX),
        [] => ([0; 3], u8::MAX),
    };
    let most = u32::from(u8::MAX);
    let mixed = |value: u8, behind: u8| {
        let opacity = u32::from(opacity);
        // A mean of bytes is one.
        ((u32::from(value) * opacity + u32::from(behind) * (most - opacity) + most / 2) / most) as u8
    };
    [mixed(blue, behind[2]), mixed(green, behind[1]), mixed(red, behind[0])]
}

fn mean([blue, green, red, count]: &[u32; 4]) -> [u8; 4] {
    // A mean of bytes is one.
    let [blue, green, red] = [blue, green, red].map(|sum| (sum / (*count).max(1)) as u8);
    [blue, green, red, 0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32, colour: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
        let pixels: Vec<u8> =
            (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| colour(x, y)).collect();
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header().and_then(|mut writer| writer.write_image_data(&pixels)).expect("is written");
        file
    }

    fn read(png: &[u8]) -> Option<Picture> {
        Picture::read(png, [0; 3])
    }

    #[test]
    fn a_small_one_stays_as_it_is() {
        let picture = read(&png(2, 1, |x, _| if x == 0 { [1, 2, 3] } else { [4, 5, 6] })).expect("is read");
        assert_eq!((picture.width, picture.height), (2, 1));
        assert_eq!(picture.pixels, [[3, 2, 1, 0], [6, 5, 4, 0]]);
    }

    #[test]
    fn a_large_one_becomes_the_mean_of_its_pixels() {
        // Three to one in each direction; the last column and row are of less.
        let picture = read(&png(1535, 700, |x, _| [(x % 3) as u8 * 30, 7, 0])).expect("is read");
        assert_eq!((picture.width, picture.height), (512, 234));
        assert_eq!(picture.pixels.len(), 512 * 234);
        assert_eq!(picture.pixels[0], [0, 7, 30, 0]);
        assert_eq!(picture.pixels[511], [0, 7, 15, 0]);
    }

    #[test]
    fn what_is_behind_shines_through() {
        let behind = [100, 0, 255];
        assert_eq!(blue_green_red(&[200, 100, 0, 255], behind), [0, 100, 200]);
        assert_eq!(blue_green_red(&[200, 100, 0, 0], behind), [255, 0, 100]);
        assert_eq!(blue_green_red(&[200, 100, 0, 51], behind), [204, 20, 120]);
        assert_eq!(blue_green_red(&[50, 0], behind), [255, 0, 100]);
        assert_eq!(blue_green_red(&[50], behind), [50; 3]);
    }

    #[test]
    fn what_is_no_png_is_none() {
        let file = png(40, 40, |x, y| [x as u8, y as u8, 0]);
        assert!(read(b"GIF89a").is_none());
        assert!(read(&[]).is_none());
        for length in [8, 30, file.len() / 2] {
            assert!(read(&file[..length]).is_none(), "the first {length} bytes");
        }
    }

    #[test]
    fn it_keeps_its_proportions() {
        let picture = Picture { width: 400, height: 100, pixels: vec![[0; 4]; 40_000] };
        assert_eq!(picture.size(200, 200), (200, 50));
        assert_eq!(picture.size(200, 25), (100, 25));
    }
}

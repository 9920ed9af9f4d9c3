//! How a display server lays out its pixels.

/// Pixels in which each colour has bits of its own: all that a desktop has today.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    bytes_per_pixel: usize,
    /// Rows begin at multiples of so many bits.
    pad: usize,
    is_big_endian: bool,
    channels: [Channel; 3],
}

/// Why pixels cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LayoutError {
    /// Indices into a table of colours, for one.
    #[error("the display's pixels are of a kind that is not read: {bits} bits, colours {masks:x?}")]
    Unsupported { bits: u8, masks: [u32; 3] },
    #[error("the display gave {given} bytes for rows of {needed}")]
    Short { given: usize, needed: usize },
}

#[derive(Clone, Debug)]
struct Channel {
    mask: u32,
    shift: u32,
    /// To 8 bits.
    values: Vec<u8>,
}

/// The most bits of one colour: more than that no display has.
const MOST_BITS: u32 = 12;

impl Layout {
    /// `masks`: which bits of a pixel are red, green and blue.
    pub(super) fn new(bits: u8, pad: u8, is_big_endian: bool, masks: [u32; 3]) -> Result<Layout, LayoutError> {
        let unsupported = LayoutError::Unsupported { bits, masks };
        let channels: Option<Vec<Channel>> = masks.into_iter().map(Channel::new).collect();
        let channels = channels.and_then(|channels| <[Channel; 3]>::try_from(channels).ok());
        match (bits, pad, channels) {
            (16 | 24 | 32, 8 | 16 | 32, Some(channels)) => {
                Ok(Layout { bytes_per_pixel: usize::from(bits / 8), pad: usize::from(pad), is_big_endian, channels })
            }
            _ => Err(unsupported),
        }
    }

    /// Bytes from one row to the next.
    pub(super) fn stride(&self, width: u32) -> usize {
        (width as usize * self.bytes_per_pixel * 8).next_multiple_of(self.pad) / 8
    }

    /// Adds these rows to `rgb`.
    pub(super) fn read(&self, data: &[u8], width: u32, rows: u32, rgb: &mut Vec<u8>) -> Result<(), LayoutError> {
        let stride = self.stride(width);
        let needed = stride * rows as usize;
        let data = data.get(..needed).ok_or(LayoutError::Short { given: data.len(), needed })?;
        let [red, green, blue] = &self.channels;
        for row in data.chunks_exact(stride.max(1)) {
            let pixels = row.chunks_exact(self.bytes_per_pixel).take(width as usize);
            rgb.extend(pixels.flat_map(|bytes| {
                let pixel = self.pixel(bytes);
                [red.of(pixel), green.of(pixel), blue.of(pixel)]
            }));
        }
        Ok(())
    }

    fn pixel(&self, bytes: &[u8]) -> u32 {
        match (bytes, self.is_big_endian) {
            (&[a, b], false) | (&[b, a], true) => u32::from_le_bytes([a, b, 0, 0]),
            (&[a, b, c], false) | (&[c, b, a], true) => u32::from_le_bytes([a, b, c, 0]),
            (&[a, b, c, d], false) | (&[d, c, b, a], true) => u32::from_le_bytes([a, b, c, d]),
            _ => 0,
        }
    }
}

impl Channel {
    fn new(mask: u32) -> Option<Channel> {
        let shift = mask.trailing_zeros();
        let bits = mask.count_ones();
        let is_in_one_piece = mask.checked_shr(shift).is_some_and(|low| low.trailing_ones() == bits);
        if !is_in_one_piece || bits > MOST_BITS {
            return None;
        }
        let most = (1 << bits) - 1;
        let values = (0..=most).map(|value: u32| ((value * 255 + most / 2) / most) as u8).collect();
        Some(Channel { mask, shift, values })
    }

    fn of(&self, pixel: u32) -> u8 {
        // The table has a value for each that the mask leaves.
        self.values[((pixel & self.mask) >> self.shift) as usize]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRUE_COLOUR: [u32; 3] = [0xff_0000, 0xff00, 0xff];

    fn read(layout: &Layout, data: &[u8], width: u32, rows: u32) -> Vec<u8> {
        let mut rgb = Vec::new();
        layout.read(data, width, rows, &mut rgb).unwrap();
        rgb
    }

    #[test]
    fn both_byte_orders_give_the_same_colours() {
        let little = Layout::new(32, 32, false, TRUE_COLOUR).unwrap();
        let big = Layout::new(32, 32, true, TRUE_COLOUR).unwrap();
        assert_eq!(read(&little, &[3, 2, 1, 99, 6, 5, 4, 99], 2, 1), [1, 2, 3, 4, 5, 6]);
        assert_eq!(read(&big, &[99, 1, 2, 3, 99, 4, 5, 6], 2, 1), [1, 2, 3, 4, 5, 6]);
        let reversed = Layout::new(32, 32, false, [0xff, 0xff00, 0xff_0000]).unwrap();
        assert_eq!(read(&reversed, &[1, 2, 3, 0], 1, 1), [1, 2, 3]);
    }

    #[test]
    fn rows_of_three_and_two_bytes_a_pixel_are_padded() {
        let packed = Layout::new(24, 32, false, TRUE_COLOUR).unwrap();
        assert_eq!(packed.stride(1), 4);
        assert_eq!(read(&packed, &[3, 2, 1, 77, 6, 5, 4, 77], 1, 2), [1, 2, 3, 4, 5, 6]);
        for is_big_endian in [false, true] {
            let high_colour = Layout::new(16, 32, is_big_endian, [0xf800, 0x07e0, 0x001f]).unwrap();
            let pixel = |value: u16| if is_big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
            let data = [pixel(0xf800), [7, 7], pixel(0x07e0), [7, 7], pixel(0x0010), [7, 7]].concat();
            assert_eq!(read(&high_colour, &data, 1, 3), [255, 0, 0, 0, 255, 0, 0, 0, 132]);
        }
    }

    #[test]
    fn ten_bits_of_each_colour_become_eight() {
        let deep = Layout::new(32, 32, false, [0x3ff0_0000, 0x000f_fc00, 0x3ff]).unwrap();
        assert_eq!(read(&deep, &(1023_u32 << 20 | 512 << 10).to_le_bytes(), 1, 1), [255, 128, 0]);
    }

    #[test]
    fn other_layouts_and_rows_that_are_too_short_are_refused() {
        for (bits, masks) in [(8, [0xe0, 0x1c, 0x03]), (32, [0; 3]), (32, [0xf0_f000, 0xff, 0]), (32, [u32::MAX, 1, 1])]
        {
            let error = Layout::new(bits, 32, false, masks).unwrap_err();
            assert_eq!(error, LayoutError::Unsupported { bits, masks });
        }
        assert!(Layout::new(32, 0, false, TRUE_COLOUR).is_err());
        let layout = Layout::new(32, 32, false, TRUE_COLOUR).unwrap();
        let error = layout.read(&[0; 15], 2, 2, &mut Vec::new()).unwrap_err();
        assert_eq!(error, LayoutError::Short { given: 15, needed: 16 });
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_layout_give_three_for_each_pixel(
            bits in prop_oneof![Just(16_u8), Just(24), Just(32)], masks: [u32; 3], width in 0..40_u32, rows in 0..9_u32,
            data in prop::collection::vec(any::<u8>(), 0..2000),
        ) {
            let masks = if masks[0] % 2 == 0 { TRUE_COLOUR } else { masks };
            if let Ok(layout) = Layout::new(bits, 32, masks[1] % 2 == 0, masks) {
                let mut rgb = Vec::new();
                if layout.read(&data, width, rows, &mut rgb).is_ok() {
                    prop_assert_eq!(rgb.len(), (width * rows * 3) as usize);
                }
            }
        }
    }
}

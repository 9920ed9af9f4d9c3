//! What of a display belongs to the product.

use super::area::Area;
use super::picture::Picture;

/// In the place of what is of others.
pub(super) const GREY: [u8; 3] = [0x80; 3];

/// A part of the screen that a window has, as far as windows painted later leave it to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Painted {
    pub(super) area: Area,
    /// Whether the window is the product's.
    pub(super) own: bool,
}

/// Whether each pixel of a display is the product's.
pub(super) struct Mask {
    area: Area,
    own: Vec<bool>,
}

impl Mask {
    /// From windows in the order in which they are painted, the lowest first. The ground is nobody's.
    pub(super) fn of(painted: &[Painted], area: Area) -> Mask {
        let mut own = vec![false; area.pixels() as usize];
        let width = area.width() as usize;
        for window in painted {
            let Some(seen) = window.area.and(area) else { continue };
            let columns = (seen.left - area.left) as usize..(seen.right - area.left) as usize;
            for row in seen.top..seen.bottom {
                let start = (row - area.top) as usize * width;
                own[start..][columns.clone()].fill(window.own);
            }
        }
        Mask { area, own }
    }

    /// What is the product's in both.
    pub(super) fn and(mut self, other: &Mask) -> Mask {
        debug_assert_eq!(self.area, other.area);
        self.own.iter_mut().zip(&other.own).for_each(|(own, other)| *own &= other);
        self
    }

    pub(super) fn shows_nothing(&self) -> bool {
        !self.own.contains(&true)
    }

    /// Paints what is of others grey, in an image of this display.
    pub(super) fn cover(&self, picture: &mut Picture) {
        let pixels = picture.rgb.as_chunks_mut::<3>().0;
        pixels.iter_mut().zip(&self.own).filter(|(_, own)| !**own).for_each(|(pixel, _)| *pixel = GREY);
    }
}

/// Covers what was not the product's both before and after an image was taken. `false` where nothing is left.
///
/// Situation: a window of another program comes up between the question whose the windows are and the image. Handling: it is asked twice, and the image is what lies
/// in between.
pub(super) fn keep_own(before: &[Painted], after: &[Painted], area: Area, picture: &mut Picture) -> bool {
    let mask = Mask::of(before, area).and(&Mask::of(after, area));
    mask.cover(picture);
    !mask.shows_nothing()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn areas() -> impl Strategy<Value = Area> {
        (-30..60_i32, -30..60_i32, 0..60_u32, 0..60_u32)
            .prop_map(|(x, y, width, height)| Area::new(x, y, width, height))
    }

    proptest! {
        #[test]
        fn each_pixel_is_of_the_window_that_was_painted_last(
            windows in prop::collection::vec((areas(), any::<bool>()), 0..12), display in areas(),
        ) {
            let windows: Vec<_> = windows.into_iter().map(|(area, own)| Painted { area, own }).collect();
            let mask = Mask::of(&windows, display);
            let (width, height) = (display.width(), display.height());
            let mut picture = Picture { width, height, rgb: vec![9; (width * height * 3) as usize] };
            mask.cover(&mut picture);
            let mut pixels = picture.rgb.as_chunks::<3>().0.iter();
            for y in display.top..display.bottom {
                for x in display.left..display.right {
                    let is_at = |area: Area| (area.left..area.right).contains(&x) && (area.top..area.bottom).contains(&y);
                    let top = windows.iter().rev().find(|window| is_at(window.area));
                    let expected = if top.is_some_and(|window| window.own) { [9; 3] } else { GREY };
                    prop_assert_eq!(*pixels.next().unwrap(), expected, "{} {}", x, y);
                }
            }
        }
    }

    #[test]
    fn only_what_is_the_products_before_and_after_counts() {
        let display = Area::new(0, 0, 4, 1);
        let mask = |x, width| Mask::of(&[Painted { area: Area::new(x, 0, width, 1), own: true }], display);
        assert_eq!(mask(0, 3).and(&mask(2, 2)).own, [false, false, true, false]);
        assert!(mask(0, 1).and(&mask(1, 1)).shows_nothing());
    }
}

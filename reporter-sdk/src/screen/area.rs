//! Rectangles on a display.

/// A rectangle: the first and the first no more of its pixels, across and down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) left: i32,
    pub(super) top: i32,
    pub(super) right: i32,
    pub(super) bottom: i32,
}

impl Area {
    #[cfg(any(target_os = "linux", test))]
    pub(super) fn new(x: i32, y: i32, width: u32, height: u32) -> Area {
        let end = |start: i32, size: u32| start.saturating_add(i32::try_from(size).unwrap_or(i32::MAX));
        Area { left: x, top: y, right: end(x, width), bottom: end(y, height) }
    }

    pub(super) fn moved(self, x: i32, y: i32) -> Area {
        let Area { left, top, right, bottom } = self;
        Area {
            left: left.saturating_add(x),
            top: top.saturating_add(y),
            right: right.saturating_add(x),
            bottom: bottom.saturating_add(y),
        }
    }

    /// What is in both; `None` where that is nothing.
    pub(super) fn and(self, other: Area) -> Option<Area> {
        let left = self.left.max(other.left);
        let top = self.top.max(other.top);
        let (right, bottom) = (self.right.min(other.right), self.bottom.min(other.bottom));
        (left < right && top < bottom).then_some(Area { left, top, right, bottom })
    }

    pub(super) fn width(self) -> u32 {
        self.left.abs_diff(self.right)
    }

    pub(super) fn height(self) -> u32 {
        self.top.abs_diff(self.bottom)
    }

    pub(super) fn pixels(self) -> u64 {
        u64::from(self.width()) * u64::from(self.height())
    }
}

//! Windows: GDI gives the image of each display, where the session shows one.
//!
//! Why GDI and not desktop duplication (DXGI): it has been there in every session and for every driver, remote ones and those without a graphics card among them; it
//! gives an image at once, where duplication gives one at the next change of the desktop; and it refuses the secure desktop, as it should, where duplication does
//! the same. What a window keeps out of images (`SetWindowDisplayAffinity`) is black or missing, as its program wants it.

use std::io;
use std::time::Instant;

use report_format::schema::v1;

mod gdi;
mod owners;
pub(super) mod session;

use owners::OwnError;
use session::SessionError;

use super::mask::keep_own;
use super::pixels::LayoutError;
use super::{Grabbed, SUBJECT, ScreenError};
use crate::handler::soft_error;

/// The desktop of the product, which this process was started on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Desktop;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
enum GrabError {
    #[error("not taken: {0}")]
    Session(#[from] SessionError),
    #[error("not taken: the session has no display")]
    NoDisplay,
    #[error("the display gives no image: {call}")]
    Gdi {
        call: &'static str,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error(transparent)]
    Image(#[from] ScreenError),
    #[error("no image is taken, since it is not known which windows are the program's")]
    Own(#[from] OwnError),
}

impl Desktop {
    /// Always one: where nobody sees it, the reason is told.
    #[allow(clippy::unnecessary_wraps, reason = "as elsewhere")]
    pub(super) fn of_this_process() -> Option<Desktop> {
        Some(Desktop)
    }

    /// Takes the images; of the windows of process `own_windows_of` alone, where that is said. No call of it can be given a deadline: whoever waits for this thread
    /// stops waiting then.
    #[allow(clippy::unused_self, reason = "as elsewhere")]
    pub(super) fn grab(
        self,
        own_windows_of: Option<u32>,
        _deadline: Instant,
        soft_errors: &mut Vec<v1::SoftError>,
    ) -> Vec<Grabbed> {
        let grabbed = grab(own_windows_of, |error| soft_errors.push(soft_error(SUBJECT, error)));
        grabbed.unwrap_or_else(|error| {
            soft_errors.push(soft_error(SUBJECT, &error));
            Vec::new()
        })
    }
}

/// Takes all displays. What is wrong with one goes to `troubled` and costs that one only.
fn grab(own: Option<u32>, mut troubled: impl FnMut(&GrabError)) -> Result<Vec<Grabbed>, GrabError> {
    session::check()?;
    gdi::see_real_pixels();
    let displays = gdi::displays();
    if displays.is_empty() {
        return Err(GrabError::NoDisplay);
    }
    let own_windows = || own.map(owners::painted).transpose();
    let before = own_windows()?;
    let mut taken = Vec::new();
    for display in displays {
        match gdi::picture(display.area) {
            Ok(picture) => taken.push((display, picture)),
            Err(error) => troubled(&error),
        }
    }
    if let (Some(before), Some(after)) = (before, own_windows()?)
        && !taken.is_empty()
    {
        taken.retain_mut(|(display, picture)| keep_own(&before, &after, display.area, picture));
        if taken.is_empty() {
            return Err(OwnError::None.into());
        }
    }
    Ok(taken.into_iter().map(|(display, picture)| Grabbed { display: display.name, picture }).collect())
}

#[cfg(test)]
mod tests;

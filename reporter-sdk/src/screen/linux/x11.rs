//! Takes the image of each display from an X server.

use x11rb::connection::Connection;
use x11rb::errors::{ConnectionError, ReplyError};
use x11rb::protocol::randr::{self, ConnectionExt as _};
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat, ImageOrder, Screen, VisualClass, Visualtype};

use super::windows::{OwnError, painted};
use crate::screen::area::Area;
use crate::screen::mask::keep_own;
use crate::screen::picture::Picture;
use crate::screen::pixels::{Layout, LayoutError};
use crate::screen::{Grabbed, MOST_DISPLAYS, ScreenError};
use crate::x11::{X11, X11Error};

/// Bytes that are asked for in one request: what the server makes for it, and we hold, beside the image.
const STRIP: usize = 4 << 20;
/// Of the name of a display.
const LONGEST_NAME: usize = 64;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub(super) enum GrabError {
    #[error(transparent)]
    Display(#[from] X11Error),
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error(transparent)]
    Image(#[from] ScreenError),
    #[error("no image is taken, since it is not known which windows are the program's")]
    Own(#[from] OwnError),
}

impl From<ConnectionError> for GrabError {
    fn from(error: ConnectionError) -> Self {
        X11Error::from(error).into()
    }
}

impl From<ReplyError> for GrabError {
    fn from(error: ReplyError) -> Self {
        X11Error::from(error).into()
    }
}

/// Takes all displays; of a product's own windows alone where `own` says so. What is wrong with one display goes to `troubled` and costs that one only.
pub(super) fn grab(
    x11: &X11,
    own: Option<u32>,
    mut troubled: impl FnMut(&GrabError),
) -> Result<Vec<Grabbed>, GrabError> {
    let (connection, root) = (x11.connection(), x11.screen());
    let layout = layout(connection, root)?;
    let own_windows = || own.map(|pid| painted(x11, pid)).transpose();
    let before = own_windows()?;
    let mut taken = Vec::new();
    for display in displays(connection, root)? {
        match picture(connection, root, &layout, display.area) {
            Ok(picture) => taken.push((display, picture)),
            Err(error) => troubled(&error),
        }
    }
    // Asked again. Why not stop the server for that long: it would stand still for good if we did.
    if let (Some(before), Some(after)) = (before, own_windows()?) {
        taken.retain_mut(|(display, picture)| keep_own(&before, &after, display.area, picture));
        if taken.is_empty() {
            return Err(OwnError::None.into());
        }
    }
    Ok(taken.into_iter().map(|(display, picture)| Grabbed { display: display.name, picture }).collect())
}

struct Display {
    name: String,
    area: Area,
}

/// The displays as they lie on the root window; the whole of it where the server knows of none.
fn displays(connection: &impl Connection, root: &Screen) -> Result<Vec<Display>, GrabError> {
    let geometry = connection.get_geometry(root.root)?.reply()?;
    let whole = Area::new(0, 0, geometry.width.into(), geometry.height.into());
    let mut displays: Vec<Display> = Vec::new();
    if connection.extension_information(randr::X11_EXTENSION_NAME)?.is_some()
        && connection
            .randr_query_version(1, 5)?
            .reply()
            .is_ok_and(|has| (has.major_version, has.minor_version) >= (1, 5))
        && let Ok(monitors) = connection.randr_get_monitors(root.root, true)?.reply()
    {
        for monitor in monitors.monitors {
            let area = Area::new(monitor.x.into(), monitor.y.into(), monitor.width.into(), monitor.height.into());
            // Displays that show the same are one image.
            if let Some(area) = area.and(whole).filter(|area| displays.iter().all(|display| display.area != *area))
                && displays.len() < MOST_DISPLAYS
            {
                displays.push(Display { name: name(connection, monitor.name), area });
            }
        }
    }
    if displays.is_empty() {
        displays.push(Display { name: String::new(), area: whole });
    }
    Ok(displays)
}

/// `eDP-1`. Nothing where it cannot be had.
fn name(connection: &impl Connection, atom: u32) -> String {
    let asked = connection.get_atom_name(atom).ok().and_then(|asked| asked.reply().ok());
    let name = asked.map(|reply| String::from_utf8_lossy(&reply.name).into_owned()).unwrap_or_default();
    name[..name.floor_char_boundary(LONGEST_NAME)].to_owned()
}

/// How the root window's pixels lie in an image.
fn layout(connection: &impl Connection, root: &Screen) -> Result<Layout, GrabError> {
    let setup = connection.setup();
    let mut visuals = root.allowed_depths.iter().flat_map(|depth| &depth.visuals);
    let visual = visuals.find(|visual| visual.visual_id == root.root_visual).ok_or(X11Error::Nonsense)?;
    let format = setup.pixmap_formats.iter().find(|format| format.depth == root.root_depth);
    let format = format.ok_or(X11Error::Nonsense)?;
    let Visualtype { red_mask, green_mask, blue_mask, .. } = *visual;
    // Otherwise the bits of a pixel are the number of a colour.
    let has_colours = matches!(visual.class, VisualClass::TRUE_COLOR | VisualClass::DIRECT_COLOR);
    let masks = if has_colours { [red_mask, green_mask, blue_mask] } else { [0; 3] };
    let is_big_endian = setup.image_byte_order == ImageOrder::MSB_FIRST;
    Ok(Layout::new(format.bits_per_pixel, format.scanline_pad, is_big_endian, masks)?)
}

fn picture(connection: &impl Connection, root: &Screen, layout: &Layout, area: Area) -> Result<Picture, GrabError> {
    let (width, height) = (area.width(), area.height());
    let mut picture = Picture::begin(width, height)?;
    let rows_at_once = (STRIP / layout.stride(width).max(1)).clamp(1, height as usize) as u32;
    for first in (0..height).step_by(rows_at_once as usize) {
        let rows = rows_at_once.min(height - first);
        // Parts of the root window's area, whose sides the protocol has in 16 bits.
        let (x, y) = (area.left as i16, (area.top + first as i32) as i16);
        let asked =
            connection.get_image(ImageFormat::Z_PIXMAP, root.root, x, y, width as u16, rows as u16, u32::MAX)?;
        let image = asked.reply()?;
        if image.depth != root.root_depth {
            return Err(X11Error::Nonsense.into());
        }
        layout.read(&image.data, width, rows, &mut picture.rgb)?;
    }
    Ok(picture)
}

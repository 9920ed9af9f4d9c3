//! Whose the windows on the screen are.
//!
//! Whose a window is, is what the server knows of the process at the other end of the connection (the X-Resource extension). Not what the window says
//! (`_NET_WM_PID`): there any program can write any number, and one on another machine does. Where the server's numbers of processes are not ours (another
//! container's), it shows by the number that it has for this process.

use std::collections::{HashMap, HashSet};

use x11rb::connection::Connection;
use x11rb::cookie::Cookie;
use x11rb::errors::{ConnectionError, ReplyError};
use x11rb::protocol::res::{self, ClientIdMask, ClientIdSpec, ConnectionExt as _};
use x11rb::protocol::shape::{self, ConnectionExt as _, SK};
use x11rb::protocol::xproto::{
    AtomEnum, ConnectionExt as _, GetPropertyReply, MapState, Screen, Window as WindowId, WindowClass,
};

use crate::screen::area::Area;
use crate::screen::mask::Painted;
use crate::x11::{X11, X11Error};

/// Windows that are looked at. A desktop has some hundreds, old toolkits some for each button.
const MOST_WINDOWS: usize = 20_000;
/// Windows in windows.
const DEEPEST: usize = 64;
/// Asked about at once.
const AT_ONCE: usize = 256;
/// Rectangles of which one window consists; a round corner has some.
const MOST_RECTANGLES: usize = 512;

/// Why it is not known.
#[derive(Debug, thiserror::Error)]
pub(super) enum OwnError {
    #[error("the display's server cannot tell whose a window is (it lacks the X-Resource extension, version 1.2)")]
    NoXRes,
    #[error("the display's server is in another container, or counts processes otherwise")]
    OtherProcesses,
    #[error("the windows are too many, or of too many pieces")]
    TooMany,
    #[error("none of the program's windows is on the screen")]
    None,
    #[error(transparent)]
    Display(#[from] X11Error),
}

impl From<ConnectionError> for OwnError {
    fn from(error: ConnectionError) -> Self {
        X11Error::from(error).into()
    }
}

impl From<ReplyError> for OwnError {
    fn from(error: ReplyError) -> Self {
        X11Error::from(error).into()
    }
}

/// The windows of the screen in the order in which they are painted, the lowest first, each in the parts of it that can be seen where none is above.
pub(super) fn painted(display: &X11, pid: u32) -> Result<Vec<Painted>, OwnError> {
    let (connection, root) = (display.connection(), display.screen());
    let desktop = Desktop {
        mask: !connection.setup().resource_id_mask,
        own: clients_of(connection, pid)?,
        manager: window_manager(connection, root)?,
        composited: is_composited(display)?,
        windows: HashMap::new(),
        painted: Vec::new(),
    };
    let children = connection.query_tree(root.root)?.reply()?.children;
    let desktop = desktop.look(connection, &children)?;
    let whole = Area::new(0, 0, root.width_in_pixels.into(), root.height_in_pixels.into());
    desktop.paint_all(&children, whole)
}

/// The connections of a process, by what all ids of its windows have in common.
fn clients_of(connection: &impl Connection, pid: u32) -> Result<HashSet<u32>, OwnError> {
    if connection.extension_information(res::X11_EXTENSION_NAME)?.is_none() {
        return Err(OwnError::NoXRes);
    }
    let has = connection.res_query_version(1, 2)?.reply()?;
    if (has.server_major, has.server_minor) < (1, 2) {
        return Err(OwnError::NoXRes);
    }
    let all = ClientIdSpec { client: 0, mask: ClientIdMask::LOCAL_CLIENT_PID };
    let ids = connection.res_query_client_ids(&[all])?.reply()?.ids;
    let mask = !connection.setup().resource_id_mask;
    let clients =
        |pid: u32| ids.iter().filter(move |id| id.value.first() == Some(&pid)).map(|id| id.spec.client & mask);
    if !clients(std::process::id()).any(|client| client == connection.setup().resource_id_base) {
        return Err(OwnError::OtherProcesses);
    }
    // 0 is the server's own.
    Ok(clients(pid).filter(|client| *client != 0).collect())
}

/// The connection of the program that puts frames around windows.
fn window_manager(connection: &impl Connection, root: &Screen) -> Result<Option<u32>, OwnError> {
    let check = atom(connection, b"_NET_SUPPORTING_WM_CHECK")?;
    if check == 0 {
        return Ok(None);
    }
    let property = connection.get_property(false, root.root, check, AtomEnum::WINDOW, 0, 1)?.reply()?;
    let window = property.value32().and_then(|mut values| values.next());
    Ok(window.map(|window| window & !connection.setup().resource_id_mask).filter(|client| *client != 0))
}

/// Whether a program mixes the windows into one image, so that one can be seen through another.
fn is_composited(display: &X11) -> Result<bool, OwnError> {
    let connection = display.connection();
    let selection = atom(connection, format!("_NET_WM_CM_S{}", display.screen_number()).as_bytes())?;
    Ok(selection != 0 && connection.get_selection_owner(selection)?.reply()?.owner != 0)
}

/// 0 where nobody has used the name.
fn atom(connection: &impl Connection, name: &[u8]) -> Result<u32, OwnError> {
    Ok(connection.intern_atom(true, name)?.reply()?.atom)
}

struct Desktop {
    /// Of the bits of an id that say whose a window is.
    mask: u32,
    own: HashSet<u32>,
    manager: Option<u32>,
    composited: bool,
    windows: HashMap<WindowId, Window>,
    painted: Vec<Painted>,
}

/// A window that can be seen. Areas are relative to its parent.
struct Window {
    client: u32,
    /// With its border, and without.
    outer: Area,
    inner: Area,
    /// What of it there is: windows can be of any form.
    shape: Vec<Area>,
    see_through: SeeThrough,
    /// The lowest first.
    children: Vec<WindowId>,
}

/// Whether what lies below shines through.
enum SeeThrough {
    No,
    /// But for these parts.
    But(Vec<Area>),
    /// So do the windows in it.
    WithAll,
}

impl Desktop {
    /// Asks about all windows, one level after the other.
    fn look(mut self, connection: &impl Connection, top: &[WindowId]) -> Result<Self, OwnError> {
        let properties = Properties {
            opaque: atom(connection, b"_NET_WM_OPAQUE_REGION")?,
            opacity: atom(connection, b"_NET_WM_WINDOW_OPACITY")?,
        };
        let shapes = connection.extension_information(shape::X11_EXTENSION_NAME)?.is_some();
        let mut level = top.to_vec();
        for _ in 0..DEEPEST {
            let mut below = Vec::new();
            for some in level.chunks(AT_ONCE) {
                let asked: Vec<_> = some
                    .iter()
                    .map(|id| {
                        let told = self.composited && self.counts(*id & self.mask);
                        Question::ask(connection, *id, shapes, told.then_some(&properties))
                    })
                    .collect::<Result<_, _>>()?;
                for (id, question) in some.iter().zip(asked) {
                    // Windows come and go.
                    let Some(window) = question.answer(*id & self.mask)? else { continue };
                    below.extend_from_slice(&window.children);
                    self.windows.insert(*id, window);
                }
                if self.windows.len() + below.len() > MOST_WINDOWS {
                    return Err(OwnError::TooMany);
                }
            }
            if below.is_empty() {
                return Ok(self);
            }
            level = below;
        }
        Err(OwnError::TooMany)
    }

    fn counts(&self, client: u32) -> bool {
        self.own.contains(&client) || self.manager == Some(client)
    }

    fn paint_all(mut self, top: &[WindowId], whole: Area) -> Result<Vec<Painted>, OwnError> {
        for id in top {
            // Each window is painted once, whatever the server says of who is whose child.
            if let Some(window) = self.windows.remove(id) {
                let frames = self.frames(&window);
                self.paint(window, &[whole], frames, Place { origin: (0, 0), dimmed: false, depth: 0 })?;
            }
        }
        Ok(self.painted)
    }

    /// Whether it is the frame that the window manager has put around a window of the product's. What has a window of it somewhere inside is not: a panel with its icon.
    fn frames(&self, window: &Window) -> bool {
        let is_frames = Some(window.client) == self.manager && matches!(window.see_through, SeeThrough::No);
        let half = window.outer.pixels() / 2;
        let within = |window: &Window| window.children.iter().filter_map(|id| self.windows.get(id)).collect::<Vec<_>>();
        let children = within(window);
        let grandchildren: Vec<_> = children.iter().flat_map(|window| within(window)).collect();
        is_frames
            && children
                .into_iter()
                .chain(grandchildren)
                .any(|window| self.own.contains(&window.client) && window.inner.pixels() > half)
    }

    /// Paints a window and what is in it, where `clip` lets it be seen. `frames`: it counts as the product's.
    fn paint(&mut self, window: Window, clip: &[Area], frames: bool, place: Place) -> Result<(), OwnError> {
        let Place { origin, dimmed, depth } = place;
        if depth > DEEPEST {
            return Err(OwnError::TooMany);
        }
        let outer = window.outer.moved(origin.0, origin.1);
        let inner = window.inner.moved(origin.0, origin.1);
        let shape: Vec<_> = window.shape.iter().map(|part| part.moved(origin.0, origin.1)).collect();
        let seen = both(&both(&shape, &[outer])?, clip)?;
        if seen.is_empty() {
            return Ok(());
        }
        let dimmed = dimmed || matches!(window.see_through, SeeThrough::WithAll);
        let own = (frames || self.own.contains(&window.client)) && !dimmed;
        let is_solid = matches!(window.see_through, SeeThrough::No);
        self.painted.extend(seen.iter().map(|area| Painted { area: *area, own: own && is_solid }));
        if let SeeThrough::But(opaque) = &window.see_through
            && own
        {
            let opaque: Vec<_> = opaque.iter().map(|part| part.moved(origin.0, origin.1)).collect();
            self.painted.extend(both(&both(&opaque, &[inner])?, &seen)?.into_iter().map(|area| Painted { area, own }));
        }
        let clip = both(&seen, &[inner])?;
        for id in window.children {
            if let Some(child) = self.windows.remove(&id) {
                let place = Place { origin: (inner.left, inner.top), dimmed, depth: depth + 1 };
                self.paint(child, &clip, false, place)?;
            }
        }
        Ok(())
    }
}

/// Where a window lies.
#[derive(Clone, Copy)]
struct Place {
    /// Of its parent, without the border, on the screen.
    origin: (i32, i32),
    /// Its parents shine through.
    dimmed: bool,
    depth: usize,
}

/// The parts that are in both.
fn both(some: &[Area], others: &[Area]) -> Result<Vec<Area>, OwnError> {
    let parts: Vec<_> = some.iter().flat_map(|one| others.iter().filter_map(|other| one.and(*other))).collect();
    if parts.len() > MOST_RECTANGLES { Err(OwnError::TooMany) } else { Ok(parts) }
}

struct Properties {
    opaque: u32,
    opacity: u32,
}

/// What is asked about a window, all at once.
struct Question<'c, C: Connection> {
    geometry: Cookie<'c, C, x11rb::protocol::xproto::GetGeometryReply>,
    attributes: Cookie<'c, C, x11rb::protocol::xproto::GetWindowAttributesReply>,
    tree: Cookie<'c, C, x11rb::protocol::xproto::QueryTreeReply>,
    shape: Option<Cookie<'c, C, shape::GetRectanglesReply>>,
    properties: Option<[Cookie<'c, C, GetPropertyReply>; 2]>,
}

impl<'c, C: Connection> Question<'c, C> {
    fn ask(
        connection: &'c C,
        id: WindowId,
        shapes: bool,
        properties: Option<&Properties>,
    ) -> Result<Self, ConnectionError> {
        let property = |atom, words| connection.get_property(false, id, atom, AtomEnum::CARDINAL, 0, words);
        Ok(Self {
            geometry: connection.get_geometry(id)?,
            attributes: connection.get_window_attributes(id)?,
            tree: connection.query_tree(id)?,
            shape: if shapes { Some(connection.shape_get_rectangles(id, SK::BOUNDING)?) } else { None },
            properties: match properties {
                Some(Properties { opaque, opacity }) => {
                    Some([property(*opaque, 4 * MOST_RECTANGLES as u32)?, property(*opacity, 1)?])
                }
                None => None,
            },
        })
    }

    /// `None` where it cannot be seen, or is gone.
    fn answer(self, client: u32) -> Result<Option<Window>, OwnError> {
        let Some(geometry) = answered(self.geometry.reply())? else { return Ok(None) };
        let Some(attributes) = answered(self.attributes.reply())? else { return Ok(None) };
        let Some(tree) = answered(self.tree.reply())? else { return Ok(None) };
        let shape = match self.shape {
            Some(asked) => answered(asked.reply())?,
            None => None,
        };
        let is_seen = attributes.map_state == MapState::VIEWABLE && attributes.class != WindowClass::INPUT_ONLY;
        if !is_seen {
            return Ok(None);
        }
        let (x, y, border) = (i32::from(geometry.x), i32::from(geometry.y), u32::from(geometry.border_width));
        let (width, height) = (u32::from(geometry.width), u32::from(geometry.height));
        let inner = Area::new(x + border as i32, y + border as i32, width, height);
        let outer = Area::new(x, y, width + 2 * border, height + 2 * border);
        let part = |x: i32, y: i32, width, height| Area::new(x, y, width, height).moved(inner.left, inner.top);
        let shape = shape.map_or_else(
            || vec![outer],
            |shape| {
                let parts = shape.rectangles.iter();
                parts.map(|r| part(r.x.into(), r.y.into(), r.width.into(), r.height.into())).collect()
            },
        );
        if shape.len() > MOST_RECTANGLES {
            return Err(OwnError::TooMany);
        }
        let mut see_through = SeeThrough::No;
        if let Some([opaque, opacity]) = self.properties {
            let opacity = values(answered(opacity.reply())?.as_ref());
            if geometry.depth == 32 {
                let opaque = values(answered(opaque.reply())?.as_ref());
                let opaque = opaque.as_chunks::<4>().0.iter();
                see_through =
                    SeeThrough::But(opaque.map(|&[x, y, w, h]| part(x.cast_signed(), y.cast_signed(), w, h)).collect());
            }
            if opacity.first().is_some_and(|opacity| *opacity != u32::MAX) {
                see_through = SeeThrough::WithAll;
            }
        }
        Ok(Some(Window { client, outer, inner, shape, see_through, children: tree.children }))
    }
}

/// `None` where the window is gone.
fn answered<R>(reply: Result<R, ReplyError>) -> Result<Option<R>, OwnError> {
    match reply {
        Ok(reply) => Ok(Some(reply)),
        Err(ReplyError::X11Error(_)) => Ok(None),
        Err(ReplyError::ConnectionError(error)) => Err(error.into()),
    }
}

fn values(property: Option<&GetPropertyReply>) -> Vec<u32> {
    property.and_then(GetPropertyReply::value32).map(Iterator::collect).unwrap_or_default()
}

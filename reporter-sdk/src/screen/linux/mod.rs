//! Linux: an X server gives the images; a Wayland desktop takes one by its portal.

use std::env;
use std::time::{Duration, Instant};

use report_format::schema::v1;

mod portal;
mod windows;
mod x11;

use portal::PortalError;
use x11::GrabError;

use super::{Grabbed, SUBJECT};
use crate::handler::{soft_error, soft_note};
use crate::places;
use crate::x11::X11;

/// How long a desktop is waited for that has to take it for us, before `deadline`. The rest is for making it a PNG of ours.
const PORTAL_REST: Duration = Duration::from_secs(1);

/// Which desktop the product has, by the environment that this process has from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Desktop {
    /// Nothing of the environment is believed.
    Elevated,
    Wayland,
    X11,
}

impl Desktop {
    /// `None` where the product has no display.
    pub(super) fn of_this_process() -> Option<Desktop> {
        let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let is_wayland = || variable("XDG_SESSION_TYPE").is_some_and(|session| session == "wayland");
        match (variable("WAYLAND_DISPLAY"), variable("DISPLAY")) {
            _ if places::elevated() => Some(Desktop::Elevated),
            (Some(_), _) => Some(Desktop::Wayland),
            // Such a display has only the windows of X11 programs on a black ground.
            (None, Some(_)) if is_wayland() => Some(Desktop::Wayland),
            (None, Some(_)) => Some(Desktop::X11),
            (None, None) => None,
        }
    }

    /// Takes the images; of the windows of process `own_windows_of` alone, where that is said.
    pub(super) fn grab(
        self,
        own_windows_of: Option<u32>,
        deadline: Instant,
        soft_errors: &mut Vec<v1::SoftError>,
    ) -> Vec<Grabbed> {
        match self {
            Desktop::X11 => grab_x11(own_windows_of, deadline, soft_errors),
            Desktop::Wayland => {
                let grabbed = if own_windows_of.is_some() {
                    Err(PortalError::OwnWindows)
                } else {
                    portal::grab(deadline - PORTAL_REST)
                };
                let whole = |picture| Grabbed { display: String::new(), picture };
                grabbed
                    .map(whole)
                    .inspect_err(|error| soft_errors.push(soft_error(SUBJECT, error)))
                    .into_iter()
                    .collect()
            }
            Desktop::Elevated => {
                soft_errors.push(soft_note(SUBJECT, "not taken: this process has more rights than whoever started it"));
                Vec::new()
            }
        }
    }
}

fn grab_x11(own_windows_of: Option<u32>, deadline: Instant, soft_errors: &mut Vec<v1::SoftError>) -> Vec<Grabbed> {
    let connected = X11::of_environment(deadline).map_err(GrabError::from);
    let grabbed = connected.and_then(|display| match display {
        Some(display) => x11::grab(&display, own_windows_of, |error| soft_errors.push(soft_error(SUBJECT, error))),
        None => Ok(Vec::new()),
    });
    grabbed.unwrap_or_else(|error| {
        soft_errors.push(soft_error(SUBJECT, &error));
        Vec::new()
    })
}

#[cfg(test)]
mod tests;

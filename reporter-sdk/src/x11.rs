//! The product's X display, by its local socket.
//!
//! Situation: x11rb's own way to connect takes a host in `DISPLAY` for an order to connect there. Example: `ssh -X` sets `localhost:10.0`, and whatever
//! is asked then is asked of another machine, over the network, for as long as that likes. Handling: the name of the display is read here, one that is
//! reached over the network is an error, and what is asked of another has an end in time and size.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::net::SocketAddrUnix;
use x11rb::connection::Connection;
use x11rb::errors::{ConnectError, ConnectionError, ReplyError, ReplyOrIdError};
use x11rb::protocol::xproto::Screen;
use x11rb::rust_connection::RustConnection;

use crate::local_socket;

pub(crate) mod authority;
mod stream;
#[cfg(test)]
pub(crate) mod testing;

use stream::Limited;

/// Why a display could not be asked. Nothing of it is the server's words.
#[derive(Debug, thiserror::Error)]
pub(crate) enum X11Error {
    #[error("a display that is reached over the network is not asked")]
    Network,
    #[error("no display has such a name")]
    Name,
    #[error("the display has no such screen")]
    Screen,
    #[error("the display does not let us in")]
    Refused,
    #[error("the display has answered with an error")]
    Failed,
    #[error("the display has answered nonsense")]
    Nonsense,
    #[error("the display cannot do that")]
    Unsupported,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<ConnectError> for X11Error {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::IoError(error) => Self::Io(error),
            ConnectError::SetupFailed(_) | ConnectError::SetupAuthenticate(_) => Self::Refused,
            ConnectError::InvalidScreen => Self::Screen,
            _ => Self::Nonsense,
        }
    }
}

impl From<ConnectionError> for X11Error {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::IoError(error) => Self::Io(error),
            ConnectionError::UnsupportedExtension => Self::Unsupported,
            _ => Self::Nonsense,
        }
    }
}

impl From<ReplyError> for X11Error {
    fn from(error: ReplyError) -> Self {
        match error {
            ReplyError::ConnectionError(error) => error.into(),
            ReplyError::X11Error(_) => Self::Failed,
        }
    }
}

impl From<ReplyOrIdError> for X11Error {
    fn from(error: ReplyOrIdError) -> Self {
        match error {
            ReplyOrIdError::ConnectionError(error) => error.into(),
            ReplyOrIdError::X11Error(_) => Self::Failed,
            ReplyOrIdError::IdsExhausted => Self::Nonsense,
        }
    }
}

/// A connection on which everything is answered by its deadline, or fails.
#[derive(Debug)]
pub(crate) struct X11 {
    connection: RustConnection<Limited>,
    screen: usize,
}

impl X11 {
    /// The display that the environment names, if it names one; an elevated process does not believe it, since then who set it has fewer rights.
    pub(crate) fn of_environment(deadline: Instant) -> Result<Option<Self>, X11Error> {
        let variable = |name: &str| std::env::var(name).ok().filter(|_| !crate::places::elevated());
        Self::of_variables(variable, deadline)
    }

    /// The display that these variables name, if they name one.
    pub(crate) fn of_variables(
        variable: impl Fn(&str) -> Option<String>,
        deadline: Instant,
    ) -> Result<Option<Self>, X11Error> {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let Some(display) = variable("DISPLAY") else { return Ok(None) };
        let own = || variable("HOME").map(|home| Path::new(&home).join(".Xauthority"));
        let authority = variable("XAUTHORITY").map(PathBuf::from).or_else(own);
        Self::connect(&display, authority.as_deref(), deadline).map(Some)
    }

    /// `authority`: the file of cookies; where it has none for this display, or cannot be read, we try without one.
    pub(crate) fn connect(display: &str, authority: Option<&Path>, deadline: Instant) -> Result<Self, X11Error> {
        let Name { display, screen } = Name::parse(display)?;
        // The path first: no other user can bind it while the server lives.
        let path = format!("/tmp/.X11-unix/X{display}");
        let by_path = SocketAddrUnix::new(&path).map_err(io::Error::from)?;
        let by_name = SocketAddrUnix::new_abstract_name(path.as_bytes()).map_err(io::Error::from)?;
        let stream = local_socket::connect(&by_path, deadline)
            .or_else(|error| local_socket::connect(&by_name, deadline).map_err(|_| error))?;
        let (name, cookie) = authority.and_then(|file| authority::cookie(file, display)).unwrap_or_default();
        let connection =
            RustConnection::connect_to_stream_with_auth_info(Limited::new(stream, deadline)?, screen, name, cookie)?;
        connection.stream().follow_packets();
        Ok(Self { connection, screen })
    }

    /// To ask with; x11rb's requests are methods of this.
    pub(crate) fn connection(&self) -> &RustConnection<Limited> {
        &self.connection
    }

    /// Of the screen that the display's name means, as 0 in `:1.0`.
    pub(crate) fn screen_number(&self) -> usize {
        self.screen
    }

    /// The screen that the display's name means, with its root window.
    pub(crate) fn screen(&self) -> &Screen {
        // x11rb has refused a screen that is not there.
        &self.connection.setup().roots[self.screen]
    }
}

/// `:0`, `:0.1`, `unix:0`, `unix/:0`.
#[derive(Debug, PartialEq)]
struct Name {
    display: u16,
    screen: usize,
}

impl Name {
    fn parse(text: &str) -> Result<Self, X11Error> {
        let (host, numbers) = text.rsplit_once(':').ok_or(X11Error::Name)?;
        if !["", "unix", "unix/"].contains(&host) {
            return Err(X11Error::Network);
        }
        let (display, screen) = numbers.split_once('.').unwrap_or((numbers, "0"));
        // `parse` would take a sign.
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(display) || !digits(screen) {
            return Err(X11Error::Name);
        }
        let screen: u8 = screen.parse().map_err(|_| X11Error::Name)?;
        Ok(Self { display: display.parse().map_err(|_| X11Error::Name)?, screen: screen.into() })
    }
}

#[cfg(test)]
mod tests;

//! Nothing forks here, so no crash is ever one of a forked child.

use crate::handler::evidence::Occurrence;
use crate::ipc::socket::{Datagram, IpcError, Socket};
use crate::shared::snapshot::Snapshot;

use super::watch::Product;

/// There is none.
#[derive(Debug)]
pub(crate) enum CrashedChild {}

/// Whatever claims to be one.
#[derive(Debug, thiserror::Error)]
#[error("no process forks on Windows")]
pub(crate) struct NoChild;

/// Nobody has to be told apart.
#[allow(clippy::unnecessary_wraps, reason = "as elsewhere")]
pub(crate) fn listen(_crash_channel: &Socket) -> Result<(), IpcError> {
    Ok(())
}

impl CrashedChild {
    pub(crate) fn of(_product: &Product, _bytes: &[u8], _datagram: Datagram) -> Result<Self, NoChild> {
        Err(NoChild)
    }

    pub(crate) fn pid(&self) -> u32 {
        match *self {}
    }

    pub(crate) fn into_socket(self) -> Socket {
        match self {}
    }

    pub(crate) fn occurrence(&self, _snapshot: Snapshot) -> Occurrence {
        match *self {}
    }
}

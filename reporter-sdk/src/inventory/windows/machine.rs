//! Where subjects read: registry, folders, and the plain calls that each makes itself.

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use super::registry::{Hive, Key, View};
use crate::inventory::network_names::own_address;
use crate::inventory::notes::Notes;
use crate::redact::GlobalAddr;

/// Of the entries of one folder.
const FOLDER_LIMIT: usize = 4096;

/// The machine as subjects see it; one with a registry of its own in tests.
#[derive(Clone)]
pub(in crate::inventory) struct Machine {
    /// In tests: the key of the user that holds the prepared registry.
    prepared: Option<String>,
    address: fn() -> Option<GlobalAddr>,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").field("prepared", &self.prepared).finish_non_exhaustive()
    }
}

impl Machine {
    pub(in crate::inventory) fn this() -> Self {
        Self { prepared: None, address: own_address }
    }

    /// With the registry at this key of the user: `64` and `32` in it stand for the machine's views, `user` for the user's.
    #[cfg(test)]
    pub(super) fn prepared(registry: &str) -> Self {
        Self { prepared: Some(registry.to_owned()), address: || None }
    }

    /// The end of a step that may take `time`.
    pub(super) fn deadline(&self, time: Duration) -> Instant {
        Instant::now() + time
    }

    /// The key at `HKLM\…` or `HKCU\…`, if there is one. That it cannot be read is noted, and so is the place where something was read.
    pub(super) fn key(&self, place: &'static str, view: View, notes: &mut Notes) -> Option<Key> {
        match self.open(place, view) {
            Ok(None) => None,
            read => notes.of(place, read).flatten(),
        }
    }

    fn open(&self, place: &str, view: View) -> io::Result<Option<Key>> {
        let (hive, path) = match place.split_once('\\') {
            Some(("HKLM", path)) => (Hive::Machine, path),
            Some(("HKCU", path)) => (Hive::User, path),
            _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "no such hive")),
        };
        let Some(prepared) = &self.prepared else { return Key::open(hive, path, view) };
        let folder = match (hive, view) {
            (Hive::Machine, View::Bits64) => "64",
            (Hive::Machine, View::Bits32) => "32",
            (Hive::User, _) => "user",
        };
        Key::open(Hive::User, &format!(r"{prepared}\{folder}\{path}"), View::Bits64)
    }

    /// The names in a folder, 4096 at most, sorted; nothing where it cannot be read. Names that are no UTF-16 are left out.
    pub(in crate::inventory) fn list(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(path).into_iter().flatten().flatten().take(FOLDER_LIMIT);
        let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort_unstable();
        names
    }

    /// An address of this machine that the Internet sees.
    pub(super) fn address(&self) -> Option<GlobalAddr> {
        (self.address)()
    }
}

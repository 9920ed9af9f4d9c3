//! The image of a Wayland desktop, which only the desktop itself can take: by its portal, where the person has allowed that once and for all. Otherwise the desktop
//! would ask, with a window of its own, before ours does.

use std::collections::HashMap;
use std::env;
use std::fs::{self, File};
use std::io::{self, Read};
use std::net::Shutdown;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::mpsc;
use std::thread;
use std::time::{Instant, SystemTime};

use futures_core::Stream;
use rustix::fs::OFlags;
use rustix::net::SocketAddrUnix;
use uuid::Uuid;
use zbus::connection::Builder;
use zbus::{Connection, MatchRule, Message, MessageStream, OwnedVariant, Variant, block_on};

use crate::local_socket;
use crate::screen::ScreenError;
use crate::screen::picture::Picture;

const DESKTOP: &str = "org.freedesktop.portal.Desktop";
const DESKTOP_PATH: &str = "/org/freedesktop/portal/desktop";
const PERMISSIONS: &str = "org.freedesktop.impl.portal.PermissionStore";
const PERMISSIONS_PATH: &str = "/org/freedesktop/impl/portal/PermissionStore";
/// Of the desktop's PNG. Of all displays together; what is kept is smaller.
const MOST_BYTES: u64 = 64 << 20;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub(super) enum PortalError {
    #[error("Wayland: there is no session bus by a socket of this machine")]
    NoBus,
    #[error("Wayland: the session bus has no portal that would take the desktop")]
    NoPortal,
    #[error("Wayland: the desktop would ask first")]
    WouldAsk,
    #[error("Wayland: the desktop does not tell which windows are the program's")]
    OwnWindows,
    #[error("Wayland: the desktop has declined")]
    Declined,
    #[error("Wayland: the desktop does not answer in time")]
    Silent,
    #[error("Wayland: the session bus cannot be reached")]
    Unreachable(#[source] io::Error),
    /// What it says can quote anything.
    #[error("Wayland: the session bus does not do what is asked of it")]
    Bus,
    #[error("Wayland: the desktop's image is not a file of ours")]
    File,
    #[error("Wayland: the desktop's image cannot be read")]
    Io(#[source] io::Error),
    #[error(transparent)]
    Image(#[from] ScreenError),
}

/// Takes the image of the whole desktop by the session bus that the environment names.
pub(super) fn grab(deadline: Instant) -> Result<Picture, PortalError> {
    let address = env::var_os("DBUS_SESSION_BUS_ADDRESS").ok_or(PortalError::NoBus)?;
    let address = socket(&address.into_vec()).ok_or(PortalError::NoBus)?;
    grab_by(&address, &application(), deadline)
}

fn grab_by(address: &SocketAddrUnix, application: &str, deadline: Instant) -> Result<Picture, PortalError> {
    let stream = local_socket::connect(address, deadline).map_err(PortalError::Unreachable)?;
    let watchdog = Watchdog::over(&stream, deadline).map_err(PortalError::Unreachable)?;
    let started = SystemTime::now();
    let asked = block_on(ask(stream, application));
    // The portal closes what it shows of a request when whoever has made it is gone.
    let in_time = watchdog.call_off();
    let uri = asked.map_err(|error| if in_time { error } else { PortalError::Silent })?;
    let bytes = take_file(&uri, started)?;
    Ok(Picture::from_png(&bytes)?)
}

/// Gives where the image is.
async fn ask(stream: UnixStream, application: &str) -> Result<String, PortalError> {
    let bus = Builder::unix_stream(stream).build().await.map_err(|_| PortalError::Bus)?;
    allowed(&bus, application).await?;
    // The answer is a signal of an object whose path we can know before we ask, so that none is missed.
    let token = format!("report{}", Uuid::now_v7().simple());
    let sender = bus.unique_name().ok_or(PortalError::Bus)?.trim_start_matches(':').replace('.', "_");
    let request = format!("{DESKTOP_PATH}/request/{sender}/{token}");
    let mut answers = answers(&bus, &request).await.map_err(|_| PortalError::Bus)?;
    let options = HashMap::from([("handle_token", Variant::from(token)), ("interactive", Variant::from(false))]);
    // No window of ours belongs to it.
    let question = ("", options);
    let screenshot = Some("org.freedesktop.portal.Screenshot");
    let called = bus.call_method(Some(DESKTOP), DESKTOP_PATH, screenshot, "Screenshot", &question);
    called.await.map_err(|error| if is_nobody_there(&error) { PortalError::NoPortal } else { PortalError::Bus })?;
    let answer = std::future::poll_fn(|context| Pin::new(&mut answers).poll_next(context)).await;
    let answer: Message = answer.ok_or(PortalError::Bus)?.map_err(|_| PortalError::Bus)?;
    let body = answer.body();
    let (response, mut results): (u32, HashMap<String, OwnedVariant>) =
        body.deserialize().map_err(|_| PortalError::Bus)?;
    match (response, results.remove("uri").map(String::try_from)) {
        (0, Some(Ok(uri))) => Ok(uri),
        (0, _) => Err(PortalError::Bus),
        _ => Err(PortalError::Declined),
    }
}

async fn answers(bus: &Connection, request: &str) -> zbus::Result<MessageStream> {
    let rule = MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .sender(DESKTOP)
        .path(request)
        .interface("org.freedesktop.portal.Request")
        .member("Response")
        .build()?;
    MessageStream::for_match_rule(rule, bus, None).await
}

/// Whether the person has said for good that this application may have such images. Whatever is not a clear yes is none.
async fn allowed(bus: &Connection, application: &str) -> Result<(), PortalError> {
    let (table, id) = ("screenshot", "screenshot");
    let asked = bus.call_method(Some(PERMISSIONS), PERMISSIONS_PATH, Some(PERMISSIONS), "Lookup", &(table, id)).await;
    // Whoever has a portal has this store of it.
    let answer =
        asked.map_err(|error| if is_nobody_there(&error) { PortalError::NoPortal } else { PortalError::WouldAsk })?;
    let body = answer.body();
    let permissions = body.deserialize::<(HashMap<String, Vec<String>>, OwnedVariant)>();
    let (permissions, _) = permissions.map_err(|_| PortalError::WouldAsk)?;
    let is_allowed = permissions.get(application).is_some_and(|allowed| *allowed == ["yes"]);
    is_allowed.then_some(()).ok_or(PortalError::WouldAsk)
}

/// Nobody on the bus has the name that was called, and nobody is to be started for it.
fn is_nobody_there(error: &zbus::Error) -> bool {
    matches!(error, zbus::Error::FDO(error) if matches!(**error, zbus::fdo::Error::ServiceUnknown(_)))
}

/// Under which name the portal knows this process, and so the product, which started it: that of the unit in which the desktop has started it; of one that was
/// started in another way, none.
fn application() -> String {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    application_of(&groups).unwrap_or_default()
}

/// `app-gnome-org.example.Editor-4711.scope`, `app-org.example.Editor@1.service`: org.example.Editor. As the portal reads it.
fn application_of(groups: &str) -> Option<String> {
    let unit = groups.lines().find_map(|line| line.strip_prefix("0::"))?.rsplit('/').next()?;
    let name = unit.strip_prefix("app-")?;
    let name = match name.strip_suffix(".scope") {
        Some(scope) => {
            scope.rsplit_once('-').filter(|(_, number)| number.bytes().all(|b| b.is_ascii_alphanumeric()))?.0
        }
        None => {
            let service = name.strip_suffix(".service")?;
            service.split_once('@').map_or(service, |(name, _)| name)
        }
    };
    // The one that started it, if it says so.
    let name = name.split_once('-').map_or(name, |(_, name)| name);
    unescaped(name.as_bytes(), b"\\x").map(|name| String::from_utf8_lossy(&name).into_owned())
}

/// The first socket of this machine in a bus address: `unix:path=/run/user/1000/bus,guid=…;…`.
fn socket(addresses: &[u8]) -> Option<SocketAddrUnix> {
    addresses.split(|byte| *byte == b';').find_map(|address| {
        let pairs = address.strip_prefix(b"unix:")?;
        pairs.split(|byte| *byte == b',').find_map(|pair| {
            match (pair.strip_prefix(b"path="), pair.strip_prefix(b"abstract=")) {
                (Some(path), _) => SocketAddrUnix::new(unescaped(path, b"%")?).ok(),
                (_, Some(name)) => SocketAddrUnix::new_abstract_name(&unescaped(name, b"%")?).ok(),
                _ => None,
            }
        })
    })
}

/// With what is written as `%41` or `\x41` as it is meant. `None` for what is cut off.
fn unescaped(mut text: &[u8], escape: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    while let Some((first, rest)) = text.split_first() {
        match text.strip_prefix(escape) {
            Some(escaped) => {
                let (digits, rest) = escaped.split_first_chunk::<2>()?;
                bytes.push(u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?);
                text = rest;
            }
            None => {
                bytes.push(*first);
                text = rest;
            }
        }
    }
    Some(bytes)
}

/// Reads the file of the image, which the desktop has made for us, and removes it: only we asked for it.
fn take_file(uri: &str, started: SystemTime) -> Result<Vec<u8>, PortalError> {
    let path = uri.strip_prefix("file://").and_then(|path| unescaped(path.as_bytes(), b"%"));
    let path = PathBuf::from(std::ffi::OsString::from_vec(path.ok_or(PortalError::File)?));
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = File::options();
    let opened = options.read(true).custom_flags(flags.bits().cast_signed()).open(&path);
    let file = opened.map_err(PortalError::Io)?;
    let found = file.metadata().map_err(PortalError::Io)?;
    // Not one that was there before: it is the person's. Some file systems have times of 2 s.
    let is_new = found.modified().is_ok_and(|at| at + std::time::Duration::from_secs(2) >= started);
    let is_ours = found.is_file() && found.uid() == rustix::process::geteuid().as_raw() && is_new;
    if !path.is_absolute() || !is_ours {
        return Err(PortalError::File);
    }
    let mut bytes = Vec::new();
    let read = file.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    let removed = fs::remove_file(&path);
    read.map_err(PortalError::Io)?;
    removed.map_err(PortalError::Io)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(ScreenError::Limit { most_bytes: MOST_BYTES as usize }.into());
    }
    Ok(bytes)
}

/// Cuts a connection off at a deadline: whoever waits for an answer then has an error.
struct Watchdog {
    call_off: mpsc::Sender<()>,
    thread: thread::JoinHandle<bool>,
}

impl Watchdog {
    fn over(stream: &UnixStream, deadline: Instant) -> io::Result<Watchdog> {
        let stream = stream.try_clone()?;
        let (call_off, called_off) = mpsc::channel();
        let watch = move || {
            let left = deadline.saturating_duration_since(Instant::now());
            let in_time = called_off.recv_timeout(left) != Err(mpsc::RecvTimeoutError::Timeout);
            if !in_time {
                // It may be closed.
                let _ = stream.shutdown(Shutdown::Both);
            }
            in_time
        };
        let thread = thread::Builder::new().name("screen deadline".into()).spawn(watch)?;
        Ok(Watchdog { call_off, thread })
    }

    /// Tells whether that was before the deadline.
    fn call_off(self) -> bool {
        drop(self.call_off);
        self.thread.join().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests;

//! The image of the desktop: each display as it was when the error happened, before any window of ours was up.
//!
//! It is taken on a thread of its own while the dump is made, so that neither waits for the other, and is compressed there while the rest is collected. Whatever
//! goes wrong is a soft error. Where there is no display, nothing is.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use report_format::schema::v1::{self, ErrorKind};

mod area;
#[cfg(target_os = "linux")]
mod linux;
mod mask;
mod picture;
mod pixels;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
use linux as sys;
#[cfg(windows)]
use windows as sys;

use picture::Picture;
use sys::Desktop;

use crate::fail_points::{self, Point};
use crate::handler::{soft_error, soft_note};

/// In soft errors and times.
const SUBJECT: &str = "screen";
/// How long it is waited for. A display of 8 million pixels takes a tenth of it.
const LIMIT: Duration = Duration::from_secs(4);
/// Bytes of the PNG of one display: that of a photograph on 4K has more, and becomes smaller.
const MOST_PNG: usize = 4 << 20;
/// Images of one report. A video wall has more displays; a desktop has not.
const MOST_DISPLAYS: usize = 8;

/// Why an image was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScreenError {
    /// No display has that size, and no image that would be shown.
    #[error("an image of {width} × {height} pixels is refused")]
    Size {
        /// As it is said to be.
        width: u32,
        /// As it is said to be.
        height: u32,
    },
    /// It does not fit, however small it is made.
    #[error("the image does not fit into {most_bytes} bytes")]
    Limit {
        /// What there would have been room for.
        most_bytes: usize,
    },
    /// The bytes are no PNG, or none that makes sense.
    #[error("the image cannot be read")]
    Read(#[from] png::DecodingError),
    /// It could not be made into a PNG.
    #[error("the image cannot be written")]
    Write(#[source] png::EncodingError),
}

/// A smaller copy of a PNG for a dialog, a PNG too: neither side has more than `longest_side` pixels, and neither is longer than it was. What is transparent
/// becomes white.
///
/// The image can be anybody's: what says to be larger than a display can be is refused before there is anything of it.
///
/// # Errors
/// It is no PNG, or one that is too large.
pub fn thumbnail(png: &[u8], longest_side: u32) -> Result<Vec<u8>, ScreenError> {
    let picture = Picture::from_png(png)?;
    let (width, height) = (picture.width, picture.height);
    let longest = width.max(height);
    let to = u64::from(longest_side.clamp(1, longest));
    // Rounded, and never nothing: a side of a ratio that is extreme stays one pixel wide.
    let side = |side: u32| ((u64::from(side) * to + u64::from(longest) / 2) / u64::from(longest)).max(1) as u32;
    let small = picture.scaled(side(width), side(height));
    small.to_png(usize::MAX)?.ok_or(ScreenError::Limit { most_bytes: usize::MAX })
}

/// Whether the desktop tells anything of an error of this kind, and shows what was there when it happened.
pub(crate) fn is_taken(kind: ErrorKind) -> bool {
    match kind {
        ErrorKind::Crash
        | ErrorKind::Panic
        | ErrorKind::UnhandledException
        | ErrorKind::Hang
        | ErrorKind::OutOfMemory
        | ErrorKind::Simulated => true,
        ErrorKind::HandledError | ErrorKind::Vanished | ErrorKind::Unspecified => false,
    }
}

/// Why nobody sees the desktop of this process.
#[cfg(windows)]
pub(crate) fn session() -> Result<(), String> {
    sys::session::check().map_err(|error| error.to_string())
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) screens: Vec<v1::Screen>,
    pub(crate) soft_errors: Vec<v1::SoftError>,
    pub(crate) time: Option<v1::SubjectTime>,
}

/// An image that is being taken.
pub(crate) struct Taking {
    told: Receiver<Told>,
    started: Instant,
    limit: Duration,
    is_grabbed: bool,
    /// Told, and not yet asked for.
    ended: Option<Result<Done, &'static str>>,
}

enum Told {
    /// What is on the screen from now on is not in the image.
    Grabbed,
    Done(Done),
}

struct Done {
    screens: Vec<v1::Screen>,
    soft_errors: Vec<v1::SoftError>,
    took: Duration,
}

/// One display, as it is now.
struct Grabbed {
    display: String,
    picture: Picture,
}

/// Begins to take the image; of the windows of process `own_windows_of` alone, where that is said. `None` where the product has no display.
pub(crate) fn begin(own_windows_of: Option<u32>) -> Option<Taking> {
    let desktop = Desktop::of_this_process()?;
    Some(Taking::begin(LIMIT, move |tell| take(desktop, own_windows_of, tell)))
}

impl Taking {
    fn begin(limit: Duration, take: impl FnOnce(&Sender<Told>) -> Done + Send + 'static) -> Taking {
        let (tell, told) = mpsc::channel();
        let work = move || {
            let done = take(&tell);
            // Nobody listens any more once the limit has passed.
            let _ = tell.send(Told::Done(done));
        };
        // A server that does not answer cannot be called off: the thread is left behind.
        let spawned = thread::Builder::new().name("screen".into()).spawn(work);
        let ended = spawned.is_err().then_some(Err("no thread"));
        Taking { told, started: Instant::now(), limit, is_grabbed: false, ended }
    }

    /// Waits until nothing that is shown from now on comes into the image.
    pub(crate) fn grabbed(&mut self) {
        if self.ended.is_none() && !self.is_grabbed {
            self.ended = self.next();
            self.is_grabbed = true;
        }
    }

    /// Waits for the image.
    pub(crate) fn finish(mut self) -> Taken {
        let ended = loop {
            if let Some(ended) = self.ended.take().or_else(|| self.next()) {
                break ended;
            }
        };
        let took = match &ended {
            Ok(done) => done.took,
            Err(_) => self.started.elapsed(),
        };
        let [took_nanos, limit_nanos] = [took, self.limit].map(|time| time.as_nanos().try_into().unwrap_or(u64::MAX));
        let time = Some(v1::SubjectTime { subject: SUBJECT.into(), took_nanos, limit_nanos });
        match ended {
            Ok(Done { screens, soft_errors, .. }) => Taken { screens, soft_errors, time },
            Err(why) => Taken { screens: Vec::new(), soft_errors: vec![soft_note(SUBJECT, why)], time },
        }
    }

    /// What is told next: `None` for the image that is taken and not yet compressed.
    fn next(&self) -> Option<Result<Done, &'static str>> {
        let left = (self.started + self.limit).saturating_duration_since(Instant::now());
        match self.told.recv_timeout(left) {
            Ok(Told::Grabbed) => None,
            Ok(Told::Done(done)) => Some(Ok(done)),
            Err(RecvTimeoutError::Timeout) => Some(Err("the display did not answer in time")),
            Err(RecvTimeoutError::Disconnected) => Some(Err("failed inside")),
        }
    }
}

fn take(desktop: Desktop, own_windows_of: Option<u32>, tell: &Sender<Told>) -> Done {
    let started = Instant::now();
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut soft_errors = Vec::new();
    // An answer cannot be an error: what the test wants is a panic or silence.
    let _ = fail_points::reach(Point::Screen);
    let grabbed = desktop.grab(own_windows_of, started + LIMIT, &mut soft_errors);
    // Nobody listens any more once the limit has passed.
    let _ = tell.send(Told::Grabbed);
    let time = time.as_nanos().try_into().unwrap_or(u64::MAX);
    let mut screens = Vec::new();
    for Grabbed { display, picture } in grabbed {
        match picture.fit(MOST_PNG) {
            Ok((png, Picture { width, height, .. }, scale_percent)) => {
                let own_windows_only = own_windows_of.is_some();
                screens.push(v1::Screen { display, png, width, height, time, own_windows_only, scale_percent });
            }
            Err(error) => soft_errors.push(soft_error(SUBJECT, &error)),
        }
    }
    Done { screens, soft_errors, took: started.elapsed() }
}

#[cfg(test)]
mod tests;

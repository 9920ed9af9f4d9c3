//! What waits on this machine's disk, owner-only: drafts that nobody has decided about, and reports that wait for delivery.
//!
//! ```text
//! <spool>/            0700
//!   choice            what the person wants to hold from now on
//!   counts            how often what was reported lately
//!   restarts          when the product was started again lately
//!   new/ID.draft      collected, undecided; destroyed when its time is over, or to make room
//!                     an image of the desktop in it is encrypted, and nobody's any more with the handler that took it
//!   new/ (no name)    the memory image of a draft, encrypted; destroyed with the handler that holds it and its key
//!   out/ID.report     granted and encoded; destroyed to make room
//!   out/ID.state      how its delivery stands, and the digest of the report beside it
//!   lost/NAME.lost    what a product has left itself, whose handler was lost: see `capture::lost`
//!   bad/              what could not be read: kept for a while, never looked at again
//! ```
//!
//! The wall between `new/` and `out/` is one of types: delivery gets [`Outgoing`], which only [`Spool::enqueue`] and
//! [`Spool::claim`] make, and both only from `out/`; nothing comes into `out/` but by `enqueue`, whose bytes come from
//! [`encode`](crate::encode::encode), which wants a [`Grant`](crate::consent::Grant).
//!
//! Every file comes into being under a temporary name, is written, flushed to the disk and renamed; then the directory is
//! flushed. Whatever a crash leaves behind is swept by the next [`Spool::open`]. Whoever works on an item holds an flock on
//! it, so two handlers never ask about the same draft or send the same report at once.

mod census;
mod choice;
mod counts;
mod directory;
mod drafts;
mod error;
mod fallback;
#[cfg_attr(not(any(target_os = "linux", windows)), expect(dead_code, reason = "for the handler alone"))]
mod lost;
mod outgoing;
mod removal;
mod schedule;
mod sealed_file;
mod sealed_sections;

use std::fs::File;
use std::path::{Path, PathBuf};

pub use census::Census;
pub use counts::{Admission, Counting, ReportLimits, Signature};
use directory::Directory;
pub use drafts::{EarlyDraft, HeldDraft};
pub use error::SpoolError;
#[cfg(any(target_os = "linux", windows))]
pub(crate) use lost::HeldLost;
pub use outgoing::{Failure, Outgoing, Undelivered};
pub use removal::Removed;
pub use schedule::GIVE_UP_AFTER;

#[cfg(any(target_os = "linux", windows))]
pub(crate) use sealed_file::{SealedFile, SealedReader, SealedWriter};
use sealed_sections::Keys;

use crate::places::{self, LOST};

/// A spool, opened and checked: ours, and nobody else can write it.
#[derive(Debug)]
pub struct Spool {
    root: Directory,
    new: Directory,
    out: Directory,
    lost: Directory,
    bad: Directory,
    limits: SpoolLimits,
    /// To what lies sealed in drafts.
    keys: Keys,
}

/// What lies in a spool at most. Zero is no limit. A single report may be larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolLimits {
    /// Drafts that nobody has decided about: whoever has been away for a while does not want to be asked more often than that.
    pub drafts: u32,
    /// Granted reports that wait for delivery.
    pub outgoing: u32,
    /// Bytes of all drafts, and again of all outgoing reports.
    pub bytes: u64,
}

impl Default for SpoolLimits {
    fn default() -> Self {
        Self { drafts: 20, outgoing: 100, bytes: 256 << 20 }
    }
}

impl SpoolLimits {
    /// Whether one more would be too many, where so many are there and all would have so many bytes.
    fn are_exceeded(count: usize, most: u32, bytes: u64, most_bytes: u64) -> bool {
        most > 0 && count >= most as usize || most_bytes > 0 && bytes > most_bytes
    }
}

impl Spool {
    /// Where the spool of a product lies unless the product says otherwise: `$XDG_STATE_HOME/<vendor>/<product>/reports`, by
    /// default `~/.local/state/…`; for root `/var/lib/error-reporting/…`, since root's environment may be a user's (`sudo`).
    ///
    /// `None` where there is no home directory, or where the process has more rights than who started it: its environment
    /// is then not to be believed.
    pub fn default_directory(vendor: &str, product: &str) -> Option<PathBuf> {
        places::spool(vendor, product)
    }

    /// Opens the spool, makes it where it is missing (0700), and sweeps what a crash or time has left over.
    ///
    /// # Errors
    /// The directory cannot be made or written, belongs to someone else, is a symbolic link, or others can write it or the
    /// directory above it.
    pub fn open(path: &Path) -> Result<Spool, SpoolError> {
        let spool = Spool::open_unswept(path)?;
        spool.sweep()?;
        Ok(spool)
    }

    /// The same without the sweep, for a second look at a spool that this process has just opened.
    ///
    /// Situation: to sweep takes the lock of each draft for a moment. Example: the thread that delivers opened the spool while the other one was about to settle
    /// what earlier runs had left, found a draft held by "another process", and left it to the next start.
    pub(crate) fn open_unswept(path: &Path) -> Result<Spool, SpoolError> {
        let root = Directory::create(path)?;
        let limits = SpoolLimits::default();
        Ok(Spool {
            new: root.below("new")?,
            out: root.below("out")?,
            lost: root.below(LOST)?,
            bad: root.below("bad")?,
            root,
            limits,
            keys: Keys::default(),
        })
    }

    /// With these limits from now on.
    #[must_use]
    pub fn limited(mut self, limits: SpoolLimits) -> Spool {
        self.limits = limits;
        self
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.root.path
    }

    /// A file in `new/` that has no name: it is gone with whoever has it open, however that ends.
    #[cfg_attr(not(any(target_os = "linux", windows)), expect(dead_code, reason = "for the handler alone"))]
    pub(crate) fn nameless_file(&self) -> Result<File, SpoolError> {
        self.new.nameless()
    }

    /// Removes what was left half done, and what has expired. An item that someone works on is left alone.
    fn sweep(&self) -> Result<(), SpoolError> {
        for directory in [&self.root, &self.new, &self.out, &self.lost] {
            directory.sweep_temporaries()?;
        }
        self.sweep_outgoing()?;
        self.sweep_drafts()?;
        self.lost.remove_older_than(drafts::EXPIRY)?;
        self.bad.remove_older_than(drafts::EXPIRY)
    }

    /// Moves a file that cannot be read out of the way, so that nobody stumbles over it twice.
    fn set_aside(&self, directory: &Directory, name: &str, why: &str) -> Result<(), SpoolError> {
        tracing::warn!(file = name, why, "moved to bad/: it cannot be read");
        directory.move_to(&self.bad, name)
    }
}

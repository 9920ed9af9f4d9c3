//! Places in the handler's pipeline at which tests let it fail, by name. Without the feature `fail-points`, which no release has, nothing is there.
//!
//! The variable `FAILPOINTS` of the handler's environment says what happens at which, in the words of the crate `fail`:
//! `draft-write=2*off->1*return(ENOSPC)` lets the third write of a draft meet a full disk. Of its actions these make sense here: `return(CODE)`, with one of
//! the codes below, `return(abort)`, which ends the handler there, `panic`, `sleep(MILLISECONDS)` and `off`.

use std::io;

macro_rules! points {
    ($($(#[doc = $doc:literal])+ $point:ident = $name:literal,)+) => {
        /// A place at which the handler can be made to fail.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(dead_code, reason = "those of files are reached by their names; see `reach_file`")]
        pub(crate) enum Point {
            $($(#[doc = $doc])+ $point,)+
        }

        /// The names of all points.
        #[cfg(feature = "fail-points")]
        pub const NAMES: &[&str] = &[$($name,)+];

        #[cfg(feature = "fail-points")]
        impl Point {
            fn name(self) -> &'static str {
                match self {
                    $(Self::$point => $name,)+
                }
            }
        }
    };
}

points! {
    /// The thread that dumps begins.
    Dump = "dump",
    /// The dump is there, and is about to be kept before anything is made of it.
    EarlyDraft = "early-draft",
    /// The thread that looks for frames begins.
    Unwind = "unwind",
    /// The file of a memory image is made, which has no name.
    ImageCreate = "image-create",
    /// Each time bytes of a memory image go to its file.
    ImageWrite = "image-write",
    /// A subject of the inventory begins, on its thread. Only a panic and a delay make a difference.
    Inventory = "inventory",
    /// The thread that takes an image of the desktop begins. Only a panic and a delay make a difference.
    Screen = "screen",
    /// A draft's file, early or whole, is made under its temporary name.
    DraftCreate = "draft-create",
    /// Each time bytes of a draft go to its file.
    DraftWrite = "draft-write",
    /// A whole draft is flushed to the disk.
    DraftFlush = "draft-flush",
    /// A draft, early or whole, gets its name.
    DraftRename = "draft-rename",
    /// A draft is destroyed: granted, declined, or expired.
    DraftRemove = "draft-remove",
    /// The question is about to be put, or the standing answer to be taken.
    Ask = "ask",
    /// The file of a granted report is made under its temporary name.
    ReportCreate = "report-create",
    /// Each time bytes of a granted report go to its file.
    ReportWrite = "report-write",
    /// A granted report is flushed to the disk.
    ReportFlush = "report-flush",
    /// A granted report gets its name.
    ReportRename = "report-rename",
    /// A report that was sent is removed.
    ReportRemove = "report-remove",
    /// The file of a report's state is made under its temporary name.
    StateCreate = "state-create",
    /// The state of a report is written.
    StateWrite = "state-write",
    /// The state of a report is flushed to the disk.
    StateFlush = "state-flush",
    /// The state of a report gets its name.
    StateRename = "state-rename",
    /// The state of a report that was sent is removed.
    StateRemove = "state-remove",
    /// The next counts of reports are begun, which is their lock, too.
    CountsCreate = "counts-create",
    /// The counts of reports are written.
    CountsWrite = "counts-write",
    /// The counts of reports are flushed to the disk.
    CountsFlush = "counts-flush",
    /// The counts of reports get their name.
    CountsRename = "counts-rename",
    /// What a product has left itself is about to be read.
    LostRead = "lost-read",
    /// A report that is due is about to be handed to its transport.
    Deliver = "deliver",
    /// What waited elsewhere is about to come home.
    Adopt = "adopt",
}

/// What is done to a file of the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Create,
    Write,
    Flush,
    Rename,
    Remove,
}

/// Does what the test wants to happen here: nothing, for the most part.
#[cfg(feature = "fail-points")]
pub(crate) fn reach(point: Point) -> io::Result<()> {
    reach_name(point.name())
}

/// The same for a step of a file of the spool, by the file's name. Files that no point is named after do not fail.
#[cfg(feature = "fail-points")]
pub(crate) fn reach_file(step: Step, file: &str) -> io::Result<()> {
    let family = match file.rsplit_once('.') {
        Some((_, family @ ("draft" | "report" | "state"))) => family,
        None if file == "counts" => file,
        _ => return Ok(()),
    };
    let step = match step {
        Step::Create => "create",
        Step::Write => "write",
        Step::Flush => "flush",
        Step::Rename => "rename",
        Step::Remove => "remove",
    };
    reach_name(&format!("{family}-{step}"))
}

#[cfg(feature = "fail-points")]
fn reach_name(name: &str) -> io::Result<()> {
    let code = match fail::eval(name, Option::unwrap_or_default).as_deref() {
        None => return Ok(()),
        Some("abort") => std::process::abort(),
        Some("EIO") => code::IO,
        Some("EACCES") => code::ACCESS,
        Some("ENOSPC") => code::NO_SPACE,
        Some(other) => return Err(io::Error::other(format!("{name} fails with {other:?}, which is no code"))),
    };
    Err(io::Error::from_raw_os_error(code))
}

/// What the system says of a device that fails, of a thing that is not ours, and of a disk that is full.
#[cfg(all(feature = "fail-points", unix))]
mod code {
    pub(super) const IO: i32 = libc::EIO;
    pub(super) const ACCESS: i32 = libc::EACCES;
    pub(super) const NO_SPACE: i32 = libc::ENOSPC;
}

/// The same.
#[cfg(all(feature = "fail-points", windows))]
mod code {
    use windows_sys::Win32::Foundation;
    pub(super) const IO: i32 = Foundation::ERROR_IO_DEVICE.cast_signed();
    pub(super) const ACCESS: i32 = Foundation::ERROR_ACCESS_DENIED.cast_signed();
    pub(super) const NO_SPACE: i32 = Foundation::ERROR_DISK_FULL.cast_signed();
}

/// Reads `FAILPOINTS`. For as long as what it returns lives, the points do what it says.
#[cfg(feature = "fail-points")]
#[must_use]
pub fn read_environment() -> impl Sized {
    fail::FailScenario::setup()
}

#[cfg(not(feature = "fail-points"))]
#[inline(always)]
pub(crate) const fn reach(_point: Point) -> io::Result<()> {
    Ok(())
}

#[cfg(not(feature = "fail-points"))]
#[inline(always)]
pub(crate) const fn reach_file(_step: Step, _file: &str) -> io::Result<()> {
    Ok(())
}

/// In a release nothing can fail here: whoever compiles this has seen it.
#[cfg(not(feature = "fail-points"))]
const _: () = {
    let reached = [reach(Point::Dump), reach_file(Step::Write, "counts")];
    assert!(reached[0].is_ok() && reached[1].is_ok());
    std::mem::forget(reached);
};

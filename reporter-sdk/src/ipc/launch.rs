//! Starts the handler program.

use std::{
    env,
    ffi::{CStr, OsStr},
    io,
    mem::MaybeUninit,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::unix::Socket;
use crate::Error;

const PROGRAM: &str = "reporter-handler";

/// A handler that was started, and the product's ends of its sockets.
#[derive(Debug)]
pub(crate) struct Launched {
    pub(crate) control: Socket,
    pub(crate) crash: Socket,
    /// The process that was started. The handler leaves it and goes on by itself.
    pub(crate) starter: Starter,
}

/// Starts `program`.
pub(crate) fn launch(program: &Path) -> Result<Launched, Error> {
    let failed = |source: io::Error| {
        let what = format!(
            "cannot start the handler {}: put {PROGRAM} beside the program or library that holds the SDK, or name its place by Options::handler",
            program.display()
        );
        Error::io(what, source)
    };
    if !program.is_absolute() {
        return Err(Error::Usage(format!("the handler's path must be absolute, not {}", program.display())));
    }
    let (control, control_there) = Socket::pair().map_err(failed)?;
    let (crash, crash_there) = Socket::pair().map_err(failed)?;
    // Its standard input and output, so that nothing is to be done between fork and exec: the standard library then starts it without a copy of the
    // product's page tables, which would take milliseconds for each hundred megabytes.
    let mut command = Command::new(program);
    command.arg("--serve").stdin(OwnedFd::from(control_there)).stdout(OwnedFd::from(crash_there)).stderr(Stdio::null());
    let child = command.spawn().map_err(failed)?;
    Ok(Launched { control, crash, starter: Starter(Some(child)) })
}

/// The process that was started, reaped before the product notices it: a product that waits for any child must not meet ours.
#[derive(Debug)]
pub(crate) struct Starter(Option<Child>);

impl Starter {
    /// It has left the handler behind and ends at once. Returns false where it does not, within a second: then it is the handler itself.
    pub(crate) fn reap(mut self) -> bool {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(1) {
            match self.0.as_mut().map(Child::try_wait) {
                Some(Ok(None)) => std::thread::sleep(Duration::from_millis(1)),
                // Ended, or reaped by the product's own handling of children.
                _ => {
                    self.0 = None;
                    return true;
                }
            }
        }
        self.0 = None;
        false
    }
}

impl Drop for Starter {
    /// A handler that did not answer is ended.
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Where the handler is: as the options say, else beside the library or program that holds the SDK.
pub(crate) fn find(options: Option<&Path>) -> PathBuf {
    if let Some(path) = options {
        return path.to_owned();
    }
    if cfg!(debug_assertions)
        && !elevated()
        && let Some(path) = env::var_os("REPORTER_HANDLER")
    {
        return path.into();
    }
    let program = env::current_exe().ok();
    let mut folders: Vec<&Path> = Vec::new();
    let library = library();
    folders.extend(library.as_deref().and_then(Path::parent));
    folders.extend(program.as_deref().and_then(Path::parent));
    if cfg!(debug_assertions) {
        // Cargo puts tests into `deps` and examples into `examples` beside the programs.
        folders.extend(program.as_deref().and_then(Path::parent).and_then(Path::parent));
    }
    let candidates: Vec<_> = folders.into_iter().map(|folder| folder.join(PROGRAM)).collect();
    // Where there is none, the first place is the one to name.
    candidates.iter().find(|path| path.is_file()).or(candidates.first()).cloned().unwrap_or_else(|| PROGRAM.into())
}

/// The library that holds this code; none where it is the product's executable, for which the loader only knows argv[0]: whatever the caller wrote.
fn library() -> Option<PathBuf> {
    let here = object_of(library as *const libc::c_void)?;
    // SAFETY: reads a value that the kernel gave at start.
    let entry = unsafe { libc::getauxval(libc::AT_ENTRY) } as *const libc::c_void;
    if object_of(entry).is_some_and(|program| program.dli_fbase == here.dli_fbase) || here.dli_fname.is_null() {
        return None;
    }
    // SAFETY: the loader's own string, which lives as long as the object that holds this code.
    let name = unsafe { CStr::from_ptr(here.dli_fname) };
    let path = Path::new(OsStr::from_bytes(name.to_bytes()));
    path.is_absolute().then(|| path.to_owned())
}

/// What the loader knows of the object that holds an address.
pub(crate) fn object_of(address: *const libc::c_void) -> Option<libc::Dl_info> {
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: dladdr only compares the address, and fills `info` where it returns other than 0.
    let found = unsafe { libc::dladdr(address, info.as_mut_ptr()) } != 0;
    // SAFETY: all fields are pointers, filled as the result says.
    found.then(|| unsafe { info.assume_init() })
}

/// Whether this process has rights that its caller has not.
pub(crate) fn elevated() -> bool {
    // SAFETY: reads a value that the kernel gave at start.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

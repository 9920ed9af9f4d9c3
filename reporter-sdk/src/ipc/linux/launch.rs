//! Starts the handler program.

use std::{
    env,
    ffi::{CStr, OsStr},
    io,
    mem::MaybeUninit,
    os::{
        fd::AsFd,
        unix::{ffi::OsStrExt, fs::MetadataExt},
    },
    path::{Path, PathBuf},
};

use super::{
    socket::Socket,
    spawn::{Process, spawn},
    trust,
};
use crate::{Error, places::elevated};

const PROGRAM: &str = "reporter-handler";

/// Where a distribution has it: a library lies there in a folder with all others, where programs have no place. With the number of the soname, so that two of
/// them can be installed.
const OF_DISTRIBUTION: &str = concat!("reporter-", env!("CARGO_PKG_VERSION_MAJOR"));

/// A handler that was started, and the product's ends of its sockets.
#[derive(Debug)]
pub(crate) struct Launched {
    pub(crate) control: Socket,
    pub(crate) crash: Socket,
    /// None where the other ends are in this process.
    pub(crate) process: Option<Process>,
    /// Names it in errors.
    pub(crate) program: String,
}

/// Starts `program`.
pub(crate) fn launch(program: &Path) -> Result<Launched, Error> {
    let failed = |source| failed(program, source);
    check(program)?;
    let (control, control_there) = Socket::pair().map_err(failed)?;
    let (crash, crash_there) = Socket::pair().map_err(failed)?;
    let process = spawn(program, c"--serve", control_there.as_fd(), crash_there.as_fd()).map_err(failed)?;
    Ok(Launched { control, crash, process: Some(process), program: program.display().to_string() })
}

/// Refuses a program that is named by where one stands, or that others can change or replace.
pub(crate) fn check(program: &Path) -> Result<(), Error> {
    if !program.is_absolute() {
        return Err(Error::Usage(format!("a program's path must be absolute, not {}", program.display())));
    }
    trust::check(program, &owners(), elevated())
}

/// It cannot be started, and what to do.
pub(super) fn failed(program: &Path, source: io::Error) -> Error {
    let what = format!(
        "cannot start the handler {}: put {PROGRAM} beside the program or library that holds the SDK, or name its place by Options::handler",
        program.display()
    );
    Error::io(what, source)
}

/// The users who may own the handler. Who owns the file that holds this code, or the root directory, could change what runs here as well: a container's files
/// can belong to a user of its host. Of a process with more rights than its caller has, root alone.
fn owners() -> Vec<u32> {
    const ROOT: u32 = 0;
    if elevated() {
        return vec![ROOT];
    }
    let here = library().or_else(|| env::current_exe().ok());
    let owner = |path: &Path| path.metadata().ok().map(|file| file.uid());
    let others = [here.as_deref(), Some(Path::new("/"))].into_iter().flatten().filter_map(owner);
    [ROOT, rustix::process::geteuid().as_raw()].into_iter().chain(others).collect()
}

/// Where the handler is: as the options say, else beside the library or program that holds the SDK, or in the folder that a distribution has beside the library.
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
    let candidates = candidates(library().as_deref(), env::current_exe().ok().as_deref());
    // Where there is none, the first place is the one to name.
    candidates.iter().find(|path| path.is_file()).or(candidates.first()).cloned().unwrap_or_else(|| PROGRAM.into())
}

/// Where it can be, the best place first.
fn candidates(library: Option<&Path>, program: Option<&Path>) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Some(folder) = library.and_then(Path::parent) {
        folders.extend([folder.to_owned(), folder.join(OF_DISTRIBUTION)]);
    }
    folders.extend(program.and_then(Path::parent).map(Path::to_owned));
    if cfg!(debug_assertions) {
        // Cargo puts tests into `deps` and examples into `examples` beside the programs.
        folders.extend(program.and_then(Path::parent).and_then(Path::parent).map(Path::to_owned));
    }
    folders.into_iter().map(|folder| folder.join(PROGRAM)).collect()
}

/// The library that holds this code; none where it is the product's executable, for which the loader only knows argv[0]: whatever the caller wrote.
fn library() -> Option<PathBuf> {
    let here = object_of(library as *const libc::c_void)?;
    if is_program(&here) || here.dli_fname.is_null() {
        return None;
    }
    // SAFETY: the loader's own string, which lives as long as the object that holds this code.
    let name = unsafe { CStr::from_ptr(here.dli_fname) };
    let path = Path::new(OsStr::from_bytes(name.to_bytes()));
    path.is_absolute().then(|| path.to_owned())
}

/// Whether this object is the product's executable.
pub(crate) fn is_program(object: &libc::Dl_info) -> bool {
    // SAFETY: reads a value that the kernel gave at start.
    let entry = unsafe { libc::getauxval(libc::AT_ENTRY) } as *const libc::c_void;
    object_of(entry).is_some_and(|program| program.dli_fbase == object.dli_fbase)
}

/// What the loader knows of the object that holds an address.
pub(crate) fn object_of(address: *const libc::c_void) -> Option<libc::Dl_info> {
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: dladdr only compares the address, and fills `info` where it returns other than 0.
    let found = unsafe { libc::dladdr(address, info.as_mut_ptr()) } != 0;
    // SAFETY: all fields are pointers, filled as the result says.
    found.then(|| unsafe { info.assume_init() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handler_is_beside_the_library_or_in_a_distributions_folder_and_before_those_beside_the_program() {
        let found = candidates(Some(Path::new("/usr/lib/libreporter.so.0")), Some(Path::new("/opt/ledger/ledger")));
        let places =
            ["/usr/lib/reporter-handler", "/usr/lib/reporter-0/reporter-handler", "/opt/ledger/reporter-handler"];
        assert_eq!(found[..3], places.map(PathBuf::from));
        let found = candidates(None, Some(Path::new("/opt/ledger/ledger")));
        assert_eq!(found[0], Path::new("/opt/ledger/reporter-handler"));
    }
}

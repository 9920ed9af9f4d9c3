//! Starts the handler program.

use std::{
    env,
    ffi::OsString,
    io,
    os::windows::{ffi::OsStringExt, io::AsRawHandle},
    path::{Path, PathBuf},
    ptr,
};

use windows_sys::Win32::{
    Foundation::HMODULE,
    System::LibraryLoader::{
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT, GetModuleFileNameW,
        GetModuleHandleExW,
    },
};

use super::{
    socket::Socket,
    spawn::{Process, spawn, this_process},
    trust,
};
use crate::{Error, places::elevated};

const PROGRAM: &str = "reporter-handler.exe";

/// A handler that was started, and the product's ends of its pipes.
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
    if !program.is_absolute() {
        return Err(Error::Usage(format!("the handler's path must be absolute, not {}", program.display())));
    }
    check(program)?;
    let (control, control_there) = Socket::pair().map_err(failed)?;
    let (crash, crash_there) = Socket::pair().map_err(failed)?;
    // What the handler may do with this process comes with it: no number that could be another process's by then has to be looked up.
    let product = this_process().map_err(failed)?;
    let arguments = format!("--serve --product {}", product.as_raw_handle() as usize);
    let others = [product.as_raw_handle()];
    let process = spawn(program, &arguments, control_there.raw(), crash_there.raw(), &others).map_err(failed)?;
    Ok(Launched { control, crash, process: Some(process), program: program.display().to_string() })
}

/// Refuses a program that somebody with fewer rights than this process could have changed, or could replace.
pub(crate) fn check(program: &Path) -> Result<(), Error> {
    trust::check(program, elevated())
}

/// It cannot be started, and what to do.
pub(super) fn failed(program: &Path, source: io::Error) -> Error {
    let what = format!(
        "cannot start the handler {}: put {PROGRAM} beside the program or library that holds the SDK, or name its place by Options::handler",
        program.display()
    );
    Error::io(what, source)
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
    let module = module();
    let mut folders: Vec<&Path> = Vec::new();
    folders.extend(module.as_deref().and_then(Path::parent));
    folders.extend(program.as_deref().and_then(Path::parent));
    if cfg!(debug_assertions) {
        // Cargo puts tests into `deps` and examples into `examples` beside the programs.
        folders.extend(program.as_deref().and_then(Path::parent).and_then(Path::parent));
    }
    let candidates: Vec<_> = folders.into_iter().map(|folder| folder.join(PROGRAM)).collect();
    // Where there is none, the first place is the one to name.
    candidates.iter().find(|path| path.is_file()).or(candidates.first()).cloned().unwrap_or_else(|| PROGRAM.into())
}

/// The program or library that holds this code.
fn module() -> Option<PathBuf> {
    let mut module: HMODULE = ptr::null_mut();
    let flags = GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    // SAFETY: with these flags the name is an address that is only compared.
    let found = unsafe { GetModuleHandleExW(flags, module_of_this as *const () as *const u16, &raw mut module) };
    if found == 0 {
        return None;
    }
    // Windows has no longer ones.
    let mut name = vec![0; 32 << 10];
    // SAFETY: a module that holds this code, and the room that is told.
    let length = unsafe { GetModuleFileNameW(module, name.as_mut_ptr(), name.len() as u32) } as usize;
    (length > 0 && length < name.len()).then(|| OsString::from_wide(&name[..length]).into())
}

fn module_of_this() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handler_that_is_not_there_is_named_with_what_to_do() {
        let error = launch(Path::new("C:\\nowhere\\reporter-handler.exe")).unwrap_err().to_string();
        assert!(error.contains("C:\\nowhere\\reporter-handler.exe") && error.contains("Options::handler"), "{error}");
        assert!(matches!(launch(Path::new("reporter-handler.exe")), Err(Error::Usage(_))));
    }

    #[test]
    fn the_place_of_this_code_is_this_program() {
        assert_eq!(module().unwrap(), env::current_exe().unwrap());
    }
}

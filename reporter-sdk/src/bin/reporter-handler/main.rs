//! The handler: started by a product's SDK, never by a person. A person can end those that run, and have it look whether all is well.

#[cfg(any(target_os = "linux", windows))]
mod doctor;
#[cfg(any(target_os = "linux", windows))]
mod forget;
#[cfg(any(target_os = "linux", windows))]
mod program;

use std::process::ExitCode;

#[cfg(any(target_os = "linux", windows))]
fn main() -> ExitCode {
    program::main()
}

/// On any other system there is nothing that it could serve: the SDK starts no handler there.
#[cfg(not(any(target_os = "linux", windows)))]
fn main() -> ExitCode {
    eprintln!("reporter-handler: errors are not reported on this system yet");
    ExitCode::FAILURE
}

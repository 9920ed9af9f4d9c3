//! Options about starting the product again after a crash.

use std::{ffi::c_char, path::PathBuf, time::Duration};

use reporter_sdk::Restart;

use crate::{
    ffi::{Failure, Given, Raw},
    options::{edit, reporter_options_t},
    status::reporter_status_t::{self, *},
};

/// The SDK makes these in one expression; C gives them one after the other.
#[derive(Debug, Default)]
pub(crate) struct RestartOptions {
    uptime: Duration,
    arguments: Vec<PathBuf>,
    program: Option<PathBuf>,
    directory: Option<PathBuf>,
}

impl RestartOptions {
    pub(crate) fn into_sdk(self) -> Restart {
        let mut restart = Restart::new(self.arguments).uptime(self.uptime);
        if let Some(program) = self.program {
            restart = restart.program(program);
        }
        if let Some(directory) = self.directory {
            restart = restart.directory(directory);
        }
        restart
    }
}

/// Starts the product again after a crash, an unhandled exception or a panic that ended it: its own program, without arguments, in the directory in
/// which it calls reporter_start(). Never in a loop: only if it had run for `uptime` milliseconds (60,000 is a good value), and not more than
/// twice in an hour. Never after a clean exit or a signal that somebody sent, and never with more rights than its user has.
///
/// The new process has the environment of the old one at its start, in which REPORTER_RESTARTED counts the restarts of the last hour, from 1. It has a
/// session of its own without a terminal, and its standard streams lead to /dev/null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_restart(
    options: *mut reporter_options_t,
    uptime: u32,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointer.
    unsafe {
        edit(options, [], |options, []| {
            options.restart.get_or_insert_default().uptime = Duration::from_millis(uptime.into());
            Ok(())
        })
    }
}

/// Gives the product one argument more when it is started again. reporter_options_set_restart() comes first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_add_restart_argument(
    options: *mut reporter_options_t,
    argument: *const c_char,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::terminated("argument", argument)], add_argument) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_add_restart_argument_n(
    options: *mut reporter_options_t,
    argument: *const c_char,
    length: usize,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::counted("argument", argument, length)], add_argument) }
}

fn add_argument(options: &mut reporter_options_t, [argument]: [Given<'_>; 1]) -> Result<(), Failure> {
    self::argument(options, argument.path()?)
}

pub(crate) fn argument(options: &mut reporter_options_t, argument: PathBuf) -> Result<(), Failure> {
    restart(options)?.arguments.push(argument);
    Ok(())
}

/// Starts another program than the product's own: absolute. reporter_options_set_restart() comes first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_restart_program(
    options: *mut reporter_options_t,
    program: *const c_char,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::terminated("program", program)], set_program) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_restart_program_n(
    options: *mut reporter_options_t,
    program: *const c_char,
    length: usize,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::counted("program", program, length)], set_program) }
}

fn set_program(options: &mut reporter_options_t, [program]: [Given<'_>; 1]) -> Result<(), Failure> {
    self::program(options, program.path()?)
}

pub(crate) fn program(options: &mut reporter_options_t, program: PathBuf) -> Result<(), Failure> {
    restart(options)?.program = Some(program);
    Ok(())
}

/// Starts it in another directory: absolute. reporter_options_set_restart() comes first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_restart_directory(
    options: *mut reporter_options_t,
    directory: *const c_char,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::terminated("directory", directory)], set_directory) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn reporter_options_set_restart_directory_n(
    options: *mut reporter_options_t,
    directory: *const c_char,
    length: usize,
) -> reporter_status_t {
    // SAFETY: the caller answers for the pointers.
    unsafe { edit(options, [Raw::counted("directory", directory, length)], set_directory) }
}

fn set_directory(options: &mut reporter_options_t, [directory]: [Given<'_>; 1]) -> Result<(), Failure> {
    self::directory(options, directory.path()?)
}

pub(crate) fn directory(options: &mut reporter_options_t, directory: PathBuf) -> Result<(), Failure> {
    restart(options)?.directory = Some(directory);
    Ok(())
}

fn restart(options: &mut reporter_options_t) -> Result<&mut RestartOptions, Failure> {
    let missing = "the product is not started again yet: reporter_options_set_restart() comes first";
    options.restart.as_mut().ok_or_else(|| Failure::new(REPORTER_ERROR_ARGUMENT, missing))
}

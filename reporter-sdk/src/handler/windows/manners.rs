//! How a product is started so that it finds all as if a person had started it.

use std::os::windows::process::CommandExt;
use std::process::Command;

use windows_sys::Win32::System::JobObjects::IsProcessInJob;
use windows_sys::Win32::System::Threading::{CREATE_BREAKAWAY_FROM_JOB, CREATE_NEW_PROCESS_GROUP};

/// What it does not get from its command line.
#[derive(Debug)]
pub(in crate::handler) struct Manners;

impl Manners {
    /// Those of process `pid`: all is the user's, and nothing a process's own.
    pub(in crate::handler) fn of(_pid: u32) -> Self {
        Self
    }

    /// Has `command` start with them. Handles are not inherited, but for the three that a command gives.
    pub(in crate::handler) fn give(&self, command: &mut Command) {
        // A product that leaves our job outlives us; outside of one the flag means nothing, and in one that lets nobody go it would be an error.
        let breakaway = if in_a_job() { 0 } else { CREATE_BREAKAWAY_FROM_JOB };
        command.creation_flags(CREATE_NEW_PROCESS_GROUP | breakaway);
    }
}

fn in_a_job() -> bool {
    let mut is_in = 0;
    // SAFETY: has no parameters.
    let this = unsafe { windows_sys::Win32::System::Threading::GetCurrentProcess() };
    // SAFETY: without a job it asks for any; the answer's place lives here.
    let told = unsafe { IsProcessInJob(this, std::ptr::null_mut(), &raw mut is_in) };
    told == 0 || is_in != 0
}

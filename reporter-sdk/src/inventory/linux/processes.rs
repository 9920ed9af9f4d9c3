//! Programs that run, grouped by path. Only name, program file, owner and memory of a process are asked for: never its arguments,
//! environment or working directory. The version is that of the package that owns the program file.

use report_format::schema::v1::Process;
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use super::account::{FIRST_PERSON, LAST_PERSON};
use super::machine::{Machine, Notes};
use super::packages;
use crate::inventory::program_groups::{Running, grouped};

/// Parent of the kernel's own threads, which are no programs.
const KERNEL_THREADS: u32 = 2;

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Vec<Process> {
    let mut system = match System::new() {
        Ok(system) => system,
        Err(error) => {
            notes.trouble("processes", &error);
            return Vec::new();
        }
    };
    let what = ProcessRefreshKind::nothing().with_exe(UpdateKind::Always).with_memory().with_user(UpdateKind::Always);
    notes.source("sysinfo");
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, what.without_tasks());
    let running = system.processes().values().filter(|process| {
        let parent = process.parent().map(sysinfo::Pid::as_u32);
        process.pid().as_u32() != KERNEL_THREADS && parent != Some(KERNEL_THREADS)
    });
    let mut processes = grouped(running.map(|process| Running {
        path: process.exe().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default(),
        name: process.name().to_string_lossy().into_owned(),
        system: process.user_id().is_some_and(|uid| !(FIRST_PERSON..LAST_PERSON).contains(&**uid)),
        memory: process.memory(),
    }));
    let versions = packages::versions(machine, notes, processes.iter().map(|process| process.path.as_str()));
    for process in &mut processes {
        // A program that runs for a person and for the system is two lines.
        process.version = versions.get(&process.path).cloned().unwrap_or_default();
    }
    processes
}

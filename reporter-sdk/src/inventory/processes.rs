//! Programs that run, grouped by path. Only name, program file, owner and memory of a process are asked for: never its arguments,
//! environment or working directory. The version is that of the package that owns the program file.

use std::collections::BTreeMap;

use report_format::schema::v1::Process;
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use super::account::{FIRST_PERSON, LAST_PERSON};
use super::machine::{Machine, Notes, text};
use super::packages;

/// Parent of the kernel's own threads, which are no programs.
const KERNEL_THREADS: u32 = 2;

pub(super) fn collect(machine: &Machine, notes: &mut Notes) -> Vec<Process> {
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

/// One process as it was found.
#[derive(Debug)]
struct Running {
    path: String,
    name: String,
    system: bool,
    memory: u64,
}

/// The program file's name is taken before the process's own, which a process can set to anything (`sshd: anna`).
fn grouped(running: impl Iterator<Item = Running>) -> Vec<Process> {
    let mut groups: BTreeMap<(String, String, bool), Process> = BTreeMap::new();
    for process in running {
        let path = text(&process.path);
        let name = match path.rsplit_once('/') {
            Some((_, file)) if !file.is_empty() => file.to_owned(),
            _ => own_name(&process.name),
        };
        let group = groups.entry((path.clone(), name.clone(), process.system)).or_insert_with(|| Process {
            name,
            path,
            system: process.system,
            ..Process::default()
        });
        group.count += 1;
        group.memory = group.memory.saturating_add(process.memory);
    }
    groups.into_values().collect()
}

/// Up to where a title begins: `sshd: anna [priv]`.
fn own_name(name: &str) -> String {
    text(name.split([':', ' ']).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_of_one_program_are_one_line() {
        let running =
            |path: &str, name: &str, memory| Running { path: path.into(), name: name.into(), system: false, memory };
        let found = grouped(
            [
                running("/usr/bin/tool", "tool", 1),
                running("/usr/bin/tool", "renamed", 2),
                running("/home/anna/bin/own", "own", 4),
                running("", "sshd: anna", 8),
            ]
            .into_iter(),
        );
        let lines: Vec<_> = found.iter().map(|p| (p.name.as_str(), p.path.as_str(), p.count, p.memory)).collect();
        let expected = [("sshd", "", 1, 8), ("own", "/home/<user>/bin/own", 1, 4), ("tool", "/usr/bin/tool", 2, 3)];
        assert_eq!(lines, expected);
    }
}

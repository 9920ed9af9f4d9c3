//! Running processes as the programs that they are.

use std::collections::BTreeMap;
use std::path::MAIN_SEPARATOR;

use report_format::schema::v1::Process;

use super::notes::text;

/// One process as it was found.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) path: String,
    pub(super) name: String,
    pub(super) system: bool,
    pub(super) memory: u64,
}

/// The program file's name is taken before the process's own, which a process can set to anything (`sshd: anna`).
pub(super) fn grouped(running: impl Iterator<Item = Running>) -> Vec<Process> {
    let mut groups: BTreeMap<(String, String, bool), Process> = BTreeMap::new();
    for process in running {
        let path = text(&process.path);
        let name = match path.rsplit_once(MAIN_SEPARATOR) {
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
        let here = |path: &str| if cfg!(windows) { format!("C:{}", path.replace('/', r"\")) } else { path.to_owned() };
        let running = |path: String, name: &str, memory| Running { path, name: name.into(), system: false, memory };
        let found = grouped(
            [
                running(here("/usr/bin/tool"), "tool", 1),
                running(here("/usr/bin/tool"), "renamed", 2),
                running(here("/Users/anna/bin/own"), "own", 4),
                running(String::new(), "sshd: anna", 8),
            ]
            .into_iter(),
        );
        let lines: Vec<_> = found.iter().map(|p| (p.name.as_str(), p.path.clone(), p.count, p.memory)).collect();
        let expected = [
            ("sshd", String::new(), 1, 8),
            ("own", here("/Users/<user>/bin/own"), 1, 4),
            ("tool", here("/usr/bin/tool"), 2, 3),
        ];
        assert_eq!(lines, expected);
    }
}

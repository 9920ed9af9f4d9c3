//! What the machine is like: each subject on its own, in its own time, and only if its category is wanted.
//!
//! A subject reads a fixed list of places and writes typed fields; nothing is copied whole. What it never reads: the environment, the
//! arguments and the working directory of a process, hardware addresses, serial numbers, window titles. Where a subject fails, panics or
//! hangs, the report says so and holds the rest.
//!
//! To add a subject: a file here with `collect(&Machine, &mut Troubles)`, a line in `SUBJECTS`, an arm in `Inventory::put`.

use std::time::Duration;

use prost::Message;
use report_format::schema::v1::{self, Category, SectionKind};

mod account;
mod bounded;
mod cpu;
mod dotnet;
mod kernel_modules;
mod locale;
mod machine;
mod memory;
mod network;
mod os;
mod processes;
mod services;
mod volumes;

use bounded::Subject;
use machine::Machine;

/// What [`collect`] found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Collected {
    /// Encoded sections, each wholly of one category, in the order of their kinds.
    pub sections: Vec<(SectionKind, Category, Vec<u8>)>,
    /// What could not be had. Names places that were read, never what was found there.
    pub soft_errors: Vec<v1::SoftError>,
}

/// Collects the subjects of each category for which `wants` says yes. The others are not looked at.
///
/// Subjects run side by side, so the call takes about `limit_per_subject` at the longest. One that gives no answer by then is left
/// behind on its thread (a read from a dead file server cannot be called off) and becomes a soft error.
///
/// ```
/// use std::time::Duration;
/// use report_format::schema::v1::{Category, SectionKind};
///
/// let found = reporter_sdk::inventory::collect(|category| category == Category::System, Duration::from_secs(2));
/// assert!(found.sections.iter().all(|(kind, _, _)| *kind == SectionKind::System));
/// ```
#[must_use]
pub fn collect(wants: impl Fn(Category) -> bool, limit_per_subject: Duration) -> Collected {
    collect_from(&Machine::this(), wants, limit_per_subject)
}

/// One answer of one subject.
#[derive(Debug)]
enum Part {
    Account(v1::Account),
    Cpu(v1::Cpu),
    Dotnet(Vec<v1::DotnetVersion>),
    KernelModules(Vec<v1::KernelModule>),
    Locale(v1::Locale),
    Memory(v1::MachineMemory),
    Network(v1::Network),
    Os(v1::OperatingSystem),
    Processes(Vec<v1::Process>),
    Services(Vec<v1::RunningService>),
    Volumes(Vec<v1::Volume>),
}

const SUBJECTS: [Subject<Part>; 11] = [
    Subject { name: "os", category: Category::System, collect: |m, t| Part::Os(os::collect(m, t)) },
    Subject { name: "dotnet", category: Category::System, collect: |m, t| Part::Dotnet(dotnet::collect(m, t)) },
    Subject { name: "locale", category: Category::System, collect: |m, t| Part::Locale(locale::collect(m, t)) },
    Subject { name: "cpu", category: Category::System, collect: |m, t| Part::Cpu(cpu::collect(m, t)) },
    Subject { name: "memory", category: Category::System, collect: |m, t| Part::Memory(memory::collect(m, t)) },
    Subject { name: "volumes", category: Category::System, collect: |m, t| Part::Volumes(volumes::collect(m, t)) },
    Subject { name: "account", category: Category::Account, collect: |m, t| Part::Account(account::collect(m, t)) },
    Subject { name: "network", category: Category::Network, collect: |m, t| Part::Network(network::collect(m, t)) },
    Subject {
        name: "processes",
        category: Category::Processes,
        collect: |m, t| Part::Processes(processes::collect(m, t)),
    },
    Subject {
        name: "services",
        category: Category::Processes,
        collect: |m, t| Part::Services(services::collect(m, t)),
    },
    Subject {
        name: "kernel_modules",
        category: Category::Processes,
        collect: |m, t| Part::KernelModules(kernel_modules::collect(m, t)),
    },
];

/// The sections as far as they have been answered.
#[derive(Debug, Default)]
struct Inventory {
    processes: Option<v1::Processes>,
    system: Option<v1::System>,
    account: Option<v1::Account>,
    network: Option<v1::Network>,
}

impl Inventory {
    fn put(&mut self, part: Part) {
        match part {
            Part::Account(account) => self.account = Some(account),
            Part::Network(network) => self.network = Some(network),
            Part::Cpu(cpu) => self.system().cpu = Some(cpu),
            Part::Dotnet(dotnet) => self.system().dotnet = dotnet,
            Part::Locale(locale) => self.system().locale = Some(locale),
            Part::Memory(memory) => self.system().memory = Some(memory),
            Part::Os(os) => self.system().os = Some(os),
            Part::Volumes(volumes) => self.system().volumes = volumes,
            Part::KernelModules(modules) => self.processes().kernel_modules = modules,
            Part::Processes(processes) => self.processes().processes = processes,
            Part::Services(services) => self.processes().services = services,
        }
    }

    fn system(&mut self) -> &mut v1::System {
        self.system.get_or_insert_default()
    }

    fn processes(&mut self) -> &mut v1::Processes {
        self.processes.get_or_insert_default()
    }

    fn into_sections(self) -> Vec<(SectionKind, Category, Vec<u8>)> {
        let section = |kind, category, bytes: Option<Vec<u8>>| bytes.map(|bytes| (kind, category, bytes));
        [
            section(SectionKind::Processes, Category::Processes, self.processes.map(|m| m.encode_to_vec())),
            section(SectionKind::System, Category::System, self.system.map(|m| m.encode_to_vec())),
            section(SectionKind::Account, Category::Account, self.account.map(|m| m.encode_to_vec())),
            section(SectionKind::Network, Category::Network, self.network.map(|m| m.encode_to_vec())),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn collect_from(machine: &Machine, wants: impl Fn(Category) -> bool, limit: Duration) -> Collected {
    let mut inventory = Inventory::default();
    let wanted: Vec<_> = SUBJECTS.into_iter().filter(|subject| wants(subject.category)).collect();
    let soft_errors = bounded::run(machine, &wanted, limit, |part| inventory.put(part));
    Collected { sections: inventory.into_sections(), soft_errors }
}

#[cfg(test)]
mod tests;

//! What the machine is like: each subject on its own, in its own time, and only if its category is wanted.
//!
//! A subject reads a fixed list of places (`sys`: those of this system) and writes typed fields; nothing is copied whole. What it never reads: the environment, the
//! arguments and the working directory of a process, hardware addresses, serial numbers, window titles. Where a subject fails, panics or
//! hangs, the report says so and holds the rest.
//!
//! To add a subject: a file in each system's folder with `collect(&Machine, &mut Notes)`, a line in `SUBJECTS`, an arm in `Inventory::put`. Where it read, it says through
//! its notes alone, and that comes into the report beside what it found.

use std::time::Duration;

use prost::Message;
use report_format::schema::v1::{self, Category, SectionKind};

mod bounded;
mod dotnet_folders;
#[cfg(target_os = "linux")]
mod linux;
mod network_names;
mod notes;
mod program_groups;
#[cfg(windows)]
mod windows;

use bounded::{Fared, Subject};
#[cfg(target_os = "linux")]
use linux as sys;
#[cfg(all(feature = "test-support", target_os = "linux"))]
pub(crate) use linux::fuzzing;
use sys::machine::Machine;
#[cfg(windows)]
use windows as sys;

/// What [`collect`] found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Collected {
    /// Encoded sections, each wholly of one category, in the order of their kinds.
    pub sections: Vec<(SectionKind, Category, Vec<u8>)>,
    /// What could not be had. Names places that were read, never what was found there.
    pub soft_errors: Vec<v1::SoftError>,
    /// How long each subject took.
    pub times: Vec<v1::SubjectTime>,
}

/// Collects the subjects of each category for which `wants` says yes. The others are not looked at.
///
/// Subjects run side by side, each for its own time, 2 s at the longest. One that gives no answer by then is left behind on its thread (a read
/// from a dead file server cannot be called off) and becomes a soft error.
///
/// ```
/// use report_format::schema::v1::{Category, SectionKind};
///
/// let found = reporter_sdk::inventory::collect(|category| category == Category::System);
/// assert!(found.sections.iter().all(|(kind, _, _)| *kind == SectionKind::System));
/// ```
#[must_use]
pub fn collect(wants: impl Fn(Category) -> bool) -> Collected {
    collect_from(&Machine::this(), wants, 1)
}

/// The language of the person's session, as a tag (`de-DE`); empty where it is not known. Only what the session has set is looked at.
pub(crate) fn language() -> String {
    sys::locale::chosen_language(&Machine::this())
}

#[cfg(windows)]
pub(crate) use sys::registry_has;

/// One answer of one subject.
#[derive(Debug)]
enum Part {
    Account(v1::Account),
    Cpu(v1::Cpu),
    Displays(Vec<v1::Display>),
    Dotnet(Vec<v1::DotnetVersion>),
    InstalledServices(Vec<v1::InstalledService>),
    GraphicsCards(Vec<v1::GraphicsCard>),
    KernelModules(Vec<v1::KernelModule>),
    Locale(v1::Locale),
    Memory(v1::MachineMemory),
    Network(v1::Network),
    NetworkAdapters(Vec<v1::NetworkAdapter>),
    Os(v1::OperatingSystem),
    Printers(Vec<v1::Printer>),
    Processes(Vec<v1::Process>),
    Programs(Vec<v1::InstalledProgram>),
    Services(Vec<v1::RunningService>),
    Volumes(Vec<v1::Volume>),
}

/// For a subject that reads a few small files.
const QUICK: Duration = Duration::from_secs(1);
/// For one that reads much, or asks another program.
const LONG: Duration = Duration::from_secs(2);

#[rustfmt::skip]
const SUBJECTS: [Subject<Part>; 17] = [
    Subject { name: "os", category: Category::System, limit: QUICK, collect: |m, n| Part::Os(sys::os::collect(m, n)) },
    Subject { name: "dotnet", category: Category::System, limit: QUICK, collect: |m, n| Part::Dotnet(sys::dotnet::collect(m, n)) },
    Subject { name: "locale", category: Category::System, limit: LONG, collect: |m, n| Part::Locale(sys::locale::collect(m, n)) },
    Subject { name: "cpu", category: Category::System, limit: QUICK, collect: |m, n| Part::Cpu(sys::cpu::collect(m, n)) },
    Subject { name: "memory", category: Category::System, limit: QUICK, collect: |m, n| Part::Memory(sys::memory::collect(m, n)) },
    Subject { name: "volumes", category: Category::System, limit: QUICK, collect: |m, n| Part::Volumes(sys::volumes::collect(m, n)) },
    Subject { name: "account", category: Category::Account, limit: QUICK, collect: |m, n| Part::Account(sys::account::collect(m, n)) },
    Subject { name: "network", category: Category::Network, limit: QUICK, collect: |m, n| Part::Network(sys::network::collect(m, n)) },
    Subject { name: "processes", category: Category::Processes, limit: LONG, collect: |m, n| Part::Processes(sys::processes::collect(m, n)) },
    Subject { name: "services", category: Category::Processes, limit: QUICK, collect: |m, n| Part::Services(sys::services::collect(m, n)) },
    Subject { name: "kernel_modules", category: Category::Processes, limit: QUICK, collect: |m, n| Part::KernelModules(sys::kernel_modules::collect(m, n)) },
    Subject { name: "programs", category: Category::InstalledSoftware, limit: LONG, collect: |m, n| Part::Programs(sys::packages::collect(m, n)) },
    Subject { name: "installed_services", category: Category::InstalledSoftware, limit: QUICK, collect: |m, n| Part::InstalledServices(sys::installed_services::collect(m, n)) },
    Subject { name: "network_adapters", category: Category::Devices, limit: QUICK, collect: |m, n| Part::NetworkAdapters(sys::adapters::collect(m, n)) },
    Subject { name: "printers", category: Category::Devices, limit: LONG, collect: |m, n| Part::Printers(sys::printers::collect(m, n)) },
    Subject { name: "displays", category: Category::Devices, limit: LONG, collect: |m, n| Part::Displays(sys::displays::collect(m, n)) },
    Subject { name: "graphics_cards", category: Category::Devices, limit: QUICK, collect: |m, n| Part::GraphicsCards(sys::graphics::collect(m, n)) },
];

/// The sections as far as they have been answered.
#[derive(Debug, Default)]
struct Inventory {
    processes: Option<v1::Processes>,
    system: Option<v1::System>,
    account: Option<v1::Account>,
    network: Option<v1::Network>,
    installed_software: Option<v1::InstalledSoftware>,
    devices: Option<v1::Devices>,
}

impl Inventory {
    fn put(&mut self, part: Part, sources: Vec<v1::Source>) {
        match part {
            Part::Account(account) => self.account = Some(v1::Account { sources, ..account }),
            Part::Network(network) => self.network = Some(v1::Network { sources, ..network }),
            Part::Cpu(cpu) => self.system().cpu = Some(v1::Cpu { sources, ..cpu }),
            Part::Dotnet(dotnet) => (self.system().dotnet, self.system().dotnet_sources) = (dotnet, sources),
            Part::Locale(locale) => self.system().locale = Some(v1::Locale { sources, ..locale }),
            Part::Memory(memory) => self.system().memory = Some(v1::MachineMemory { sources, ..memory }),
            Part::Os(os) => self.system().os = Some(v1::OperatingSystem { sources, ..os }),
            Part::Volumes(volumes) => (self.system().volumes, self.system().volume_sources) = (volumes, sources),
            Part::KernelModules(modules) => self.processes(sources).kernel_modules = modules,
            Part::Processes(processes) => self.processes(sources).processes = processes,
            Part::Services(services) => self.processes(sources).services = services,
            Part::Programs(programs) => self.installed_software(sources).programs = programs,
            Part::InstalledServices(services) => self.installed_software(sources).services = services,
            Part::NetworkAdapters(adapters) => self.devices(sources).network_adapters = adapters,
            Part::Printers(printers) => self.devices(sources).printers = printers,
            Part::Displays(displays) => self.devices(sources).displays = displays,
            Part::GraphicsCards(cards) => self.devices(sources).graphics_cards = cards,
        }
    }

    fn system(&mut self) -> &mut v1::System {
        self.system.get_or_insert_default()
    }

    fn processes(&mut self, sources: Vec<v1::Source>) -> &mut v1::Processes {
        let processes = self.processes.get_or_insert_default();
        add(&mut processes.sources, sources);
        processes
    }

    fn installed_software(&mut self, sources: Vec<v1::Source>) -> &mut v1::InstalledSoftware {
        let installed = self.installed_software.get_or_insert_default();
        add(&mut installed.sources, sources);
        installed
    }

    fn devices(&mut self, sources: Vec<v1::Source>) -> &mut v1::Devices {
        let devices = self.devices.get_or_insert_default();
        add(&mut devices.sources, sources);
        devices
    }

    fn into_sections(self) -> Vec<(SectionKind, Category, Vec<u8>)> {
        let section = |kind, category, bytes: Option<Vec<u8>>| bytes.map(|bytes| (kind, category, bytes));
        [
            section(SectionKind::Processes, Category::Processes, self.processes.map(|m| m.encode_to_vec())),
            section(SectionKind::System, Category::System, self.system.map(|m| m.encode_to_vec())),
            section(SectionKind::Account, Category::Account, self.account.map(|m| m.encode_to_vec())),
            section(SectionKind::Network, Category::Network, self.network.map(|m| m.encode_to_vec())),
            section(
                SectionKind::InstalledSoftware,
                Category::InstalledSoftware,
                self.installed_software.map(|m| m.encode_to_vec()),
            ),
            section(SectionKind::Devices, Category::Devices, self.devices.map(|m| m.encode_to_vec())),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Several subjects of one section can have read the same place.
fn add(sources: &mut Vec<v1::Source>, more: Vec<v1::Source>) {
    for source in more {
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
}

/// `patience`: how many times its own time each subject has, for tests on busy machines.
fn collect_from(machine: &Machine, wants: impl Fn(Category) -> bool, patience: u32) -> Collected {
    let mut inventory = Inventory::default();
    let wanted = SUBJECTS.into_iter().filter(|subject| wants(subject.category));
    let wanted: Vec<_> = wanted.map(|subject| Subject { limit: subject.limit * patience, ..subject }).collect();
    let Fared { soft_errors, times } = bounded::run(machine, &wanted, |part, sources| inventory.put(part, sources));
    Collected { sections: inventory.into_sections(), soft_errors, times }
}

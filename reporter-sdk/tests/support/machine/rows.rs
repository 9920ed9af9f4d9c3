//! The policy, row by row: what stands for it on the machine, and where a report tells it.

use report_format::schema::v1::{self, Category, SectionKind, action::Step};

use super::{canary, product, screen};
use crate::end_to_end::report::Received;

/// A row of `docs/policy.md`, or a part of one.
pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) category: Category,
    pub(crate) canary: String,
    pub(crate) planted: &'static str,
    /// The field in which it is told. Nothing where the section is not there.
    pub(crate) told: fn(&Received) -> Vec<String>,
}

/// Rows that are not collected from this machine, or not by a table: why.
pub(crate) const NOT_HERE: &[(&str, &str)] = &[("U1", "it is typed at the prompt: its own test")];

pub(crate) fn rows() -> Vec<Row> {
    use Category::{Account, Actions, Attachments, Devices, Essential, FullMemory, InstalledSoftware, Memory};
    use Category::{Network, Processes, Product, Screen, System};
    let row = |id, category, canary: &str, planted, told| Row { id, category, canary: canary.into(), planted, told };
    let mut rows = vec![
        row("A1", Actions, canary::TASK, "reporter_sdk::task", |r| {
            steps(r, |step| if let Step::Task(task) = step { task.name.clone() } else { String::new() })
        }),
        row("A2", Actions, canary::COMMAND, "reporter_sdk::command", |r| {
            steps(r, |step| if let Step::Command(command) = step { command.command_id.clone() } else { String::new() })
        }),
        row("A2", Actions, canary::COMMAND_LABEL, "reporter_sdk::command", |r| {
            steps(r, |step| if let Step::Command(command) = step { command.label.clone() } else { String::new() })
        }),
        row("A3", Actions, canary::DIALOG, "reporter_sdk::dialog", |r| {
            steps(r, |step| if let Step::Dialog(dialog) = step { dialog.dialog_id.clone() } else { String::new() })
        }),
        row("A3", Actions, canary::DIALOG_RESULT, "Dialog::close", |r| {
            steps(r, |step| if let Step::Dialog(dialog) = step { dialog.result.clone() } else { String::new() })
        }),
        row("M1", Memory, canary::code!(), "beside the instruction that faults", memory_of_dump),
        row("M2", Memory, &product::stack(), "an array of the function that faults", memory_of_dump),
        row("M3a", Memory, canary::LIBRARY, "a library, loaded from the user's home", |r| {
            section::<v1::Modules>(r, SectionKind::Modules).modules.into_iter().map(|module| module.path).collect()
        }),
        row("M3a", Memory, canary::GONE_LIBRARY, "a library that is gone since it was loaded", |r| {
            section::<v1::Modules>(r, SectionKind::Modules).modules.into_iter().map(|module| module.path).collect()
        }),
        row("M3b", Processes, canary::PROGRAM, "another program of the user's", |r| {
            section::<v1::Processes>(r, SectionKind::Processes).processes.into_iter().map(|p| p.path).collect()
        }),
        row("M3b", Processes, canary::RUNNING_SERVICE, "a control group", |r| {
            section::<v1::Processes>(r, SectionKind::Processes).services.into_iter().map(|s| s.name).collect()
        }),
        row("M3b", Processes, canary::TEMPLATE, "a control group", |r| {
            section::<v1::Processes>(r, SectionKind::Processes).services.into_iter().map(|s| s.name).collect()
        }),
        row("M4", FullMemory, &product::heap(), "a string on the heap", |r| {
            if !r.kinds().contains(&SectionKind::MemoryRegions) {
                return Vec::new();
            }
            vec![String::from_utf8_lossy(&r.memory()).into_owned()]
        }),
        row("S1", System, canary::OS, "/etc/os-release", |r| vec![system(r).os.unwrap_or_default().name]),
        row("S1n", System, canary::DOTNET, "a folder of a runtime", |r| {
            system(r).dotnet.into_iter().map(|dotnet| dotnet.version).collect()
        }),
        row("S2", System, canary::KEYBOARD, "/etc/default/keyboard", |r| {
            vec![system(r).locale.unwrap_or_default().keyboard_layout]
        }),
        row("S2", System, canary::LOCALE, "/etc/default/locale", |r| vec![system(r).locale.unwrap_or_default().locale]),
        row("S2", System, canary::TIME_ZONE, "/etc/timezone", |r| vec![system(r).locale.unwrap_or_default().time_zone]),
        row("S3", Account, canary::USER, "/etc/passwd", |r| vec![section::<v1::Account>(r, SectionKind::Account).name]),
        row("S4a", Network, canary::DOMAIN, "the kernel's host name", |r| vec![network(r).domain]),
        row("S4a", Network, canary::DNS_SUFFIX, "/etc/resolv.conf", |r| network(r).dns_suffixes),
        row("S4a", Network, canary::DNS_SERVER, "/etc/resolv.conf", |r| network(r).dns_servers),
        row("S4b", Network, canary::HOST, "the kernel's host name", |r| vec![network(r).host_name]),
        row("S4b", Network, canary::PUBLIC_ADDRESS, "a network card", |r| vec![network(r).public_address]),
        row("S5a", InstalledSoftware, canary::PACKAGE, "/var/lib/dpkg/status", |r| {
            let software: v1::InstalledSoftware = section(r, SectionKind::InstalledSoftware);
            software.programs.into_iter().map(|program| program.name).collect()
        }),
        row("S5b", InstalledSoftware, canary::UNIT, "/etc/systemd/system", |r| {
            let software: v1::InstalledSoftware = section(r, SectionKind::InstalledSoftware);
            software.services.into_iter().map(|service| service.name).collect()
        }),
        row("S6", System, canary::VOLUME, "a mounted file system", |r| {
            system(r).volumes.into_iter().map(|volume| volume.mount_point).collect()
        }),
        row("S7", System, canary::PROCESSOR, "/proc/cpuinfo", |r| vec![system(r).cpu.unwrap_or_default().brand]),
        row("S8", Devices, canary::NETWORK_CARD_DRIVER, "/sys/class/net", |r| {
            devices(r).network_adapters.into_iter().map(|adapter| adapter.driver).collect()
        }),
        row("S8", Devices, canary::GRAPHICS_DRIVER, "/sys/class/drm", |r| {
            devices(r).graphics_cards.into_iter().map(|card| card.driver).collect()
        }),
        row("S8", Devices, canary::DISPLAY, "a display's description of itself", |r| {
            devices(r).displays.into_iter().map(|display| display.name).collect()
        }),
        row("S8", Devices, canary::PRINTER, "a print server", |r| {
            devices(r).printers.into_iter().map(|printer| printer.name).collect()
        }),
        row("I1", Screen, &format!("PNG of {} x {}", screen::WIDTH, screen::HEIGHT), "an X server", |r| {
            let screen: v1::Screen = section(r, SectionKind::Screen);
            let size =
                |at: usize| screen.png.get(at..at + 4).map_or(0, |four| u32::from_be_bytes(four.try_into().unwrap()));
            vec![format!(
                "{} of {} x {}",
                String::from_utf8_lossy(screen.png.get(1..4).unwrap_or_default()),
                size(16),
                size(20)
            )]
        }),
        row("X1", Product, canary::ANNOTATION, "reporter_sdk::annotate", |r| {
            annotations(r).into_iter().map(|annotation| annotation.key).collect()
        }),
        row("X1", Product, canary::ANNOTATION_VALUE, "reporter_sdk::annotate", |r| {
            annotations(r).into_iter().map(|annotation| annotation.value).collect()
        }),
        row("X1", Attachments, canary::ATTACHMENT, "Options::attach_file", |r| {
            vec![section::<v1::Attachment>(r, SectionKind::Attachment).name]
        }),
        row("X1", Attachments, canary::ATTACHMENT_CONTENT, "a log file", |r| {
            let attachment: v1::Attachment = section(r, SectionKind::Attachment);
            vec![String::from_utf8_lossy(&attachment.content).into_owned()]
        }),
        row("E1", Essential, &format!("{:#x}", canary::FAULT_ADDRESS), "a write to where nothing is", |r| {
            let fault = r.error().fault.unwrap_or_default();
            vec![format!("{:#x}", fault.address.unwrap_or_default())]
        }),
    ];
    // A kernel without modules has no list of them to lay another over.
    if std::path::Path::new("/proc/modules").exists() {
        rows.push(row("M3c", Processes, canary::DRIVER, "/proc/modules", |r| {
            let processes: v1::Processes = section(r, SectionKind::Processes);
            processes.kernel_modules.into_iter().map(|module| module.name).collect()
        }));
    } else {
        eprintln!("SKIPPED: M3c: this kernel was built without modules");
    }
    rows
}

/// The section of this kind, empty where it is not there.
fn section<M: prost::Message + Default>(received: &Received, kind: SectionKind) -> M {
    received.report.message(kind).unwrap().unwrap_or_default()
}

fn steps(received: &Received, text: fn(&Step) -> String) -> Vec<String> {
    let actions: v1::Actions = section(received, SectionKind::Actions);
    actions.actions.iter().filter_map(|action| action.step.as_ref()).map(text).collect()
}

fn system(received: &Received) -> v1::System {
    section(received, SectionKind::System)
}

fn network(received: &Received) -> v1::Network {
    section(received, SectionKind::Network)
}

fn devices(received: &Received) -> v1::Devices {
    section(received, SectionKind::Devices)
}

fn annotations(received: &Received) -> Vec<v1::Annotation> {
    section::<v1::Annotations>(received, SectionKind::Annotations).annotations
}

fn memory_of_dump(received: &Received) -> Vec<String> {
    if !received.kinds().contains(&SectionKind::Minidump) {
        return Vec::new();
    }
    let dump = received.minidump().0;
    let memory = dump.get_stream::<minidump::MinidumpMemoryList<'_>>().unwrap();
    memory.iter().map(|region| String::from_utf8_lossy(region.bytes).into_owned()).collect()
}

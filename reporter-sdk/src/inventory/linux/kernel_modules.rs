//! Drivers loaded into the kernel.

use std::collections::HashMap;
use std::io::{self, Read};
use std::ops::ControlFlow::Continue;

use report_format::schema::v1::KernelModule;

use super::machine::{Machine, Notes, each_line, text};

/// Of the list of the module files that belong to a kernel; around 1 MiB.
const FILES_LIMIT: u64 = 16 << 20;

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Vec<KernelModule> {
    // Absent where the kernel was built without modules.
    let list = machine.read_if_there("/proc/modules", notes).unwrap_or_default();
    let mut modules: Vec<KernelModule> = list.lines().filter_map(module).collect();
    for module in &mut modules {
        // The modules of the kernel's own tree mostly have none: theirs is the kernel's.
        let version = machine.read(&format!("/sys/module/{}/version", module.name)).unwrap_or_default();
        module.version = text(&version);
    }
    modules.sort_by(|a, b| a.name.cmp(&b.name));
    add_paths(machine, notes, &mut modules);
    modules
}

/// `nvidia 56426496 1 nvidia_modeset, Live 0x0000000000000000 (POE)`
pub(super) fn module(line: &str) -> Option<KernelModule> {
    let mut fields = line.split_whitespace();
    let (name, size) = (fields.next()?, fields.next()?.parse().ok()?);
    // The name becomes part of a path.
    if name.len() > 64 || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
        return None;
    }
    Some(KernelModule { name: name.into(), version: String::new(), path: String::new(), size })
}

fn add_paths(machine: &Machine, notes: &mut Notes, modules: &mut [KernelModule]) {
    if modules.is_empty() {
        return;
    }
    let system = rustix::system::uname();
    let files = format!("/lib/modules/{}/modules.dep", system.release().to_string_lossy());
    match machine.open(&files).and_then(|dependencies| read_paths(dependencies, modules)) {
        // In a container, which has the kernel of another system.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => drop(notes.of("/lib/modules", read)),
    }
}

/// Below the folder of the kernel: `kernel/fs/ext4/ext4.ko` came with it, `updates/dkms/nvidia.ko` did not.
pub(super) fn read_paths(dependencies: impl Read, modules: &mut [KernelModule]) -> io::Result<()> {
    let mut by_name: HashMap<String, &mut KernelModule> = modules.iter_mut().map(|m| (m.name.clone(), m)).collect();
    // "kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz ..."
    each_line(dependencies, FILES_LIMIT, |line| {
        let path = String::from_utf8_lossy(line.split(|b| *b == b':').next().unwrap_or_default()).into_owned();
        let file = path.rsplit('/').next().unwrap_or_default();
        let name = file.split(".ko").next().unwrap_or_default().replace('-', "_");
        if let Some(module) = by_name.get_mut(&name) {
            module.path = text(&path);
        }
        Continue(())
    })
}

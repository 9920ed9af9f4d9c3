//! Drivers loaded into the kernel.

use report_format::schema::v1::KernelModule;

use super::machine::{Machine, Notes, text};

pub(super) fn collect(machine: &Machine, notes: &mut Notes) -> Vec<KernelModule> {
    // Absent where the kernel was built without modules.
    let list = machine.read_if_there("/proc/modules", notes).unwrap_or_default();
    let mut modules: Vec<KernelModule> = list.lines().filter_map(|line| module(machine, line)).collect();
    modules.sort_by(|a, b| a.name.cmp(&b.name));
    modules
}

/// `nvidia 56426496 1 nvidia_modeset, Live 0x0000000000000000 (POE)`
fn module(machine: &Machine, line: &str) -> Option<KernelModule> {
    let mut fields = line.split_whitespace();
    let (name, size) = (fields.next()?, fields.next()?.parse().ok()?);
    // The name becomes part of a path.
    if name.len() > 64 || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
        return None;
    }
    let version = machine.read(&format!("/sys/module/{name}/version")).unwrap_or_default();
    Some(KernelModule { name: name.into(), version: text(&version), path: String::new(), size })
}

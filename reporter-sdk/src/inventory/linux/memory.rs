//! Memory and swap of the machine.

use report_format::schema::v1::MachineMemory;

use super::machine::{Machine, Notes};

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> MachineMemory {
    let info = machine.expect("/proc/meminfo", notes).unwrap_or_default();
    let bytes = |key| {
        let line = info.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok());
        kib.unwrap_or(0).saturating_mul(1024)
    };
    MachineMemory {
        total: bytes("MemTotal"),
        available: bytes("MemAvailable"),
        swap_total: bytes("SwapTotal"),
        swap_free: bytes("SwapFree"),
        sources: Vec::new(),
    }
}

//! The processor. On ARM `/proc/cpuinfo` tells the board's serial number too; only the fields named here are taken.

use std::collections::BTreeSet;

use report_format::schema::v1::Cpu;

use super::machine::{Machine, Notes, text, word};

const INFO: &str = "/proc/cpuinfo";
const FREQUENCY: &str = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq";
const MAX_FREQUENCY: &str = "/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq";

/// Instruction sets are a few hundred words.
const FEATURES_LIMIT: usize = 1024;

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Cpu {
    let info = machine.expect(INFO, notes).unwrap_or_default();
    let fields = || info.lines().filter_map(|line| line.split_once(':')).map(|(key, value)| (key.trim(), value.trim()));
    let first = |key| fields().find(|(k, _)| *k == key).map_or("", |(_, value)| value);
    let logical = fields().filter(|(key, _)| *key == "processor").count();
    let features = first(if first("flags").is_empty() { "Features" } else { "flags" });
    let mut mhz = |place| {
        let khz = machine.read_if_there(place, notes)?.trim().parse::<u32>().ok()?;
        Some(khz / 1000)
    };
    Cpu {
        vendor: text(first("vendor_id")),
        brand: text(first("model name")),
        family: first("cpu family").parse().unwrap_or(0),
        model: first("model").parse().unwrap_or(0),
        stepping: first("stepping").parse().unwrap_or(0),
        features: features.split_whitespace().take(FEATURES_LIMIT).map(word).filter(|word| !word.is_empty()).collect(),
        physical_cores: physical_cores(fields()).unwrap_or(logical) as u32,
        logical_cores: logical as u32,
        frequency_mhz: mhz(FREQUENCY).or_else(|| Some(first("cpu MHz").parse::<f64>().ok()? as u32)).unwrap_or(0),
        max_frequency_mhz: mhz(MAX_FREQUENCY).unwrap_or(0),
        sources: Vec::new(),
    }
}

/// `None` where the kernel does not tell which threads share a core.
fn physical_cores<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Option<usize> {
    let mut package = "";
    let mut cores = BTreeSet::new();
    for (key, value) in fields {
        match key {
            "physical id" => package = value,
            "core id" => _ = cores.insert((package, value)),
            _ => {}
        }
    }
    (!cores.is_empty()).then_some(cores.len())
}

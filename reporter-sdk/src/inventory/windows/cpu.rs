//! The processor.

use std::ptr;

use report_format::schema::v1::Cpu;
use windows_sys::Win32::System::Power::{CallNtPowerInformation, PROCESSOR_POWER_INFORMATION, ProcessorInformation};
use windows_sys::Win32::System::SystemInformation::{
    GetLogicalProcessorInformationEx, RelationProcessorCore, SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX,
};
use windows_sys::Win32::System::Threading::{ALL_PROCESSOR_GROUPS, GetActiveProcessorCount};

use super::machine::Machine;
use super::registry::View;
use crate::inventory::notes::{Notes, text};

const PLACE: &str = r"HKLM\HARDWARE\DESCRIPTION\System\CentralProcessor\0";

/// Of the processors of a machine.
const LIMIT: usize = 4096;

pub(in crate::inventory) fn collect(machine: &Machine, notes: &mut Notes) -> Cpu {
    let key = machine.key(PLACE, View::Bits64, notes);
    let of = |name| key.as_ref().and_then(|key| key.text(name)).unwrap_or_default();
    // `Intel64 Family 6 Model 158 Stepping 10`, `ARMv8 (64-bit) Family 8 Model D4B Revision   0`
    let identifier = of("Identifier");
    let number = |name| number_after(&identifier, name);
    // SAFETY: a number.
    let logical = unsafe { GetActiveProcessorCount(ALL_PROCESSOR_GROUPS) };
    let (now, max) = frequencies(logical as usize);
    let nominal = key.as_ref().and_then(|key| key.number("~MHz")).unwrap_or(0);
    Cpu {
        vendor: text(&of("VendorIdentifier")),
        brand: text(&of("ProcessorNameString")),
        family: number("Family"),
        model: number("Model"),
        stepping: number("Stepping").max(number("Revision")),
        features: features(),
        physical_cores: cores().unwrap_or(logical),
        logical_cores: logical,
        frequency_mhz: if now == 0 { nominal } else { now },
        max_frequency_mhz: max,
        sources: Vec::new(),
    }
}

/// Decimal for Intel and AMD; ARM's models have letters.
fn number_after(identifier: &str, name: &str) -> u32 {
    let mut words = identifier.split_whitespace().skip_while(|word| *word != name);
    let number = words.nth(1).unwrap_or_default();
    number.parse().or_else(|_| u32::from_str_radix(number, 16)).unwrap_or(0)
}

/// Of the first processor now, and the highest of any, in MHz; zeroes where they are not told.
fn frequencies(processors: usize) -> (u32, u32) {
    let mut told = vec![PROCESSOR_POWER_INFORMATION::default(); processors.clamp(1, LIMIT)];
    let (place, size) = (told.as_mut_ptr().cast(), size_of_val(&*told) as u32);
    // SAFETY: nothing is asked with, and a place of this size for the answer.
    if unsafe { CallNtPowerInformation(ProcessorInformation, ptr::null(), 0, place, size) } != 0 {
        return (0, 0);
    }
    (told[0].CurrentMhz, told.iter().map(|processor| processor.MaxMhz).max().unwrap_or(0))
}

/// Each of which can run more than one thread.
fn cores() -> Option<u32> {
    let mut room = vec![0_u64; (LIMIT * size_of::<SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX>()) / 8];
    let size = size_of_val(&*room) as u32;
    let mut length = size;
    let place = room.as_mut_ptr().cast();
    // SAFETY: a place of this length, aligned for what lies in it, and one for the length that it then has.
    if unsafe { GetLogicalProcessorInformationEx(RelationProcessorCore, place, &raw mut length) } == 0 {
        return None;
    }
    // One entry for each core: what it is, its own length, the rest.
    let bytes: Vec<u8> = room.iter().flat_map(|word| word.to_ne_bytes()).take(length.min(size) as usize).collect();
    let mut rest = &bytes[..];
    let mut count = 0;
    while let Some(own) = rest.get(4..8) {
        let own = u32::from_ne_bytes([own[0], own[1], own[2], own[3]]) as usize;
        if own < 8 {
            break;
        }
        count += 1;
        rest = rest.get(own..).unwrap_or_default();
    }
    (count > 0).then_some(count)
}

/// As Linux calls them. Of the many those that programs are built for.
#[cfg(target_arch = "x86_64")]
fn features() -> Vec<String> {
    macro_rules! present {
        ($($name:literal: $feature:tt),* $(,)?) => {
            [$(($name, std::arch::is_x86_feature_detected!($feature))),*]
        };
    }
    let known = present! {
        "sse2": "sse2", "pni": "sse3", "ssse3": "ssse3", "sse4_1": "sse4.1", "sse4_2": "sse4.2", "popcnt": "popcnt", "cx16": "cmpxchg16b",
        "aes": "aes", "pclmulqdq": "pclmulqdq", "movbe": "movbe", "rdrand": "rdrand", "rdseed": "rdseed", "abm": "lzcnt", "avx": "avx",
        "f16c": "f16c", "fma": "fma", "avx2": "avx2", "bmi1": "bmi1", "bmi2": "bmi2", "adx": "adx", "sha_ni": "sha", "vaes": "vaes",
        "avx512f": "avx512f", "avx512cd": "avx512cd", "avx512bw": "avx512bw", "avx512dq": "avx512dq", "avx512vl": "avx512vl",
    };
    known.iter().filter(|(_, present)| *present).map(|(name, _)| (*name).to_owned()).collect()
}

/// Windows tells few of ARM's.
#[cfg(not(target_arch = "x86_64"))]
fn features() -> Vec<String> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_an_identifier() {
        let intel = "Intel64 Family 6 Model 158 Stepping 10";
        assert_eq!(["Family", "Model", "Stepping"].map(|name| number_after(intel, name)), [6, 158, 10]);
        let arm = "ARMv8 (64-bit) Family 8 Model D4B Revision   0";
        assert_eq!(["Family", "Model", "Stepping"].map(|name| number_after(arm, name)), [8, 0xd4b, 0]);
        assert_eq!(number_after("Family", "Family"), 0);
        assert_eq!(number_after("", "Family"), 0);
    }

    #[test]
    fn the_cores_are_no_more_than_the_processors() {
        // SAFETY: a number.
        let logical = unsafe { GetActiveProcessorCount(ALL_PROCESSOR_GROUPS) };
        assert!(logical > 0);
        assert!(cores().is_some_and(|cores| (1..=logical).contains(&cores)), "{:?}", cores());
        #[cfg(target_arch = "x86_64")]
        assert!(features().contains(&"sse2".to_owned()));
    }
}

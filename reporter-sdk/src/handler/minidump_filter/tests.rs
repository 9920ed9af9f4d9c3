use minidump::{Minidump, MinidumpMemoryList, MinidumpModuleList, MinidumpThreadList, Module as _};
#[cfg(target_os = "linux")]
use minidump::{MinidumpException, MinidumpSystemInfo};
use proptest::prelude::*;
use report_format::schema::v1;

use super::*;
use crate::handler::live_child::{CANARY, LiveChild};
use crate::handler::modules::LoadedModules;
use crate::handler::sys::dump::{self, RawDump};
use crate::handler::unwind::{self, UnwindLimits};

fn live_dump() -> (RawDump, u32) {
    let child = LiveChild::start();
    (dump::take(child.pid(), child.tid).unwrap(), child.tid)
}

fn plan(raw: &RawDump) -> FilterPlan {
    FilterPlan { zero: raw.argument_block.as_ref().unwrap().ranges.clone(), system: true, sanitise: None }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    [text.as_bytes(), &wide].iter().any(|needle| bytes.windows(needle.len()).any(|w| w == *needle))
}

/// On Windows a dump has no part that holds them: see its writer's tests.
#[cfg(target_os = "linux")]
#[test]
fn a_secret_in_environment_or_arguments_is_in_no_byte() {
    let (raw, tid) = live_dump();
    assert!(holds(&raw.bytes, CANARY), "the unfiltered dump has it, else this shows nothing");
    let mut bytes = raw.bytes.clone();
    let report = filter(&mut bytes, &plan(&raw)).unwrap();
    assert!(!holds(&bytes, CANARY));
    assert!(!holds(&bytes, "SECRET_TOKEN"));
    assert!(report.zeroed_bytes > CANARY.len() as u64);
    assert_eq!(report.dropped_streams, [stream::MAPS]);
    let dump = Minidump::read(&bytes[..]).unwrap();
    let threads = dump.get_stream::<MinidumpThreadList<'_>>().unwrap();
    let before = Minidump::read(&raw.bytes[..]).unwrap();
    assert_eq!(threads.threads.len(), before.get_stream::<MinidumpThreadList<'_>>().unwrap().threads.len());
    let system = dump.get_stream::<MinidumpSystemInfo>().unwrap();
    let thread = threads.threads.iter().find(|t| t.raw.thread_id == tid).unwrap();
    assert!(thread.context(&system, None).is_some());
    assert_eq!(dump.get_stream::<MinidumpException<'_>>().unwrap().get_crashing_thread_id(), tid);
    assert!(dump.get_stream::<MinidumpMemoryList<'_>>().unwrap().iter().count() > 2);
    let modules = dump.get_stream::<MinidumpModuleList>().unwrap();
    assert!(modules.iter().all(|m| m.debug_identifier().is_some()), "build ids stay");
}

/// With the kernel's own files.
#[cfg(target_os = "linux")]
#[test]
fn facts_of_the_machine_stay_only_when_granted() {
    let (raw, _) = live_dump();
    let with = FilterPlan { system: true, ..plan(&raw) };
    let mut bytes = raw.bytes.clone();
    filter(&mut bytes, &with).unwrap();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert!(holds(&bytes, kernel.trim()));
    assert!(holds(&bytes, "cpu MHz"), "/proc/cpuinfo");

    // As at encode time: once more over what capture kept.
    let without = FilterPlan { system: false, ..with };
    filter(&mut bytes, &without).unwrap();
    assert!(!holds(&bytes, kernel.trim()) && !holds(&bytes, "cpu MHz") && !holds(&bytes, "ID="));
    let dump = Minidump::read(&bytes[..]).unwrap();
    let system = dump.get_stream::<MinidumpSystemInfo>().unwrap();
    assert_eq!(system.os, minidump::system_info::Os::Linux);
    assert_eq!(system.raw.number_of_processors, 0);
}

#[test]
fn filtering_again_changes_nothing() {
    let (raw, _) = live_dump();
    for system in [true, false] {
        let plan = FilterPlan { system, ..plan(&raw) };
        let mut once = raw.bytes.clone();
        let first = filter(&mut once, &plan).unwrap();
        let mut twice = once.clone();
        let second = filter(&mut twice, &plan).unwrap();
        assert!(once == twice, "{} and {} bytes", once.len(), twice.len());
        assert_eq!((second.dropped_streams, second.zeroed_bytes), (Vec::new(), first.zeroed_bytes));
    }
}

/// A dump of one module with this name and one memory range at 0x1000.
fn small_dump(name: &str, memory: &[u8]) -> Vec<u8> {
    let mut module = vec![0; MODULE];
    module[..8].copy_from_slice(&0x40_0000u64.to_le_bytes());
    module[8..12].copy_from_slice(&0x1000u32.to_le_bytes());
    let directory = HEADER as u32;
    let modules = directory + 3 * DIRECTORY_ENTRY as u32;
    let list = modules + 4 + MODULE as u32;
    let text = list + 20;
    let wide: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let data = text + 4 + wide.len() as u32 + 2;
    module[20..24].copy_from_slice(&text.to_le_bytes());
    let words = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<u8>>();
    let environ = data + memory.len() as u32;
    let secret = CANARY.as_bytes();
    [
        b"MDMP".to_vec(),
        words(&[0xa793, 3, directory, 0, 0, 0, 0]),
        words(&[
            stream::MODULES,
            4 + MODULE as u32,
            modules,
            stream::MEMORY,
            20,
            list,
            0x4767_0007,
            secret.len() as u32,
            environ,
        ]),
        words(&[1]),
        module,
        words(&[1, 0x1000, 0, memory.len() as u32, data]),
        words(&[wide.len() as u32]),
        wide,
        vec![0, 0],
        memory.to_vec(),
        secret.to_vec(),
    ]
    .concat()
}

#[test]
fn a_user_in_a_module_s_path_is_replaced() {
    for user in ["a", "a-user-with-a-long-name"] {
        for (path, expected) in [
            (format!("/home/{user}/bin/ledger"), "/home/<user>/bin/ledger"),
            (format!("C:\\Users\\{user}\\bin\\ledger.exe"), "C:\\Users\\<user>\\bin\\ledger.exe"),
        ] {
            let mut bytes = small_dump(&path, &[1; 64]);
            filter(&mut bytes, &FilterPlan::default()).unwrap();
            let dump = Minidump::read(&bytes[..]).unwrap();
            let modules = dump.get_stream::<MinidumpModuleList>().unwrap();
            assert_eq!(modules.iter().next().unwrap().code_file(), expected);
            assert!(!holds(&bytes, &format!("/{user}/")) && !holds(&bytes, &format!("\\{user}\\")));
            assert!(!holds(&bytes, CANARY));
        }
    }
}

/// As the one below, with this debug record of its module.
fn with_debug_record(record: &[u8]) -> Vec<u8> {
    let mut bytes = small_dump("ledger", &[1; 64]);
    let module = HEADER + 3 * DIRECTORY_ENTRY + 4;
    let place = [(record.len() as u32).to_le_bytes(), (bytes.len() as u32).to_le_bytes()].concat();
    bytes[module + 76..module + 84].copy_from_slice(&place);
    bytes.extend_from_slice(record);
    bytes
}

#[test]
fn of_a_pdb_its_identity_and_its_file_s_name_stay_and_its_folder_goes() {
    for path in ["C:\\Users\\anna\\build\\ledger.pdb", "/home/anna/ledger.pdb", "ledger.pdb"] {
        let mut bytes = with_debug_record(&[&b"RSDS"[..], &[7; 16], &[1, 0, 0, 0], path.as_bytes(), &[0]].concat());
        filter(&mut bytes, &FilterPlan::default()).unwrap();
        assert!(!holds(&bytes, "anna"), "{path}");
        let again = bytes.clone();
        filter(&mut bytes, &FilterPlan::default()).unwrap();
        assert!(again == bytes, "{path}: filtered already");
        let dump = Minidump::read(&bytes[..]).unwrap();
        let modules = dump.get_stream::<MinidumpModuleList>().unwrap();
        let module = modules.iter().next().unwrap();
        let Some(minidump::CodeView::Pdb70(pdb)) = &module.codeview_info else { panic!("{path}: {module:?}") };
        assert_eq!((pdb.age, pdb.signature.data4, &*pdb.pdb_file_name), (1, [7; 8], b"ledger.pdb\0".as_slice()));
    }
    // Too short, without an end, of another kind.
    for record in
        [&b"RSDS"[..], &[&b"RSDS"[..], &[7; 20]].concat(), &[&b"RSDS"[..], &[b'x'; 30]].concat(), b"NB10 C:\\anna"]
    {
        let mut bytes = with_debug_record(record);
        filter(&mut bytes, &FilterPlan::default()).unwrap();
        assert!(!holds(&bytes, "anna"));
    }
}

#[test]
fn unloaded_modules_stay_with_their_users_replaced() {
    let mut bytes = small_dump("C:\\Users\\anna\\plug.dll", &[1; 64]);
    let module = HEADER + 3 * DIRECTORY_ENTRY + 4;
    let name = bytes[module + 20..module + 24].to_vec();
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    let list = [words(&[12, 24, 1, 0x5000_0000, 0, 0x1000, 0, 0x1234]), name].concat();
    let entry = HEADER + 2 * DIRECTORY_ENTRY;
    let place = words(&[stream::UNLOADED_MODULES, list.len() as u32, bytes.len() as u32]);
    bytes[entry..entry + DIRECTORY_ENTRY].copy_from_slice(&place);
    bytes.extend(&list);
    let mut larger = bytes.clone();
    filter(&mut bytes, &FilterPlan::default()).unwrap();
    assert!(!holds(&bytes, "anna"));
    let dump = Minidump::read(&bytes[..]).unwrap();
    let unloaded = dump.get_stream::<minidump::MinidumpUnloadedModuleList>().unwrap();
    let module = unloaded.iter().next().unwrap();
    assert_eq!((module.code_file(), module.raw.time_date_stamp), ("C:\\Users\\<user>\\plug.dll".into(), 0x1234));
    // Entries of which we do not know all.
    let at = larger.len() - list.len() + 4;
    larger[at..at + 4].copy_from_slice(&28u32.to_le_bytes());
    assert!(matches!(filter(&mut larger, &FilterPlan::default()), Err(FilterError::Count { .. })));
}

#[test]
fn of_a_live_process_only_addresses_stay_and_its_frames_are_found_as_before() {
    let child = LiveChild::start();
    let raw = dump::take(child.pid(), child.tid).unwrap();
    let code = Addresses::of_code(&Minidump::read(&raw.bytes[..]).unwrap());
    let frames = |bytes: &[u8]| {
        let dump = Minidump::read(bytes).unwrap();
        let modules = LoadedModules::read(&dump, &mut Vec::new());
        let stacks = unwind::stacks(&dump, &modules, child.tid, UnwindLimits::default(), &mut Vec::new());
        let of = |thread: v1::Thread| thread.frames.into_iter().map(|frame| (frame.instruction, frame.trust)).collect();
        stacks.threads.into_iter().map(of).collect::<Vec<Vec<_>>>()
    };
    let (mut whole, mut sanitised) = (raw.bytes.clone(), raw.bytes.clone());
    filter(&mut whole, &plan(&raw)).unwrap();
    let report = filter(&mut sanitised, &FilterPlan { sanitise: Some(code.clone()), ..plan(&raw) }).unwrap();
    let before = frames(&whole);
    assert!(before.iter().map(Vec::len).max().unwrap() > 3, "{before:?}");
    assert_eq!(frames(&sanitised), before);

    let dump = Minidump::read(&sanitised[..]).unwrap();
    let threads = dump.get_stream::<MinidumpThreadList<'_>>().unwrap();
    let stack = |thread: &minidump::MinidumpThread<'_>| {
        let stack = thread.raw.stack;
        stack.start_of_memory_range..stack.start_of_memory_range + u64::from(stack.memory.data_size)
    };
    let stacks: Addresses = threads.threads.iter().map(stack).collect();
    let memory = dump.get_stream::<MinidumpMemoryList<'_>>().unwrap();
    let mut replaced = 0;
    for range in memory.iter().filter(|range| !code.contain(range.base_address)) {
        for word in range.bytes.as_chunks().0.iter().map(|word| usize::from_le_bytes(*word)) {
            replaced += u64::from(word == sanitise::REPLACED) * size_of::<usize>() as u64;
            // Arguments, which are zeroed, can begin in the middle of a word.
            let marks = word.to_le_bytes().into_iter().zip(sanitise::REPLACED.to_le_bytes());
            let nothing = marks.into_iter().all(|(byte, mark)| byte == 0 || byte == mark);
            assert!(nothing || code.contain(word as u64) || stacks.contain(word as u64), "{word:#x}");
        }
    }
    assert!(replaced > 1000 && replaced <= report.sanitised_bytes, "{replaced} of {}", report.sanitised_bytes);
    // At encode time the filter runs again, with another plan, and leaves that as it is.
    let mut again = sanitised.clone();
    filter(&mut again, &plan(&raw)).unwrap();
    assert!(again == sanitised);
}

#[test]
fn many_ranges_of_one_place_are_sanitised_once() {
    let mut bytes = small_dump("x", &[7; 64]);
    let plan = FilterPlan { sanitise: Some(Addresses::default()), ..FilterPlan::default() };
    assert_eq!(filter(&mut bytes, &plan).unwrap().sanitised_bytes, 64);
    let dump = Minidump::read(&bytes[..]).unwrap();
    let memory = dump.get_stream::<MinidumpMemoryList<'_>>().unwrap();
    assert_eq!(memory.iter().next().unwrap().bytes, sanitise::REPLACED.to_le_bytes().repeat(64 / size_of::<usize>()));
}

#[test]
fn memory_is_zeroed_where_the_plan_says_and_nowhere_else() {
    let mut bytes = small_dump("x", &[7; 64]);
    let plan = FilterPlan {
        zero: vec![0..0x1008, 0x1010..0x1018, 0x1014..0x1020, 0x103f..u64::MAX, 0x2000..0x3000],
        ..FilterPlan::default()
    };
    let report = filter(&mut bytes, &plan).unwrap();
    assert_eq!(
        report,
        FilterReport { dropped_streams: vec![0x4767_0007], zeroed_bytes: 8 + 16 + 1, ..FilterReport::default() }
    );
    let dump = Minidump::read(&bytes[..]).unwrap();
    let memory = dump.get_stream::<MinidumpMemoryList<'_>>().unwrap();
    let expected = [&[0; 8][..], &[7; 8], &[0; 16], &[7; 31], &[0]].concat();
    assert_eq!(memory.iter().next().unwrap().bytes, expected);
}

#[test]
fn what_is_no_minidump_is_refused() {
    assert_eq!(filter(&mut Vec::new(), &FilterPlan::default()), Err(FilterError::Signature));
    assert!(matches!(filter(&mut b"MDMP".to_vec(), &FilterPlan::default()), Err(FilterError::Truncated { .. })));
    let mut cut = small_dump("x", &[7; 64]);
    cut.truncate(cut.len() - 40);
    assert!(matches!(filter(&mut cut, &FilterPlan::default()), Err(FilterError::Truncated { .. })));
}

/// A real dump, once: making one takes a process.
fn real() -> &'static (Vec<u8>, FilterPlan) {
    static REAL: std::sync::OnceLock<(Vec<u8>, FilterPlan)> = std::sync::OnceLock::new();
    REAL.get_or_init(|| {
        let (raw, _) = live_dump();
        let plan = plan(&raw);
        (raw.bytes, plan)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_damage_makes_it_panic(
        near in proptest::collection::vec((0usize..4096, any::<u32>()), 0..6),
        far in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..6),
        cut in proptest::option::of(any::<usize>()),
        system in any::<bool>(),
    ) {
        let (bytes, plan) = real();
        let mut bytes = bytes.clone();
        for (at, value) in near {
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        }
        for (at, value) in far {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut % bytes.len());
        }
        let before = bytes.len();
        if filter(&mut bytes, &FilterPlan { system, ..plan.clone() }).is_ok() {
            prop_assert!(bytes.len() <= before * 2 + 4096);
            prop_assert!(Minidump::read(&bytes[..]).is_ok());
        }
    }
}

/// With the kernel's own files.
#[cfg(target_os = "linux")]
#[test]
fn a_boards_serial_number_among_the_facts_of_its_processor_goes() {
    const SERIAL: &[u8] = b"Serial: 00c0ffee";
    let (raw, _) = live_dump();
    let mut bytes = raw.bytes.clone();
    let line = memchr::memmem::find(&bytes, b"cpu MHz").unwrap();
    bytes[line..line + SERIAL.len()].copy_from_slice(SERIAL);
    filter(&mut bytes, &plan(&raw)).unwrap();
    assert!(!holds(&bytes, "Serial") && !holds(&bytes, "00c0ffee"));
    let dump = Minidump::read(&bytes[..]).unwrap();
    let info = dump.get_stream::<minidump::MinidumpLinuxCpuInfo<'_>>().unwrap();
    assert!(info.iter().any(|(key, _)| key.to_string_lossy() == "processor"), "the rest is as readers know it");
}

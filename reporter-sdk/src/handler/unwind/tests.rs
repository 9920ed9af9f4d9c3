use super::*;
use crate::handler::live_child::LiveChild;
use crate::handler::sys::dump;

fn unwound(limits: UnwindLimits) -> (v1::Stacks, v1::Modules, Vec<v1::SoftError>) {
    let child = LiveChild::start();
    let raw = dump::take(child.pid(), child.tid).unwrap();
    let dump = Minidump::read(&raw.bytes[..]).unwrap();
    let mut soft_errors = raw.soft_errors;
    let mut modules = LoadedModules::read(&dump, &mut soft_errors);
    modules.identify();
    let stacks = stacks(&dump, &modules, child.tid, limits, &mut soft_errors);
    (stacks, modules.to_report(), soft_errors)
}

#[test]
fn the_frames_of_a_live_process_lead_from_the_wait_to_the_thread_s_start() {
    let (stacks, modules, soft_errors) = unwound(UnwindLimits::default());
    let thread = &stacks.threads[0];
    assert!(thread.faulting && !thread.truncated);
    let symbols: Vec<&str> = thread.frames.iter().map(|f| f.symbol.as_str()).collect();
    let known = symbols.iter().filter(|s| **s == "reporter_test_known_function").count();
    assert_eq!(known, 2, "the function and its caller, itself: {symbols:#?}");
    assert!(symbols.iter().any(|s| s.contains("program5child")), "its caller by a mangled name: {symbols:#?}");
    assert!(thread.frames.iter().all(|f| f.trust() != v1::FrameTrust::Scanned), "{:#?}", thread.frames);
    assert!(thread.frames[1..].iter().all(|f| f.module.is_some() && f.module_offset > 0));
    assert_eq!(soft_errors, []);

    let program = &modules.modules
        [thread.frames.iter().find(|f| f.symbol.starts_with("reporter")).unwrap().module.unwrap() as usize];
    let file = crate::handler::live_child::program();
    assert!(program.path.ends_with(file.file_name().unwrap().to_str().unwrap()), "{}", program.path);
    assert!(program.size > 4096 && !program.build_id.is_empty());
    let library = if cfg!(windows) { "kernel32" } else { "libc.so.6" };
    assert!(modules.modules.iter().any(|m| m.path.to_lowercase().contains(library)), "{modules:?}");
    let bystander = stacks.threads.iter().find(|t| t.name == "bystander").expect("all threads are there");
    assert!(!bystander.faulting && bystander.frames.len() > 3, "{bystander:#?}");
}

#[test]
fn limits_cut_and_say_so() {
    let (stacks, _, soft_errors) =
        unwound(UnwindLimits { frames_per_thread: 2, threads: 1, ..UnwindLimits::default() });
    assert_eq!(stacks.threads.len(), 1);
    assert!(stacks.threads[0].frames.len() == 2 && stacks.threads[0].truncated);
    assert!(soft_errors.iter().any(|e| e.message.contains("1 were unwound")), "{soft_errors:?}");

    let (stacks, _, soft_errors) = unwound(UnwindLimits { time: Duration::ZERO, ..UnwindLimits::default() });
    assert!(stacks.threads.iter().all(|t| t.frames.len() == 1 && t.truncated));
    assert!(soft_errors.iter().any(|e| e.message.contains("not all threads")), "{soft_errors:?}");
}

#[test]
fn without_tables_frames_are_searched_for_and_marked() {
    let (stacks, _, soft_errors) = unwound(UnwindLimits { tables: 0, ..UnwindLimits::default() });
    // The C library keeps no frame pointers: what is above it can only be found.
    let frames = || stacks.threads.iter().flat_map(|t| &t.frames);
    // On Windows nothing keeps frame pointers: the register can hold any place of the stack, behind the function.
    assert!(cfg!(windows) || frames().any(|f| f.symbol == "reporter_test_known_function"), "{stacks:#?}");
    // On 32 bits all do.
    assert!(cfg!(target_arch = "x86") || frames().any(|f| f.trust() == v1::FrameTrust::Scanned), "{stacks:#?}");
    assert!(soft_errors.iter().any(|e| e.message.contains("unwind tables left out")), "{soft_errors:?}");
}

//! The stack of an error that came without a dump: addresses that the product recorded itself, placed in the files that it has mapped.
//!
//! Done at once, while the product lives: support cannot know where its libraries were.

use report_format::schema::v1;

use super::modules::LoadedModules;
use super::soft_error;
use super::sys::module_file::ModuleFile;
use crate::schema::HandledError;

const MOST_FRAMES: usize = 256;
/// The function of the C API that records: it and what it calls are ours, and tell nothing of the product.
const C_CAPTURE: &str = "reporter_capture_error";
/// Between the C function and the product's own frames there are never more of ours.
const MOST_OF_OURS: usize = 24;

/// The frames of process `pid`, innermost first, and the modules that hold one. `None` where none were recorded.
pub(crate) fn stacks(
    handled: &HandledError,
    pid: u32,
    soft_errors: &mut Vec<v1::SoftError>,
) -> Option<(v1::Stacks, v1::Modules)> {
    if handled.frames.is_empty() {
        return None;
    }
    let modules = LoadedModules::of_process(pid).unwrap_or_else(|error| {
        soft_errors.push(soft_error("modules", &error));
        LoadedModules::default()
    });
    let (mut frames, modules) = place(&handled.frames[..handled.frames.len().min(MOST_FRAMES)], &modules, soft_errors);
    if let Some(ours) = frames.iter().take(MOST_OF_OURS).position(|frame| frame.symbol == C_CAPTURE) {
        frames.drain(..=ours);
    }
    let truncated = handled.frames.len() > MOST_FRAMES;
    let (id, name) = (handled.thread_id, handled.thread_name.clone());
    let threads = vec![v1::Thread { id, name, faulting: true, frames, truncated }];
    Some((v1::Stacks { threads }, modules))
}

fn place(
    addresses: &[u64],
    loaded: &LoadedModules,
    soft_errors: &mut Vec<v1::SoftError>,
) -> (Vec<v1::Frame>, v1::Modules) {
    // Callers: the call is what precedes the return address, which can be the next function's start.
    let holder = |address: u64| address.checked_sub(1).and_then(|call| loaded.find(call));
    let mut used: Vec<usize> = addresses.iter().filter_map(|address| holder(*address)).collect();
    used.sort_unstable();
    used.dedup();
    let frame = |&instruction: &u64| {
        let module = holder(instruction);
        v1::Frame {
            instruction,
            module: module.and_then(|index| u32::try_from(used.binary_search(&index).ok()?).ok()),
            module_offset: module.map_or(0, |index| instruction - loaded.all[index].range.start),
            trust: v1::FrameTrust::Recorded.into(),
            ..Default::default()
        }
    };
    let mut frames: Vec<_> = addresses.iter().map(frame).collect();
    let mut modules = LoadedModules { all: used.iter().map(|index| loaded.all[*index].clone()).collect() };
    for (index, module) in modules.all.iter_mut().enumerate() {
        let here: Vec<_> = frames.iter_mut().filter(|frame| frame.module == u32::try_from(index).ok()).collect();
        let named = ModuleFile::identify(&module.path).and_then(|(file, identity)| {
            module.identity = identity;
            // Each frame's call, as an address that the file states.
            let stated = file.first_address()?;
            let calls: Vec<_> = here.iter().map(|frame| stated.wrapping_add(frame.module_offset - 1)).collect();
            file.symbols(&calls)
        });
        match named {
            Ok(symbols) => {
                for (frame, symbol) in here.into_iter().zip(symbols) {
                    if let Some(symbol) = symbol {
                        frame.symbol_offset = symbol.offset + 1;
                        frame.symbol = symbol.name;
                    }
                }
            }
            Err(error) => {
                // By its place among the modules of the report: its path is of the category *memory*, and soft errors are in every report.
                let mut note = soft_error("modules", &error);
                note.message = format!("module {index}: {}", note.message);
                soft_errors.push(note);
            }
        }
    }
    (frames, modules.to_report())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[unsafe(no_mangle)]
    #[inline(never)]
    extern "C" fn reporter_test_recorded_function() {
        std::hint::black_box(1);
    }

    /// A function of a library of the system's, and that library's name.
    #[cfg(target_os = "linux")]
    fn of_the_system() -> (u64, &'static str) {
        (libc::getpid as *const () as u64, "libc")
    }

    #[cfg(windows)]
    fn of_the_system() -> (u64, &'static str) {
        use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleA, GetProcAddress};
        // SAFETY: the name ends in a zero.
        let library = unsafe { GetModuleHandleA(c"kernel32.dll".as_ptr().cast()) };
        // SAFETY: of a library that is never unloaded; the name ends in a zero.
        let function = unsafe { GetProcAddress(library, c"GetTickCount64".as_ptr().cast()) };
        (function.unwrap() as *const () as u64, "kernel")
    }

    #[test]
    fn an_address_is_placed_and_named_and_nonsense_stays_bare() {
        let function = reporter_test_recorded_function as *const () as u64;
        let (systems, library) = of_the_system();
        let frames = vec![function + 1, 0, 0x10, systems + 1, function + 1];
        let handled = HandledError { frames, thread_id: 5, ..Default::default() };
        let mut soft_errors = Vec::new();
        let (stacks, modules) = stacks(&handled, std::process::id(), &mut soft_errors).unwrap();
        let frames = &stacks.threads[0].frames;
        assert_eq!((frames[0].symbol.as_str(), frames[0].symbol_offset), ("reporter_test_recorded_function", 1));
        assert_eq!(frames[0].module, frames[4].module);
        let module = &modules.modules[frames[0].module.unwrap() as usize];
        assert_eq!(module.start + frames[0].module_offset, function + 1);
        assert!(!module.build_id.is_empty() && module.size > frames[0].module_offset, "{module:?}");
        assert_eq!((frames[1].module, frames[2].module), (None, None));
        assert!(
            modules.modules[frames[3].module.unwrap() as usize].path.to_lowercase().contains(library),
            "{modules:?}"
        );
        assert_eq!((modules.modules.len(), soft_errors), (2, vec![]), "only what is in use");
        assert!(frames.iter().all(|frame| frame.trust() == v1::FrameTrust::Recorded));
    }

    #[test]
    fn a_process_that_is_gone_leaves_bare_addresses_and_a_word_on_it() {
        let handled = HandledError { frames: vec![0x1234], ..Default::default() };
        let mut soft_errors = Vec::new();
        let (stacks, modules) = stacks(&handled, u32::MAX, &mut soft_errors).unwrap();
        assert_eq!((stacks.threads[0].frames[0].instruction, modules.modules.len()), (0x1234, 0));
        assert_eq!(soft_errors.len(), 1);
    }
}

//! The library as the loader sees it: what is in the file, what comes with it into a process, and what stays when it is closed.
// Not on Windows: it reads an ELF library and is run by a host compiled here. reporter.dll: windows_crash_matrix/library.rs.
#![cfg(target_os = "linux")]

#[path = "../../reporter-sdk/tests/support/end_to_end/mod.rs"]
mod end_to_end;
#[path = "support/host.rs"]
mod host;
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use host::{Ended, Host};
use object::{
    Object, ObjectSection, ObjectSymbol,
    elf::{
        DF_1_NODELETE, DF_TEXTREL, DT_FLAGS, DT_FLAGS_1, DT_TEXTREL, PF_W, PF_X, PT_GNU_RELRO, PT_GNU_STACK, PT_LOAD,
    },
    read::elf::{Dyn, ElfFile64, ProgramHeader},
};
use support::{Link, compile, library, package};

type Elf<'data> = ElfFile64<'data>;

fn shared_object() -> PathBuf {
    library().join("libreporter.so")
}

/// Tags and values of the dynamic section.
fn dynamic(elf: &Elf<'_>, data: &[u8]) -> Vec<(u32, u64)> {
    let endian = elf.endian();
    let entries = elf.elf_program_headers().iter().find_map(|header| header.dynamic(endian, data).expect("readable"));
    let value = |entry: &object::elf::Dyn64<_>| (u32::try_from(entry.d_tag(endian)).unwrap_or(0), entry.d_val(endian));
    entries.expect("a shared library has it").iter().map(value).collect()
}

#[test]
fn its_code_is_shared_by_all_processes_and_nothing_is_writable_and_executable() {
    let data = fs::read(shared_object()).expect("the library");
    let elf = Elf::parse(&*data).expect("an ELF file");
    let endian = elf.endian();
    // Relocations in code would have the loader write to it: a copy in each process, and refused where memory is either written to or run.
    let dynamic = dynamic(&elf, &data);
    assert!(!dynamic.iter().any(|(tag, _)| *tag == DT_TEXTREL), "{dynamic:x?}");
    assert!(!dynamic.iter().any(|(tag, value)| *tag == DT_FLAGS && value & u64::from(DF_TEXTREL) != 0), "{dynamic:x?}");
    let of_kind = |kind: u32| elf.elf_program_headers().iter().filter(move |header| header.p_type(endian) == kind);
    let is_both = |flags: u32| flags & (PF_W | PF_X) == PF_W | PF_X;
    assert!(of_kind(PT_LOAD).count() > 1 && of_kind(PT_LOAD).all(|header| !is_both(header.p_flags(endian))));
    let stacks: Vec<_> = of_kind(PT_GNU_STACK).map(|header| header.p_flags(endian) & PF_X).collect();
    assert_eq!(stacks, [0], "without that note, or with it so, all stacks of the host become executable");
    assert_eq!(of_kind(PT_GNU_RELRO).count(), 1, "the loader's tables are read-only once they are filled");
}

/// By which a panic at the boundary becomes a status instead of the product's end; `ffi.rs` has the test of that.
#[test]
fn a_panic_in_it_unwinds() {
    let data = fs::read(shared_object()).expect("the library");
    let elf = Elf::parse(&*data).expect("an ELF file");
    // Where panics abort nothing refers to it.
    let raise = elf.dynamic_symbols().find(|symbol| symbol.name() == Ok("_Unwind_RaiseException"));
    assert!(raise.is_some_and(|symbol| symbol.is_undefined()), "taken from the compiler's own library, as C++ does");
    assert!(
        elf.section_by_name(".eh_frame").is_some_and(|section| section.size() > 0),
        "and its frames can be unwound"
    );
}

/// What a host has counted.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Counted {
    threads: u64,
    files: u64,
    handlers: u64,
    stack: u64,
    mappings: u64,
    heap: u64,
}

impl Counted {
    /// What it has said of this moment.
    fn of(ended: &Ended, when: &str) -> Self {
        let line = ended.said.lines().find_map(|line| line.strip_prefix(when)?.strip_prefix(": "));
        let line = line.unwrap_or_else(|| panic!("no {when} in: {}", ended.said));
        let words: Vec<_> = line.split(' ').collect();
        let number = |name: &str| {
            let at = words.iter().position(|word| *word == name).expect("as loads.c says it");
            words[at + 1].parse().expect("a number")
        };
        Self {
            threads: number("threads"),
            files: number("files"),
            handlers: number("handlers"),
            stack: number("stack"),
            mappings: number("mappings"),
            heap: number("heap"),
        }
    }
}

/// Has a host open and close this library.
fn loads(library: &Path, arguments: &[&str]) -> Ended {
    let host = Host::new();
    let program = compile(&package().join("tests/c/loads.c"), Link::Dynamic, &host.path(""));
    let ended = host.run(Command::new(program).arg(library).args(arguments));
    assert!(ended.status.success(), "{}: {}", ended.status, ended.said);
    ended
}

/// What may differ after a thousand rounds: not one byte for each of them.
const ROUNDS: u64 = 1000;

#[test]
fn opened_and_called_it_starts_no_thread_opens_no_file_and_takes_no_signal() {
    let ended = loads(&shared_object(), &["1"]);
    let (before, open) = (Counted::of(&ended, "before"), Counted::of(&ended, "open"));
    let visible = |counted: Counted| (counted.threads, counted.files, counted.handlers, counted.stack);
    assert_eq!(visible(before), (1, before.files, 0, 0));
    assert_eq!(visible(open), visible(before));
}

/// It stays in the process: see build.rs for why.
#[test]
fn opened_and_closed_a_thousand_times_it_is_loaded_once_and_leaves_nothing() {
    let ended = loads(&shared_object(), &[&ROUNDS.to_string()]);
    let (warm, last) = (Counted::of(&ended, "warm"), Counted::of(&ended, "last"));
    ended.says("mapped: 1");
    assert_eq!(Counted { heap: 0, ..last }, Counted { heap: 0, ..warm });
    assert!(last.heap < warm.heap + ROUNDS * 8, "{warm:?} {last:?}");
}

/// The mark that keeps it is the linker's; without it each round loads the library anew, and what that would leave behind is ours.
#[test]
fn loaded_and_unloaded_a_thousand_times_it_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut data = fs::read(shared_object()).expect("the library");
    let elf = Elf::parse(&*data).expect("an ELF file");
    let flags = dynamic(&elf, &data).into_iter().find(|(tag, _)| *tag == DT_FLAGS_1).expect("flags").1;
    let entry = |flags: u64| [u64::from(DT_FLAGS_1).to_ne_bytes(), flags.to_ne_bytes()].concat();
    let at = memchr::memmem::find(&data, &entry(flags)).expect("its entry");
    data[at..at + 16].copy_from_slice(&entry(flags & !u64::from(DF_1_NODELETE)));
    let unmarked = folder.path().join("unmarked.so");
    fs::write(&unmarked, data).expect("a new file");

    let ended = loads(&unmarked, &[&ROUNDS.to_string()]);
    let (warm, last) = (Counted::of(&ended, "warm"), Counted::of(&ended, "last"));
    ended.says("mapped: 0");
    assert_eq!(Counted { heap: 0, ..last }, Counted { heap: 0, ..warm });
    assert!(last.heap < warm.heap + ROUNDS * 8, "{warm:?} {last:?}");
}

#[test]
fn started_and_ended_again_and_again_it_leaves_what_others_may_still_be_looking_at_and_no_more() {
    let ended = loads(&shared_object(), &["30", "starts"]);
    let (before, warm, last) =
        (Counted::of(&ended, "before"), Counted::of(&ended, "warm"), Counted::of(&ended, "last"));
    assert_eq!((last.threads, last.handlers), (before.threads, before.handlers));
    assert_eq!(last.stack, warm.stack, "that of the main thread stays");
    // For each start: its two sockets, the memory that it shares with the handler, and some kilobytes beside it. A thread in the middle of a call, or a
    // signal handler, may hold them at any time, and nobody counts them.
    let starts = 30 - 6;
    assert!(last.files <= warm.files + 2 * starts, "{warm:?} {last:?}");
    assert!(last.mappings <= warm.mappings + starts, "{warm:?} {last:?}");
    assert!(last.heap < warm.heap + 6_000 * starts, "{warm:?} {last:?}");
}

//! `reporter.dll` as the loader sees it: what is in the file, and what stays when it is freed.

use std::collections::BTreeSet;

use object::{
    Object,
    pe::{
        IMAGE_DIRECTORY_ENTRY_BASERELOC, IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE, IMAGE_DLLCHARACTERISTICS_NX_COMPAT,
        IMAGE_SCN_MEM_EXECUTE, IMAGE_SCN_MEM_WRITE, ImageNtHeaders32, ImageNtHeaders64,
    },
    read::pe::{ImageNtHeaders, ImageOptionalHeader, PeFile},
};

use crate::shared::{library, loads};

#[test]
fn it_exports_the_functions_of_the_header_alone() {
    let data = library();
    let exports = object::File::parse(&*data).expect("a PE file").exports().expect("readable");
    let exported: BTreeSet<_> = exports.iter().map(|export| String::from_utf8_lossy(export.name())).collect();
    let ours = [include_str!("../../symbols.txt"), include_str!("../../symbols-windows.txt")];
    let ours: BTreeSet<_> = ours.iter().flat_map(|names| names.lines()).map(Into::into).collect();
    assert_eq!(exported, ours);
}

/// Anywhere in the address space, and no code in what can be written.
fn check_headers<Headers: ImageNtHeaders>(data: &[u8]) {
    let file = PeFile::<Headers>::parse(data).expect("a PE file");
    let characteristics = file.nt_headers().optional_header().dll_characteristics();
    for flag in [IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE, IMAGE_DLLCHARACTERISTICS_NX_COMPAT] {
        assert_ne!(characteristics & flag, 0, "{characteristics:#x} has not {flag:#x}");
    }
    // Without them it could be loaded at one address only, whatever that flag says.
    let relocations = file.data_directories().get(IMAGE_DIRECTORY_ENTRY_BASERELOC).expect("relocations");
    assert!(relocations.size.get(object::LittleEndian) > 0);
    for section in file.section_table().iter() {
        let flags = section.characteristics.get(object::LittleEndian);
        let is_both = flags & IMAGE_SCN_MEM_WRITE != 0 && flags & IMAGE_SCN_MEM_EXECUTE != 0;
        assert!(!is_both, "{:?} is writable and executable", String::from_utf8_lossy(&section.name));
    }
}

#[test]
fn it_is_loaded_anywhere_and_nothing_in_it_is_writable_and_executable() {
    let data = library();
    if object::File::parse(&*data).expect("a PE file").is_64() {
        check_headers::<ImageNtHeaders64>(&data);
    } else {
        check_headers::<ImageNtHeaders32>(&data);
    }
}

/// A number that the host counted at this moment.
fn counted(said: &str, when: &str, what: &str) -> u64 {
    let line = said.lines().find_map(|line| line.strip_prefix(when)).unwrap_or_else(|| panic!("no {when} in {said:?}"));
    let mut words = line.split(' ').skip_while(|word| *word != what).skip(1);
    words.next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no {what} in {line:?}"))
}

/// Nothing of it is there, or it is there once: called, it stays. See `stay` in ffi.rs for why.
#[test]
fn loaded_and_freed_a_thousand_times_it_leaves_nothing_and_called_it_is_loaded_once() {
    let said = loads();
    for (phase, stays) in [("", 0), ("called-", 1)] {
        let at = |when: &str, what: &str| counted(&said, &format!("{phase}{when} "), what);
        assert!(said.lines().any(|line| line == format!("{phase}loaded {stays}")), "{said}");
        // Not under Wine: handles: it (8.0) does not count them.
        assert_eq!(at("last", "threads"), counted(&said, "before ", "threads"), "{said}");
        // Not a page for each of them: pages are what is counted.
        let grown = at("last", "memory").saturating_sub(at("warm", "memory"));
        assert!(grown < 1000 * 256, "{grown} bytes: {said}");
    }
}

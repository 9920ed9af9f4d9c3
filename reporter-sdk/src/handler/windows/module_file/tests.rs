use super::*;

fn this_program() -> ModuleFile {
    let path = std::env::current_exe().unwrap();
    let error = ModuleFile::open(&path, &[1, 2, 3]).err().expect("a wrong build id is refused");
    assert!(matches!(error, PeError::BuildId), "{error}");
    let (_, identity) = ModuleFile::identify(&path).unwrap();
    ModuleFile::open(&path, &identity.build_id).unwrap()
}

/// Where a function of this program is in its image.
fn rva(function: *const ()) -> u64 {
    // SAFETY: without a name it is this program.
    let base = unsafe { windows_sys::Win32::System::LibraryLoader::GetModuleHandleW(std::ptr::null()) };
    function as u64 - base as u64
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn reporter_test_named_function() {
    std::hint::black_box(1);
}

#[test]
fn a_program_has_tables_and_symbols() {
    let file = this_program();
    let tables = file.tables().unwrap();
    assert!(!tables.is_empty() && tables.size() > 1000 && tables.first_address == 0);
    let function = rva(reporter_test_named_function as *const ());
    let symbols = file.symbols(&[u64::MAX, function + 1, 0]).unwrap();
    let expected = Symbol { name: "reporter_test_named_function".into(), offset: 1 };
    assert_eq!(symbols, [None, Some(expected), None]);
    assert!(file.has_code(function, &[]) && !file.has_code(u64::MAX, &[1]));
}

#[test]
fn what_is_no_module_on_a_drive_is_refused() {
    for path in ["\\\\192.0.2.1\\share\\x.dll", "\\\\.\\pipe\\x", "\\\\?\\UNC\\server\\x\\y.dll", "x.dll", "C:x.dll"] {
        assert!(matches!(ModuleFile::open(Path::new(path), &[]), Err(PeError::Kind)), "{path}");
    }
    assert!(matches!(ModuleFile::open(Path::new("C:\\none.dll"), &[]), Err(PeError::Io(_))));
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    std::fs::write(&text, [b'x'; 4096]).unwrap();
    assert!(matches!(ModuleFile::open(&text, &[]), Err(PeError::Format(_))));
}

#[test]
fn a_debug_record_names_no_folder() {
    let identity = pdb_identity(&[7; 16], 0x0102, "C:\\Users\\anna\\build\\ledger.pdb");
    assert_eq!((identity.build_id.len(), identity.debug_file.as_str()), (20, "ledger.pdb"));
    assert_eq!(identity.build_id[16..], [2, 1, 0, 0]);
}

/// A small library of the system's.
fn library() -> &'static [u8] {
    static LIBRARY: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    LIBRARY.get_or_init(|| std::fs::read("C:\\windows\\system32\\version.dll").unwrap())
}

fn look_at(bytes: &[u8]) {
    let mut file = tempfile::tempfile().unwrap();
    io::Write::write_all(&mut file, bytes).unwrap();
    let file = ModuleFile { cache: ReadCache::new(file) };
    let _ = (file.identity().is_ok(), file.symbols(&[0x1000, 0x2000, u64::MAX]).is_ok());
    if let Ok(tables) = file.tables() {
        super::tables::unwind_everywhere(tables);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]
    #[test]
    fn damaged_files_are_errors_not_panics(
        near in proptest::collection::vec((0usize..1024, proptest::prelude::any::<u8>()), 0..6),
        far in proptest::collection::vec((proptest::prelude::any::<usize>(), proptest::prelude::any::<u8>()), 0..400),
        cut in proptest::option::of(proptest::prelude::any::<usize>()),
    ) {
        let mut bytes = library().to_vec();
        for (at, value) in near.into_iter().chain(far) {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut % bytes.len());
        }
        look_at(&bytes);
    }
}

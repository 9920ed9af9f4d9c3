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

#[test]
fn functions_that_lead_in_a_circle_or_out_of_the_code_are_left_out() {
    // At 0x2000: chained to 0x2000 itself; at 0x2010: without codes; at 0x2018: chained to it.
    let mut codes = vec![0; 0x40];
    codes[0] = 1 | 4 << 3;
    codes[12..16].copy_from_slice(&0x2000u32.to_le_bytes());
    codes[0x10] = 1;
    codes[0x18] = 1 | 4 << 3;
    codes[0x24..0x28].copy_from_slice(&0x2010u32.to_le_bytes());
    let part = |start: u32, bytes: Vec<u8>| Some(Part { range: start..start + bytes.len() as u32, bytes });
    let tables = Tables { codes: [part(0x2000, codes), None], text: part(0x1000, vec![0; 0x100]), ..Tables::default() };
    let function = |start, end, codes| Function { start, end, codes };
    let functions = vec![
        function(0x1040, 0x1050, 0x2018),
        function(0x1000, 0x1010, 0x2010),
        function(0x1010, 0x1020, 0x2000),
        function(0x1020, 0x1101, 0x2010),
        function(0x1030, 0x1030, 0x2010),
        function(0x1030, 0x1031, 0x203f),
    ];
    let kept: Vec<_> =
        tables.checked(functions).as_chunks().0.iter().map(Function::of).map(|function| function.start).collect();
    assert_eq!(kept, [0x1000, 0x1040]);
}

/// A small library of the system's.
fn library() -> &'static [u8] {
    static LIBRARY: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    LIBRARY.get_or_init(|| std::fs::read("C:\\windows\\system32\\version.dll").unwrap())
}

fn look_at(bytes: &[u8]) {
    use framehop::{FrameAddress, Module, UnwindRegsNative, Unwinder as _, UnwinderNative};
    let mut file = tempfile::tempfile().unwrap();
    io::Write::write_all(&mut file, bytes).unwrap();
    let file = ModuleFile { cache: ReadCache::new(file) };
    let _ = (file.identity().is_ok(), file.symbols(&[0x1000, 0x2000, u64::MAX]).is_ok());
    let Ok(tables) = file.tables() else { return };
    let starts: Vec<_> = tables.functions.as_chunks().0.iter().map(Function::of).take(64).collect();
    let mut unwinder = UnwinderNative::<Vec<u8>, framehop::MayAllocateDuringUnwind>::new();
    unwinder.add_module(Module::new("x".into(), 0x10_0000..0x1010_0000, 0x10_0000, tables.into_sections()));
    let mut cache = framehop::CacheNative::<framehop::MayAllocateDuringUnwind>::default();
    for function in starts {
        for at in [function.start, function.end - 1] {
            let mut registers = UnwindRegsNative::new(0, 0x7000, 0x7100);
            let address = FrameAddress::from_instruction_pointer(0x10_0000 + u64::from(at));
            let _ = unwinder.unwind_frame(address, &mut registers, &mut cache, &mut |address| Ok(address));
        }
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

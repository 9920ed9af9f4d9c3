use super::super::{Claim, Directory};
use super::*;

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Example Software").join("Büro").join("Reports");
    (folder, path)
}

fn is_owner_only(path: &Path) -> bool {
    Access::of_path(path).unwrap().is_for(&[&places::user().unwrap(), SYSTEM, ADMINISTRATORS])
}

#[test]
fn a_path_becomes_one_without_a_limit() {
    for (path, long) in [
        (r"C:\Users\Zoë/x", r"\\?\C:\Users\Zoë\x"),
        (r"\\server\home$\anna", r"\\?\UNC\server\home$\anna"),
        (r"\\?\C:\x", r"\\?\C:\x"),
    ] {
        assert_eq!(verbatim(Path::new(path)).unwrap(), Path::new(long), "{path}");
    }
}

#[test]
fn a_path_can_be_longer_than_260_characters() {
    let (_folder, path) = place();
    let deep = (0..8).fold(path, |path, _| path.join("ein recht langer Name für einen Ordner"));
    assert!(deep.as_os_str().len() > 300);
    let directory = Directory::create(&deep).unwrap();
    directory.write("choice", b"one").unwrap();
    directory.write("choice", b"two").unwrap();
    assert_eq!(directory.size("choice").unwrap(), 3);
}

#[test]
fn a_folder_and_what_is_in_it_are_for_their_owner_alone() {
    let (_folder, path) = place();
    let directory = Directory::create(&path).unwrap().below("new").unwrap();
    directory.write("x", b"secret").unwrap();
    // Not under Wine: that a file has its folder's access list. There a new file inherits none, and others can read it as the Unix umask says.
    let names: &[_] = if crate::wine::is_wine() { &["", "new"] } else { &["", "new", "new/x"] };
    for name in names {
        assert!(is_owner_only(&path.join(name)), "{name}: {:?}", Access::of_path(&path.join(name)));
    }
}

#[test]
fn a_folder_that_others_can_write_is_refused_and_one_that_they_can_read_is_closed_to_them() {
    let (_folder, path) = place();
    drop(Directory::create(&path).unwrap());
    let allow = |path: &Path, others: &str| {
        let text = format!("D:P(A;OICI;FA;;;{})(A;OICI;FA;;;SY){others}", places::user().unwrap());
        let folder = shared(READ_CONTROL | WRITE_DAC).open(path).unwrap();
        security::Descriptor::of_text(&text).unwrap().protect(&folder).unwrap();
    };
    allow(&path, "(A;OICI;0x1200a9;;;WD)");
    assert!(!is_owner_only(&path));
    drop(Directory::create(&path).unwrap());
    assert!(is_owner_only(&path));
    for open in [path.as_path(), path.parent().unwrap()] {
        allow(open, "(A;OICI;FA;;;WD)");
        let refused = Directory::create(&path).unwrap_err();
        assert!(matches!(refused, SpoolError::Unsafe { .. }), "{refused}");
        allow(open, "");
    }
    Directory::create(&path).unwrap();
}

#[test]
fn a_lock_holds_against_this_process_too_and_keeps_nobody_from_reading() {
    let (_folder, path) = place();
    let directory = Directory::create(&path).unwrap();
    directory.write("x", b"read me").unwrap();
    let Claim::Ours(held) = directory.claim("x").unwrap() else { panic!("nobody has it") };
    assert!(matches!(directory.claim("x").unwrap(), Claim::Busy));
    assert_eq!(fs::read(path.join("x")).unwrap(), b"read me");
    drop(held);
    assert!(matches!(directory.claim("x").unwrap(), Claim::Ours(_)));
}

#[test]
fn what_is_open_can_be_replaced_and_removed_and_its_name_is_free_at_once() {
    let (_folder, path) = place();
    let directory = Directory::create(&path).unwrap();
    directory.write("x", b"old").unwrap();
    let Claim::Ours(old) = directory.claim("x").unwrap() else { panic!("nobody has it") };
    directory.write("x", b"newer").unwrap();
    assert!(!directory.is_named(&old, "x").unwrap());
    assert_eq!(directory.size("x").unwrap(), 5);
    let Claim::Ours(newer) = directory.claim("x").unwrap() else { panic!("another file") };
    directory.remove("x").unwrap();
    assert!(!directory.has("x").unwrap());
    directory.write("x", b"third").unwrap();
    directory.sweep_temporaries().unwrap();
    drop((old, newer));
    directory.sweep_temporaries().unwrap();
    assert_eq!(directory.all_names().unwrap(), ["x"]);
}

#[test]
fn a_file_without_a_name_is_nobody_elses_and_gone_once_it_is_closed() {
    let (_folder, path) = place();
    let directory = Directory::create(&path).unwrap();
    let file = directory.nameless().unwrap();
    file.set_len(1 << 20).unwrap();
    let names = directory.all_names().unwrap();
    let [name] = &names[..] else { panic!("{names:?}") };
    assert!(matches!(directory.claim(name).unwrap(), Claim::Busy));
    directory.sweep_temporaries().unwrap();
    drop(file);
    assert_eq!(directory.all_names().unwrap(), [] as [String; 0]);
}

#[test]
fn a_full_disk_is_told_apart() {
    use windows_sys::Win32::Foundation::{ERROR_DISK_FULL, ERROR_HANDLE_DISK_FULL};
    for code in [ERROR_DISK_FULL, ERROR_HANDLE_DISK_FULL] {
        let full = failed("write", Path::new("x"), io::Error::from_raw_os_error(code.cast_signed()));
        assert!(full.is_disk_full(), "{full}");
    }
}
